package nn_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// gainCase is what torch.nn.init.calculate_gain returns.
type gainCase struct {
	Nonlinearity string
	Slope, Gain  float64
}

func TestGain(t *testing.T) {
	cases := loadReferences(t).Gains
	for _, c := range cases {
		for _, m := range map[string][]nn.Module{
			"linear":     {nn.Identity{}, nn.NewLinear(1, 1, rng())},
			"sigmoid":    {nn.Sigmoid{}},
			"tanh":       {nn.Tanh{}},
			"relu":       {nn.ReLU{}, nn.Named("relu", nn.ReLU{})},
			"leaky_relu": {nn.LeakyReLU{Slope: c.Slope}},
		}[c.Nonlinearity] {
			if got := nn.Gain(m); got != c.Gain {
				t.Errorf("%T %v: got %v, want %v", m, c.Slope, got, c.Gain)
			}
		}
	}
	if len(cases) != 7 {
		t.Errorf("%d references", len(cases))
	}
}

// initCase is what a function of torch.nn.init draws from: the bound of a uniform
// distribution around 0, or the deviation of a normal one.
type initCase struct {
	Init, Mode string
	Shape      []int
	Gain       float64
	Drawn      float64
}

// constant is a source of chance that has none.
type constant uint64

func (c constant) Uint64() uint64 { return uint64(c) }

func TestInitialisationBounds(t *testing.T) {
	file := loadReferences(t)
	if len(file.Inits) != 5*(2*2+2*2*3) {
		t.Errorf("%d references", len(file.Inits))
	}
	const source = constant(12345 << 32)
	deviate := rand.New(source).NormFloat64()
	for _, c := range file.Inits {
		w := tensor.Zeros(tensor.Float64, c.Shape...)
		fan := map[string]nn.Fan{"fan_in": nn.FanIn, "fan_out": nn.FanOut}[c.Mode]
		var got float64
		switch c.Init {
		case "xavier_uniform_":
			nn.XavierUniform(w, rand.New(constant(0)), c.Gain)
			got = -w.Min().Item()
		case "xavier_normal_":
			nn.XavierNormal(w, rand.New(source), c.Gain)
			got = w.Max().Item() / deviate
		case "kaiming_uniform_":
			nn.KaimingUniform(w, rand.New(constant(0)), fan, c.Gain)
			got = -w.Min().Item()
		case "kaiming_normal_":
			nn.KaimingNormal(w, rand.New(source), fan, c.Gain)
			got = w.Max().Item() / deviate
		}
		if math.Abs(got-c.Drawn) > 1e-15*c.Drawn {
			t.Errorf("%s of %v, %s, gain %v: got %v, want %v", c.Init, c.Shape, c.Mode, c.Gain, got, c.Drawn)
		}
	}
}

// moments fails unless x has the mean 0 and the deviation of independent draws, and
// within four times its own deviation the fourth moment, by which a uniform distribution
// and a normal one differ: kurtosis is 1.8 or 3.
func moments(t *testing.T, name string, x *tensor.Tensor, std, kurtosis float64) {
	t.Helper()
	n := float64(x.Numel())
	d := x.Detach().To(tensor.Float64).DivScalar(std)
	square := d.Mul(d)
	for _, m := range []struct {
		name                  string
		got, want, moreMoment float64
	}{
		{"mean", d.Mean().Item(), 0, 1},
		{"variance", square.Mean().Item(), 1, kurtosis},
		{"kurtosis", square.Mul(square).Mean().Item(), kurtosis, map[float64]float64{1.8: 9, 3: 105}[kurtosis]},
	} {
		if within := 4 * math.Sqrt((m.moreMoment-m.want*m.want)/n); math.Abs(m.got-m.want) > within {
			t.Errorf("%s: got %s %v of the deviation %v, want %v within %v", name, m.name, m.got, std, m.want, within)
		}
	}
	if least, most := d.Min().Item(), d.Max().Item(); kurtosis == 1.8 {
		// All of n draws miss the outer hundredth of a side with a chance of 0.995^n.
		bound := math.Sqrt(3)
		if edge := bound * (1 + 1e-6); least < -edge || most > edge || least > -0.99*bound || most < 0.99*bound {
			t.Errorf("%s: got values in [%v, %v] deviations, want them to fill ±√3", name, least, most)
		}
	}
}

func TestInitialisationMoments(t *testing.T) {
	const uniform, normal = 1.8, 3.0
	for _, dtype := range []tensor.DType{tensor.Float32, tensor.Float64} {
		for _, c := range []struct {
			name     string
			fill     func(w *tensor.Tensor)
			std      float64
			kurtosis float64
		}{
			{"Xavier", func(w *tensor.Tensor) { nn.XavierUniform(w, rng(), 1) }, math.Sqrt(2.0 / (25 * (16 + 8))), uniform},
			{"Xavier, normal", func(w *tensor.Tensor) { nn.XavierNormal(w, rng(), 2) }, 2 * math.Sqrt(2.0/(25*(16+8))), normal},
			{"Kaiming", func(w *tensor.Tensor) { nn.KaimingUniform(w, rng(), nn.FanIn, nn.Gain(nn.ReLU{})) }, math.Sqrt(2.0 / (25 * 8)), uniform},
			{"Kaiming, normal", func(w *tensor.Tensor) { nn.KaimingNormal(w, rng(), nn.FanOut, 1) }, math.Sqrt(1.0 / (25 * 16)), normal},
			{"uniform", func(w *tensor.Tensor) { w.UniformInPlace(rng(), -3, 3) }, math.Sqrt(3), uniform},
			{"normal", func(w *tensor.Tensor) { w.NormalInPlace(rng(), 0, 0.01) }, 0.01, normal},
		} {
			w := tensor.Zeros(dtype, 16, 8, 5, 5).SetRequiresGrad(true)
			c.fill(w)
			moments(t, fmt.Sprintf("%s, %s", c.name, dtype), w, c.std, c.kurtosis)
			if !w.RequiresGrad() || w.DType() != dtype {
				t.Errorf("%s: the weight is no %s any more, or needs no gradients", c.name, dtype)
			}
			first := tensor.Values[float64](w)
			if c.fill(w); !slices.Equal(tensor.Values[float64](w), first) {
				t.Errorf("%s: the same generator gives other weights", c.name)
			}
		}
	}
}

func TestParametersAtStart(t *testing.T) {
	const bound = 0.1 // 1/√100
	linear, noBias, phm := nn.NewLinear(100, 64, rng()), nn.NewLinearNoBias(100, 64, rng()), nn.NewPHM(5, 100, 60, rng())
	moments(t, "Linear's weight", linear.Weight, bound/math.Sqrt(3), 1.8)
	moments(t, "Linear's bias", nn.NewLinear(100, 5000, rng()).Bias, bound/math.Sqrt(3), 1.8)
	moments(t, "weight without bias", noBias.Weight, bound/math.Sqrt(3), 1.8)
	moments(t, "PHM's A", nn.NewPHM(20, 20, 20, rng()).A, math.Sqrt(1.0/20), 1.8)
	moments(t, "PHM's S", phm.S, bound/math.Sqrt(3), 1.8)
	moments(t, "PHM's bias", nn.NewPHM(2, 100, 5000, rng()).Bias, bound/math.Sqrt(3), 1.8)
	for name, m := range map[string]nn.Module{
		"Linear: weight [64 100], bias [64], ":     linear,
		"Linear: weight [64 100], ":                noBias,
		"PHM: A [5 5 5], S [5 12 20], bias [60], ": phm,
	} {
		got := fmt.Sprintf("%T: ", m)[len("*nn."):]
		for param, p := range m.Parameters() {
			got += fmt.Sprintf("%s %v, ", param, p.Shape())
			if p.DType() != tensor.Float32 || !p.RequiresGrad() {
				t.Errorf("%s's %s is no float32, or needs no gradients", name, param)
			}
		}
		if got != name {
			t.Errorf("got %s, want %s", got, name)
		}
	}
}
