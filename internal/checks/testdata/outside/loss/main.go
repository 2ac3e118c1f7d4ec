// Command loss trains with a loss of its own: the focal loss, which cares less for samples
// that are right already (Lin et al., Focal Loss for Dense Object Detection, 2017).
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"example.com/outside/points"

	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

// Focal is the mean of -(1-p)²·log p, with p the probability of a sample's class.
type Focal struct{}

// Forward takes logits, (N, C), and classes, (N) of Int64.
func (Focal) Forward(logits, classes *tensor.Tensor) *tensor.Tensor {
	logP := logits.LogSoftmax(1).Gather(1, classes.Unsqueeze(1))
	rest := tensor.Scalar(float32(1)).Sub(logP.Exp())
	return rest.Mul(rest).Mul(logP).Mean().Neg()
}

func run(out io.Writer) error {
	training, test := points.Draw(400, random.New(1)), points.Draw(200, random.New(2))
	m, err := model.New(model.MLP([]int{2}, []int{16}, training.Classes()), random.New(0))
	if err != nil {
		return err
	}
	for event, err := range train.Run(context.Background(), train.Config{
		Model: m, Criterion: Focal{}, Epochs: 20,
		Train:     loader.New(training, loader.Options{BatchSize: 10, Shuffle: true}),
		Test:      loader.New(test, loader.Options{BatchSize: 200}),
		Optimizer: optim.NewAdam(nn.ParameterList(m.Net), 0.01, optim.AdamOptions{}),
	}) {
		if err != nil {
			return err
		}
		if e, ok := event.(train.Epoch); ok && e.Epoch == 20 {
			fmt.Fprintf(out, "test accuracy %.2f, focal loss %.3f\n", e.Test.Score, e.TrainLoss)
		}
	}
	return nil
}

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}
