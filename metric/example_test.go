package metric_test

import (
	"fmt"

	"github.com/onehot-go/onehot/metric"
	"github.com/onehot-go/onehot/tensor"
)

func Example() {
	logits := tensor.New([]float32{
		2.0, 0.1, -1,
		0.3, 1.5, 0.2,
		0.9, 0.2, 0.7,
	}, 3, 3)
	labels := tensor.New([]int64{0, 1, 2}, 3)

	var accuracy metric.Accuracy
	confusion := metric.NewConfusion(3)
	accuracy.Update(logits, labels)
	confusion.Update(logits, labels)

	fmt.Printf("accuracy %.3f\n", accuracy.Result())
	for _, row := range confusion.Counts() {
		fmt.Println(row)
	}
	for class, r := range confusion.Result() {
		fmt.Printf("class %d: precision %.2f, recall %.2f, F1 %.2f, support %d\n", class, r.Precision, r.Recall, r.F1, r.Support)
	}
	// Output:
	// accuracy 0.667
	// [1 0 0]
	// [0 1 0]
	// [1 0 0]
	// class 0: precision 0.50, recall 1.00, F1 0.67, support 1
	// class 1: precision 1.00, recall 1.00, F1 1.00, support 1
	// class 2: precision 0.00, recall 0.00, F1 0.00, support 1
}

func ExampleMean() {
	var loss metric.Mean
	loss.Update(0.5, 256) // the mean of a full batch
	loss.Update(0.9, 64)  // and of the short last one
	fmt.Printf("%.2f\n", loss.Result())
	// Output: 0.58
}

func ExampleConfusion_Report() {
	logits := tensor.New([]float32{
		2.0, 0.1, -1,
		0.3, 1.5, 0.2,
		0.9, 0.2, 0.7,
		0.1, 0.2, 0.7,
	}, 4, 3)
	confusion := metric.NewConfusion(3)
	confusion.Update(logits, tensor.New([]int64{0, 1, 2, 2}, 4))
	fmt.Print(confusion.Report([]string{"ankle boot", "bag", "coat"}))
	// Output:
	//               precision    recall  f1-score   support
	//
	//   ankle boot       0.50      1.00      0.67         1
	//          bag       1.00      1.00      1.00         1
	//         coat       1.00      0.50      0.67         2
	//
	//     accuracy                           0.75         4
	//    macro avg       0.83      0.83      0.78         4
	// weighted avg       0.88      0.75      0.75         4
}

func ExampleTopK() {
	logits := tensor.New([]float32{
		2.0, 0.1, -1,
		0.3, 1.5, 0.2,
	}, 2, 3)
	top := metric.TopK{K: 2}
	top.Update(logits, tensor.New([]int64{1, 2}, 2))
	fmt.Println(top.Result())
	// Output: 0.5
}

// A model that believes in q pays, on average over draws from p, the entropy of p and the
// divergence on top.
func ExampleCrossEntropy() {
	p := []float64{0.5, 0.25, 0.25}
	q := []float64{0.25, 0.25, 0.5}
	fmt.Println(metric.Bits(metric.Entropy(p)), metric.Bits(metric.KL(p, q)), metric.Bits(metric.CrossEntropy(p, q)))
	// Output: 1.5 0.25 1.75
}
