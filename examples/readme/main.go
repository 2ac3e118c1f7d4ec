// Command readme is the program that README.md shows.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/onehot-go/onehot/dataset/fashionmnist/embedded"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

func main() {
	training, test, err := loader.Splits(embedded.Open, transform.ToTensor{}, loader.Options{BatchSize: 256})
	if err != nil {
		log.Fatal(err)
	}
	m, err := model.New(model.MLP([]int{1, 28, 28}, []int{64}, training.Dataset().Classes()), random.New(0))
	if err != nil {
		log.Fatal(err)
	}
	for event, err := range train.Run(context.Background(), train.Config{
		Model: m, Train: training, Test: test, Epochs: 3,
		Optimizer: optim.NewSGD(nn.ParameterList(m.Net), 0.1, optim.SGDOptions{Momentum: 0.9}),
		Keep:      train.Keep{Best: "model.safetensors"},
	}) {
		if err != nil {
			log.Fatal(err)
		}
		if e, ok := event.(train.Epoch); ok {
			fmt.Println(report.Line(e))
		}
	}
}
