package train_test

import (
	"context"
	"fmt"
	"log"
	"sync"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/train"
)

// A run on two ranks, here goroutines, gives the weights that one rank gives.
func ExampleRun_ranks() {
	onRank := func(comm dist.Comm) float64 {
		data := dataset.Subset{Dataset: blobs(64, 4, random.New(1)), Indices: random.New(2).Rand().Perm(64)}
		d := model.Softmax([]int{1, 4, 4}, data.Classes())
		m, err := model.New(d, random.New(3))
		if err != nil {
			log.Fatal(err)
		}
		for _, err := range train.Run(context.Background(), train.Config{
			Model: m, Optimizer: optim.NewSGD(nn.ParameterList(m.Net), 0.1, optim.SGDOptions{}),
			Train:  loader.New(data, loader.Options{BatchSize: 32, Shuffle: true}),
			Epochs: 1, Shards: 16, Comm: comm,
		}) {
			if err != nil {
				log.Fatal(err)
			}
		}
		return nn.ParameterList(m.Net)[0].Detach().Sum().Item()
	}
	sums := make([]float64, 2)
	var wg sync.WaitGroup
	for rank, comm := range dist.Local(2) {
		wg.Go(func() { sums[rank] = onRank(comm) })
	}
	wg.Wait()
	alone := onRank(nil)
	fmt.Println(sums[0] == alone, sums[1] == alone)
	// Output: true true
}
