package main

import (
	"fmt"
	"image"
	"os"
	"path/filepath"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/random"
)

func Example() {
	dir, err := os.MkdirTemp("", "classify")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	m, err := model.New(model.Softmax([]int{1, 28, 28}, []string{"cat", "dog"}), random.New(0))
	if err != nil {
		fmt.Println(err)
		return
	}
	for name, p := range m.Net.Parameters() {
		p.Detach().FillInPlace(0)
		if name == "linear.bias" {
			p.Detach().Select(0, 1).FillInPlace(3)
		}
	}
	file := filepath.Join(dir, "pets.safetensors")
	if err := m.Save(file); err != nil {
		fmt.Println(err)
		return
	}
	if err := classify(file, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
		fmt.Println(err)
	}
	// Output: dog 0.95
}
