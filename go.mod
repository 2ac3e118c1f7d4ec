module github.com/onehot-go/onehot

go 1.26.0

require (
	connectrpc.com/connect v1.21.1
	connectrpc.com/grpchealth v1.5.0
	github.com/alecthomas/kong v1.17.0
	github.com/klauspost/compress v1.20.3
	golang.org/x/image v0.47.0
	golang.org/x/sys v0.49.0
	golang.org/x/term v0.47.0
	google.golang.org/protobuf v1.36.12
	pgregory.net/rapid v1.3.0
)

require golang.org/x/text v0.43.0 // indirect

tool google.golang.org/protobuf/cmd/protoc-gen-go
