package tensor_test

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/tensor"
	"pgregory.net/rapid"
)

// The properties are tried on the same cases in every run, unless -rapid.seed says
// otherwise, and a failure leaves no file.
func init() {
	for name, value := range map[string]string{"rapid.seed": "1", "rapid.checks": "1000", "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
}

// naive is a tensor that knows nothing of memory: a shape, and each element by its index.
type naive struct {
	shape []int
	at    func(index []int) float64
}

// each calls f with every index of shape in row-major order.
func each(shape []int, f func(index []int)) {
	index := make([]int, len(shape))
	if slices.Contains(shape, 0) {
		return
	}
	for {
		f(index)
		d := len(shape) - 1
		for ; d >= 0; d-- {
			if index[d]++; index[d] < shape[d] {
				break
			}
			index[d] = 0
		}
		if d < 0 {
			return
		}
	}
}

// broadcast returns the element of n that stands at index once n is broadcast.
func (n naive) broadcast(index []int) float64 {
	own := slices.Clone(index[len(index)-len(n.shape):])
	for d, size := range n.shape {
		if size == 1 {
			own[d] = 0
		}
	}
	return n.at(own)
}

// wantNaive fails unless x has want's shape and its elements, each within tolerance of it.
func wantNaive(t *rapid.T, name string, x *Tensor, want naive, tolerance float64) {
	if !slices.Equal(x.Shape(), want.shape) {
		t.Fatalf("%s: got shape %v, want %v", name, x.Shape(), want.shape)
	}
	each(want.shape, func(index []int) {
		got, want := x.At(index...), want.at(index)
		if got != want && !(got != got && want != want) && !(math.Abs(got-want) <= tolerance*math.Abs(want)) {
			t.Fatalf("%s: element %v: got %v, want %v", name, index, got, want)
		}
	})
}

// drawShape draws up to most sizes: 0 now and then, else 1 to 3.
func drawShape(t *rapid.T, name string, most int) []int {
	return rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3}), 0, most).Draw(t, name)
}

// drawTensor draws a tensor of whole numbers from -4 to 4, so that sums and products are
// exact. It is a view of a larger one, with its dimensions in another order there and some
// of them expanded.
func drawTensor(t *rapid.T, name string, shape []int) (*Tensor, naive) {
	base := slices.Clone(shape)
	for d, n := range shape {
		if n > 1 && rapid.IntRange(0, 3).Draw(t, name+" expanded") == 0 {
			base[d] = 1
		}
	}
	order := rapid.Permutation(upTo(len(shape))).Draw(t, name+" order")
	back, wide := make([]int, len(shape)), make([]int, len(shape))
	for i, d := range order {
		back[d] = i
		wide[i] = base[d] + 2
	}
	x := tensor.Full(tensor.Float64, math.NaN(), wide...)
	for i, d := range order {
		x = x.Narrow(i, rapid.IntRange(0, 2).Draw(t, name+" start"), base[d])
	}
	x = x.Permute(back...)

	elements := map[string]float64{}
	number := rapid.IntRange(-4, 4)
	each(base, func(index []int) {
		v := float64(number.Draw(t, name))
		elements[fmt.Sprint(index)] = v
		e := x
		for d, i := range index {
			e = e.Narrow(d, i, 1)
		}
		e.FillInPlace(v)
	})
	stored := naive{base, func(index []int) float64 { return elements[fmt.Sprint(index)] }}
	return x.Expand(shape...), naive{shape, stored.broadcast}
}

func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// drawOperands draws two shapes that are broadcast to a third, or now and then are not.
func drawOperands(t *rapid.T) (x, y, both []int, ok bool) {
	whole := drawShape(t, "whole", 4)
	part := func(name string) []int {
		shape := slices.Clone(whole[rapid.IntRange(0, len(whole)).Draw(t, name+" drops"):])
		for d := range shape {
			if rapid.IntRange(0, 3).Draw(t, name+" has 1") == 0 {
				shape[d] = 1
			}
		}
		if len(shape) > 0 && rapid.IntRange(0, 9).Draw(t, name+" differs") == 0 {
			shape[rapid.IntRange(0, len(shape)-1).Draw(t, "dimension")] += 1
		}
		return shape
	}
	x, y = part("x"), part("y")
	both, ok = broadcastShapes(x, y)
	return x, y, both, ok
}

// broadcastShapes is NumPy's rule.
func broadcastShapes(x, y []int) (shape []int, ok bool) {
	for len(x) < len(y) {
		x = append([]int{1}, x...)
	}
	for len(y) < len(x) {
		y = append([]int{1}, y...)
	}
	for d := range x {
		switch {
		case x[d] == y[d] || y[d] == 1:
			shape = append(shape, x[d])
		case x[d] == 1:
			shape = append(shape, y[d])
		default:
			return nil, false
		}
	}
	return shape, true
}

// shapeError returns the *ShapeError that f panics with, nil if it returns.
func shapeError(f func()) (err *tensor.ShapeError) {
	defer func() {
		if r := recover(); r != nil && !errors.As(r.(error), &err) {
			panic(r)
		}
	}()
	f()
	return nil
}

func TestBroadcastingProperties(t *testing.T) {
	operations := map[string]struct {
		f    func(x, y *Tensor) *Tensor
		want func(a, b float64) float64
	}{
		"add": {(*Tensor).Add, func(a, b float64) float64 { return a + b }},
		"sub": {(*Tensor).Sub, func(a, b float64) float64 { return a - b }},
		"mul": {(*Tensor).Mul, func(a, b float64) float64 { return a * b }},
		"div": {(*Tensor).Div, func(a, b float64) float64 { return a / b }},
		"pow": {(*Tensor).Pow, math.Pow},
		"lt": {(*Tensor).Lt, func(a, b float64) float64 {
			if a < b {
				return 1
			}
			return 0
		}},
	}
	rapid.Check(t, func(t *rapid.T) {
		xShape, yShape, shape, ok := drawOperands(t)
		x, nx := drawTensor(t, "x", xShape)
		y, ny := drawTensor(t, "y", yShape)
		for name, c := range operations {
			if !ok {
				if shapeError(func() { c.f(x, y) }) == nil {
					t.Fatalf("%s: shapes %v and %v were broadcast", name, xShape, yShape)
				}
				continue
			}
			want := naive{shape, func(index []int) float64 { return c.want(nx.broadcast(index), ny.broadcast(index)) }}
			wantNaive(t, name, c.f(x, y), want, 0)
		}
	})
}

// The gradient of a product is the other factor times that of the result, summed over what
// was broadcast.
func TestBroadcastingGradientProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		xShape, yShape, shape, ok := drawOperands(t)
		if !ok {
			return
		}
		x, nx := drawTensor(t, "x", xShape)
		y, ny := drawTensor(t, "y", yShape)
		seed, nseed := drawTensor(t, "seed", shape)
		x.SetRequiresGrad(true)
		y.SetRequiresGrad(true)
		x.Mul(y).Backward(seed)
		for name, c := range map[string]struct {
			leaf        *Tensor
			shape       []int
			other, seed naive
		}{"x": {x, xShape, ny, nseed}, "y": {y, yShape, nx, nseed}} {
			sums := map[string]float64{}
			each(shape, func(index []int) {
				own := slices.Clone(index[len(shape)-len(c.shape):])
				for d, n := range c.shape {
					if n == 1 {
						own[d] = 0
					}
				}
				sums[fmt.Sprint(own)] += c.seed.at(index) * c.other.broadcast(index)
			})
			want := naive{c.shape, func(index []int) float64 { return sums[fmt.Sprint(index)] }}
			wantNaive(t, "gradient of "+name, c.leaf.Grad(), want, 0)
		}
	})
}

func TestReductionProperties(t *testing.T) {
	type reduction struct {
		f         func(x *Tensor, dims ...int) *Tensor
		want      func(v []float64) float64
		tolerance float64
	}
	sum := func(v []float64) (s float64) {
		for _, v := range v {
			s += v
		}
		return s
	}
	variance := func(correction float64) func(v []float64) float64 {
		return func(v []float64) float64 {
			mean, s := sum(v)/float64(len(v)), 0.0
			for _, v := range v {
				s += (v - mean) * (v - mean)
			}
			if s < 1e-20 { // the mean was rounded
				s = 0
			}
			return s / max(0, float64(len(v))-correction)
		}
	}
	truth := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	corrected := func(f func(*Tensor, int, ...int) *Tensor, correction int) func(x *Tensor, dims ...int) *Tensor {
		return func(x *Tensor, dims ...int) *Tensor { return f(x, correction, dims...) }
	}
	reductions := map[string][2]reduction{} // with and without the dimensions kept
	add := func(name string, f, keep func(x *Tensor, dims ...int) *Tensor, want func(v []float64) float64, tolerance float64) {
		reductions[name] = [2]reduction{{f, want, tolerance}, {keep, want, tolerance}}
	}
	add("sum", (*Tensor).Sum, (*Tensor).SumKeepDim, sum, 0)
	add("mean", (*Tensor).Mean, (*Tensor).MeanKeepDim, func(v []float64) float64 { return sum(v) / float64(len(v)) }, 1e-15)
	add("prod", (*Tensor).Prod, (*Tensor).ProdKeepDim, func(v []float64) float64 {
		p := 1.0
		for _, v := range v {
			p *= v
		}
		return p
	}, 1e-14) // of up to 81 factors: it may be beyond 2^53
	add("max", (*Tensor).Max, (*Tensor).MaxKeepDim, slices.Max[[]float64], 0)
	add("min", (*Tensor).Min, (*Tensor).MinKeepDim, slices.Min[[]float64], 0)
	add("var", corrected((*Tensor).Var, 1), corrected((*Tensor).VarKeepDim, 1), variance(1), 1e-13)
	add("std", corrected((*Tensor).Std, 0), corrected((*Tensor).StdKeepDim, 0), func(v []float64) float64 { return math.Sqrt(variance(0)(v)) }, 1e-13)
	add("any", (*Tensor).Any, (*Tensor).AnyKeepDim, func(v []float64) float64 {
		return truth(slices.ContainsFunc(v, func(v float64) bool { return v != 0 }))
	}, 0)
	add("all", (*Tensor).All, (*Tensor).AllKeepDim, func(v []float64) float64 { return truth(!slices.Contains(v, 0)) }, 0)
	add("log-sum-exp", (*Tensor).LogSumExp, (*Tensor).LogSumExpKeepDim, func(v []float64) float64 {
		s := 0.0
		for _, v := range v {
			s += math.Exp(v)
		}
		return math.Log(s)
	}, 1e-13)

	rapid.Check(t, func(t *rapid.T) {
		shape := drawShape(t, "shape", 4)
		x, nx := drawTensor(t, "x", shape)
		var dims []int // in any order, from either end; none is all
		if len(shape) > 0 {
			dims = rapid.Permutation(upTo(len(shape))).Draw(t, "order")[:rapid.IntRange(0, len(shape)).Draw(t, "dimensions")]
		}
		over := func(d int) bool { return len(dims) == 0 || slices.Contains(dims, d) }
		var kept, dropped []int
		for d, n := range shape {
			if over(d) {
				kept = append(kept, 1)
			} else {
				kept, dropped = append(kept, n), append(dropped, n)
			}
		}
		groups := map[string][]float64{}
		each(shape, func(index []int) {
			var rest []int
			for d, i := range index {
				if !over(d) {
					rest = append(rest, i)
				}
			}
			groups[fmt.Sprint(rest)] = append(groups[fmt.Sprint(rest)], nx.at(index))
		})
		named := slices.Clone(dims)
		for i := range named {
			if rapid.Bool().Draw(t, "from the end") {
				named[i] -= len(shape)
			}
		}
		empty := slices.Contains(shape, 0) && !slices.Contains(dropped, 0) // there are results, of no elements
		for name, pair := range reductions {
			for keep, r := range pair {
				if empty && (name == "max" || name == "min") {
					if shapeError(func() { r.f(x, named...) }) == nil {
						t.Fatalf("%s of no elements of %v over %v", name, shape, named)
					}
					continue
				}
				want := naive{dropped, func(index []int) float64 { return r.want(groups[fmt.Sprint(index)]) }}
				if keep == 1 {
					want = naive{kept, func(index []int) float64 {
						var rest []int
						for d, i := range index {
							if !over(d) {
								rest = append(rest, i)
							}
						}
						return r.want(groups[fmt.Sprint(rest)])
					}}
				}
				wantNaive(t, fmt.Sprintf("%s over %v of %v, dimensions kept: %d", name, named, shape, keep), r.f(x, named...), want, r.tolerance)
			}
		}
	})
}

func TestSoftmaxProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := append(drawShape(t, "shape", 3), rapid.IntRange(1, 5).Draw(t, "classes"))
		dim := rapid.IntRange(-len(shape), len(shape)-1).Draw(t, "dim")
		x, _ := drawTensor(t, "x", shape)
		x = x.MulScalar(rapid.SampledFrom([]float64{1, 8, 1e4}).Draw(t, "scale"))
		p, logp := x.Softmax(dim), x.LogSoftmax(dim)
		shifted := x.AddScalar(rapid.SampledFrom([]float64{1, -100, 1e6}).Draw(t, "shift"))
		if x.Size(dim) == 0 {
			if p.Numel() != 0 || logp.Numel() != 0 {
				t.Fatalf("got %v and %v of nothing", p, logp)
			}
			return
		}
		for name, ok := range map[string]*Tensor{
			"it is a distribution":            p.Sum(dim).SubScalar(1).Abs().Lt(tensor.Scalar(1e-15)).And(p.Ge(tensor.Scalar(0.0)).All(dim)),
			"the greatest logit is likeliest": p.ArgMax(dim).Eq(x.ArgMax(dim)),
			"a shift changes nothing":         shifted.Softmax(dim).Eq(p),
			"nor of its logarithm":            shifted.LogSoftmax(dim).Eq(logp),
			"the logarithm agrees":            logp.Exp().Sub(p).Abs().Le(p.MulScalar(1e-13)),
			"and with log-sum-exp":            x.Sub(x.LogSumExpKeepDim(dim)).Sub(logp).Abs().Le(x.Abs().MaxKeepDim(dim).AddScalar(1).MulScalar(1e-15)),
		} {
			if ok.All().Item() != 1 {
				t.Fatalf("%s: not so for %v along %d: %v and %v", name, x, dim, p, logp)
			}
		}
	})
}

// A matrix product is the broadcast product of rows and columns, summed, in value and
// gradients.
func TestMatMulProperties(t *testing.T) {
	composed := func(x, y *Tensor) *Tensor {
		a, b := x, y
		if x.Dim() == 1 {
			a = x.Reshape(1, -1)
		}
		if y.Dim() == 1 {
			b = y.Reshape(-1, 1)
		}
		out := a.Unsqueeze(-1).Mul(b.Unsqueeze(-3)).Sum(-2)
		if y.Dim() == 1 {
			out = out.Select(-1, 0)
			if x.Dim() == 1 {
				return out.Select(-1, 0)
			}
			return out
		}
		if x.Dim() == 1 {
			out = out.Select(-2, 0)
		}
		return out
	}
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(0, 4)
		batchX, batchY, _, ok := drawOperands(t)
		m, k, n := size.Draw(t, "m"), 1+size.Draw(t, "k"), size.Draw(t, "n")
		xShape, yShape := append(slices.Clone(batchX), m, k), append(slices.Clone(batchY), k, n)
		if rapid.IntRange(0, 4).Draw(t, "x is a vector") == 0 {
			xShape, ok = []int{k}, true
		}
		if rapid.IntRange(0, 4).Draw(t, "y is a vector") == 0 {
			yShape, ok = []int{k}, true
		}
		x, _ := drawTensor(t, "x", xShape)
		y, _ := drawTensor(t, "y", yShape)
		if !ok {
			if shapeError(func() { x.MatMul(y) }) == nil {
				t.Fatalf("shapes %v and %v were multiplied", xShape, yShape)
			}
			return
		}
		x.SetRequiresGrad(true)
		y.SetRequiresGrad(true)
		var results [2][]*Tensor
		for i, f := range []func(x, y *Tensor) *Tensor{composed, (*Tensor).MatMul} {
			x.ZeroGrad()
			y.ZeroGrad()
			out := f(x, y)
			out.Backward(tensor.Arange(tensor.Float64, 0, float64(out.Numel()), 1).Reshape(out.Shape()...))
			results[i] = []*Tensor{out.Detach(), x.Grad().Clone(), y.Grad().Clone()}
		}
		for i, name := range []string{"product", "gradient of x", "gradient of y"} {
			want, got := results[0][i], results[1][i]
			if !slices.Equal(got.Shape(), want.Shape()) || got.Ne(want).Any().Item() != 0 {
				t.Fatalf("%s of %v and %v: got %v, want %v", name, xShape, yShape, got, want)
			}
		}
	})
}

// TestRowsAndNumbers compares operations on rows and one number each with those on the
// number repeated, for rows shorter and longer than what kernels are given at once.
func TestRowsAndNumbers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{1, 7, 8, 9, 511, 512, 513, 1100} {
		x, y := tensor.Normal(tensor.Float32, r, 0, 1, 3, n), tensor.Normal(tensor.Float32, r, 0, 1, 3, 1)
		for name, f := range map[string]func(x, y *Tensor) *Tensor{"add": (*Tensor).Add, "sub": (*Tensor).Sub, "mul": (*Tensor).Mul, "div": (*Tensor).Div} {
			for _, y := range []*Tensor{y, tensor.Scalar(float32(0.7))} {
				got, want := f(x, y), f(x, y.Expand(3, n).Clone())
				if !slices.Equal(tensor.Data[float32](got), tensor.Data[float32](want)) {
					t.Errorf("%s of rows of %d and numbers of shape %v", name, n, y.Shape())
				}
			}
		}
	}
}
