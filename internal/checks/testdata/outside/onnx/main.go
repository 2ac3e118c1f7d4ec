// Command onnx adds a layer with a form in ONNX: a factor for every feature, which runtimes in other languages apply too.
package main

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"log"
	"os"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/onnx"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// Scale multiplies every feature by a factor that is learnt.
type Scale struct {
	Factors *tensor.Tensor // (features)
}

// Forward returns x, (N, features), times the factors.
func (s *Scale) Forward(x *tensor.Tensor) *tensor.Tensor { return x.Mul(s.Factors) }

func (s *Scale) Parameters() iter.Seq2[string, *tensor.Tensor] {
	return func(yield func(string, *tensor.Tensor) bool) { yield("factors", s.Factors) }
}

// ScaleOptions are what a file has of a Scale beside its factors.
type ScaleOptions struct {
	Features int `json:"features"`
}

func init() {
	nn.Register(nn.Type[*Scale, ScaleOptions]{
		Name: "example.scale",
		Cost: func(o ScaleOptions, in nn.Sample) (nn.Cost, error) {
			if len(in.Shape) != 1 || in.Shape[0] != o.Features {
				return nn.Cost{}, fmt.Errorf("found features %d for samples of shape %v", o.Features, in.Shape)
			}
			return nn.Cost{Output: in.Shape, Parameters: o.Features, FLOPs: o.Features}, nil
		},
		Make: func(o ScaleOptions, at nn.Place) *Scale {
			return &Scale{tensor.Rand(tensor.Float32, at.Rand(), o.Features).SetRequiresGrad(true)}
		},
		Options: func(s *Scale) (ScaleOptions, error) { return ScaleOptions{s.Factors.Numel()}, nil },
	})
	onnx.Register(func(g *onnx.Graph, s *Scale, x onnx.Value) (onnx.Value, error) {
		return g.Node("Mul", nil, x, g.Weight("factors", s.Factors)), nil
	})
}

func run(out io.Writer) error {
	m, err := model.New(model.Definition{
		Name: "scaled", InputShape: []int{4}, Classes: []string{"no", "yes"}, Preprocess: transform.Compose{},
		Layers: []nn.Spec{
			{Name: "scale", Options: ScaleOptions{Features: 4}},
			{Name: "output", Options: nn.LinearOptions{In: 4, Out: 2}},
		},
	}, random.New(0))
	if err != nil {
		return err
	}
	nn.SetTraining(m.Net, false)
	var file bytes.Buffer
	if err := onnx.Export(&file, m, onnx.Options{}); err != nil {
		return err
	}
	back, err := onnx.Read(file.Bytes(), nil)
	if err != nil {
		return err
	}
	for name, p := range back.Net.Parameters() {
		fmt.Fprintln(out, name, p.Shape())
	}
	x := tensor.New([]float32{1, -2, 3, -4}, 1, 4).NoGrad()
	fmt.Fprintln(out, "the same logits:", m.Net.Forward(x).Eq(back.Net.Forward(x)).All().Item() == 1)
	return nil
}

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}
