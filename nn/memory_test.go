package nn_test

import (
	"iter"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/internal/reuse"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// poisoned fills memory that is used again with NaN while the test runs.
func poisoned(t *testing.T) {
	reuse.Poison.Store(true)
	t.Cleanup(func() { reuse.Poison.Store(false) })
}

// spy keeps what passes through it.
type spy struct {
	nn.ReLU // another's method set must not make it one of the package's layers
	in, out []*tensor.Tensor
}

func (s *spy) Forward(x *tensor.Tensor) *tensor.Tensor {
	y := s.ReLU.Forward(x)
	s.in, s.out = append(s.in, x), append(s.out, y)
	return y
}

// kept is a tensor with the values it had when it was kept.
type kept struct {
	what string
	t    *tensor.Tensor
	want []float32
}

// TestKeptTensorsStay trains a net and keeps every tensor that can be had on the way: the
// steps after it must not change one, although they reuse memory.
func TestKeptTensorsStay(t *testing.T) {
	poisoned(t)
	r := random.New(3).Rand()
	watch := &spy{}
	nets := map[string]*nn.Sequential{
		"own layers": nn.NewSequential(nn.Flatten{}, nn.NewLinear(64, 48, r), nn.ReLU{}, nn.Identity{}, nn.NewDropout(0.25),
			nn.NewSequential(nn.NewLinear(48, 32, r), nn.Tanh{}), nn.GELU{}, nn.NewLinear(32, 32, r), nn.Flatten{}),
		"ends in a view":      nn.NewSequential(nn.NewLinear(64, 48, r), nn.Sigmoid{}, nn.Identity{}, nn.Flatten{}),
		"a layer of another":  nn.NewSequential(nn.NewLinear(64, 48, r), watch, nn.NewLinear(48, 32, r)),
		"it within":           nn.NewSequential(nn.NewLinear(64, 64, r), nn.NewSequential(watch, nn.LeakyReLU{}), nn.NewLinear(64, 32, r)),
		"begins with a layer": nn.NewSequential(nn.ReLU{}, nn.ReLU{}, nn.NewLinear(64, 32, r)),
	}
	for name, net := range nets {
		t.Run(name, func(t *testing.T) {
			*watch = spy{}
			var all []kept
			keep := func(what string, x *tensor.Tensor) {
				all = append(all, kept{what, x, tensor.Values[float32](x)})
			}
			for step := range 4 {
				nn.SetChance(net, random.New(1).At(step))
				input := tensor.Normal(tensor.Float32, r, 0, 1, 40, 64)
				logits := net.Forward(input)
				loss := logits.Mul(logits).Mean()
				keep("logits", logits)
				keep("part of logits", logits.Narrow(0, 3, 30))
				keep("loss", loss)
				keep("evaluated", net.Forward(input.NoGrad()))
				seen := len(watch.in)
				if seed := tensor.Full(tensor.Float32, 1, logits.Shape()...); step%2 == 1 {
					logits.Backward(seed)
					keep("seed", seed)
				} else {
					loss.Backward()
				}
				for i := range seen {
					keep("seen", watch.in[i])
					keep("given", watch.out[i])
				}
				*watch = spy{}
				for _, p := range nn.ParameterList(net) {
					keep("gradient", p.Grad().Clone())
					p.ZeroGrad()
				}
				keep("input", input)
			}
			for _, k := range all {
				if got := tensor.Values[float32](k.t); !slices.Equal(got, k.want) {
					t.Errorf("%s changed", k.what)
				}
				if slices.ContainsFunc(k.want, func(v float32) bool { return v != v }) {
					t.Errorf("%s was computed from memory that was given away", k.what)
				}
			}
		})
	}
}

// composed is a Sequential that declares nothing.
type composed struct{ *nn.Sequential }

func (c composed) Forward(x *tensor.Tensor) *tensor.Tensor {
	for _, l := range c.Layers() {
		x = l.Forward(x)
	}
	return x
}

func (c composed) Parameters() iter.Seq2[string, *tensor.Tensor] { return c.Sequential.Parameters() }

// TestReuseChangesNoBit compares gradients with those of the same layers called one by one.
func TestReuseChangesNoBit(t *testing.T) {
	poisoned(t)
	r := random.New(3).Rand()
	net := nn.NewSequential(nn.NewLinear(64, 48, r), nn.ReLU{}, nn.NewDropout(0.25), nn.NewLinear(48, 40, r), nn.GELU{},
		nn.Identity{}, nn.NewLinear(40, 32, r), nn.LeakyReLU{}, nn.Sigmoid{}, nn.Tanh{})
	for step := range 3 {
		input := tensor.Normal(tensor.Float32, r, 0, 1, 50, 64)
		nn.SetChance(net, random.New(1).At(step))
		var results [2][][]float32
		for i, m := range []nn.Module{net, composed{net}} {
			y := m.Forward(input)
			y.Add(y.Mul(y)).Mean().Backward() // y is used twice: gradients add up
			results[i] = append(results[i], tensor.Values[float32](y))
			for _, p := range nn.ParameterList(net) {
				results[i] = append(results[i], tensor.Values[float32](p.Grad()))
				p.ZeroGrad()
			}
		}
		for k := range results[0] {
			if !slices.Equal(results[0][k], results[1][k]) {
				t.Fatalf("step %d, result %d differs", step, k)
			}
		}
	}
}

// TestExchangedBody holds that whether memory may be used again is asked at each call: here a
// layer that keeps what passes through it is put into a net that was made without one.
func TestExchangedBody(t *testing.T) {
	poisoned(t)
	block := &nn.Residual{Body: nn.NewSequential(nn.ReLU{})}
	net := nn.NewSequential(nn.ReLU{}, block, nn.ReLU{})
	x := tensor.Ones(tensor.Float32, 64, 64).NoGrad()
	net.Forward(x)
	watch := &spy{}
	for _, body := range []nn.Module{watch, nn.NewSequential(watch), nn.Named("b", watch), &nn.Residual{Body: watch}} {
		*watch = spy{}
		block.Body = body
		net.Forward(x)
		for _, v := range []*tensor.Tensor{watch.in[0], watch.out[0]} {
			if v.Ne(tensor.Scalar(float32(1))).Any().Item() != 0 {
				t.Errorf("body %T: what a layer kept was overwritten", body)
			}
		}
	}
}

// liar declares that it keeps nothing, and keeps its input.
type liar struct {
	nn.ReLU
	kept *tensor.Tensor
}

func (l *liar) Forward(x *tensor.Tensor) *tensor.Tensor {
	l.kept = x
	return x.ReLU()
}

func init() {
	nn.Register(nn.Type[*liar, struct{}]{
		Name: "test.liar", KeepsNothing: true,
		Cost:    func(_ struct{}, in nn.Sample) (nn.Cost, error) { return nn.Cost{Output: in.Shape}, nil },
		Make:    func(struct{}, nn.Place) *liar { return &liar{} },
		Options: func(*liar) (o struct{}, err error) { return o, nil },
	})
}

// TestDeclaredLayer holds that a layer of another module that declares to keep nothing does not
// end the reuse of memory, and that a type which embeds it has no part in that.
func TestDeclaredLayer(t *testing.T) {
	poisoned(t)
	x := tensor.Ones(tensor.Float32, 64, 64).NoGrad()
	declared, embedding := &liar{}, &struct{ *liar }{&liar{}}
	nn.NewSequential(nn.ReLU{}, declared).Forward(x)
	if v := declared.kept.At(0, 0); v == v {
		t.Errorf("memory was not used again: the layer's input still has %v", v)
	}
	nn.NewSequential(nn.ReLU{}, embedding).Forward(x)
	if v := embedding.kept.At(0, 0); v != v {
		t.Error("memory was used again behind a type that declares nothing")
	}
}
