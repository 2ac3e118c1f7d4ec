package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/onehot-go/onehot/internal/parallel"
)

// drawChannels returns numbers of channels, of which a part makes results that are 0.
func drawChannels(r *rand.Rand, n int) []Channel[float32] {
	channels := make([]Channel[float32], n)
	for i := range channels {
		f := func() float32 { return float32(r.NormFloat64()) }
		if channels[i] = (Channel[float32]{f(), f(), f(), f(), f()}); i%5 == 4 {
			channels[i].Scale, channels[i].Offset = 0, 0
		}
	}
	return channels
}

// TestBatchNorm compares the kernels with plain loops, bit for bit but for sums, on planes
// of all small sizes that begin anywhere.
func TestBatchNorm(t *testing.T) {
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(21, 22))
		for _, shape := range rowShapes {
			planes, size := shape[0], shape[1]
			x, g, by := drawRows(r, planes, size), drawRows(r, planes, size), drawChannels(r, planes)
			for _, relu := range []bool{false, true} {
				dst, want := newBordered(planes*size), make([]float32, planes*size)
				Normalize(dst.inner, x, by, size, relu)
				for i, v := range x {
					c := by[i/size]
					want[i] = float32((v-c.Mean)*c.Scale) + c.Offset
					if relu && want[i] < 0 {
						want[i] = 0
					}
				}
				sameBits(t, dst.inner, want)
				dst.check(t)

				active := make([]float32, len(g)) // g where the result is positive, or all
				for i, v := range g {
					if !relu || !(want[i] <= 0) {
						active[i] = v
					}
				}
				for i, v := range active {
					c := by[i/size]
					want[i] = float32(v*c.Scale) + (float32((x[i]-c.Mean)*c.Slope) + c.Shift)
				}
				Grad(dst.inner, g, x, by, size, relu)
				sameBits(t, dst.inner, want)
				dst.check(t)

				sums, dots := make([]float64, planes), make([]float64, planes)
				GradMoments(sums, dots, g, x, by, size, relu)
				for c := range by {
					var sum, dot, sumOf, dotOf float64
					for i := c * size; i < (c+1)*size; i++ {
						d := float64(x[i] - by[c].Mean)
						sum, sumOf = sum+float64(active[i]), sumOf+math.Abs(float64(active[i]))
						dot, dotOf = dot+float64(active[i])*d, dotOf+math.Abs(float64(active[i])*d)
					}
					nearSum(t, fmt.Sprint(shape, " relu ", relu, " sum ", c), sums[c], sum, sumOf)
					nearSum(t, fmt.Sprint(shape, " relu ", relu, " dot ", c), dots[c], dot, dotOf)
				}
			}
			sums, squares := make([]float64, planes), make([]float64, planes)
			Moments(sums, squares, x, by, size)
			for c := range by {
				var sum, square, sumOf float64
				for _, v := range x[c*size : (c+1)*size] {
					d := float64(v) - float64(by[c].Mean)
					sum, square, sumOf = sum+d, square+d*d, sumOf+math.Abs(d)
				}
				nearSum(t, fmt.Sprint(shape, " sum ", c), sums[c], sum, sumOf)
				nearSum(t, fmt.Sprint(shape, " square ", c), squares[c], square, square)
			}
		}
	})
}

// nearSum fails unless got is want to the rounding of terms whose magnitudes add up to of,
// in any order.
func nearSum(t *testing.T, name string, got, want, of float64) {
	t.Helper()
	if of > 1e300 || math.IsNaN(of) { // the order decides where it overflows, and what becomes of infinities
		return
	}
	if !(math.Abs(got-want) <= 1e-13*of) {
		t.Fatalf("%s: got %v, want %v", name, got, want)
	}
}

// TestMaxPool2x2 compares the kernels with plain loops, bit for bit, on planes of all small
// sizes, some elements of which are equal.
func TestMaxPool2x2(t *testing.T) {
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(23, 24))
		for planes := range 4 {
			for height := range 8 {
				for width := range 75 {
					testMaxPool2x2(t, r, planes, height, width)
				}
			}
		}
	})
}

func testMaxPool2x2(t *testing.T, r *rand.Rand, planes, height, width int) {
	name := fmt.Sprintf("%d×%d×%d", planes, height, width)
	n, squares := planes*height*width, planes*(height/2)*(width/2)
	x, g, by := drawRows(r, planes*height, width), drawRows(r, 1, squares), drawChannels(r, planes)
	for i := range len(x) / 4 {
		x[r.IntN(len(x))] = x[i]
	}
	dst, back := newBordered(squares), newBordered(n)
	for _, c := range []struct{ norm, relu bool }{{false, false}, {false, true}, {true, false}} {
		winners := make([]uint8, squares+2)
		if c.norm {
			PreNormMaxPool2x2(dst.inner, winners[1:], x, by, height, width)
			PreNormMaxPool2x2Grad(back.inner, g, winners[1:], x, by, height, width)
		} else {
			MaxPool2x2(dst.inner, winners[1:], x, planes, height, width, c.relu)
			MaxPool2x2Grad(back.inner, g, winners[1:], planes, height, width)
		}
		for _, b := range []bordered{dst, back} {
			b.check(t)
		}
		if winners[0] != 0 || winners[squares+1] != 0 {
			t.Fatal(name, ": memory around the winners was written")
		}
		want, wantBack := make([]float32, squares), make([]float32, n)
		if c.norm {
			for i := range x {
				b := by[i/(height*width)]
				wantBack[i] = float32((x[i]-b.Mean)*b.Slope) + b.Shift
			}
		}
		for i := range want {
			cols := width / 2
			plane, row, col := i/(height/2*cols), i/cols%(height/2), i%cols
			at := (plane*height+2*row)*width + 2*col
			winner, from := 0, at
			for k, at := range [4]int{at, at + 1, at + width, at + width + 1} {
				v := x[at]
				over := v > want[i]
				if c.norm && by[plane].Scale < 0 {
					over = v < want[i]
				}
				if k == 0 || over || v != v {
					winner, from, want[i] = k, at, v
				}
			}
			if c.relu && want[i] <= 0 {
				winner = NoWinner
				if want[i] < 0 {
					want[i] = 0
				}
			} else if c.norm {
				wantBack[from] += g[i]
			} else {
				wantBack[from] = g[i]
			}
			if got := winners[1+i]; int(got) != winner {
				t.Fatalf("%s, %+v: square %d: got winner %d, want %d", name, c, i, got, winner)
			}
		}
		sameBits(t, dst.inner, want)
		sameBits(t, back.inner, wantBack)
	}
}

// BenchmarkNorms measures the passes over the activations of 256 pictures of 32 channels of
// 28×28, which are in no cache.
func BenchmarkNorms(b *testing.B) {
	const planes, size = 256 * 32, 28 * 28
	r := rand.New(rand.NewPCG(25, 26))
	x, g, dst, by := make([]float32, planes*size), make([]float32, planes*size), make([]float32, planes*size), drawChannels(r, planes)
	for i := range x {
		x[i], g[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
	}
	first, second, winners := make([]float64, planes), make([]float64, planes), make([]uint8, planes*size/4)
	for _, c := range []struct {
		name  string
		bytes int64 // of an element
		run   func(lo, hi int)
	}{
		{"Moments", 4, func(lo, hi int) { Moments(first[lo:hi], second[lo:hi], x[lo*size:], by[lo:hi], size) }},
		{"Normalize", 8, func(lo, hi int) { Normalize(dst[lo*size:], x[lo*size:], by[lo:hi], size, true) }},
		{"GradMoments", 8, func(lo, hi int) {
			GradMoments(first[lo:hi], second[lo:hi], g[lo*size:], x[lo*size:], by[lo:hi], size, true)
		}},
		{"Grad", 12, func(lo, hi int) { Grad(dst[lo*size:], g[lo*size:], x[lo*size:], by[lo:hi], size, true) }},
		{"MaxPool2x2", 5, func(lo, hi int) {
			MaxPool2x2(dst[lo*size/4:], winners[lo*size/4:], x[lo*size:], hi-lo, 28, 28, true)
		}},
		{"MaxPool2x2Grad", 5, func(lo, hi int) {
			MaxPool2x2Grad(dst[lo*size:], g[lo*size/4:], winners[lo*size/4:], hi-lo, 28, 28)
		}},
		{"PreNormMaxPool2x2", 5, func(lo, hi int) {
			PreNormMaxPool2x2(dst[lo*size/4:], winners[lo*size/4:], x[lo*size:], by[lo:hi], 28, 28)
		}},
		{"PreNormMaxPool2x2Grad", 9, func(lo, hi int) {
			PreNormMaxPool2x2Grad(dst[lo*size:], g[lo*size/4:], winners[lo*size/4:], x[lo*size:], by[lo:hi], 28, 28)
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(c.bytes * planes * size)
			for b.Loop() {
				parallel.For(planes, 1, c.run)
			}
		})
	}
}
