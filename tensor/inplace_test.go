package tensor_test

import (
	"math"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

func TestInPlace(t *testing.T) {
	matrix := func() *Tensor { return tensor.New([]float64{1, 2, 3, 4, 5, 6}, 2, 3) }
	row := tensor.New([]float64{10, 20, 30}, 3)
	for _, c := range []struct {
		name string
		f    func(x *Tensor) *Tensor
		want []float64
	}{
		{"add", func(x *Tensor) *Tensor { return x.AddInPlace(row) }, []float64{11, 22, 33, 14, 25, 36}},
		{"sub", func(x *Tensor) *Tensor { return x.SubInPlace(row) }, []float64{-9, -18, -27, -6, -15, -24}},
		{"mul", func(x *Tensor) *Tensor { return x.MulInPlace(row) }, []float64{10, 40, 90, 40, 100, 180}},
		{"div", func(x *Tensor) *Tensor { return x.DivInPlace(row) }, []float64{0.1, 0.1, 0.1, 0.4, 0.25, 0.2}},
		{"pow", func(x *Tensor) *Tensor { return x.PowInPlace(tensor.New([]float64{0, 1, -1}, 3)) }, []float64{1, 2, 1.0 / 3, 1, 5, 1.0 / 6}},
		{"add scaled", func(x *Tensor) *Tensor { return x.AddScaledInPlace(row, 0.5) }, []float64{6, 12, 18, 9, 15, 21}},
		{"copy", func(x *Tensor) *Tensor { return x.CopyInPlace(row) }, []float64{10, 20, 30, 10, 20, 30}},
		{"copy of another type", func(x *Tensor) *Tensor { return x.CopyInPlace(tensor.New([]bool{true, false, true}, 3)) }, []float64{1, 0, 1, 1, 0, 1}},
		{"fill", func(x *Tensor) *Tensor { return x.FillInPlace(-1) }, []float64{-1, -1, -1, -1, -1, -1}},
		{"integers", func(x *Tensor) *Tensor { return x.AddInPlace(tensor.New([]int64{1, 2, 3}, 3)) }, []float64{2, 4, 6, 5, 7, 9}},
		{"scalar", func(x *Tensor) *Tensor { return x.MulInPlace(tensor.Scalar(2.0)) }, []float64{2, 4, 6, 8, 10, 12}},
		{"itself", func(x *Tensor) *Tensor { return x.AddInPlace(x) }, []float64{2, 4, 6, 8, 10, 12}},
		{"its own row", func(x *Tensor) *Tensor { return x.SubInPlace(x.Select(0, 0)) }, []float64{0, 0, 0, 3, 3, 3}},
	} {
		for name, layout := range layouts {
			x := layout(matrix())
			if got := c.f(x); got != x {
				t.Errorf("%s, %s: the result is another tensor", c.name, name)
			}
			wantValues(t, c.name+", "+name, x, c.want...)
		}
	}
}

func TestInPlaceTypes(t *testing.T) {
	for _, dtype := range dtypes[1:] {
		x := tensor.Full(dtype, 3, 2)
		x.MulInPlace(tensor.Ones(tensor.Bool, 2)).AddInPlace(tensor.Scalar(uint8(4))).SubInPlace(tensor.Full(tensor.Uint8, 2, 1))
		want := 5.0
		if dtype.IsFloat() {
			x.AddScaledInPlace(tensor.Scalar(int64(3)), 0.5)
			want = 6.5
		}
		if x.DType() != dtype {
			t.Errorf("%s became %s", dtype, x.DType())
		}
		wantValues(t, dtype.String(), x, want, want)
	}
}

func TestInPlaceOverlap(t *testing.T) {
	x := tensor.New([]float64{1, 2, 3, 4}, 2, 2)
	x.AddInPlace(x.Transpose(0, 1))
	wantValues(t, "its transpose added", x, 2, 5, 5, 8)
	y := tensor.New([]float64{1, 2, 3, 4}, 4)
	y.Narrow(0, 1, 3).CopyInPlace(y.Narrow(0, 0, 3))
	wantValues(t, "moved by one", y, 1, 1, 2, 3)
}

// A view that is written changes its elements and no others.
func TestInPlaceOnViews(t *testing.T) {
	x := tensor.Zeros(tensor.Int64, 3, 4)
	x.Narrow(1, 1, 2).Transpose(0, 1).Narrow(1, 0, 2).FillInPlace(1)
	wantValues(t, "fill", x, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0)
	x.Select(1, 3).AddInPlace(tensor.Arange(tensor.Int64, 0, 3, 1))
	wantValues(t, "add", x, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 2)
}

// Parameters require gradients and are changed in place all the same: no gradient is
// asked through the change.
func TestInPlaceOnLeaf(t *testing.T) {
	p := vector(1, 2)
	p.Mul(p).Sum().Backward()
	p.AddScaledInPlace(p.Grad(), -0.25)
	wantValues(t, "after a step", p, 0.5, 1)
	if !p.RequiresGrad() {
		t.Error("the parameter no longer requires gradients")
	}
	p.ZeroGrad()
	p.Mul(p).Sum().Backward()
	wantValues(t, "next gradient", p.Grad(), 1, 2)
}

// What is written to DataInPlace is noticed by Backward, unlike what is written to Data.
func TestDataInPlace(t *testing.T) {
	p := vector(1, 2)
	sum := p.Mul(p).Sum()
	tensor.Data[float64](p)[0] = 3
	sum.Backward()
	wantValues(t, "Data", p.Grad(), 6, 4)
	sum = p.Mul(p).Sum()
	tensor.DataInPlace[float64](p)[0] = 5
	wantValues(t, "DataInPlace", p, 5, 2)
	defer func() {
		if err, ok := recover().(*tensor.GradError); !ok {
			t.Errorf("got %v, want a *tensor.GradError", err)
		}
	}()
	sum.Backward()
}

func TestFillInPlace(t *testing.T) {
	for _, dtype := range dtypes {
		x := tensor.Ones(dtype, 2, 3)
		x.Narrow(0, 1, 1).FillInPlace(0)
		wantValues(t, dtype.String(), x, 1, 1, 1, 0, 0, 0)
		x.Transpose(0, 1).Select(0, 1).FillInPlace(1)
		wantValues(t, dtype.String(), x, 1, 1, 1, 0, 1, 0)
		tensor.Zeros(dtype, 0, 2).FillInPlace(1)
	}
	for _, dtype := range []tensor.DType{tensor.Float32, tensor.Float64} {
		x := tensor.Ones(dtype, 2).FillInPlace(math.Copysign(0, -1))
		if !math.Signbit(x.At(0)) || !math.Signbit(x.At(1)) {
			t.Errorf("%s: -0 became %v", dtype, x)
		}
	}
}

func TestDraws(t *testing.T) {
	const n = 20_000
	for _, dtype := range []tensor.DType{tensor.Float32, tensor.Float64} {
		draw := func() []*Tensor {
			r := random.New(3).Rand()
			return []*Tensor{tensor.Normal(dtype, r, 2, 0.5, n/4, 4), tensor.Uniform(dtype, r, -1, 3, n)}
		}
		first, second := draw(), draw()
		for i, want := range []struct{ mean, std, low, high float64 }{
			{2, 0.5, math.Inf(-1), math.Inf(1)},
			{1, 4 / math.Sqrt(12), -1, 3},
		} {
			x := first[i].To(tensor.Float64)
			if !slices.Equal(tensor.Values[float64](x), tensor.Values[float64](second[i])) {
				t.Errorf("%s: the same generator gives other numbers", dtype)
			}
			mean := x.Mean().Item()
			centred := x.SubScalar(mean)
			std := math.Sqrt(centred.Mul(centred).Mean().Item())
			// Four standard errors, of the mean and (of a normal, the wider) the deviation.
			if within := 4 * want.std / math.Sqrt(n); math.Abs(mean-want.mean) > within || math.Abs(std-want.std) > within {
				t.Errorf("%s: got mean %v and deviation %v, want %v and %v", dtype, mean, std, want.mean, want.std)
			}
			if x.Min().Item() < want.low || x.Max().Item() > want.high {
				t.Errorf("%s: got values in [%v, %v]", dtype, x.Min().Item(), x.Max().Item())
			}
		}
	}
	// Draws go to elements in row-major order, whatever the layout.
	x := tensor.Zeros(tensor.Float64, 3, 2).Transpose(0, 1)
	x.UniformInPlace(random.New(5).Rand(), 0, 1)
	if want := tensor.Uniform(tensor.Float64, random.New(5).Rand(), 0, 1, 2, 3); x.Ne(want).Sum().Item() != 0 {
		t.Errorf("got %v, want %v", x, want)
	}
}
