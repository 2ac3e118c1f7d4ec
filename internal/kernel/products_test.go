package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/onehot-go/onehot/internal/parallel"
)

// sizes has each length by which something is cut, and its neighbours, beside lengths
// that have no divisor in common with any.
var (
	small = []int{0, 1, 2, 3, 4, 5, 13}
	edges = []int{6, 7, 8, 14, 15, 16, 17, 28, 31, 32, 33, 63, 64, 65, 127, 128, 129, 335, 336, 337, 399, 400, 401, 1023, 1024, 1025}
)

// forEach runs f once with each set of kernels that this machine has.
func forEach(t *testing.T, f func(t *testing.T)) {
	defer func(i *implementation) { active = i }(active)
	for i := range available {
		active = &available[i]
		t.Run(active.name, f)
	}
}

func TestChoose(t *testing.T) {
	for _, i := range available {
		if got, err := choose(i.name); err != nil || got.name != i.name {
			t.Errorf("%s: got %s, %v", i.name, got.name, err)
		}
	}
	if got, err := choose(""); err != nil || got != &available[0] {
		t.Errorf("the best: got %s, %v", got.name, err)
	}
	got, err := choose("sse9")
	if got != &available[0] || err == nil || !strings.HasPrefix(err.Error(), "ONEHOT_KERNEL=sse9: one of ") || !strings.HasSuffix(err.Error(), "generic expected on this machine") {
		t.Errorf("an unknown name: got %s, %v", got.name, err)
	}
}

// TestGemm compares products of small whole numbers, which are exact in any order of
// summing, with three plain loops.
func TestGemm(t *testing.T) {
	forEach(t, func(t *testing.T) {
		t.Run("float32", testGemm[float32])
		t.Run("float64", testGemm[float64])
	})
}

func testGemm[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	whole := func() T { return T(r.IntN(9) - 4) }
	for _, m := range small {
		for _, n := range small {
			for _, k := range small {
				for la := range layouts {
					for lb := range layouts {
						check(t, m, n, k, la, lb, whole)
					}
				}
			}
		}
	}
	for _, e := range edges {
		sizes := [][3]int{{e, 5, 3}, {5, e, 3}, {5, 3, e}, {e, e, 3}, {3, e, e}, {e, 3, e}}
		if e > 200 { // two such sides take long
			sizes = sizes[:3]
		}
		for _, size := range sizes {
			check(t, size[0], size[1], size[2], r.IntN(layouts), r.IntN(layouts), whole)
		}
	}
	check(t, 67, 515, 459, 0, 1, whole)
	for _, n := range []int{maxInPlace, maxInPlace + 1} {
		for la := range layouts {
			check(t, 39, n, 41, la, r.IntN(layouts), whole)
		}
	}
	for _, size := range [][2]int{{33, 16}, {33, 48}, {33, 80}, {33, 504}, {33, 512}, {33, 1008}, {33, 1024}, {128, 48}, {129, 48}, {maxRowsInPlace, 48}, {maxRowsInPlace + 1, 48}} {
		for la := range layouts { // b by rows, side by side or not
			check(t, size[0], size[1], 9, la, 0, whole)
			check(t, size[0], size[1], 9, la, 2, whole)
		}
	}
}

// TestGemmSkinny does what TestGemm does at the edges of what has kernels of its own: a
// short side and operands that are contiguous along the inner dimension, or a few rows
// and a second operand in row-major order.
func TestGemmSkinny(t *testing.T) {
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(21, 22))
		whole := func() float32 { return float32(r.IntN(9) - 4) }
		for short := 1; short <= 21; short++ {
			for _, long := range []int{1, 4, 11, 23, 64} {
				k := []int{127, 128, 129, 135, 137, 143, 144, 145}[r.IntN(8)]
				check(t, short, long, k, 2*r.IntN(2), 1+2*r.IntN(2), whole)
				check(t, long, short, k, 2*r.IntN(2), 1+2*r.IntN(2), whole)
			}
		}
		for _, k := range []int{1023, 1024, 1025, 2050} {
			check(t, 9, 6, k, 0, 1, whole)
			check(t, 6, 11, k, 2, 3, whole)
		}
		for rows := 1; rows <= 33; rows++ {
			for _, cols := range []int{1, 15, 16, 17, 31, 32, 33, 65, 97} {
				check(t, rows, cols, 15+r.IntN(4), r.IntN(layouts), 2*r.IntN(2), whole)
			}
			check(t, rows, 37, 255+r.IntN(3), r.IntN(layouts), 2*r.IntN(2), whole)
		}
	})
}

// check compares one product, with some epilogue, and looks at the memory around it.
func check[T Float](t *testing.T, m, n, k, la, lb int, draw func() T) {
	t.Helper()
	checkEpilogue(t, m, n, k, la, lb, 7*m+5*n+3*k+la+lb, draw)
}

func checkEpilogue[T Float](t *testing.T, m, n, k, la, lb, which int, draw func() T) {
	t.Helper()
	e := epilogue(which, n, draw)
	name := fmt.Sprintf("m %d, n %d, k %d, layouts %d and %d, %+v", m, n, k, la, lb, e)
	a, b := matrix(m, k, la, draw), matrix(k, n, lb, draw)
	const margin, canary = 16, 12345
	buf := slices.Repeat([]T{canary}, m*n+2*margin)
	c := buf[margin : margin+m*n]
	for i := range c {
		c[i] = T(math.NaN()) // what was there must not be read
		if e.Add {
			c[i] = draw()
		}
	}
	old := slices.Clone(c)
	Gemm(c, a, b, e)
	for i := range m {
		for j := range n {
			want := T(dot(a, b, i, j))
			if e.Add {
				want += old[i*n+j]
			}
			if e.Bias != nil {
				want += e.Bias[j]
			}
			if e.ReLU {
				want = max(want, 0)
			}
			if c[i*n+j] != want {
				t.Fatalf("%s: element (%d, %d): got %v, want %v", name, i, j, c[i*n+j], want)
			}
		}
	}
	for i := range margin {
		if buf[i] != canary || buf[len(buf)-1-i] != canary {
			t.Fatalf("%s: memory around the result was written", name)
		}
	}
}

// epilogue returns one of the eight there are, with as many drawn elements of bias.
func epilogue[T Float](which, n int, draw func() T) Epilogue[T] {
	e := Epilogue[T]{Add: which&1 != 0, ReLU: which&2 != 0}
	if which&4 != 0 {
		e.Bias = make([]T, n)
		for j := range e.Bias {
			e.Bias[j] = draw()
		}
	}
	return e
}

// TestGemmEpilogue looks at all epilogues together with each way in which products are
// computed.
func TestGemmEpilogue(t *testing.T) {
	forEach(t, func(t *testing.T) {
		t.Run("float32", testGemmEpilogue[float32])
		t.Run("float64", testGemmEpilogue[float64])
	})
}

func testGemmEpilogue[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	whole := func() T { return T(r.IntN(9) - 4) }
	for _, size := range []struct{ m, n, k, la, lb int }{
		{33, 70, 300, 0, 1}, {5, 3, 0, 0, 1}, // tiles; nothing to sum up
		{30, 9, 1030, 0, 1}, {3, 12, 130, 0, 1}, // dots
		{10, 100, 256, 1, 0}, {12, 77, 131, 0, 0}, // directly, in strips that are shared
	} {
		for which := range 8 {
			checkEpilogue(t, size.m, size.n, size.k, size.la, size.lb, which, whole)
		}
	}
}

// dot returns the sum of a[i][l]·b[l][j].
func dot[T Float](a, b Matrix[T], i, j int) float64 {
	sum := 0.0
	for l := range a.Cols {
		sum += at(a, i, l) * at(b, l, j)
	}
	return sum
}

func at[T Float](m Matrix[T], i, j int) float64 { return float64(m.Data[i*m.RowStride+j*m.ColStride]) }

// layouts is the number of ways in which matrix lays elements out.
const layouts = 6

// matrix returns a matrix of drawn elements: by rows or by columns, without gaps, with a
// gap behind each row or column, or between all elements. Gaps hold NaN, and the slice
// ends with the last element.
func matrix[T Float](rows, cols, layout int, draw func() T) Matrix[T] {
	m := Matrix[T]{Rows: rows, Cols: cols}
	gap, step := 0, 1
	switch layout / 2 {
	case 1:
		gap = 3
	case 2:
		gap, step = 1, 2
	}
	if layout%2 == 0 {
		m.RowStride, m.ColStride = cols*step+gap, step
	} else {
		m.RowStride, m.ColStride = step, rows*step+gap
	}
	if rows > 0 && cols > 0 {
		m.Data = make([]T, (rows-1)*m.RowStride+(cols-1)*m.ColStride+1)
	}
	for i := range m.Data {
		m.Data[i] = T(math.NaN())
	}
	for i := range rows {
		for j := range cols {
			m.Data[i*m.RowStride+j*m.ColStride] = draw()
		}
	}
	return m
}

// TestGemmRounding holds sums of numbers that do round to the bound of their error: k
// roundings, each of half a unit in the last place of what is added up so far.
func TestGemmRounding(t *testing.T) {
	forEach(t, func(t *testing.T) {
		t.Run("float32", func(t *testing.T) { testGemmRounding[float32](t, 0x1p-24) })
		t.Run("float64", func(t *testing.T) { testGemmRounding[float64](t, 0x1p-53) })
	})
}

func testGemmRounding[T Float](t *testing.T, unit float64) {
	const m, n, k = 33, 35, 600
	r := rand.New(rand.NewPCG(3, 4))
	draw := func() T { return T(r.NormFloat64()) }
	a, b := matrix(m, k, 0, draw), matrix(k, n, 0, draw)
	c := make([]T, m*n)
	Gemm(c, a, b, Epilogue[T]{})
	for i := range m {
		for j := range n {
			exact, size := new(kahan), 0.0
			for l := range k {
				exact.add(at(a, i, l) * at(b, l, j))
				size += math.Abs(at(a, i, l) * at(b, l, j))
			}
			if got := float64(c[i*n+j]); math.Abs(got-exact.sum) > (k+1)*unit*size {
				t.Fatalf("element (%d, %d): got %v, want %v", i, j, got, exact.sum)
			}
		}
	}
}

// kahan adds up with the roundings carried along.
type kahan struct{ sum, lost float64 }

func (k *kahan) add(v float64) {
	v -= k.lost
	sum := k.sum + v
	k.lost = (sum - k.sum) - v
	k.sum = sum
}

// A NaN or an infinity reaches every element that it is part of and no other, and is not
// hidden by a 0.
func TestGemmSpecial(t *testing.T) { forEach(t, testGemmSpecial) }

func testGemmSpecial(t *testing.T) {
	const m, n, k = 7, 9, 300
	for _, special := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for _, l := range []int{0, 1, 127, 128, k - 1} {
			zero := func() float32 { return 0 }
			a, b := matrix(m, k, 0, zero), matrix(k, n, 1, zero)
			a.Data[5*a.RowStride+l*a.ColStride] = float32(special)
			b.Data[l*b.RowStride+2*b.ColStride] = 1
			for _, relu := range []bool{false, true} {
				c := make([]float32, m*n)
				Gemm(c, a, b, Epilogue[float32]{ReLU: relu})
				for i, got := range c {
					want := 0.0
					switch {
					case i/n == 5 && i%n == 2:
						want = special
						if relu {
							want = max(want, 0)
						}
					case i/n == 5: // 0·Inf
						want = math.NaN()
					}
					if g := float64(got); g != want && !(math.IsNaN(g) && math.IsNaN(want)) {
						t.Errorf("%v at %d, ReLU %v: element (%d, %d): got %v, want %v", special, l, relu, i/n, i%n, got, want)
					}
				}
			}
		}
	}
}

func TestGemmSameBitsForAnyThreads(t *testing.T) {
	forEach(t, func(t *testing.T) {
		t.Run("float32", testGemmSameBitsForAnyThreads[float32])
		t.Run("float64", testGemmSameBitsForAnyThreads[float64])
	})
}

func testGemmSameBitsForAnyThreads[T Float](t *testing.T) {
	defer parallel.SetThreads(0)
	r := rand.New(rand.NewPCG(5, 6))
	draw := func() T { return T(r.NormFloat64()) }
	for _, size := range [][3]int{
		{257, 31, 300}, {31, 257, 300}, {128, 128, 128}, {2, 3000, 40}, {3001, 3, 40}, {1, 1, 5000}, {1100, 10, 784}, {3, 1100, 784},
		{10, 784, 256}, {30, 700, 3300}, // with strips that are shared, and with too many for that
	} {
		m, n, k := size[0], size[1], size[2]
		if active.skinny == nil && k == 3300 {
			continue // tiles know no strips to be shared, and take long in pure Go
		}
		for layout := range 2 {
			a, b := matrix(m, k, layout, draw), matrix(k, n, layout, draw)
			old, e := matrix(m, n, 0, draw).Data, epilogue(7, n, draw)
			var want []T
			for _, threads := range []int{1, 2, 3, 5, 8} {
				parallel.SetThreads(threads)
				c := slices.Clone(old)
				Gemm(c, a, b, e)
				if want == nil {
					want = c
				}
				if i := slices.IndexFunc(c, func(v T) bool { return v != v }); i >= 0 {
					t.Fatalf("%v: element %d is NaN", size, i)
				}
				if !slices.Equal(c, want) {
					t.Fatalf("%v, layout %d: %d threads give other bits than 1", size, layout, threads)
				}
			}
		}
	}
}

// TestGemmOnTheWay compares the products for callers that share work themselves with Gemm, and those
// of rows that are written on the way with GemmSamples: the same bits, and every row written once.
func TestGemmOnTheWay(t *testing.T) {
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 5))
		for _, shape := range [][3]int{{1, 1, 1}, {4, 784, 10}, {33, 784, 10}, {7, 130, 5}, {32, 40, 50}, {10, 16, 784}, {10, 32, 100}, {0, 5, 3}, {3, 0, 4}} {
			m, k, n := shape[0], shape[1], shape[2]
			draw := func(n int) []float32 {
				s := make([]float32, n)
				for i := range s {
					s[i] = float32(r.NormFloat64())
				}
				return s
			}
			for _, dots := range []bool{true, false} { // b by columns, or by rows
				source, b := draw(m*k), Matrix[float32]{Data: draw(k * n), Rows: k, Cols: n, RowStride: n, ColStride: 1}
				if dots {
					b.RowStride, b.ColStride = 1, k
				}
				e := Epilogue[float32]{Bias: draw(n)}
				a := Matrix[float32]{Data: source, Rows: m, Cols: k, RowStride: k, ColStride: 1}
				want, here, samples, ready := make([]float32, m*n), make([]float32, m*n), make([]float32, m*n), make([]float32, m*n)
				Gemm(want, a, b, e)
				GemmSamples(samples, a, b, e)
				GemmHere(here, a, b, e)
				written := make([]atomic.Int32, m)
				later := a
				later.Data = make([]float32, m*k)
				GemmRows(ready, later, b, e, func(lo, hi int) {
					copy(later.Data[lo*k:hi*k], source[lo*k:hi*k])
					for i := lo; i < hi; i++ {
						written[i].Add(1)
					}
				})
				if !slices.Equal(here, want) || !slices.Equal(ready, samples) {
					t.Errorf("%v, dots %v: the roads differ", shape, dots)
				}
				for i := range written {
					if got := written[i].Load(); got != 1 {
						t.Errorf("%v, dots %v: row %d written %d times", shape, dots, i, got)
					}
				}
			}
		}
	})
}
