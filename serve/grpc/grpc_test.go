package grpc

import (
	"context"
	"encoding/binary"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/serve"
	"github.com/onehot-go/onehot/serve/grpc/inference"
)

// start serves a small net over cleartext HTTP/2 and returns a client of it, and where it is.
func start(t *testing.T, o serve.Options) (s *serve.Server, client *http.Client, address string) {
	t.Helper()
	o.Models = []serve.Model{{Name: "digits", Load: func(context.Context) (*model.Model, error) {
		return model.New(model.MLP([]int{1, 2, 2}, []int{4}, []string{"a", "b"}), random.New(1))
	}}}
	s, err := serve.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	Mount(s)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	h := &http.Server{Handler: s.Handler(), Protocols: protocols}
	go h.Serve(l)
	only := new(http.Protocols)
	only.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: only}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		h.Close()
		s.Close()
	})
	return s, &http.Client{Transport: transport}, "http://" + l.Addr().String()
}

// call calls a method over gRPC.
func call[Request, Response any](t *testing.T, client *http.Client, address, method string, r *Request) (*Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	response, err := connect.NewClient[Request, Response](client, address+"/"+service+"/"+method, connect.WithGRPC()).CallUnary(ctx, connect.NewRequest(r))
	if err != nil {
		return nil, err
	}
	return response.Msg, nil
}

func TestMethods(t *testing.T) {
	s, client, address := start(t, serve.Options{Version: "v1"})
	live, err := call[inference.ServerLiveRequest, inference.ServerLiveResponse](t, client, address, "ServerLive", &inference.ServerLiveRequest{})
	if err != nil || !live.Live {
		t.Errorf("live: %v, %v", live, err)
	}
	ready := func() bool {
		r, err := call[inference.ServerReadyRequest, inference.ServerReadyResponse](t, client, address, "ServerReady", &inference.ServerReadyRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return r.Ready
	}
	if !ready() {
		t.Error("not ready")
	}
	server, err := call[inference.ServerMetadataRequest, inference.ServerMetadataResponse](t, client, address, "ServerMetadata", &inference.ServerMetadataRequest{})
	if err != nil || server.Name != "onehot" || server.Version != "v1" || len(server.Extensions) == 0 {
		t.Errorf("metadata: %v, %v", server, err)
	}
	m, err := call[inference.ModelMetadataRequest, inference.ModelMetadataResponse](t, client, address, "ModelMetadata", &inference.ModelMetadataRequest{Name: "digits"})
	if err != nil || m.Name != "digits" || len(m.Inputs) != 2 || m.Inputs[0].Datatype != "UINT8" || len(m.Outputs) != 3 || len(m.Versions) != 1 {
		t.Errorf("metadata of the model: %v, %v", m, err)
	}
	for version, want := range map[string]connect.Code{"": 0, m.Versions[0]: 0, "1": connect.CodeNotFound} {
		r, err := call[inference.ModelReadyRequest, inference.ModelReadyResponse](t, client, address, "ModelReady", &inference.ModelReadyRequest{Name: "digits", Version: version})
		if want != 0 && connect.CodeOf(err) != want || want == 0 && (err != nil || !r.Ready) {
			t.Errorf("version %q: %v, %v", version, r, err)
		}
	}
	health := grpchealth.NewClient(client, address, connect.WithGRPC())
	for name, want := range map[string]grpchealth.Status{"": grpchealth.StatusServing, service: grpchealth.StatusServing, "digits": grpchealth.StatusServing} {
		r, err := health.Check(t.Context(), &grpchealth.CheckRequest{Service: name})
		if err != nil || r.Status != want {
			t.Errorf("health of %q: %v, %v", name, r, err)
		}
	}
	if _, err := health.Check(t.Context(), &grpchealth.CheckRequest{Service: "nobody"}); connect.CodeOf(err) != connect.CodeNotFound {
		t.Errorf("health of nobody: %v", err)
	}
	s.Drain()
	if ready() {
		t.Error("ready while it drains")
	}
	if r, err := health.Check(t.Context(), &grpchealth.CheckRequest{}); err != nil || r.Status != grpchealth.StatusNotServing {
		t.Errorf("health while it drains: %v, %v", r, err)
	}
}

// TestInfer sends a picture raw, as typed numbers of both kinds, and has the answer in the same way.
func TestInfer(t *testing.T) {
	s, client, address := start(t, serve.Options{})
	pixels := []byte{0, 51, 102, 255}
	want, err := s.Infer(t.Context(), &serve.Request{Model: "digits", Inputs: []serve.Tensor{{Name: "input", Datatype: "UINT8", Shape: []int{1, 1, 2, 2}, Raw: pixels}}, Outputs: []string{"probabilities", "class"}})
	if err != nil {
		t.Fatal(err)
	}
	type input = inference.ModelInferRequest_InferInputTensor
	shape := []int64{1, 1, 2, 2}
	floats := &inference.InferTensorContents{}
	uints := &inference.InferTensorContents{}
	for _, v := range pixels {
		uints.UintContents = append(uints.UintContents, uint32(v))
		floats.Fp32Contents = append(floats.Fp32Contents, float32(v)/255)
	}
	for name, r := range map[string]*inference.ModelInferRequest{
		"raw":    {Inputs: []*input{{Name: "input", Datatype: "UINT8", Shape: shape}}, RawInputContents: [][]byte{pixels}},
		"uints":  {Inputs: []*input{{Name: "input", Datatype: "UINT8", Shape: shape, Contents: uints}}},
		"floats": {Inputs: []*input{{Name: "input", Datatype: "FP32", Shape: shape, Contents: floats}}},
	} {
		r.ModelName, r.Id = "digits", "9"
		r.Outputs = []*inference.ModelInferRequest_InferRequestedOutputTensor{{Name: "probabilities"}, {Name: "class"}}
		got, err := call[inference.ModelInferRequest, inference.ModelInferResponse](t, client, address, "ModelInfer", r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Id != "9" || got.ModelVersion != want.Version || len(got.Outputs) != 2 {
			t.Errorf("%s: got %v", name, got)
		}
		if name == "raw" {
			for i, v := range want.Outputs[0].Numbers {
				if bits := binary.LittleEndian.Uint32(got.RawOutputContents[0][4*i:]); bits != math.Float32bits(v) {
					t.Errorf("class %d: got the bits %x, want %v", i, bits, v)
				}
			}
			if string(got.RawOutputContents[1]) != "\x01\x00\x00\x00"+string(want.Outputs[1].Strings[0]) {
				t.Errorf("got the class %q", got.RawOutputContents[1])
			}
			continue
		}
		if c := got.Outputs[0].Contents.Fp32Contents; len(c) != 2 || c[0] != want.Outputs[0].Numbers[0] || c[1] != want.Outputs[0].Numbers[1] {
			t.Errorf("%s: got %v, want %v", name, c, want.Outputs[0].Numbers)
		}
	}
}

func TestBadRequests(t *testing.T) {
	_, client, address := start(t, serve.Options{MaxBody: 1000})
	type input = inference.ModelInferRequest_InferInputTensor
	for name, c := range map[string]struct {
		r    *inference.ModelInferRequest
		code connect.Code
		says string
	}{
		"no model":   {&inference.ModelInferRequest{ModelName: "x"}, connect.CodeNotFound, `found no model "x"`},
		"no input":   {&inference.ModelInferRequest{ModelName: "digits"}, connect.CodeInvalidArgument, "inputs: found 0"},
		"null input": {&inference.ModelInferRequest{ModelName: "digits", Inputs: []*input{{}}}, connect.CodeInvalidArgument, "inputs: found 1"},
		"a shape": {&inference.ModelInferRequest{ModelName: "digits", Inputs: []*input{{Name: "input", Datatype: "UINT8", Shape: []int64{1 << 62, 1, 2, 2}}}},
			connect.CodeResourceExhausted, "at most 1024 expected"},
		"a negative shape": {&inference.ModelInferRequest{ModelName: "digits", Inputs: []*input{{Name: "input", Datatype: "UINT8", Shape: []int64{math.MinInt64}}}},
			connect.CodeInvalidArgument, "at least one sample expected"},
		"too few": {&inference.ModelInferRequest{ModelName: "digits", Inputs: []*input{{Name: "input", Datatype: "UINT8", Shape: []int64{1, 1, 2, 2}}}, RawInputContents: [][]byte{{1}}},
			connect.CodeInvalidArgument, "found 1 bytes, 4 expected"},
		"two contents": {&inference.ModelInferRequest{ModelName: "digits", RawInputContents: [][]byte{{1}, {2}}},
			connect.CodeInvalidArgument, "as many elements as inputs"},
		"too large": {&inference.ModelInferRequest{ModelName: "digits", Id: strings.Repeat("x", 2000)}, connect.CodeResourceExhausted, "at most"},
	} {
		_, err := call[inference.ModelInferRequest, inference.ModelInferResponse](t, client, address, "ModelInfer", c.r)
		if err == nil || connect.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %v and %q", name, err, c.code, c.says)
		}
	}
}

// TestNoBombs sends what is small and would become large: fields without end, and compressed zeros.
func TestNoBombs(t *testing.T) {
	_, client, address := start(t, serve.Options{})
	many := &inference.ModelInferRequest{ModelName: "digits"}
	for range maxFields {
		many.Inputs = append(many.Inputs, &inference.ModelInferRequest_InferInputTensor{})
	}
	deep := &inference.ModelInferRequest{ModelName: "digits", Inputs: []*inference.ModelInferRequest_InferInputTensor{{Contents: &inference.InferTensorContents{BytesContents: make([][]byte, maxFields)}}}}
	for _, r := range []*inference.ModelInferRequest{many, deep} {
		_, err := call[inference.ModelInferRequest, inference.ModelInferResponse](t, client, address, "ModelInfer", r)
		if connect.CodeOf(err) != connect.CodeInvalidArgument || !strings.Contains(err.Error(), "fields, at most that expected") {
			t.Errorf("got %.300v", err)
		}
	}
	zeros := &inference.ModelInferRequest{ModelName: "digits", RawInputContents: [][]byte{make([]byte, 1<<20)}}
	_, err := connect.NewClient[inference.ModelInferRequest, inference.ModelInferResponse](client, address+"/"+service+"/ModelInfer", connect.WithGRPC(), connect.WithSendGzip()).
		CallUnary(t.Context(), connect.NewRequest(zeros))
	if connect.CodeOf(err) != connect.CodeUnimplemented {
		t.Errorf("compressed: %v", err)
	}
	response, err := client.Post(address+"/"+service+"/ServerLive", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("JSON: status %d", response.StatusCode)
	}
}

// FuzzFields counts fields of anything.
func FuzzFields(f *testing.F) {
	f.Add([]byte{0x2a, 2, 0x2a, 0, 0x0a, 1, 'm', 0x20, 5})
	f.Fuzz(func(t *testing.T, b []byte) {
		if n := countFields(b, inputs, 100); n > len(b) || n > 101 {
			t.Errorf("%d fields in %d bytes", n, len(b))
		}
	})
}
