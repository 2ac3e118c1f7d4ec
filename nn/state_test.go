package nn_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

func TestStateDict(t *testing.T) {
	net := nested()
	var names []string
	params := nn.ParameterList(net)
	for name, v := range nn.StateDict(net) {
		if v.RequiresGrad() || v == params[len(names)] {
			t.Errorf("%s is the parameter itself: gradients would flow", name)
		}
		v.FillInPlace(float64(len(names)))
		names = append(names, name)
	}
	if want := []string{"body.0.weight", "body.0.bias", "head.weight", "head.bias"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
	for i, p := range params {
		if p.Ne(tensor.Scalar(float64(i))).Sum().Item() != 0 {
			t.Errorf("%s does not share the parameter's memory: got %v, want %d", names[i], p, i)
		}
	}
	for range nn.StateDict(net) { // a loop may end early
		break
	}
}

func TestLoadStateDict(t *testing.T) {
	source, target := nested(), nested()
	for _, p := range source.Parameters() {
		p.NormalInPlace(rng(), 0, 1)
	}
	before := nn.ParameterList(target)
	state := maps.Collect(nn.StateDict(source))
	missing, unexpected, err := nn.LoadStateDict(target, state, true)
	if missing != nil || unexpected != nil || err != nil {
		t.Fatalf("got %v, %v, %v", missing, unexpected, err)
	}
	for name, p := range target.Parameters() {
		if p.Ne(state[name]).Sum().Item() != 0 {
			t.Errorf("%s: got %v, want %v", name, p, state[name])
		}
		if p == state[name] || !p.RequiresGrad() {
			t.Errorf("%s is not the net's own, or needs no gradients", name)
		}
	}
	if !slices.Equal(nn.ParameterList(target), before) {
		t.Error("the parameters are other tensors: an optimizer would lose them")
	}
	// Parameters themselves may be given too.
	if _, _, err := nn.LoadStateDict(target, maps.Collect(source.Parameters()), true); err != nil {
		t.Error(err)
	}
}

// A state that is not strict loads what has a place, and says what has none.
func TestLoadStateDictInPart(t *testing.T) {
	net := nested()
	for _, p := range nn.StateDict(net) {
		p.FillInPlace(7)
	}
	missing, unexpected, err := nn.LoadStateDict(net, map[string]*tensor.Tensor{
		"head.bias":     tensor.Full(tensor.Float32, 3, 2),
		"tail.weight":   tensor.Scalar(1.0),
		"body.0.weight": tensor.Full(tensor.Float32, 5, 3, 4),
		"extra":         nil,
	}, false)
	if want := []string{"body.0.bias", "head.weight"}; !slices.Equal(missing, want) {
		t.Errorf("got missing %v, want %v", missing, want)
	}
	if want := []string{"extra", "tail.weight"}; !slices.Equal(unexpected, want) {
		t.Errorf("got unexpected %v, want %v", unexpected, want)
	}
	if err != nil {
		t.Error(err)
	}
	for name, p := range nn.StateDict(net) {
		want := map[string]float64{"head.bias": 3, "body.0.weight": 5, "body.0.bias": 7, "head.weight": 7}[name]
		if p.Ne(tensor.Scalar(want)).Sum().Item() != 0 {
			t.Errorf("%s: got %v, want %v", name, p, want)
		}
	}
}

func TestLoadStateDictErrors(t *testing.T) {
	const mismatched = "body.0.weight: float32 (3, 4) expected, got int64 (3, 4); " +
		"head.weight: float32 (2, 3) expected, got float32 (3, 2)"
	several := func(s map[string]*tensor.Tensor) {
		delete(s, "body.0.bias")
		s["body.0.b"] = tensor.Scalar(1.0)
		s["body.0.weight"] = tensor.Zeros(tensor.Int64, 3, 4)
		s["head.weight"] = tensor.Zeros(tensor.Float32, 3, 2)
	}
	for _, c := range []struct {
		change func(state map[string]*tensor.Tensor)
		strict bool
		want   string
	}{
		{func(s map[string]*tensor.Tensor) { delete(s, "head.bias") }, true, "missing head.bias"},
		{func(s map[string]*tensor.Tensor) { clear(s) }, true, "missing body.0.weight, body.0.bias, head.weight, head.bias"},
		{func(s map[string]*tensor.Tensor) { s["tail"], s["extra"] = s["head.bias"], s["head.bias"] }, true, "unexpected extra, tail"},
		{func(s map[string]*tensor.Tensor) { s["head.bias"] = tensor.Zeros(tensor.Float32, 2, 1) }, true,
			"head.bias: float32 (2) expected, got float32 (2, 1)"},
		{func(s map[string]*tensor.Tensor) { s["head.weight"] = tensor.Scalar(1.0) }, false,
			"head.weight: float32 (2, 3) expected, got float64 ()"},
		{several, true, "missing body.0.bias; unexpected body.0.b; " + mismatched},
		{several, false, mismatched}, // what is missing is no fault then
	} {
		net := nested()
		state := maps.Collect(nested().Parameters())
		for _, p := range nn.StateDict(net) {
			p.FillInPlace(7)
		}
		c.change(state)
		missing, unexpected, err := nn.LoadStateDict(net, state, c.strict)
		var wrong *nn.StateError
		if !errors.As(err, &wrong) || err.Error() != c.want {
			t.Errorf("strict %v:\ngot  %v\nwant %v", c.strict, err, c.want)
		} else if c.strict && (!slices.Equal(missing, wrong.Missing) || !slices.Equal(unexpected, wrong.Unexpected)) {
			t.Errorf("%v: got missing %v and unexpected %v", err, missing, unexpected)
		}
		for name, p := range nn.StateDict(net) {
			if p.Ne(tensor.Scalar(7.0)).Sum().Item() != 0 {
				t.Errorf("%v: %s was changed", err, name)
			}
		}
	}
}
