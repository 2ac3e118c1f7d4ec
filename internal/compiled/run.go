package compiled

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"unsafe"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/kernel/inference"
	"github.com/onehot-go/onehot/internal/parallel"
	"github.com/onehot-go/onehot/tensor"
)

// arena is the memory of a call.
type arena struct {
	memory []float32 // at a line of memory
	input  []float32 // samples that are written for the call
}

// arenas are those that no call has at the moment. There are no more than so many in all: a call waits
// for one where others have them.
type arenas struct {
	once sync.Once
	free chan *arena
}

// take returns an arena, which belongs to the caller until it is given back.
func (a *arenas) take() *arena {
	a.once.Do(func() {
		n := max(parallel.Threads(), runtime.GOMAXPROCS(0))
		a.free = make(chan *arena, n)
		for range n {
			a.free <- new(arena)
		}
	})
	return <-a.free
}

func (a *arenas) give(one *arena) { a.free <- one }

// grown returns n numbers in the memory of s at the beginning of a line, which is taken anew if it is too small.
func grown(s *[]float32, n int) []float32 {
	if len(*s) < n {
		all := make([]float32, n+alignment)
		first := int(-uintptr(unsafe.Pointer(unsafe.SliceData(all)))%(alignment*numberBytes)) / numberBytes
		*s = all[first:][:n]
	}
	return (*s)[:n]
}

// Run computes what the program makes of samples: src has their inputs, one behind the other and each as layers
// have it, and dst gets their results. It panics with a *fault.OptionError unless both have as many samples.
func (p *Program) Run(dst, src []float32) {
	n := len(src) / numel(p.input)
	p.check(len(dst), len(src), n)
	if n <= p.together || p.whole {
		p.one(dst, src, n)
		return
	}
	p.share(n, func(a *arena, lo, hi int) {
		p.run(a, samples(dst, p.output, lo, hi), samples(src, p.input, lo, hi), hi-lo)
	})
}

// Fill is Run for n samples that are not in memory yet: fill writes the inputs of samples lo up to hi to memory.
// Several calls may run at once.
func (p *Program) Fill(dst []float32, n int, fill func(to []float32, lo, hi int)) {
	p.check(len(dst), n*numel(p.input), n)
	p.share(n, func(a *arena, lo, hi int) {
		src := grown(&a.input, (hi-lo)*numel(p.input))
		fill(src, lo, hi)
		p.run(a, samples(dst, p.output, lo, hi), src, hi-lo)
	})
}

func (p *Program) check(dst, src, n int) {
	if src != n*numel(p.input) || dst != n*numel(p.output) {
		fault.Option("compiled.Program", "%d numbers to make %d of: samples of %v to %v expected", src, dst, p.input, p.output)
	}
}

// samples returns the part of some memory that has samples lo up to hi, of the given shape.
func samples(of []float32, shape []int, lo, hi int) []float32 {
	return of[lo*numel(shape) : hi*numel(shape)]
}

// one runs the program on all n samples at once.
func (p *Program) one(dst, src []float32, n int) {
	a := p.arenas.take()
	defer p.arenas.give(a)
	p.run(a, dst, src, n)
}

// share calls f for parts of n samples that together are all, with an arena for each. The cores share the
// parts if there is one for each of them at least, and else the steps of each.
func (p *Program) share(n int, f func(a *arena, lo, hi int)) {
	threads := parallel.Threads()
	parts := (n + p.together - 1) / p.together
	loop := func(n, _ int, f func(lo, hi int)) { f(0, n) }
	switch {
	case p.whole:
		parts = 1
	case n >= threads && parts > 1:
		parts = min((parts+threads-1)/threads*threads, n)
		loop = parallel.Share
	}
	loop(parts, 1, func(from, to int) {
		a := p.arenas.take()
		defer p.arenas.give(a)
		for i := from; i < to; i++ {
			f(a, i*n/parts, (i+1)*n/parts)
		}
	})
}

// scratch returns how many numbers the kernels need beside the arena for n samples at once.
func (p *Program) scratch(n int) int {
	most := 0
	for i := range p.steps {
		if l := p.steps[i].layer; l != nil {
			most = max(most, l.Scratch(n))
		}
	}
	return most
}

// call is one run of a program on n samples.
type call struct {
	*Program
	memory []float32
	input  []float32
	n      int
}

// run runs the program on n samples in an arena.
func (p *Program) run(a *arena, dst, src []float32, n int) {
	if n == 0 {
		return
	}
	memory := grown(&a.memory, n*p.numbers+p.scratch(n))
	c := call{p, memory[:n*p.numbers], src, n}
	for i := range p.steps {
		c.step(&p.steps[i], memory[n*p.numbers:])
	}
	y := c.pictures(p.result)
	y.ToPlanes(dst)
}

// pictures returns an array as the kernels see it.
func (c *call) pictures(a *array) inference.Pictures {
	p := inference.Pictures{Images: c.n, Channels: a.channels, Size: [2]int{a.height, a.width}}
	if a.space == nil { // the input, which lies plane by plane
		p.Data, p.Pitch = c.input, a.channels
		return p
	}
	p.Data, p.Border, p.Pitch = c.memory[a.offset*c.n:][:a.size*c.n], a.border, a.pitch
	return p
}

// step runs one step.
func (c *call) step(s *step, scratch []float32) {
	y := c.pictures(s.out)
	if s.clears {
		y.ClearBorder()
	}
	x := c.pictures(s.in)
	switch w := s.work.(type) {
	case enter:
		y.FromPlanes(c.input)
	case reshape:
		w.run(y, x)
	case *convolution:
		c.convolve(s, y, x, scratch)
	case *affine:
		if s.layer != nil {
			c.convolve(s, y, x, scratch)
			return
		}
		w.run(y, x)
		inference.Activate(y, s.then.fused)
	case pooling:
		s.pool.Run(y, x)
	case padding:
		w.run(y, x)
	case sum:
		inference.Sum(y, x, c.pictures(s.with), s.then.fused)
	case product:
		inference.Gate(y, x, c.pictures(s.with))
	case only:
		s.then.run(y, x)
	case forward:
		c.forward(w, s, y, x)
	}
}

// convolve runs a step that is a convolution for the kernels.
func (c *call) convolve(s *step, y, x inference.Pictures, scratch []float32) {
	var add inference.Pictures
	if s.with != nil {
		add = c.pictures(s.with)
	}
	s.layer.Run(y, x, add, scratch)
}

// row returns the elements of row i of picture n, and what is between them.
func row(p *inference.Pictures, n, i int) []float32 {
	width := (p.Size[1] + 2*p.Border) * p.Pitch
	at := (n*(p.Size[0]+2*p.Border)+p.Border+i)*width + p.Border*p.Pitch
	return p.Data[at:][:p.Size[1]*p.Pitch]
}

// eachRow calls f for all rows of pictures, of so many operations an element.
func eachRow(p *inference.Pictures, operations int, f func(n, i int)) {
	parallel.For(p.Images*p.Size[0], 1+1<<14/(p.Size[1]*p.Pitch*operations), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			f(r/p.Size[0], r%p.Size[0])
		}
	})
}

// run computes y = a(x); y may be x.
func (a activation) run(y, x inference.Pictures) {
	eachRow(&y, 8, func(n, i int) {
		to, from := row(&y, n, i), row(&x, n, i)
		if a.other == nil {
			copy(to, from)
			return
		}
		for k, v := range from {
			to[k] = a.other(v)
		}
	})
	inference.Activate(y, a.fused)
}

// run computes a line of every element.
func (l *affine) run(y, x inference.Pictures) {
	height, width := y.Size[0], y.Size[1]
	eachRow(&y, 2, func(n, i int) {
		to, from := row(&y, n, i), row(&x, n, i)
		for c := range y.Channels {
			for j := range width {
				at := (c*height+i)*width + j
				to[j*y.Pitch+c] = float32(float64(from[j*x.Pitch+c])*l.scale[at] + l.shift[at])
			}
		}
	})
}

// run copies numbers.
func (reshape) run(y, x inference.Pictures) {
	for n := range y.Images {
		for k := range y.Channels * y.Size[0] * y.Size[1] {
			*number(&y, n, k) = *number(&x, n, k)
		}
	}
}

// number returns number k of picture n, in the order of layers.
func number(p *inference.Pictures, n, k int) *float32 {
	c, i, j := k/(p.Size[0]*p.Size[1]), k/p.Size[1]%p.Size[0], k%p.Size[1]
	return &row(p, n, i)[j*p.Pitch+c]
}

// run puts zeros around pictures.
func (p padding) run(y, x inference.Pictures) {
	eachRow(&y, 1, func(n, i int) {
		to := row(&y, n, i)
		clear(to)
		if i -= p.top; i >= 0 && i < x.Size[0] {
			copy(to[p.left*y.Pitch:], row(&x, n, i))
		}
	})
}

// forward runs a layer by its own Forward. It may keep what it is given, unless that is the program's input.
func (c *call) forward(w forward, s *step, y, x inference.Pictures) {
	input := c.input
	if s.in.space != nil {
		input = make([]float32, c.n*s.in.numbers())
		x.ToPlanes(input)
	}
	shape := func(sample []int) []int { return append([]int{c.n}, sample...) }
	output := forwardOf(w.layer, tensor.New(input, shape(w.takes)...).NoGrad().Evaluation())
	if output.DType() != tensor.Float32 || !slices.Equal(output.Shape(), shape(w.makes)) {
		panic(&tensor.ShapeError{Op: fmt.Sprintf("%T", w.layer), Shapes: [][]int{output.Shape()},
			Detail: fmt.Sprintf("%v of %v expected, found %v", tensor.Float32, shape(w.makes), output.DType())})
	}
	y.FromPlanes(tensor.Data[float32](output.Contiguous()))
}
