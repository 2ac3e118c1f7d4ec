package inference

import "slices"

// Span is a range of rows or columns: those from From to before To.
type Span struct{ From, To int }

// Windows returns the spans of a window that moves over size rows or columns, with padding on both sides,
// less what lies outside.
func Windows(size, kernel, stride, padding int) []Span {
	spans := make([]Span, (size+2*padding-kernel)/stride+1)
	for i := range spans {
		from := i*stride - padding
		spans[i] = Span{max(from, 0), min(from+kernel, size)}
	}
	return spans
}

// Parts returns n spans that together are all of size rows or columns, as PyTorch's adaptive pooling has them.
func Parts(size, n int) []Span {
	spans := make([]Span, n)
	for i := range spans {
		spans[i] = Span{i * size / n, ((i+1)*size + n - 1) / n}
	}
	return spans
}

// Pool takes the greatest element of each window of pictures, or the mean, channel by channel. The windows are those
// of each row of spans with each column of spans.
type Pool struct {
	Max        bool
	Rows, Cols []Span
	Divisor    int // what sums are divided by; 0 for the number of a window's elements
}

// Run computes the pooled pictures y of x.
func (p *Pool) Run(y, x Pictures) {
	k := active
	y.checkWritten("a pooled picture", k.lanes, x.Images, x.Channels, [2]int{len(p.Rows), len(p.Cols)})
	x.checkWritten("a picture to be pooled", k.lanes, x.Images, x.Channels, x.Size)
	w := works.Get().(*work)
	defer w.done()
	w.pool, w.y, w.x = p, y, x
	rows := x.Images * len(p.Rows)
	window := (p.Rows[0].To - p.Rows[0].From) * (p.Cols[0].To - p.Cols[0].From)
	w.share(doPool, rows, len(p.Cols)*window*x.Pitch)
}

// pooled pools some rows of y. Neighbouring windows as large as the first of them and equally far apart are
// computed at once.
func (w *work) pooled(from, to int) {
	p, k, t := w.pool, active, newTile()
	defer doneTile(t)
	offsets := t.own[:0]
	t.lo, t.hi, _ = Identity.limits()
	t.regs = w.x.Pitch / k.lanes
	for r := from; r < to; r++ {
		n, i := r/len(p.Rows), r%len(p.Rows)
		rows := p.Rows[i]
		for j := 0; j < len(p.Cols); j += t.n * t.tiles {
			cols := p.Cols[j]
			alike, step := 1, 0
			for ; j+alike < len(p.Cols); alike++ {
				next, last := p.Cols[j+alike], p.Cols[j+alike-1]
				if alike == 1 {
					step = next.From - last.From
				}
				if next.To-next.From != cols.To-cols.From || next.From-last.From != step {
					break
				}
			}
			t.n = min(alike, k.rows[1])
			t.tiles = alike / t.n
			offsets = offsets[:0]
			for a := range rows.To - rows.From {
				for b := range cols.To - cols.From {
					offsets = append(offsets, a*w.x.row()+b*w.x.Pitch)
				}
			}
			t.offsets = offsets
			t.x = w.x.Data[n*w.x.picture()+w.x.at(rows.From, cols.From):]
			t.y = w.y.Data[n*w.y.picture()+w.y.at(i, j):]
			t.xStep, t.yStep = step*w.x.Pitch, w.y.Pitch
			if p.Max {
				k.greatest(t)
				continue
			}
			divisor := p.Divisor
			if divisor == 0 {
				divisor = len(offsets)
			}
			for lane := range k.lanes {
				t.mean[lane] = 1 / float32(divisor)
			}
			t.w = t.mean[:]
			if len(offsets) <= meanRun {
				k.depthwise(t)
				continue
			}
			t.sumRuns(k)
		}
	}
	t.own = offsets
}

// meanRun is how many elements a mean adds up in float32. The sums of more elements than that are added up in float64.
const meanRun = 64

// sumRuns is k.depthwise for tiles of many offsets, whose sums it adds up in runs.
func (t *tile) sumRuns(k *set) {
	y, step, width := t.y, t.yStep, t.regs*k.lanes
	t.yStep, t.y = width, t.grown(t.n*t.tiles*width)
	if cap(t.sums) < len(t.y) {
		t.sums = make([]float64, len(t.y))
	}
	sums := t.sums[:len(t.y)]
	clear(sums)
	for run := range slices.Chunk(t.offsets, meanRun) {
		t.offsets = run
		k.depthwise(t)
		for i, v := range t.y {
			sums[i] += float64(v)
		}
	}
	for i, v := range sums {
		y[i/width*step+i%width] = float32(v)
	}
	t.yStep = step
}
