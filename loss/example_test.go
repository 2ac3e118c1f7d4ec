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

func ExampleCrossEntropy_options() {
	logits := tensor.New([]float32{
		2, 0, -1,
		0, 0, 0,
		5, 5, 5,
	}, 3, 3)
	labels := tensor.New([]int64{0, 2, -100}, 3)
	criterion := loss.CrossEntropy{
		Weight:         tensor.New([]float32{1, 1, 4}, 3), // class 2 is rare
		IgnoreIndex:    new(int64(-100)),                  // the third sample has no label
		LabelSmoothing: 0.1,
	}
	fmt.Printf("%.4f\n", criterion.Forward(logits, labels).Item())
	// Output:
	// 0.9656
}

// Logistic regression is softmax regression with two classes: the logit of "yes" is by
// how much its score is above that of "no".
func ExampleBCEWithLogits() {
	scores := tensor.New([]float64{
		0.5, 2,
		1, -1,
		0, 0,
	}, 3, 2)
	labels := tensor.New([]int64{1, 1, 0}, 3)
	softmax := loss.CrossEntropy{}.Forward(scores, labels)

	logits := scores.Select(1, 1).Sub(scores.Select(1, 0))
	logistic := loss.BCEWithLogits{}.Forward(logits, labels.To(tensor.Float64))
	fmt.Printf("%.6f %.6f\n", softmax.Item(), logistic.Item())
	// Output:
	// 1.007163 1.007163
}

func ExampleKLDiv() {
	model := tensor.New([]float64{0.7, 0.2, 0.1}, 1, 3)
	truth := tensor.New([]float64{0.5, 0.5, 0}, 1, 3)
	divergence := loss.KLDiv{Reduction: loss.BatchMean}.Forward(model.Log(), truth)
	fmt.Printf("%.4f nats\n", divergence.Item())
	// Output:
	// 0.2899 nats
}

func ExampleMSE() {
	predictions := tensor.New([]float32{1, 2, 3}, 3)
	targets := tensor.New([]float32{1, 4, 2}, 3)
	fmt.Println(loss.MSE{Reduction: loss.None}.Forward(predictions, targets))
	fmt.Printf("%.4f\n", loss.MSE{}.Forward(predictions, targets).Item())
	// Output:
	// tensor([0., 4., 1.])
	// 1.6667
}
