package kernel

import "github.com/onehot-go/onehot/internal/parallel"

// Filters of 3×3 that move by 1 take less arithmetic in another way (Winograd's, as A. Lavin
// and S. Gray tell it in "Fast Algorithms for Convolutional Neural Networks", 2015). The
// results are computed in tiles. For one of 2×2 a channel has 16 products in place of 36, for
// one of 4×4 it has 36 in place of 144, for one of 5×5 it has 49 in place of 225:
//
//	y = Aᵀ((GwGᵀ) ⊙ (BᵀxB))A,
//
// where x is what lies under the filter w at the tile's places, by two more rows and columns than
// the tile has, and ⊙ multiplies element by element. Channels add up before A is applied, so that
// at each place of all transformed tiles together there is one matrix product, of filters and
// channels. The gradient of x is a convolution too, and that of w is the transpose of the above:
//
//	dw = Gᵀ((A·dy·Aᵀ) ⊙ (BᵀxB))G.
//
// The transforms evaluate polynomials at points, of which there are infinity and as many others
// as the tile with its margin has rows, less one. Those of 2×2 have 0 and ±1: B and A then have no
// elements but 0 and ±1, and G has halves. Those of 4×4 have 0, ±5/8 and ±3/2, those of 5×5 have
// 0, ±9/16, ±9/8 and 3, which were found by trying: rounding errors are about three and eight times
// those of tiles of 2×2. With the usual 0, ±1 and ±2 those of 4×4 are some seven times them.
//
// A NaN or an infinity in x reaches no other results than those of the tiles that it lies in,
// most as NaN.
//
// While pictures are computed the channels of a pixel lie side by side, and a register has eight
// of them: transforms are sums of registers, and at each place what they write are the operands
// of products as they are.

// winogradKernels are the transforms for tiles of size×size results, from elements whose rows and
// columns lie apart as the first two numbers say to ones that lie as the next two say, for
// octets of channels or filters, which lie side by side.
type winogradKernels struct {
	size     int
	t        *tiling[float32]                                                                                       // of the filters' transforms, by panels of 16 columns
	points   []float64                                                                                              // but for infinity, which comes last
	input    func(octets int, from []float32, fromRow, fromCol int, to []float32, toRow, toCol int)                 // BᵀxB
	output   func(octets int, from []float32, fromRow, fromCol int, to []float32, toRow, toCol int, bias []float32) // Aᵀ()A + bias
	gradient func(octets int, from []float32, fromRow, fromCol int, to []float32, toRow, toCol int)                 // A·dy·Aᵀ
	// product writes that of a, whose rows lie aStride elements apart, and a panel of 16 columns.
	// transposed writes that of the transpose of a and 16 columns of b, or adds it.
	product    func(depth int, a []float32, aStride int, b, c []float32, stride, rows int)
	transposed func(depth int, a []float32, aStride int, b []float32, bStride int, c []float32, stride, rows int, add bool)
	// interleave8 is a tiling's transpose8 for planes of a picture, and planes8 its inverse, of
	// blocks one below the other in src and side by side in dst.
	interleave8, planes8 func(dst, src []float32, dstStride, srcStride, blocks int)
}

// filterTransform returns G, whose rows are those of points and of infinity.
func (k *winogradKernels) filterTransform() [][3]float64 {
	var g [][3]float64
	for i, p := range k.points {
		n := 1.
		for j, q := range k.points {
			if j != i {
				n *= p - q
			}
		}
		g = append(g, [3]float64{1 / n, p / n, p * p / n})
	}
	return append(g, [3]float64{2: 1})
}

const (
	filterArea = 9  // weights of a filter from one channel
	octet      = 8  // channels or filters of a register
	panel      = 16 // of a product
)

// winograd is how a convolution is computed in tiles.
type winograd struct {
	*winogradKernels
	*Conv2d
	places   int    // elements of a transformed tile
	out      [2]int // rows and columns of results
	tiles    [2]int // and of tiles
	perBlock int    // pictures that are computed together
}

const (
	// blockPlaces is about how many places the tiles that are computed together have: enough that
	// matrix products are worth their start, and few enough that what is between them stays in a
	// cache.
	blockPlaces = 1792
	// blockFilters is how many filters are computed together: their sums stay in a cache too.
	blockFilters = 2 * panel
	// maxTransformed is how many elements of transformed tiles there are at most.
	maxTransformed = 1 << 19
)

// winogradOf returns the way by tiles for c and elements of type T, or nil if another one is
// better.
func winogradOf[T Float](c *Conv2d) *winograd {
	_, ok := any(T(0)).(float32)
	const least = 16 // channels, and filters, that are worth the transforms
	out, one := c.Out(), [2]int{1, 1}
	if !ok || c.Kernel != [2]int{3, 3} || c.Stride != one || c.Dilation != one || c.Groups != 1 ||
		min(c.Padding[0], c.Padding[1]) < 0 || min(c.Channels, c.Filters) < least || min(c.Size[0]*c.Size[1], out[0]*out[1]) < octet {
		return nil
	}
	var best *winograd
	// Fewer are worth the transforms too. A larger tile, with its larger errors, has to need fewer
	// than a smaller one.
	products := 3*9*out[0]*out[1]/4 + 1
	for _, k := range active.winograd {
		w := &winograd{winogradKernels: k, Conv2d: c, places: (k.size + 2) * (k.size + 2), out: out}
		for d := range out {
			w.tiles[d] = (out[d] + k.size - 1) / k.size
		}
		// Small pictures leave much of the tiles at their margins unused.
		most, tiles := maxTransformed/(w.places*max(c.Channels, c.Filters)), w.tiles[0]*w.tiles[1]
		if tiles <= most && w.places*tiles < products {
			w.perBlock = max(1, min(blockPlaces/w.places, most)/tiles)
			best, products = w, w.places*tiles
		}
	}
	return best
}

// place returns how far apart the matrices of the places are, of n elements each: by an odd
// number of lines, so that the same element of all places is spread over the first cache.
func place(n int) int {
	const line = 16
	return ((n+line-1)/line | 1) * line
}

// interleaved copies one picture after the other to the same memory, where the channels of a
// pixel lie side by side, as many as are whole panels, and zeros around the picture.
type interleaved struct {
	*winogradKernels
	channels int
	lanes    int    // of a pixel
	from     [2]int // rows and columns of the picture
	lead     [2]int // of zeros before it
	cols     int    // with zeros
	picture  []float32
	data     []float32 // with zeros; where there are none, the picture itself
}

// interleaved returns memory for copies of pictures of the given rows and columns, with so many
// zeros before them, and with all of the tiles, which overlap by as many elements as overlap says.
func (w *winograd) interleaved(channels int, from, lead [2]int, overlap int, memory *[]float32) *interleaved {
	f := &interleaved{winogradKernels: w.winogradKernels, channels: channels, lanes: roundUp(channels, panel), from: from, lead: lead}
	size := [2]int{w.size*w.tiles[0] + overlap, w.size*w.tiles[1] + overlap}
	f.cols = size[1]
	picture, whole := from[0]*from[1]*f.lanes, size[0]*size[1]*f.lanes
	if size == from {
		whole = 0
	}
	f.picture = sized(memory, picture+whole)
	clear(f.picture)
	f.picture, f.data = f.picture[:picture], f.picture[picture:]
	if whole == 0 {
		f.data = f.picture
	}
	return f
}

// inputFrame is for pictures, and gradientFrame for gradients of results.
func (w *winograd) inputFrame(memory *[]float32) *interleaved {
	return w.interleaved(w.Channels, w.Size, w.Padding, 2, memory)
}

func (w *winograd) gradientFrame(memory *[]float32) *interleaved {
	return w.interleaved(w.Filters, w.out, [2]int{}, 0, memory)
}

// of returns the copy of picture x.
func (f *interleaved) of(x []float32) []float32 {
	area := f.from[0] * f.from[1]
	for c := 0; c < f.channels; c += octet {
		c := min(c, f.channels-octet) // the last overlap others where 8 does not divide them
		f.interleave8(f.picture[c:], x[c*area:], f.lanes, area, area/octet)
		if last := area - octet; area%octet > 0 {
			f.interleave8(f.picture[last*f.lanes+c:], x[c*area+last:], f.lanes, area, 1)
		}
	}
	if len(f.data) != len(f.picture) {
		row := f.from[1] * f.lanes
		for i := range f.from[0] {
			copy(f.data[((f.lead[0]+i)*f.cols+f.lead[1])*f.lanes:], f.picture[i*row:][:row])
		}
	}
	return f.data
}

// transform writes what a kernel makes of all tiles of picture x, whose elements a step of rows
// and columns apart are the first of theirs: one below the other at every place.
func (f *interleaved) transform(w *winograd, kernel func(octets int, from []float32, fromRow, fromCol int, to []float32, toRow, toCol int), x, to []float32, place int) {
	x = f.of(x)
	for i := range w.tiles[0] {
		for j := range w.tiles[1] {
			kernel(f.lanes/octet, x[(i*f.cols+j)*w.size*f.lanes:], f.cols*f.lanes, f.lanes, to, (w.size+2)*place, place)
			to = to[f.lanes:]
		}
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

// filters writes GwGᵀ of all filters as panels of columns, whose rows are channels: w has element
// (i, j) of the filter from channel c to filter o at i*3+j, or 8 less that if it is turned, after
// o*filter + c*channel. This is a matrix product too, that of G⊗G, which has a row for each
// place, and of the filters as columns.
func (w *winograd) filters(dst, weights []float32, filter, channel int, turned bool, s *workspace[float32]) {
	t := w.t
	rows := sized(&s.x, filterArea*roundUp(w.places, t.rows))
	w.eachWeight(func(p, i int, g float32) {
		if turned {
			i = filterArea - 1 - i
		}
		rows[p/t.rows*t.rows*filterArea+i*t.rows+p%t.rows] = g
	})
	parallel.For((w.Filters+panel-1)/panel*w.Channels, 1+smallWork/(4*w.places*filterArea*panel), func(lo, hi int) {
		var columns [filterArea * panel]float32
		for u := lo; u < hi; u++ {
			o, c := u/w.Channels*panel, u%w.Channels
			n := min(panel, w.Filters-o) // the others keep what they had: nothing is made of them
			for i := range n {
				for j, v := range weights[(o+i)*filter+c*channel:][:filterArea] {
					columns[j*panel+i] = v
				}
			}
			t.tile(filterArea, rows, columns[:], dst[o*w.Channels+c*panel:], w.filterPlace(), w.places, panel, Epilogue[float32]{})
		}
	})
}

// filterPlace returns the size of the panels of filters of a place.
func (w *winograd) filterPlace() int { return place(roundUp(w.Filters, panel) * w.Channels) }

// ready returns w with filters whose weights, of a filter and of a channel, begin at multiples
// of filter and channel. They lie in memory of shared.
func (w *winograd) ready(weights, bias []float32, filter, channel int, turned bool, shared *workspace[float32]) *ready[float32] {
	filters, biases := sized(&shared.g, w.places*w.filterPlace()), sized(&shared.sums, roundUp(w.Filters, panel))
	w.filters(filters, weights, filter, channel, turned, shared)
	clear(biases)
	copy(biases, bias)
	return &ready[float32]{
		w.Channels * w.Size[0] * w.Size[1], w.Filters * w.out[0] * w.out[1], w.perBlock, w.places * w.perBlock * w.tiles[0] * w.tiles[1] * w.Channels * w.Filters,
		func(s *workspace[float32]) func(y, x []float32) {
			frame := w.inputFrame(&s.x)
			return func(y, x []float32) { w.block(y, x, filters, biases, frame, s) }
		},
	}
}

// block computes the results y of some pictures x.
func (w *winograd) block(y, x, filters, bias []float32, frame *interleaved, s *workspace[float32]) {
	size, area, tiles := w.Channels*w.Size[0]*w.Size[1], w.out[0]*w.out[1], w.tiles[0]*w.tiles[1]
	images, height := len(x)/size, min(blockFilters, roundUp(w.Filters, panel))
	inputPlace, filterPlace, sumPlace := place(w.perBlock*tiles*frame.lanes), w.filterPlace(), place(w.perBlock*tiles*height)
	memory := sized(&s.g, w.places*(inputPlace+sumPlace)+w.size*(w.tiles[0]*w.out[1]+1)*height)
	inputs, sums, results := memory[:w.places*inputPlace], memory[w.places*inputPlace:][:w.places*sumPlace], memory[w.places*(inputPlace+sumPlace):]
	for n := range images {
		frame.transform(w, w.input, x[n*size:][:size], inputs[n*tiles*frame.lanes:], inputPlace)
	}
	for o := 0; o < w.Filters; o += height {
		n := min(height, w.Filters-o)
		for p := range w.places {
			for i := 0; i < n; i += panel {
				w.product(w.Channels, inputs[p*inputPlace:], frame.lanes, filters[p*filterPlace+(o+i)*w.Channels:], sums[p*sumPlace+i:], height, images*tiles)
			}
		}
		for image := range images {
			w.results(results, sums[image*tiles*height:], height, sumPlace, bias[o:])
			w.planes(y[(image*w.Filters+o)*area:][:n*area], results, height)
		}
	}
}

// results writes those of a picture and some filters, which lie side by side. Tiles go beyond the
// last column of a picture, into what is written after it, and beyond its last row.
func (w *winograd) results(dst, sums []float32, filters, place int, bias []float32) {
	for i := range w.tiles[0] {
		for j := w.tiles[1] - 1; j >= 0; j-- {
			w.output((min(filters, len(bias))+octet-1)/octet, sums[(i*w.tiles[1]+j)*filters:], (w.size+2)*place, place,
				dst[(i*w.out[1]+j)*w.size*filters:], w.out[1]*filters, filters, bias)
		}
	}
}

// planes writes results, of which so many filters lie side by side, plane by plane, as many as y
// has.
func (w *winograd) planes(y, results []float32, filters int) {
	area := w.out[0] * w.out[1]
	n := len(y) / area
	for o := 0; o+octet <= n; o += octet {
		w.planes8(y[o*area:], results[o:], area, filters, area/octet)
		if last := area - octet; area%octet > 0 {
			w.planes8(y[o*area+last:], results[last*filters+o:], area, filters, 1)
		}
	}
	for o := n / octet * octet; o < n; o++ {
		for i := range area {
			y[o*area+i] = results[i*filters+o]
		}
	}
}
