package tensor_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/onehot-go/onehot/tensor"
)

// TestStableFormulas has numbers at which PyTorch itself has no digits left, or fewer: the
// expected ones follow from the first terms of each function's expansion there.
func TestStableFormulas(t *testing.T) {
	pdf := func(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }
	for _, c := range []struct {
		name    string
		f       func(x *Tensor) *Tensor
		x       float64
		y, grad float64
		within  float64 // relative
	}{
		{"sigmoid of a number whose exponential overflows", (*Tensor).Sigmoid, -740, math.Exp(-740), math.Exp(-740), 0},
		{"sigmoid of a large number", (*Tensor).Sigmoid, 740, 1, 0, 0},
		{"log-sigmoid of a large number", (*Tensor).LogSigmoid, 700, -math.Exp(-700), math.Exp(-700), 1e-15},
		{"log-sigmoid of a small number", (*Tensor).LogSigmoid, -1e300, -1e300, 1, 0},
		{"log-sigmoid at 0", (*Tensor).LogSigmoid, 0, -math.Ln2, 0.5, 0},
		{"log1p of a tiny number", (*Tensor).Log1p, 1e-300, 1e-300, 1, 0},
		{"tanh of a tiny number", (*Tensor).Tanh, -1e-300, -1e-300, 1, 0},
		{"tanh of a large number", (*Tensor).Tanh, 1e300, 1, 0, 0},
		{"erf of a tiny number", (*Tensor).Erf, 1e-300, 2e-300 / math.Sqrt(math.Pi), 2 / math.Sqrt(math.Pi), 1e-15},
		// Mills' ratio: Φ(x) is φ(x)/|x|·(1 - 1/x² + 3/x⁴ - 15/x⁶ + ...) far below 0.
		{"gelu of a number far below 0", (*Tensor).GELU, -30, -pdf(30) * (1 - 1.0/900 + 3.0/810e3 - 15.0/729e6 + 105.0/656.1e9),
			-pdf(30) * (30 - 1.0/30 + 1.0/27e3 - 3.0/24.3e6 + 15.0/21.87e9), 1e-11}, // what the next terms are worth

		{"gelu of a large number", (*Tensor).GELU, 1e300, 1e300, 1, 0},
		{"sqrt of the greatest number", (*Tensor).Sqrt, math.MaxFloat64, math.Sqrt(math.MaxFloat64), 0.5 / math.Sqrt(math.MaxFloat64), 1e-15},
		{"pow of a tiny number", func(x *Tensor) *Tensor { return x.PowScalar(0.5) }, 1e-300, 1e-150, 0.5e150, 1e-15},
	} {
		x := tensor.Scalar(c.x).SetRequiresGrad(true)
		y := c.f(x)
		y.Backward()
		for what, v := range map[string][2]float64{"value": {y.Item(), c.y}, "gradient": {x.Grad().Item(), c.grad}} {
			if got, want := v[0], v[1]; !(math.Abs(got-want) <= c.within*math.Abs(want)) {
				t.Errorf("%s: got %s %v, want %v", c.name, what, got, want)
			}
		}
	}
}

// The same in float32: computed in float64, its whole range is reached.
func TestStableFormulasInFloat32(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func(x *Tensor) *Tensor
		x, y float32
	}{
		{"sigmoid", (*Tensor).Sigmoid, -100, float32(math.Exp(-100))},
		{"sigmoid", (*Tensor).Sigmoid, 1000, 1},
		{"sigmoid", (*Tensor).Sigmoid, -1000, 0},
		{"log-sigmoid", (*Tensor).LogSigmoid, 100, -float32(math.Exp(-100))},
		{"log-sigmoid", (*Tensor).LogSigmoid, -1000, -1000},
		{"log1p", (*Tensor).Log1p, 1e-38, 1e-38},
		{"tanh", (*Tensor).Tanh, 1e-38, 1e-38},
	} {
		if got := c.f(tensor.Scalar(c.x)); got.DType() != tensor.Float32 || tensor.Data[float32](got)[0] != c.y {
			t.Errorf("%s of %v: got %v, want %v", c.name, c.x, got, c.y)
		}
	}
}

func TestAbsOfNegativeZero(t *testing.T) {
	x := tensor.New([]float64{math.Copysign(0, -1), 0}, 2)
	wantValues(t, "1/|x|", tensor.Ones(tensor.Float64, 2).Div(x.Abs()), math.Inf(1), math.Inf(1))
}

// Bounds that no uint8 reaches are none, and do not wrap around.
func TestClampBeyondTheType(t *testing.T) {
	x := tensor.New([]uint8{0, 7, 255}, 3)
	for _, c := range []struct {
		low, high float64
		want      []float64
	}{
		{-5, 300, []float64{0, 7, 255}},
		{math.Inf(-1), 6, []float64{0, 6, 6}},
		{8, math.Inf(1), []float64{8, 8, 255}},
	} {
		y := x.Clamp(c.low, c.high)
		if y.DType() != tensor.Uint8 {
			t.Errorf("clamp to [%v, %v]: got type %s", c.low, c.high, y.DType())
		}
		wantValues(t, "clamp", y, c.want...)
	}
}

// TestFusedAgreesWithComposed holds what the kernels compute on rows that lie side by
// side to what the same operation composes of others on rows that do not.
func TestFusedAgreesWithComposed(t *testing.T) {
	const rows, cols = 37, 29
	r := rand.New(rand.NewPCG(1, 2))
	x, seed := tensor.Normal(tensor.Float32, r, 0, 5, rows, cols), tensor.Normal(tensor.Float32, r, 0, 1, rows, cols)
	for name, op := range map[string]func(x *tensor.Tensor) *tensor.Tensor{
		"log-softmax": func(x *tensor.Tensor) *tensor.Tensor { return x.LogSoftmax(1) },
		"exp":         func(x *tensor.Tensor) *tensor.Tensor { return x.Exp() },
		"relu":        func(x *tensor.Tensor) *tensor.Tensor { return x.ReLU() },
		"sum":         func(x *tensor.Tensor) *tensor.Tensor { return x.SumKeepDim(0).Expand(rows, cols) },
	} {
		run := func(x *tensor.Tensor) (y, grad []float64) {
			x.SetRequiresGrad(true)
			out := op(x)
			out.Backward(seed)
			return tensor.Values[float64](out), tensor.Values[float64](x.Grad())
		}
		y, grad := run(x.Clone())
		composedY, composedGrad := run(x.Transpose(0, 1).Contiguous().Transpose(0, 1))
		for i := range y {
			for _, pair := range [][2]float64{{y[i], composedY[i]}, {grad[i], composedGrad[i]}} {
				if got, want := pair[0], pair[1]; math.Abs(got-want) > 5e-7*math.Max(1, math.Abs(want)) {
					t.Fatalf("%s: element %d: fused %v, composed %v", name, i, got, want)
				}
			}
		}
	}
}
