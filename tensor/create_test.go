package tensor_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

func TestFromNested(t *testing.T) {
	type label int
	for name, c := range map[string]struct {
		v    any
		want *Tensor
	}{
		"bool":             {[]bool{true, false}, tensor.New([]bool{true, false}, 2)},
		"uint8":            {[][]uint8{{1}, {255}}, tensor.New([]uint8{1, 255}, 2, 1)},
		"int":              {[]int{1, -2, math.MaxInt64}, tensor.New([]int64{1, -2, math.MaxInt64}, 3)},
		"int64":            {[][][]int64{{{1, 2}}, {{3, 4}}, {{5, 6}}}, tensor.New([]int64{1, 2, 3, 4, 5, 6}, 3, 1, 2)},
		"float32":          {[][]float32{{0.1, 2, 3}, {4, 5, 6}}, tensor.New([]float32{0.1, 2, 3, 4, 5, 6}, 2, 3)},
		"float64":          {[]float64{0.1, math.Inf(1)}, tensor.New([]float64{0.1, math.Inf(1)}, 2)},
		"a type of ints":   {[]label{3, 1}, tensor.New([]int64{3, 1}, 2)},
		"scalar":           {2.5, tensor.Scalar(2.5)},
		"nothing":          {[]float32{}, tensor.Zeros(tensor.Float32, 0)},
		"nil":              {[][]bool(nil), tensor.Zeros(tensor.Bool, 0, 0)},
		"rows of nothing":  {[][]int{{}, nil}, tensor.Zeros(tensor.Int64, 2, 0)},
		"nothing, twofold": {[][][]uint8{{}, {}}, tensor.Zeros(tensor.Uint8, 2, 0, 0)},
	} {
		wantSame(t, name, tensor.FromNested(c.v), c.want)
	}

	v := []float64{1, 2}
	x := tensor.FromNested(v)
	v[0] = 9
	wantValues(t, "after a change", x, 1, 2)
}

func TestRandInt(t *testing.T) {
	const n = 60_000
	draw := func() *Tensor { return tensor.RandInt(random.New(1).Rand(), -2, 4, n/6, 6) }
	x := draw()
	wantSame(t, "the same generator", draw(), x)
	if !slices.Equal(x.Shape(), []int{n / 6, 6}) {
		t.Errorf("got shape %v", x.Shape())
	}
	count := map[int64]float64{}
	for _, v := range tensor.Data[int64](x) {
		count[v]++
	}
	for v := int64(-2); v < 4; v++ { // within four standard errors
		if math.Abs(count[v]-n/6) > 4*math.Sqrt(n*1./6*5/6) {
			t.Errorf("%d was drawn %v times of %d", v, count[v], n)
		}
	}
	if len(count) != 6 {
		t.Errorf("got %d different numbers", len(count))
	}

	all := tensor.Data[int64](tensor.RandInt(random.New(1).Rand(), math.MinInt64, math.MaxInt64, 100))
	if slices.Min(all) > math.MinInt64/2 || slices.Max(all) < math.MaxInt64/2 {
		t.Errorf("of all integers: got %d to %d", slices.Min(all), slices.Max(all))
	}
	wantValues(t, "one integer", tensor.RandInt(random.New(1).Rand(), 7, 8, 3), 7, 7, 7)
	wantSame(t, "none", tensor.RandInt(random.New(1).Rand(), 7, 8, 0), tensor.Zeros(tensor.Int64, 0))
}

func TestRand(t *testing.T) {
	x := tensor.Rand(tensor.Float32, random.New(1).Rand(), 40, 50)
	wantSame(t, "the same generator", tensor.Uniform(tensor.Float32, random.New(1).Rand(), 0, 1, 40, 50), x)
	if low, high := x.Min().Item(), x.Max().Item(); low < 0 || low > 0.01 || high < 0.99 || high >= 1 {
		t.Errorf("2000 draws lie within %v and %v", low, high)
	}
}

func TestRandPerm(t *testing.T) {
	first := map[int64]int{}
	for seed := range uint64(600) {
		x := tensor.RandPerm(random.New(seed).Rand(), 6)
		wantSame(t, "the same generator", tensor.RandPerm(random.New(seed).Rand(), 6), x)
		first[tensor.Data[int64](x)[0]]++
		sorted, _ := x.Sort(0, false)
		wantSame(t, "sorted", sorted, tensor.Arange(tensor.Int64, 0, 6, 1))
	}
	for v, n := range first { // within four standard errors of 100
		if n < 63 || n > 137 {
			t.Errorf("%d came first %d times of 600", v, n)
		}
	}
	wantSame(t, "none", tensor.RandPerm(random.New(1).Rand(), 0), tensor.Zeros(tensor.Int64, 0))
}

// highest is a source whose every draw is as high as can be.
type highest struct{}

func (highest) Uint64() uint64 { return math.MaxUint64 }

func TestUniformStaysBelowHigh(t *testing.T) {
	r := rand.New(highest{})
	for _, c := range []struct{ low, high float64 }{
		{0, 1}, {-1, 1}, {-2, -1}, {-1, 0}, {0.1, 0.3}, {1e6, 1e6 + 0.125}, {0, 1e-45}, {-1e-3, 1e30},
	} {
		for _, dtype := range []tensor.DType{tensor.Float32, tensor.Float64} {
			got := tensor.Uniform(dtype, r, c.low, c.high, 1).Item()
			if got >= c.high || got < c.low {
				t.Errorf("%s from [%v, %v): got %v", dtype, c.low, c.high, got)
			}
		}
	}
	wantValues(t, "between integers that float64 has no number between", tensor.Uniform(tensor.Float64, r, 1<<53, 1<<53+2, 1), 1<<53)
	wantValues(t, "from low to low", tensor.Uniform(tensor.Float32, r, 3, 3, 2), 3, 3)
}
