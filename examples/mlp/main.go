// Command mlp trains a multilayer perceptron with one or more hidden layers, as in
//
//	go run ./examples/mlp                                  Fashion-MNIST, 256 hidden units
//	go run ./examples/mlp -hidden 256,64,16 -lr 0.6        three hidden layers
//	go run ./examples/mlp -mnist DIR -batch 100 -lr 1      MNIST from a folder
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"strings"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/fashionmnist/embedded"
	"github.com/onehot-go/onehot/dataset/mnist"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

// config is what the flags set.
type config struct {
	mnist         string // the folder of MNIST's files; empty for Fashion-MNIST
	hidden        []int
	epochs, batch int
	lr            float64
}

func run(out io.Writer, c config) error {
	training, test, err := load(c)
	if err != nil {
		return err
	}
	// The definition builds the net and is saved with it; nn.NewSequential makes the
	// same from layers.
	m, err := model.New(model.MLP([]int{1, 28, 28}, c.hidden, training.Dataset().Classes()), random.New(0))
	if err != nil {
		return err
	}
	r := random.New(0).For("weights").Rand()
	nn.Apply(m.Net, func(_ string, layer nn.Module) {
		if linear, ok := layer.(*nn.Linear); ok {
			linear.Weight.NormalInPlace(r, 0, 0.01) // biases stay as drawn
		}
	})
	for event, err := range train.Run(context.Background(), train.Config{
		Model:     m,
		Optimizer: optim.NewSGD(nn.ParameterList(m.Net), c.lr, optim.SGDOptions{}),
		Train:     training, Test: test, Epochs: c.epochs,
	}) {
		if err != nil {
			return err
		}
		if e, ok := event.(train.Epoch); ok {
			fmt.Fprintln(out, report.Line(e))
		}
	}
	return nil
}

func load(c config) (training, test *loader.Loader, err error) {
	open := embedded.Open
	if c.mnist != "" {
		open = func(split dataset.Split) (*dataset.Images, error) { return mnist.Open(c.mnist, split) }
	}
	loaders := make([]*loader.Loader, 2)
	for i, split := range []dataset.Split{dataset.Train, dataset.Test} {
		data, err := open(split)
		if err != nil {
			return nil, nil, err
		}
		data.Transform = transform.ToTensor{}
		loaders[i] = loader.New(data, loader.Options{BatchSize: c.batch, Shuffle: split == dataset.Train, Workers: 1})
	}
	return loaders[0], loaders[1], nil
}

func main() {
	var c config
	flag.StringVar(&c.mnist, "mnist", "", "`folder` of MNIST's files; Fashion-MNIST without it")
	hidden := flag.String("hidden", "256", "`sizes` of the hidden layers")
	flag.IntVar(&c.epochs, "epochs", 5, "times to go over the data")
	flag.IntVar(&c.batch, "batch", 256, "samples of a step")
	flag.Float64Var(&c.lr, "lr", 0.1, "learning rate")
	flag.Parse()
	for size := range strings.SplitSeq(*hidden, ",") {
		n, err := strconv.Atoi(size)
		if err != nil {
			log.Fatalf("-hidden %s: sizes such as 256,64,16 expected", *hidden)
		}
		c.hidden = append(c.hidden, n)
	}
	if err := run(os.Stdout, c); err != nil {
		log.Fatal(err)
	}
}
