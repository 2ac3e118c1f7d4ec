package train_test

import (
	"runtime"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/internal/parallel"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// TestStepAllocatesLittle holds what a training step of the layered route leaves for the
// garbage collector, once the first steps have taken what it needs: tensors' headers, the
// statistics of channels, where the filters of a convolution lie in a picture and what the
// user can see, the logits, but no activations and no gradients.
func TestStepAllocatesLittle(t *testing.T) {
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("under the race detector sync.Pool forgets on purpose")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection makes sync.Pool forget
	r := random.New(1).Rand()
	const n, in, hidden, out = 64, 784, 256, 10
	x := tensor.Normal(tensor.Float32, r, 0, 1, n, 1, 28, 28)
	y := tensor.RandInt(r, 0, out, n)
	for _, c := range []struct {
		name       string
		net        *nn.Sequential
		count, kib float64 // at most, of a step
	}{
		{"softmax", nn.NewSequential(nn.Flatten{}, nn.NewLinear(in, out, r)), 90, 16},
		{"mlp", nn.NewSequential(nn.Flatten{}, nn.NewLinear(in, hidden, r), nn.ReLU{}, nn.NewLinear(hidden, out, r)), 130, 24},
		{"lenet", nn.NewSequential(nn.NewConv2d(1, 6, [2]int{5, 5}, tensor.Conv2dOptions{}, r), nn.ReLU{}, nn.NewMaxPool2d(2),
			nn.NewConv2d(6, 16, [2]int{5, 5}, tensor.Conv2dOptions{}, r), nn.ReLU{}, nn.NewMaxPool2d(2),
			nn.Flatten{}, nn.NewLinear(256, 120, r), nn.ReLU{}, nn.NewLinear(120, out, r)), 350, 96},
		{"cnn", nn.NewSequential(nn.NewConv2d(1, 32, [2]int{3, 3}, tensor.Conv2dOptions{}, r), nn.NewBatchNorm2d(32), nn.ReLU{}, nn.NewMaxPool2d(2),
			nn.NewConv2d(32, 64, [2]int{3, 3}, tensor.Conv2dOptions{}, r), nn.NewBatchNorm2d(64), nn.ReLU{}, nn.NewMaxPool2d(2),
			nn.Flatten{}, nn.NewLinear(1600, hidden, r), nn.ReLU{}, nn.NewLinear(hidden, out, r)), 610, 160},
	} {
		t.Run(c.name, func(t *testing.T) {
			optimizer := optim.NewSGD(nn.ParameterList(c.net), 0.1, optim.SGDOptions{Momentum: 0.9})
			step := func() {
				optimizer.ZeroGrad()
				loss.CrossEntropy{}.Forward(c.net.Forward(x), y).Backward()
				optimizer.Step()
			}
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // as AllocsPerRun has it: changing it loses what is kept
			parallel.SetThreads(1)                          // two may or may not need the same scratch memory at once
			defer parallel.SetThreads(0)
			for range 5 { // until scratch memory has been of use everywhere
				step()
			}
			const runs = 20
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			count := testing.AllocsPerRun(runs, step)
			runtime.ReadMemStats(&after)
			kib := float64(after.TotalAlloc-before.TotalAlloc) / (runs + 1) / 1024
			t.Logf("%v allocations, %.1f KiB", count, kib)
			if count > c.count || kib > c.kib {
				t.Errorf("a step allocates %v times, %.1f KiB: at most %v and %v expected", count, kib, c.count, c.kib)
			}
		})
	}
}
