package optim_test

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/tensor"
)

func ExampleSGD() {
	w := tensor.New([]float32{4, -2}, 2).SetRequiresGrad(true)
	optimizer := optim.NewSGD([]*tensor.Tensor{w}, 0.25, optim.SGDOptions{})
	for range 3 {
		optimizer.ZeroGrad()
		loss := w.Mul(w).Sum() // smallest at 0
		loss.Backward()
		optimizer.Step()
		fmt.Println(loss.Item(), w.Detach())
	}
	// Output:
	// 20 tensor([ 2., -1.])
	// 5 tensor([ 1.0000, -0.5000])
	// 1.25 tensor([ 0.5000, -0.2500])
}

// Biases are left to themselves, and the weights of a part that was trained before learn
// slowly.
func ExampleSGD_AddGroup() {
	ones := func() *tensor.Tensor { return tensor.Ones(tensor.Float32).SetRequiresGrad(true) }
	trained, weight, bias := ones(), ones(), ones()
	optimizer := optim.NewSGD([]*tensor.Tensor{weight}, 0.5, optim.SGDOptions{WeightDecay: 0.5})
	optimizer.AddGroup([]*tensor.Tensor{trained}, 0.125, optim.SGDOptions{WeightDecay: 0.5})
	optimizer.AddGroup([]*tensor.Tensor{bias}, 0.5, optim.SGDOptions{})

	half := optim.ExponentialLR(0.5)
	for epoch := range 2 {
		optimizer.ScheduleLR(half, epoch)
		optimizer.ZeroGrad()
		trained.Add(weight).Add(bias).Backward()
		optimizer.Step()
		fmt.Printf("%.4f %.4f %.4f\n", trained.Item(), weight.Item(), bias.Item())
	}
	// Output:
	// 0.8125 0.2500 0.5000
	// 0.7246 -0.0312 0.2500
}

// A training goes on in another process from the parameters and the optimizer's state.
func ExampleSGD_State() {
	start := func() (*tensor.Tensor, *optim.SGD) {
		w := tensor.New([]float32{4, -2}, 2).SetRequiresGrad(true)
		return w, optim.NewSGD([]*tensor.Tensor{w}, 0.125, optim.SGDOptions{Momentum: 0.5})
	}
	step := func(w *tensor.Tensor, optimizer *optim.SGD) {
		optimizer.ZeroGrad()
		w.Mul(w).Sum().Backward()
		optimizer.Step()
	}
	w, optimizer := start()
	step(w, optimizer)

	again, resumed := start()
	again.CopyInPlace(w.Detach())
	for name, saved := range optimizer.State() {
		fmt.Println(name, saved)
		resumed.State()[name].CopyInPlace(saved)
	}
	step(w, optimizer)
	step(again, resumed)
	fmt.Println(w.Detach(), again.Detach())
	// Output:
	// 0.velocity tensor([ 8., -4.])
	// tensor([ 1.7500, -0.8750]) tensor([ 1.7500, -0.8750])
}

func ExampleNewAdamW() {
	w := tensor.New([]float32{4, -2}, 2).SetRequiresGrad(true)
	optimizer := optim.NewAdamW([]*tensor.Tensor{w}, 0.5, optim.AdamOptions{
		Beta2:       new(0.99),
		WeightDecay: new(0.0), // nil would be 0.01
	})
	for range 3 {
		optimizer.ZeroGrad()
		w.Mul(w).Sum().Backward()
		optimizer.Step()
		fmt.Println(w.Detach())
	}
	fmt.Println(slices.Sorted(maps.Keys(optimizer.State())))
	// Output:
	// tensor([ 3.5000, -1.5000])
	// tensor([ 3.0027, -1.0084])
	// tensor([ 2.5105, -0.5358])
	// [0.mean 0.square 0.steps]
}

func ExampleClipGradNorm() {
	w := tensor.New([]float32{1.5, 2}, 2).SetRequiresGrad(true)
	params := []*tensor.Tensor{w}
	w.Mul(w).Sum().Backward()
	fmt.Println(optim.ClipGradNorm(params, 1, 2), w.Grad())
	fmt.Printf("%.4f\n", optim.ClipGradNorm(params, 1, math.Inf(1)))
	optim.ClipGradValue(params, 0.7)
	fmt.Println(w.Grad())
	// Output:
	// 5 tensor([0.6000, 0.8000])
	// 0.8000
	// tensor([0.6000, 0.7000])
}

// A warm-up of two epochs comes before a cosine of four.
func ExampleSequentialLR() {
	schedule := optim.SequentialLR([]optim.Schedule{
		optim.LinearLR(0.5, 1, 2),
		optim.CosineAnnealingLR(4, 0),
	}, []int{2})
	optimizer := optim.NewSGD(nil, 0.1, optim.SGDOptions{})
	for epoch := range 6 {
		optimizer.ScheduleLR(schedule, epoch)
		fmt.Printf("%.4f ", optimizer.LR())
	}
	fmt.Println()
	// Output:
	// 0.0500 0.0750 0.1000 0.0854 0.0500 0.0146
}

func ExampleOneCycleLR() {
	optimizer := optim.NewSGD(nil, 0.1, optim.SGDOptions{Momentum: 0.9})
	cycle := optim.NewOneCycleLR(10, optim.OneCycleOptions{})
	for step := range 10 {
		optimizer.ScheduleLR(cycle.LR, step)
		optimizer.SetMomentum(cycle.Momentum(step))
		if step%3 == 0 || step == 2 {
			fmt.Printf("%d: %.7f %.4f\n", step, optimizer.LR(), cycle.Momentum(step))
		}
	}
	// Output:
	// 0: 0.0040000 0.9500
	// 2: 0.1000000 0.8500
	// 3: 0.0950485 0.8550
	// 6: 0.0388742 0.9111
	// 9: 0.0000004 0.9500
}

func ExampleReduceLROnPlateau() {
	optimizer := optim.NewSGD(nil, 0.1, optim.SGDOptions{})
	plateau := optim.NewReduceLROnPlateau(0.5, 1, optim.PlateauOptions{Max: true})
	for epoch, accuracy := range []float64{0.7, 0.8, 0.8, 0.79, 0.85} {
		plateau.Observe(accuracy)
		optimizer.ScheduleLR(plateau.LR, epoch)
		fmt.Println(accuracy, optimizer.LR())
	}
	// Output:
	// 0.7 0.1
	// 0.8 0.1
	// 0.8 0.1
	// 0.79 0.05
	// 0.85 0.05
}
