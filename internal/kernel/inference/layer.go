package inference

import "fmt"

// Conv is the shape of a convolution as PyTorch's conv2d defines it, of pictures of a given size, with
// what is done to its results. Pairs are of rows and columns; Groups divides Channels and Filters.
//
// Other layers are convolutions too: a Linear is one of pictures of one pixel; behind a Flatten it is
// one whose kernel is all of a picture, with the weights as they lie; a scale and an offset for each channel
// are one with a kernel of 1×1 and a group for each channel.
type Conv struct {
	Channels, Filters, Groups               int
	Size, Kernel, Stride, Padding, Dilation [2]int
	Activation                              Activation
	// Pairs has the greatest of each two rows and columns of sums take their place, before the activation. A last row or column
	// that has no other is left out. Nothing can be added to the results.
	Pairs bool
}

// Results returns the rows and columns of a picture of results.
func (c *Conv) Results() [2]int {
	size := c.Out()
	if c.Pairs {
		size[0], size[1] = size[0]/2, size[1]/2
	}
	return size
}

// Out returns the rows and columns of a picture of sums.
func (c *Conv) Out() (size [2]int) {
	for d := range size {
		size[d] = (c.Size[d]+2*c.Padding[d]-c.Dilation[d]*(c.Kernel[d]-1)-1)/c.Stride[d] + 1
	}
	return size
}

// Border returns the border that the pictures need that a convolution reads.
func (c *Conv) Border() int { return max(c.Padding[0], c.Padding[1]) }

// Multiplications returns how many a picture takes where none is saved.
func (c *Conv) Multiplications() int {
	out := c.Out()
	return out[0] * out[1] * c.Filters * c.Channels / c.Groups * c.taps()
}

func (c *Conv) taps() int { return c.Kernel[0] * c.Kernel[1] }

// weights returns how many there are.
func (c *Conv) weights() int { return c.Filters * c.Channels / c.Groups * c.taps() }

// Layer is a prepared convolution. It is read-only: several goroutines may run it.
type Layer struct {
	Conv
	road     Road
	kernels  *set
	lanes    int              // of what is read and written
	winograd *winogradKernels // of its road, or nil
	w, bias  []float32        // as the kernels read them; biases of whole registers

	reach int   // channels that a panel of filters reads
	first []int // the first of them, by panel
}

// Prepare packs filters w, (Filters, Channels/Groups, Kernel), and biases, one a filter or nil, for the
// kernels in use, on the road that is predicted to be the fastest of those whose packed filters take at most
// limit bytes, or, if there is none, on the one that takes the least.
func Prepare(c Conv, w, bias []float32, limit int) *Layer {
	return PrepareOn(c, c.Choose(limit), w, bias)
}

// PrepareOn is Prepare on a road of Roads.
func PrepareOn(c Conv, road Road, w, bias []float32) *Layer { return prepare(c, road, active, w, bias) }

func prepare(c Conv, road Road, k *set, w, bias []float32) *Layer {
	if out := c.Results(); len(w) != c.weights() || (bias != nil && len(bias) != c.Filters) || out[0] < 1 || out[1] < 1 {
		panic(fmt.Sprintf("inference: %+v with %d weights and %d biases", c, len(w), len(bias)))
	}
	lanes := k.lanes
	k = c.computedBy(k, road)
	l := &Layer{Conv: c, road: road, kernels: k, lanes: lanes, winograd: k.winogradOf(road), bias: make([]float32, roundUp(c.Filters, k.lanes))}
	copy(l.bias, bias)
	switch {
	case road == Depthwise:
		l.packDepthwise(w)
	case l.winograd != nil:
		l.packWinograd(w)
	default:
		l.packPanels(w)
	}
	return l
}

// Road returns which road the layer takes.
func (l *Layer) Road() Road { return l.road }

// Bytes returns what the packed filters take.
func (l *Layer) Bytes() int { return 4 * (len(l.w) + len(l.bias)) }

// Scratch returns how many elements of scratch memory a call on so many pictures needs.
func (l *Layer) Scratch(images int) int {
	if l.winograd == nil {
		return 0
	}
	read, written := l.scratchWinograd(l.blockTiles(images))
	return read + written
}

// packDepthwise packs filters of a channel each: register by register of channels, its taps.
func (l *Layer) packDepthwise(w []float32) {
	lanes, taps := l.kernels.lanes, l.taps()
	l.w = make([]float32, len(l.bias)*taps)
	for c := range l.Channels {
		for k := range taps {
			l.w[(c/lanes*taps+k)*lanes+c%lanes] = w[c*taps+k]
		}
	}
}

// packPanels packs filters in panels of two registers: tap by tap, channel by channel. Where there are
// groups, a panel has zeros for channels that some of its filters do not see.
func (l *Layer) packPanels(w []float32) {
	width := 2 * l.kernels.lanes
	filters, channels := l.Filters/l.Groups, l.Channels/l.Groups // of a group
	panels := (l.Filters + width - 1) / width
	l.reach = l.Conv.reach(l.kernels)
	l.first = make([]int, panels)
	taps := l.taps()
	l.w = make([]float32, taps*l.reach*len(l.bias))
	for p := range panels {
		from, _ := l.span(l.kernels, p)
		l.first[p] = min(from, l.Channels-l.reach)
		panel := l.w[p*taps*l.reach*width:]
		across := min(width, len(l.bias)-p*width)
		for f := p * width; f < min((p+1)*width, l.Filters); f++ {
			lowest := f/filters*channels - l.first[p]
			for k := range taps {
				for c := range channels {
					panel[(k*l.reach+lowest+c)*across+f-p*width] = w[(f*channels+c)*taps+k]
				}
			}
		}
	}
}

// Run computes the results y of pictures x, of as many pictures as both have, at least 1. add has what is
// added to the results before the activation, shaped as they are; its Data may be nil. scratch has
// Scratch elements, which may hold anything. The results of a picture have the same bits in a batch of any size and
// for any number of threads. Nothing that y holds is read, so that add may be y.
func (l *Layer) Run(y, x, add Pictures, scratch []float32) {
	x.check("the input of a convolution", l.Channels, l.Size, l.Border())
	if l.road != Direct { // which alone reads channels one by one
		x.checkWritten("the input of a convolution", l.lanes, x.Images, l.Channels, l.Size)
	}
	y.checkWritten("the output of a convolution", l.lanes, x.Images, l.Filters, l.Results())
	if add.Data != nil {
		if l.Pairs {
			panic("inference: something is added to the greatest of pairs")
		}
		add.checkWritten("what is added to a convolution", l.lanes, x.Images, l.Filters, l.Results())
	} else {
		add = Pictures{}
	}
	w := works.Get().(*work)
	defer w.done()
	w.layer, w.y, w.x, w.add = l, y, x, add
	if l.winograd != nil {
		w.winograd(scratch)
		return
	}
	w.at = x.at(-l.Padding[0], -l.Padding[1])
	if stride := l.Stride; l.Pairs {
		w.over([2]int{2 * stride[0], 2 * stride[1]})
	} else {
		w.over(stride)
	}
	switch l.road {
	case Depthwise:
		w.runs(0)
		w.cut(l.kernels.rows[1])
		w.share(doDepthwise, w.allSegments(), l.Multiplications()*y.Images/w.allSegments())
	default:
		w.runs(l.reach)
		w.shape()
		parts := w.allSegments() * w.groups()
		w.share(doProducts, parts, l.Multiplications()*y.Images/parts)
	}
}

// runs finds the runs of elements of x that a result needs, of so many channels of each tap. Those that
// lie one behind the other are one. For 0 channels there is one for each tap.
func (w *work) runs(channels int) {
	l, x := w.layer, &w.x
	w.length = channels
	rows, cols := l.Kernel[0], l.Kernel[1]
	if channels == x.Pitch && (l.Dilation[1] == 1 || cols == 1) {
		w.length, cols = cols*w.length, 1
		if w.length == x.row() && (l.Dilation[0] == 1 || rows == 1) {
			w.length, rows = rows*w.length, 1
		}
	}
	for i := range rows {
		for j := range cols {
			w.offsets = append(w.offsets, i*l.Dilation[0]*x.row()+j*l.Dilation[1]*x.Pitch)
		}
	}
}

// shape chooses tiles: those of the most registers that take a line of pixels.
func (w *work) shape() {
	k := w.layer.kernels
	w.regs = 2
	most := k.rows
	if w.layer.Pairs {
		copy(most[:], k.mostPairs[:])
		most[2] = k.mostPairs[min(2, len(w.layer.bias)/k.lanes)]
	} else if w.layer.Groups == 1 {
		for regs := 4; regs <= mostRegisters; regs *= 2 {
			if k.rows[regs] >= w.line.n {
				w.regs = regs
			}
		}
	}
	w.cut(most[w.regs])
	// The filters of all panels are read once for each block, and the pictures once for each panel.
	w.block = w.allSegments()
	if len(w.layer.w) <= nearWeights {
		w.block = max(1, nearResults/((w.line.n+w.segments-1)/w.segments*(w.line.x*len(w.offsets)+w.line.y)))
	}
}

const (
	nearWeights = 1 << 17 // elements of filters that stay in a core's own cache
	nearResults = 1 << 15 // elements of pictures that do so beside them
)

// groups returns how many groups of panels there are: each has the panels of a tile, but for the last,
// which may have one panel or one register each.
func (w *work) groups() int {
	whole, across := len(w.layer.bias)/(2*w.layer.kernels.lanes), w.regs/2
	return whole/across + whole%across + (len(w.layer.bias)/w.layer.kernels.lanes)%2
}

// group returns the first panel of a group, and the registers of its tiles.
func (w *work) group(i int) (panel, regs int) {
	lanes := w.layer.kernels.lanes
	whole, across := len(w.layer.bias)/(2*lanes), w.regs/2
	if i < whole/across {
		return i * across, w.regs
	}
	panel = i - whole/across + whole/across*across
	return panel, min(2, len(w.layer.bias)/lanes-2*panel)
}

func (w *work) products(from, to int) {
	l, t := w.layer, newTile()
	defer doneTile(t)
	lanes := l.kernels.lanes
	panel := len(w.layer.w) / len(l.bias) * 2 * lanes // elements
	t.offsets, t.length, t.wNext = w.offsets, w.length, panel
	t.lo, t.hi, _ = l.Activation.limits()
	kernel := l.kernels.products
	if l.Pairs {
		kernel = l.kernels.pairs
		t.xPixel, t.xRow = l.Stride[1]*w.x.Pitch, l.Stride[0]*w.x.row()
	}
	segments, groups := w.allSegments(), w.groups()
	for part := from; part < to; part++ {
		first := part / (w.block * groups) * w.block
		rest, block := part-first*groups, min(w.block, segments-first)
		i, regs := w.group(rest / block)
		t.regs, t.w, t.bias = regs, l.w[i*panel:], l.bias[i*2*lanes:]
		w.segment(first+rest%block, t, func(w *work, t *tile) {
			t.x, t.y = t.x[l.first[i]:], t.y[i*2*lanes:]
			if t.add != nil {
				t.add = t.add[i*2*lanes:]
			}
			kernel(t)
			l.finish(t)
		})
	}
}

// finish applies to the results of t what of the activation was not done as they were written.
func (l *Layer) finish(t *tile) {
	if _, _, all := l.Activation.limits(); !all {
		l.kernels.activate(l.Activation, t.y, t.n*t.tiles, t.yStep, t.regs*l.kernels.lanes)
	}
}

func (w *work) depthwise(from, to int) {
	l, t := w.layer, newTile()
	defer doneTile(t)
	lanes := l.kernels.lanes
	t.offsets, t.regs, t.w, t.wTap, t.wNext, t.bias = w.offsets, len(l.bias)/lanes, l.w, lanes, l.taps()*lanes, l.bias
	t.lo, t.hi, _ = l.Activation.limits()
	for i := from; i < to; i++ {
		w.segment(i, t, func(w *work, t *tile) {
			l.kernels.depthwise(t)
			l.finish(t)
		})
	}
}
