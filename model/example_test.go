package model_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

func Example() {
	dir, err := os.MkdirTemp("", "model")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	definition := model.MLP([]int{1, 28, 28}, []int{256}, []string{"cat", "dog"})
	m, err := model.New(definition, random.New(0).For("init"))
	if err != nil {
		fmt.Println(err)
		return
	}
	path := filepath.Join(dir, "pets.safetensors")
	if err := m.Save(path); err != nil {
		fmt.Println(err)
		return
	}

	// The file is all that is needed.
	m, err = model.Load(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Name, m.Classes)
	for name, p := range m.Net.Parameters() {
		fmt.Println(name, p.Shape())
	}
	pictures := tensor.Zeros(tensor.Float32, 5, 1, 28, 28)
	fmt.Println(m.Net.Forward(pictures.NoGrad()).Shape())
	// Output:
	// mlp [cat dog]
	// linear1.weight [256 784]
	// linear1.bias [256]
	// linear2.weight [2 256]
	// linear2.bias [2]
	// [5 2]
}

func ExampleModel_String() {
	classes := []string{"t-shirt", "trouser", "pullover"}
	m, err := model.New(model.MLP([]int{1, 28, 28}, []int{64}, classes).WithDropout(0.5), random.New(0))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(m)
	// Output:
	// layer     type     output    parameters
	// flatten   Flatten  (1, 784)           0
	// linear1   Linear   (1, 64)        50240
	// relu1     ReLU     (1, 64)            0
	// dropout1  Dropout  (1, 64)            0
	// linear2   Linear   (1, 3)           195
	// total                             50435
	// trained                           50435
}

func ExampleDefinition_Costs() {
	d := model.LeNet([]int{1, 28, 28}, []string{"cat", "dog"})
	costs, err := d.Costs()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range costs[:3] {
		fmt.Println(c.Layer, c.Output, c.Parameters, "parameters", c.FLOPs, "FLOPs")
	}
	// A net that halves the picture twice cannot take any.
	d = model.CNN([]int{1, 3, 3}, []string{"cat", "dog"})
	_, err = d.Costs()
	fmt.Println(err)
	// Output:
	// conv1 [6 28 28] 156 parameters 239904 FLOPs
	// relu1 [6 28 28] 0 parameters 4704 FLOPs
	// pool1 [6 14 14] 0 parameters 4704 FLOPs
	// model: layers[7] "pool2": found pictures of 1×1, at least 2×2 expected
}
