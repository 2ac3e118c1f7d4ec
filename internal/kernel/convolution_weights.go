package kernel

import (
	"slices"

	"github.com/onehot-go/onehot/internal/parallel"
)

// products is what the gradient of weights adds up, for one picture and group: every
// filter's gradients times what lies at every tap from their places.
type products struct {
	rows, cols, step, filters int
	taps                      []int
}

// summing is a way to add products up. Sums lie in memory as it likes.
type summing[T Float] interface {
	size() int                            // of the sums
	add(sums, x, dy []T, s *workspace[T]) // those of a picture in frame x
	sum(sums []T, filter, tap int) T      // the sum itself
}

// byPanels adds up by a convolver, from gradients in panels.
type byPanels[T Float] struct {
	*products
	*convolver[T]
}

func (b byPanels[T]) panels() int { return (b.filters + b.lanes - 1) / b.lanes }

func (b byPanels[T]) size() int { return b.panels() * b.lanes * len(b.products.taps) }

func (b byPanels[T]) add(sums, x, dy []T, s *workspace[T]) {
	area, taps, t := b.rows*b.cols, b.products.taps, tilingOf[T]()
	g := sized(&s.g, b.panels()*b.lanes*area+slack)
	edge := b.filters % b.lanes
	t.pack(g, Matrix[T]{dy, b.filters - edge, area, area, 1}, b.lanes)
	if edge > 0 { // whole panels are packed faster: this one from a copy with rows of zeros
		last := sized(&s.sums, b.lanes*area)
		clear(last[copy(last, dy[(b.filters-edge)*area:]):])
		t.pack(g[(b.filters-edge)*area:], Matrix[T]{last, b.lanes, area, area, 1}, b.lanes)
	}
	parts := (len(taps) + b.convolver.taps - 1) / b.convolver.taps
	for p := range b.panels() {
		for part := range parts {
			from, to := part*len(taps)/parts, (part+1)*len(taps)/parts
			b.gradient(b.rows, b.cols, b.step, taps[from:to], x, g[p*b.lanes*area:], sums[(p*len(taps)+from)*b.lanes:])
		}
	}
}

func (b byPanels[T]) sum(sums []T, filter, tap int) T {
	return sums[(filter/b.lanes*len(b.products.taps)+tap)*b.lanes+filter%b.lanes]
}

// byPixels adds up along pixels: a sum is several, one a lane of a register, to the end.
type byPixels[T Float] struct {
	*products
	way *along[T]
	// Where taps and filters lie. They are a multiple of what the kernel takes: it gets the
	// last again where one is missing.
	at, from []int
}

func newByPixels[T Float](p *products, a *along[T]) byPixels[T] {
	b := byPixels[T]{products: p, way: a, at: slices.Clone(p.taps)}
	for len(b.at)%a.taps != 0 {
		b.at = append(b.at, p.taps[len(p.taps)-1])
	}
	for o := 0; o < p.filters || o%a.filters != 0; o++ {
		b.from = append(b.from, min(o, p.filters-1)*p.rows*p.cols)
	}
	return b
}

func (b byPixels[T]) size() int { return len(b.at) * len(b.from) * b.way.pixels }

// block returns where the sums of a block of taps and filters begin.
func (b byPixels[T]) block(taps, filters int) int {
	return (taps*len(b.from)/b.way.filters + filters) * b.way.taps * b.way.filters * b.way.pixels
}

func (b byPixels[T]) add(sums, x, dy []T, _ *workspace[T]) {
	for i := range len(b.at) / b.way.taps {
		for j := range len(b.from) / b.way.filters {
			b.way.gradient(b.rows, b.cols, b.step, b.at[i*b.way.taps:], b.from[j*b.way.filters:], x, dy, sums[b.block(i, j):])
		}
	}
}

func (b byPixels[T]) sum(sums []T, filter, tap int) (sum T) {
	i, j := tap/b.way.taps, filter/b.way.filters
	at := b.block(i, j) + (tap%b.way.taps*b.way.filters+filter%b.way.filters)*b.way.pixels
	for _, v := range sums[at:][:b.way.pixels] {
		sum += v
	}
	return sum
}

// newSumming returns the better way for p.
func newSumming[T Float](p *products) summing[T] {
	panels, a := byPanels[T]{p, convolverOf[T](p.filters)}, alongOf[T]()
	if a == nil {
		return panels
	}
	// In lanes of products. To pack panels takes as long as some taps.
	const pack = 9
	pixels, runs := newByPixels(p, a), (p.cols+a.pixels-1)/a.pixels
	if p.rows*runs*pixels.size() > p.rows*p.cols*panels.panels()*panels.lanes*(len(p.taps)+pack) {
		return panels
	}
	return pixels
}

// The pictures are split into strips with sums of their own: at least so many in one, at
// most so many strips, and so many sums of all strips but where one has more.
const (
	leastStrip = 8
	maxStrips  = 32
	maxSums    = 1 << 24
)

// strips returns how many there are of so many pictures, and of how many pictures each but
// the last is, where one has so many sums.
func strips(images, size int) (n, length int) {
	most := min(maxStrips, max(1, maxSums/size))
	length = max(leastStrip, (images+most-1)/most)
	return (images + length - 1) / length, length
}

// addStrips adds those of all strips to the first one's, one after the other.
func addStrips[T Float](sums []T, size, strips int) {
	parallel.For(size, 1+smallWork/max(1, strips), func(lo, hi int) {
		for s := 1; s < strips; s++ {
			addTo(sums[lo:hi], sums[s*size+lo:s*size+hi])
		}
	})
}

// gradient is how the gradient of the weights of a convolution is computed.
type gradient[T Float] struct {
	size  int // sums that it is made of
	block int // pictures that are added at once, at most
	work  int // products of a picture
	// core returns what adds the products of a block's pictures x with the gradients of their
	// results, on one core in memory of s. The sums have been written after the last block of
	// a strip, and hold nothing before the first.
	core func(s *workspace[T]) func(sums, x, dy []T, first, last bool)
	// write makes the gradients of the weights, and of a bias unless db is nil, of the sums.
	write func(dw, db, sums []T)
}

// ConvolveGrads computes the gradients of w, dw, and, unless they are nil, of a bias, db, and of
// x, dx, from that of y, dy. Where write is not nil it is called for every range of pictures,
// once, to write their part of dy; where dy is nil they are not kept. A core makes all
// gradients of some pictures while those of their results are in its cache. Pictures are
// split, in a way that depends on the shape alone, into strips whose sums are added up one
// after the other: beside what Convolve needs, that is memory for at most 32 copies of w, and
// 2²⁴ elements unless one is larger. For few channels a copy has up to 16 elements for each
// of w.
func ConvolveGrads[T Float](c Conv2d, dx, dw, db, dy, x, w []T, write func(dst []T, from, to int)) {
	weights := gradientOf[T](c, db != nil)
	strips, length := strips(c.Images, weights.size)
	shared, backShared := workspacePool[T]().Get().(*workspace[T]), workspacePool[T]().Get().(*workspace[T])
	defer workspacePool[T]().Put(shared)
	defer workspacePool[T]().Put(backShared)
	sums := sized(&shared.sums, max(1, strips)*weights.size)
	clear(sums[:weights.size]) // of no pictures
	block := weights.block
	var back *ready[T]
	if dx != nil {
		back = backward(c, w, backShared)
		block = max(block, back.block)
	}
	out := c.Out()
	xSize, ySize := c.Channels*c.Size[0]*c.Size[1], c.Filters*out[0]*out[1]
	parallel.Share(strips, 1+smallWork/max(1, length*weights.work), func(lo, hi int) {
		s, backS := workspacePool[T]().Get().(*workspace[T]), workspacePool[T]().Get().(*workspace[T])
		defer workspacePool[T]().Put(s)
		defer workspacePool[T]().Put(backS)
		add := weights.core(s)
		var pictureGrads func(dx, dy []T)
		if back != nil {
			pictureGrads = back.core(backS)
		}
		gradients := pictures[T]{dy, ySize, &s.written}
		for strip := lo; strip < hi; strip++ {
			sums := sums[strip*weights.size:][:weights.size]
			begin, end := strip*length, min((strip+1)*length, c.Images)
			for n := begin; n < end; n += block {
				to := min(n+block, end)
				dy := gradients.of(n, to)
				if write != nil {
					write(dy, n, to)
				}
				eachBlock(n, to, weights.block, func(from, to int) {
					add(sums, x[from*xSize:to*xSize], dy[(from-n)*ySize:(to-n)*ySize], from == begin, to == end)
				})
				if back != nil {
					eachBlock(n, to, back.block, func(from, to int) {
						pictureGrads(dx[from*xSize:to*xSize], dy[(from-n)*ySize:(to-n)*ySize])
					})
				}
			}
		}
	})
	addStrips(sums, weights.size, strips)
	weights.write(dw, db, sums[:weights.size])
}

// eachBlock calls f for blocks of at most so many of a range.
func eachBlock(from, to, block int, f func(from, to int)) {
	for ; from < to; from += block {
		f(from, min(from+block, to))
	}
}

// gradientOf returns how the gradient of c's weights, and with bias that of a bias, is computed.
func gradientOf[T Float](c Conv2d, bias bool) *gradient[T] {
	if w := winogradOf[T](&c); w != nil {
		return any(w.gradients()).(*gradient[T])
	}
	c = c.flattened()
	out, f := c.Out(), c.frame()
	p := &products{rows: out[0], cols: out[1], step: c.Stride[0] * f.row(), filters: c.Filters / c.Groups, taps: c.taps(f)}
	weights := len(p.taps)
	if bias { // the weight of a 1 that is everywhere
		f.ones = (p.rows-1)*p.step + p.cols
		p.taps = append(p.taps, f.planes*f.plane())
	}
	way := newSumming[T](p)
	group := way.size()
	xSize, ySize := f.planes*c.Size[0]*c.Size[1], p.filters*p.rows*p.cols
	return &gradient[T]{
		size: c.Groups * group, block: 1, work: c.Groups * ySize * len(p.taps),
		core: func(s *workspace[T]) func(sums, x, dy []T, first, last bool) {
			frame := newFrame(f, &s.x)
			return func(sums, x, dy []T, first, _ bool) {
				if first {
					clear(sums)
				}
				for g := range c.Groups {
					way.add(sums[g*group:], frame.of(x[g*xSize:][:xSize]), dy[g*ySize:][:ySize], s)
				}
			}
		},
		write: func(dw, db, sums []T) {
			parallel.For(c.Filters, 1+smallWork/(8*len(p.taps)), func(lo, hi int) {
				for o := lo; o < hi; o++ {
					sums := sums[o/p.filters*group:]
					for k := range weights {
						dw[o*weights+k] = way.sum(sums, o%p.filters, k)
					}
					if db != nil {
						db[o] = way.sum(sums, o%p.filters, weights)
					}
				}
			})
		},
	}
}

// addTo computes dst = dst + x for slices of one length.
func addTo[T Float](dst, x []T) {
	if dst, ok := any(dst).([]float32); ok {
		Add(dst, dst, any(x).([]float32))
		return
	}
	for i, v := range x {
		dst[i] += v
	}
}
