module github.com/onehot-go/onehot

go 1.26.0

require (
	github.com/klauspost/compress v1.20.3 // indirect
	golang.org/x/image v0.47.0 // indirect
)
