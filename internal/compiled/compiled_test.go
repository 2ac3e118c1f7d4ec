package compiled_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"iter"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/onehot-go/onehot/internal/compiled"
	"github.com/onehot-go/onehot/internal/parallel"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// The nets that are drawn are the same in every run, unless -rapid.seed says otherwise.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"rapid.seed": "1", "rapid.checks": "300", "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	flag.Parse()
	os.Exit(m.Run())
}

// tb is what tests and drawn tests have in common.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
}

// build returns the net of the given layers, with parameters and statistics drawn as training would leave them.
func build(t tb, seed uint64, input []int, layers ...nn.Spec) *nn.Sequential {
	t.Helper()
	for i := range layers {
		layers[i].Name = fmt.Sprint("layer", i)
	}
	net, err := nn.Build(layers, input, random.New(seed))
	if err != nil {
		t.Fatalf("%v", err)
	}
	settle(net, seed)
	return net
}

// settle draws the parameters and statistics of norms.
func settle(net nn.Module, seed uint64) {
	r := random.New(seed).For("norms").Rand()
	nn.Apply(net, func(_ string, m nn.Module) {
		var b *nn.BatchNorm
		switch m := m.(type) {
		case *nn.BatchNorm1d:
			b = &m.BatchNorm
		case *nn.BatchNorm2d:
			b = &m.BatchNorm
		default:
			return
		}
		if b.Weight != nil {
			b.Weight.UniformInPlace(r, -1.5, 1.5)
			b.Bias.UniformInPlace(r, -0.5, 0.5)
		}
		if b.RunningMean != nil {
			b.RunningMean.UniformInPlace(r, -0.5, 0.5)
			b.RunningVar.UniformInPlace(r, 0.2, 1.5)
		}
	})
}

// samples returns inputs of n samples, some of them negative.
func samples(n int, input []int) *tensor.Tensor {
	return tensor.Uniform(tensor.Float32, random.New(uint64(n)).For("inputs").Rand(), -1, 2, append([]int{n}, input...)...)
}

// run compiles a net and returns what it makes of x.
func run(t tb, net nn.Module, x *tensor.Tensor) []float32 {
	t.Helper()
	p, err := compiled.Compile(net, x.Shape()[1:], compiled.Options{Batch: 9})
	if err != nil {
		t.Fatalf("%v", err)
	}
	return outputs(p, x)
}

func outputs(p *compiled.Program, x *tensor.Tensor) []float32 {
	n := x.Size(0)
	for _, s := range p.Output() {
		n *= s
	}
	dst := make([]float32, n)
	p.Run(dst, tensor.Data[float32](x))
	return dst
}

// far returns the greatest difference of got from want over the greatest of want, or infinity where only one
// has a number.
func far(got, want []float32) float64 {
	difference, most := 0.0, 0.0
	for i, w := range want {
		d := math.Abs(float64(got[i]) - float64(w))
		if d != d {
			d = math.Inf(1)
		}
		difference, most = max(difference, d), max(most, math.Abs(float64(w)))
	}
	if difference == 0 {
		return 0
	}
	return difference / most
}

// tolerance is the greatest difference from the layers, over the greatest result.
const tolerance = 1e-5

// check compares the program of a net with the net for batches of 1 to 9.
func check(t tb, net nn.Module, input []int) {
	t.Helper()
	x := samples(9, input)
	want := net.Forward(x.NoGrad().Evaluation())
	p, err := compiled.Compile(net, input, compiled.Options{Batch: 9})
	if err != nil {
		t.Fatalf("%v", err)
	}
	if !slices.Equal(p.Output(), want.Shape()[1:]) {
		t.Fatalf("samples of %v, want %v", p.Output(), want.Shape()[1:])
	}
	got, values := outputs(p, x), tensor.Values[float32](want)
	if f := far(got, values); f > tolerance {
		t.Fatalf("differs by %.2g of the greatest:\n got %v\nwant %v", f, got, values)
	}
	each := len(got) / 9
	defer parallel.SetThreads(0)
	for n := 1; n < 9; n++ {
		parallel.SetThreads(1 + n%4)
		p.Poison() // nothing that lies in an arena from before is read
		if some := outputs(p, x.Narrow(0, 0, n).Contiguous()); !slices.Equal(some, got[:n*each]) {
			t.Fatalf("a batch of %d, on %d threads, differs from the first of 9:\n got %v\nwant %v", n, 1+n%4, some, got[:n*each])
		}
	}
}

// own is a layer that programs do not know.
type own struct {
	Factor *tensor.Tensor
}

func (o *own) Forward(x *tensor.Tensor) *tensor.Tensor { return x.Mul(o.Factor).AddScalar(1) }
func (o *own) Parameters() iter.Seq2[string, *tensor.Tensor] {
	return func(yield func(string, *tensor.Tensor) bool) { yield("factor", o.Factor) }
}

// doubled is a block that is no Sequential.
type doubled struct {
	Inner nn.Module
}

func (d *doubled) Forward(x *tensor.Tensor) *tensor.Tensor {
	y := d.Inner.Forward(x)
	return y.Add(y)
}
func (d *doubled) Layers() iter.Seq2[string, nn.Module] {
	return nn.Children(nn.Named("inner", d.Inner))
}
func (d *doubled) Parameters() iter.Seq2[string, *tensor.Tensor] { return nn.ParametersOf(d) }

func square(n int) nn.Pair { return nn.Square(n) }

// conv returns a convolution.
func conv(in, out, kernel, stride, padding, groups int) nn.Conv2dOptions {
	return nn.Conv2dOptions{In: in, Out: out, Kernel: square(kernel), Stride: square(stride), Padding: square(padding), Groups: groups}
}

func specs(options ...any) (all []nn.Spec) {
	for i, o := range options {
		all = append(all, nn.Spec{Name: fmt.Sprint(i), Options: o})
	}
	return all
}

// layers are nets of one layer each, and of some that stand together, with the shape of a sample.
var layers = []struct {
	input   []int
	options []any
}{
	{[]int{3}, []any{nn.LinearOptions{In: 3, Out: 2}}},
	{[]int{5, 3}, []any{nn.LinearOptions{In: 3, Out: 2, NoBias: true}}},
	{[]int{2, 3, 4}, []any{nn.FlattenOptions{}, nn.LinearOptions{In: 24, Out: 5}}},
	{[]int{1, 28, 28}, []any{nn.FlattenOptions{}, nn.LinearOptions{In: 784, Out: 33}, nn.ReLU{}, nn.LinearOptions{In: 33, Out: 10}}},
	{[]int{2, 3, 4}, []any{nn.FlattenOptions{}}},
	{[]int{2, 3, 4}, []any{nn.FlattenOptions{Start: new(2)}, nn.LinearOptions{In: 12, Out: 5}}},
	{[]int{2, 3, 4}, []any{nn.FlattenOptions{Start: new(2)}, nn.FlattenOptions{}, nn.LinearOptions{In: 24, Out: 5}}},
	{[]int{2, 3, 4}, []any{nn.Identity{}}},
	{[]int{3}, []any{nn.DropoutOptions{P: 0.5}}},
	{[]int{3, 4, 4}, []any{nn.Dropout2dOptions{P: 0.5}, nn.ReLU{}, nn.StochasticDepthOptions{P: 0.5}}},
	{[]int{2, 3, 4}, []any{nn.ReLU{}}},
	{[]int{3}, []any{nn.LeakyReLU{}}},
	{[]int{3, 2, 2}, []any{nn.LeakyReLU{Slope: 0.2}}},
	{[]int{3}, []any{nn.GELU{}}},
	{[]int{3}, []any{nn.Sigmoid{}}},
	{[]int{3}, []any{nn.Tanh{}}},
	{[]int{3}, []any{nn.SiLU{}}},
	{[]int{2, 3, 4}, []any{nn.ReLU6{}}},
	{[]int{2, 3, 4}, []any{nn.Hardsigmoid{}}},
	{[]int{2, 3, 4}, []any{nn.Hardswish{}}},
	{[]int{3, 2}, []any{nn.SoftmaxOptions{}}},
	{[]int{3, 2}, []any{nn.LogSoftmaxOptions{Dim: new(2)}}},
	{[]int{4}, []any{nn.PHMOptions{N: 2, In: 4, Out: 6}}},
	{[]int{3, 7, 8}, []any{conv(3, 4, 3, 1, 0, 1)}},
	{[]int{3, 7, 8}, []any{conv(3, 4, 3, 2, 1, 1), nn.ReLU{}, conv(4, 20, 3, 1, 1, 1), nn.Hardswish{}}},
	{[]int{4, 7, 8}, []any{nn.Conv2dOptions{In: 4, Out: 6, Kernel: nn.Pair{3, 2}, Stride: nn.Pair{2, 1}, Padding: nn.Pair{1, 0}, Dilation: nn.Pair{2, 3}, Groups: 2, NoBias: true}}},
	{[]int{6, 9, 7}, []any{conv(6, 6, 3, 1, 1, 6), nn.BatchNorm2dOptions{In: 6}, nn.ReLU6{}, conv(6, 17, 1, 1, 0, 1)}},
	{[]int{3}, []any{nn.BatchNorm1dOptions{In: 3}}},
	{[]int{3}, []any{nn.BatchNorm1dOptions{In: 3, NoStatistics: true}}},
	{[]int{3, 5}, []any{nn.BatchNorm1dOptions{In: 3}}},
	{[]int{3, 4, 5}, []any{nn.BatchNorm2dOptions{In: 3}, nn.ReLU{}, conv(3, 5, 3, 1, 1, 1)}},
	{[]int{3, 4, 5}, []any{nn.BatchNorm2dOptions{In: 3, NoAffine: true}, conv(3, 5, 3, 1, 0, 1), nn.BatchNorm2dOptions{In: 5, NoAffine: true}}},
	{[]int{3, 4, 5}, []any{nn.BatchNorm2dOptions{In: 3}, nn.FlattenOptions{}, nn.LinearOptions{In: 60, Out: 7}}},
	{[]int{3, 4, 5}, []any{nn.FlattenOptions{}, nn.BatchNorm1dOptions{In: 60}, nn.LinearOptions{In: 60, Out: 7}, nn.BatchNorm1dOptions{In: 7}, nn.ReLU{}, nn.LinearOptions{In: 7, Out: 3}}},
	{[]int{3, 4, 5}, []any{nn.ReLU{}, nn.FlattenOptions{}, nn.BatchNorm1dOptions{In: 60}, nn.ReLU{}, nn.LinearOptions{In: 60, Out: 7}}},
	{[]int{2, 3}, []any{nn.LayerNormOptions{Shape: []int{3}}}},
	{[]int{4, 3, 2}, []any{nn.GroupNormOptions{Groups: 2, In: 4}, nn.ReLU{}}},
	{[]int{3, 6, 8}, []any{conv(3, 5, 1, 1, 0, 1), nn.ZeroPad2d{Right: 1, Bottom: 1}, conv(5, 5, 3, 2, 0, 5), nn.ReLU6{}, nn.ZeroPad2d{Left: 2, Top: 1}}},
	{[]int{3, 7, 9}, []any{nn.MaxPool2dOptions{Kernel: square(2)}}},
	{[]int{3, 7, 9}, []any{conv(3, 5, 3, 1, 1, 1), nn.ReLU{}, nn.MaxPool2dOptions{Kernel: square(3), Stride: square(2), Padding: square(1)}}},
	{[]int{3, 7, 9}, []any{nn.AvgPool2dOptions{Kernel: nn.Pair{3, 2}, Stride: nn.Pair{1, 2}, Padding: nn.Pair{1, 1}}}},
	{[]int{3, 7, 9}, []any{nn.AdaptiveAvgPool2dOptions{Out: nn.Pair{3, 2}}, nn.FlattenOptions{}, nn.LinearOptions{In: 18, Out: 4}}},
	{[]int{3, 7, 9}, []any{conv(3, 5, 3, 1, 1, 1), nn.AdaptiveAvgPool2dOptions{Out: square(1)}, nn.FlattenOptions{}}},
	{[]int{5, 6, 6}, []any{nn.ResidualOptions{Body: specs(conv(5, 5, 3, 1, 1, 1), nn.BatchNorm2dOptions{In: 5})}, nn.ReLU{}, conv(5, 3, 3, 1, 1, 1)}},
	{[]int{5, 6, 6}, []any{nn.ResidualOptions{Body: specs(nn.BatchNorm2dOptions{In: 5}, nn.ReLU{}, conv(5, 8, 3, 2, 1, 1), nn.SiLU{}), Shortcut: specs(conv(5, 8, 1, 2, 0, 1))}, nn.Sigmoid{}}},
	{[]int{5, 6, 6}, []any{conv(5, 5, 1, 1, 0, 1), nn.ResidualOptions{Body: specs(nn.ReLU{}), Shortcut: specs(nn.MaxPool2dOptions{Kernel: square(3), Stride: square(1), Padding: square(1)})}, nn.ReLU{}}},
	{[]int{5}, []any{nn.ResidualOptions{Body: specs(nn.LinearOptions{In: 5, Out: 5})}, nn.ReLU{}, nn.LinearOptions{In: 5, Out: 2}}},
	{[]int{5, 6, 6}, []any{nn.ResidualOptions{Body: specs(nn.Identity{})}}},
	{[]int{6, 5, 5}, []any{conv(6, 6, 3, 1, 1, 6), nn.SiLU{}, nn.GateOptions{Body: specs(nn.AdaptiveAvgPool2dOptions{Out: square(1)}, conv(6, 2, 1, 1, 0, 1), nn.SiLU{}, conv(2, 6, 1, 1, 0, 1), nn.Sigmoid{})}, conv(6, 4, 1, 1, 0, 1)}},
	{[]int{6, 5, 5}, []any{nn.GateOptions{Body: specs(conv(6, 6, 1, 1, 0, 1), nn.Hardsigmoid{})}}},
	{[]int{6, 5, 5}, []any{nn.GateOptions{Body: specs(conv(6, 1, 1, 1, 0, 1), nn.Sigmoid{})}, conv(6, 2, 3, 1, 1, 1)}},
	{[]int{6}, []any{nn.GateOptions{Body: specs(nn.LinearOptions{In: 6, Out: 6}, nn.Sigmoid{})}}},
	{[]int{3, 4, 5}, []any{conv(3, 3, 3, 1, 1, 1), nn.FlattenOptions{}, nn.ResidualOptions{Body: specs(nn.LinearOptions{In: 60, Out: 60})}, nn.ReLU{}}},
	{[]int{3, 4, 5}, []any{nn.FlattenOptions{Start: new(2)}, nn.ResidualOptions{Body: specs(nn.LayerNormOptions{Shape: []int{20}})}, nn.ReLU{}}},
	{[]int{1, 4, 5}, []any{nn.FlattenOptions{}, nn.ResidualOptions{Body: specs(nn.LinearOptions{In: 20, Out: 20}), Shortcut: specs(nn.BatchNorm1dOptions{In: 20})}}},
	{[]int{16, 4, 5}, []any{nn.BatchNorm2dOptions{In: 16}, nn.BatchNorm2dOptions{In: 16, NoAffine: true}, conv(16, 16, 3, 1, 0, 1), nn.BatchNorm2dOptions{In: 16}, nn.ReLU{}, nn.BatchNorm2dOptions{In: 16}, nn.ReLU{}, nn.ReLU{}, nn.SiLU{}}},
	{[]int{32, 9, 11}, []any{conv(32, 48, 3, 1, 1, 1), nn.ResidualOptions{Body: specs(conv(48, 48, 3, 1, 1, 1), nn.Hardswish{})}, conv(48, 7, 3, 1, 1, 1)}},
	{[]int{1, 9, 12}, []any{conv(1, 6, 5, 1, 2, 1), nn.ReLU{}, nn.MaxPool2dOptions{Kernel: square(2)}, nn.BatchNorm2dOptions{In: 6}, nn.SiLU{}, conv(6, 3, 1, 1, 0, 1)}},
	{[]int{5, 8, 7}, []any{conv(5, 20, 3, 1, 1, 1), nn.MaxPool2dOptions{Kernel: square(2)}, nn.SiLU{}, conv(20, 9, 2, 1, 0, 1), nn.SiLU{}, nn.MaxPool2dOptions{Kernel: square(2)}}},
	{[]int{5, 4, 4}, []any{nn.ResidualOptions{Body: specs(conv(5, 5, 3, 1, 1, 1), nn.ReLU6{}, nn.MaxPool2dOptions{Kernel: square(2)}), Shortcut: specs(conv(5, 5, 2, 2, 0, 1), nn.ReLU6{})}}},
	{[]int{513, 3, 2}, []any{conv(513, 129, 3, 1, 1, 1), nn.SiLU{}, conv(129, 513, 1, 1, 0, 1)}},
	{[]int{2, 40, 30}, []any{nn.AdaptiveAvgPool2dOptions{Out: square(1)}}},
	{[]int{3, 5, 5}, []any{nn.SequentialOptions{Layers: specs(conv(3, 4, 3, 1, 1, 1))}, nn.SequentialOptions{Layers: specs(nn.BatchNorm2dOptions{In: 4}, nn.ReLU{})}}},
}

// TestLayers compares every layer of the registry, and layers that stand together, with their Forward.
func TestLayers(t *testing.T) {
	missing := map[string]bool{}
	for _, name := range registered(t) {
		missing[name] = !strings.HasPrefix(name, "test.")
	}
	for _, l := range layers {
		list := specs(l.options...)
		costs, _, err := nn.Costs(list, l.input)
		if err != nil {
			t.Fatal(err)
		}
		name := ""
		for _, c := range costs {
			delete(missing, c.Type)
			name += c.Type + " "
		}
		delete(missing, list[0].Type())
		t.Run(name, func(t *testing.T) {
			if slices.Contains(l.options, any(nn.BatchNorm1dOptions{In: 3, NoStatistics: true})) { // its results depend on the batch
				net := build(t, 1, l.input, list...)
				x := samples(9, l.input)
				if f := far(run(t, net, x), tensor.Values[float32](net.Forward(x.NoGrad().Evaluation()))); f > tolerance {
					t.Errorf("differs by %.2g", f)
				}
				return
			}
			check(t, build(t, 1, l.input, list...), l.input)
		})
	}
	for name, own := range missing {
		if own {
			t.Errorf("no test of %s", name)
		}
	}
}

// TestNotFinite holds that NaN and infinity in a sample come out where they do of the layers, and stay within the
// sample. Nets are left out where they reach more results than arithmetic says: filters of several groups in a
// panel, and the tiles of Winograd's method, which differ from the layers'.
func TestNotFinite(t *testing.T) {
	for i, l := range layers {
		if slices.ContainsFunc(l.options, func(o any) bool {
			c, _ := o.(nn.Conv2dOptions)
			b, _ := o.(nn.BatchNorm1dOptions)
			return c.Groups > 1 && c.Groups != c.In || c.In >= 16 && c.Kernel == square(3) || b.NoStatistics
		}) {
			continue
		}
		net := build(t, 1, l.input, specs(l.options...)...)
		p, err := compiled.Compile(net, l.input, compiled.Options{Batch: 3})
		if err != nil {
			t.Fatal(err)
		}
		clean := outputs(p, samples(3, l.input))
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
			each := numel(l.input)
			for at := 0; at < each; at += 1 + each/7 {
				x := samples(3, l.input)
				tensor.Data[float32](x)[each+at] = bad
				got, want := outputs(p, x), tensor.Values[float32](net.Forward(x.NoGrad().Evaluation()))
				one := len(got) / 3
				if !slices.Equal(got[:one], clean[:one]) || !slices.Equal(got[2*one:], clean[2*one:]) {
					t.Errorf("net %d: %v at %d of a sample reaches others", i, bad, at)
				}
				for k := one; k < 2*one; k++ {
					g, w := float64(got[k]), float64(want[k])
					if !(g == w || math.Abs(g-w) <= 1e-4*(1+math.Abs(w)) || g != g && w != w) {
						t.Errorf("net %d: %v at %d makes %v of output %d, by layers %v", i, bad, at, g, k-one, w)
					}
				}
			}
		}
	}
}

func numel(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}

// registered returns the names of all types of layers, as the error of an unknown one lists them.
func registered(t *testing.T) []string {
	var unknown nn.Spec
	if err := json.Unmarshal([]byte(`{"name":"x","type":"?"}`), &unknown); err != nil {
		t.Fatal(err)
	}
	_, _, err := nn.Costs([]nn.Spec{unknown}, []int{1})
	_, list, _ := strings.Cut(fmt.Sprint(err), `found type "?", `)
	list, ok := strings.CutSuffix(list, " expected")
	if !ok {
		t.Fatalf("%v", err)
	}
	return strings.Split(strings.Replace(list, " or ", ", ", 1), ", ")
}

// TestOwnLayers runs layers that programs do not know in the middle of one.
func TestOwnLayers(t *testing.T) {
	r := random.New(3).Rand()
	factor := tensor.Uniform(tensor.Float32, r, -1, 1, 5, 1, 1)
	net := nn.NewSequential(nn.NewConv2d(3, 5, [2]int{3, 3}, tensor.Conv2dOptions{Padding: [2]int{1, 1}}, r), nn.ReLU{}, &own{factor},
		&doubled{nn.NewConv2d(5, 4, [2]int{1, 1}, tensor.Conv2dOptions{}, r)}, nn.ReLU{}, nn.Flatten{}, nn.NewLinear(4*36, 3, r))
	check(t, net, []int{3, 6, 6})
	check(t, &own{factor}, []int{5, 4, 3})
	check(t, &own{tensor.Scalar(float32(2))}, []int{5, 4})
	check(t, nn.NewSequential(), []int{5, 4})
}

// TestBits compares the bits of a net's results for any number of threads.
func TestBits(t *testing.T) {
	defer parallel.SetThreads(0)
	net := build(t, 5, []int{3, 33, 31}, specs(conv(3, 24, 3, 2, 1, 1), nn.BatchNorm2dOptions{In: 24}, nn.ReLU{}, conv(24, 24, 3, 1, 1, 24), nn.ReLU6{},
		conv(24, 40, 1, 1, 0, 1), nn.ResidualOptions{Body: specs(conv(40, 40, 3, 1, 1, 1), nn.BatchNorm2dOptions{In: 40})}, nn.ReLU{},
		nn.AdaptiveAvgPool2dOptions{Out: square(2)}, nn.FlattenOptions{}, nn.LinearOptions{In: 160, Out: 70}, nn.ReLU{}, nn.LinearOptions{In: 70, Out: 10})...)
	x := samples(9, []int{3, 33, 31})
	parallel.SetThreads(1)
	want := run(t, net, x)
	for threads := 2; threads <= 5; threads++ {
		parallel.SetThreads(threads)
		p, err := compiled.Compile(net, []int{3, 33, 31}, compiled.Options{Batch: 4})
		if err != nil {
			t.Fatal(err)
		}
		for n := 1; n <= 9; n++ {
			if got := outputs(p, x.Narrow(0, 0, n).Contiguous()); !slices.Equal(got, want[:10*n]) {
				t.Errorf("%d threads, %d samples: got %v, want %v", threads, n, got, want[:10*n])
			}
		}
	}
}

// TestDrawnNets compares nets of drawn layers with the layers.
func TestDrawnNets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawing{t, nil, []int{channels(t), rapid.IntRange(1, 13).Draw(t, "height"), rapid.IntRange(1, 13).Draw(t, "width")}}
		input := d.shape
		d.layers(rapid.IntRange(1, 7).Draw(t, "layers"), 0)
		if rapid.Bool().Draw(t, "classifier") {
			d.add(nn.FlattenOptions{})
			d.add(nn.LinearOptions{In: d.shape[0], Out: rapid.IntRange(1, 40).Draw(t, "classes")})
		}
		check(t, build(t, rapid.Uint64().Draw(t, "seed"), input, d.list...), input)
	})
}

// drawing is a net that is being drawn, of pictures of a shape.
type drawing struct {
	*rapid.T
	list  []nn.Spec
	shape []int
}

// channels draws a number of channels: often whole registers, or one more or less, and seldom many.
func channels(t *rapid.T) int {
	return rapid.SampledFrom([]func() int{
		func() int { return rapid.IntRange(1, 40).Draw(t, "channels") },
		func() int {
			return 8*rapid.IntRange(1, 8).Draw(t, "registers") + rapid.SampledFrom([]int{0, 0, 0, -1, 1}).Draw(t, "more")
		},
		func() int { return rapid.SampledFrom([]int{96, 128, 130}).Draw(t, "channels") },
	}).Draw(t, "kind")()
}

// add adds a layer if it fits.
func (d *drawing) add(options any) {
	s := nn.Spec{Name: fmt.Sprint(len(d.list)), Options: options}
	if _, shape, err := nn.Costs([]nn.Spec{s}, d.shape); err == nil {
		d.list, d.shape = append(d.list, s), shape
	}
}

func (d *drawing) number(least, most int, name string) int {
	return rapid.IntRange(least, most).Draw(d.T, name)
}

// layers adds n layers for pictures.
func (d *drawing) layers(n, depth int) {
	for range n {
		c := d.shape[0]
		switch d.number(0, 10, "layer") {
		case 0, 1, 2:
			kernel := nn.Pair{d.number(1, 4, "rows"), d.number(1, 4, "columns")}
			groups := 1
			out := channels(d.T)
			switch d.number(0, 3, "groups") {
			case 0:
				groups, out = c, c*d.number(1, 2, "each")
			case 1:
				for groups = d.number(1, 4, "groups"); c%groups != 0; groups-- {
				}
				out = min(out, 40) * groups
			}
			d.add(nn.Conv2dOptions{In: c, Out: out, Kernel: kernel, Groups: groups, NoBias: d.number(0, 1, "bias") == 0,
				Stride: nn.Pair{d.number(1, 3, "down"), d.number(1, 3, "right")}, Padding: nn.Pair{d.number(0, 2, "above"), d.number(0, 2, "beside")},
				Dilation: nn.Pair{d.number(1, 2, "dilated"), d.number(1, 2, "dilated")}})
		case 3, 4:
			d.add(nn.BatchNorm2dOptions{In: c})
		case 5, 6:
			d.add(rapid.SampledFrom([]any{nn.ReLU{}, nn.ReLU6{}, nn.SiLU{}, nn.Hardswish{}, nn.Hardsigmoid{}, nn.Sigmoid{}, nn.Tanh{}, nn.GELU{}, nn.LeakyReLU{}}).Draw(d.T, "activation"))
		case 7:
			if d.number(0, 2, "pairs") == 0 {
				d.add(nn.MaxPool2dOptions{Kernel: square(2)})
				continue
			}
			kernel := nn.Pair{d.number(1, 3, "rows"), d.number(1, 3, "columns")}
			o := nn.MaxPool2dOptions{Kernel: kernel, Stride: nn.Pair{d.number(1, 3, "down"), d.number(1, 3, "right")}, Padding: nn.Pair{d.number(0, kernel[0]/2, "above"), d.number(0, kernel[1]/2, "beside")}}
			if d.number(0, 1, "mean") == 0 {
				d.add(nn.AvgPool2dOptions(o))
			} else {
				d.add(o)
			}
		case 8:
			d.add(nn.AdaptiveAvgPool2dOptions{Out: nn.Pair{d.number(1, 4, "rows"), d.number(1, 4, "columns")}})
		case 9:
			if depth == 2 {
				continue
			}
			body := drawing{d.T, nil, d.shape}
			body.layers(d.number(1, 4, "layers"), depth+1)
			if !slices.Equal(body.shape[1:], d.shape[1:]) || d.number(0, 1, "shortcut") == 0 {
				way := drawing{d.T, nil, d.shape}
				way.add(nn.AdaptiveAvgPool2dOptions{Out: nn.Pair{body.shape[1], body.shape[2]}})
				way.add(nn.Conv2dOptions{In: c, Out: body.shape[0], Kernel: square(1)})
				d.add(nn.ResidualOptions{Body: body.list, Shortcut: way.list})
				continue
			}
			body.add(nn.Conv2dOptions{In: body.shape[0], Out: c, Kernel: square(1)})
			d.add(nn.ResidualOptions{Body: body.list})
		case 10:
			d.add(nn.GateOptions{Body: specs(nn.AdaptiveAvgPool2dOptions{Out: square(1)}, nn.Conv2dOptions{In: c, Out: c, Kernel: square(1)}, nn.Hardsigmoid{})})
		}
	}
}
