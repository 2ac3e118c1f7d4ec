package nn

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"

	"github.com/onehot-go/onehot/internal/shapes"
	"github.com/onehot-go/onehot/tensor"
)

// none yields nothing: the parameters of a layer that has none.
func none(func(string, *tensor.Tensor) bool) {}

// Linear is y = x·Wᵀ + b: (N, in) to (N, out), or (..., in) to (..., out).
type Linear struct {
	Weight *tensor.Tensor // (out, in)
	Bias   *tensor.Tensor // (out), or nil for none
}

// NewLinear returns a Linear layer of float32 parameters, drawn from r as PyTorch draws
// them: weights and biases uniform within ±1/√in.
func NewLinear(in, out int, r *rand.Rand) *Linear {
	return newLinear("nn.NewLinear", in, out, r, true)
}

// NewLinearNoBias is NewLinear without a bias: y = x·Wᵀ.
func NewLinearNoBias(in, out int, r *rand.Rand) *Linear {
	return newLinear("nn.NewLinearNoBias", in, out, r, false)
}

func newLinear(op string, in, out int, r *rand.Rand, bias bool) *Linear {
	if in < 1 || out < 1 {
		panic(&tensor.ShapeError{Op: op, Detail: fmt.Sprintf("%d inputs and %d outputs: at least 1 of each expected", in, out)})
	}
	bound := 1 / math.Sqrt(float64(in))
	l := &Linear{Weight: parameter(r, bound, out, in)}
	if bias {
		l.Bias = parameter(r, bound, out)
	}
	return l
}

// parameter returns a float32 tensor drawn uniformly within ±bound, to be trained.
func parameter(r *rand.Rand, bound float64, shape ...int) *tensor.Tensor {
	return tensor.Uniform(tensor.Float32, r, -bound, bound, shape...).SetRequiresGrad(true)
}

// Forward returns x·Wᵀ + b for x of shape (..., in).
func (l *Linear) Forward(x *tensor.Tensor) *tensor.Tensor {
	checkLinear("nn.Linear", x, l.Weight)
	return x.Linear(l.Weight, l.Bias)
}

// checkLinear panics unless x is (..., in) for a weight of (out, in).
func checkLinear(op string, x, w *tensor.Tensor) {
	if x.Dim() == 0 || x.Size(-1) != w.Size(1) {
		shapes.Fail(op, "input (..., in) and weight (out, in) expected", x, w)
	}
}

// Parameters yields "weight" and, if there is one, "bias".
func (l *Linear) Parameters() iter.Seq2[string, *tensor.Tensor] {
	return func(yield func(string, *tensor.Tensor) bool) {
		_ = yield("weight", l.Weight) && l.Bias != nil && yield("bias", l.Bias)
	}
}

// Flatten joins dimensions into one. The zero value makes one row of every sample: (N,
// ...) to (N, product of the rest).
type Flatten struct {
	start, end int // less those of the zero value, 1 and -1
}

// FlattenDims returns a Flatten that joins the dimensions from start to end, both
// included, and as in torch.nn.Flatten both may count from the end: Flatten{} is
// FlattenDims(1, -1).
func FlattenDims(start, end int) Flatten { return Flatten{start - 1, end + 1} }

// Forward returns x with the dimensions joined.
func (f Flatten) Forward(x *tensor.Tensor) *tensor.Tensor {
	if f == (Flatten{}) && x.Dim() < 2 {
		shapes.Fail("nn.Flatten", "a batch with at least two dimensions expected", x)
	}
	return x.Flatten(f.start+1, f.end-1)
}

// Parameters yields nothing.
func (Flatten) Parameters() iter.Seq2[string, *tensor.Tensor] { return none }

// Identity returns its input: it stands where a layer was taken out.
type Identity struct{}

// Forward returns x.
func (Identity) Forward(x *tensor.Tensor) *tensor.Tensor { return x }

// Parameters yields nothing.
func (Identity) Parameters() iter.Seq2[string, *tensor.Tensor] { return none }
