package nn_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"

	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

func Example() {
	r := random.New(0).For("init").Rand()
	net := nn.NewSequential(
		nn.Named("flatten", nn.Flatten{}),
		nn.Named("hidden", nn.NewLinear(28*28, 256, r)),
		nn.Named("relu", nn.ReLU{}),
		nn.Named("output", nn.NewLinear(256, 10, r)),
	)
	images := tensor.Zeros(tensor.Float32, 64, 1, 28, 28)
	fmt.Println("logits", net.Forward(images).Shape())
	for name, p := range net.Parameters() {
		fmt.Println(name, p.Shape())
	}
	fmt.Println(nn.NumParameters(net), "parameters")
	// Output:
	// logits [64 10]
	// hidden.weight [256 784]
	// hidden.bias [256]
	// output.weight [10 256]
	// output.bias [10]
	// 203530 parameters
}

func ExampleApply() {
	r := random.New(0).For("init").Rand()
	net := nn.NewSequential(nn.NewLinear(4, 3, r), nn.ReLU{}, nn.NewLinear(3, 2, r))
	nn.Apply(net, func(path string, m nn.Module) {
		if l, ok := m.(*nn.Linear); ok {
			nn.KaimingUniform(l.Weight, r, nn.FanIn, nn.Gain(nn.ReLU{}))
			l.Bias.FillInPlace(0)
			fmt.Println("initialised", path)
		}
	})
	// Output:
	// initialised 0
	// initialised 2
}

func ExampleSummary() {
	r := random.New(0).For("init").Rand()
	net := nn.NewSequential(
		nn.Named("flatten", nn.Flatten{}),
		nn.Named("body", nn.NewSequential(nn.NewLinear(28*28, 256, r), nn.ReLU{}, nn.NewDropout(0.5))),
		nn.Named("output", nn.NewLinear(256, 10, r)),
	)
	fmt.Print(nn.Summary(net, 64, 1, 28, 28))
	// Output:
	// layer    type     output     parameters
	// flatten  Flatten  (64, 784)           0
	// body.0   Linear   (64, 256)      200960
	// body.1   ReLU     (64, 256)           0
	// body.2   Dropout  (64, 256)           0
	// output   Linear   (64, 10)         2570
	// total                            203530
	// trained                          203530
}

func ExampleDropout() {
	net := nn.NewSequential(nn.NewDropout(0.5))
	x := tensor.Ones(tensor.Float32, 1, 8)
	key := random.New(42).For("dropout")
	for step := range 2 {
		nn.SetChance(net, key.At(step)) // each step draws anew, and a repeated one the same
		fmt.Println("step", step, net.Forward(x))
	}
	nn.SetTraining(net, false)
	fmt.Println("test  ", net.Forward(x))
	// Output:
	// step 0 tensor([[0., 2., 2., 0., 2., 0., 2., 2.]])
	// step 1 tensor([[2., 0., 2., 0., 2., 2., 0., 2.]])
	// test   tensor([[1., 1., 1., 1., 1., 1., 1., 1.]])
}

func ExampleLoadStateDict() {
	r := random.New(0).For("init").Rand()
	trained := nn.NewSequential(nn.Named("body", nn.NewLinear(4, 3, r)), nn.Named("head", nn.NewLinear(3, 10, r)))
	// Another task: the body is kept, the head is new.
	net := nn.NewSequential(nn.Named("body", nn.NewLinear(4, 3, r)), nn.Named("classes", nn.NewLinear(3, 2, r)))
	state := maps.Collect(nn.StateDict(trained))
	missing, unexpected, err := nn.LoadStateDict(net, state, false)
	fmt.Println("missing", missing, "unexpected", unexpected, "error", err)
	_, _, err = nn.LoadStateDict(net, state, true)
	fmt.Println("strict:", err)
	// Output:
	// missing [classes.weight classes.bias] unexpected [head.bias head.weight] error <nil>
	// strict: missing classes.weight, classes.bias; unexpected head.bias, head.weight
}

func ExamplePHM() {
	r := random.New(0).For("init").Rand()
	fmt.Println("dense", nn.NumParameters(nn.NewLinear(784, 256, r)))
	for _, n := range []int{2, 4, 8} {
		fmt.Println("n =", n, nn.NumParameters(nn.NewPHM(n, 784, 256, r)))
	}
	// Output:
	// dense 200960
	// n = 2 100616
	// n = 4 50496
	// n = 8 25856
}

// A residual block is composed of what there is, with the ReLU behind it: where the body
// changes the shape, a convolution of 1×1 is the shortcut.
func ExampleResidual() {
	r := random.New(0).For("init").Rand()
	around, two := [2]int{1, 1}, [2]int{2, 2}
	net := nn.NewSequential(
		nn.Named("block", &nn.Residual{
			Body: nn.NewSequential(
				nn.NewConv2dNoBias(16, 32, [2]int{3, 3}, tensor.Conv2dOptions{Stride: two, Padding: around}, r),
				nn.NewBatchNorm2d(32),
				nn.ReLU{},
				nn.NewConv2dNoBias(32, 32, [2]int{3, 3}, tensor.Conv2dOptions{Padding: around}, r),
				nn.NewBatchNorm2d(32),
			),
			Shortcut: nn.NewSequential(
				nn.NewConv2dNoBias(16, 32, [2]int{1, 1}, tensor.Conv2dOptions{Stride: two}, r),
				nn.NewBatchNorm2d(32),
			),
		}),
		nn.Named("relu", nn.ReLU{}),
		nn.Named("pool", nn.AdaptiveAvgPool2d{Rows: 1, Cols: 1}),
		nn.Named("flatten", nn.Flatten{}),
		nn.Named("output", nn.NewLinear(32, 10, r)),
	)
	fmt.Print(nn.Summary(net, 64, 16, 28, 28))
	// Output:
	// layer    type               output            parameters
	// block    Residual           (64, 32, 14, 14)       14528
	// relu     ReLU               (64, 32, 14, 14)           0
	// pool     AdaptiveAvgPool2d  (64, 32, 1, 1)             0
	// flatten  Flatten            (64, 32)                   0
	// output   Linear             (64, 10)                 330
	// total                                              14858
	// trained                                            14858
}

// Gate is a layer of another package: it multiplies every feature by a number from 0 to 1 that
// is learnt.
type Gate struct {
	Logits *tensor.Tensor // (features)
}

// GateOptions define a Gate.
type GateOptions struct {
	Features int `json:"features"`
}

func (g *Gate) Forward(x *tensor.Tensor) *tensor.Tensor { return x.Mul(g.Logits.Sigmoid()) }

func (g *Gate) Parameters() iter.Seq2[string, *tensor.Tensor] {
	return func(yield func(string, *tensor.Tensor) bool) { yield("logits", g.Logits) }
}

func init() {
	nn.Register(nn.Type[*Gate, GateOptions]{
		Name: "example.gate",
		Cost: func(o GateOptions, in nn.Sample) (nn.Cost, error) {
			if len(in.Shape) != 1 || o.Features != in.Shape[0] {
				return nn.Cost{}, fmt.Errorf("found %d features, %v expected", o.Features, in.Shape)
			}
			return nn.Cost{Output: in.Shape, Parameters: o.Features, FLOPs: 2 * o.Features}, nil
		},
		Make: func(o GateOptions, at nn.Place) *Gate {
			return &Gate{tensor.Normal(tensor.Float32, at.Rand(), 0, 1, o.Features).SetRequiresGrad(true)}
		},
		Options:      func(g *Gate) (GateOptions, error) { return GateOptions{g.Logits.Numel()}, nil },
		KeepsNothing: true,
	})
}

// A layer of another package is registered once, and is then defined, checked and saved as the
// package's own are.
func ExampleRegister() {
	layers := []nn.Spec{
		{Name: "hidden", Options: nn.LinearOptions{In: 4, Out: 3}},
		{Name: "gate", Options: GateOptions{Features: 3}},
	}
	net, err := nn.Build(layers, []int{4}, random.New(0))
	if err != nil {
		fmt.Println(err)
		return
	}
	for name, p := range net.Parameters() {
		fmt.Println(name, p.Shape())
	}
	specs, err := nn.Describe(net)
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := json.Marshal(specs)
	fmt.Println(string(text), err)
	layers[1].Options = GateOptions{Features: 2}
	_, err = nn.Build(layers, []int{4}, random.New(0))
	fmt.Println(err)
	// Output:
	// hidden.weight [3 4]
	// hidden.bias [3]
	// gate.logits [3]
	// [{"name":"hidden","type":"linear","in":4,"out":3},{"name":"gate","type":"example.gate","features":3}] <nil>
	// layers[1] "gate": found 2 features, [3] expected
}

// Bottleneck is a block of another package.
type Bottleneck struct {
	Conv *nn.Conv2d
	Norm *nn.BatchNorm2d
}

// Forward passes x through one operation for all three layers.
func (b *Bottleneck) Forward(x *tensor.Tensor) *tensor.Tensor {
	return nn.Forward(x, b.Conv, b.Norm, nn.ReLU{})
}

func ExampleForward() {
	b := &Bottleneck{nn.NewConv2dNoBias(8, 4, [2]int{1, 1}, tensor.Conv2dOptions{}, random.New(0).Rand()), nn.NewBatchNorm2d(4)}
	fmt.Println(b.Forward(tensor.Ones(tensor.Float32, 2, 8, 5, 5)).Shape())
	// Output:
	// [2 4 5 5]
}
