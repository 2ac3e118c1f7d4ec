package inference

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/internal/parallel"
)

// forEach runs f with each set that this machine has, and says which it lacks.
func forEach(t *testing.T, f func(t *testing.T)) {
	defer func(s *set) { active = s }(active)
	for i := range available {
		active = &available[i]
		t.Run(active.name, f)
	}
	for _, name := range lacking() {
		t.Run(name, func(t *testing.T) { t.Skipf("this machine has no %s: its kernels were not run", name) })
	}
}

// lacking returns the sets in assembly of this architecture that this machine cannot run.
func lacking() (names []string) {
	for _, name := range assemblySets {
		if !slices.ContainsFunc(available, func(s set) bool { return s.name == name }) {
			names = append(names, name)
		}
	}
	return names
}

var nan = float32(math.NaN())

// newPictures returns pictures of random elements, with a border of zeros, whose unused channels are NaN.
func newPictures(images, channels int, size [2]int, border, pitch int, r *rand.Rand) Pictures {
	p := Pictures{Images: images, Channels: channels, Size: size, Border: border, Pitch: pitch}
	p.Data = make([]float32, p.Len())
	for i := range p.Data {
		p.Data[i] = nan
	}
	p.ClearBorder()
	if r != nil {
		p.each(func(n, c, i, j int, v *float32) { *v = float32(r.NormFloat64()) })
	}
	return p
}

// each calls f for each element that is in use.
func (p *Pictures) each(f func(n, c, i, j int, v *float32)) {
	for n := range p.Images {
		for i := range p.Size[0] {
			for j := range p.Size[1] {
				for c := range p.Channels {
					f(n, c, i, j, &p.Data[n*p.picture()+p.at(i, j)+c])
				}
			}
		}
	}
}

// get returns an element, and 0 for one in the padding.
func (p *Pictures) get(n, c, i, j int) float64 {
	if i < 0 || j < 0 || i >= p.Size[0] || j >= p.Size[1] {
		return 0
	}
	return float64(p.Data[n*p.picture()+p.at(i, j)+c])
}

func random(n int, r *rand.Rand) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(r.NormFloat64())
	}
	return s
}

// exact returns the activation of v in float64.
func (a Activation) exact(v float64) float64 {
	relu6 := func(v float64) float64 { return min(max(v, 0), 6) }
	switch a {
	case ReLU:
		return max(v, 0)
	case ReLU6:
		return relu6(v)
	case Hardswish:
		return v * relu6(v+3) / 6
	case Hardsigmoid:
		return relu6(v+3) / 6
	case Sigmoid:
		return 1 / (1 + math.Exp(-v))
	case SiLU:
		return v / (1 + math.Exp(-v))
	}
	return v
}

// convCase is a convolution to be tested.
type convCase struct {
	Conv
	images     int
	add, dense bool // something is added; the pitch is that of a first layer
}

// conv returns a convolution of square windows.
func conv(channels, filters, rows, cols, kernel, stride, padding int) Conv {
	return Conv{channels, filters, 1, [2]int{rows, cols}, [2]int{kernel, kernel}, [2]int{stride, stride}, [2]int{padding, padding}, [2]int{1, 1}, Identity, false}
}

func (c Conv) paired() Conv                { c.Pairs = true; return c }
func (c Conv) grouped(n int) Conv          { c.Groups = n; return c }
func (c Conv) activated(a Activation) Conv { c.Activation = a; return c }

func convCases() (cases []convCase) {
	add := func(c Conv, images int) {
		k := len(cases)
		c.Activation = Activation(k % 7)
		cases = append(cases, convCase{c, images, k%3 == 1, k%4 == 2})
	}
	for size := 1; size <= 7; size++ {
		add(conv(3+size, 17+size, size, 8-size, 3, 1, 1), 2)
		add(conv(32, 17+size, size, 8-size, 3, 1, 1), 3)
		add(conv(2*size, 33-size, size+1, size, 2, 2, 1), 1)
		add(conv(5, 16*size, 1, size, 1, 1, 0), size)
	}
	for _, channels := range []int{1, 2, 3, 4, 15, 16, 17, 31, 32, 33, 64, 100, 128, 513} {
		add(conv(channels, 40, 4, 5, 3, 1, 1), 1)
		add(conv(7, channels, 3, 15, 3, 2, 1), 2)
		add(conv(channels, 24, 1, 1, 1, 1, 0), 3)
		add(conv(channels, 9, 5, 6, 5, 2, 2).grouped(1), 1)
	}
	for _, width := range []int{8, 13, 14, 15, 28, 29, 30, 57, 120} {
		add(conv(8, 48, 2, width, 3, 1, 1), 2)
		add(conv(6, 70, 3, width, 1, 1, 0), 2)
		add(conv(18, 18, 3, width, 3, 1, 1).grouped(18), 2)
		add(conv(18, 18, 5, width, 5, 2, 2).grouped(18), 1)
	}
	for _, channels := range []int{1, 4, 15, 16, 17, 24, 33, 72, 144, 513} {
		add(conv(channels, channels, 7, 7, 3, 1, 1).grouped(channels), 1)
		add(conv(channels, channels, 6, 7, 3, 2, 1).grouped(channels), 2)
		add(conv(channels, channels, 3, 2, 5, 1, 2).grouped(channels), 1)
		add(conv(channels, channels, 3, 2, 1, 1, 0).grouped(channels), 1)
	}
	for _, groups := range []int{2, 3, 6} {
		add(conv(12, 18, 5, 5, 3, 1, 1).grouped(groups), 2)
		add(conv(48, 96, 4, 4, 1, 1, 0).grouped(groups), 2)
		add(conv(groups, 5*groups, 4, 4, 3, 1, 1).grouped(groups), 1)
		add(conv(30*groups, 6, 4, 4, 3, 1, 1).grouped(groups), 1)
	}
	for _, filters := range []int{1, 6, 8, 9, 16, 17, 33, 70} {
		for _, channels := range []int{1, 5, 16} {
			add(conv(channels, filters, 9, 8, 3, 1, 1), 2)
			for _, size := range [][2]int{{2, 2}, {3, 2}, {4, 5}, {9, 14}, {6, 29}} {
				c := convCase{Conv: conv(channels, filters, size[0], size[1], 3, 1, 1), images: 1 + channels%3, dense: channels%2 == 1}
				c.Pairs, c.Activation = true, Activation(len(cases)%3)
				if size[1] == 14 {
					c.Stride, c.Padding = [2]int{2, 1}, [2]int{2, 1}
				}
				cases = append(cases, c)
			}
		}
	}
	add(conv(3, 64, 30, 31, 7, 2, 3), 2)
	add(Conv{5, 20, 1, [2]int{9, 11}, [2]int{3, 2}, [2]int{1, 3}, [2]int{2, 1}, [2]int{2, 3}, ReLU, false}, 2)
	add(Conv{16, 20, 1, [2]int{9, 11}, [2]int{3, 1}, [2]int{2, 1}, [2]int{0, 2}, [2]int{3, 1}, ReLU, false}, 2)
	add(conv(64, 10, 4, 4, 4, 1, 0), 5) // Linear behind Flatten
	add(conv(300, 130, 1, 1, 1, 1, 0), 8)
	return cases
}

func (c convCase) String() string {
	return fmt.Sprintf("%d->%d/%d, %v by %v stride %v pad %v dilated %v, activation %d, pairs %v, %d images, add %v, dense %v",
		c.Channels, c.Filters, c.Groups, c.Size, c.Kernel, c.Stride, c.Padding, c.Dilation, c.Activation, c.Pairs, c.images, c.add, c.dense)
}

// TestConvolutions holds each road's results to sums in float64. Scratch and unused lanes are NaN.
func TestConvolutions(t *testing.T) {
	forEach(t, func(t *testing.T) {
		for i, c := range convCases() {
			if raceEnabled && i%4 > 0 { // it finds nothing more there
				continue
			}
			r := rand.New(rand.NewPCG(1, 2))
			pitch := Pitch(c.Channels)
			if c.dense && c.Groups == 1 && c.Channels < Lanes() {
				pitch = c.Channels
			}
			x := newPictures(c.images, c.Channels, c.Size, c.Border()+c.images%2, pitch, r)
			weights, bias := random(c.weights(), r), random(c.Filters, r)
			out := c.Results()
			var add Pictures
			if c.add {
				add = newPictures(c.images, c.Filters, out, 1, Pitch(c.Filters), r)
			}
			want, size := c.exact(x, add, weights, bias)
			for _, road := range c.roads(active) {
				l := prepare(c.Conv, road, active, weights, bias)
				y := newPictures(c.images, c.Filters, out, c.images%3, Pitch(c.Filters), nil)
				scratch := make([]float32, l.Scratch(c.images))
				for i := range scratch {
					scratch[i] = nan
				}
				l.Run(y, x, add, scratch)
				worst := 0.0
				at := 0
				y.each(func(n, f, i, j int, v *float32) {
					e := math.Abs(float64(*v)-want[at]) / (size[at] + 1)
					if !(e <= worst) {
						worst = e
					}
					at++
				})
				if !(worst <= road.tolerance()) {
					t.Errorf("%v, %v: error of %.2g of the sum of magnitudes, at most %g expected", c, road, worst, road.tolerance())
				}
				if !borderIsZero(y) {
					t.Errorf("%v, %v: the border was written", c, road)
				}
			}
		}
	})
}

// tolerance is the most that an error may be, relative to the sum of the magnitudes of what is added up.
func (r Road) tolerance() float64 {
	switch r {
	case Winograd4:
		return 3e-6
	case Winograd5:
		return 1e-5
	}
	return 4e-7
}

// exact returns the results in float64, and the sums of the magnitudes of what they are added up of.
func (c *Conv) exact(x, add Pictures, w, bias []float32) (y, size []float64) {
	out := c.Out()
	if c.Pairs {
		each := *c
		each.Pairs = false
		all, sizes := each.exact(x, add, w, bias)
		half := c.Results()
		for n := range x.Images {
			for i := range half[0] {
				for j := range half[1] {
					for f := range c.Filters {
						most, magnitude := math.Inf(-1), 0.0
						for q := range 4 {
							at := ((n*out[0]+2*i+q/2)*out[1]+2*j+q%2)*c.Filters + f
							most, magnitude = max(most, all[at]), max(magnitude, sizes[at])
						}
						y, size = append(y, most), append(size, magnitude)
					}
				}
			}
		}
		return y, size
	}
	channels, filters := c.Channels/c.Groups, c.Filters/c.Groups
	for n := range x.Images {
		for i := range out[0] {
			for j := range out[1] {
				for f := range c.Filters {
					sum := float64(bias[f])
					magnitude := math.Abs(sum)
					for ch := range channels {
						for a := range c.Kernel[0] {
							for b := range c.Kernel[1] {
								p := x.get(n, f/filters*channels+ch, i*c.Stride[0]-c.Padding[0]+a*c.Dilation[0], j*c.Stride[1]-c.Padding[1]+b*c.Dilation[1]) *
									float64(w[((f*channels+ch)*c.Kernel[0]+a)*c.Kernel[1]+b])
								sum += p
								magnitude += math.Abs(p)
							}
						}
					}
					if add.Data != nil {
						v := add.get(n, f, i, j)
						sum += v
						magnitude += math.Abs(v)
					}
					y, size = append(y, c.Activation.exact(sum)), append(size, magnitude)
				}
			}
		}
	}
	return y, size
}

func borderIsZero(p Pictures) bool {
	border := p
	border.Data = slices.Clone(p.Data)
	border.ClearBorder()
	for i, v := range p.Data {
		if math.Float32bits(v) != math.Float32bits(border.Data[i]) {
			return false
		}
	}
	return true
}

// TestSameBits holds that a picture's results have the same bits in any batch and for any number of threads.
func TestSameBits(t *testing.T) {
	defer parallel.SetThreads(0)
	forEach(t, func(t *testing.T) {
		for _, c := range []Conv{
			conv(24, 70, 14, 14, 3, 1, 1), conv(32, 32, 7, 7, 1, 1, 0), conv(150, 200, 1, 1, 1, 1, 0), conv(40, 40, 9, 9, 3, 2, 1).grouped(40), conv(3, 20, 30, 30, 5, 2, 2).activated(SiLU),
			conv(6, 8, 11, 12, 3, 1, 1), conv(1, 6, 28, 28, 5, 1, 2).paired(), conv(6, 40, 10, 11, 3, 1, 1).paired(),
		} {
			const images = 9
			r := rand.New(rand.NewPCG(3, 4))
			x := newPictures(images, c.Channels, c.Size, c.Border(), Pitch(c.Channels), r)
			weights := random(c.weights(), r)
			for _, road := range c.roads(active) {
				l := prepare(c, road, active, weights, nil)
				run := func(x Pictures, threads int) Pictures {
					parallel.SetThreads(threads)
					y := newPictures(x.Images, c.Filters, c.Results(), 1, Pitch(c.Filters), nil)
					l.Run(y, x, Pictures{}, make([]float32, l.Scratch(x.Images)))
					return y
				}
				want := run(x, 1)
				for _, threads := range []int{1, 2, 5} {
					for _, n := range []int{1, 2, 3, 8, images} {
						part := x
						part.Images, part.Data = n, x.Data[(images-n)*x.picture():]
						y := run(part, threads)
						y.each(func(i, f, a, b int, v *float32) {
							if w := want.Data[(images-n+i)*want.picture()+want.at(a, b)+f]; math.Float32bits(w) != math.Float32bits(*v) {
								t.Fatalf("%v, %v, %d pictures and %d threads: %v, %v expected", c, road, n, threads, *v, w)
							}
						})
					}
				}
			}
		}
	})
}

// TestPools holds pooling to plain loops.
func TestPools(t *testing.T) {
	forEach(t, func(t *testing.T) {
		for _, channels := range []int{1, 3, 16, 17, 40} {
			for _, size := range [][2]int{{1, 1}, {4, 7}, {15, 16}, {33, 30}} {
				pools := []Pool{
					{Rows: Parts(size[0], 1), Cols: Parts(size[1], 1)}, {Rows: Parts(size[0], 3), Cols: Parts(size[1], 2)},
					{Max: true, Rows: Windows(size[0], 3, 2, 1), Cols: Windows(size[1], 3, 2, 1)},
					{Rows: Windows(size[0], 3, 1, 1), Cols: Windows(size[1], 3, 1, 1), Divisor: 9},
				}
				if size[0] > 1 {
					pools = append(pools, Pool{Max: true, Rows: Windows(size[0], 2, 2, 0), Cols: Windows(size[1], 2, 2, 0)})
				}
				for _, p := range pools {
					r := rand.New(rand.NewPCG(5, 6))
					x := newPictures(2, channels, size, 1, Pitch(channels), r)
					y := newPictures(2, channels, [2]int{len(p.Rows), len(p.Cols)}, 1, Pitch(channels), nil)
					p.Run(y, x)
					y.each(func(n, c, i, j int, v *float32) {
						rows, cols := p.Rows[i], p.Cols[j]
						most, sum := math.Inf(-1), 0.0
						for a := rows.From; a < rows.To; a++ {
							for b := cols.From; b < cols.To; b++ {
								most, sum = max(most, x.get(n, c, a, b)), sum+x.get(n, c, a, b)
							}
						}
						want := most
						if !p.Max {
							divisor := p.Divisor
							if divisor == 0 {
								divisor = (rows.To - rows.From) * (cols.To - cols.From)
							}
							want = sum / float64(divisor)
						}
						if !(math.Abs(float64(*v)-want) <= 1e-6) {
							t.Fatalf("%d channels of %v, max %v, row %d and column %d: %v, %v expected", channels, size, p.Max, i, j, *v, want)
						}
					})
					if !borderIsZero(y) {
						t.Errorf("%d channels of %v: the border was written", channels, size)
					}
				}
			}
		}
	})
}

// TestMeans holds means of large windows of one number to that number: errors of its sums would all go one way.
func TestMeans(t *testing.T) {
	forEach(t, func(t *testing.T) {
		for _, size := range [][2]int{{7, 7}, {8, 8}, {9, 8}, {56, 57}, {224, 224}} {
			for _, parts := range []int{1, 2, 7} {
				const channels, one = 17, 0.7356
				x, p := newPictures(2, channels, size, 1, Pitch(channels), nil), Pool{Rows: Parts(size[0], parts), Cols: Parts(size[1], parts)}
				x.each(func(n, c, _, _ int, v *float32) { *v = one * float32(1+n+c) })
				y := newPictures(2, channels, [2]int{parts, parts}, 1, Pitch(channels), nil)
				p.Run(y, x)
				y.each(func(n, c, i, j int, v *float32) {
					if want := one * float64(1+n+c); !(math.Abs(float64(*v)-want) <= 1e-6*want) {
						t.Fatalf("%d parts of %v, row %d and column %d: %v, %v expected", parts, size, i, j, *v, want)
					}
				})
				if !borderIsZero(y) {
					t.Errorf("%d parts of %v: the border was written", parts, size)
				}
			}
		}
	})
}

// TestNotANumber holds what the kernels make of NaN and of what is infinite or very large.
func TestNotANumber(t *testing.T) {
	inf := float32(math.Inf(1))
	forEach(t, func(t *testing.T) {
		values := []float32{nan, inf, -inf, 1e30, -1e30, 200, -200, 0}
		same := func(what string, got float32, want float64) {
			t.Helper()
			w := float32(want)
			if got != w && !(got != got && w != w) && !(math.Abs(float64(got)-want) <= 1e-6*(1+math.Abs(want))) {
				t.Errorf("%s: %v, %v expected", what, got, w)
			}
		}
		const channels = 19
		size := [2]int{1, len(values)}
		picture := func() Pictures {
			p := newPictures(1, channels, size, 1, Pitch(channels), nil)
			p.each(func(_, _, _, j int, v *float32) { *v = values[j] })
			return p
		}
		for a := Identity; a <= SiLU; a++ {
			x, zero := picture(), newPictures(1, channels, size, 0, Pitch(channels), nil)
			zero.each(func(_, _, _, _ int, v *float32) { *v = 0 })
			y := newPictures(1, channels, size, 0, Pitch(channels), nil)
			Sum(y, x, zero, a)
			one := Conv{Channels: channels, Filters: channels, Groups: channels, Size: size, Kernel: [2]int{1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Activation: a}
			ones := slices.Repeat([]float32{1}, channels)
			z := newPictures(1, channels, size, 0, Pitch(channels), nil)
			PrepareOn(one, Depthwise, ones, nil).Run(z, x, Pictures{}, nil)
			one.Groups, one.Filters = 1, 1
			first := newPictures(1, 1, size, 0, Pitch(1), nil)
			PrepareOn(one, Direct, ones, nil).Run(first, x, Pictures{}, nil)
			Activate(x, a)
			x.each(func(_, c, _, j int, v *float32) {
				want := a.exact(float64(values[j]))
				if values[j] != values[j] {
					want = math.NaN()
				}
				what := fmt.Sprintf("activation %d of %v", a, values[j])
				same(what, *v, want)
				same(what+" of a sum", float32(y.get(0, c, 0, j)), want)
				same(what+" of a convolution by channel", float32(z.get(0, c, 0, j)), want)
				if all := channels * float64(values[j]); c == 0 {
					if values[j] == values[j] {
						want = a.exact(all)
					}
					same(what+" of a convolution", float32(first.get(0, 0, 0, j)), want)
				}
			})
		}
		for _, filters := range []int{1, 17, 40} {
			c := conv(1, filters, 2, 2*len(values), 1, 1, 0).activated(ReLU).paired()
			for q := range 4 {
				x := newPictures(1, 1, c.Size, 0, 1, nil)
				x.each(func(_, _, i, j int, v *float32) {
					if *v = 1; i == q/2 && j%2 == q%2 {
						*v = values[j/2]
					}
				})
				y := newPictures(1, filters, c.Results(), 0, Pitch(filters), nil)
				PrepareOn(c, Direct, slices.Repeat([]float32{1}, filters), nil).Run(y, x, Pictures{}, nil)
				y.each(func(_, _, _, j int, v *float32) {
					same(fmt.Sprintf("the greatest of 1 and %v", values[j]), *v, max(1, float64(values[j])))
				})
			}
		}
		for _, most := range []bool{true, false} {
			x := picture()
			p := Pool{Max: most, Rows: Parts(1, 1), Cols: Windows(len(values), 2, 1, 0)}
			y := newPictures(1, channels, [2]int{1, len(p.Cols)}, 0, Pitch(channels), nil)
			p.Run(y, x)
			y.each(func(_, _, _, j int, v *float32) {
				a, b := float64(values[j]), float64(values[j+1])
				if want := (a + b) / 2; most {
					same(fmt.Sprintf("the greater of %v and %v", a, b), *v, max(a, b))
				} else {
					same(fmt.Sprintf("the mean of %v and %v", a, b), *v, want)
				}
			})
		}
	})
}

// TestElementwise holds gates, sums and activations to float64.
func TestElementwise(t *testing.T) {
	forEach(t, func(t *testing.T) {
		for _, channels := range []int{1, 15, 16, 33} {
			for a := Identity; a <= SiLU; a++ {
				r := rand.New(rand.NewPCG(7, 8))
				size := [2]int{3, 5}
				picture := func(border int) Pictures {
					p := newPictures(2, channels, size, border, Pitch(channels), r)
					p.each(func(_, _, _, _ int, v *float32) { *v *= 4 })
					return p
				}
				x, add, gate := picture(1), picture(0), newPictures(2, channels, [2]int{1, 1}, 0, Pitch(channels), r)
				compare := func(what string, y Pictures, want func(n, c, i, j int) float64) {
					y.each(func(n, c, i, j int, v *float32) {
						if w := want(n, c, i, j); !(math.Abs(float64(*v)-w) <= 1e-6*(1+math.Abs(w))) {
							t.Fatalf("%s, activation %d: %v, %v expected", what, a, *v, w)
						}
					})
					if !borderIsZero(y) {
						t.Errorf("%s: the border was written", what)
					}
				}
				y := newPictures(2, channels, size, 2, Pitch(channels), nil)
				Sum(y, x, add, a)
				compare("sum", y, func(n, c, i, j int) float64 {
					return a.exact(float64(float32(x.get(n, c, i, j) + add.get(n, c, i, j))))
				})
				Gate(y, x, gate)
				compare("gate", y, func(n, c, i, j int) float64 { return x.get(n, c, i, j) * gate.get(n, c, 0, 0) })
				before := x
				before.Data = slices.Clone(x.Data)
				Activate(x, a)
				compare("activation", x, func(n, c, i, j int) float64 { return a.exact(before.get(n, c, i, j)) })
			}
		}
	})
}

// TestPlanes holds that pictures come back from channels last.
func TestPlanes(t *testing.T) {
	for _, channels := range []int{1, 3, 4} {
		for _, pitch := range []int{channels, 16} {
			src := random(2*channels*5*7, rand.New(rand.NewPCG(9, 10)))
			p := newPictures(2, channels, [2]int{5, 7}, 2, pitch, nil)
			p.FromPlanes(src)
			p.each(func(n, c, i, j int, v *float32) {
				if want := src[((n*channels+c)*5+i)*7+j]; *v != want {
					t.Fatalf("%d channels: %v, %v expected", channels, *v, want)
				}
			})
			dst := make([]float32, len(src))
			p.ToPlanes(dst)
			if !slices.Equal(dst, src) || !borderIsZero(p) {
				t.Errorf("%d channels: planes do not come back", channels)
			}
		}
	}
}

// TestChoices holds the roads that shapes take by the table of predicted times.
func TestChoices(t *testing.T) {
	for i := range available {
		k := &available[i]
		if k.winograd == nil {
			continue
		}
		for _, c := range []struct {
			Conv
			limit int
			want  Road
		}{
			{conv(3, 64, 224, 224, 7, 2, 3), 1 << 30, Direct},
			{conv(64, 64, 56, 56, 3, 1, 1), 1 << 30, Winograd4},
			{conv(64, 64, 56, 56, 3, 1, 1), 64 * 64 * 16 * 4, Winograd2},
			{conv(64, 64, 56, 56, 3, 1, 1), 64 * 64 * 9 * 4, Direct},
			{conv(64, 64, 56, 56, 3, 1, 1), 0, Direct},
			{conv(64, 64, 56, 56, 3, 2, 1), 1 << 30, Direct},
			{conv(512, 512, 7, 7, 3, 1, 1), 1 << 30, Winograd2},
			{conv(256, 256, 1, 1, 1, 1, 0), 1 << 30, Direct},
			{conv(32, 64, 14, 14, 3, 1, 1), 1 << 30, Winograd5},
			{conv(20, 64, 56, 56, 3, 1, 1), 1 << 30, Direct},
			{conv(144, 144, 56, 56, 3, 1, 1).grouped(144), 1 << 30, Depthwise},
		} {
			if got := c.choose(k, c.limit); got != c.want {
				t.Errorf("%s, %d->%d of %v, limit %d: %v, %v expected", k.name, c.Channels, c.Filters, c.Size, c.limit, got, c.want)
			}
		}
	}
}

// TestCallsAllocateNothing holds that a call takes no memory that the one before it has not left.
func TestCallsAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector drops what pools keep")
	}
	defer parallel.SetThreads(0)
	parallel.SetThreads(1)
	r := rand.New(rand.NewPCG(13, 14))
	for _, c := range []Conv{conv(32, 64, 14, 14, 3, 1, 1), conv(32, 32, 9, 9, 3, 2, 1).grouped(32), conv(3, 8, 9, 9, 3, 2, 1).activated(SiLU)} {
		x, y := newPictures(2, c.Channels, c.Size, 1, Pitch(c.Channels), r), newPictures(2, c.Filters, c.Out(), 0, Pitch(c.Filters), nil)
		for _, road := range c.Roads() {
			l := PrepareOn(c, road, random(c.weights(), r), nil)
			scratch := make([]float32, l.Scratch(2))
			if n := testing.AllocsPerRun(100, func() { l.Run(y, x, Pictures{}, scratch) }); n > 0.5 {
				t.Errorf("%v: %v allocations a call", road, n)
			}
		}
		p := Pool{Max: true, Rows: Windows(y.Size[0], 2, 2, 0), Cols: Windows(y.Size[1], 2, 2, 0)}
		pooled := newPictures(2, c.Filters, [2]int{len(p.Rows), len(p.Cols)}, 0, Pitch(c.Filters), nil)
		if n := testing.AllocsPerRun(100, func() { p.Run(pooled, y); Sum(y, y, y, ReLU); Activate(y, Hardswish) }); n > 0.5 {
			t.Errorf("pooling, sums and activations: %v allocations", n)
		}
	}
}
