package train_test

import (
	"fmt"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/internal/memory"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

// BenchmarkEpoch trains on 60,000 pictures of noise of 28 by 28 pixels, an epoch an
// iteration: what a profile of training is taken from.
func BenchmarkEpoch(b *testing.B) {
	const n, side = 60000, 28
	m := &dataset.Images{Name: "noise", Height: side, Width: side, Pixels: memory.Bytes(n * side * side), Labels: make([]int, n), Transform: transform.ToTensor{}}
	for c := range 10 {
		m.ClassNames = append(m.ClassNames, fmt.Sprint(c))
	}
	r := random.New(1).Rand()
	for i := range m.Pixels {
		m.Pixels[i] = byte(r.Uint32())
	}
	for i := range m.Labels {
		m.Labels[i] = r.IntN(10)
	}
	for name, d := range map[string]model.Definition{
		"softmax": model.Softmax(m.Shape(), m.ClassNames),
		"mlp":     model.MLP(m.Shape(), []int{256}, m.ClassNames),
		"lenet":   model.LeNet(m.Shape(), m.ClassNames),
		"cnn":     model.CNN(m.Shape(), m.ClassNames),
	} {
		b.Run(name, func(b *testing.B) {
			net, err := model.New(d, random.New(2))
			if err != nil {
				b.Fatal(err)
			}
			c := train.Config{
				Model: net, Optimizer: optim.NewSGD(nn.ParameterList(net.Net), 0.01, optim.SGDOptions{}), Epochs: b.N,
				Train: loader.New(m, loader.Options{BatchSize: 256, Shuffle: true}),
				Test:  loader.New(dataset.Subset{Dataset: m, Indices: []int{0}}, loader.Options{BatchSize: 1}),
			}
			b.ResetTimer()
			if _, err := run(b.Context(), c); err != nil {
				b.Fatal(err)
			}
		})
	}
}
