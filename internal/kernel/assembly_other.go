//go:build !amd64 && !arm64

package kernel

// assembly returns the kernels in assembly that this machine can run: none.
func assembly() []implementation { return nil }
