package nn_test

import (
	"iter"
	"testing"

	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// residual is a container whose layers are not one after the other.
type residual struct{ inner *nn.Linear }

func (r residual) Forward(x *tensor.Tensor) *tensor.Tensor { return r.inner.Forward(x).Add(x) }

func (r residual) Parameters() iter.Seq2[string, *tensor.Tensor] {
	return func(yield func(string, *tensor.Tensor) bool) {
		for name, p := range r.inner.Parameters() {
			if !yield("inner."+name, p) {
				return
			}
		}
	}
}

func (r residual) Layers() iter.Seq2[string, nn.Module] {
	return func(yield func(string, nn.Module) bool) { yield("inner", r.inner) }
}

func TestSummary(t *testing.T) {
	frozen := nn.NewLinear(3, 3, rng())
	frozen.Weight.SetRequiresGrad(false)
	shared := nn.NewLinear(3, 3, rng())
	wide := nn.NewLinearNoBias(3, 1000, rng())
	wide.Weight = wide.Weight.Detach().To(tensor.Float64).SetRequiresGrad(true)
	for _, c := range []struct {
		net   nn.Module
		shape []int
		want  string
	}{
		{nn.NewSequential(nn.Named("block", residual{frozen}), nn.Named("rows", nn.FlattenDims(0, 1))), []int{2, 5, 3}, "" +
			"layer    type              output     parameters\n" +
			"block    nn_test.residual  (2, 5, 3)          12\n" +
			"rows     Flatten           (10, 3)             0\n" +
			"total                                         12\n" +
			"trained                                        3\n"},
		{nn.NewSequential(shared, shared), []int{1, 3}, "" +
			"layer    type    output  parameters\n" +
			"0        Linear  (1, 3)          12\n" +
			"1        Linear  (1, 3)          12\n" +
			"total                            12\n" +
			"trained                          12\n"},
		{nn.Named("net", wide), []int{0, 3}, "" +
			"layer    type    output     parameters\n" +
			"         Linear  (0, 1000)        3000\n" +
			"total                             3000\n" +
			"trained                           3000\n"},
		{nn.NewSequential(), []int{4}, "" +
			"layer    type  output  parameters\n" +
			"total                           0\n" +
			"trained                         0\n"},
	} {
		if got := nn.Summary(c.net, c.shape...); got != c.want {
			t.Errorf("got\n%swant\n%s", got, c.want)
		}
	}
}

// A summary evaluates the net, and leaves it as it was.
func TestSummaryLeavesModes(t *testing.T) {
	net, all := deep()
	all[1].SetTraining(false)
	nn.Summary(net, 2, 3) // no chance is needed
	for i, want := range []bool{true, false, true} {
		if all[i].Training() != want {
			t.Errorf("layer %d: training is %v", i, !want)
		}
	}
	func() {
		defer func() { recover() }()
		nn.Summary(nn.NewSequential(all[0], nn.NewLinear(4, 5, rng())), 2, 3)
	}()
	if !all[0].Training() {
		t.Error("a summary that panics leaves the net in evaluation")
	}
	wantPanic[*tensor.ShapeError](t, "nn.Linear: shapes (2, 3) and (5, 4): input (..., in) and weight (out, in) expected", func() {
		nn.Summary(nn.NewLinear(4, 5, rng()), 2, 3)
	})
}
