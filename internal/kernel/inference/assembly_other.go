//go:build !amd64 && !arm64

package inference

// assemblySets names the sets in assembly of this architecture.
var assemblySets []string

// assembly returns the sets in assembly that this machine can run.
func assembly() []set { return nil }
