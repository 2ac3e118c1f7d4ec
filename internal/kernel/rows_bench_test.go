package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkRows measures all sets of kernels on a batch of ten classes and on longer rows.
func BenchmarkRows(b *testing.B) {
	defer func(i *implementation) { active = i }(active)
	for _, shape := range [][2]int{{256, 10}, {256, 300}} {
		rows, cols := shape[0], shape[1]
		x, y, dst, row := make([]float32, rows*cols), make([]float32, rows*cols), make([]float32, rows*cols), make([]float32, max(rows, cols))
		labels, index := make([]int64, rows), make([]int64, rows)
		r := rand.New(rand.NewPCG(19, 20))
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		for i := range labels {
			labels[i] = r.Int64N(int64(cols))
		}
		for _, c := range []struct {
			name string
			run  func()
		}{
			{"Exp", func() { Exp(dst, x) }},
			{"LogSoftmaxRows", func() { LogSoftmaxRows(dst, x, rows, cols) }},
			{"LogSoftmaxGradRows", func() { LogSoftmaxGradRows(dst, x, y, rows, cols) }},
			{"CrossEntropyRows", func() { CrossEntropyRows(row, dst, x, labels, rows, cols) }},
			{"CrossEntropyGradRows", func() { CrossEntropyGradRows(dst, y, labels, 1./256, rows, cols) }},
			{"SumCols", func() { SumCols(row, x, rows, cols) }},
			{"SumRows", func() { SumRows(row, x, rows, cols) }},
			{"ArgMaxRows", func() { ArgMaxRows(index, x, rows, cols) }},
			{"MaxRows", func() { MaxRows(row, x, rows, cols) }},
		} {
			for i := range available {
				active = &available[i]
				b.Run(fmt.Sprintf("%s/%dx%d/%s", c.name, rows, cols, active.name), func(b *testing.B) {
					b.ReportAllocs()
					b.SetBytes(int64(4 * len(x)))
					for b.Loop() {
						c.run()
					}
				})
			}
		}
	}
}
