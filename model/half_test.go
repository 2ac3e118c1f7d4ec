package model

import (
	"io"
	"maps"
	"math"
	"path/filepath"
	"testing"

	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/model/safetensors"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// TestLoadHalves holds that a model loads whose weights a file has in 16 bits: they are the
// weights that were saved, rounded to as many bits of fraction as the type has.
func TestLoadHalves(t *testing.T) {
	for half, precision := range map[safetensors.Half]float64{safetensors.BF16: 1.0 / (1 << 8), safetensors.F16: 1.0 / (1 << 11)} {
		m, err := New(MLP([]int{1, 2, 3}, []int{4}, []string{"a", "b"}), random.New(1))
		if err != nil {
			t.Fatal(err)
		}
		f, err := m.State()
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.Tensors {
			f.Tensors[i].Half = half
		}
		path := filepath.Join(t.TempDir(), "half.safetensors")
		if err := atomicfile.Write(path, func(w io.Writer) error { return f.Write(w) }); err != nil {
			t.Fatal(err)
		}
		got, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		state := maps.Collect(nn.StateDict(got.Net))
		for name, want := range nn.StateDict(m.Net) {
			same := true
			for i, w := range tensor.Data[float32](want) {
				g := tensor.Data[float32](state[name])[i]
				if math.Abs(float64(g-w)) > precision*math.Abs(float64(w)) {
					t.Errorf("%s, %s[%d]: got %v, want %v", half, name, i, g, w)
				}
				same = same && g == w
			}
			if same {
				t.Errorf("%s, %s: no weight is rounded", half, name)
			}
		}
	}
}
