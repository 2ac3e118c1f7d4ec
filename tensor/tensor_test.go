package tensor_test

import (
	"math"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/tensor"
)

var dtypes = []tensor.DType{tensor.Bool, tensor.Uint8, tensor.Int64, tensor.Float32, tensor.Float64}

func TestCreate(t *testing.T) {
	for _, dtype := range dtypes {
		for _, c := range []struct {
			name string
			x    *Tensor
			want []float64
		}{
			{"zeros", tensor.Zeros(dtype, 2, 2), []float64{0, 0, 0, 0}},
			{"ones", tensor.Ones(dtype, 2), []float64{1, 1}},
			{"full", tensor.Full(dtype, 1, 3), []float64{1, 1, 1}},
			{"no elements", tensor.Ones(dtype, 2, 0), nil},
			{"scalar", tensor.Ones(dtype), []float64{1}},
		} {
			if c.x.DType() != dtype || !c.x.IsContiguous() || c.x.RequiresGrad() {
				t.Errorf("%s: got type %s, contiguous: %v, requires gradients: %v", c.name, c.x.DType(), c.x.IsContiguous(), c.x.RequiresGrad())
			}
			wantValues(t, c.name, c.x, c.want...)
		}
	}
	wantValues(t, "full", tensor.Full(tensor.Float64, 0.5, 2), 0.5, 0.5)
}

func TestNewCopies(t *testing.T) {
	data := []float64{1, 2}
	shape := []int{2}
	x := tensor.New(data, shape...)
	data[0], shape[0] = 9, 9
	x.Shape()[0] = 9
	wantValues(t, "after changes", x, 1, 2)
	if !slices.Equal(x.Shape(), []int{2}) {
		t.Errorf("got shape %v", x.Shape())
	}
}

// TestNewShapes holds what New makes without a shape, and that it can make again what has any
// shape, a scalar too.
func TestNewShapes(t *testing.T) {
	for _, data := range [][]int64{{}, {1}, {1, 2, 3}} {
		if got := tensor.New(data).Shape(); !slices.Equal(got, []int{len(data)}) {
			t.Errorf("%d elements without a shape: got shape %v", len(data), got)
		}
	}
	for _, x := range []*Tensor{tensor.Scalar(1.0), vector(1), tensor.Ones(tensor.Float64, 1, 1), vector(1).Squeeze(), vector(1, 2).Sum(), zeros(2, 0)} {
		if got := tensor.New(tensor.Values[float64](x), x.Shape()...).Shape(); !slices.Equal(got, x.Shape()) {
			t.Errorf("got shape %v, want %v", got, x.Shape())
		}
	}
}

func TestSizes(t *testing.T) {
	x := tensor.Zeros(tensor.Bool, 2, 3, 4)
	if x.Dim() != 3 || x.Numel() != 24 || x.Size(0) != 2 || x.Size(-1) != 4 {
		t.Errorf("got %d dimensions, %d elements, sizes %d and %d", x.Dim(), x.Numel(), x.Size(0), x.Size(-1))
	}
	if s := tensor.Scalar(uint8(1)); s.Dim() != 0 || s.Numel() != 1 || len(s.Shape()) != 0 {
		t.Errorf("scalar: got %d dimensions, %d elements, shape %v", s.Dim(), s.Numel(), s.Shape())
	}
}

func TestElements(t *testing.T) {
	x := tensor.New([]int64{0, 1, 2, 3, 4, 5}, 2, 3).Transpose(0, 1)
	for _, c := range []struct {
		index []int
		want  float64
	}{{[]int{0, 0}, 0}, {[]int{2, 0}, 2}, {[]int{0, 1}, 3}, {[]int{-1, -1}, 5}, {[]int{-3, -2}, 0}} {
		if got := x.At(c.index...); got != c.want {
			t.Errorf("at %v: got %v, want %v", c.index, got, c.want)
		}
	}
	for _, dtype := range dtypes {
		one := tensor.Ones(dtype, 3).Narrow(0, 1, 1)
		if one.Item() != 1 || tensor.Zeros(dtype).Item() != 0 {
			t.Errorf("%s: got item %v, want 1, and %v, want 0", dtype, one.Item(), tensor.Zeros(dtype).Item())
		}
	}
	if got := tensor.New([]float32{math.MaxFloat32}, 1).Item(); got != math.MaxFloat32 {
		t.Errorf("got %v, want %v", got, math.MaxFloat32)
	}
	beyond := tensor.New([]int64{0, math.MaxInt64}, 2).Select(0, 1)
	if got := tensor.Values[int64](beyond)[0]; got != math.MaxInt64 || beyond.Item() != 1<<63 {
		t.Errorf("got value %v, item %v", got, beyond.Item())
	}
}

func TestData(t *testing.T) {
	x := tensor.New([]float32{1, 2, 3, 4, 5, 6}, 3, 2)
	row := tensor.Data[float32](x.Select(0, 1))
	if !slices.Equal(row, []float32{3, 4}) || cap(row) != 2 {
		t.Errorf("got %v with room for %d", row, cap(row))
	}
	row[0] = 9
	wantValues(t, "written through Data", x, 1, 2, 9, 4, 5, 6)
	values := tensor.Values[float32](x)
	values[0] = 9
	wantValues(t, "written to Values", x, 1, 2, 9, 4, 5, 6)
	// A view of nothing may begin behind the end of the memory.
	if got := tensor.Data[float32](x.Narrow(0, 3, 0).Narrow(1, 2, 0)); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestViewsShareMemory(t *testing.T) {
	x := tensor.Zeros(tensor.Int64, 2, 3)
	for name, v := range map[string]*Tensor{
		"reshape":                               x.Reshape(3, 2),
		"flatten":                               x.Flatten(0, -1),
		"permute":                               x.Permute(1, 0),
		"transpose":                             x.Transpose(0, 1),
		"squeeze":                               x.Unsqueeze(0).Squeeze(0),
		"unsqueeze":                             x.Unsqueeze(1),
		"narrow":                                x.Narrow(0, 0, 1),
		"slice":                                 x.Slice(1, 0, 3, 2),
		"select":                                x.Select(1, 0),
		"split":                                 x.Split(1, 0)[1],
		"view":                                  x.View(6),
		"reshape of a transposed that is split": x.Transpose(0, 1).Reshape(3, 1, 2),
		"expand":                                x.Expand(4, 2, 3).Select(0, 2),
		"detach":                                x.Detach(),
		"no-grad":                               x.NoGrad(),
	} {
		x.FillInPlace(0)
		v.FillInPlace(1)
		if got, want := x.Sum().Item(), float64(v.Numel()); got != want {
			t.Errorf("%s: %v elements changed, want %v", name, got, want)
		}
	}
	x.FillInPlace(0)
	for name, v := range map[string]*Tensor{"clone": x.Clone(), "reshape of a transposed": x.Transpose(0, 1).Reshape(-1)} {
		if v.FillInPlace(1); x.Sum().Item() != 0 {
			t.Errorf("%s shares memory", name)
		}
	}
	if x.Contiguous() != x || x.Transpose(0, 1).Contiguous().IsContiguous() != true {
		t.Error("Contiguous copies what is contiguous, or leaves what is not")
	}
}

func TestIsContiguous(t *testing.T) {
	x := tensor.Zeros(tensor.Float32, 2, 3)
	for name, c := range map[string]struct {
		x    *Tensor
		want bool
	}{
		"new":              {x, true},
		"rows":             {x.Narrow(0, 1, 1), true},
		"columns":          {x.Narrow(1, 0, 2), false},
		"one row's part":   {x.Narrow(0, 1, 1).Narrow(1, 1, 2), true},
		"transposed":       {x.Transpose(0, 1), false},
		"transposed row":   {x.Narrow(0, 0, 1).Transpose(0, 1), true},
		"expanded":         {tensor.Zeros(tensor.Float32, 1).Expand(2), false},
		"nothing":          {x.Narrow(0, 0, 0).Transpose(0, 1), true},
		"nothing expanded": {tensor.Zeros(tensor.Float32, 0, 1).Expand(0, 3), true},
		"scalar":           {tensor.Scalar(1.0), true},
	} {
		if got := c.x.IsContiguous(); got != c.want {
			t.Errorf("%s: contiguous: %v", name, got)
		}
	}
}

// TestLargeTensors goes through what is split between goroutines: same elements, same
// bits for any number of them.
func TestLargeTensors(t *testing.T) {
	defer tensor.SetThreads(0)
	const rows, cols = 300, 517
	data := make([]float64, rows*cols)
	for i := range data {
		data[i] = math.Sin(float64(i))
	}
	f := func() []*Tensor {
		x := tensor.New(data, rows, cols).SetRequiresGrad(true)
		row := tensor.New(data[:cols], cols)
		y := x.Transpose(0, 1).Exp().Mul(x.Detach().Transpose(0, 1)).Add(row.Reshape(cols, 1)).Transpose(0, 1).LogSoftmax(1)
		sums := y.Sum(0)
		y.Mul(row).Sum().Backward()
		matrices := x.Detach().Reshape(100, 3, cols)
		return []*Tensor{y.Detach(), sums.Detach(), y.Detach().Max(0), y.Detach().ArgMax(1), x.Grad(), y.Detach().To(tensor.Float32),
			matrices.MatMul(matrices.Transpose(1, 2)), x.Detach().Std(1, 0), x.Detach().Prod(1), x.Detach().LogSumExp(0, 1)}
	}
	tensor.SetThreads(1)
	want := f()
	for i := range rows { // one element a row by hand
		j := i % cols
		sum := 0.0
		z := func(j int) float64 {
			v := data[i*cols+j]
			return math.Exp(v)*v + data[j]
		}
		for j := range cols {
			sum += math.Exp(z(j))
		}
		if got, want := want[0].At(i, j), z(j)-math.Log(sum); math.Abs(got-want) > 1e-13*math.Abs(want) {
			t.Fatalf("element (%d, %d): got %v, want %v", i, j, got, want)
		}
	}
	for _, threads := range []int{2, 3, 8} {
		tensor.SetThreads(threads)
		for i, got := range f() {
			if got.Ne(want[i]).Sum().Item() != 0 {
				t.Errorf("%d threads: result %d has other bits", threads, i)
			}
		}
	}
}

func TestDTypeString(t *testing.T) {
	for i, want := range []string{"bool", "uint8", "int64", "float32", "float64", "DType(5)"} {
		if got := tensor.DType(i).String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
