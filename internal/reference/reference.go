// Package reference has tests compare tensors with numbers from PyTorch: JSON files
// under testdata, each with the script that made it beside it.
package reference

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/tensor"
)

// Array is a tensor in a file: its elements in row-major order.
type Array struct {
	DType string
	Shape []int
	Data  []Number
}

// Number is one element as the file has it: a JSON number, or "nan", "inf" or "-inf".
type Number string

// UnmarshalJSON keeps the number's digits, so that no integer is rounded.
func (n *Number) UnmarshalJSON(b []byte) error {
	*n = Number(strings.Trim(string(b), `"`))
	_, err := strconv.ParseFloat(string(*n), 64)
	return err
}

// Tensor returns a as a tensor of its type.
func (a Array) Tensor() *tensor.Tensor {
	if a.DType == "int64" {
		data := make([]int64, len(a.Data))
		for i, n := range a.Data {
			data[i] = must(strconv.ParseInt(string(n), 10, 64))
		}
		return tensor.New(data, a.Shape...)
	}
	return tensor.New(a.floats(), a.Shape...).To(DType(a.DType))
}

func (a Array) floats() []float64 {
	data := make([]float64, len(a.Data))
	for i, n := range a.Data {
		data[i] = must(strconv.ParseFloat(string(n), 64))
	}
	return data
}

// DType returns the type of the given name.
func DType(name string) tensor.DType {
	for _, d := range []tensor.DType{tensor.Bool, tensor.Uint8, tensor.Int64, tensor.Float32, tensor.Float64} {
		if d.String() == name {
			return d
		}
	}
	panic("reference: no type is named " + name)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Load decodes the file at path into v, which must have a place for all that it holds.
func Load(t testing.TB, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// Compare returns an error unless got has want's type and shape, and each element is
// within tolerance·|want| of the one expected: 0, NaN and infinities exactly.
func Compare(got *tensor.Tensor, want Array, tolerance float64) error {
	if got.DType().String() != want.DType {
		return fmt.Errorf("got type %s, want %s", got.DType(), want.DType)
	}
	if !slices.Equal(got.Shape(), want.Shape) {
		return fmt.Errorf("got shape %v, want %v", got.Shape(), want.Shape)
	}
	wants := want.floats()
	for i, v := range tensor.Values[float64](got) {
		w := wants[i]
		if v == w || v != v && w != w || math.Abs(v-w) <= tolerance*math.Abs(w) && !math.IsInf(w, 0) {
			continue
		}
		return fmt.Errorf("element %d: got %v, want %v: they differ by %.1e of it\ngot  %v\nwant %v",
			i, v, w, math.Abs(v-w)/math.Abs(w), got, want.Data)
	}
	return nil
}
