package nn_test

import (
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// pair is a module that names its two layers.
type pair struct {
	first *nn.Linear
	drop  *nn.Dropout
}

func twoLayers(r *rand.Rand) *pair { return &pair{nn.NewLinear(2, 2, r), nn.NewDropout(0.5)} }

func (p *pair) Forward(x *tensor.Tensor) *tensor.Tensor { return p.drop.Forward(p.first.Forward(x)) }
func (p *pair) Layers() iter.Seq2[string, nn.Module] {
	return nn.Children(nn.Named("first", p.first), nn.Named("second", p.drop))
}
func (p *pair) Parameters() iter.Seq2[string, *tensor.Tensor] { return nn.ParametersOf(p) }

// keys returns the names that StateDict yields.
func keys(m nn.Module) []string {
	var names []string
	for name := range nn.StateDict(m) {
		names = append(names, name)
	}
	return names
}

func TestChildren(t *testing.T) {
	p := twoLayers(random.New(0).Rand())
	net := nn.NewSequential(nn.Named("pair", p), nn.ReLU{})
	if got, want := keys(net), []string{"pair.first.weight", "pair.first.bias"}; !slices.Equal(got, want) {
		t.Errorf("parameters %q, want %q", got, want)
	}
	nn.SetTraining(net, false)
	if p.drop.Training() {
		t.Error("the dropout stayed in training")
	}
	if got := nn.Get[*nn.Linear](net, "pair.first"); got != p.first {
		t.Errorf("Get returned %v", got)
	}
	if got := nn.Get[nn.Modal](net, "pair.second"); got != p.drop {
		t.Errorf("Get returned %v", got)
	}
	for want, f := range map[string]func(){
		`nn.Get: no layer is named "pairs": one of "pair.first", "pair.second", "pair", "1" expected`: func() { nn.Get[*nn.Linear](net, "pairs") },
		`nn.Get: layer "1" is of type nn.ReLU: *nn.Linear expected`:                                   func() { nn.Get[*nn.Linear](net, "1") },
		`nn.Children: two layers are named "a"`:                                                       func() { nn.Children(nn.Named("a", nn.ReLU{}), nn.Named("a", nn.Tanh{})) },
		`nn.Children: layer 1 is named "a.b": a name without a dot expected`:                          func() { nn.Children(nn.ReLU{}, nn.Named("a.b", nn.Tanh{})) },
	} {
		wantPanic[*fault.OptionError](t, want, f)
	}
}

// base is what the modules of TestForgotten have in common.
type base struct{}

func (base) Forward(x *tensor.Tensor) *tensor.Tensor       { return x }
func (base) Parameters() iter.Seq2[string, *tensor.Tensor] { return nn.Identity{}.Parameters() }

type (
	hidesLinear struct {
		base
		hidden *nn.Linear
	}
	hidesDropout struct {
		base
		Drop nn.Module
	}
	hidesNorm struct {
		base
		norm nn.BatchNorm2d // its methods are the pointer's
	}
	hidesList struct {
		base
		blocks []nn.Module
	}
	hidesMap struct {
		base
		Heads map[string]*nn.Sequential
	}
	hidesParameter struct {
		base
		Scale *tensor.Tensor
	}
	parts        struct{ inner *pair }
	hidesInParts struct {
		base
		parts
	}
	// forwards names its layer's parameters, and what it has needs nothing else.
	forwards struct {
		*nn.Linear
		act    nn.ReLU
		same   nn.Module // the layer again
		last   *tensor.Tensor
		Result *tensor.Tensor
		mask   *tensor.Tensor
		parent *forwards
	}
	// drops has the modes of the layer that it embeds.
	drops struct{ *nn.Dropout }
)

// TestForgotten checks that a module with layers or parameters that it does not name is found
// out, and that no other is.
func TestForgotten(t *testing.T) {
	r := random.New(0).Rand()
	linear := func() *nn.Linear { return nn.NewLinear(2, 2, r) }
	const end = " that neither Layers nor Parameters names: see nn.Children"
	for want, m := range map[string]nn.Module{
		"*nn_test.hidesLinear: its field hidden holds a *tensor.Tensor":       &hidesLinear{hidden: linear()},
		"*nn_test.hidesDropout: its field Drop holds a *nn.Dropout":           &hidesDropout{Drop: nn.NewDropout(0.5)},
		"*nn_test.hidesNorm: its field norm holds a *nn.BatchNorm2d":          &hidesNorm{norm: *nn.NewBatchNorm2d(2)},
		"*nn_test.hidesList: its field blocks holds a *nn.Dropout2d":          &hidesList{blocks: []nn.Module{nn.ReLU{}, nn.Named("a", nn.Tanh{}), nn.Named("b", nn.NewDropout2d(0.5))}},
		"*nn_test.hidesMap: its field Heads holds a *tensor.Tensor":           &hidesMap{Heads: map[string]*nn.Sequential{"a": nn.NewSequential(linear())}},
		"*nn_test.hidesParameter: its field Scale holds a *tensor.Tensor":     &hidesParameter{Scale: tensor.Ones(tensor.Float32, 2).SetRequiresGrad(true)},
		"*nn_test.hidesInParts: its field parts.inner holds a *tensor.Tensor": &hidesInParts{parts: parts{twoLayers(r)}},
	} {
		net := nn.NewSequential(nn.Named("own", m))
		for op, f := range map[string]func(){
			"nn.Apply":         func() { nn.Apply(net, func(string, nn.Module) {}) },
			"nn.SetTraining":   func() { nn.SetTraining(net, false) },
			"nn.StateDict":     func() { keys(net) },
			"nn.ParameterList": func() { nn.ParameterList(net) },
		} {
			wantPanic[*fault.OptionError](t, op+": "+want+end, f)
		}
	}
	x := tensor.Ones(tensor.Float32, 1, 2)
	one := linear()
	f := &forwards{Linear: one, act: nn.ReLU{}, same: nn.Named("again", one), mask: x, last: one.Forward(x), Result: one.Forward(x)}
	f.parent = f
	for _, m := range []nn.Module{f, &drops{nn.NewDropout(0.5)}, &hidesLinear{}, hidesList{}, &hidesDropout{Drop: nn.ReLU{}}} {
		nn.Apply(nn.NewSequential(m), func(string, nn.Module) {})
	}
	if got := strings.Join(keys(f), " "); got != "weight bias" {
		t.Errorf("parameters %s", got)
	}
}
