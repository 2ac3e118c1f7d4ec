package kernel

import (
	"fmt"
	"testing"

	"github.com/onehot-go/onehot/internal/parallel"
)

// forEachBench runs f with each set of kernels, on one and on two threads.
func forEachBench(b *testing.B, f func(b *testing.B)) {
	defer func(i *implementation) { active = i }(active)
	defer parallel.SetThreads(0)
	for i := range available {
		active = &available[i]
		for _, threads := range []int{1, 2} {
			parallel.SetThreads(threads)
			b.Run(fmt.Sprintf("%s/threads=%d", active.name, threads), f)
		}
	}
}

// BenchmarkGemm measures the products of a square matrix, and those of a step of training
// with 256 samples: of a hidden layer of 256, its weights' gradient and its input's, of
// the classes and their weights' gradient; and of a few samples to be served.
func BenchmarkGemm(b *testing.B) {
	for _, c := range []struct {
		name             string
		m, n, k          int
		aLayout, bLayout int
	}{
		{"square", 2048, 2048, 2048, 0, 0},
		{"hidden", 256, 256, 784, 0, 1},
		{"hidden_weight", 256, 784, 256, 1, 0},
		{"hidden_input", 256, 784, 256, 0, 0},
		{"classes", 256, 10, 784, 0, 1},
		{"classes_weight", 10, 784, 256, 1, 0},
		{"serve1", 1, 256, 784, 0, 1},
		{"serve8", 8, 256, 784, 0, 1},
		{"serve1_classes", 1, 10, 784, 0, 1},
	} {
		b.Run(fmt.Sprintf("%s/%dx%dx%d", c.name, c.m, c.n, c.k), func(b *testing.B) {
			forEachBench(b, func(b *testing.B) {
				if c.m == 2048 && active.name == "generic" {
					b.Skip("takes seconds")
				}
				one := func() float32 { return 1 }
				x, y, out := matrix(c.m, c.k, c.aLayout, one), matrix(c.k, c.n, c.bLayout, one), make([]float32, c.m*c.n)
				for b.Loop() {
					Gemm(out, x, y, Epilogue[float32]{})
				}
				b.ReportMetric(2*float64(c.m)*float64(c.n)*float64(c.k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		})
	}
}

// BenchmarkFMALoop measures what a core can do.
func BenchmarkFMALoop(b *testing.B) {
	defer func(i *implementation) { active = i }(active)
	for i := range available {
		active = &available[i]
		b.Run(active.name, func(b *testing.B) {
			flops := 0.0
			for b.Loop() {
				flops += FMALoop(1 << 12)
			}
			b.ReportMetric(flops/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
