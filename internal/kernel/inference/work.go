package inference

import (
	"sync"

	"github.com/onehot-go/onehot/internal/parallel"
)

// work is one call of a layer, shared by the cores. It is kept from one call to the next, so that
// calls allocate nothing.
type work struct {
	layer     *Layer
	pool      *Pool
	y, x, add Pictures
	planes    []float32
	act       Activation

	offsets []int // see tile
	length  int
	at      int     // where the first result's offsets are counted from
	line    axis    // the pixels of a line
	lines   [2]axis // the lines

	regs     int // of a tile, where there are enough
	tiles    int // of a line
	segments int // of a line: neighbouring tiles that one call computes
	block    int // segments of any line that go through all panels one after the other

	// of Winograd's method: the tiles that are computed together, and their transforms
	first, perPicture, across int // the first of them; how many there are in a picture and in a row
	read, written             []float32
	readPlace, writtenPlace   int // from place to place

	do [kinds]func(from, to int)
}

// axis is a number of steps, and how far each goes in what is read and written.
type axis struct{ n, x, y, add int }

// follows reports whether each step of a begins where all steps of inner end.
func (a axis) follows(inner axis) bool {
	return a.x == inner.n*inner.x && a.y == inner.n*inner.y && a.add == inner.n*inner.add
}

// What cores do with a range of a work's parts.
const (
	doProducts = iota
	doDepthwise
	doInput
	doPlaces
	doOutput
	doPool
	doGate
	doSum
	doActivate
	doFromPlanes
	doToPlanes
	kinds
)

var (
	works = sync.Pool{New: func() any {
		w := new(work)
		w.do = [kinds]func(from, to int){w.products, w.depthwise, w.winogradInput, w.places, w.winogradOutput, w.pooled, w.gated, w.sum, w.activate, w.fromPlanes, w.toPlanes}
		return w
	}}
	tiles      = sync.Pool{New: func() any { return new(tile) }}
	transforms = sync.Pool{New: func() any { return new(transform) }}
)

// done gives w back.
func (w *work) done() {
	*w = work{offsets: w.offsets[:0], do: w.do}
	works.Put(w)
}

// smallWork is how many multiplications a core takes at least.
const smallWork = 1 << 16

// share lets the cores do all n parts, each of so many multiplications.
func (w *work) share(what, n, multiplications int) {
	parallel.Share(n, 1+smallWork/max(multiplications, 1), w.do[what])
}

// over makes lines of the results y of out rows and columns, for which x is read in steps of stride. Pixels
// that lie as far apart from row to row, or from picture to picture, as within a row are one line, and so
// are those of pictures of one pixel.
func (w *work) over(stride [2]int) {
	y, x, add := &w.y, &w.x, &w.add
	w.line = axis{y.Size[1], stride[1] * x.Pitch, y.Pitch, add.Pitch}
	w.lines = [2]axis{{n: 1}, {n: 1}}
	further := 0
	for _, a := range []axis{{y.Size[0], stride[0] * x.row(), y.row(), add.row()}, {y.Images, x.picture(), y.picture(), add.picture()}} {
		switch {
		case a.n == 1:
		case further == 0 && w.line.n == 1:
			w.line = a
		case further == 0 && a.follows(w.line):
			w.line.n *= a.n
		default:
			w.lines[further] = a
			further++
		}
	}
}

// segmentTiles is about how many tiles a call computes.
const segmentTiles = 8

// cut cuts lines into tiles of at most most pixels, and these into segments.
func (w *work) cut(most int) {
	w.tiles = (w.line.n + most - 1) / most
	w.segments = (w.tiles + segmentTiles - 1) / segmentTiles
}

// allSegments returns how many there are.
func (w *work) allSegments() int { return w.lines[0].n * w.lines[1].n * w.segments }

// segment sets t to the tiles of a segment, and calls f for those of each number of pixels.
func (w *work) segment(i int, t *tile, f func(w *work, t *tile)) {
	line, part := i/w.segments, i%w.segments
	a, b := w.lines[0], w.lines[1]
	i, j := line%a.n, line/a.n
	x, y, add := w.at+i*a.x+j*b.x, w.y.at(0, 0)+i*a.y+j*b.y, i*a.add+j*b.add
	if w.add.Data != nil {
		add += w.add.at(0, 0)
	}
	from, to := part*w.tiles/w.segments, (part+1)*w.tiles/w.segments
	size, larger := w.line.n/w.tiles, w.line.n%w.tiles // so many tiles have a pixel more
	t.xStep, t.yStep, t.addStep = w.line.x, w.line.y, w.line.add
	for from < to {
		first := from*size + min(from, larger)
		t.n, t.tiles = size, to-from
		if from < larger {
			t.n, t.tiles = size+1, min(to, larger)-from
		}
		t.x, t.y = w.x.Data[x+first*t.xStep:], w.y.Data[y+first*t.yStep:]
		if w.add.Data != nil {
			t.add = w.add.Data[add+first*t.addStep:]
		}
		f(w, t)
		from += t.tiles
	}
}

// newTile returns memory for a tile, which doneTile takes back.
func newTile() *tile { return tiles.Get().(*tile) }

func doneTile(t *tile) {
	*t = tile{own: t.own[:0], run: t.run, sums: t.sums}
	tiles.Put(t)
}
