package kernel

// Patches lays out what lies under the filters of a convolution, which has one group.
type Patches[T Float] struct {
	c     Conv2d
	frame *frame
	taps  []int
}

// NewPatches returns those of c.
func NewPatches[T Float](c Conv2d) *Patches[T] {
	f := c.frame()
	return &Patches[T]{c, f, c.taps(f)}
}

// Size returns how many elements lie under a filter.
func (p *Patches[T]) Size() int { return len(p.taps) }

// Write writes to dst a plane for every weight of a filter: the elements of picture x that it
// is multiplied by, less their channel's number in less, where the results of a filter have
// their places.
func (p *Patches[T]) Write(dst, x, less []T) {
	s := workspacePool[T]().Get().(*workspace[T])
	defer workspacePool[T]().Put(s)
	frame, shifted := newFrame(p.frame, &s.x), sized(&s.sums, len(x))
	size := len(x) / len(less)
	for c, v := range less {
		for i, e := range x[c*size : (c+1)*size] {
			shifted[c*size+i] = e - v
		}
		if !p.frame.same() {
			margin := frame.data[c*p.frame.plane():][:p.frame.plane()]
			for i := range margin {
				margin[i] = -v
			}
		}
	}
	elements, out, step := frame.of(shifted), p.c.Out(), p.c.Stride[0]*p.frame.row()
	rows, cols, along := out[0], out[1], alongOf[T]()
	for k, at := range p.taps {
		to := dst[k*rows*cols:][:rows*cols]
		if along != nil {
			along.copyRows(rows, cols, to, cols, elements[at:], step)
			continue
		}
		for r := range rows {
			copy(to[r*cols:][:cols], elements[at+r*step:])
		}
	}
}
