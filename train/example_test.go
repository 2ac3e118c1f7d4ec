package train_test

import (
	"context"
	"fmt"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

func Example() {
	// Pictures of two pixels: which one is the lighter?
	data := &dataset.Images{
		Name: "pairs", ClassNames: []string{"left", "right"},
		Height: 1, Width: 2,
		Pixels:    []byte{255, 0, 200, 10, 30, 250, 0, 190, 90, 20, 60, 220},
		Labels:    []int{0, 0, 1, 1, 0, 1},
		Transform: transform.ToTensor{},
	}
	key := random.New(0)
	m, err := model.New(model.Softmax(data.Shape(), data.Classes()), key.For("init"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for event, err := range train.Run(context.Background(), train.Config{
		Model:     m,
		Optimizer: optim.NewSGD(nn.ParameterList(m.Net), 1, optim.SGDOptions{}),
		Train:     loader.New(data, loader.Options{BatchSize: 2, Shuffle: true}),
		Test:      loader.New(data, loader.Options{BatchSize: 6}), // for want of others
		Epochs:    3,
	}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if e, ok := event.(train.Epoch); ok {
			fmt.Printf("epoch %d: test accuracy %.2f\n", e.Epoch, e.Test.Score)
		}
	}
	// Output:
	// epoch 1: test accuracy 1.00
	// epoch 2: test accuracy 1.00
	// epoch 3: test accuracy 1.00
}
