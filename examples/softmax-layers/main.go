// Command softmax-layers trains softmax regression on Fashion-MNIST with the library's
// layers, loss and optimizer. What they do inside is in ../softmax-scratch.
package main

import (
	"fmt"
	"io"
	"log"
	"os"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/fashionmnist/embedded"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/metric"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

const (
	batchSize = 256
	lr        = 0.1
)

func run(out io.Writer, epochs int) error {
	training, err := load(dataset.Train)
	if err != nil {
		return err
	}
	test, err := load(dataset.Test)
	if err != nil {
		return err
	}

	r := random.New(0).Rand()
	net := nn.NewSequential(
		nn.Named("flatten", nn.Flatten{}),
		nn.Named("linear", nn.NewLinear(28*28, 10, r)),
	)
	nn.Apply(net, func(_ string, m nn.Module) {
		if layer, ok := m.(*nn.Linear); ok {
			layer.Weight.NormalInPlace(r, 0, 0.01)
			layer.Bias.FillInPlace(0)
		}
	})
	optimizer := optim.NewSGD(nn.ParameterList(net), lr, optim.SGDOptions{})

	for epoch := 1; epoch <= epochs; epoch++ {
		var meanLoss metric.Mean
		var trainAcc metric.Accuracy
		for batch, err := range training.Epoch(epoch) {
			if err != nil {
				return err
			}
			logits := net.Forward(batch.Inputs)
			l := loss.CrossEntropy{}.Forward(logits, batch.Targets)
			optimizer.ZeroGrad()
			l.Backward()
			optimizer.Step()

			meanLoss.Update(l.Item(), batch.Targets.Size(0))
			trainAcc.Update(logits, batch.Targets)
		}
		e, err := train.Evaluate(net, test, nil)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "epoch %d, loss %.4f, train acc %.3f, test acc %.3f\n",
			epoch, meanLoss.Result(), trainAcc.Result(), e.Score)
	}
	return nil
}

// load returns the loader of a split of Fashion-MNIST, which comes with the program.
func load(split dataset.Split) (*loader.Loader, error) {
	data, err := embedded.Open(split)
	if err != nil {
		return nil, err
	}
	data.Transform = transform.ToTensor{}
	return loader.New(data, loader.Options{BatchSize: batchSize, Shuffle: split == dataset.Train, Workers: 1}), nil
}

func main() {
	if err := run(os.Stdout, 5); err != nil {
		log.Fatal(err)
	}
}
