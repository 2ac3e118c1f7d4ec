package compiled

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// value is what passes from layer to layer, for one sample.
type value struct {
	*array
	shape []int // as layers have it: the array's channels, rows and columns, or some of them joined
}

// array is the numbers of a value in memory: a picture, of which a row of numbers is one pixel with as
// many channels. Flattening makes another value of the same array.
type array struct {
	channels, height, width int
	place
}

func (a *array) numbers() int { return a.channels * a.height * a.width }

// whole reports whether the value is a picture as the array has it.
func (v value) whole() bool {
	return slices.Equal(v.shape, []int{v.channels, v.height, v.width})
}

// row reports whether the value is a row of numbers.
func (v value) row() bool { return len(v.shape) == 1 }

// arrayFor returns a value of the given shape in an array of its own.
func arrayFor(shape []int) value {
	a := &array{height: 1, width: 1}
	if len(shape) == 3 {
		a.channels, a.height, a.width = shape[0], shape[1], shape[2]
	} else {
		a.channels = numel(shape)
	}
	return value{a, slices.Clone(shape)}
}

func numel(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}

// operation makes an array of one or two others, for every sample by itself.
type operation struct {
	work
	in, out *array
	with    *array     // the second operand of a sum or a product, or what is added to a convolution's sums; or nil
	then    activation // what is done to the results
}

// work is what an operation does.
type work interface{ isWork() }

// The kinds of work.
type (
	// convolution is a Conv2d or a Linear, with what is folded into it.
	convolution struct {
		filters                           int
		kernel, stride, padding, dilation [2]int
		groups                            int
		weight                            []float32 // (filters, columns), the layer's own: of the channels of a group, and the kernel's rows and columns
		columns                           []float64 // factors of each column, or nil for 1
		scale, shift                      []float64 // of the sums of each filter; scale may be nil for 1
		pairs                             bool      // the greatest of each two rows and columns take the place of sums
	}
	// pooling is the greatest element, or the mean, of windows.
	pooling struct {
		kernel, stride, padding [2]int
		adaptive, mean          bool // of as many windows as out has results; the means of windows
	}
	// affine is a factor and a sum for every channel, or for every element.
	affine struct {
		scale, shift []float64 // (channels), or all of an array, in the order of layers
	}
	padding struct{ top, left int } // of rows and columns of zeros, until there are as many as out has
	enter   struct{}                // the program's input, which lies plane by plane
	reshape struct{}                // the same numbers in the same order of layers
	sum     struct{}                // in + with
	product struct{}                // in·with, where with has one number a channel
	only    struct{}                // the activation alone
	// forward runs a layer by its own Forward.
	forward struct {
		layer        nn.Module
		takes, makes []int // shapes of a sample
	}
)

func (*convolution) isWork() {}
func (pooling) isWork()      {}
func (*affine) isWork()      {}
func (padding) isWork()      {}
func (enter) isWork()        {}
func (reshape) isWork()      {}
func (sum) isWork()          {}
func (product) isWork()      {}
func (only) isWork()         {}
func (forward) isWork()      {}

// errUnfit says that a layer cannot take what comes before it. Its own Forward says it better.
var errUnfit = errors.New("a layer cannot take what comes before it")

// builder makes operations of layers.
type builder struct {
	operations []*operation
	copies     bool // of layers that are left to their own Forward
}

// add adds an operation and returns its result, of the given shape.
func (b *builder) add(w work, in, with *array, then activation, shape []int) value {
	out := arrayFor(shape)
	b.operations = append(b.operations, &operation{work: w, in: in, with: with, out: out.array, then: then})
	return out
}

// net passes x through modules in order.
func (b *builder) net(x value, modules []nn.Module) (value, error) {
	for _, m := range modules {
		y, err := b.module(x, m)
		if err != nil {
			return value{}, err
		}
		x = y
	}
	return x, nil
}

// within returns the modules that c is made of.
func within(c nn.Container) (all []nn.Module) {
	for _, m := range c.Layers() {
		all = append(all, m)
	}
	return all
}

// module adds the operations of one module. It is the table of layers that programs know: each case
// says which operations a layer becomes, or leaves it to its own Forward.
func (b *builder) module(x value, m nn.Module) (value, error) {
	if f, ok := elementwise(m); ok {
		return value{b.add(only{}, x.array, nil, f, []int{x.channels, x.height, x.width}).array, x.shape}, nil
	}
	switch m := m.(type) {
	case *nn.Sequential:
		return b.net(x, within(m))
	case nn.Identity, *nn.Dropout, *nn.Dropout2d, *nn.StochasticDepth:
		return x, nil
	case *nn.Residual:
		return b.residual(x, m)
	case *nn.Gate:
		return b.gate(x, m)
	case nn.Flatten:
		shape, err := outputOf(m, x.shape)
		return value{x.array, shape}, err
	case *nn.Linear:
		if x.row() && float32s(m.Weight, m.Bias) {
			return b.linear(x, m.Weight, m.Bias)
		}
	case *nn.PHM:
		if w := m.Weight(); x.row() && float32s(w, m.Bias) {
			return b.linear(x, w.Contiguous(), m.Bias)
		}
	case *nn.Conv2d:
		if x.whole() && float32s(m.Weight, m.Bias) {
			return b.conv2d(x, m)
		}
	case *nn.BatchNorm1d:
		if x.row() {
			return b.batchNorm(x, m, &m.BatchNorm)
		}
	case *nn.BatchNorm2d:
		if x.whole() {
			return b.batchNorm(x, m, &m.BatchNorm)
		}
	case nn.ZeroPad2d:
		if x.whole() {
			shape, err := outputOf(m, x.shape)
			return b.add(padding{m.Top, m.Left}, x.array, nil, activation{}, shape), err
		}
	case nn.MaxPool2d:
		if x.whole() {
			return b.pool(x, m, pooling{kernel: m.Kernel, stride: m.Stride, padding: m.Padding})
		}
	case nn.AvgPool2d:
		if x.whole() {
			return b.pool(x, m, pooling{kernel: m.Kernel, stride: m.Stride, padding: m.Padding, mean: true})
		}
	case nn.AdaptiveAvgPool2d:
		if x.whole() {
			return b.pool(x, m, pooling{adaptive: true, mean: true})
		}
	}
	return b.forward(x, m)
}

// forward leaves a layer to its own Forward.
func (b *builder) forward(x value, m nn.Module) (value, error) {
	shape, err := outputOf(m, x.shape)
	if err != nil {
		return value{}, err
	}
	if b.copies {
		m = copied(m)
	}
	return b.add(forward{m, x.shape, shape}, x.array, nil, activation{}, shape), nil
}

// copied returns a copy of a module, or itself if it has what cannot be copied.
func copied(m nn.Module) (own nn.Module) {
	defer func() {
		if v := recover(); v == nil {
			return
		} else if _, ok := v.(*fault.OptionError); !ok {
			panic(v)
		}
		own = m
	}()
	return nn.Clone(m)
}

// outputOf returns the shape of what a layer makes of a sample. One whose type is not registered is
// asked by a sample of zeros.
func outputOf(m nn.Module, shape []int) (output []int, err error) {
	if specs, err := nn.Describe(nn.NewSequential(nn.Named("layer", m))); err == nil {
		_, output, err := nn.Costs(specs, shape)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errUnfit, err)
		}
		return output, nil
	}
	defer func() {
		switch v := recover().(type) {
		case nil:
		case *tensor.ShapeError, *tensor.DTypeError:
			err = fmt.Errorf("%w: %v", errUnfit, v)
		default:
			panic(v)
		}
	}()
	const samples = 2 // of one sample it might be chance that the first dimension is theirs
	y := forwardOf(m, tensor.Zeros(tensor.Float32, append([]int{samples}, shape...)...).NoGrad().Evaluation())
	if y.DType() != tensor.Float32 || y.Dim() < 2 || y.Size(0) != samples {
		return nil, fmt.Errorf("%w: %T makes %s of shape %v of %d samples", errUnfit, m, y.DType(), y.Shape(), samples)
	}
	return y.Shape()[1:], nil
}

// float32s reports whether parameters, of which some may be nil, are of float32.
func float32s(parameters ...*tensor.Tensor) bool {
	return !slices.ContainsFunc(parameters, func(p *tensor.Tensor) bool { return p != nil && p.DType() != tensor.Float32 })
}

// numbers returns the elements of a parameter as float64, n of zero for nil.
func numbers(p *tensor.Tensor, n int, zero float64) []float64 {
	if p != nil {
		return tensor.Values[float64](p)
	}
	return slices.Repeat([]float64{zero}, n)
}

// linear adds x·wᵀ + bias. Of a picture it is a convolution whose kernel is all of it.
func (b *builder) linear(x value, w, bias *tensor.Tensor) (value, error) {
	if w.Dim() != 2 || w.Size(1) != x.numbers() {
		return value{}, errUnfit
	}
	return b.convolution(x, w, bias, tensor.Conv2dOptions{}, [2]int{x.height, x.width}, []int{w.Size(0)})
}

func (b *builder) conv2d(x value, m *nn.Conv2d) (value, error) {
	shape, err := outputOf(m, x.shape)
	if err != nil {
		return value{}, err
	}
	return b.convolution(x, m.Weight, m.Bias, m.Options, [2]int{m.Weight.Size(2), m.Weight.Size(3)}, shape)
}

// convolution adds a convolution to the given shape.
func (b *builder) convolution(x value, w, bias *tensor.Tensor, o tensor.Conv2dOptions, kernel [2]int, shape []int) (value, error) {
	c := &convolution{
		filters: w.Size(0), kernel: kernel, stride: o.Stride, padding: o.Padding, dilation: o.Dilation, groups: max(o.Groups, 1),
		weight: tensor.Data[float32](w.Detach().Contiguous()), shift: numbers(bias, w.Size(0), 0),
	}
	for d := range 2 {
		c.stride[d], c.dilation[d] = max(c.stride[d], 1), max(c.dilation[d], 1)
	}
	return b.add(c, x.array, nil, activation{}, shape), nil
}

// batchNorm adds the line that a batch norm is in evaluation. One without statistics of its own takes
// the batch's, and is left to its Forward.
func (b *builder) batchNorm(x value, m nn.Module, n *nn.BatchNorm) (value, error) {
	if n.RunningMean == nil || !float32s(n.Weight, n.Bias, n.RunningMean, n.RunningVar) {
		return b.forward(x, m)
	}
	if _, err := outputOf(m, x.shape); err != nil {
		return value{}, err
	}
	channels := x.shape[0]
	line := &affine{numbers(n.Weight, channels, 1), numbers(n.Bias, channels, 0)}
	mean, variance := numbers(n.RunningMean, channels, 0), numbers(n.RunningVar, channels, 1)
	for c := range channels {
		line.scale[c] /= math.Sqrt(variance[c] + n.Eps)
		line.shift[c] -= mean[c] * line.scale[c]
	}
	return value{b.add(line, x.array, nil, activation{}, []int{x.channels, x.height, x.width}).array, x.shape}, nil
}

func (b *builder) pool(x value, m nn.Module, p pooling) (value, error) {
	shape, err := outputOf(m, x.shape)
	if err != nil {
		return value{}, err
	}
	for d := range 2 {
		if p.stride[d] == 0 {
			p.stride[d] = p.kernel[d]
		}
	}
	return b.add(p, x.array, nil, activation{}, shape), nil
}

// residual adds both ways, and their sum. The shortcut comes first, so that what it makes is there when the
// body's last layer is written.
func (b *builder) residual(x value, m *nn.Residual) (value, error) {
	ways := within(m)
	shortcut, err := b.net(x, ways[1:])
	if err != nil {
		return value{}, err
	}
	body, err := b.module(x, ways[0])
	if err != nil {
		return value{}, err
	}
	if !slices.Equal(body.shape, shortcut.shape) {
		return value{}, errUnfit
	}
	if body.channels != shortcut.channels || body.height != shortcut.height { // one is flattened
		body, shortcut = b.alone(body), b.alone(shortcut)
	}
	return value{b.add(sum{}, body.array, shortcut.array, activation{}, []int{body.channels, body.height, body.width}).array, body.shape}, nil
}

// alone returns a value whose array has its shape.
func (b *builder) alone(v value) value {
	if own := arrayFor(v.shape); own.channels == v.channels && own.height == v.height {
		return v
	}
	return b.add(reshape{}, v.array, nil, activation{}, v.shape)
}

// gate adds a gate whose body makes one number of every channel. Others are left to their Forward.
func (b *builder) gate(x value, m *nn.Gate) (value, error) {
	before := len(b.operations)
	body, err := b.net(x, within(m))
	if err != nil {
		return value{}, err
	}
	if !x.whole() || !slices.Equal(body.shape, []int{x.channels, 1, 1}) {
		b.operations = b.operations[:before]
		return b.forward(x, m)
	}
	return value{b.add(product{}, x.array, body.array, activation{}, []int{x.channels, x.height, x.width}).array, x.shape}, nil
}
