package reference

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/onehot-go/onehot/tensor"
)

func TestCompare(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	var want Array
	if err := json.Unmarshal([]byte(`{"dtype": "float64", "shape": [5], "data": [2, 0, "nan", "inf", "-inf"]}`), &want); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		got  *tensor.Tensor
		ok   bool
	}{
		{"equal", tensor.New([]float64{2, 0, nan, inf, -inf}, 5), true},
		{"within the tolerance", tensor.New([]float64{2 + 1e-6, 0, nan, inf, -inf}, 5), true},
		{"beyond the tolerance", tensor.New([]float64{2 + 3e-6, 0, nan, inf, -inf}, 5), false},
		{"not 0", tensor.New([]float64{2, 1e-300, nan, inf, -inf}, 5), false},
		{"not NaN", tensor.New([]float64{2, 0, 1, inf, -inf}, 5), false},
		{"NaN", tensor.New([]float64{nan, 0, nan, inf, -inf}, 5), false},
		{"not infinite", tensor.New([]float64{2, 0, nan, math.MaxFloat64, -inf}, 5), false},
		{"other infinity", tensor.New([]float64{2, 0, nan, inf, inf}, 5), false},
		{"other shape", tensor.New([]float64{2, 0, nan, inf, -inf}, 1, 5), false},
		{"other type", tensor.New([]float32{2, 0, float32(nan), float32(inf), float32(-inf)}, 5), false},
	} {
		if err := Compare(c.got, want, 1e-6); (err == nil) != c.ok {
			t.Errorf("%s: error %v", c.name, err)
		}
	}
}

func TestIntegersAreExact(t *testing.T) {
	var a Array
	if err := json.Unmarshal([]byte(`{"dtype": "int64", "shape": [], "data": [9223372036854775807]}`), &a); err != nil {
		t.Fatal(err)
	}
	if got := tensor.Data[int64](a.Tensor())[0]; got != math.MaxInt64 {
		t.Errorf("got %d, want %d", got, math.MaxInt64)
	}
}
