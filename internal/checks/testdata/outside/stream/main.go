// Command stream trains on batches that come one after the other, without anybody knowing
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

	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/train"
)

// Stream draws points until chance ends an epoch.
type Stream struct{ key random.Key }

func (Stream) Len() int          { return -1 }
func (Stream) Samples() int      { return -1 }
func (Stream) Classes() []string { return points.Points{}.Classes() }

// Batches yields batches of ten, each a function of the epoch and its place in it.
func (s Stream) Batches(epoch, from int) iter.Seq2[loader.Batch, error] {
	return func(yield func(loader.Batch, error) bool) {
		for step := 0; ; step++ {
			key := s.key.At(epoch).At(step)
			if key.For("end").Rand().IntN(50) == 0 {
				return
			}
			if step < from {
				continue
			}
			for batch, err := range loader.New(points.Draw(10, key), loader.Options{BatchSize: 10}).Epoch(1) {
				if !yield(batch, err) {
					return
				}
			}
		}
	}
}

func run(out io.Writer) error {
	stream, test := Stream{random.New(1)}, points.Draw(200, random.New(2))
	m, err := model.New(model.MLP([]int{2}, []int{16}, stream.Classes()), random.New(0))
	if err != nil {
		return err
	}
	steps := 0
	for event, err := range train.Run(context.Background(), train.Config{
		Model: m, Train: stream, Test: loader.New(test, loader.Options{BatchSize: 200}), Epochs: 20,
		Optimizer: optim.NewAdam(nn.ParameterList(m.Net), 0.01, optim.AdamOptions{}),
	}) {
		if err != nil {
			return err
		}
		switch e := event.(type) {
		case train.Step:
			steps++
		case train.Epoch:
			if e.Epoch == 20 {
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
