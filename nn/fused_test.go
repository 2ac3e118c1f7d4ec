package nn_test

import (
	"strings"
	"testing"

	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// TestFusedLayers holds that a Sequential gives what its layers give one by one, in values,
// gradients and running statistics, where it has one pass for several. Gradients may be made
// of sums in another order, which are rounded in float64, and that of a bias that a mean takes
// out again has no roundings.
func TestFusedLayers(t *testing.T) {
	poisoned(t)
	conv := func() nn.Module {
		return nn.NewConv2d(3, 3, [2]int{3, 3}, tensor.Conv2dOptions{Padding: [2]int{1, 1}}, rng())
	}
	for name, layers := range map[string]func() []nn.Module{
		"conv, norm": func() []nn.Module {
			return []nn.Module{conv(), nn.NewBatchNorm2d(3), nn.MaxPool2d{Pool2dOptions: window}}
		},
		"conv, norm, relu":       func() []nn.Module { return []nn.Module{conv(), nn.NewBatchNorm2d(3), nn.ReLU{}} },
		"conv, norm, relu, pool": func() []nn.Module { return []nn.Module{conv(), nn.NewBatchNorm2d(3), nn.ReLU{}, nn.NewMaxPool2d(2)} },
		"conv, relu, pool":       func() []nn.Module { return []nn.Module{conv(), nn.ReLU{}, nn.NewMaxPool2d(2)} },
		"conv, relu":             func() []nn.Module { return []nn.Module{conv(), nn.ReLU{}} },
		"norm, relu":             func() []nn.Module { return []nn.Module{nn.NewBatchNorm2d(3), nn.ReLU{}} },
		"norm, relu, pool":       func() []nn.Module { return []nn.Module{nn.NewBatchNorm2d(3), nn.ReLU{}, nn.NewMaxPool2d(2)} },
		"relu, pool":             func() []nn.Module { return []nn.Module{nn.ReLU{}, nn.NewMaxPool2d(2)} },
		"relu, relu, pool":       func() []nn.Module { return []nn.Module{nn.ReLU{}, nn.ReLU{}, nn.MaxPool2d{Pool2dOptions: window}} },
		"norm, relu, 3": func() []nn.Module {
			return []nn.Module{nn.NewBatchNorm2d(3), nn.ReLU{}, nn.MaxPool2d{Pool2dOptions: window}}
		},
		"linear, relu": func() []nn.Module {
			return []nn.Module{nn.NewLinear(5, 4, rng()), nn.ReLU{}, nn.NewLinearNoBias(4, 3, rng()), nn.ReLU{}, nn.ReLU{}}
		},
		"linear, linear": func() []nn.Module { return []nn.Module{nn.NewLinear(5, 4, rng()), nn.NewLinear(4, 3, rng())} },
		"norm, pool":     func() []nn.Module { return []nn.Module{nn.NewBatchNorm2d(3), nn.NewMaxPool2d(2), nn.ReLU{}} },
	} {
		for _, training := range []bool{true, false} {
			fused, apart := nn.NewSequential(layers()...), nn.NewSequential(layers()...)
			nn.SetTraining(fused, training)
			nn.SetTraining(apart, training)
			x := tensor.Normal(tensor.Float32, rng(), 0.5, 2, 60, 3, 6, 5).SetRequiresGrad(true)
			z := x.Detach().Clone().SetRequiresGrad(true)
			y := fused.Forward(x)
			want := z
			for _, l := range apart.Layers() {
				want = l.Forward(want)
			}
			seed := tensor.Normal(tensor.Float32, rng(), 0, 1, y.Shape()...)
			y.Backward(seed)
			want.Backward(seed)
			same := func(what string, got, want *tensor.Tensor) {
				if got.Ne(want).Any().Item() != 0 {
					t.Errorf("%s, training %t: %s differs: got %v, want %v", name, training, what, got, want)
				}
			}
			near := func(what string, got, want *tensor.Tensor) {
				if off := got.Sub(want).Abs().Max().Item(); !(off <= 1e-6*want.Abs().Max().Item()) {
					t.Errorf("%s, training %t: %s is off by %v: got %v, want %v", name, training, what, off, got, want)
				}
			}
			same("output", y, want)
			near("gradient", x.Grad(), z.Grad())
			params := nn.ParameterList(apart)
			for i, p := range nn.ParameterList(fused) {
				if want := params[i].Grad(); training && strings.HasPrefix(name, "conv, norm") && i == 1 { // the filters' bias
					same("gradient of a bias that the mean takes out", p.Grad(), tensor.Zeros(want.DType(), want.Shape()...))
					if size, all := want.Abs().Max().Item(), params[0].Grad().Abs().Max().Item(); !(size <= 1e-6*all) {
						t.Errorf("%s: gradient of a bias that the mean takes out is %v by its layers", name, want)
					}
					continue
				}
				near("gradient of a parameter", p.Grad(), params[i].Grad())
			}
			for path, v := range nn.StateDict(fused) {
				for other, w := range nn.StateDict(apart) {
					if other == path {
						same(path, v, w)
					}
				}
			}
		}
	}
}
