package nn

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Text returns m as PyTorch prints modules: its type with what defines it and, one a line,
// the layers that it is made of with their names. It is the String of all modules of this
// package, and may be that of others:
//
//	Sequential(
//	  (flatten): Flatten(start_dim=1, end_dim=-1)
//	  (linear): Linear(in_features=784, out_features=10, bias=True)
//	)
//
// If the type is registered, its options are shown. A layer within m of another type is
// shown by its String if it has one.
func Text(m Module) string {
	m = bare(m)
	r := registry.byLayer(m)
	c, isContainer := m.(Container)
	var lines []string
	if r != nil && (r.text != nil || !isContainer) {
		o, _ := r.read(m) // what no file can say can be shown
		text := writtenFields
		if r.text != nil {
			text = r.text
		}
		if s := text(o); s != "" {
			lines = append(lines, s)
		}
	}
	if isContainer {
		for name, layer := range c.Layers() {
			lines = append(lines, "("+name+"): "+innerText(layer))
		}
	}
	name := typeName(m)
	switch {
	case len(lines) == 0:
		return name + "()"
	case !isContainer:
		return name + "(" + lines[0] + ")"
	}
	return name + "(\n  " + strings.ReplaceAll(strings.Join(lines, "\n"), "\n", "\n  ") + "\n)"
}

// innerText returns Text of a layer within another module, or its own String.
func innerText(m Module) string {
	m = bare(m)
	_, isContainer := m.(Container)
	if s, ok := m.(fmt.Stringer); ok && !isContainer && registry.byLayer(m) == nil {
		return s.String()
	}
	return Text(m)
}

// typeName returns the name of m's type without its package: "Linear".
func typeName(m Module) string {
	t := reflect.TypeOf(m)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}

// writtenFields returns the options that files have of o, as they are there: "in=784, out=10".
func writtenFields(o any) string {
	written, err := json.Marshal(o)
	if err != nil {
		return err.Error()
	}
	d := json.NewDecoder(bytes.NewReader(written))
	var fields []string
	for _, err := d.Token(); err == nil && d.More(); { // behind the brace that opens the object
		var value json.RawMessage
		key, err := d.Token()
		if err != nil || d.Decode(&value) != nil {
			break
		}
		fields = append(fields, fmt.Sprintf("%v=%s", key, value))
	}
	return strings.Join(fields, ", ")
}

// How Python writes what is in the texts of the package's own layers.

func pythonBool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

func pythonFloat(v float64) string {
	s := strconv.FormatFloat(v, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// pythonTuple writes (3, 3), and (3,) for one number.
func pythonTuple(v ...int) string {
	s := strings.ReplaceAll(strings.Trim(fmt.Sprint(v), "[]"), " ", ", ")
	if len(v) == 1 {
		s += ","
	}
	return "(" + s + ")"
}

// pythonPair writes 3 for three rows and columns, and (3, 2) for three rows and two columns.
func pythonPair(p Pair) string {
	if p[0] == p[1] {
		return strconv.Itoa(p[0])
	}
	return pythonTuple(p[:]...)
}

func (o LinearOptions) text() string {
	return fmt.Sprintf("in_features=%d, out_features=%d, bias=%s", o.In, o.Out, pythonBool(!o.NoBias))
}

func (o FlattenOptions) text() string {
	return fmt.Sprintf("start_dim=%d, end_dim=%d", or(o.Start, 1), or(o.End, -1))
}

func (o DropoutOptions) text() string { return fmt.Sprintf("p=%s, inplace=False", pythonFloat(o.P)) }

// text is what torchvision shows.
func (o StochasticDepthOptions) text() string { return fmt.Sprintf("p=%s, mode=row", pythonFloat(o.P)) }

func (o SoftmaxOptions) text() string { return fmt.Sprintf("dim=%d", or(o.Dim, 1)) }

func (o Conv2dOptions) text() string {
	stride := orOne(o.Stride)
	s := fmt.Sprintf("%d, %d, kernel_size=%s, stride=%s", o.In, o.Out, pythonTuple(o.Kernel[:]...), pythonTuple(stride[:]...))
	if o.Padding != (Pair{}) {
		s += ", padding=" + pythonTuple(o.Padding[:]...)
	}
	if d := orOne(o.Dilation); d != Square(1) {
		s += ", dilation=" + pythonTuple(d[:]...)
	}
	if o.Groups > 1 {
		s += fmt.Sprintf(", groups=%d", o.Groups)
	}
	if o.NoBias {
		s += ", bias=False"
	}
	return s
}

func (l LeakyReLU) text() string { return "negative_slope=" + pythonFloat(l.slope()) }

// text says that it is not the approximation by tanh.
func (GELU) text() string { return "approximate='none'" }

// orOne returns p, or what zeros of it stand for.
func orOne(p Pair) Pair {
	return Pair{max(p[0], 1), max(p[1], 1)}
}

// text is what both kinds of pooling show.
func (o MaxPool2dOptions) text() string {
	stride := o.Stride
	for i, n := range stride {
		if n == 0 {
			stride[i] = o.Kernel[i]
		}
	}
	return fmt.Sprintf("kernel_size=%s, stride=%s, padding=%s", pythonPair(o.Kernel), pythonPair(stride), pythonPair(o.Padding))
}

func (o AdaptiveAvgPool2dOptions) text() string { return "output_size=" + pythonPair(o.Out) }

func (o BatchNorm1dOptions) text() string {
	momentum := pythonFloat(or(o.Momentum, standardMomentum))
	if o.Cumulative {
		momentum = "None"
	}
	return fmt.Sprintf("%d, eps=%s, momentum=%s, affine=%s, track_running_stats=%s",
		o.In, pythonFloat(or(o.Eps, standardEps)), momentum, pythonBool(!o.NoAffine), pythonBool(!o.NoStatistics))
}

func (o LayerNormOptions) text() string {
	return fmt.Sprintf("%s, eps=%s, elementwise_affine=True", pythonTuple(o.Shape...), pythonFloat(or(o.Eps, standardEps)))
}

func (o GroupNormOptions) text() string {
	return fmt.Sprintf("%d, %d, eps=%s, affine=True", o.Groups, o.In, pythonFloat(or(o.Eps, standardEps)))
}

// String returns Text.
func (l *Linear) String() string { return Text(l) }

// String returns Text.
func (l *PHM) String() string { return Text(l) }

// String returns Text.
func (l *Conv2d) String() string { return Text(l) }

// String returns Text.
func (b *BatchNorm1d) String() string { return Text(b) }

// String returns Text.
func (b *BatchNorm2d) String() string { return Text(b) }

// String returns Text.
func (l *LayerNorm) String() string { return Text(l) }

// String returns Text.
func (l *GroupNorm) String() string { return Text(l) }

// String returns Text.
func (p MaxPool2d) String() string { return Text(p) }

// String returns Text.
func (p AvgPool2d) String() string { return Text(p) }

// String returns Text.
func (p AdaptiveAvgPool2d) String() string { return Text(p) }

// String returns Text.
func (p ZeroPad2d) String() string { return Text(p) }

// String returns Text.
func (f Flatten) String() string { return Text(f) }

// String returns Text.
func (d *Dropout) String() string { return Text(d) }

// String returns Text.
func (d *Dropout2d) String() string { return Text(d) }

// String returns Text.
func (d *StochasticDepth) String() string { return Text(d) }

// String returns Text.
func (s Softmax) String() string { return Text(s) }

// String returns Text.
func (s LogSoftmax) String() string { return Text(s) }

// String returns Text.
func (i Identity) String() string { return Text(i) }

// String returns Text.
func (r ReLU) String() string { return Text(r) }

// String returns Text.
func (l LeakyReLU) String() string { return Text(l) }

// String returns Text.
func (g GELU) String() string { return Text(g) }

// String returns Text.
func (s Sigmoid) String() string { return Text(s) }

// String returns Text.
func (t Tanh) String() string { return Text(t) }

// String returns Text.
func (s SiLU) String() string { return Text(s) }

// String returns Text.
func (r ReLU6) String() string { return Text(r) }

// String returns Text.
func (h Hardsigmoid) String() string { return Text(h) }

// String returns Text.
func (h Hardswish) String() string { return Text(h) }

// String returns Text.
func (s *Sequential) String() string { return Text(s) }

// String returns Text.
func (r *Residual) String() string { return Text(r) }

// String returns Text.
func (g *Gate) String() string { return Text(g) }

// String returns Text of the module without its name.
func (n named) String() string { return innerText(n.Module) }
