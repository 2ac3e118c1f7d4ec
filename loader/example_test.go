package loader_test

import (
	"fmt"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/fashionmnist/embedded"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/transform"
)

func Example() {
	data := &dataset.Images{
		Name: "dots", ClassNames: []string{"dark", "light"},
		Height: 1, Width: 2,
		Pixels:    []byte{0, 51, 204, 255, 102, 0, 255, 255, 51, 51},
		Labels:    []int{0, 1, 0, 1, 0},
		Transform: transform.ToTensor{},
	}
	l := loader.New(data, loader.Options{BatchSize: 2, Workers: 2})
	for batch, err := range l.Epoch(1) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(batch.Indices, batch.Inputs.Shape(), batch.Targets)
	}
	// Output:
	// [0 1] [2 1 1 2] tensor([0, 1])
	// [2 3] [2 1 1 2] tensor([0, 1])
	// [4] [1 1 1 2] tensor([0])
}

func ExampleSplits() {
	training, test, err := loader.Splits(embedded.Open, transform.ToTensor{}, loader.Options{BatchSize: 256})
	if err != nil {
		fmt.Println(err)
		return
	}
	for batch, err := range training.Epoch(1) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(batch.Inputs.Shape(), batch.Targets.Shape())
		break
	}
	fmt.Println(training.Len(), "batches to learn from,", test.Len(), "to measure on")
	// Output:
	// [256 1 28 28] [256]
	// 235 batches to learn from, 40 to measure on
}

func ExampleMixup() {
	data := &dataset.Images{
		Name: "dots", ClassNames: []string{"dark", "light"},
		Height: 1, Width: 2,
		Pixels:    []byte{0, 0, 255, 255, 0, 51, 204, 255},
		Labels:    []int{0, 1, 0, 1},
		Transform: transform.ToTensor{},
	}
	chance := random.New(3).For("mixup").At(1) // of epoch 1
	at := 0
	for batch, err := range loader.New(data, loader.Options{BatchSize: 4}).Epoch(1) {
		if err != nil {
			fmt.Println(err)
			return
		}
		images, targets := loader.Mixup(batch, 2, 1, chance.At(at))
		fmt.Println(images.Shape())
		fmt.Println(targets)
		at++
	}
	// Output:
	// [4 1 1 2]
	// tensor([[0.6395, 0.3605],
	//         [0.3605, 0.6395],
	//         [0.6395, 0.3605],
	//         [0.3605, 0.6395]])
}
