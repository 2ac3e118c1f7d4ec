package compiled_test

import (
	"testing"

	"github.com/onehot-go/onehot/internal/compiled"
	"github.com/onehot-go/onehot/internal/parallel"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// BenchmarkNets runs nets as the model package defines them for 28×28, a sample, by programs and by layers.
func BenchmarkNets(b *testing.B) {
	defer parallel.SetThreads(0)
	parallel.SetThreads(1)
	three, two := func(in, out int) any { return conv(in, out, 3, 1, 1, 1) }, nn.MaxPool2dOptions{Kernel: square(2)}
	norm := func(n int) any { return nn.BatchNorm2dOptions{In: n} }
	for _, net := range []struct {
		name   string
		layers []any
	}{
		{"mlp", []any{nn.FlattenOptions{}, nn.LinearOptions{In: 784, Out: 256}, nn.ReLU{}, nn.LinearOptions{In: 256, Out: 10}}},
		{"lenet", []any{conv(1, 6, 5, 1, 2, 1), nn.ReLU{}, two, conv(6, 16, 5, 1, 0, 1), nn.ReLU{}, two, nn.FlattenOptions{},
			nn.LinearOptions{In: 400, Out: 120}, nn.ReLU{}, nn.LinearOptions{In: 120, Out: 84}, nn.ReLU{}, nn.LinearOptions{In: 84, Out: 10}}},
		{"cnn", []any{three(1, 32), norm(32), nn.ReLU{}, two, three(32, 64), norm(64), nn.ReLU{}, two, nn.FlattenOptions{},
			nn.LinearOptions{In: 3136, Out: 128}, nn.ReLU{}, nn.LinearOptions{In: 128, Out: 10}}},
	} {
		input := []int{1, 28, 28}
		for _, n := range []int{1, 8, 256} {
			x := samples(n, input).NoGrad().Evaluation()
			module := build(b, 1, input, specs(net.layers...)...)
			b.Run(net.name+"/"+string(rune('0'+min(n, 9)))+"/program", func(b *testing.B) {
				p, err := compiled.Compile(module, input, compiled.Options{Batch: n})
				if err != nil {
					b.Fatal(err)
				}
				dst := make([]float32, n*10)
				for b.Loop() {
					p.Run(dst, tensor.Data[float32](x))
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n*b.N), "ns/sample")
			})
			b.Run(net.name+"/"+string(rune('0'+min(n, 9)))+"/layers", func(b *testing.B) {
				for b.Loop() {
					module.Forward(x)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n*b.N), "ns/sample")
			})
		}
	}
}
