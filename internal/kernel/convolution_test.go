package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/internal/parallel"
)

// lengths returns how many elements x, w and y have.
func (c *Conv2d) lengths() (x, w, y int) {
	out := c.Out()
	return c.Images * c.Channels * c.Size[0] * c.Size[1],
		c.Filters * c.Channels / c.Groups * c.Kernel[0] * c.Kernel[1],
		c.Images * c.Filters * out[0] * out[1]
}

// each calls f with every product that a convolution adds up: where its result lies in y,
// and where its factors lie in x and in w.
func (c *Conv2d) each(f func(y, x, w int)) {
	out, channels, filters := c.Out(), c.Channels/c.Groups, c.Filters/c.Groups
	y := 0
	for n := range c.Images {
		for o := range c.Filters {
			for r := range out[0] {
				for s := range out[1] {
					for p := range channels {
						for i := range c.Kernel[0] {
							for j := range c.Kernel[1] {
								row := r*c.Stride[0] + i*c.Dilation[0] - c.Padding[0]
								col := s*c.Stride[1] + j*c.Dilation[1] - c.Padding[1]
								if row >= 0 && row < c.Size[0] && col >= 0 && col < c.Size[1] {
									x := ((n*c.Channels+o/filters*channels+p)*c.Size[0]+row)*c.Size[1] + col
									f(y, x, ((o*channels+p)*c.Kernel[0]+i)*c.Kernel[1]+j)
								}
							}
						}
					}
					y++
				}
			}
		}
	}
}

// plainly computes y, dx and dw with plain loops.
func plainly[T Float](c Conv2d, x, w, bias, dy []T) (y, dx, dw []T) {
	y, dx, dw = make([]T, len(dy)), make([]T, len(x)), make([]T, len(w))
	out := c.Out()
	for i := range y {
		if bias != nil {
			y[i] = bias[i/(out[0]*out[1])%c.Filters]
		}
	}
	c.each(func(i, j, k int) {
		y[i] += x[j] * w[k]
		dx[j] += dy[i] * w[k]
		dw[k] += dy[i] * x[j]
	})
	return y, dx, dw
}

// drawConv returns a random convolution with few products.
func drawConv(r *rand.Rand) Conv2d {
	c := Conv2d{Groups: 1, Images: r.IntN(4)}
	if r.IntN(4) == 0 {
		c.Groups = 1 + r.IntN(3)
	}
	c.Channels, c.Filters = c.Groups*(1+r.IntN(5)), c.Groups*(1+r.IntN(40))
	for d := range 2 {
		c.Kernel[d], c.Stride[d], c.Padding[d], c.Dilation[d] = 1+r.IntN(4), 1, r.IntN(3), 1
		if r.IntN(3) == 0 {
			c.Stride[d] = 1 + r.IntN(4)
		}
		if r.IntN(4) == 0 {
			c.Dilation[d] = 1 + r.IntN(3)
		}
		least := max(1, c.Dilation[d]*(c.Kernel[d]-1)+1-2*c.Padding[d])
		c.Size[d] = least + r.IntN(5)
		if d == 1 && r.IntN(3) == 0 {
			c.Size[d] = least + r.IntN(70)
		}
	}
	if r.IntN(6) == 0 {
		c.Kernel, c.Stride, c.Padding = [2]int{1, 1}, [2]int{1, 1}, [2]int{}
	}
	return c
}

// drawTiles returns random convolutions of 3×3, of which most are computed in tiles.
func drawTiles(r *rand.Rand) []Conv2d {
	shapes := []Conv2d{convShape(2, 17, 18, 18, 3, 0)} // in whose pictures all tiles lie
	for i := range 50 {
		c := convShape(r.IntN(11), 16+r.IntN(20), 16+r.IntN(20), 0, 3, 0)
		for d := range 2 {
			c.Padding[d] = r.IntN(3)
			c.Size[d] = max(1, 3-2*c.Padding[d]) + r.IntN(17)
		}
		if i%8 == 0 {
			c.Padding = [2]int{3, 1} // whose gradient of x is another one's
		}
		shapes = append(shapes, c)
	}
	return shapes
}

// eachTile calls f with tiles of every size alone, and once where there are none.
func eachTile(f func()) {
	all := active.winograd
	defer func() { active.winograd = all }()
	for i := range max(1, len(all)) {
		active.winograd = all[min(i, len(all)):min(i+1, len(all))]
		f()
	}
}

// tileSize returns the size of the tiles that c is computed in, or 1.
func tileSize[T Float](c Conv2d) int {
	if w := winogradOf[T](&c); w != nil {
		return w.size
	}
	return 1
}

// inexact returns how far results of small whole numbers may be from exact: filters of tiles of
// 4×4 and 5×5 are divided by what is no power of two.
func inexact[T Float](c Conv2d) T {
	if tileSize[T](c) >= 4 {
		return 1. / 64
	}
	return 0
}

// TestConvolve compares convolutions of small whole numbers, which but for those of large
// tiles are exact in any order of summing, with plain loops, and looks at the memory around the results.
func TestConvolve(t *testing.T) {
	forEach(t, func(t *testing.T) {
		t.Run("float32", testConvolve[float32])
		t.Run("float64", testConvolve[float64])
	})
}

func testConvolve[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	shapes := []Conv2d{
		convShape(2, 1, 6, 28, 5, 2), convShape(1, 6, 16, 14, 5, 0), convShape(1, 1, 32, 28, 3, 1), convShape(1, 3, 64, 14, 3, 1),
		convShape(19, 1, 2, 3, 2, 0), convShape(300, 1, 1, 2, 1, 0), // strips of more than one picture
		convShape(1, 35, 33, 5, 3, 1), // more taps than fit a block of a matrix product
	}
	for range 80 {
		shapes = append(shapes, drawConv(r))
	}
	shapes = append(shapes, drawTiles(r)...)
	const margin, canary = 16, 12345
	for _, c := range shapes {
		xs, ws, ys := c.lengths()
		draw := func(n int) []T {
			s := make([]T, n)
			for i := range s {
				s[i] = T(r.IntN(9) - 4)
			}
			return s
		}
		x, w, dy, bias := draw(xs), draw(ws), draw(ys), draw(c.Filters)
		if r.IntN(3) == 0 {
			bias = nil
		}
		y, dx, dw := plainly(c, x, w, bias, dy)
		picture := ys / max(1, c.Images)
		db := make([]T, c.Filters)
		for i, v := range dy {
			db[i/(ys/max(1, c.Images*c.Filters))%c.Filters] += v
		}
		eachTile(func() {
			for name, run := range map[string]struct {
				want   []T
				within T
				f      func(dst []T)
			}{
				"y":         {y, inexact[T](c), func(dst []T) { Convolve(c, dst, x, w, bias, nil) }},
				"dx":        {dx, inexact[T](c.inputGrad()), func(dst []T) { ConvolveInputGrad(c, dst, dy, w) }},
				"dw":        {dw, inexact[T](c), func(dst []T) { ConvolveGrads(c, nil, dst, nil, dy, x, nil, nil) }},
				"dw and db": {slices.Concat(dw, db), inexact[T](c), func(dst []T) { ConvolveGrads(c, nil, dst[:ws], dst[ws:], dy, x, nil, nil) }},
				"dw of dy that is written": {slices.Concat(dw, dy), inexact[T](c), func(dst []T) {
					ConvolveGrads(c, nil, dst[:ws], nil, dst[ws:], x, nil, func(to []T, lo, hi int) { copy(to, dy[lo*picture:hi*picture]) })
				}},
				"all of dy that is not kept": {slices.Concat(dx, dw, db), max(inexact[T](c), inexact[T](c.inputGrad())), func(dst []T) {
					ConvolveGrads(c, dst[:xs:xs], dst[xs:][:ws], dst[xs+ws:], nil, x, w, func(to []T, lo, hi int) { copy(to, dy[lo*picture:hi*picture]) })
				}},
				"y and y when it is done": {slices.Concat(y, y), inexact[T](c), func(dst []T) {
					Convolve(c, dst[:ys], x, w, bias, func(y []T, lo, hi int) { copy(dst[ys+lo*picture:], y[:(hi-lo)*picture]) })
				}},
				"y that is not kept": {y, inexact[T](c), func(dst []T) {
					Convolve(c, nil, x, w, bias, func(y []T, lo, hi int) { copy(dst[lo*picture:], y[:(hi-lo)*picture]) })
				}},
			} {
				all := slices.Repeat([]T{canary}, len(run.want)+2*margin)
				got := all[margin:][:len(run.want)]
				for i := range got {
					got[i] = T(math.NaN()) // what was there must not be read
				}
				run.f(got)
				for i, v := range run.want {
					if !(max(got[i]-v, v-got[i]) <= run.within) {
						t.Fatalf("%+v: %s: element %d: got %v, want %v", c, name, i, got[i], v)
					}
				}
				for i := range margin {
					if all[i] != canary || all[len(all)-1-i] != canary {
						t.Fatalf("%+v: %s: memory around the result was written", c, name)
					}
				}
			}
		})
	}
}

// convShape returns the convolution of square pictures with square filters.
func convShape(images, channels, filters, size, kernel, padding int) Conv2d {
	return Conv2d{
		Images: images, Channels: channels, Filters: filters, Groups: 1,
		Size: [2]int{size, size}, Kernel: [2]int{kernel, kernel}, Stride: [2]int{1, 1}, Padding: [2]int{padding, padding}, Dilation: [2]int{1, 1},
	}
}

// TestConvolveSpecial puts a NaN or an infinity into one operand after the other: it
// reaches the elements that it is part of and no others, and is not hidden by a 0. One of
// the weights also meets the zeros of a padding.
func TestConvolveSpecial(t *testing.T) {
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(33, 34))
		for i, c := range []Conv2d{convShape(2, 2, 9, 7, 3, 1), convShape(1, 1, 33, 17, 5, 2), convShape(9, 3, 5, 4, 1, 0), convShape(2, 3, 4, 6, 3, 0)} {
			for _, special := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
				xs, ws, ys := c.lengths()
				for operand := range 3 {
					operands := [][]float32{make([]float32, xs), make([]float32, ws), make([]float32, ys)}
					operands[operand][r.IntN(len(operands[operand]))] = special
					x, w, dy := operands[0], operands[1], operands[2]
					y, dx, dw := plainly(c, x, w, nil, dy)
					gotY, gotX, gotW := make([]float32, ys), make([]float32, xs), make([]float32, ws)
					Convolve(c, gotY, x, w, nil, nil)
					ConvolveInputGrad(c, gotX, dy, w)
					ConvolveGrads(c, nil, gotW, nil, dy, x, nil, nil)
					for j, pair := range [][2][]float32{{gotY, y}, {gotX, dx}, {gotW, dw}} {
						margin := operand == 1 || operand == 2 && j == 2 && c.Padding != [2]int{}
						for k, got := range pair[0] {
							want := pair[1][k]
							if got == want || got != got && (want != want || margin) {
								continue
							}
							t.Fatalf("shape %d, %v in operand %d: result %d, element %d: got %v, want %v", i, special, operand, j, k, got, want)
						}
					}
				}
			}
		}
	})
}

// TestConvolveSpecialInTiles puts a NaN or an infinity into pictures that are computed in
// tiles: none is lost, and it reaches no further than its tiles.
func TestConvolveSpecialInTiles(t *testing.T) {
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(45, 46))
		finite := func(v float32) bool { return v-v == 0 }
		check := func(name string, got, want []float32, c Conv2d) {
			t.Helper()
			tiles, out, size, within := map[[3]int]bool{}, c.Out(), tileSize[float32](c), inexact[float32](c)
			rows, cols := out[0], out[1]
			tile := func(i int) [3]int { return [3]int{i / (rows * cols), i / cols % rows / size, i % cols / size} }
			for i, v := range want {
				if !finite(v) {
					tiles[tile(i)] = true
				}
			}
			for i, v := range got {
				if finite(v) && (!finite(want[i]) || max(v-want[i], want[i]-v) > within) || !finite(v) && !tiles[tile(i)] {
					t.Fatalf("%s: element %d: got %v, want %v", name, i, v, want[i])
				}
			}
		}
		for _, c := range []Conv2d{convShape(3, 17, 16, 10, 3, 1), convShape(2, 16, 18, 13, 3, 0), convShape(1, 16, 16, 21, 3, 2)} {
			for _, special := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
				xs, ws, ys := c.lengths()
				draw := func(n int) []float32 {
					s := make([]float32, n)
					for i := range s {
						s[i] = float32(1 + r.IntN(4))
					}
					return s
				}
				x, w, dy := draw(xs), draw(ws), draw(ys)
				gotY, gotX, gotW := make([]float32, ys), make([]float32, xs), make([]float32, ws)
				for _, operand := range [][]float32{x, dy} {
					i := r.IntN(len(operand))
					old := operand[i]
					operand[i] = special
					y, dx, dw := plainly(c, x, w, nil, dy)
					eachTile(func() {
						Convolve(c, gotY, x, w, nil, nil)
						ConvolveInputGrad(c, gotX, dy, w)
						ConvolveGrads(c, nil, gotW, nil, dy, x, nil, nil)
						check("y", gotY, y, c)
						check("dx", gotX, dx, c.inputGrad())
						for i, v := range gotW {
							if finite(v) && (!finite(dw[i]) || max(v-dw[i], dw[i]-v) > inexact[float32](c)) {
								t.Fatalf("dw: element %d: got %v, want %v", i, v, dw[i])
							}
						}
					})
					operand[i] = old
				}
			}
		}
	})
}

// TestConvolveRounding holds sums of numbers that do round to the bound of their error.
func TestConvolveRounding(t *testing.T) {
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(35, 36))
		most := map[int]float64{1: 0.7, 2: 0.7, 4: 2, 5: 5} // roundings, by tiles, in the root mean square
		for _, c := range []Conv2d{convShape(20, 3, 9, 10, 3, 1), convShape(10, 1, 6, 12, 5, 2), convShape(2, 24, 33, 7, 3, 1), convShape(2, 32, 24, 14, 3, 1), convShape(1, 17, 19, 21, 3, 2)} {
			xs, ws, ys := c.lengths()
			draw := func(n int) (narrow []float32, wide []float64) {
				for range n {
					v := float32(r.NormFloat64())
					narrow, wide = append(narrow, v), append(wide, float64(v))
				}
				return narrow, wide
			}
			x, wideX := draw(xs)
			w, wideW := draw(ws)
			dy, wideDy := draw(ys)
			y, dx, dw := plainly(c, wideX, wideW, nil, wideDy)
			for _, s := range [][]float64{wideX, wideW, wideDy} {
				for i, v := range s {
					s[i] = math.Abs(v)
				}
			}
			sizeY, sizeX, sizeW := plainly(c, wideX, wideW, nil, wideDy)
			gotY, gotX, gotW := make([]float32, ys), make([]float32, xs), make([]float32, ws)
			area := c.Kernel[0] * c.Kernel[1]
			eachTile(func() {
				Convolve(c, gotY, x, w, nil, nil)
				ConvolveInputGrad(c, gotX, dy, w)
				ConvolveGrads(c, nil, gotW, nil, dy, x, nil, nil)
				for j, v := range []struct {
					got        []float32
					want, size []float64
					terms      int
				}{{gotY, y, sizeY, c.Channels * area}, {gotX, dx, sizeX, c.Filters * area}, {gotW, dw, sizeW, ys / c.Filters}} {
					squares := 0.
					for i, got := range v.got {
						distance := math.Abs(float64(got) - v.want[i])
						if bound := float64(v.terms+1) * half * v.size[i]; distance > bound {
							t.Fatalf("%+v: result %d, element %d: got %v, want %v to within %v", c, j, i, got, v.want[i], bound)
						}
						squares += math.Pow(distance/(half*v.size[i]), 2)
					}
					// In the mean they are far smaller.
					if mean, most := math.Sqrt(squares/float64(len(v.got))), most[tileSize[float32](c)]; !(mean <= most) {
						t.Errorf("%+v: result %d: error %.2f, expected at most %v", c, j, mean, most)
					}
				}
			})
		}
	})
}

func TestConvolveSameBitsForAnyThreads(t *testing.T) {
	forEach(t, func(t *testing.T) {
		defer parallel.SetThreads(0)
		r := rand.New(rand.NewPCG(37, 38))
		for _, c := range []Conv2d{convShape(45, 3, 20, 14, 3, 1), convShape(45, 17, 20, 13, 3, 1), convShape(70, 1, 6, 14, 5, 2)} {
			xs, ws, ys := c.lengths()
			draw := func(n int) []float32 {
				s := make([]float32, n)
				for i := range s {
					s[i] = float32(r.NormFloat64())
				}
				return s
			}
			x, w, bias, dy := draw(xs), draw(ws), draw(c.Filters), draw(ys)
			var want []float32
			for _, threads := range []int{1, 2, 3, 5, 8} {
				parallel.SetThreads(threads)
				all := make([]float32, ys+xs+ws+c.Filters)
				Convolve(c, all[:ys], x, w, bias, nil)
				ConvolveInputGrad(c, all[ys:ys+xs], dy, w)
				ConvolveGrads(c, nil, all[ys+xs:][:ws], all[ys+xs+ws:], dy, x, nil, nil)
				if want == nil {
					want = all
				}
				for i := range all {
					if math.Float32bits(all[i]) != math.Float32bits(want[i]) {
						t.Fatalf("%+v: element %d is %v on %d threads, %v on 1", c, i, all[i], threads, want[i])
					}
				}
			}
		}
	})
}

func BenchmarkConvolve(b *testing.B) {
	for _, c := range []struct {
		name string
		Conv2d
	}{
		{"cnn1", convShape(256, 1, 32, 28, 3, 1)},
		{"cnn2", convShape(256, 32, 64, 14, 3, 1)},
		{"resnet2", convShape(128, 16, 32, 14, 3, 1)},
		{"block", convShape(128, 32, 32, 7, 3, 1)},
		{"lenet1", convShape(256, 1, 6, 28, 5, 2)},
		{"lenet2", convShape(256, 6, 16, 14, 5, 0)},
	} {
		xs, ws, ys := c.lengths()
		x, w, bias, y := make([]float32, xs), make([]float32, ws), make([]float32, c.Filters), make([]float32, ys)
		flops := 2 * float64(ys) * float64(ws/c.Filters)
		for _, threads := range []int{1, 2} {
			for _, run := range []struct {
				name string
				f    func()
			}{
				{"forward", func() { Convolve(c.Conv2d, y, x, w, bias, nil) }},
				{"input gradient", func() { ConvolveInputGrad(c.Conv2d, x, y, w) }},
				{"weight gradient", func() { ConvolveGrads(c.Conv2d, nil, w, bias, y, x, nil, nil) }},
			} {
				b.Run(fmt.Sprintf("%s/%s/%d threads", c.name, run.name, threads), func(b *testing.B) {
					defer parallel.SetThreads(0)
					parallel.SetThreads(threads)
					b.ReportAllocs()
					for b.Loop() {
						run.f()
					}
					b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				})
			}
		}
	}
}
