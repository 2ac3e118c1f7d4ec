// Command stream trains on samples that come one after the other, without anybody knowing
// how many there will be.
package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log"
	"os"

	"example.com/outside/points"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

// Stream draws points until chance ends an epoch.
type Stream struct{ key random.Key }

func (Stream) Classes() []string { return points.Points{}.Classes() }

// Samples reads the points one after the other. What takes long would be in the functions
// that it yields: workers call them side by side.
func (s Stream) Samples(epoch int) iter.Seq2[dataset.Make, error] {
	return func(yield func(dataset.Make, error) bool) {
		for r := s.key.At(epoch).Rand(); r.IntN(500) > 0; {
			point := points.Points{tensor.Uniform(tensor.Float32, r, -1, 1, 2)}
			if !yield(func(chance random.Key) (dataset.Sample, error) { return point.Sample(0, chance) }, nil) {
				return
			}
		}
	}
}

func run(out io.Writer) error {
	stream, test := loader.NewStream(Stream{random.New(1)}, loader.Options{BatchSize: 10, Workers: 2}), points.Draw(200, random.New(2))
	m, err := model.New(model.MLP([]int{2}, []int{16}, stream.Classes()), random.New(0))
	if err != nil {
		return err
	}
	steps := 0
	for event, err := range train.Run(context.Background(), train.Config{
		Model: m, Train: stream, Test: loader.New(test, loader.Options{BatchSize: 200}), Epochs: 40,
		Optimizer: optim.NewAdam(nn.ParameterList(m.Net), 0.01, optim.AdamOptions{}),
	}) {
		if err != nil {
			return err
		}
		switch e := event.(type) {
		case train.Step:
			steps++
		case train.Epoch:
			if e.Epoch == 40 {
				fmt.Fprintf(out, "test accuracy %.2f after %d steps\n", e.Test.Score, steps)
			}
		}
	}
	return nil
}

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}
