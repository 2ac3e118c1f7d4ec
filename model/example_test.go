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
