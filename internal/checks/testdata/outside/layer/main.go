// Command layer adds a layer that is saved and loaded: Swish with a slope that is learnt,
// x·sigmoid(βx) (Ramachandran et al., Searching for Activation Functions, 2017).
package main

import (
	"fmt"
	"io"
	"iter"
	"log"
	"os"
	"path/filepath"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// Swish has a slope for every feature.
type Swish struct {
	Beta *tensor.Tensor // (features)
}

// Forward returns x·sigmoid(βx) of x, (N, features).
func (s *Swish) Forward(x *tensor.Tensor) *tensor.Tensor { return x.Mul(x.Mul(s.Beta).Sigmoid()) }

func (s *Swish) Parameters() iter.Seq2[string, *tensor.Tensor] {
	return func(yield func(string, *tensor.Tensor) bool) { yield("beta", s.Beta) }
}

// SwishOptions are what a file has of a Swish beside its slopes.
type SwishOptions struct {
	Features int `json:"features"`
}

func init() {
	nn.Register(nn.Type[*Swish, SwishOptions]{
		Name: "example.swish",
		Cost: func(o SwishOptions, in nn.Sample) (nn.Cost, error) {
			if len(in.Shape) != 1 || in.Shape[0] != o.Features {
				return nn.Cost{}, fmt.Errorf("found features %d for samples of shape %v", o.Features, in.Shape)
			}
			return nn.Cost{Output: in.Shape, Parameters: o.Features, FLOPs: 4 * o.Features}, nil
		},
		Make: func(o SwishOptions, _ nn.Place) *Swish {
			return &Swish{tensor.Ones(tensor.Float32, o.Features).SetRequiresGrad(true)}
		},
		Options: func(s *Swish) (SwishOptions, error) { return SwishOptions{s.Beta.Numel()}, nil },
	})
}

func run(out io.Writer, dir string) error {
	m, err := model.New(model.Definition{
		Name: "swish-net", InputShape: []int{4}, Classes: []string{"no", "yes"}, Preprocess: transform.Compose{},
		Layers: []nn.Spec{
			{Name: "hidden", Options: nn.LinearOptions{In: 4, Out: 3}},
			{Name: "swish", Options: SwishOptions{Features: 3}},
			{Name: "output", Options: nn.LinearOptions{In: 3, Out: 2}},
		},
	}, random.New(0))
	if err != nil {
		return err
	}
	m.Net.Layer("swish").(*Swish).Beta.FillInPlace(1.5) // as if it were learnt

	path := filepath.Join(dir, "swish.safetensors")
	if err := m.Save(path); err != nil {
		return err
	}
	loaded, err := model.Load(path)
	if err != nil {
		return err
	}
	for name, p := range loaded.Net.Parameters() {
		fmt.Fprintln(out, name, p.Shape())
	}
	fmt.Fprintln(out, "learnt:", loaded.Net.Layer("swish").(*Swish).Beta.Detach())
	x := tensor.New([]float32{1, -2, 3, -4}, 1, 4).NoGrad()
	fmt.Fprintln(out, "the same logits:", m.Net.Forward(x).Eq(loaded.Net.Forward(x)).All().Item() == 1)
	return nil
}

func main() {
	dir, err := os.MkdirTemp("", "layer")
	if err != nil {
		log.Fatal(err)
	}
	err = run(os.Stdout, dir)
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}
