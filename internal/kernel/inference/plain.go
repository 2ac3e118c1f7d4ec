package inference

// plainLanes is how many channels the set in pure Go has for a register.
const plainLanes = 4

// generic is the set in pure Go.
var generic = set{
	name: "generic", lanes: plainLanes, rows: [mostRegisters + 1]int{1: 4, 2: 4},
	products: plainProducts, pairs: pairsBy(plainProducts), mostPairs: [3]int{1: 4, 2: 4}, depthwise: plainDepthwise, greatest: plainGreatest,
	activate: plainActivate, gate: plainGate, sum: plainSum,
	rates: rates{product: 8, broadcast: 2, tap: 12, register: 12, filter: 1, element: 1},
}

// tile is the work of one call of a kernel: tiles tiles of n neighbouring pixels each, by regs registers of
// channels. Distances are in elements. The assembly reads the fields where they lie.
type tile struct {
	x, w, y, add, bias []float32 // add is nil where nothing is added
	offsets            []int     // from a pixel to each run of elements that its result needs
	length             int       // of a run
	xStep, yStep       int       // from pixel to pixel
	addStep            int
	n, tiles, regs     int
	wNext              int     // from one panel of weights to the next; for depthwise kernels from one register's to the next's
	wTap               int     // of depthwise kernels: from one tap's weights to the next's
	xPixel, xRow       int     // of pairs: from a pixel to the next, and to the one in the next row
	lo, hi             float32 // what results are held to

	own  []int       // memory for offsets
	mean [16]float32 // a weight in every lane, see Pool
	run  []float32   // what a kernel computes for sumRuns and pairsBy
	sums []float64   // see sumRuns
}

// plainProducts computes results y = bias + Σ x·w + add, held to limits. The elements of x that belong to
// a pixel lie in runs, which are added up one by one in their order. Panels of w have two registers of
// channels for each element, or one if regs is 1. A tile of more registers goes over several panels.
func plainProducts(t *tile) {
	lanes := plainLanes
	width := min(t.regs, 2) * lanes
	var sums [2 * plainLanes]float32
	for p := range t.n * t.tiles {
		for panel := 0; panel < t.regs*lanes; panel += width {
			sums := sums[:width]
			copy(sums, t.bias[panel:])
			w := t.w[panel/width*t.wNext:]
			for _, o := range t.offsets {
				for _, v := range t.x[p*t.xStep+o:][:t.length] {
					for j, f := range w[:width] {
						sums[j] += v * f
					}
					w = w[width:]
				}
			}
			t.end(p, panel, sums)
		}
	}
}

// end writes the results of a pixel, from a channel on.
func (t *tile) end(p, channel int, sums []float32) {
	y := t.y[p*t.yStep+channel:]
	for j, v := range sums {
		if t.add != nil {
			v += t.add[p*t.addStep+channel+j]
		}
		y[j] = clamp(v, t.lo, t.hi)
	}
}

// pairsBy returns the kernel that computes results y = clamp(max(bias + Σ x·w)), of four pixels each: two neighbours, and those
// in the next row. One that is NaN wins. It takes a kernel of products.
func pairsBy(products func(t *tile)) func(t *tile) {
	return func(t *tile) {
		width := t.regs * plainLanes
		results := t.n * t.tiles * width
		four := newTile()
		defer doneTile(four)
		run := four.grown(4 * results)
		*four = tile{
			w: t.w, bias: t.bias, offsets: t.offsets, length: t.length, xStep: t.xStep, yStep: width, n: t.n, tiles: t.tiles, regs: t.regs,
			wNext: t.wNext, own: four.own, run: four.run, sums: four.sums,
		}
		four.lo, four.hi, _ = Identity.limits()
		for q := range 4 {
			four.x, four.y = t.x[q%2*t.xPixel+q/2*t.xRow:], run[q*results:]
			products(four)
		}
		for i, most := range run[:results] {
			for q := 1; q < 4; q++ {
				most = greater(most, run[q*results+i])
			}
			t.y[i/width*t.yStep+i%width] = clamp(most, t.lo, t.hi)
		}
	}
}

// grown returns n elements of the tile's own memory.
func (t *tile) grown(n int) []float32 {
	if cap(t.run) < n {
		t.run = make([]float32, n)
	}
	return t.run[:n]
}

// greater returns the greater of two numbers, and NaN if one is.
func greater(most, v float32) float32 {
	if v > most || v != v {
		return v
	}
	return most
}

// plainDepthwise computes results y = bias + Σ x·w + add, held to limits, where a channel's results need that
// channel alone: at each offset one element of x. bias may be nil.
func plainDepthwise(t *tile) {
	lanes := plainLanes
	var sums [plainLanes]float32
	for p := range t.n * t.tiles {
		for r := range t.regs {
			clear(sums[:])
			if t.bias != nil {
				copy(sums[:], t.bias[r*lanes:])
			}
			x, w := t.x[p*t.xStep+r*lanes:], t.w[r*t.wNext:]
			for k, o := range t.offsets {
				for j := range sums {
					sums[j] += x[o+j] * w[k*t.wTap+j]
				}
			}
			t.end(p, r*lanes, sums[:])
		}
	}
}

// plainGreatest writes the greatest of the elements of x at the offsets to y, channel by channel. One that is NaN
// wins.
func plainGreatest(t *tile) {
	lanes := plainLanes
	var most [plainLanes]float32
	for p := range t.n * t.tiles {
		for r := range t.regs {
			x := t.x[p*t.xStep+r*lanes:]
			copy(most[:], x[t.offsets[0]:])
			for _, o := range t.offsets[1:] {
				for j := range most {
					most[j] = greater(most[j], x[o+j])
				}
			}
			copy(t.y[p*t.yStep+r*lanes:], most[:])
		}
	}
}

// plainActivate applies a to the first width elements of so many pixels of y, which lie step apart.
func plainActivate(a Activation, y []float32, pixels, step, width int) {
	for p := range pixels {
		pixel := y[p*step:][:width]
		for j, v := range pixel {
			pixel[j] = a.of(v)
		}
	}
}

// plainGate writes so many pixels of x, of width elements each, times gate, to y.
func plainGate(y, x, gate []float32, pixels, width int) {
	for p := range pixels {
		to, from := y[p*width:][:width], x[p*width:][:width]
		for j, v := range from {
			to[j] = v * gate[j]
		}
	}
}

// plainSum computes y = x + add, held to limits.
func plainSum(y, x, add []float32, n int, lo, hi float32) {
	for i := range n {
		y[i] = clamp(x[i]+add[i], lo, hi)
	}
}
