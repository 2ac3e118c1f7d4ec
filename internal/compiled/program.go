// Package compiled makes a program of a net in evaluation: operations over a planned arena, whose
// weights are folded and packed once.
//
// A program is made in four steps, a file each. The graph has the operations of the layers (graph.go).
// What one operation can do in the last write of another is taken into that (fuse.go). Every array gets a
// place in an arena (plan.go). Then filters are packed (program.go).
//
// A program is read-only: many goroutines may run it at once, each in an arena of its own. A sample's
// results have the same bits in a batch of any size and for any number of threads.
package compiled

import (
	"math"
	"slices"

	"github.com/onehot-go/onehot/internal/kernel/inference"
	"github.com/onehot-go/onehot/nn"
)

// Program computes what a net makes of samples in evaluation.
type Program struct {
	input, output []int // shapes of a sample
	steps         []step
	result        *array
	numbers       int  // of an arena, for a sample
	bytes         int  // of packed weights
	together      int  // samples that go through the program at once, at most
	whole         bool // all of a call do, since a layer may look at more than one
	arenas        arenas
}

// step is an operation as it is run.
type step struct {
	*operation
	clears bool // the border of what it writes
	layer  *inference.Layer
	pool   *inference.Pool
}

// Options say what a program is for.
type Options struct {
	Batch int // the most samples that go through it at once, at least 1
	// Copies has layers that programs do not know run as copies, as far as they can be copied. Weights of all
	// others are copied in any case: what is done to a net later makes no difference to its program.
	Copies bool
	// Beside is the bytes of the filters that the net is without here and has behind its last layer
	// elsewhere. The program gives the same bits that the whole net's has there.
	Beside int
}

// Compile makes a program of a net for samples of the given shape. The error says that a layer cannot take what comes
// before it, or that the net is not of float32; its Forward says it better.
func Compile(net nn.Module, input []int, o Options) (*Program, error) {
	b := builder{copies: o.Copies}
	x := arrayFor(input)
	y, err := b.module(x, net)
	if err != nil {
		return nil, err
	}
	if y.array == x.array { // what does nothing still copies
		y = value{b.add(only{}, x.array, nil, activation{}, []int{x.channels, x.height, x.width}).array, y.shape}
	}
	operations := enterAt(fuse(b.operations, y.array), x.array)
	p := &Program{input: slices.Clone(input), output: y.shape, result: y.array}
	p.numbers = plan(operations, y.array)
	p.pack(operations, o.Beside)
	sample := p.numbers + numel(input)
	p.together = max(near/sample, int(math.Sqrt(float64(p.bytes)/float64(numberBytes*sample))), 1)
	p.together = min(p.together, max(far/sample, 1), max(o.Batch, 1))
	return p, nil
}

// As many samples go through a program at once as stay in a core's own cache beside filters: an arena of near
// numbers. Of larger nets so many do that reading filters again for others takes about as long as reading
// and writing an arena that is in no cache: both times are least at the root of their ratio. An arena of more
// than one sample has far numbers at most.
const (
	near = 1 << 17
	far  = 1 << 25
)

// enterAt puts what lays out the input as the kernels want it before the operations that need it so. A
// row of numbers, or a picture of one channel, lies so already where convolutions read it.
func enterAt(operations []*operation, input *array) []*operation {
	plain, bordered := true, false
	for _, o := range operations {
		if _, own := o.work.(forward); !own && (o.in == input || o.with == input) {
			c, ok := o.work.(*convolution)
			plain = plain && ok && o.with != input && c.groups == 1
			bordered = bordered || ok && c.padding != [2]int{}
		}
	}
	if plain && !bordered && (input.channels == 1 || input.height*input.width == 1) {
		return operations
	}
	entered := &array{channels: input.channels, height: input.height, width: input.width}
	if plain {
		entered.pitched = input.channels
	}
	needed := false
	for _, o := range operations {
		if _, own := o.work.(forward); own {
			continue
		}
		for _, a := range []**array{&o.in, &o.with} {
			if *a == input {
				*a, needed = entered, true
			}
		}
	}
	if !needed {
		return operations
	}
	return slices.Insert(operations, 0, &operation{work: enter{}, in: input, out: entered})
}

// pack makes steps of operations: filters are folded and packed. All together, and so many bytes beside
// them, take at most twice what they have in a file, unless registers are wider than layers. What some
// leave of that goes to those that come first, whose pictures are the largest.
func (p *Program) pack(operations []*operation, beside int) {
	limit := (MostWeights - 1) * beside
	for _, o := range operations {
		if c, ok := o.work.(*convolution); ok {
			limit += (MostWeights - 1) * c.bytes() // the rest is set aside until it is packed
		}
	}
	for i, o := range operations {
		s := step{operation: o, clears: o.out.border > 0 && o.out.first == i}
		switch w := o.work.(type) {
		case *convolution:
			s.layer = w.pack(o, limit+w.bytes())
			limit += w.bytes() - s.layer.Bytes()
			p.bytes += s.layer.Bytes()
		case *affine:
			if len(w.scale) == o.in.channels {
				s.layer = w.pack(o)
			}
		case pooling:
			s.pool = w.spans(o)
		case forward:
			p.whole = true
		}
		p.steps = append(p.steps, s)
	}
}

const numberBytes = 4

// MostWeights is how many times the bytes of a file packed weights take at most.
const MostWeights = 2

// bytes returns what the filters have in a file.
func (c *convolution) bytes() int { return numberBytes * len(c.weight) }

// pack returns the convolution as the kernels want it.
func (c *convolution) pack(o *operation, limit int) *inference.Layer {
	weight, bias := c.weight, make([]float32, c.filters)
	for f := range bias {
		bias[f] = float32(c.shift[f])
	}
	if c.scale != nil || c.columns != nil {
		weight = make([]float32, len(c.weight))
		columns := len(weight) / c.filters
		for i, v := range c.weight {
			w := float64(v)
			if c.scale != nil {
				w *= c.scale[i/columns]
			}
			if c.columns != nil {
				w *= c.columns[i%columns]
			}
			weight[i] = float32(w)
		}
	}
	return inference.Prepare(c.conv(o), weight, bias, limit)
}

// conv returns the shape of the convolution that o does.
func (c *convolution) conv(o *operation) inference.Conv {
	return inference.Conv{
		Channels: o.in.channels, Filters: c.filters, Groups: c.groups, Size: [2]int{o.in.height, o.in.width},
		Kernel: c.kernel, Stride: c.stride, Padding: c.padding, Dilation: c.dilation, Activation: o.then.fused, Pairs: c.pairs,
	}
}

// pack returns a line of every channel as a convolution of each channel by itself.
func (l *affine) pack(o *operation) *inference.Layer {
	one := [2]int{1, 1}
	c := convolution{filters: len(l.scale), kernel: one, stride: one, dilation: one, groups: len(l.scale), scale: l.scale, shift: l.shift,
		weight: slices.Repeat([]float32{1}, len(l.scale))}
	return c.pack(o, math.MaxInt)
}

// spans returns the pooling as the kernels want it.
func (p pooling) spans(o *operation) *inference.Pool {
	if p.adaptive {
		return &inference.Pool{Rows: inference.Parts(o.in.height, o.out.height), Cols: inference.Parts(o.in.width, o.out.width)}
	}
	pool := &inference.Pool{
		Max:  !p.mean,
		Rows: inference.Windows(o.in.height, p.kernel[0], p.stride[0], p.padding[0]),
		Cols: inference.Windows(o.in.width, p.kernel[1], p.stride[1], p.padding[1]),
	}
	if p.mean {
		pool.Divisor = p.kernel[0] * p.kernel[1]
	}
	return pool
}

// Bytes returns what the packed weights take, and the arena of a call of at most Options.Batch samples.
func (p *Program) Bytes() (weights, arena int) {
	return p.bytes, numberBytes * (p.together*(p.numbers+numel(p.input)) + p.scratch(p.together))
}

// Parts reports whether samples go through the program a few at a time.
func (p *Program) Parts() bool { return !p.whole }

// Output returns the shape of what the program makes of a sample.
func (p *Program) Output() []int { return slices.Clone(p.output) }
