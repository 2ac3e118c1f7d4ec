// Command gradients trains two nets at once, each on a half of the data. Before each step
// both get the mean of their gradients, so that they stay the same net, as on two machines.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"sync"

	"example.com/outside/points"

	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

// exchange returns what two runs call with their gradients: the first computes the mean
// while the second waits.
func exchange() (first, second func(*train.Gradients) error) {
	there, back := make(chan *train.Gradients), make(chan bool)
	first = func(a *train.Gradients) error {
		b := <-there
		for i, p := range a.Parameters {
			g := p.Grad().AddInPlace(b.Parameters[i].Grad()).MulInPlace(tensor.Scalar(float32(0.5)))
			b.Parameters[i].Grad().CopyInPlace(g)
		}
		back <- true
		return nil
	}
	second = func(b *train.Gradients) error {
		there <- b
		<-back
		return nil
	}
	return first, second
}

func run(out io.Writer) error {
	var hooks [2]func(*train.Gradients) error
	hooks[0], hooks[1] = exchange()
	var models [2]*model.Model
	var accuracies [2]float64
	var errs [2]error
	var wg sync.WaitGroup
	for i := range 2 {
		half, test := points.Draw(200, random.New(uint64(i))), points.Draw(200, random.New(9))
		m, err := model.New(model.MLP([]int{2}, []int{16}, half.Classes()), random.New(5)) // both start alike
		if err != nil {
			return err
		}
		models[i] = m
		wg.Go(func() {
			for event, err := range train.Run(context.Background(), train.Config{
				Model: m, Epochs: 20, OnGradients: hooks[i],
				Train:     loader.New(half, loader.Options{BatchSize: 10}),
				Test:      loader.New(test, loader.Options{BatchSize: 200}),
				Optimizer: optim.NewAdam(nn.ParameterList(m.Net), 0.01, optim.AdamOptions{}),
			}) {
				if err != nil {
					errs[i] = err
					return
				}
				if e, ok := event.(train.Epoch); ok {
					accuracies[i] = e.Test.Score
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	same := slices.EqualFunc(nn.ParameterList(models[0].Net), nn.ParameterList(models[1].Net), func(p, q *tensor.Tensor) bool {
		return slices.Equal(tensor.Data[float32](p.Detach()), tensor.Data[float32](q.Detach()))
	})
	fmt.Fprintf(out, "test accuracy %.2f\nthe same nets: %v\n", accuracies[0], same)
	return nil
}

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}
