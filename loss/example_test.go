package loss_test

import (
	"fmt"

	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/tensor"
)

func ExampleCrossEntropy() {
	logits := tensor.New([]float32{
		2, 0, -1,
		0, 0, 0,
	}, 2, 3).SetRequiresGrad(true)
	labels := tensor.New([]int64{0, 2}, 2)

	each := loss.CrossEntropy{Reduction: loss.None}.Forward(logits, labels)
	fmt.Println(each.Detach())

	mean := loss.CrossEntropy{}.Forward(logits, labels)
	mean.Backward()
	fmt.Printf("%.4f\n", mean.Item())
	fmt.Println(logits.Grad())
	// Output:
	// tensor([0.1698, 1.0986])
	// 0.6342
	// tensor([[-0.0781,  0.0571,  0.0210],
	//         [ 0.1667,  0.1667, -0.3333]])
}
