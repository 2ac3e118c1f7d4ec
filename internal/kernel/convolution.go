package kernel

import (
	"sync"

	"github.com/onehot-go/onehot/internal/parallel"
)

// Conv2d is the shape of a convolution as PyTorch's conv2d defines it: filters w,
// (Filters, Channels/Groups, Kernel), laid over pictures x, (Images, Channels, Size), give
// y, (Images, Filters, Out). All lie in row-major order without gaps. Pairs are of rows and
// columns; Groups divides Channels and Filters.
type Conv2d struct {
	Images, Channels, Filters, Groups       int
	Size, Kernel, Stride, Padding, Dilation [2]int
}

// Out returns the rows and columns of a picture in y. They are at least 1 where the filters
// fit into the padded pictures.
func (c *Conv2d) Out() (size [2]int) {
	for d := range size {
		size[d] = (c.Size[d]+2*c.Padding[d]-c.Dilation[d]*(c.Kernel[d]-1)-1)/c.Stride[d] + 1
	}
	return size
}

// inputGrad returns the convolution that makes the gradient of x of that of y, by filters
// that are turned about, where c's move by 1.
func (c Conv2d) inputGrad() Conv2d {
	for d, out := range c.Out() {
		c.Size[d], c.Padding[d] = out, c.Dilation[d]*(c.Kernel[d]-1)-c.Padding[d]
	}
	c.Channels, c.Filters = c.Filters, c.Channels
	return c
}

// flattened returns c with all of a picture as one row, where that is the same convolution
// and longer rows make better use of the kernels.
func (c Conv2d) flattened() Conv2d {
	if one := [2]int{1, 1}; c.Kernel == one && c.Stride == one && c.Padding == [2]int{} {
		c.Size = [2]int{1, c.Size[0] * c.Size[1]}
	}
	return c
}

// workspace is memory that one goroutine needs, kept from one convolution to the next.
type workspace[T Float] struct {
	x, dy, sums, g, written []T
	by                      []Channel[T]
}

var (
	workspaces32 = sync.Pool{New: func() any { return new(workspace[float32]) }}
	workspaces64 = sync.Pool{New: func() any { return new(workspace[float64]) }}
)

func workspacePool[T Float]() *sync.Pool {
	var zero T
	if _, ok := any(zero).(float32); ok {
		return &workspaces32
	}
	return &workspaces64
}

// sized returns n elements in the memory of *s, which grows where it must.
func sized[T any](s *[]T, n int) []T {
	if cap(*s) < n {
		*s = make([]T, n)
	}
	return (*s)[:n]
}

// pictures is where a goroutine has what belongs to pictures: all of them in data, or, where
// that is nil, those that it is at in memory of its own.
type pictures[T Float] struct {
	data    []T
	picture int // elements of one
	scratch *[]T
}

// of returns those of some pictures, which stay until the next call.
func (p *pictures[T]) of(from, to int) []T {
	if p.data == nil {
		return sized(p.scratch, (to-from)*p.picture)
	}
	return p.data[from*p.picture : to*p.picture]
}

// frame is the copy of a picture: of its rows and columns from -lead on, as many as size
// says, with zeros for those outside. Where phases is more than 1, results lie as many
// columns apart: column u of a row is then element u/phases of its part u%phases, so that
// those of neighbouring results lie side by side.
type frame struct {
	planes     int
	from       [2]int // rows and columns of the picture
	lead, size [2]int
	phases     int
	ones       int // behind the last plane, what a bias is the weight of
}

// width returns the length of a row's part.
func (f *frame) width() int { return (f.size[1] + f.phases - 1) / f.phases }

// row and plane return the lengths of a row and of a plane.
func (f *frame) row() int   { return f.phases * f.width() }
func (f *frame) plane() int { return f.size[0] * f.row() }

// at returns where row i and column j of the first plane lie.
func (f *frame) at(i, j int) int { return i*f.row() + j%f.phases*f.width() + j/f.phases }

// same says whether the copy is the picture.
func (f *frame) same() bool {
	return f.lead == [2]int{} && f.size == f.from && f.phases == 1 && f.ones == 0
}

// framer copies one picture after the other to the same memory, whose margins stay zeros.
type framer[T Float] struct {
	*frame
	data []T
}

func newFrame[T Float](f *frame, memory *[]T) framer[T] {
	if f.same() {
		return framer[T]{frame: f}
	}
	end := f.planes * f.plane()
	data := sized(memory, end+f.ones)
	clear(data[:end])
	for i := end; i < len(data); i++ {
		data[i] = 1
	}
	return framer[T]{f, data}
}

// of returns the frame of picture x.
func (f framer[T]) of(x []T) []T {
	if f.same() {
		return x
	}
	top, bottom := f.lead[0], min(f.size[0], f.lead[0]+f.from[0])
	left, right := f.lead[1], min(f.size[1], f.lead[1]+f.from[1])
	row, width := f.row(), f.width()
	a := alongOf[T]()
	for p := range f.planes {
		to, from := f.data[p*f.plane():], x[p*f.from[0]*f.from[1]:]
		if a != nil && f.phases == 1 && top < bottom && left < right {
			a.copyRows(bottom-top, right-left, to[top*row+left:], row, from, f.from[1])
			continue
		}
		for i := top; i < bottom; i++ {
			to, from := to[i*row:][:row], from[(i-top)*f.from[1]:][:f.from[1]]
			if f.phases == 1 {
				copy(to[left:right], from)
				continue
			}
			for j := left; j < right; j++ {
				to[j%f.phases*width+j/f.phases] = from[j-left]
			}
		}
	}
	return f.data
}

// frame returns how a group's part of a picture of x is copied.
func (c *Conv2d) frame() *frame {
	f := &frame{planes: c.Channels / c.Groups, from: c.Size, lead: c.Padding, phases: c.Stride[1]}
	for d, n := range c.Out() {
		f.size[d] = (n-1)*c.Stride[d] + (c.Kernel[d]-1)*c.Dilation[d] + 1
	}
	return f
}

// taps returns where in a frame of x the elements lie that filters are laid over, in the
// order of a filter's weights.
func (c *Conv2d) taps(f *frame) []int {
	taps := make([]int, 0, f.planes*c.Kernel[0]*c.Kernel[1])
	for p := range f.planes {
		for i := range c.Kernel[0] {
			for j := range c.Kernel[1] {
				taps = append(taps, p*f.plane()+f.at(i*c.Dilation[0], j*c.Dilation[1]))
			}
		}
	}
	return taps
}

// correlation is results that add up as the same taps of a frame each: those of y, or of
// the gradient of x that lie a stride apart.
type correlation struct {
	rows, cols, lanes int
	step              int    // between rows of results in the frame; in a row they lie side by side
	taps              []int  // in the frame, those of a filter's row one after the other
	useful            []span // taps of a row of results that are not all in the margins
	from              []int  // of the taps, for the first lane
	lane              int    // between the weights of lanes
	// Where the results go: the first, and from there the other lanes, rows and columns.
	to, toLane, toRow, toCol int
}

// span is a range of taps.
type span struct{ from, to int }

// skip notes for every row of results which taps are not in margins above and below a
// picture. The rows lie stride rows of the frame apart, and the taps of a row of filters
// in that row of the frame, counted from the result's, which tapRows has for each.
func (k *correlation) skip(f *frame, stride int, tapRows []int) {
	k.useful = make([]span, 0, k.rows)
	for r := range k.rows {
		inside := func(i int) bool {
			row := r*stride + tapRows[i] - f.lead[0]
			return row >= 0 && row < f.from[0]
		}
		lo, hi := 0, len(tapRows)
		for lo < hi && !inside(lo) {
			lo++
		}
		for lo < hi && !inside(hi-1) {
			hi--
		}
		perRow := len(k.taps) / max(1, len(tapRows))
		k.useful = append(k.useful, span{lo * perRow, hi * perRow})
	}
}

// plan is how the results of a correlation are computed.
type plan[T Float] struct {
	*correlation
	panel   int // lanes of a panel of weights
	weights int // where the panels begin in those of all parts

	convolver *convolver[T] // or
	along     *along[T]     // for
	runs      []usedRuns
}

// usedRuns are an even number of runs of pixels that the same taps are of use for.
type usedRuns struct {
	taps span
	runs []pixelRun
}

// newPlan returns the better way for k.
func newPlan[T Float](k *correlation) *plan[T] {
	v, a := convolverOf[T](k.lanes), alongOf[T]()
	p := &plan[T]{correlation: k, panel: v.lanes, convolver: v}
	if a == nil || k.toCol != 1 {
		return p
	}
	// In lanes of products. To put a panel's results in order takes as long as some taps.
	const order = 22
	parts := (k.cols + a.pixels - 1) / a.pixels
	if k.rows*parts*a.pixels*k.lanes*len(k.taps) > k.rows*k.cols*p.panelled()*(len(k.taps)+order) {
		return p
	}
	panels := (k.lanes + a.lanes - 1) / a.lanes
	p.along, p.panel = a, (k.lanes+panels-1)/panels
	var runs []pixelRun
	for r := range k.rows {
		for part := range parts {
			// The last run overlaps the one before it: whole ones are faster.
			n := min(a.pixels, k.cols)
			from := min(part*n, k.cols-n)
			runs = append(runs, pixelRun{n, r, r*k.step + from, k.to + r*k.toRow + from})
		}
	}
	if n := len(runs); n%2 == 1 { // the last twice
		runs = append(runs, runs[n-1])
	}
	for i, first := 0, 0; i < len(runs); i += 2 {
		one, other := k.useful[runs[i].row], k.useful[runs[i+1].row]
		use := span{min(one.from, other.from), max(one.to, other.to)}
		if n := len(p.runs); n > 0 && p.runs[n-1].taps == use {
			p.runs[n-1].runs = runs[first : i+2]
		} else {
			p.runs, first = append(p.runs, usedRuns{use, runs[i : i+2]}), i
		}
	}
	return p
}

// panelled returns the lanes of all panels.
func (p *plan[T]) panelled() int { return (p.lanes + p.panel - 1) / p.panel * p.panel }

// size returns the number of weights in panels.
func (p *plan[T]) size() int { return p.panelled() * (1 + len(p.taps)) }

// pack writes the panels: in each a row of biases, or zeros for nil, and then one of
// weights a tap. Those of lanes beyond the last are 0.
func (p *plan[T]) pack(dst, w, bias []T) {
	for l := 0; l < p.lanes; l += p.panel {
		lanes := min(p.panel, p.lanes-l)
		clear(dst[:p.panel])
		if bias != nil {
			copy(dst, bias[l:l+lanes])
		}
		dst = dst[p.panel:]
		for _, at := range p.from {
			for n := range lanes {
				dst[n] = w[at+(l+n)*p.lane]
			}
			clear(dst[lanes:p.panel])
			dst = dst[p.panel:]
		}
	}
}

// panelOf returns the panel that begins with a lane.
func (p *plan[T]) panelOf(weights []T, lane int) (bias, w []T) {
	weights = weights[lane*(1+len(p.taps)):][:p.panel*(1+len(p.taps))]
	return weights[:p.panel], weights[p.panel:]
}

// stripPixels is of how many results, at most, the sums are kept before they are written:
// as many as are whole tiles and blocks of transpose8.
const stripPixels = 56

// run computes the results for the picture in frame x to y.
func (p *plan[T]) run(y, x, weights []T, s *workspace[T]) {
	weights = weights[p.weights:]
	if p.along != nil {
		for l := 0; l < p.lanes; l += p.panel {
			bias, w := p.panelOf(weights, l)
			for _, use := range p.runs {
				p.along.correlate(min(p.panel, p.lanes-l), p.taps[use.taps.from:use.taps.to], x, bias, w[use.taps.from*p.panel:], p.panel, y[l*p.toLane:], p.toLane, use.runs)
			}
		}
		return
	}
	v := p.convolver
	sums := sized(&s.sums, stripPixels*v.lanes)
	width, height := min(p.cols, stripPixels), max(1, min(p.rows, stripPixels/p.cols))
	for l := 0; l < p.lanes; l += v.lanes {
		bias, w := p.panelOf(weights, l)
		for r := 0; r < p.rows; r += height {
			for c := 0; c < p.cols; c += width {
				rows, cols := min(height, p.rows-r), min(width, p.cols-c)
				parts := (cols + v.pixels - 1) / v.pixels
				for i := range rows {
					use := p.useful[r+i]
					for part := range parts {
						from, to := part*cols/parts, (part+1)*cols/parts
						v.correlate(to-from, p.taps[use.from:use.to], x[(r+i)*p.step+c+from:], bias, w[use.from*v.lanes:], sums[(i*cols+from)*v.lanes:])
					}
				}
				p.write(y[p.to+l*p.toLane+r*p.toRow+c*p.toCol:], sums, min(v.lanes, p.lanes-l), rows, cols)
			}
		}
	}
}

// write writes some rows and columns of results of some lanes.
func (p *plan[T]) write(y, sums []T, lanes, rows, cols int) {
	done := 0
	if n, transpose := rows*cols, tilingOf[T]().transpose8; transpose != nil && min(n, lanes) >= 8 && p.toCol == 1 && (rows == 1 || p.toRow == cols) {
		done = lanes / 8 * 8
		for i := 0; i < n; i += 8 {
			i := min(i, n-8) // the last eight overlap others where 8 does not divide them
			transpose(y[i:], sums[i*p.panel:], p.toLane, p.panel, done/8)
		}
	}
	for l := done; l < lanes; l++ {
		for r := range rows {
			for c := range cols {
				y[l*p.toLane+r*p.toRow+c*p.toCol] = sums[(r*cols+c)*p.panel+l]
			}
		}
	}
}

// ready is a convolution whose weights lie in the order in which the kernels read them.
type ready[T Float] struct {
	xSize, ySize int // elements of a picture and of its results
	block        int // pictures that are computed together, at most
	work         int // products of a block
	// core returns what computes the results y of the pictures x of a block on one core, in
	// memory of s.
	core func(s *workspace[T]) func(y, x []T)
}

// results computes those of n pictures x, in y or, where that is nil, in memory that is used
// again, and calls done with those of every block unless it is nil.
func (r *ready[T]) results(n int, y, x []T, done func(y []T, from, to int)) {
	parallel.Share((n+r.block-1)/r.block, 1+smallWork/max(1, r.work), func(lo, hi int) {
		s := workspacePool[T]().Get().(*workspace[T])
		defer workspacePool[T]().Put(s)
		compute, results := r.core(s), pictures[T]{y, r.ySize, &s.written}
		for b := lo; b < hi; b++ {
			from, to := b*r.block, min((b+1)*r.block, n)
			y := results.of(from, to)
			compute(y, x[from*r.xSize:to*r.xSize])
			if done != nil {
				done(y, from, to)
			}
		}
	})
}

// Convolve computes y, and adds bias, one number a filter, unless it is nil. It splits
// pictures over the cores; each needs memory for a picture with its padding. Where done is
// not nil, it is called with the results of every range of pictures, on the core in whose
// cache they still are; where y is nil they are not kept.
func Convolve[T Float](c Conv2d, y, x, w, bias []T, done func(y []T, from, to int)) {
	shared := workspacePool[T]().Get().(*workspace[T])
	defer workspacePool[T]().Put(shared)
	forward(c, w, bias, shared).results(c.Images, y, x, done)
}

// ConvolveInputGrad computes the gradient of x, dx, from that of y, dy. It splits pictures
// over the cores, as Convolve does.
func ConvolveInputGrad[T Float](c Conv2d, dx, dy, w []T) {
	shared := workspacePool[T]().Get().(*workspace[T])
	defer workspacePool[T]().Put(shared)
	backward(c, w, shared).results(c.Images, dx, dy, nil)
}

// forward returns c with filters w and a bias, or nil, in memory of s.
func forward[T Float](c Conv2d, w, bias []T, s *workspace[T]) *ready[T] {
	if t := winogradOf[T](&c); t != nil {
		return any(t.ready(any(w).([]float32), any(bias).([]float32), 9*c.Channels, 9, false, any(s).(*workspace[float32]))).(*ready[T])
	}
	c = c.flattened()
	out, f := c.Out(), c.frame()
	filters, area := c.Filters/c.Groups, out[0]*out[1]
	k := &correlation{
		rows: out[0], cols: out[1], lanes: filters, step: c.Stride[0] * f.row(),
		lane:   f.planes * c.Kernel[0] * c.Kernel[1],
		toLane: area, toRow: out[1], toCol: 1,
	}
	all := c.taps(f)
	k.taps, k.from = make([]int, 0, len(all)), make([]int, 0, len(all))
	tapRows := make([]int, 0, c.Kernel[0])
	for i := range c.Kernel[0] {
		tapRows = append(tapRows, i*c.Dilation[0])
		for p := range f.planes {
			from := (p*c.Kernel[0] + i) * c.Kernel[1]
			for j := range c.Kernel[1] {
				k.taps, k.from = append(k.taps, all[from+j]), append(k.from, from+j)
			}
		}
	}
	k.skip(f, c.Stride[0], tapRows)
	return correlations(&c, f, []*correlation{k}, w, bias, s)
}

// backward returns the convolution that makes the gradient of x of that of y, in memory of s.
func backward[T Float](c Conv2d, w []T, s *workspace[T]) *ready[T] {
	turned := c.inputGrad()
	if t := winogradOf[T](&turned); t != nil {
		return any(t.ready(any(w).([]float32), nil, 9, 9*c.Channels, true, any(s).(*workspace[float32]))).(*ready[T])
	}
	c = c.flattened()
	out, channels, filters := c.Out(), c.Channels/c.Groups, c.Filters/c.Groups
	f := &frame{planes: filters, from: out, phases: 1}
	// Element i of x has a part in those of y whose filters it lies under: i+padding less
	// a tap, over the stride, where that divides it. Of elements a stride apart the taps
	// are the same, and shift is from the first one's place to that in y.
	type tap struct{ index, shift int }
	type phase struct {
		first, count int
		taps         []tap
	}
	var phases [2][]phase
	for d := range phases {
		stride, end := c.Stride[d], 0
		for first := range min(stride, c.Size[d]) {
			p := phase{first: first, count: (c.Size[d]-first-1)/stride + 1}
			end = max(end, p.count) // a part without taps looks at the frame too
			for i := range c.Kernel[d] {
				if at := first + c.Padding[d] - i*c.Dilation[d]; at%stride == 0 {
					p.taps = append(p.taps, tap{i, at / stride})
					f.lead[d] = max(f.lead[d], -at/stride)
					end = max(end, p.count+at/stride)
				}
			}
			phases[d] = append(phases[d], p)
		}
		f.size[d] = f.lead[d] + end
	}
	var parts []*correlation
	for _, r := range phases[0] {
		for _, s := range phases[1] {
			k := &correlation{
				rows: r.count, cols: s.count, lanes: channels, step: f.row(),
				lane: c.Kernel[0] * c.Kernel[1], to: r.first*c.Size[1] + s.first,
				toLane: c.Size[0] * c.Size[1], toRow: c.Stride[0] * c.Size[1], toCol: c.Stride[1],
			}
			taps := len(r.taps) * filters * len(s.taps)
			k.taps, k.from = make([]int, 0, taps), make([]int, 0, taps)
			tapRows := make([]int, 0, len(r.taps))
			for _, i := range r.taps {
				tapRows = append(tapRows, f.lead[0]+i.shift)
				for o := range filters {
					for _, j := range s.taps {
						k.taps = append(k.taps, o*f.plane()+f.at(f.lead[0]+i.shift, f.lead[1]+j.shift))
						k.from = append(k.from, (o*channels*c.Kernel[0]+i.index)*c.Kernel[1]+j.index)
					}
				}
			}
			k.skip(f, 1, tapRows)
			parts = append(parts, k)
		}
	}
	return correlations(&c, f, parts, w, nil, s)
}

// correlations returns parts, which together are a group's results of a picture, for all
// groups, of pictures whose frames are as f says. The weights lie in memory of shared.
func correlations[T Float](c *Conv2d, f *frame, parts []*correlation, w, bias []T, shared *workspace[T]) *ready[T] {
	lanes, filter := parts[0].lanes, len(w)/c.Groups
	size, work := 0, 0
	var plans []*plan[T]
	for _, k := range parts {
		p := newPlan[T](k)
		p.weights = size
		size += p.size()
		work += k.lanes * k.rows * k.cols * len(k.taps)
		plans = append(plans, p)
	}
	weights := sized(&shared.g, c.Groups*size)
	for g := range c.Groups {
		var b []T
		if bias != nil {
			b = bias[g*lanes:]
		}
		for _, p := range plans {
			p.pack(weights[g*size+p.weights:], w[g*filter:], b)
		}
	}
	xSize, ySize := f.planes*f.from[0]*f.from[1], lanes*parts[0].toLane
	return &ready[T]{c.Groups * xSize, c.Groups * ySize, 1, c.Groups * work, func(s *workspace[T]) func(y, x []T) {
		frame := newFrame(f, &s.x)
		return func(y, x []T) {
			for g := range c.Groups {
				x := frame.of(x[g*xSize:][:xSize])
				for _, p := range plans {
					p.run(y[g*ySize:][:ySize], x, weights[g*size:], s)
				}
			}
		}
	}}
}
