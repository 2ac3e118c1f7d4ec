package zoo_test

import (
	"fmt"
	"log"
	"maps"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/zoo"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
)

// A net for classes of one's own takes what it can of weights for others.
func Example() {
	n, err := zoo.Named("mobilenet_v3_small")
	if err != nil {
		log.Fatal(err)
	}
	weights := n.Weights()[0] // weights.Download fetches them, and zoo.ReadState reads the file
	fmt.Println(weights.File, weights.Top1)

	m, err := model.New(n.Definition([]string{"cat", "dog"}), random.New(0))
	if err != nil {
		log.Fatal(err)
	}
	state, err := nn.Build(n.Definition(zoo.ImageNet()).Layers, m.InputShape, random.New(1)) // stands for them here
	if err != nil {
		log.Fatal(err)
	}
	tensors := maps.Collect(nn.StateDict(state))
	loaded, err := zoo.Load(m.Net, tensors)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s is for %d classes in the file and stays new\n", loaded.Head, loaded.Classes)
	// Output:
	// mobilenet_v3_small-047dcff4.pth 67.668
	// classifier.3 is for 1000 classes in the file and stays new
}
