package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/internal/parallel"
)

// batches are numbers of samples below, at and above those at which products or convolutions
// could be computed in another way.
var batches = []int{1, 2, 3, 4, 5, 8, 16, 21, 32, 33, 100}

// equalBits reports whether x and y have the same elements, to the bit.
func equalBits[T Float](x, y []T) bool {
	return slices.EqualFunc(x, y, func(a, b T) bool { return math.Float64bits(float64(a)) == math.Float64bits(float64(b)) })
}

// TestGemmSamples holds that a row of the result has the same bits whatever the number of rows, of
// threads and whether the rows are written while they are multiplied, and that these are the bits of
// Gemm's many rows.
func TestGemmSamples(t *testing.T) {
	forEach(t, func(t *testing.T) {
		t.Run("float32", testGemmSamples[float32])
		t.Run("float64", testGemmSamples[float64])
	})
}

func testGemmSamples[T Float](t *testing.T) {
	defer parallel.SetThreads(0)
	r := rand.New(rand.NewPCG(31, 32))
	draw := func() T { return T(r.NormFloat64()) }
	most := batches[len(batches)-1]
	for _, size := range [][2]int{{10, 784}, {70, 784}, {10, 84}, {48, 132}, {17, 513}, {20, 1100}, {33, 16}, {1, 7}} {
		n, k := size[0], size[1]
		bias := make([]T, n)
		for j := range bias {
			bias[j] = draw()
		}
		e := Epilogue[T]{Bias: bias, ReLU: n != 10}
		for la := range 3 { // by rows, by columns, and by rows with gaps
			for _, lb := range []int{0, 1, 3} {
				a, b := matrix(most, k, la, draw), matrix(k, n, lb, draw)
				parallel.SetThreads(1)
				want := make([]T, most*n)
				Gemm(want, a, b, e)
				for i, rows := range batches {
					parallel.SetThreads(1 + i%3)
					from := r.IntN(most - rows + 1)
					got := make([]T, rows*n)
					x := a.block(from, 0, rows, k)
					GemmSamples(got, x, b, e)
					name := fmt.Sprintf("%d×%d×%d, layouts %d and %d", rows, n, k, la, lb)
					if !equalBits(got, want[from*n:][:rows*n]) {
						t.Errorf("%s: other bits than among %d samples", name, most)
					}
					if got32, ok := any(got).([]float32); ok && x.ColStride == 1 {
						clear(got32)
						GemmRows(got32, any(x).(Matrix[float32]), any(b).(Matrix[float32]), any(e).(Epilogue[float32]), func(int, int) {})
						if !equalBits(got, want[from*n:][:rows*n]) {
							t.Errorf("%s: other bits where rows are written first", name)
						}
					}
				}
			}
		}
	}
}

// TestConvolveSamples holds that the results of a picture have the same bits whatever the number of
// pictures and of threads.
func TestConvolveSamples(t *testing.T) {
	forEach(t, func(t *testing.T) {
		t.Run("float32", testConvolveSamples[float32])
		t.Run("float64", testConvolveSamples[float64])
	})
}

func testConvolveSamples[T Float](t *testing.T) {
	defer parallel.SetThreads(0)
	r := rand.New(rand.NewPCG(33, 34))
	drawn := func(n int) []T {
		s := make([]T, n)
		for i := range s {
			s[i] = T(r.NormFloat64())
		}
		return s
	}
	one, two, three, five := [2]int{1, 1}, [2]int{2, 2}, [2]int{3, 3}, [2]int{5, 5}
	for _, c := range []Conv2d{
		{Channels: 1, Filters: 6, Size: [2]int{28, 28}, Kernel: five, Padding: two},
		{Channels: 6, Filters: 16, Size: [2]int{14, 14}, Kernel: five},
		{Channels: 1, Filters: 32, Size: [2]int{28, 28}, Kernel: three, Padding: one},
		{Channels: 16, Filters: 17, Size: [2]int{9, 8}, Kernel: three, Padding: one},
		{Channels: 32, Filters: 64, Size: [2]int{14, 14}, Kernel: three, Padding: one},
		{Channels: 16, Filters: 32, Size: [2]int{14, 14}, Kernel: three, Padding: one, Stride: two},
		{Channels: 16, Filters: 32, Size: [2]int{7, 7}, Kernel: one},
		{Channels: 4, Filters: 6, Size: [2]int{9, 11}, Kernel: three, Groups: 2, Dilation: two},
	} {
		for _, pair := range []*[2]int{&c.Stride, &c.Dilation} {
			if *pair == [2]int{} {
				*pair = one
			}
		}
		c.Groups, c.Images = max(1, c.Groups), 33
		out := c.Out()
		xSize, ySize := c.Channels*c.Size[0]*c.Size[1], c.Filters*out[0]*out[1]
		x, w, bias := drawn(c.Images*xSize), drawn(c.Filters*c.Channels/c.Groups*c.Kernel[0]*c.Kernel[1]), drawn(c.Filters)
		parallel.SetThreads(1)
		want := make([]T, c.Images*ySize)
		Convolve(c, want, x, w, bias, nil)
		most := c.Images
		for i, images := range batches {
			if images > most {
				break
			}
			parallel.SetThreads(1 + i%3)
			from := r.IntN(most - images + 1)
			got := make([]T, images*ySize)
			c.Images = images
			Convolve(c, got, x[from*xSize:], w, bias, nil)
			if !equalBits(got, want[from*ySize:][:images*ySize]) {
				t.Errorf("%+v: other bits than among %d pictures", c, most)
			}
		}
	}
}
