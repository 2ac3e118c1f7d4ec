package nn

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"

	"github.com/onehot-go/onehot/tensor"
)

// PHM is a dense layer, (..., in) to (..., out), that has about 1/n of Linear's
// parameters (Zhang et al., "Beyond Fully-Connected Layers with Quaternions:
// Parameterization of Hypercomplex Multiplications with 1/n Parameters", 2021). Its
// weight is a sum of n Kronecker products:
//
//	y = x·Wᵀ + b, W = A₁⊗S₁ + ... + Aₙ⊗Sₙ
//
// The A, n×n, are a rule of multiplication that is learnt, and the S, out/n×in/n, the
// numbers that it multiplies by: n = 2 can become the product of complex numbers, and
// n = 4 that of quaternions. It has n³ + in·out/n + out parameters.
type PHM struct {
	A    *tensor.Tensor // (n, n, n): A[i] is Aᵢ₊₁
	S    *tensor.Tensor // (n, out/n, in/n)
	Bias *tensor.Tensor // (out)
}

// NewPHM returns a PHM layer of float32 parameters, drawn from r; n divides in and out.
// S and the bias are uniform within ±1/√in as Linear's parameters are, and A within
// ±√(3/n): its variance is 1/n, so that W starts with the variance of Linear's weight.
func NewPHM(n, in, out int, r *rand.Rand) *PHM {
	if n < 1 || in < 1 || out < 1 || in%n != 0 || out%n != 0 {
		panic(&tensor.ShapeError{Op: "nn.NewPHM", Detail: fmt.Sprintf("%d inputs and %d outputs with n = %d: multiples of n, at least 1, expected", in, out, n)})
	}
	bound := 1 / math.Sqrt(float64(in))
	return &PHM{
		A:    parameter(r, math.Sqrt(3/float64(n)), n, n, n),
		S:    parameter(r, bound, n, out/n, in/n),
		Bias: parameter(r, bound, out),
	}
}

// Weight returns W, (out, in), as it is made from the parameters.
func (l *PHM) Weight() *tensor.Tensor {
	n, rows, cols := l.S.Size(0), l.S.Size(1), l.S.Size(2)
	// A[i][a][c]·S[i][b][d], summed over i, is element (a, b) of the outputs and (c, d) of
	// the inputs: one matrix product, with a, c on one side and b, d on the other.
	product := l.A.Reshape(n, n*n).Transpose(0, 1).MatMul(l.S.Reshape(n, rows*cols))
	return product.Reshape(n, n, rows, cols).Permute(0, 2, 1, 3).Reshape(n*rows, n*cols)
}

// Forward returns x·Wᵀ + b for x of shape (..., in).
func (l *PHM) Forward(x *tensor.Tensor) *tensor.Tensor {
	w := l.Weight()
	checkLinear("nn.PHM", x, w)
	return x.Linear(w, l.Bias)
}

// Parameters yields "A", "S" and "bias".
func (l *PHM) Parameters() iter.Seq2[string, *tensor.Tensor] {
	return func(yield func(string, *tensor.Tensor) bool) {
		_ = yield("A", l.A) && yield("S", l.S) && yield("bias", l.Bias)
	}
}
