package kernel

// Filters of 3×3 that move by 1 take less arithmetic in another way (Winograd's, as A. Lavin
// and S. Gray tell it in "Fast Algorithms for Convolutional Neural Networks", 2015). The
// results are computed in tiles. For one of 2×2 a channel has 16 products in place of 36, for
// one of 4×4 it has 36 in place of 144:
//
//	y = Aᵀ((GwGᵀ) ⊙ (BᵀxB))A,
//
// where x is the 4×4 or 6×6 elements under the filter w at the tile's places, and ⊙ multiplies
// element by element. Channels add up before A is applied, so that at each of the 16 or 36
// places of all tiles together there is one matrix product, of filters and channels. The
// gradient of x is a convolution too, and that of w is the transpose of the above:
//
//	dw = Gᵀ((A·dy·Aᵀ) ⊙ (BᵀxB))G.
//
// The transforms evaluate polynomials at points, of which a tile's side has 0, infinity and as
// many others as results. Those of 2×2 have ±1: B and A then have no elements but 0 and ±1, and
// G has halves. Those of 4×4 have ±5/8 and ±3/2: rounding errors are about three times those of
// tiles of 2×2, and would be twice as large again with ±1 and ±2, which take somewhat less
// arithmetic.
//
// A NaN or an infinity in x reaches no other results than those of the tiles that it lies in,
// most as NaN. Panels have beyond the last filter or tile what happened to be there: nothing is
// made of it.

// winogradKernels are the transforms for tiles of size×size results, of eight tiles at a time:
// of two runs of four side by side. Rows and planes lie as far apart as row and plane say, and
// so do a tile's elements, by place, where it is transformed.
type winogradKernels struct {
	size     int
	points   []float64                                                                            // those above 0
	input    func(planes int, x0, x1 []float32, row, plane int, to []float32, toPlane, place int) // BᵀxB
	output   func(planes int, from []float32, fromPlane, place int, bias []float32, y0, y1 []float32, row, plane int)
	gradient func(planes int, x0, x1 []float32, row, plane int, to []float32, toPlane, place int) // A·dy·Aᵀ
}

// filterTransform returns G, whose rows are those of 0, of each of points and its negative, and
// of infinity.
func (k *winogradKernels) filterTransform() [][3]float64 {
	g := [][3]float64{{1}}
	for i, p := range k.points {
		n := 2 * p * p
		for j, q := range k.points {
			if j != i {
				n *= p*p - q*q
			}
		}
		g[0][0] /= p * p
		g = append(g, [3]float64{1 / n, p / n, p * p / n}, [3]float64{1 / n, -p / n, p * p / n})
	}
	return append(g, [3]float64{2: 1})
}

const (
	filterArea    = 9 // weights of a filter from one channel
	tilesOfRun    = 4
	tilesOfVector = 2 * tilesOfRun
)

// winograd is how a convolution is computed in tiles.
type winograd struct {
	*winogradKernels
	*Conv2d
	t         *tiling[float32]
	places    int    // elements of a transformed tile
	out       [2]int // rows and columns of results
	rows      int    // of tiles, with those that only fill the last register
	runs      int    // in a row
	vectors   int    // of a picture
	perBlock  int    // pictures that are computed together
	panelCols int    // tiles of these, whole panels
}

const (
	// blockPlaces is about how many places the tiles that are computed together have: enough that
	// matrix products are worth their start, and few enough that what is between them stays in a
	// cache.
	blockPlaces = 1792
	// blockFilters is about how many filters are computed together: their sums stay in a cache too.
	blockFilters = 24
	// maxTransformed is how many elements of transformed tiles there are at most.
	maxTransformed = 1 << 19
)

// winogradOf returns the way by tiles for c and elements of type T, or nil where another one is
// better.
func winogradOf[T Float](c *Conv2d) *winograd {
	t, ok := any(tilingOf[T]()).(*tiling[float32])
	const least = 16 // channels, and filters, that are worth the transforms
	one := [2]int{1, 1}
	if !ok || c.Kernel != [2]int{3, 3} || c.Stride != one || c.Dilation != one || c.Groups != 1 ||
		min(c.Padding[0], c.Padding[1]) < 0 || min(c.Channels, c.Filters) < least {
		return nil
	}
	var best *winograd
	out := c.Out()
	products := 3 * 9 * out[0] * out[1] / 4 // so many at most are worth the transforms too
	for _, k := range active.winograd {
		w := &winograd{winogradKernels: k, Conv2d: c, t: t, places: (k.size + 2) * (k.size + 2), out: out}
		w.runs = (out[1] + w.run() - 1) / w.run()
		w.vectors = ((out[0]+k.size-1)/k.size*w.runs + 1) / 2
		w.rows = (2*w.vectors + w.runs - 1) / w.runs
		// Small pictures leave much of the tiles at their margins unused.
		most, tiles := maxTransformed/(w.places*max(c.Channels, c.Filters)), w.vectors*tilesOfVector
		if tiles <= most && w.places*tiles <= products {
			w.perBlock = max(1, min(blockPlaces/w.places, most)/tiles)
			w.panelCols = roundUp(w.perBlock*tiles, t.cols)
			best, products = w, w.places*tiles
		}
	}
	return best
}

// run returns how many results of a row a run has.
func (w *winograd) run() int { return w.size * tilesOfRun }

// place returns how far apart the matrices of the places are, of n elements each: by an odd
// number of lines, so that the same element of all places is spread over the first cache.
func place(n int) int {
	const line = 16
	return ((n+line-1)/line | 1) * line
}

// inputFrame returns the frame of a picture of so many planes, all of its tiles in it.
func (w *winograd) inputFrame() *frame {
	return &frame{
		planes: w.Channels, from: w.Size, lead: w.Padding, phases: 1,
		size: [2]int{w.size*w.rows + 2, w.run()*w.runs + 2},
	}
}

// gradientFrame returns the frame of a picture's gradients, so too.
func (w *winograd) gradientFrame() *frame {
	return &frame{planes: w.Filters, from: w.out, phases: 1, size: [2]int{w.size * w.rows, w.run() * w.runs}}
}

// eachVector calls f for all registers of tiles of a picture with the rows and columns of
// the first results of both of its runs.
func (w *winograd) eachVector(f func(v int, row, col [2]int)) {
	for v := range w.vectors {
		var row, col [2]int
		for i := range 2 {
			run := 2*v + i
			row[i], col[i] = run/w.runs*w.size, run%w.runs*w.run()
		}
		f(v, row, col)
	}
}

// eachWeight calls f with the elements of G⊗G: for place p and element i of a filter what that
// is multiplied by.
func (w *winograd) eachWeight(f func(p, i int, g float32)) {
	g, side := w.filterTransform(), w.size+2
	for p := range w.places {
		for i := range filterArea {
			f(p, i, float32(g[p/side][i/3]*g[p%side][i%3]))
		}
	}
}

// filters writes GwGᵀ of all filters as panels of rows: w has element (i, j) of the filter
// from channel c to filter o at i*3+j, or 8 less that if it is turned, after o*filter +
// c*channel. This is a matrix product too, that of G⊗G, which has a row for each place, and of
// the filters as columns.
func (w *winograd) filters(dst, weights []float32, filter, channel int, turned bool, s *workspace[float32]) {
	t := w.t
	memory := sized(&s.x, filterArea*(t.cols+roundUp(w.places, t.rows)))
	columns, rows := memory[:filterArea*t.cols], memory[filterArea*t.cols:]
	w.eachWeight(func(p, i int, g float32) {
		if turned {
			i = filterArea - 1 - i
		}
		rows[p/t.rows*t.rows*filterArea+i*t.rows+p%t.rows] = g
	})
	for n := 0; n < roundUp(w.Filters, t.rows)*w.Channels; n += t.cols {
		for i := range t.cols {
			row := (n + i) / t.rows // of a panel, one a channel
			o, c := row/w.Channels*t.rows+(n+i)%t.rows, row%w.Channels
			if o >= w.Filters {
				continue
			}
			for j, v := range weights[o*filter+c*channel:][:filterArea] {
				columns[j*t.cols+i] = v
			}
		}
		t.tile(filterArea, rows, columns, dst[n:], w.filterPlace(), w.places, t.cols, Epilogue[float32]{})
	}
}

// filterPlace returns the size of the panels of filters of a place.
func (w *winograd) filterPlace() int { return place(roundUp(w.Filters, w.t.rows) * w.Channels) }

// ready returns w with filters whose weights, of a filter and of a channel, begin at multiples
// of filter and channel. They lie in memory of shared.
func (w *winograd) ready(weights, bias []float32, filter, channel int, turned bool, shared *workspace[float32]) *ready[float32] {
	filters := sized(&shared.g, w.places*w.filterPlace())
	w.filters(filters, weights, filter, channel, turned, shared)
	if bias == nil {
		bias = sized(&shared.sums, w.Filters)
		clear(bias)
	}
	return &ready[float32]{
		w.Channels * w.Size[0] * w.Size[1], w.Filters * w.out[0] * w.out[1], w.perBlock, w.places * w.panelCols * w.Channels * w.Filters,
		func(s *workspace[float32]) func(y, x []float32) {
			frame := newFrame(w.inputFrame(), &s.x)
			return func(y, x []float32) { w.block(y, x, filters, bias, frame, s) }
		},
	}
}

// block computes the results y of some pictures x.
func (w *winograd) block(y, x, filters, bias []float32, frame framer[float32], s *workspace[float32]) {
	t, channels, places := w.t, w.Channels, w.places
	size, plane := channels*w.Size[0]*w.Size[1], w.out[0]*w.out[1]
	images := len(x) / size
	tiles := roundUp(images*w.vectors*tilesOfVector, t.cols)
	height := max(1, blockFilters/t.rows) * t.rows
	inputPlace, filterPlace, sumPlace := place(w.panelCols*channels), w.filterPlace(), place(w.panelCols*height)
	row := w.run() * w.runs // of results of whole tiles
	whole := w.size * w.rows * row
	memory := sized(&s.g, places*(inputPlace+sumPlace)+height*whole)
	inputs, sums, results := memory[:places*inputPlace], memory[places*inputPlace:][:places*sumPlace], memory[places*(inputPlace+sumPlace):]
	// A panel of inputs has t.cols tiles, and rows of channels.
	for n := range images {
		x := frame.of(x[n*size : (n+1)*size])
		w.eachVector(func(v int, row, col [2]int) {
			tile := (n*w.vectors + v) * tilesOfVector
			w.input(channels, x[frame.at(row[0], col[0]):], x[frame.at(row[1], col[1]):], frame.row(), frame.plane(),
				inputs[tile/t.cols*t.cols*channels+tile%t.cols:], t.cols, inputPlace)
		})
	}
	for o := 0; o < w.Filters; o += height {
		n := min(height, w.Filters-o)
		for p := range places {
			filters, inputs, sums := filters[p*filterPlace+o*channels:], inputs[p*inputPlace:], sums[p*sumPlace:]
			for j := 0; j < tiles; j += t.cols {
				t.tile(channels, filters, inputs[j*channels:], sums[j:], w.panelCols, n, t.cols, Epilogue[float32]{})
			}
		}
		for image := range images {
			w.eachVector(func(v int, r, c [2]int) {
				w.output(n, sums[(image*w.vectors+v)*tilesOfVector:], w.panelCols, sumPlace, bias[o:],
					results[r[0]*row+c[0]:], results[r[1]*row+c[1]:], row, whole)
			})
			for i := range n {
				t.copyRows(w.out[0], w.out[1], y[(image*w.Filters+o+i)*plane:], w.out[1], results[i*whole:], row)
			}
		}
	}
}
