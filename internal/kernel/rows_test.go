package kernel

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/onehot-go/onehot/internal/parallel"
)

var exhaustive = flag.Bool("exhaustive", false, "test all 2^32 values of float32")

// TestExp compares e^x with math.Exp: a part of all bit patterns, spread over all
// exponents and signs, and all about the edges where the result leaves the normal
// numbers. The flag -exhaustive makes it all of them.
func TestExp(t *testing.T) {
	forEach(t, func(t *testing.T) {
		if *exhaustive {
			worst := make([]worstExp, runtime.GOMAXPROCS(0))
			var wait sync.WaitGroup
			for i := range worst {
				wait.Go(func() {
					n := uint64(len(worst))
					worst[i].over(uint64(i)<<32/n, uint64(i+1)<<32/n, 1)
				})
			}
			wait.Wait()
			for _, w := range worst {
				t.Logf("greatest error %v units at %v", w.units, w.at)
				w.check(t)
			}
			return
		}
		var w worstExp
		w.over(0, 1<<32, 4099)
		// To 2 on either side: 0, ln of the greatest, of the least normal and of half the
		// least denormal float32, and the infinities.
		for _, v := range []float32{0, 88.722839, -87.336545, -103.97208, float32(math.Inf(1)), float32(math.Inf(-1))} {
			bits := uint64(math.Float32bits(v))
			w.over(max(bits, 1<<12)-1<<12, bits+1<<12, 1)
		}
		w.check(t)
	})
}

// worstExp is the greatest error of Exp.
type worstExp struct {
	units float64
	at    float32
	wrong string // what has no error in units
}

// over looks at the bit patterns from lo to hi, step apart.
func (w *worstExp) over(lo, hi, step uint64) {
	x, y := make([]float32, 0, 1000), make([]float32, 1000)
	for bits := lo; bits < hi; {
		x = x[:0]
		for ; bits < hi && len(x) < cap(x); bits += step {
			x = append(x, math.Float32frombits(uint32(bits)))
		}
		Exp(y[:len(x)], x)
		for i, x := range x {
			exact, got := math.Exp(float64(x)), float64(y[i])
			switch {
			case float32(exact) == y[i]:
				exact = got // right as it can be, at infinity too
			case x != x && got != got:
				continue
			case math.IsInf(got, 0) || got != got || math.IsInf(float64(float32(exact)), 0) || x != x || got < 0 || math.Signbit(got):
				w.wrong = fmt.Sprintf("e^%v (%#x): got %v, want %v", x, math.Float32bits(x), got, exact)
			}
			_, exponent := math.Frexp(exact)
			unit := math.Ldexp(1, max(exponent-24, -149))
			if units := math.Abs(got-exact) / unit; units > w.units {
				w.units, w.at = units, x
			}
		}
	}
}

func (w *worstExp) check(t *testing.T) {
	t.Helper()
	if w.wrong != "" {
		t.Error(w.wrong)
	}
	if w.units > 1 {
		t.Errorf("e^%v: off by %v units in the last place, at most 1 expected", w.at, w.units)
	}
}

// rowShapes has rows longer and shorter than registers, and more rows than are taken at a
// time.
var rowShapes = func() [][2]int {
	shapes := [][2]int{{0, 5}, {5, 0}, {1, 1}, {64, 10}, {65, 10}, {131, 11}, {3, 127}, {2, 257}, {7, 300}}
	for cols := 1; cols <= 50; cols++ {
		shapes = append(shapes, [2]int{3, cols})
	}
	return shapes
}()

// bordered is a slice that begins anywhere in a longer one, and must be all of it that
// is written.
type bordered struct{ all, inner []float32 }

const border, canary = 7, 12345

func newBordered(n int) bordered {
	all := slices.Repeat([]float32{canary}, n+2*border)
	return bordered{all, all[border : border+n : border+n]}
}

func (b bordered) check(t *testing.T) {
	t.Helper()
	for i := range border {
		if b.all[i] != canary || b.all[len(b.all)-1-i] != canary {
			t.Fatal("memory around the result was written")
		}
	}
}

// drawRows returns a matrix that begins anywhere, in which every other row has special
// values.
func drawRows(r *rand.Rand, rows, cols int) []float32 {
	s := make([]float32, rows*cols+3)[3:]
	for i := range s {
		s[i] = float32(4 * r.NormFloat64())
		if i/cols%2 == 1 && r.IntN(max(1, cols/2)) == 0 {
			s[i] = specials[r.IntN(len(specials))]
		}
	}
	return s
}

// near says whether got is within bound of want, or is as special.
func near(got float32, want, bound float64) bool {
	if math.IsNaN(want) || math.IsInf(float64(float32(want)), 0) {
		return float64(got) == float64(float32(want)) || got != got && want != want
	}
	return math.Abs(float64(got)-want) <= bound
}

const (
	half = 0x1p-24 // a rounding of float32
	unit = 0x1p-23 // the error of Exp, at most
)

func TestLogSoftmaxRows(t *testing.T) {
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(11, 12))
		for _, shape := range rowShapes {
			rows, cols := shape[0], shape[1]
			x, dst := drawRows(r, rows, cols), newBordered(rows*cols)
			LogSoftmaxRows(dst.inner, x, rows, cols)
			dst.check(t)
			for i := range rows {
				row, got := x[i*cols:(i+1)*cols], dst.inner[i*cols:(i+1)*cols]
				if cols == 0 {
					continue
				}
				most, sum := slices.Max(row), 0.0
				for _, v := range row {
					sum += math.Exp(float64(v - most))
				}
				for j, v := range row {
					want := float64(v-most) - math.Log(sum)
					// One rounding, and the logarithm of a sum of which each part has the error of Exp.
					if !near(got[j], want, half*math.Abs(want)+unit) {
						t.Fatalf("%v: row %d, column %d of %v: got %v, want %v", shape, i, j, row, got[j], want)
					}
				}
			}
			for i := range rows { // alone, and in place, each becomes the same
				row := slices.Clone(x[i*cols : (i+1)*cols])
				LogSoftmaxRows(row, row, 1, cols)
				sameBits(t, row, dst.inner[i*cols:(i+1)*cols])
			}
		}
	})
}

func sameBits(t *testing.T, got, want []float32) {
	t.Helper()
	for i, v := range got {
		if math.Float32bits(v) != math.Float32bits(want[i]) && (v == v || want[i] == want[i]) {
			t.Fatalf("element %d: got %v, want %v", i, v, want[i])
		}
	}
}

func TestLogSoftmaxGradRows(t *testing.T) {
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(13, 14))
		for _, shape := range rowShapes {
			rows, cols := shape[0], shape[1]
			g, y, dst := drawRows(r, rows, cols), drawRows(r, rows, cols), newBordered(rows*cols)
			LogSoftmaxGradRows(dst.inner, g, y, rows, cols)
			dst.check(t)
			for i := range rows {
				sum := 0.0
				for j := range cols {
					sum += float64(g[i*cols+j])
				}
				for j := range cols {
					// The terms in float32, since they may be too great for it.
					at := i*cols + j
					term := float64(float32(math.Exp(float64(y[at]))) * float32(sum))
					want := float64(g[at] - float32(term))
					// Of the exponential, the sum and the product, which may be denormal; and of
					// the difference, on both sides.
					bound := math.Abs(term)*(unit+2*half) + 2*half*math.Abs(want) + math.SmallestNonzeroFloat32
					if got := dst.inner[at]; !near(got, want, bound) {
						t.Fatalf("%v: row %d, column %d: got %v, want %v", shape, i, j, got, want)
					}
				}
			}
			for i := range rows { // alone, and in place, each becomes the same
				row := slices.Clone(g[i*cols : (i+1)*cols])
				LogSoftmaxGradRows(row, row, y[i*cols:], 1, cols)
				sameBits(t, row, dst.inner[i*cols:(i+1)*cols])
			}
		}
	})
}

func TestSumCols(t *testing.T) {
	defer parallel.SetThreads(0)
	parallel.SetThreads(3) // they share the columns of the last shape
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(15, 16))
		for _, shape := range append(slices.Clone(rowShapes), [2]int{257, 203}) {
			rows, cols := shape[0], shape[1]
			x, dst, want := drawRows(r, rows, cols), newBordered(cols), make([]float32, cols)
			SumCols(dst.inner, x, rows, cols)
			dst.check(t)
			for j := range want {
				sum := 0.0
				for i := range rows {
					sum += float64(x[i*cols+j])
				}
				want[j] = float32(sum)
			}
			sameBits(t, dst.inner, want)
		}
	})
}

func TestSumRows(t *testing.T) {
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(27, 28))
		for _, shape := range rowShapes {
			rows, cols := shape[0], shape[1]
			x, dst := drawRows(r, rows, cols), newBordered(rows)
			SumRows(dst.inner, x, rows, cols)
			dst.check(t)
			for i, got := range dst.inner {
				sum, magnitudes := 0.0, 0.0
				for _, v := range x[i*cols:][:cols] {
					sum += float64(v)
					magnitudes += math.Abs(float64(v))
				}
				// One rounding to float32, and one to float64 an element, in whatever order.
				if !near(got, sum, half*math.Abs(sum)+float64(cols)*0x1p-53*magnitudes) {
					t.Fatalf("%v: row %d: got %v, want %v", shape, i, got, sum)
				}
			}
		}
	})
}

// TestExtremeRows compares the places of the greatest and the least with plain loops, on
// rows with many equal elements, infinities and NaN.
func TestExtremeRows(t *testing.T) {
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(29, 30))
		for _, shape := range rowShapes {
			rows, cols := shape[0], shape[1]
			if cols == 0 {
				continue
			}
			x, index, values := drawRows(r, rows, cols), make([]int64, rows+1), newBordered(rows)
			for i := range rows {
				row := x[i*cols : (i+1)*cols]
				switch r.IntN(4) {
				case 0: // everything equal
					v := specials[r.IntN(len(specials))]
					for j := range row {
						row[j] = v
					}
				case 1: // many
					for j := range row {
						row[j] = float32(r.IntN(3))
					}
				}
			}
			for name, c := range map[string]struct {
				arg    func(index []int64, x []float32, rows, cols int)
				value  func(dst, x []float32, rows, cols int)
				before func(a, b float32) bool
			}{
				"greatest": {ArgMaxRows, MaxRows, func(a, b float32) bool { return a > b }},
				"least":    {ArgMinRows, MinRows, func(a, b float32) bool { return a < b }},
			} {
				index[rows] = -7
				c.arg(index, x, rows, cols)
				c.value(values.inner, x, rows, cols)
				values.check(t)
				if index[rows] != -7 {
					t.Fatal("memory behind the result was written")
				}
				for i := range rows {
					row, want := x[i*cols:(i+1)*cols], 0
					for j, v := range row {
						if w := row[want]; w == w && (v != v || c.before(v, w)) {
							want = j
						}
					}
					if index[i] != int64(want) {
						t.Fatalf("%v: the %s of %v: got %d, want %d", shape, name, row, index[i], want)
					}
					sameBits(t, values.inner[i:i+1], row[want:want+1])
				}
			}
		}
	})
}
