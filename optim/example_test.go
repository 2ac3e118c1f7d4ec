package optim_test

import (
	"fmt"

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
