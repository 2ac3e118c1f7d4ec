package kernel

import (
	"slices"
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

// flattened returns c with all of a picture as one row, where that is the same convolution
// and longer rows make better use of the kernels.
func (c Conv2d) flattened() Conv2d {
	if one := [2]int{1, 1}; c.Kernel == one && c.Stride == one && c.Padding == [2]int{} {
		c.Size = [2]int{1, c.Size[0] * c.Size[1]}
	}
	return c
}

// A convolution is computed picture by picture. A picture is copied with its padding around
// it, and what a result adds up then lies at fixed distances from one place in the copy: the
// taps. Sums for some pixels side by side and a panel of channels stay in registers, to
// which every tap adds the products of as many elements of the copy and a row of weights.
// No matrix of columns is built.

// convolver is how convolutions are computed.
type convolver[T Float] struct {
	pixels int // at most so many at once
	lanes  int // channels of a panel
	taps   int // of the weights' gradient, at most so many at once
	// correlate computes weights[0][l] + Σ x[i+taps[k]]·weights[1+k][l] over k to
	// sums[i][l], for some pixels i and all lanes l.
	correlate func(pixels int, taps []int, x, weights, sums []T)
	// gradient adds Σ x[r·step+c+taps[k]]·g[r][c][l] over rows r and columns c to
	// sums[k][l], for some taps k and all lanes l.
	gradient func(rows, cols, step int, taps []int, x, g, sums []T)
}

// The convolver of every machine.
const plainLanes = 8

func plainConvolver[T Float]() *convolver[T] {
	return &convolver[T]{pixels: 1, lanes: plainLanes, taps: 1, correlate: plainCorrelate[T], gradient: plainGradient[T]}
}

func plainCorrelate[T Float](_ int, taps []int, x, weights, sums []T) {
	s := [plainLanes]T(weights)
	for k, at := range taps {
		v, w := x[at], (*[plainLanes]T)(weights[(1+k)*plainLanes:])
		for l := range s {
			s[l] += v * w[l]
		}
	}
	copy(sums, s[:])
}

func plainGradient[T Float](rows, cols, step int, taps []int, x, g, sums []T) {
	s := [plainLanes]T(sums)
	for r := range rows {
		for c, v := range x[r*step+taps[0]:][:cols] {
			w := (*[plainLanes]T)(g[(r*cols+c)*plainLanes:])
			for l := range s {
				s[l] += v * w[l]
			}
		}
	}
	copy(sums, s[:])
}

// convolverOf returns the active convolver for so many lanes of type T: of those whose
// panels have the fewest to spare, that with the widest.
func convolverOf[T Float](lanes int) *convolver[T] {
	var best any = plainConvolver[T]()
	var zero T
	if _, ok := any(zero).(float32); ok && len(active.convolvers) > 0 {
		all := active.convolvers
		spare := func(v convolver[float32]) int { return (lanes+v.lanes-1)/v.lanes*v.lanes - lanes }
		v := slices.MinFunc(all, func(v, w convolver[float32]) int { return spare(v) - spare(w) })
		best = &v
	}
	return best.(*convolver[T])
}

// along is another way for results: registers are of pixels side by side. It takes no more
// channels than there are, where a panel would have many to spare, and writes results where
// they belong.
type along[T Float] struct {
	pixels int // in a run, at most
	lanes  int // at once, at most
	// correlate computes weights[0][l] + Σ x[i+taps[k]]·weights[1+k][l] over k to
	// y[l·toLane+i] for two runs of pixels i and some lanes l. Rows of weights lie stride
	// elements apart.
	correlate func(lanes int, taps []int, x, weights []T, stride int, y []T, toLane int, first, second pixelRun)
	// copyRows copies n elements of each of some rows, which lie as far apart as the
	// strides say.
	copyRows func(rows, n int, dst []T, dstStride int, src []T, srcStride int)
}

// pixelRun is n pixels side by side, and where the first lies in x and in y.
type pixelRun struct{ n, x, y int }

// alongOf returns the active way along pixels for elements of type T, or nil.
func alongOf[T Float]() *along[T] {
	a, _ := any(active.along).(*along[T])
	return a
}

// workspace is memory that one goroutine needs, kept from one convolution to the next.
type workspace[T Float] struct{ x, sums, g []T }

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
	step              int   // between rows of results in the frame; in a row they lie side by side
	taps              []int // in the frame
	from              []int // of the taps, for the first lane
	lane              int   // between the weights of lanes
	// Where the results go: the first, and from there the other lanes, rows and columns.
	to, toLane, toRow, toCol int
}

// plan is how the results of a correlation are computed.
type plan[T Float] struct {
	*correlation
	panel   int // lanes of a panel of weights
	weights int // where the panels begin in those of all parts

	convolver *convolver[T] // or
	along     *along[T]     // for
	runs      [][2]pixelRun // of all lanes
}

// order is what it takes to put the results of a convolver in order, compared with one of
// their taps.
const order = 22

func newPlan[T Float](k *correlation) *plan[T] {
	v, a := convolverOf[T](k.lanes), alongOf[T]()
	p := &plan[T]{correlation: k, panel: v.lanes, convolver: v}
	if a == nil || k.toCol != 1 {
		return p
	}
	parts := (k.cols + a.pixels - 1) / a.pixels
	if k.rows*parts*a.pixels*k.lanes*len(k.taps) > k.rows*k.cols*p.panelled()*(len(k.taps)+order) {
		return p
	}
	p.along, p.panel = a, (k.lanes+a.lanes-1)/a.lanes
	p.panel = (k.lanes + p.panel - 1) / p.panel
	var pair []pixelRun
	for r := range k.rows {
		for part := range parts {
			from, to := part*k.cols/parts, (part+1)*k.cols/parts
			pair = append(pair, pixelRun{to - from, r*k.step + from, k.to + r*k.toRow + from})
			if len(pair) == 2 || r == k.rows-1 && part == parts-1 {
				last := pair[len(pair)-1]
				if len(pair) == 1 {
					last.n = 0
				}
				p.runs, pair = append(p.runs, [2]pixelRun{pair[0], last}), nil
			}
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

// stripPixels is of how many results the sums are kept before they are written, about.
const stripPixels = 64

// run computes the results for the picture in frame x to y.
func (p *plan[T]) run(y, x, weights []T, s *workspace[T]) {
	weights = weights[p.weights:]
	if p.along != nil {
		for l := 0; l < p.lanes; l += p.panel {
			for _, r := range p.runs {
				p.along.correlate(min(p.panel, p.lanes-l), p.taps, x, weights[l*(1+len(p.taps)):], p.panel, y[l*p.toLane:], p.toLane, r[0], r[1])
			}
		}
		return
	}
	v := p.convolver
	parts := (p.cols + v.pixels - 1) / v.pixels
	rows := max(1, min(p.rows, stripPixels/p.cols))
	sums := sized(&s.sums, rows*p.cols*v.lanes)
	for l := 0; l < p.lanes; l += v.lanes {
		for r := 0; r < p.rows; r += rows {
			n := min(rows, p.rows-r)
			for i := range n {
				for part := range parts {
					from, to := part*p.cols/parts, (part+1)*p.cols/parts
					v.correlate(to-from, p.taps, x[(r+i)*p.step+from:], weights[l*(1+len(p.taps)):], sums[(i*p.cols+from)*v.lanes:])
				}
			}
			p.write(y[p.to+l*p.toLane+r*p.toRow:], sums, min(v.lanes, p.lanes-l), n)
		}
	}
}

// write writes some rows of results of some lanes.
func (p *plan[T]) write(y, sums []T, lanes, rows int) {
	done := 0
	if n, transpose := rows*p.cols, tilingOf[T]().transpose8; transpose != nil && min(n, lanes) >= 8 && p.toCol == 1 && p.toRow == p.cols {
		done = lanes / 8 * 8
		for i := 0; i < n; i += 8 {
			i := min(i, n-8) // the last eight overlap others where 8 does not divide them
			transpose(y[i:], sums[i*p.panel:], p.toLane, p.panel, done/8)
		}
	}
	for l := done; l < lanes; l++ {
		for r := range rows {
			for c := range p.cols {
				y[l*p.toLane+r*p.toRow+c*p.toCol] = sums[(r*p.cols+c)*p.panel+l]
			}
		}
	}
}

// Convolve computes y, and adds bias, one number a filter, unless it is nil. It splits
// pictures over the cores; each needs memory for a picture with its padding.
func Convolve[T Float](c Conv2d, y, x, w, bias []T) {
	c = c.flattened()
	out, f := c.Out(), c.frame()
	filters, area := c.Filters/c.Groups, out[0]*out[1]
	k := &correlation{
		rows: out[0], cols: out[1], lanes: filters, step: c.Stride[0] * f.row(),
		taps: c.taps(f), lane: f.planes * c.Kernel[0] * c.Kernel[1],
		toLane: area, toRow: out[1], toCol: 1,
	}
	for i := range k.taps {
		k.from = append(k.from, i)
	}
	correlateAll(&c, f, []*correlation{k}, y, x, w, bias)
}

// ConvolveInputGrad computes the gradient of x, dx, from that of y, dy. It splits pictures
// over the cores, as Convolve does.
func ConvolveInputGrad[T Float](c Conv2d, dx, dy, w []T) {
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
			for o := range filters {
				for _, i := range r.taps {
					for _, j := range s.taps {
						k.taps = append(k.taps, o*f.plane()+f.at(f.lead[0]+i.shift, f.lead[1]+j.shift))
						k.from = append(k.from, (o*channels*c.Kernel[0]+i.index)*c.Kernel[1]+j.index)
					}
				}
			}
			parts = append(parts, k)
		}
	}
	correlateAll(&c, f, parts, dx, dy, w, nil)
}

// correlateAll computes parts, which together are a group's results of a picture, for all
// groups and all pictures of x, whose frames are as f says.
func correlateAll[T Float](c *Conv2d, f *frame, parts []*correlation, y, x, w, bias []T) {
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
	shared := workspacePool[T]().Get().(*workspace[T])
	defer workspacePool[T]().Put(shared)
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
	parallel.For(c.Images, 1+smallWork/max(1, c.Groups*work), func(lo, hi int) {
		s := workspacePool[T]().Get().(*workspace[T])
		defer workspacePool[T]().Put(s)
		frame := newFrame(f, &s.x)
		for i := lo * c.Groups; i < hi*c.Groups; i++ {
			x := frame.of(x[i*xSize : (i+1)*xSize])
			for _, p := range plans {
				p.run(y[i*ySize:(i+1)*ySize], x, weights[i%c.Groups*size:], s)
			}
		}
	})
}

// maxStrips is how many sums over some of the pictures each there are at most.
const maxStrips = 32

// ConvolveWeightGrad computes the gradients of w, dw, and of a bias, db, unless it is nil,
// from that of y, dy. Pictures are split, in a way that depends on their number alone, into at most 32 strips, whose sums
// are added up one after the other: it needs memory for as many copies of w beside that of
// Convolve.
func ConvolveWeightGrad[T Float](c Conv2d, dw, db, dy, x []T) {
	c = c.flattened()
	out, f := c.Out(), c.frame()
	filters, area := c.Filters/c.Groups, out[0]*out[1]
	v, tile := convolverOf[T](filters), tilingOf[T]()
	panels, taps, step := (filters+v.lanes-1)/v.lanes, c.taps(f), c.Stride[0]*f.row()
	weights := len(taps)
	if db != nil {
		f.ones = (out[0]-1)*step + out[1]
		taps = append(taps, f.planes*f.plane())
	}
	panel := len(taps) * v.lanes
	size := c.Groups * panels * panel
	xSize, ySize := f.planes*c.Size[0]*c.Size[1], filters*area
	length := max(8, (c.Images+maxStrips-1)/maxStrips)
	strips := (c.Images + length - 1) / length

	shared := workspacePool[T]().Get().(*workspace[T])
	defer workspacePool[T]().Put(shared)
	sums := sized(&shared.sums, max(1, strips)*size)
	clear(sums)
	parallel.For(strips, 1+smallWork/(length*area*c.Filters*len(taps)), func(lo, hi int) {
		s := workspacePool[T]().Get().(*workspace[T])
		defer workspacePool[T]().Put(s)
		frame := newFrame(f, &s.x)
		g := sized(&s.g, panels*v.lanes*area+slack)
		// The last panel is packed from a copy with rows of zeros for what it lacks: whole
		// panels are packed faster.
		edge := filters % v.lanes
		last := sized(&s.sums, v.lanes*area)
		clear(last)
		for i := lo * length * c.Groups; i < min(hi*length, c.Images)*c.Groups; i++ {
			x := frame.of(x[i*xSize : (i+1)*xSize])
			dy := dy[i*ySize : (i+1)*ySize]
			tile.pack(g, Matrix[T]{dy, filters - edge, area, area, 1}, v.lanes)
			if edge > 0 {
				copy(last, dy[(filters-edge)*area:])
				tile.pack(g[(filters-edge)*area:], Matrix[T]{last, v.lanes, area, area, 1}, v.lanes)
			}
			sums := sums[i/c.Groups/length*size+i%c.Groups*panels*panel:]
			for p := range panels {
				parts := (len(taps) + v.taps - 1) / v.taps
				for part := range parts {
					from, to := part*len(taps)/parts, (part+1)*len(taps)/parts
					v.gradient(out[0], out[1], step, taps[from:to], x, g[p*v.lanes*area:], sums[p*panel+from*v.lanes:])
				}
			}
		}
	})
	rows := size / v.lanes
	parallel.For(rows, 1+smallWork/(max(1, strips)*v.lanes), func(lo, hi int) {
		total := sums[lo*v.lanes : hi*v.lanes]
		for s := 1; s < strips; s++ {
			addTo(total, sums[s*size+lo*v.lanes:][:len(total)])
		}
		for r := lo; r < hi; r++ {
			k, p := r%len(taps), r/len(taps)
			first := p % panels * v.lanes // of the panel's filters in the group
			for l := range min(v.lanes, filters-first) {
				o := p/panels*filters + first + l
				if k == weights {
					db[o] = sums[r*v.lanes+l]
				} else {
					dw[o*weights+k] = sums[r*v.lanes+l]
				}
			}
		}
	})
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
