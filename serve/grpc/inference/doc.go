// Package inference has the messages of the gRPC service of the Open Inference Protocol. protoc
// makes them of inference.proto.
package inference

//go:generate sh -c "protoc --plugin=protoc-gen-go=$(go tool -n protoc-gen-go) --go_out=. --go_opt=paths=source_relative inference.proto"
