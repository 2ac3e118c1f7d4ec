// Package grpc adds gRPC to a serve.Server: the Open Inference Protocol's GRPCInferenceService and
// grpc.health.v1.Health. They answer on the port of everything else, to gRPC-Web and Connect too.
// gRPC needs HTTP/2, which an http.Server speaks without TLS if its Protocols say so.
package grpc

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"

	"github.com/onehot-go/onehot/serve"
	"github.com/onehot-go/onehot/serve/grpc/inference"
)

const service = "inference.GRPCInferenceService"

// Mount makes s answer gRPC. It is called before s.Handler serves.
func Mount(s *serve.Server) {
	h := handlers{s}
	mount(s, "ServerLive", h.serverLive)
	mount(s, "ServerReady", h.serverReady)
	mount(s, "ModelReady", h.modelReady)
	mount(s, "ServerMetadata", h.serverMetadata)
	mount(s, "ModelMetadata", h.modelMetadata)
	mount(s, "ModelInfer", h.modelInfer)
	s.Handle(grpchealth.NewHandler(h, connect.WithReadMaxBytes(s.MaxBody()), uncompressed))
}

// mount makes s answer a method of the service.
func mount[Request, Response any](s *serve.Server, method string, answer func(context.Context, *Request) (*Response, error)) {
	name := "/" + service + "/" + method
	h := connect.NewUnaryHandler(name, func(ctx context.Context, r *connect.Request[Request]) (*connect.Response[Response], error) {
		response, err := answer(ctx, r.Msg)
		if err != nil {
			return nil, status(err)
		}
		return connect.NewResponse(response), nil
	}, connect.WithReadMaxBytes(s.MaxBody()), connect.WithCodec(codec{}), uncompressed)
	s.Handle(name, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Content-Type"), "json") { // Connect's form of messages
			http.Error(w, "application/grpc or application/proto expected: JSON is answered at /v2", http.StatusUnsupportedMediaType)
			return
		}
		r.Body = body{r.Body}
		h.ServeHTTP(w, r)
	}))
}

// uncompressed makes handlers neither take nor give what is compressed: a little of it may become much.
var uncompressed = connect.WithCompression("gzip", nil, nil)

// body is a request's body, whose errors are gRPC's.
type body struct{ io.ReadCloser }

func (b body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if _, ok := errors.AsType[*serve.Error](err); ok {
		err = status(err)
	}
	return n, err
}

// codes are gRPC's for statuses of HTTP. Others are those of requests that have no answer.
var codes = map[int]connect.Code{
	http.StatusNotFound:              connect.CodeNotFound,
	http.StatusRequestEntityTooLarge: connect.CodeResourceExhausted,
	http.StatusInternalServerError:   connect.CodeInternal,
	http.StatusServiceUnavailable:    connect.CodeUnavailable,
	http.StatusGatewayTimeout:        connect.CodeDeadlineExceeded,
	serve.StatusClosed:               connect.CodeCanceled,
}

// status returns err as gRPC says it.
func status(err error) error {
	code := connect.CodeInvalidArgument
	if e, ok := errors.AsType[*serve.Error](err); ok && codes[e.Status] != 0 {
		code = codes[e.Status]
	}
	return connect.NewError(code, err)
}

// handlers answer the methods of both services.
type handlers struct{ *serve.Server }

// Check says whether a service, a model or, without a name, the server is ready.
func (h handlers) Check(_ context.Context, r *grpchealth.CheckRequest) (*grpchealth.CheckResponse, error) {
	ready := h.Ready()
	if r.Service != "" && r.Service != service {
		if _, err := h.Metadata(r.Service, ""); err != nil {
			return nil, status(err)
		}
	}
	if !ready {
		return &grpchealth.CheckResponse{Status: grpchealth.StatusNotServing}, nil
	}
	return &grpchealth.CheckResponse{Status: grpchealth.StatusServing}, nil
}

func (h handlers) serverLive(context.Context, *inference.ServerLiveRequest) (*inference.ServerLiveResponse, error) {
	return &inference.ServerLiveResponse{Live: true}, nil
}

func (h handlers) serverReady(context.Context, *inference.ServerReadyRequest) (*inference.ServerReadyResponse, error) {
	return &inference.ServerReadyResponse{Ready: h.Ready()}, nil
}

func (h handlers) modelReady(_ context.Context, r *inference.ModelReadyRequest) (*inference.ModelReadyResponse, error) {
	_, err := h.Metadata(r.Name, r.Version)
	if e, ok := errors.AsType[*serve.Error](err); ok && e.Status == http.StatusServiceUnavailable {
		return &inference.ModelReadyResponse{}, nil
	}
	return &inference.ModelReadyResponse{Ready: true}, err
}

func (h handlers) serverMetadata(context.Context, *inference.ServerMetadataRequest) (*inference.ServerMetadataResponse, error) {
	return &inference.ServerMetadataResponse{Name: serve.Name, Version: h.Version(), Extensions: serve.Extensions}, nil
}

func (h handlers) modelMetadata(_ context.Context, r *inference.ModelMetadataRequest) (*inference.ModelMetadataResponse, error) {
	m, err := h.Metadata(r.Name, r.Version)
	if err != nil {
		return nil, err
	}
	tensors := func(all []serve.TensorMetadata) (made []*inference.ModelMetadataResponse_TensorMetadata) {
		for _, t := range all {
			made = append(made, &inference.ModelMetadataResponse_TensorMetadata{Name: t.Name, Datatype: t.Datatype, Shape: shape64(t.Shape)})
		}
		return made
	}
	return &inference.ModelMetadataResponse{
		Name: m.Name, Versions: m.Versions, Platform: m.Platform, Inputs: tensors(m.Inputs), Outputs: tensors(m.Outputs),
	}, nil
}

// modelInfer answers as the request says its data: raw, or in typed contents.
func (h handlers) modelInfer(ctx context.Context, r *inference.ModelInferRequest) (*inference.ModelInferResponse, error) {
	raw := len(r.RawInputContents) > 0
	if raw && len(r.RawInputContents) != len(r.Inputs) {
		return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("raw_input_contents: as many elements as inputs expected"))
	}
	request := &serve.Request{Model: r.ModelName, Version: r.ModelVersion}
	for i, in := range r.Inputs {
		t := serve.Tensor{Name: in.Name, Datatype: in.Datatype}
		for _, n := range in.Shape {
			t.Shape = append(t.Shape, int(min(max(n, -1), math.MaxInt32)))
		}
		if raw {
			if in.Contents != nil {
				return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("inputs: contents and raw_input_contents found, one of them expected"))
			}
			if t.Raw = r.RawInputContents[i]; t.Raw == nil {
				t.Raw = []byte{}
			}
		} else if c := in.Contents; c != nil {
			t.Strings, t.Numbers = c.BytesContents, c.Fp32Contents
			for _, v := range c.UintContents {
				t.Numbers = append(t.Numbers, float32(v))
			}
			for _, v := range c.Fp64Contents {
				t.Strings = append(t.Strings, strconv.AppendFloat(nil, v, 'g', -1, 64))
			}
			for _, v := range c.Int64Contents {
				t.Strings = append(t.Strings, strconv.AppendInt(nil, v, 10))
			}
			for _, v := range c.IntContents {
				t.Strings = append(t.Strings, strconv.AppendInt(nil, int64(v), 10))
			}
			for _, v := range c.BoolContents {
				t.Strings = append(t.Strings, strconv.AppendBool(nil, v))
			}
		}
		request.Inputs = append(request.Inputs, t)
	}
	for _, out := range r.Outputs {
		request.Outputs = append(request.Outputs, out.GetName())
	}
	answer, err := h.Infer(ctx, request)
	if err != nil {
		return nil, err
	}
	response := &inference.ModelInferResponse{ModelName: answer.Model, ModelVersion: answer.Version, Id: r.Id}
	for i := range answer.Outputs {
		t := &answer.Outputs[i]
		out := &inference.ModelInferResponse_InferOutputTensor{Name: t.Name, Datatype: t.Datatype, Shape: shape64(t.Shape)}
		if raw {
			response.RawOutputContents = append(response.RawOutputContents, t.AppendRaw(nil))
		} else {
			out.Contents = &inference.InferTensorContents{Fp32Contents: t.Numbers, BytesContents: t.Strings}
		}
		response.Outputs = append(response.Outputs, out)
	}
	return response, nil
}

func shape64(shape []int) (made []int64) {
	for _, n := range shape {
		made = append(made, int64(n))
	}
	return made
}
