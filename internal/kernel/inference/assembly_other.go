package inference

// assembly returns the kernels in assembly that this machine can run.
func assembly() []set { return nil }

// assemblySets names all kernels in assembly of this architecture.
var assemblySets []string
