package kernel

// Filters of 3×3 that move by 1 take less arithmetic in another way (Winograd's, as A. Lavin
// and S. Gray tell it in "Fast Algorithms for Convolutional Neural Networks", 2015). The
// results are computed in tiles of 2×2, for which a channel has 16 products in place of 36:
//
//	y = Aᵀ((GwGᵀ) ⊙ (BᵀxB))A,
//
// where x is the 4×4 elements under the filter w at the tile's four places, and ⊙ multiplies
// element by element. Channels add up before A is applied, so that at each of the 16 places
// of all tiles together there is one matrix product, of filters and channels. The gradient
// of x is a convolution too, and that of w is the transpose of the above:
//
//	dw = Gᵀ((A·dy·Aᵀ) ⊙ (BᵀxB))G.
//
// B and A have no elements but 0 and ±1, G has halves. Sums of a tile's 16 elements make
// rounding errors somewhat larger than the usual way's, and a NaN or an infinity in x reaches
// all results of the tiles that it lies in, as NaN. Panels have beyond the last filter or tile
// what happened to be there: nothing is made of it.

// places are the elements of a transformed tile.
const places = 16

// winogradKernels are the transforms, of eight tiles at a time: of two runs of four side by
// side. Rows and planes lie as far apart as row and plane say, and so do a tile's elements,
// by place, where it is transformed.
type winogradKernels struct {
	input    func(planes int, x0, x1 []float32, row, plane int, to []float32, toPlane, place int) // BᵀxB
	gradient func(planes int, x0, x1 []float32, row, plane int, to []float32, toPlane, place int) // A·dy·Aᵀ, the last row of A positive
	output   func(planes int, from []float32, fromPlane, place int, bias []float32, y0, y1 []float32, row, plane int)
}

const (
	tilesOfRun    = 4
	tilesOfVector = 2 * tilesOfRun
)

// winograd is how a convolution is computed in tiles.
type winograd struct {
	*winogradKernels
	*Conv2d
	t         *tiling[float32]
	out       [2]int // rows and columns of results
	rows      int    // of tiles, with those that only fill the last register
	runs      int    // in a row
	vectors   int    // of a picture
	perBlock  int    // pictures that are computed together
	panelCols int    // tiles of these, whole panels
}

const (
	// blockTiles is about how many tiles are computed together: enough that matrix products
	// are worth their start, and few enough that what is between them stays in a cache.
	blockTiles = 112
	// blockFilters is about how many filters are: their sums stay in a cache too.
	blockFilters = 12
	// maxTransformed is how many elements of transformed tiles there are at most.
	maxTransformed = 1 << 19
)

// winogradOf returns the way by tiles for c and elements of type T, or nil where another one is
// better.
func winogradOf[T Float](c *Conv2d) *winograd {
	t, ok := any(tilingOf[T]()).(*tiling[float32])
	const least = 16 // channels, and filters, that are worth the transforms
	one := [2]int{1, 1}
	if !ok || active.winograd == nil || c.Kernel != [2]int{3, 3} || c.Stride != one || c.Dilation != one || c.Groups != 1 ||
		min(c.Padding[0], c.Padding[1]) < 0 || min(c.Channels, c.Filters) < least {
		return nil
	}
	w := &winograd{winogradKernels: active.winograd, Conv2d: c, t: t, out: c.Out()}
	w.runs = (w.out[1] + 2*tilesOfRun - 1) / (2 * tilesOfRun)
	w.vectors = ((w.out[0]+1)/2*w.runs + 1) / 2
	w.rows = (2*w.vectors + w.runs - 1) / w.runs
	// Small pictures leave much of the tiles at their margins unused.
	most, tiles := maxTransformed/(places*max(c.Channels, c.Filters)), w.vectors*tilesOfVector
	if tiles > most || 4*places*tiles > 3*9*w.out[0]*w.out[1] {
		return nil
	}
	w.perBlock = max(1, min(blockTiles, most)/tiles)
	w.panelCols = roundUp(w.perBlock*tiles, t.cols)
	return w
}

// place returns how far apart the matrices of the places are, of n elements each: by no
// multiple of a page, since few lines so far apart fit the first cache.
func place(n int) int {
	const line, page = 16, 1024
	n = roundUp(n, line)
	if n%page == 0 {
		n += line
	}
	return n
}

// inputFrame returns the frame of a picture of so many planes, all of its tiles in it.
func (w *winograd) inputFrame() *frame {
	return &frame{
		planes: w.Channels, from: w.Size, lead: w.Padding, phases: 1,
		size: [2]int{2*w.rows + 2, 2*tilesOfRun*w.runs + 2},
	}
}

// gradientFrame returns the frame of a picture's gradients, so too.
func (w *winograd) gradientFrame() *frame {
	return &frame{planes: w.Filters, from: w.out, phases: 1, size: [2]int{2 * w.rows, 2 * tilesOfRun * w.runs}}
}

// eachVector calls f for all registers of tiles of a picture with the rows and columns of
// the first results of both of its runs.
func (w *winograd) eachVector(f func(v int, row, col [2]int)) {
	for v := range w.vectors {
		var row, col [2]int
		for i := range 2 {
			run := 2*v + i
			row[i], col[i] = run/w.runs*2, run%w.runs*2*tilesOfRun
		}
		f(v, row, col)
	}
}

// filters writes GwGᵀ of all filters as panels of rows: w has element (i, j) of the filter
// from channel c to filter o at i*3+j, or 8 less that if it is turned, after o*filter +
// c*channel.
func (w *winograd) filters(dst, weights []float32, filter, channel int, turned bool) {
	rows, step := w.t.rows, w.filterPlace()
	for o := range w.Filters {
		for c := range w.Channels {
			g := (*[9]float32)(weights[o*filter+c*channel:])
			if turned {
				g = &[9]float32{g[8], g[7], g[6], g[5], g[4], g[3], g[2], g[1], g[0]}
			}
			var half [4][3]float32 // Gw
			for j := range 3 {
				half[0][j], half[1][j], half[2][j], half[3][j] = transformOfFilter(g[j], g[3+j], g[6+j])
			}
			to := dst[o/rows*rows*w.Channels+c*rows+o%rows:]
			for i, h := range half {
				at := 4 * i * step
				to[at], to[at+step], to[at+2*step], to[at+3*step] = transformOfFilter(h[0], h[1], h[2])
			}
		}
	}
}

// transformOfFilter returns Gg.
func transformOfFilter(g0, g1, g2 float32) (h0, h1, h2, h3 float32) {
	ends, middle := (g0+g2)/2, g1/2
	return g0, ends + middle, ends - middle, g2
}

// filterPlace returns the size of the panels of filters of a place.
func (w *winograd) filterPlace() int { return place(roundUp(w.Filters, w.t.rows) * w.Channels) }

// ready returns w with filters whose weights, of a filter and of a channel, begin at multiples
// of filter and channel. They lie in memory of shared.
func (w *winograd) ready(weights, bias []float32, filter, channel int, turned bool, shared *workspace[float32]) *ready[float32] {
	filters := sized(&shared.g, places*w.filterPlace())
	w.filters(filters, weights, filter, channel, turned)
	if bias == nil {
		bias = sized(&shared.sums, w.Filters)
		clear(bias)
	}
	return &ready[float32]{
		w.Channels * w.Size[0] * w.Size[1], w.Filters * w.out[0] * w.out[1], w.perBlock, places * w.panelCols * w.Channels * w.Filters,
		func(s *workspace[float32]) func(y, x []float32) {
			frame := newFrame(w.inputFrame(), &s.x)
			return func(y, x []float32) { w.block(y, x, filters, bias, frame, s) }
		},
	}
}

// block computes the results y of some pictures x.
func (w *winograd) block(y, x, filters, bias []float32, frame framer[float32], s *workspace[float32]) {
	t, channels := w.t, w.Channels
	size, area := channels*w.Size[0]*w.Size[1], w.out[0]*w.out[1]
	images := len(x) / size
	tiles := roundUp(images*w.vectors*tilesOfVector, t.cols)
	height := max(1, blockFilters/t.rows) * t.rows
	inputPlace, filterPlace, sumPlace := place(w.panelCols*channels), w.filterPlace(), place(w.panelCols*height)
	row, plane := 2*tilesOfRun*w.runs, 2*w.rows*2*tilesOfRun*w.runs // of results
	memory := sized(&s.g, places*(inputPlace+sumPlace)+height*plane)
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
					results[r[0]*row+c[0]:], results[r[1]*row+c[1]:], row, plane)
			})
			for i := range n {
				t.copyRows(w.out[0], w.out[1], y[(image*w.Filters+o+i)*area:], w.out[1], results[i*plane:], row)
			}
		}
	}
}
