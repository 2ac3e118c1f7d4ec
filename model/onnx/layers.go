package onnx

import (
	"math"
	"reflect"
	"slices"
	"sync"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// writer adds what a layer does in evaluation with x, and returns what it makes.
type writer func(g *Graph, l nn.Module, x Value) (Value, error)

// writers is the table of layers: what writes each type.
var writers = struct {
	sync.RWMutex
	of map[reflect.Type]writer
}{of: map[reflect.Type]writer{}}

// Register says how layers of type L, which nn.Register was called for, are written: write adds
// to g what l does in evaluation with x, (N, ...) of Float32, and returns what it makes. It
// panics with a *fault.OptionError if the type has a row already.
func Register[L nn.Module](write func(g *Graph, l L, x Value) (Value, error)) {
	of := reflect.TypeFor[L]()
	writers.Lock()
	defer writers.Unlock()
	if writers.of[of] != nil {
		fault.Option("onnx.Register", "%v is registered already", of)
	}
	writers.of[of] = func(g *Graph, l nn.Module, x Value) (Value, error) { return write(g, l.(L), x) }
}

// writerOf returns what writes a layer, or nil.
func writerOf(l nn.Module) writer {
	writers.RLock()
	defer writers.RUnlock()
	return writers.of[reflect.TypeOf(l)]
}

// simple is Register for layers that can always be written.
func simple[L nn.Module](write func(g *Graph, l L, x Value) Value) {
	Register(func(g *Graph, l L, x Value) (Value, error) { return write(g, l, x), nil })
}

// elementwise is Register for layers that are one operation without attributes.
func elementwise[L nn.Module](op string) {
	simple(func(g *Graph, _ L, x Value) Value { return g.Node(op, nil, x) })
}

// nothing is Register for layers that pass their input on in evaluation.
func nothing[L nn.Module]() { simple(func(_ *Graph, _ L, x Value) Value { return x }) }

// The table of nn's layers.
func init() {
	simple(func(g *Graph, l *nn.Linear, x Value) Value { return g.linear(g.Weight("weight", l.Weight), l.Bias, x) })
	simple(func(g *Graph, l *nn.PHM, x Value) Value {
		n, rows, cols := l.S.Size(0), l.S.Size(1), l.S.Size(2)
		a := g.reshape(g.Weight("A", l.A), n, n*n)
		s := g.reshape(g.Weight("S", l.S), n, rows*cols)
		w := g.Node("MatMul", nil, g.Node("Transpose", Attributes{"perm": []int64{1, 0}}, a), s)
		w = g.Node("Transpose", Attributes{"perm": []int64{0, 2, 1, 3}}, g.reshape(w, n, n, rows, cols))
		return g.linear(g.reshape(w, n*rows, n*cols), l.Bias, x)
	})
	simple(func(g *Graph, l *nn.Conv2d, x Value) Value {
		inputs := []Value{x, g.Weight("weight", l.Weight)}
		if l.Bias != nil {
			inputs = append(inputs, g.Weight("bias", l.Bias))
		}
		o := l.Options
		return g.Node("Conv", Attributes{
			"kernel_shape": []int64{int64(l.Weight.Size(2)), int64(l.Weight.Size(3))}, "strides": pair(o.Stride, 1), "pads": pads(o.Padding),
			"dilations": pair(o.Dilation, 1), "group": int64(max(o.Groups, 1)),
		}, inputs...)
	})

	simple(func(g *Graph, b *nn.BatchNorm1d, x Value) Value { return g.batchNorm(&b.BatchNorm, x) })
	simple(func(g *Graph, b *nn.BatchNorm2d, x Value) Value { return g.batchNorm(&b.BatchNorm, x) })
	simple(func(g *Graph, l *nn.LayerNorm, x Value) Value {
		return g.Node("LayerNormalization", Attributes{"axis": -int64(l.Weight.Dim()), "epsilon": float32(l.Eps)}, x, g.Weight("weight", l.Weight), g.Weight("bias", l.Bias))
	})
	simple(func(g *Graph, l *nn.GroupNorm, x Value) Value {
		channels, size := x.Shape[0], product(x.Shape[1:])
		groups := g.Node("Reshape", nil, x, g.Ints(0, int64(l.Groups), int64(channels/l.Groups*size)))
		y := g.Node("InstanceNormalization", Attributes{"epsilon": float32(l.Eps)}, groups, g.Floats(slices.Repeat([]float32{1}, l.Groups), l.Groups), g.Floats(make([]float32, l.Groups), l.Groups))
		y = g.Node("Reshape", nil, y, g.Ints(sizes(x.Shape)...))
		shape := append([]int{channels}, slices.Repeat([]int{1}, len(x.Shape)-1)...)
		y = g.Node("Mul", nil, y, g.reshape(g.Weight("weight", l.Weight), shape...))
		return g.Node("Add", nil, y, g.reshape(g.Weight("bias", l.Bias), shape...))
	})

	simple(func(g *Graph, p nn.MaxPool2d, x Value) Value { return g.Node("MaxPool", window(p.Pool2dOptions), x) })
	simple(func(g *Graph, p nn.AvgPool2d, x Value) Value {
		a := window(p.Pool2dOptions)
		a["count_include_pad"] = int64(1)
		return g.Node("AveragePool", a, x)
	})
	simple(func(g *Graph, p nn.AdaptiveAvgPool2d, x Value) Value {
		height, width := x.Shape[1], x.Shape[2]
		switch {
		case p.Rows == 1 && p.Cols == 1:
			return g.Node("GlobalAveragePool", nil, x)
		case height%p.Rows == 0 && width%p.Cols == 0:
			kernel := [2]int{height / p.Rows, width / p.Cols}
			return g.Node("AveragePool", window(tensor.Pool2dOptions{Kernel: kernel}), x)
		}
		// Windows of different sizes are a product with a matrix from either side.
		y := g.Node("MatMul", nil, g.Floats(means(p.Rows, height), p.Rows, height), x)
		return g.Node("MatMul", nil, y, g.Node("Transpose", Attributes{"perm": []int64{1, 0}}, g.Floats(means(p.Cols, width), p.Cols, width)))
	})

	simple(func(g *Graph, l nn.Flatten, x Value) Value {
		if (l == nn.Flatten{}) {
			return g.Node("Flatten", Attributes{"axis": int64(1)}, x)
		}
		_, shape, _ := nn.Costs(specs(l), x.Shape) // as Graph.Layer has done
		return g.Node("Reshape", nil, x, g.Ints(sizes(shape)...))
	})
	simple(func(g *Graph, p nn.ZeroPad2d, x Value) Value {
		return g.Node("Pad", nil, x, g.Ints(0, 0, int64(p.Top), int64(p.Left), 0, 0, int64(p.Bottom), int64(p.Right)))
	})
	nothing[nn.Identity]()
	nothing[*nn.Dropout]()
	nothing[*nn.Dropout2d]()
	nothing[*nn.StochasticDepth]()

	elementwise[nn.ReLU]("Relu")
	elementwise[nn.Sigmoid]("Sigmoid")
	elementwise[nn.Tanh]("Tanh")
	elementwise[nn.Hardswish]("HardSwish")
	simple(func(g *Graph, l nn.LeakyReLU, x Value) Value {
		o := specs(l)[0].Options.(nn.LeakyReLU)
		slope := o.Slope
		if slope == 0 {
			slope = 0.01
		}
		return g.Node("LeakyRelu", Attributes{"alpha": float32(slope)}, x)
	})
	simple(func(g *Graph, _ nn.GELU, x Value) Value {
		erf := g.Node("Erf", nil, g.Node("Div", nil, x, g.Floats([]float32{math.Sqrt2})))
		y := g.Node("Mul", nil, x, g.Node("Add", nil, erf, g.Floats([]float32{1})))
		return g.Node("Mul", nil, y, g.Floats([]float32{0.5}))
	})
	simple(func(g *Graph, _ nn.SiLU, x Value) Value { return g.Node("Mul", nil, x, g.Node("Sigmoid", nil, x)) })
	simple(func(g *Graph, _ nn.ReLU6, x Value) Value {
		return g.Node("Clip", nil, x, g.Floats([]float32{0}), g.Floats([]float32{6}))
	})
	simple(func(g *Graph, _ nn.Hardsigmoid, x Value) Value {
		return g.Node("HardSigmoid", Attributes{"alpha": float32(1.0 / 6), "beta": float32(0.5)}, x)
	})
	simple(func(g *Graph, l nn.Softmax, x Value) Value {
		return g.Node("Softmax", axis(specs(l)[0].Options.(nn.SoftmaxOptions).Dim), x)
	})
	simple(func(g *Graph, l nn.LogSoftmax, x Value) Value {
		return g.Node("LogSoftmax", axis(specs(l)[0].Options.(nn.LogSoftmaxOptions).Dim), x)
	})

	Register(func(g *Graph, l *nn.Sequential, x Value) (Value, error) {
		var err error
		for name, m := range l.Layers() {
			if x, err = g.Layer(name, m, x); err != nil {
				return x, err
			}
		}
		return x, nil
	})
	Register(func(g *Graph, r *nn.Residual, x Value) (y Value, err error) {
		sum, i := x, 0
		for name, m := range r.Layers() { // the body, then the shortcut
			branch, err := g.Layer(name, m, x)
			if err != nil {
				return y, err
			}
			if i == 0 {
				y = branch
			} else {
				sum = branch
			}
			i++
		}
		return g.Node("Add", nil, y, sum), nil
	})
	Register(func(g *Graph, l *nn.Gate, x Value) (y Value, err error) {
		for name, m := range l.Layers() {
			if y, err = g.Layer(name, m, x); err != nil {
				return y, err
			}
		}
		return g.Node("Mul", nil, x, y), nil
	})
}

// stepWriters is the table of the steps of a preparation that a graph may have.
var stepWriters = map[reflect.Type]func(g *Graph, s transform.Transform, x Value) Value{
	reflect.TypeFor[transform.Normalize](): func(g *Graph, s transform.Transform, x Value) Value {
		n := s.(transform.Normalize)
		y := g.Node("Sub", nil, x, g.Floats(n.Mean, len(n.Mean), 1, 1))
		y = g.Node("Div", nil, y, g.Floats(n.Std, len(n.Std), 1, 1))
		y.Shape = x.Shape
		return y
	},
}

// specs returns the spec of a layer that is described without fail.
func specs(l nn.Module) []nn.Spec {
	s, err := nn.Describe(nn.NewSequential(nn.Named("layer", l)))
	if err != nil {
		fault.Option("onnx.Export", "%v", err)
	}
	return s
}

// linear adds x·Wᵀ + b for a weight of (out, in), and a bias or nil.
func (g *Graph) linear(weight Value, bias *tensor.Tensor, x Value) Value {
	if len(x.Shape) == 1 {
		inputs := []Value{x, weight}
		if bias != nil {
			inputs = append(inputs, g.Weight("bias", bias))
		}
		return g.Node("Gemm", Attributes{"transB": int64(1)}, inputs...)
	}
	y := g.Node("MatMul", nil, x, g.Node("Transpose", Attributes{"perm": []int64{1, 0}}, weight))
	if bias != nil {
		y = g.Node("Add", nil, y, g.Weight("bias", bias))
	}
	return y
}

// batchNorm adds a batch norm by its running statistics.
func (g *Graph) batchNorm(b *nn.BatchNorm, x Value) Value {
	channels := b.RunningMean.Size(0)
	weight, bias := Value{}, Value{}
	if b.Weight != nil {
		weight, bias = g.Weight("weight", b.Weight), g.Weight("bias", b.Bias)
	} else {
		weight, bias = g.Floats(slices.Repeat([]float32{1}, channels), channels), g.Floats(make([]float32, channels), channels)
	}
	return g.Node("BatchNormalization", Attributes{"epsilon": float32(b.Eps)},
		x, weight, bias, g.Weight("running_mean", b.RunningMean), g.Weight("running_var", b.RunningVar))
}

// reshape adds a change of a constant's shape.
func (g *Graph) reshape(x Value, shape ...int) Value {
	var list []int64
	for _, n := range shape {
		list = append(list, int64(n))
	}
	return g.Node("Reshape", nil, x, g.Ints(list...))
}

// sizes returns the shape of a batch of samples of a shape, for Reshape: 0 stands for the size
// that there is.
func sizes(sample []int) []int64 {
	list := []int64{0}
	for _, n := range sample {
		list = append(list, int64(n))
	}
	return list
}

// pair returns a number of rows and one of columns with the default in place of 0.
func pair(p [2]int, standard int) []int64 {
	for d := range p {
		if p[d] == 0 {
			p[d] = standard
		}
	}
	return []int64{int64(p[0]), int64(p[1])}
}

// pads returns padding as it is before and behind rows and columns.
func pads(p [2]int) []int64 { return append(pair(p, 0), pair(p, 0)...) }

// window returns the attributes of a pooling.
func window(o tensor.Pool2dOptions) Attributes {
	for d := range o.Stride {
		if o.Stride[d] == 0 {
			o.Stride[d] = o.Kernel[d]
		}
	}
	return Attributes{"kernel_shape": pair(o.Kernel, 1), "strides": pair(o.Stride, 1), "pads": pads(o.Padding)}
}

// axis returns the attribute of the dimension of a batch, 1 if there is none.
func axis(dim *int) Attributes {
	if dim == nil {
		return Attributes{"axis": int64(1)}
	}
	return Attributes{"axis": int64(*dim)}
}

// means returns the matrix of (n, size) that makes of size numbers the means of n windows, as
// tensor.AdaptiveAvgPool2d has them.
func means(n, size int) []float32 {
	m := make([]float32, n*size)
	for i := range n {
		from, to := i*size/n, ((i+1)*size+n-1)/n
		for j := from; j < to; j++ {
			m[i*size+j] = 1 / float32(to-from)
		}
	}
	return m
}

func product(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}
