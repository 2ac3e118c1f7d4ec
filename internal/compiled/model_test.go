package compiled_test

import (
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/memory"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

var digits = strings.Split("0123456789", "")

// factor is a layer of another package: it multiplies by a number that is learnt.
type factor struct{ Factor *tensor.Tensor }

func (f *factor) Forward(x *tensor.Tensor) *tensor.Tensor { return x.Mul(f.Factor) }
func (f *factor) Parameters() iter.Seq2[string, *tensor.Tensor] {
	return func(yield func(string, *tensor.Tensor) bool) { yield("factor", f.Factor) }
}

type factorOptions struct{}

func init() {
	nn.Register(nn.Type[*factor, factorOptions]{
		Name: "test.factor", KeepsNothing: true,
		Cost: func(_ factorOptions, in nn.Sample) (nn.Cost, error) {
			return nn.Cost{Output: in.Shape, Parameters: 1}, nil
		},
		Make: func(factorOptions, nn.Place) *factor {
			return &factor{tensor.Full(tensor.Float32, 2, 1).SetRequiresGrad(true)}
		},
		Options: func(*factor) (factorOptions, error) { return factorOptions{}, nil },
	})
}

// withFactor returns a small convolutional net with a layer of another package in its middle.
func withFactor(t *testing.T) *model.Model {
	t.Helper()
	m, err := model.New(model.Definition{
		InputShape: []int{2, 7, 6}, Classes: digits, Preprocess: transform.Compose{},
		Layers: []nn.Spec{
			{Name: "conv", Options: nn.Conv2dOptions{In: 2, Out: 5, Kernel: nn.Square(3), Padding: nn.Square(1)}},
			{Name: "bn", Options: nn.BatchNorm2dOptions{In: 5}}, {Name: "relu", Options: nn.ReLU{}}, {Name: "factor", Options: factorOptions{}},
			{Name: "flatten", Options: nn.FlattenOptions{}}, {Name: "linear", Options: nn.LinearOptions{In: 210, Out: len(digits)}},
		},
	}, random.New(1))
	if err != nil {
		t.Fatal(err)
	}
	settle(m.Net, 1)
	return m
}

// TestCompile computes with a program from many goroutines, while the weights of the model become others.
func TestCompile(t *testing.T) {
	m := withFactor(t)
	c, err := model.Compile(m, 3)
	if err != nil {
		t.Fatal(err)
	}
	x := tensor.Uniform(tensor.Float32, random.New(1).Rand(), -1, 1, 7, 2, 7, 6)
	inputs, outputs := tensor.Data[float32](x), tensor.Values[float32](m.Net.Forward(x.NoGrad().Evaluation()))
	want := make([]float32, len(outputs))
	c.Run(want, inputs)
	for i, v := range want {
		if d := v - outputs[i]; d > 1e-5 || d < -1e-5 {
			t.Errorf("output %d: %v, %v by layers", i, v, outputs[i])
		}
	}
	for _, p := range m.Net.Parameters() {
		p.FillInPlace(7)
	}
	var wg sync.WaitGroup
	for n := 1; n <= 7; n++ {
		wg.Go(func() {
			for range 5 {
				got := make([]float32, n*len(digits))
				if c.Run(got, inputs[:n*84]); !slices.Equal(got, want[:len(got)]) {
					t.Errorf("%d samples: got %v, want %v", n, got, want[:len(got)])
				}
			}
		})
	}
	wg.Wait()
	if weights, call := c.Bytes(); weights < 4*(5*18+2100) || call < 4*3*84 {
		t.Errorf("weights take %d bytes and a call %d", weights, call)
	}
}

func TestCompileErrors(t *testing.T) {
	m := withFactor(t)
	c, err := model.Compile(m, 1)
	if err != nil {
		t.Fatal(err)
	}
	for want, f := range map[string]func(){
		"model.Compile: batches of 0 samples: at least 1 expected":                                               func() { model.Compile(m, 0) },
		"model.Compiled: 10 outputs of 83 numbers: inputs of 84 numbers each, and 10 outputs of each, expected":  func() { c.Run(make([]float32, 10), make([]float32, 83)) },
		"model.Compiled: 10 outputs of 168 numbers: inputs of 84 numbers each, and 10 outputs of each, expected": func() { c.Run(make([]float32, 10), make([]float32, 168)) },
	} {
		func() {
			defer func() {
				if e, ok := recover().(*fault.OptionError); !ok || e.Error() != want {
					t.Errorf("got  %v\nwant %s", e, want)
				}
			}()
			f()
		}()
	}
	defer memory.SetLimit(1<<62, "")
	memory.SetLimit(20_000, "of a test")
	const want = "model: its weights, and these packed, would take 26.1 KiB of memory, at most 19.5 KiB expected (of a test)"
	if _, err := model.Compile(m, 1); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
