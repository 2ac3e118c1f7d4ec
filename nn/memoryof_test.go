//go:build !race

// Under the race detector pools drop at random what they are given, so that memory is not used
// again.

package nn_test

import (
	"encoding/json"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// taken returns how many bytes f takes when nothing is there to be used again. It is called
// while the garbage collector does not run by itself.
func taken(f func()) float64 {
	runtime.GC() // twice, and pools are empty
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return float64(after.TotalAlloc - before.TotalAlloc)
}

// TestMemoryOfLayers holds what every type of layer takes, in evaluation and in a training step,
// to what its cost says.
func TestMemoryOfLayers(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for _, c := range saved {
		var layers []nn.Spec
		if err := json.Unmarshal([]byte(`[{"name":"x",`+c.json+`}]`), &layers); err != nil {
			t.Fatal(err)
		}
		costs, _, err := nn.Costs(layers, c.input)
		if err != nil {
			t.Fatal(err)
		}
		net, err := nn.Build(layers, c.input, random.New(1))
		if err != nil {
			t.Fatal(err)
		}
		nn.SetChance(net, random.New(2))
		m := nn.MemoryOf(costs, c.input)
		const batch, slack = 10_000, 256 << 10
		x := tensor.Ones(tensor.Float32, append([]int{batch}, c.input...)...)
		if n := taken(func() { net.Forward(x.NoGrad().Evaluation()) }); n > float64(m.Work+batch*m.Evaluation+slack) {
			t.Errorf("%s: an evaluation takes %.0f bytes, %d said", c.json, n, m.Work+batch*m.Evaluation)
		}
		x.SetRequiresGrad(true)
		if n := taken(func() { net.Forward(x) }); n > float64(m.Work+batch*m.Training+slack) {
			t.Errorf("%s: what a step keeps takes %.0f bytes, %d said", c.json, n, m.Work+batch*m.Training)
		}
	}
}

func TestMemoryOf(t *testing.T) {
	layers := []nn.Spec{
		{Name: "conv", Options: nn.Conv2dOptions{In: 1, Out: 4, Kernel: nn.Square(3)}},
		{Name: "bn", Options: nn.BatchNorm2dOptions{In: 4}},
		{Name: "relu", Options: nn.ReLU{}}, // in one pass with the one before it
		{Name: "flatten", Options: nn.FlattenOptions{}},
		{Name: "out", Options: nn.LinearOptions{In: 144, Out: 10}},
	}
	costs, _, err := nn.Costs(layers, []int{1, 8, 8})
	if err != nil {
		t.Fatal(err)
	}
	m := nn.MemoryOf(costs, []int{1, 8, 8})
	m.Work = 0 // depends on the threads
	const all = (3*144 + 16 + 10) * 9 / 8
	if want := (nn.Memory{State: 4 * (40 + 8 + 9 + 1450), Input: 4 * 64, Evaluation: 4 * all, Training: 4 * (all + 3*162)}); m != want {
		t.Errorf("got %+v, want %+v", m, want)
	}
}
