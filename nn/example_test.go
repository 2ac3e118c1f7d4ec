package nn_test

import (
	"fmt"

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
			nn.KaimingUniform(l.Weight, r)
			l.Bias.FillInPlace(0)
			fmt.Println("initialised", path)
		}
	})
	// Output:
	// initialised 0
	// initialised 2
}
