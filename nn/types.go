package nn

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/onehot-go/onehot/tensor"
)

// The options of the package's own layers and their rows in the registry. A layer that has no
// options, or none but exported numbers, is its own options: ReLU, LeakyReLU.

// LinearOptions define a Linear layer.
type LinearOptions struct {
	In     int  `json:"in,omitempty"`
	Out    int  `json:"out,omitempty"`
	NoBias bool `json:"no_bias,omitempty"`
}

// FlattenOptions define a Flatten layer: nil is the first dimension of a sample, 1, and the
// last one, -1. 0 is the batch's, which may not be joined.
type FlattenOptions struct {
	Start *int `json:"start_dim,omitempty"`
	End   *int `json:"end_dim,omitempty"`
}

// DropoutOptions define a Dropout layer.
type DropoutOptions struct {
	P float64 `json:"p,omitempty"` // probability, from 0 to 1
}

// Dropout2dOptions define a Dropout2d layer.
type Dropout2dOptions DropoutOptions

// StochasticDepthOptions define a StochasticDepth layer.
type StochasticDepthOptions DropoutOptions

// SoftmaxOptions define a Softmax layer: nil is the dimension of the classes, 1. 0 is the
// batch's, along which there is none.
type SoftmaxOptions struct {
	Dim *int `json:"dim,omitempty"`
}

// LogSoftmaxOptions define a LogSoftmax layer as SoftmaxOptions do a Softmax.
type LogSoftmaxOptions SoftmaxOptions

// PHMOptions define a PHM layer.
type PHMOptions struct {
	N   int `json:"n,omitempty"` // divides In and Out
	In  int `json:"in,omitempty"`
	Out int `json:"out,omitempty"`
}

// Conv2dOptions define a Conv2d layer. Stride, Dilation and Groups of 0 are 1.
type Conv2dOptions struct {
	In       int  `json:"in,omitempty"`  // channels
	Out      int  `json:"out,omitempty"` // channels
	Kernel   Pair `json:"kernel,omitzero"`
	Stride   Pair `json:"stride,omitzero"`
	Padding  Pair `json:"padding,omitzero"`
	Dilation Pair `json:"dilation,omitzero"`
	Groups   int  `json:"groups,omitempty"`
	NoBias   bool `json:"no_bias,omitempty"`
}

// MaxPool2dOptions define a MaxPool2d layer. A Stride of 0 is the kernel's size.
type MaxPool2dOptions struct {
	Kernel  Pair `json:"kernel,omitzero"`
	Stride  Pair `json:"stride,omitzero"`
	Padding Pair `json:"padding,omitzero"` // at most half the kernel
}

// AvgPool2dOptions define an AvgPool2d layer as MaxPool2dOptions do a MaxPool2d.
type AvgPool2dOptions MaxPool2dOptions

// AdaptiveAvgPool2dOptions define an AdaptiveAvgPool2d layer.
type AdaptiveAvgPool2dOptions struct {
	Out Pair `json:"out,omitzero"` // rows and columns that it makes
}

// BatchNorm1dOptions define a BatchNorm1d layer.
type BatchNorm1dOptions struct {
	In           int      `json:"in,omitempty"`            // channels
	Eps          *float64 `json:"eps,omitempty"`           // nil is 1e-5
	Momentum     *float64 `json:"momentum,omitempty"`      // nil is 0.1
	Cumulative   bool     `json:"cumulative,omitempty"`    // the running statistics are the plain mean over all batches: there is no momentum
	NoAffine     bool     `json:"no_affine,omitempty"`     // there are no weight and bias
	NoStatistics bool     `json:"no_statistics,omitempty"` // there are no running statistics
}

// BatchNorm2dOptions define a BatchNorm2d layer as BatchNorm1dOptions do a BatchNorm1d.
type BatchNorm2dOptions BatchNorm1dOptions

// LayerNormOptions define a LayerNorm layer.
type LayerNormOptions struct {
	Shape []int    `json:"shape,omitempty"` // the last dimensions of a sample
	Eps   *float64 `json:"eps,omitempty"`   // nil is 1e-5
}

// GroupNormOptions define a GroupNorm layer.
type GroupNormOptions struct {
	Groups int      `json:"groups,omitempty"`
	In     int      `json:"in,omitempty"`  // channels
	Eps    *float64 `json:"eps,omitempty"` // nil is 1e-5
}

// ResidualOptions define a Residual layer.
type ResidualOptions struct {
	Body     []Spec `json:"body,omitempty"`
	Shortcut []Spec `json:"shortcut,omitempty"` // none passes the input on
	// The names of the two nets, which may be "": nil is "body" and "shortcut".
	BodyName     *string `json:"body_name,omitempty"`
	ShortcutName *string `json:"shortcut_name,omitempty"`
}

// SequentialOptions define a Sequential within another net.
type SequentialOptions struct {
	Layers []Spec `json:"layers,omitempty"`
}

func init() {
	Register(Type[*Linear, LinearOptions]{
		Name: "linear", KeepsNothing: true,
		Text: LinearOptions.text,
		Cost: func(o LinearOptions, in Sample) (Cost, error) {
			bias := 1
			if o.NoBias {
				bias = 0
			}
			rows, err := in.rows(o.In, o.Out, bias)
			return Cost{Output: in.lastSize(o.Out), Parameters: o.Out * (o.In + bias), FLOPs: rows * o.Out * (2*o.In + bias)}, err
		},
		Make: func(o LinearOptions, at Place) *Linear {
			return newLinear("nn.Build", o.In, o.Out, at.Rand(), !o.NoBias)
		},
		Options: func(l *Linear) (LinearOptions, error) {
			if err := readable("weight", l.Weight, anySize, anySize); err != nil {
				return LinearOptions{}, err
			}
			o := LinearOptions{l.Weight.Size(1), l.Weight.Size(0), l.Bias == nil}
			if o.NoBias {
				return o, nil
			}
			return o, readable("bias", l.Bias, o.Out)
		},
	})
	Register(Type[*PHM, PHMOptions]{
		Name: "phm", KeepsNothing: true,
		Cost: func(o PHMOptions, in Sample) (Cost, error) {
			rows, err := in.rows(o.In, o.Out, 1)
			if err != nil {
				return Cost{}, err
			}
			if o.N < 1 || o.In%o.N != 0 || o.Out%o.N != 0 || o.N > maxSide {
				return Cost{}, fmt.Errorf("found n %d, a divisor of the inputs and the outputs up to %d expected", o.N, maxSide)
			}
			product := 2 * o.In * o.Out
			return Cost{Output: in.lastSize(o.Out), Parameters: o.N*o.N*o.N + o.In/o.N*o.Out + o.Out, FLOPs: o.N*product + rows*(product+o.Out), Work: 4 * o.In * o.Out}, nil
		},
		Make: func(o PHMOptions, at Place) *PHM { return NewPHM(o.N, o.In, o.Out, at.Rand()) },
		Options: func(l *PHM) (PHMOptions, error) {
			if err := readable("S", l.S, anySize, anySize, anySize); err != nil {
				return PHMOptions{}, err
			}
			n := l.S.Size(0)
			o := PHMOptions{n, n * l.S.Size(2), n * l.S.Size(1)}
			return o, cmp.Or(readable("A", l.A, n, n, n), readable("bias", l.Bias, o.Out))
		},
	})
	Register(Type[*Conv2d, Conv2dOptions]{
		Name: "conv2d", KeepsNothing: true,
		Text: Conv2dOptions.text,
		Cost: Conv2dOptions.cost,
		Make: func(o Conv2dOptions, at Place) *Conv2d {
			options := tensor.Conv2dOptions{Stride: o.Stride, Padding: o.Padding, Dilation: o.Dilation, Groups: o.Groups}
			return newConv2d("nn.Build", o.In, o.Out, o.Kernel, options, at.Rand(), !o.NoBias)
		},
		Options: func(l *Conv2d) (Conv2dOptions, error) {
			if err := readable("weight", l.Weight, anySize, anySize, anySize, anySize); err != nil {
				return Conv2dOptions{}, err
			}
			var err error
			shape, o := l.Weight.Shape(), l.Options
			if l.Bias != nil {
				err = readable("bias", l.Bias, shape[0])
			}
			return Conv2dOptions{
				In: shape[1] * max(o.Groups, 1), Out: shape[0], Kernel: Pair{shape[2], shape[3]},
				Stride: o.Stride, Padding: o.Padding, Dilation: o.Dilation, Groups: o.Groups, NoBias: l.Bias == nil,
			}, err
		},
	})

	Register(Type[*BatchNorm1d, BatchNorm1dOptions]{
		Name: "batchnorm1d", KeepsNothing: true,
		Text: BatchNorm1dOptions.text,
		Cost: func(o BatchNorm1dOptions, in Sample) (Cost, error) {
			if len(in.Shape) > 2 {
				return Cost{}, errBeforeFlatten
			}
			return o.cost(in)
		},
		Make:    func(o BatchNorm1dOptions, _ Place) *BatchNorm1d { return &BatchNorm1d{o.batchNorm()} },
		Options: func(b *BatchNorm1d) (BatchNorm1dOptions, error) { return b.options() },
	})
	Register(Type[*BatchNorm2d, BatchNorm2dOptions]{
		Name: "batchnorm2d", KeepsNothing: true,
		Text: func(o BatchNorm2dOptions) string { return BatchNorm1dOptions(o).text() },
		Cost: func(o BatchNorm2dOptions, in Sample) (Cost, error) {
			if err := in.picture(); err != nil {
				return Cost{}, err
			}
			return BatchNorm1dOptions(o).cost(in)
		},
		Make: func(o BatchNorm2dOptions, _ Place) *BatchNorm2d {
			return &BatchNorm2d{BatchNorm1dOptions(o).batchNorm()}
		},
		Options: func(b *BatchNorm2d) (BatchNorm2dOptions, error) {
			o, err := b.options()
			return BatchNorm2dOptions(o), err
		},
	})

	Register(Type[*LayerNorm, LayerNormOptions]{
		Name: "layernorm", KeepsNothing: true,
		Text: LayerNormOptions.text,
		Cost: func(o LayerNormOptions, in Sample) (Cost, error) {
			before := len(in.Shape) - len(o.Shape)
			if len(o.Shape) == 0 || before < 0 || !slices.Equal(in.Shape[before:], o.Shape) {
				return Cost{}, fmt.Errorf("found shape %v, the last dimensions of %v expected", o.Shape, in.Shape)
			}
			n, _ := product(o.Shape)
			return Cost{Output: in.Shape, Parameters: 2 * n, FLOPs: normFLOPs * in.numbers(), Scratch: normSteps * in.numbers()}, checkEps(o.Eps)
		},
		Make: func(o LayerNormOptions, _ Place) *LayerNorm {
			l := NewLayerNorm(o.Shape...)
			l.Eps = or(o.Eps, standardEps)
			return l
		},
		Options: func(l *LayerNorm) (LayerNormOptions, error) {
			if l.Weight == nil {
				return LayerNormOptions{}, errors.New("found no weight")
			}
			shape := l.Weight.Shape()
			return LayerNormOptions{shape, new(l.Eps)}, cmp.Or(readable("weight", l.Weight, shape...), readable("bias", l.Bias, shape...))
		},
	})
	Register(Type[*GroupNorm, GroupNormOptions]{
		Name: "groupnorm", KeepsNothing: true,
		Text: GroupNormOptions.text,
		Cost: func(o GroupNormOptions, in Sample) (Cost, error) {
			if o.In != in.Shape[0] {
				return Cost{}, fmt.Errorf("found %d channels, %d expected", o.In, in.Shape[0])
			}
			if o.Groups < 1 || o.In%o.Groups != 0 {
				return Cost{}, fmt.Errorf("found %d groups, a divisor of %d channels expected", o.Groups, o.In)
			}
			return Cost{Output: in.Shape, Parameters: 2 * o.In, FLOPs: normFLOPs * in.numbers(), Scratch: normSteps * in.numbers()}, checkEps(o.Eps)
		},
		Make: func(o GroupNormOptions, _ Place) *GroupNorm {
			l := NewGroupNorm(o.Groups, o.In)
			l.Eps = or(o.Eps, standardEps)
			return l
		},
		Options: func(l *GroupNorm) (GroupNormOptions, error) {
			if err := readable("weight", l.Weight, anySize); err != nil {
				return GroupNormOptions{}, err
			}
			o := GroupNormOptions{l.Groups, l.Weight.Size(0), new(l.Eps)}
			return o, readable("bias", l.Bias, o.In)
		},
	})

	Register(Type[MaxPool2d, MaxPool2dOptions]{
		Name: "maxpool2d", KeepsNothing: true,
		Text:    func(o MaxPool2dOptions) string { return o.text() + ", dilation=1, ceil_mode=False" },
		Cost:    MaxPool2dOptions.cost,
		Make:    func(o MaxPool2dOptions, _ Place) MaxPool2d { return MaxPool2d{o.pool()} },
		Options: func(p MaxPool2d) (MaxPool2dOptions, error) { return poolOptions(p.Pool2dOptions), nil },
	})
	Register(Type[AvgPool2d, AvgPool2dOptions]{
		Name: "avgpool2d", KeepsNothing: true,
		Text: func(o AvgPool2dOptions) string { return MaxPool2dOptions(o).text() },
		Cost: func(o AvgPool2dOptions, in Sample) (Cost, error) { return MaxPool2dOptions(o).cost(in) },
		Make: func(o AvgPool2dOptions, _ Place) AvgPool2d { return AvgPool2d{MaxPool2dOptions(o).pool()} },
		Options: func(p AvgPool2d) (AvgPool2dOptions, error) {
			return AvgPool2dOptions(poolOptions(p.Pool2dOptions)), nil
		},
	})
	Register(Type[AdaptiveAvgPool2d, AdaptiveAvgPool2dOptions]{
		Name: "adaptiveavgpool2d", KeepsNothing: true,
		Text: AdaptiveAvgPool2dOptions.text,
		Cost: func(o AdaptiveAvgPool2dOptions, in Sample) (Cost, error) {
			if err := in.picture(); err != nil {
				return Cost{}, err
			}
			if min(o.Out[0], o.Out[1]) < 1 || max(o.Out[0], o.Out[1]) > maxSide {
				return Cost{}, fmt.Errorf("found %v rows and columns, 1 to %d expected", o.Out, maxSide)
			}
			// A window has at least one element, and two share what lies in both.
			c := Cost{Output: []int{in.Shape[0], o.Out[0], o.Out[1]}, FLOPs: in.Shape[0]}
			for d, n := range o.Out {
				within := 0
				for i := range n {
					from, to := i*in.Shape[d+1]/n, ((i+1)*in.Shape[d+1]+n-1)/n
					within += to - from
				}
				c.FLOPs *= within
			}
			return c, nil
		},
		Make: func(o AdaptiveAvgPool2dOptions, _ Place) AdaptiveAvgPool2d {
			return AdaptiveAvgPool2d{o.Out[0], o.Out[1]}
		},
		Options: func(p AdaptiveAvgPool2d) (AdaptiveAvgPool2dOptions, error) {
			return AdaptiveAvgPool2dOptions{Pair{p.Rows, p.Cols}}, nil
		},
	})
	Register(Type[ZeroPad2d, ZeroPad2d]{
		Name: "zeropad2d", KeepsNothing: true,
		Text:    ZeroPad2d.text,
		Cost:    ZeroPad2d.cost,
		Make:    func(p ZeroPad2d, _ Place) ZeroPad2d { return p },
		Options: func(p ZeroPad2d) (ZeroPad2d, error) { return p, nil },
	})

	Register(Type[Flatten, FlattenOptions]{
		Name: "flatten", KeepsNothing: true,
		Text: FlattenOptions.text,
		Cost: func(o FlattenOptions, in Sample) (Cost, error) {
			start, end := or(o.Start, 1), or(o.End, -1)
			first, err := in.dim("start_dim", start)
			if err != nil {
				return Cost{}, err
			}
			last, err := in.dim("end_dim", end)
			if err != nil {
				return Cost{}, err
			}
			if first > last {
				return Cost{}, fmt.Errorf("found start_dim %d behind end_dim %d", start, end)
			}
			joined, _ := product(in.Shape[first : last+1])
			return Cost{Output: slices.Replace(in.Shape, first, last+1, joined)}, nil
		},
		Make:    func(o FlattenOptions, _ Place) Flatten { return FlattenDims(or(o.Start, 1), or(o.End, -1)) },
		Options: func(f Flatten) (FlattenOptions, error) { return FlattenOptions{new(f.start + 1), new(f.end - 1)}, nil },
	})
	Register(Type[*Dropout, DropoutOptions]{
		Name: "dropout", KeepsNothing: true,
		Text: DropoutOptions.text,
		Cost: func(o DropoutOptions, in Sample) (Cost, error) {
			return Cost{Output: in.Shape, Scratch: dropNumbers * in.numbers()}, o.check()
		},
		Make:    func(o DropoutOptions, _ Place) *Dropout { return NewDropout(o.P) },
		Options: func(d *Dropout) (DropoutOptions, error) { return DropoutOptions{d.P}, nil },
	})
	Register(Type[*Dropout2d, Dropout2dOptions]{
		Name: "dropout2d", KeepsNothing: true,
		Text: func(o Dropout2dOptions) string { return DropoutOptions(o).text() },
		Cost: func(o Dropout2dOptions, in Sample) (Cost, error) {
			if err := in.picture(); err != nil {
				return Cost{}, err
			}
			return Cost{Output: in.Shape}, DropoutOptions(o).check()
		},
		Make:    func(o Dropout2dOptions, _ Place) *Dropout2d { return NewDropout2d(o.P) },
		Options: func(d *Dropout2d) (Dropout2dOptions, error) { return Dropout2dOptions{d.P}, nil },
	})
	Register(Type[*StochasticDepth, StochasticDepthOptions]{
		Name: "stochasticdepth", KeepsNothing: true,
		Text: StochasticDepthOptions.text,
		Cost: func(o StochasticDepthOptions, in Sample) (Cost, error) {
			return Cost{Output: in.Shape}, DropoutOptions(o).check()
		},
		Make:    func(o StochasticDepthOptions, _ Place) *StochasticDepth { return NewStochasticDepth(o.P) },
		Options: func(d *StochasticDepth) (StochasticDepthOptions, error) { return StochasticDepthOptions{d.P}, nil },
	})
	Register(Type[Softmax, SoftmaxOptions]{
		Name: "softmax", KeepsNothing: true,
		Text:    SoftmaxOptions.text,
		Cost:    SoftmaxOptions.cost,
		Make:    func(o SoftmaxOptions, _ Place) Softmax { return SoftmaxDim(or(o.Dim, 1)) },
		Options: func(s Softmax) (SoftmaxOptions, error) { return SoftmaxOptions{new(s.dim + 1)}, nil },
	})
	Register(Type[LogSoftmax, LogSoftmaxOptions]{
		Name: "logsoftmax", KeepsNothing: true,
		Text:    func(o LogSoftmaxOptions) string { return SoftmaxOptions(o).text() },
		Cost:    func(o LogSoftmaxOptions, in Sample) (Cost, error) { return SoftmaxOptions(o).cost(in) },
		Make:    func(o LogSoftmaxOptions, _ Place) LogSoftmax { return LogSoftmaxDim(or(o.Dim, 1)) },
		Options: func(s LogSoftmax) (LogSoftmaxOptions, error) { return LogSoftmaxOptions{new(s.dim + 1)}, nil },
	})
	registerElementwise[Identity]("identity", 0, 0, nil)
	registerElementwise[ReLU]("relu", 1, 0, nil)
	registerElementwise[LeakyReLU]("leakyrelu", 2, 0, LeakyReLU.text)
	registerElementwise[GELU]("gelu", 1, 0, GELU.text)
	registerElementwise[Sigmoid]("sigmoid", 1, 0, nil)
	registerElementwise[Tanh]("tanh", 1, 0, nil)
	registerElementwise[SiLU]("silu", 2, 1, nil)
	registerElementwise[ReLU6]("relu6", 2, 1, nil)
	registerElementwise[Hardsigmoid]("hardsigmoid", 4, 2, nil)
	registerElementwise[Hardswish]("hardswish", 5, 3, nil)

	Register(Type[*Sequential, SequentialOptions]{
		Name: "sequential", KeepsNothing: true,
		Cost: func(o SequentialOptions, in Sample) (Cost, error) {
			output, err := in.Net("layers", "", o.Layers)
			return Cost{Output: output}, err
		},
		Make: func(o SequentialOptions, at Place) *Sequential { return at.Net("", o.Layers) },
		Options: func(s *Sequential) (SequentialOptions, error) {
			layers, err := describe("layers", s)
			return SequentialOptions{layers}, err
		},
	})
	Register(Type[*Residual, ResidualOptions]{
		Name: "residual", KeepsNothing: true,
		Cost: func(o ResidualOptions, in Sample) (Cost, error) {
			body, err := in.Net("body", or(o.BodyName, bodyName), o.Body)
			if err != nil {
				return Cost{}, err
			}
			shortcut := in.Shape
			if len(o.Shortcut) > 0 {
				if shortcut, err = in.Net("shortcut", or(o.ShortcutName, shortcutName), o.Shortcut); err != nil {
					return Cost{}, err
				}
			}
			if !slices.Equal(body, shortcut) {
				return Cost{}, fmt.Errorf("found a body to %v, %v as the shortcut expected", body, shortcut)
			}
			n, _ := product(body)
			return Cost{Output: body, FLOPs: n}, nil
		},
		Make: func(o ResidualOptions, at Place) *Residual {
			r := &Residual{Body: at.Net(or(o.BodyName, bodyName), o.Body)}
			if o.BodyName != nil {
				r.Body = Named(*o.BodyName, r.Body)
			}
			if len(o.Shortcut) > 0 {
				r.Shortcut = at.Net(or(o.ShortcutName, shortcutName), o.Shortcut)
				if o.ShortcutName != nil {
					r.Shortcut = Named(*o.ShortcutName, r.Shortcut)
				}
			}
			return r
		},
		Options: func(r *Residual) (o ResidualOptions, err error) {
			o.BodyName = new(nameOf(r.Body, bodyName))
			if o.Body, err = describeInner("body", r.Body); err != nil || r.Shortcut == nil {
				return o, err
			}
			o.ShortcutName = new(nameOf(r.Shortcut, shortcutName))
			o.Shortcut, err = describeInner("shortcut", r.Shortcut)
			return o, err
		},
	})
	Register(Type[*Gate, GateOptions]{
		Name: "gate", KeepsNothing: true,
		Cost:    GateOptions.cost,
		Make:    GateOptions.make,
		Options: (*Gate).options,
	})
}

// registerElementwise adds a type of layer that is its own options and takes so many operations
// for every number of a sample, and holds so many numbers beside the result. What it shows of itself is text, or nil for its options.
func registerElementwise[L Module](name string, flops, scratch int, text func(L) string) {
	Register(Type[L, L]{
		Name: name, KeepsNothing: true, Text: text,
		Cost: func(_ L, in Sample) (Cost, error) {
			return Cost{Output: in.Shape, FLOPs: flops * in.numbers(), Scratch: scratch * in.numbers()}, nil
		},
		Make:    func(l L, _ Place) L { return l },
		Options: func(l L) (L, error) { return l, nil },
	})
}

var errBeforeFlatten = errors.New("a flatten layer before it expected")

// picture returns an error unless the sample is (channels, height, width).
func (s Sample) picture() error {
	switch len(s.Shape) {
	case 3:
		return nil
	case 1:
		return errors.New("pictures expected, found what is behind a flatten layer")
	}
	return fmt.Errorf("pictures expected, found a shape of %v", s.Shape)
}

// rows returns how many rows of numbers the sample has, for a layer that makes rows of out
// numbers of rows of in ones with in+bias parameters for each, or what is wrong with that.
func (s Sample) rows(in, out, bias int) (int, error) {
	last := len(s.Shape) - 1
	switch most := maxParameters / (s.Shape[last] + bias); {
	case last > 1:
		return 0, errBeforeFlatten
	case in != s.Shape[last]:
		return 0, fmt.Errorf("found %d inputs, %d expected", in, s.Shape[last])
	case out < 1 || out > most:
		return 0, fmt.Errorf("found %d outputs, 1 to %d expected", out, most)
	}
	return s.numbers() / in, nil
}

// lastSize returns the sample's shape with another number of elements in a row.
func (s Sample) lastSize(n int) []int {
	return append(slices.Clone(s.Shape[:len(s.Shape)-1]), n)
}

// dim returns which dimension of the sample a dimension of a batch is, which may count from
// the end. Errors call it so.
func (s Sample) dim(called string, dim int) (int, error) {
	all := len(s.Shape) + 1
	at := dim
	if at < 0 {
		at += all
	}
	if at < 1 || at >= all {
		return 0, fmt.Errorf("found %s %d, a dimension behind the batch's of %d expected", called, dim, all)
	}
	return at - 1, nil
}

// check returns an error unless the probability is one.
func (o DropoutOptions) check() error {
	if !(o.P >= 0 && o.P <= 1) {
		return fmt.Errorf("found p %g, 0 to 1 expected", o.P)
	}
	return nil
}

func (o SoftmaxOptions) cost(in Sample) (Cost, error) {
	_, err := in.dim("dim", or(o.Dim, 1))
	return Cost{Output: in.Shape, FLOPs: 3 * in.numbers(), Scratch: 3 * in.numbers()}, err
}

func (o SoftmaxOptions) normal() any { return SoftmaxOptions{unless(or(o.Dim, 1), 1)} }
func (o LogSoftmaxOptions) normal() any {
	return LogSoftmaxOptions(SoftmaxOptions(o).normal().(SoftmaxOptions))
}

func (o FlattenOptions) normal() any {
	return FlattenOptions{unless(or(o.Start, 1), 1), unless(or(o.End, -1), -1)}
}

// normal leaves out a slope that is the default.
func (l LeakyReLU) normal() any {
	if l.Slope == (LeakyReLU{}).slope() {
		l.Slope = 0
	}
	return l
}

func (o SequentialOptions) normal() any { return SequentialOptions{normal(o.Layers)} }

func (o ResidualOptions) normal() any {
	n := ResidualOptions{Body: normal(o.Body), Shortcut: normal(o.Shortcut), BodyName: unless(or(o.BodyName, bodyName), bodyName)}
	if n.Shortcut != nil {
		n.ShortcutName = unless(or(o.ShortcutName, shortcutName), shortcutName)
	}
	return n
}

// or returns what p points to, or v if p is nil.
func or[T any](p *T, v T) T {
	if p == nil {
		return v
	}
	return *p
}

// unless returns a pointer to v, or nil if that is the default.
func unless[T comparable](v, standard T) *T {
	if v == standard {
		return nil
	}
	return &v
}

// anySize stands for any size of a dimension.
const anySize = -1

// readable returns an error unless a layer's tensor, which is called so, has the type of those
// that are made and the given shape.
func readable(called string, t *tensor.Tensor, shape ...int) error {
	if t == nil {
		return fmt.Errorf("found no %s", called)
	}
	if t.DType() != tensor.Float32 {
		return fmt.Errorf("found a %s of %v, %v expected", called, t.DType(), tensor.Float32)
	}
	if t.Dim() != len(shape) {
		return fmt.Errorf("found a %s of shape %v, %d dimensions expected", called, t.Shape(), len(shape))
	}
	for d, n := range shape {
		if n != anySize && t.Size(d) != n {
			return fmt.Errorf("found a %s of shape %v, %v expected", called, t.Shape(), shape)
		}
	}
	return nil
}

func (o Conv2dOptions) cost(in Sample) (Cost, error) {
	if err := in.picture(); err != nil {
		return Cost{}, err
	}
	if o.In != in.Shape[0] {
		return Cost{}, fmt.Errorf("found %d input channels, %d expected", o.In, in.Shape[0])
	}
	groups := max(o.Groups, 1)
	if o.Groups < 0 || o.In%groups != 0 || o.Out%groups != 0 {
		return Cost{}, fmt.Errorf("found %d groups, a divisor of %d input and %d output channels expected", o.Groups, o.In, o.Out)
	}
	windows, err := windows{o.Kernel, o.Stride, o.Padding, o.Dilation}.over(in.Shape, Square(1), Square(maxSide))
	if err != nil {
		return Cost{}, err
	}
	weights := o.In / groups * o.Kernel[0] * o.Kernel[1]
	if most := maxParameters / (weights + 1); o.Out < 1 || o.Out > most {
		return Cost{}, fmt.Errorf("found %d output channels, 1 to %d expected", o.Out, most)
	}
	bias := 1
	if o.NoBias {
		bias = 0
	}
	c := Cost{Output: []int{o.Out, windows[0], windows[1]}, Parameters: o.Out * (weights + bias)}
	numbers, _ := product(c.Output) // below 2⁵¹, and operations below 2⁶³ / 2
	c.FLOPs = min(numbers, maxNumbers) * (2*weights + bias)
	c.Work = o.framed(in, c.Parameters)
	return c, nil
}

func (o Conv2dOptions) normal() any {
	o.Stride, o.Dilation = o.Stride.unless(Square(1)), o.Dilation.unless(Square(1))
	if o.Groups == 1 {
		o.Groups = 0
	}
	return o
}

// unless returns the pair with the default in place of 0, or no pair if all of it is that.
func (p Pair) unless(standard Pair) Pair {
	for d := range p {
		if p[d] == 0 {
			p[d] = standard[d]
		}
	}
	if p == standard {
		return Pair{}
	}
	return p
}

// pool returns the options as MaxPool2d and AvgPool2d have them.
func (o MaxPool2dOptions) pool() tensor.Pool2dOptions {
	return tensor.Pool2dOptions{Kernel: o.Kernel, Stride: o.Stride, Padding: o.Padding}
}

func poolOptions(p tensor.Pool2dOptions) MaxPool2dOptions {
	return MaxPool2dOptions{p.Kernel, p.Stride, p.Padding}
}

func (o MaxPool2dOptions) cost(in Sample) (Cost, error) {
	if err := in.picture(); err != nil {
		return Cost{}, err
	}
	windows, err := windows{o.Kernel, o.Stride, o.Padding, Pair{}}.over(in.Shape, o.Kernel, Pair{o.Kernel[0] / 2, o.Kernel[1] / 2})
	if err != nil {
		return Cost{}, err
	}
	c := Cost{Output: []int{in.Shape[0], windows[0], windows[1]}}
	numbers, _ := product(c.Output)
	c.FLOPs = min(numbers, maxNumbers) * o.Kernel[0] * o.Kernel[1]
	c.Scratch = min(numbers, maxNumbers) // where in its window each greatest element is
	return c, nil
}

func (o MaxPool2dOptions) normal() any {
	o.Stride = o.Stride.unless(o.Kernel)
	return o
}

func (o AvgPool2dOptions) normal() any {
	return AvgPool2dOptions(MaxPool2dOptions(o).normal().(MaxPool2dOptions))
}

// windows are those that a convolution or a pool moves over pictures.
type windows struct{ kernel, stride, padding, dilation Pair }

// over returns how many rows and columns of windows there are on pictures of the given shape,
// (channels, height, width), with that stride if there is none.
func (w windows) over(shape []int, stride, maxPadding Pair) (count Pair, err error) {
	var least Pair
	for d := range count {
		size := shape[d+1]
		if w.stride[d] != 0 {
			stride[d] = w.stride[d]
		}
		switch {
		case w.kernel[d] < 1 || w.kernel[d] > maxSide:
			return Pair{}, fmt.Errorf("found kernel %v, 1 to %d expected", w.kernel, maxSide)
		case stride[d] < 1 || stride[d] > maxSide:
			return Pair{}, fmt.Errorf("found stride %v, 0 to %d expected", w.stride, maxSide)
		case w.padding[d] < 0 || w.padding[d] > maxPadding[d]:
			return Pair{}, fmt.Errorf("found padding %v, 0 to %v expected", w.padding, maxPadding)
		case w.dilation[d] < 0 || w.dilation[d] > maxSide:
			return Pair{}, fmt.Errorf("found dilation %v, 0 to %d expected", w.dilation, maxSide)
		}
		least[d] = max(w.dilation[d], 1)*(w.kernel[d]-1) + 1 - 2*w.padding[d]
		count[d] = (size-least[d])/stride[d] + 1
	}
	if shape[1] < least[0] || shape[2] < least[1] {
		return Pair{}, fmt.Errorf("found pictures of %d×%d, at least %d×%d expected", shape[1], shape[2], least[0], least[1])
	}
	return count, nil
}

// normFLOPs is what LayerNorm and GroupNorm do with every number: mean, difference, square and
// variance, quotient, weight and bias.
const normFLOPs = 7

// normSteps is how many results they hold beside the last: differences, squares, their quotient
// and that times the weight, and for GroupNorm a copy.
const normSteps = 5

// dropNumbers is what Dropout holds for every number: a scale of 64 bits and one of 32.
const dropNumbers = 3

// checkEps returns an error unless eps is nil or may be added to a variance.
func checkEps(eps *float64) error {
	if e := or(eps, 0); !(e >= 0 && e <= 1) {
		return fmt.Errorf("found eps %g, 0 to 1 expected", e)
	}
	return nil
}

func (o LayerNormOptions) normal() any {
	o.Eps = unless(or(o.Eps, standardEps), standardEps)
	return o
}

func (o GroupNormOptions) normal() any {
	o.Eps = unless(or(o.Eps, standardEps), standardEps)
	return o
}

func (o BatchNorm1dOptions) cost(in Sample) (Cost, error) {
	if o.In != in.Shape[0] && !o.plain() {
		return Cost{}, fmt.Errorf("found %d channels, %d expected", o.In, in.Shape[0])
	}
	if err := checkEps(o.Eps); err != nil {
		return Cost{}, err
	}
	if m := or(o.Momentum, 0); !(m >= 0 && m <= 1) || o.Momentum != nil && o.Cumulative {
		return Cost{}, fmt.Errorf("found momentum %g, cumulative %t: 0 to 1, or cumulative alone, expected", m, o.Cumulative)
	}
	c := Cost{Output: in.Shape, FLOPs: 2 * in.numbers(), Scratch: 4 * in.Shape[0]} // two sums of 64 bits a channel
	if !o.NoAffine {
		c.Parameters = 2 * o.In
	}
	if !o.NoStatistics {
		c.Buffers = 2*o.In + 1 // and how many batches there were
	}
	return c, nil
}

// batchNorm makes what BatchNorm1d and BatchNorm2d share.
func (o BatchNorm1dOptions) batchNorm() BatchNorm {
	b := newBatchNorm("nn.Build", max(o.In, 1))
	if o.Eps != nil {
		b.Eps = *o.Eps
	}
	if o.Momentum != nil {
		b.Momentum = new(*o.Momentum)
	}
	if o.Cumulative {
		b.Momentum = nil
	}
	if o.NoAffine {
		b.Weight, b.Bias = nil, nil
	}
	if o.NoStatistics {
		b.RunningMean, b.RunningVar, b.NumBatchesTracked = nil, nil, nil
	}
	return b
}

// options returns those that the layer is made of.
func (b *BatchNorm) options() (BatchNorm1dOptions, error) {
	o := BatchNorm1dOptions{Eps: new(b.Eps), Cumulative: b.Momentum == nil, NoAffine: b.Weight == nil, NoStatistics: b.RunningMean == nil}
	if b.Momentum != nil {
		o.Momentum = new(*b.Momentum)
	}
	if o.NoAffine != (b.Bias == nil) || o.NoStatistics != (b.RunningVar == nil) || o.NoStatistics != (b.NumBatchesTracked == nil) {
		return o, errors.New("found one of several tensors alone: weight and bias, or all running statistics, may be nil together")
	}
	size := anySize // of all tensors
	if !o.NoAffine {
		if err := readable("weight", b.Weight, size); err != nil {
			return o, err
		}
		size = b.Weight.Size(0)
		if err := readable("bias", b.Bias, size); err != nil {
			return o, err
		}
	}
	if !o.NoStatistics {
		if err := readable("running_mean", b.RunningMean, size); err != nil {
			return o, err
		}
		size = b.RunningMean.Size(0)
		if err := readable("running_var", b.RunningVar, size); err != nil {
			return o, err
		}
		if n := b.NumBatchesTracked; n.DType() != tensor.Int64 || n.Dim() != 0 {
			return o, fmt.Errorf("found a num_batches_tracked of %v %v, an int64 without dimensions expected", n.DType(), n.Shape())
		}
	}
	o.In = max(size, 0)
	return o, nil
}

// plain reports whether the layer has no tensors: then nothing says how many channels it is for.
func (o BatchNorm1dOptions) plain() bool { return o.NoAffine && o.NoStatistics }

func (o BatchNorm1dOptions) normal() any {
	if o.plain() {
		o.In = 0
	}
	o.Eps = unless(or(o.Eps, standardEps), standardEps)
	o.Momentum = unless(or(o.Momentum, standardMomentum), standardMomentum)
	return o
}

func (o BatchNorm2dOptions) normal() any {
	return BatchNorm2dOptions(BatchNorm1dOptions(o).normal().(BatchNorm1dOptions))
}
