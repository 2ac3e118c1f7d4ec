package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestCrossEntropyRows(t *testing.T) {
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(21, 22))
		for _, shape := range rowShapes {
			rows, cols := shape[0], shape[1]
			if cols == 0 {
				continue // no label is in it
			}
			x, p, losses := drawRows(r, rows, cols), newBordered(rows*cols), newBordered(rows)
			labels := make([]int64, rows)
			for i := range labels {
				labels[i] = r.Int64N(int64(cols))
			}
			CrossEntropyRows(losses.inner, p.inner, x, labels, rows, cols)
			p.check(t)
			losses.check(t)
			for i := range rows {
				row, got := x[i*cols:(i+1)*cols], p.inner[i*cols:(i+1)*cols]
				most, sum := slices.Max(row), 0.0
				for _, v := range row {
					sum += math.Exp(float64(v - most))
				}
				for j, v := range row {
					want := math.Exp(float64(v-most)) / sum
					// Of the exponential, of each part of the sum, of its reciprocal and of the
					// product; what is too small to be normal is rounded to the grid of those.
					if !near(got[j], want, want*(2*unit+2*half)+math.SmallestNonzeroFloat32) {
						t.Fatalf("%v: row %d, column %d of %v: got %v, want %v", shape, i, j, row, got[j], want)
					}
				}
				want := math.Log(sum) - float64(row[labels[i]]-most)
				// One rounding, and the logarithm of a sum of which each part has the error of Exp.
				if got := losses.inner[i]; !near(got, want, half*math.Abs(want)+unit) {
					t.Fatalf("%v: row %d: got loss %v, want %v", shape, i, got, want)
				}
			}
			for i := range rows { // alone, and in place, each becomes the same
				row, loss := slices.Clone(x[i*cols:(i+1)*cols]), make([]float32, 1)
				CrossEntropyRows(loss, row, row, labels[i:], 1, cols)
				sameBits(t, row, p.inner[i*cols:(i+1)*cols])
				sameBits(t, loss, losses.inner[i:i+1])
			}
		}
	})
}

func TestCrossEntropyGradRows(t *testing.T) {
	const scale = float32(1) / 3
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(23, 24))
		for _, shape := range rowShapes {
			rows, cols := shape[0], shape[1]
			if cols == 0 {
				continue
			}
			p, dst, labels := drawRows(r, rows, cols), newBordered(rows*cols), make([]int64, rows)
			want := slices.Clone(p)
			for i := range labels {
				labels[i] = r.Int64N(int64(cols))
				want[i*cols+int(labels[i])]--
			}
			for i := range want {
				want[i] *= scale
			}
			CrossEntropyGradRows(dst.inner, p, labels, scale, rows, cols)
			dst.check(t)
			sameBits(t, dst.inner, want)
			CrossEntropyGradRows(p, p, labels, scale, rows, cols)
			sameBits(t, p, want)
		}
	})
}

// A label outside its row must not be looked up in another.
func TestCrossEntropyRefuses(t *testing.T) {
	forEach(t, func(t *testing.T) {
		for _, label := range []int64{-1, 3} {
			for name, f := range map[string]func(losses, x []float32, labels []int64){
				"CrossEntropyRows":     func(losses, x []float32, labels []int64) { CrossEntropyRows(losses, x, x, labels, 2, 3) },
				"CrossEntropyGradRows": func(_, x []float32, labels []int64) { CrossEntropyGradRows(x, x, labels, 1, 2, 3) },
			} {
				func() {
					defer func() {
						if recover() == nil {
							t.Errorf("%s took label %d", name, label)
						}
					}()
					f(make([]float32, 2), make([]float32, 6), []int64{label, 1})
				}()
			}
		}
	})
}

// TestLog compares the logarithm of sums with math.Log.
func TestLog(t *testing.T) {
	forEach(t, func(t *testing.T) {
		if active.vectors == nil || active.vectors.log == nil {
			t.Skip("math.Log is used")
		}
		r := rand.New(rand.NewPCG(25, 26))
		x := []float64{1, 2, 4, 10, math.Nextafter(1, 2), math.Sqrt2, math.Nextafter(math.Sqrt2, 2), math.NaN(), math.Copysign(math.NaN(), -1), 1 << 30, 1e300, math.MaxFloat64}
		for len(x) < 100000 {
			x = append(x, 1+math.Exp(8*r.NormFloat64()))
		}
		got := slices.Clone(x)
		active.vectors.log(len(got), &got[0])
		for i, v := range x {
			want := math.Log(v)
			if got := got[i]; !(math.Abs(got-want) <= 0x1p-52*want) && (got == got || want == want) {
				t.Fatalf("log(%v): got %v, want %v", v, got, want)
			}
		}
	})
}
