package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// Reference is what testdata/reference.py writes of torchvision's net.
type Reference struct {
	Parameters []struct {
		Name  string
		Shape []int
	}
	Statistics []struct { // of the batch norms
		Name   string
		Values []float32
	}
	Inputs []struct { // pictures, hashed from Salt, and their logits
		Salt   uint64
		Shape  []int
		Logits []float64
	}
}

func read(t *testing.T) (r Reference) {
	text, err := os.ReadFile("testdata/reference.json")
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestParameters compares names, shapes and number of the parameters with torchvision's.
func TestParameters(t *testing.T) {
	var got, want strings.Builder
	if err := run(&got); err != nil {
		t.Fatal(err)
	}
	for _, p := range read(t).Parameters {
		fmt.Fprintln(&want, p.Name, p.Shape)
	}
	fmt.Fprintln(&want, "11689512 parameters")
	if got.String() != want.String() {
		t.Errorf("got\n%s\nwant\n%s", &got, &want)
	}
}

// hashed returns the numbers from -1 to below 1 that testdata/reference.py makes of their
// places, splitmix64 of salt and index, changed by f.
func hashed(salt uint64, f func(v float64) float64, shape ...int) *tensor.Tensor {
	x := tensor.Empty(tensor.Float32, shape...)
	data := tensor.DataInPlace[float32](x)
	for i := range data {
		z := (salt<<32 + uint64(i) + 1) * 0x9E3779B97F4A7C15
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		z ^= z >> 31
		data[i] = float32(f(float64(z>>40)/(1<<23) - 1))
	}
	return x
}

// state returns the weights that testdata/reference.py gives torchvision's net.
func state(r Reference) map[string]*tensor.Tensor {
	all := map[string]*tensor.Tensor{}
	for salt, p := range r.Parameters {
		f := func(v float64) float64 { return v / 4 }
		if len(p.Shape) > 1 { // uniform, of Kaiming's variance
			fan := 1
			for _, n := range p.Shape[1:] {
				fan *= n
			}
			f = func(v float64) float64 { return v * math.Sqrt(6/float64(fan)) }
		} else if strings.HasSuffix(p.Name, "weight") {
			f = func(v float64) float64 { return 1 + v/4 }
		}
		all[p.Name] = hashed(uint64(salt), f, p.Shape...)
	}
	for _, s := range r.Statistics {
		all[s.Name] = tensor.New(s.Values)
		if layer, ok := strings.CutSuffix(s.Name, "running_var"); ok {
			all[layer+"num_batches_tracked"] = tensor.Scalar(int64(1))
		}
	}
	return all
}

// TestLogits compares the logits of a net that was saved and read again with torchvision's, of
// the same weights and pictures.
func TestLogits(t *testing.T) {
	r := read(t)
	m, err := newResNet18()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := nn.LoadStateDict(m.Net, state(r), true); err != nil {
		t.Fatal(err)
	}
	file, err := m.State()
	if err != nil {
		t.Fatal(err)
	}
	if m, err = model.FromState(file); err != nil {
		t.Fatal(err)
	}
	for _, in := range r.Inputs {
		x := hashed(in.Salt, func(v float64) float64 { return 2 * v }, in.Shape...)
		y := tensor.Values[float64](m.Net.Forward(x.NoGrad().Evaluation()))
		if len(y) != len(in.Logits) {
			t.Fatalf("pictures of %v: %d logits, want %d", in.Shape, len(y), len(in.Logits))
		}
		most, off := 0.0, 0.0
		for i, want := range in.Logits {
			most = max(most, math.Abs(want))
			off = max(off, math.Abs(y[i]-want))
		}
		if t.Logf("pictures of %v: logits of at most %.3g are off by %.2g of that", in.Shape, most, off/most); !(off <= 1e-4*most) {
			t.Errorf("pictures of %v: logits are off by %g, the greatest is %g", in.Shape, off, most)
		}
	}
}
