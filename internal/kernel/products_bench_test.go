package kernel

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

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

// product is a product of matrices, (m, k) by (k, n), that is measured.
type product struct {
	name             string
	m, n, k          int
	aLayout, bLayout int
	samples          bool // the rows of a, which may be few
}

func (p product) String() string { return fmt.Sprintf("%s/%dx%dx%d", p.name, p.m, p.n, p.k) }

func (p product) flops() float64 { return 2 * float64(p.m) * float64(p.n) * float64(p.k) }

// multiply returns what computes it once.
func (p product) multiply() func() {
	one := func() float32 { return 1 }
	x, y, out := matrix(p.m, p.k, p.aLayout, one), matrix(p.k, p.n, p.bLayout, one), make([]float32, p.m*p.n)
	if p.samples {
		return func() { GemmSamples(out, x, y, Epilogue[float32]{}) }
	}
	return func() { Gemm(out, x, y, Epilogue[float32]{}) }
}

// largeProducts are that of a square matrix, and those of a step of training with 256 samples: of a
// hidden layer of 256, its weights' gradient and its input's.
var largeProducts = []product{
	{"square", 2048, 2048, 2048, 0, 0, false},
	{"hidden", 256, 256, 784, 0, 1, true},
	{"hidden_weight", 256, 784, 256, 1, 0, false},
	{"hidden_input", 256, 784, 256, 0, 0, false},
}

// BenchmarkGemm measures large products, those of the classes and their weights' gradient, and of
// a few samples to be served.
func BenchmarkGemm(b *testing.B) {
	for _, p := range append(slices.Clone(largeProducts),
		product{"classes", 256, 10, 784, 0, 1, true},
		product{"classes_weight", 10, 784, 256, 1, 0, false},
		product{"serve1", 1, 256, 784, 0, 1, true},
		product{"serve8", 8, 256, 784, 0, 1, true},
		product{"serve1_classes", 1, 10, 784, 0, 1, true},
	) {
		b.Run(p.String(), func(b *testing.B) {
			forEachBench(b, func(b *testing.B) {
				if p.m == 2048 && active.name == "generic" {
					b.Skip("takes seconds")
				}
				multiply := p.multiply()
				for b.Loop() {
					multiply()
				}
				b.ReportMetric(p.flops()*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		})
	}
}

// BenchmarkGemmAlone measures products on one thread while no other program shares the core, the
// median of those before and after which a loop of integer operations had its full pace: a
// program on the core's other thread takes four tenths of that, and a quarter of a product. Where
// there were none the figures are NaN.
func BenchmarkGemmAlone(b *testing.B) {
	defer parallel.SetThreads(0)
	parallel.SetThreads(1)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	data, fastest := make([]uint64, 4096), 0.0
	pace := func() float64 {
		start, rounds := time.Now(), 0.0
		for ; time.Since(start) < 500*time.Microsecond; rounds++ {
			data[0] = integers(data)
		}
		rate := rounds / time.Since(start).Seconds()
		fastest = max(fastest, rate)
		return rate
	}
	type sample struct{ pace, rate float64 }
	measure := func(work func() (flops float64)) sample {
		before, start := pace(), time.Now()
		flops := work()
		took := time.Since(start).Seconds()
		return sample{min(before, pace()), flops / took / 1e9}
	}
	alone := func(samples []sample) (n int, median float64) {
		var rates []float64
		for _, s := range samples {
			if s.pace > 0.85*fastest {
				rates = append(rates, s.rate)
			}
		}
		if len(rates) == 0 {
			return 0, math.NaN()
		}
		slices.Sort(rates)
		return len(rates), rates[len(rates)/2]
	}
	for _, p := range largeProducts {
		b.Run(p.String(), func(b *testing.B) {
			multiply := p.multiply()
			var products, ceilings []sample
			for b.Loop() {
				ceilings = append(ceilings, measure(func() float64 { return FMALoop(1 << 16) }))
				products = append(products, measure(func() float64 {
					multiply()
					return p.flops()
				}))
			}
			n, rate := alone(products)
			_, ceiling := alone(ceilings)
			b.ReportMetric(float64(n), "products")
			b.ReportMetric(rate, "GFLOP/s")
			b.ReportMetric(100*rate/ceiling, "%")
		})
	}
}

// integers is a loop of integer operations that do not wait for each other.
func integers(data []uint64) uint64 {
	var s0, s1, s2, s3, s4, s5 uint64
	for ; len(data) >= 6; data = data[6:] {
		s0 += data[0] ^ s0<<1
		s1 += data[1] ^ s1<<1
		s2 += data[2] ^ s2<<1
		s3 += data[3] ^ s3<<1
		s4 += data[4] ^ s4<<1
		s5 += data[5] ^ s5<<1
	}
	return s0 ^ s1 ^ s2 ^ s3 ^ s4 ^ s5
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
