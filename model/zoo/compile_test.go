package zoo

import (
	"math"
	"os"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// compiledNets are those that every test run compares; ONEHOT_ZOO=all compares all.
var compiledNets = []string{"resnet18", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0"}

// TestCompiled compares the programs of nets with their layers, for pictures of an odd size and batches of one
// and of two, and holds that packed weights take at most twice what a file has.
func TestCompiled(t *testing.T) {
	for _, n := range nets {
		if os.Getenv("ONEHOT_ZOO") != "all" && !slices.Contains(compiledNets, n.Name) {
			continue
		}
		d := n.Definition([]string{"a", "b", "c", "d", "e"})
		d.InputShape = []int{3, 75, 83}
		d.Preprocess = transform.Compose{}
		t.Run(n.Name, func(t *testing.T) {
			m, err := model.New(d, random.New(1))
			if err != nil {
				t.Fatal(err)
			}
			fill(m.Net)
			c, err := model.Compile(m, 2)
			if err != nil {
				t.Fatal(err)
			}
			costs, err := m.Costs()
			if err != nil {
				t.Fatal(err)
			}
			parameters := 0
			for _, c := range costs {
				parameters += c.Parameters
			}
			if weights, call := c.Bytes(); weights > 2*4*parameters || call == 0 {
				t.Errorf("packed weights take %d bytes and a call %d, at most twice %d expected of the first", weights, call, 4*parameters)
			}
			x := tensor.Uniform(tensor.Float32, random.New(2).Rand(), -2, 2, 2, 3, 75, 83)
			want := tensor.Values[float32](m.Net.Forward(x.NoGrad().Evaluation()))
			got, alone := make([]float32, 10), make([]float32, 5)
			c.Run(got, tensor.Data[float32](x))
			c.Run(alone, tensor.Data[float32](x)[3*75*83:])
			if !slices.Equal(alone, got[5:]) {
				t.Errorf("a picture alone gives %v, %v beside another", alone, got[5:])
			}
			most, difference := 0.0, 0.0
			for i, v := range want {
				most, difference = max(most, math.Abs(float64(v))), max(difference, math.Abs(float64(v)-float64(got[i])))
			}
			if !(difference <= 1e-5*most) {
				t.Errorf("differs by %.2g of the greatest logit, at most 1e-5 expected: got %v, want %v", difference/most, got, want)
			}
		})
	}
}

// TestNoNumber has a pixel that is no number: its picture has no logits, and the picture before it keeps its own.
func TestNoNumber(t *testing.T) {
	for _, name := range compiledNets {
		n, err := Named(name)
		if err != nil {
			t.Fatal(err)
		}
		d := n.Definition([]string{"a", "b"})
		d.InputShape = []int{3, 64, 64}
		d.Preprocess = transform.Compose{}
		m, err := model.New(d, random.New(1))
		if err != nil {
			t.Fatal(err)
		}
		fill(m.Net)
		c, err := model.Compile(m, 2)
		if err != nil {
			t.Fatal(err)
		}
		x := tensor.Values[float32](tensor.Uniform(tensor.Float32, random.New(2).Rand(), -2, 2, 2, 3, 64, 64))
		want, got := make([]float32, 4), make([]float32, 4)
		c.Run(want, x)
		x[3*64*64+30*64+30] = float32(math.NaN())
		c.Run(got, x)
		if !slices.Equal(got[:2], want[:2]) || got[2] == got[2] || got[3] == got[3] {
			t.Errorf("%s: got %v, want the first two of %v and no numbers", name, got, want)
		}
	}
}
