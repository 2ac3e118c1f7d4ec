package nn_test

import (
	"iter"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// TestCloneOfEveryLayer holds that a copy computes the same, has tensors of its own, and leaves
// the original as it is when its own are changed.
func TestCloneOfEveryLayer(t *testing.T) {
	for _, c := range saved {
		net := nn.NewSequential(nn.Named("x", c.layer))
		nn.SetChance(net, random.New(1))
		x := tensor.Uniform(tensor.Float32, rng(), 0, 1, append([]int{3}, c.input...)...)
		want := tensor.Values[float32](net.Forward(x.Evaluation()))
		twin := nn.Clone(net)
		if got := tensor.Values[float32](twin.Forward(x.Evaluation())); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", c.json, got, want)
		}
		specs, err := nn.Describe(net)
		if err == nil {
			err = nn.Verify(twin, specs)
		}
		if err != nil {
			t.Errorf("%s: %v", c.json, err)
		}
		before, _ := layout(net)
		if after, _ := layout(twin); !slices.Equal(after, before) {
			t.Errorf("%s: the copy has %v, want %v", c.json, after, before)
		}
		for _, v := range nn.StateDict(twin) {
			v.FillInPlace(0.5)
		}
		if l, ok := twin.Layer("x").(*nn.BatchNorm2d); ok && l.Momentum != nil {
			*l.Momentum = 5
		}
		if got := tensor.Values[float32](net.Forward(x.Evaluation())); !slices.Equal(got, want) {
			t.Errorf("%s: the original changes with the copy", c.json)
		}
	}
}

// TestCloneKeeps holds that a copy has types, requirements, modes and sharing of the original.
func TestCloneKeeps(t *testing.T) {
	shared := nn.NewLinear(3, 3, rng())
	shared.Bias.SetRequiresGrad(false)
	wide := nn.NewLinear(3, 2, rng())
	wide.Weight = wide.Weight.Detach().To(tensor.Float64).SetRequiresGrad(true)
	wide.Bias = shared.Bias
	still := nn.NewDropout(0.5)
	still.SetTraining(false)
	net := nn.NewSequential(shared, still, nn.Named("b", nn.NewSequential(shared, nn.NewDropout(0.5))), &nn.Residual{Body: nn.Named("again", shared)}, wide)
	shared.Forward(tensor.Ones(tensor.Float32, 2, 3)).Sum().Backward()
	twin := nn.Clone(net)
	first := twin.Layer("0").(*nn.Linear)
	if first == shared || first.Weight == shared.Weight {
		t.Error("the copy shares a layer with the original")
	}
	if twin.Layer("b.0") != first || twin.Layer("3.again") != first || twin.Layer("4").(*nn.Linear).Bias != first.Bias {
		t.Error("what was shared in the original is not in the copy")
	}
	if !first.Weight.RequiresGrad() || first.Bias.RequiresGrad() || first.Weight.Grad() != nil {
		t.Error("the copy requires other gradients, or has some")
	}
	if got := twin.Layer("4").(*nn.Linear).Weight; got.DType() != tensor.Float64 {
		t.Errorf("a weight of float64 became one of %v", got.DType())
	}
	if twin.Layer("1").(*nn.Dropout).Training() || !twin.Layer("b.1").(*nn.Dropout).Training() {
		t.Error("the copy has other modes")
	}
	if n := nn.Clone(nn.Named("a", shared)); nn.NewSequential(n).Layer("a") == nil {
		t.Error("the copy of a named layer has lost its name")
	}
}

// open is a layer of another module with all that is copied field by field.
type open struct {
	nn.Module // nil
	*nn.Linear
	List  []*tensor.Tensor
	ByKey map[string]nn.Module
	Two   [2]*nn.Linear
	Any   any
	Func  func()
	name  string
	none  []int
}

func (o *open) Forward(x *tensor.Tensor) *tensor.Tensor { return o.Linear.Forward(x) }

func (o *open) Parameters() iter.Seq2[string, *tensor.Tensor] { return o.Linear.Parameters() }

// closed is a layer of another module that says itself how it is copied.
type closed struct {
	nn.ReLU
	inner *nn.Linear
	table *tensor.Tensor
}

func (c *closed) CloneWith(by *nn.Copier) nn.Module {
	inner, _ := by.Module(c.inner).(*nn.Linear)
	return &closed{inner: inner, table: by.Tensor(c.table)}
}

func TestCloneOfOthers(t *testing.T) {
	l := nn.NewLinear(2, 2, rng())
	o := &open{Linear: l, List: []*tensor.Tensor{l.Weight, nil}, ByKey: map[string]nn.Module{"l": l, "nil": nil}, Two: [2]*nn.Linear{nil, l}, Any: l, name: "o"}
	twin := nn.Clone(o)
	n := twin.Linear
	if n == l || n.Weight == l.Weight || n.Weight.Ne(l.Weight).Any().Item() != 0 {
		t.Error("the layer is the original's, or has other values")
	}
	if twin.List[0] != n.Weight || twin.List[1] != nil || twin.ByKey["l"] != n || len(twin.ByKey) != 2 || twin.Two[1] != n || twin.Any != n || twin.name != "o" {
		t.Errorf("got %+v", twin)
	}
	c := &closed{inner: l, table: tensor.Scalar(float32(1))}
	net := nn.Clone(nn.NewSequential(c, l))
	got := net.Layer("0").(*closed)
	if got == c || got.table == c.table || got.table.Item() != 1 || got.inner == l || net.Layer("1") != got.inner {
		t.Errorf("got %+v", got)
	}
	if got := nn.Clone(&closed{}); got.inner != nil || got.table != nil {
		t.Errorf("got %+v", got)
	}
	// A type that embeds a layer is copied as what it is.
	if got := nn.Clone(composed{nn.NewSequential(l)}); got.Sequential.Layer("0") == l {
		t.Error("the embedded net is the original's")
	}
	if got := nn.Clone[nn.Module](nil); got != nil {
		t.Errorf("of nil: got %v", got)
	}
}

// TestCloneRefuses holds that nothing is shared in silence.
func TestCloneRefuses(t *testing.T) {
	l := nn.NewLinear(2, 2, rng())
	for want, m := range map[string]nn.Module{
		"nn.Clone: nn_test.residual.inner is a *nn.Linear, which cannot be copied from here: nn.Cloner expected": residual{l},
		"nn.Clone: *nn_test.spy.in is a []*tensor.Tensor, which cannot be copied from here: nn.Cloner expected":  nn.NewSequential(&spy{in: []*tensor.Tensor{l.Weight}}),
		"nn.Clone: *nn_test.open.Func is a func(), which cannot be copied from here: nn.Cloner expected":         &open{Linear: l, Func: func() {}},
		"nn.Clone: *nn_test.open.none is a []int, which cannot be copied from here: nn.Cloner expected":          &open{Linear: l, none: []int{1}},
	} {
		wantPanic[*fault.OptionError](t, want, func() { nn.Clone(m) })
	}
}
