// Command softmax-scratch is the notebook on softmax regression from scratch, cell by cell.
package main

import (
	"fmt"
	"log"

	"github.com/onehot-go/onehot/dataset/fashionmnist"
	"github.com/onehot-go/onehot/dataset/fashionmnist/embedded"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/tensor"
)

const epochs = 2 // 10 in the notebook

var (
	r = random.New(0).Rand()

	// W = torch.normal(0, 0.01, size=(784, 10), requires_grad=True)
	w = tensor.Normal(tensor.Float32, r, 0, 0.01, 784, 10).SetRequiresGrad(true)
	b = tensor.Zeros(tensor.Float32, 10).SetRequiresGrad(true)
)

// softmax is softmax(X): X_exp / X_exp.sum(1, keepdim=True).
func softmax(x *tensor.Tensor) *tensor.Tensor {
	e := x.Exp()
	return e.Div(e.SumKeepDim(1))
}

// net is net(X).
func net(x *tensor.Tensor) *tensor.Tensor {
	return softmax(x.Reshape(-1, w.Size(0)).MatMul(w).Add(b))
}

// crossEntropy is cross_entropy(y_hat, y): -torch.log(y_hat[range(len(y_hat)), y]).
func crossEntropy(p, y *tensor.Tensor) *tensor.Tensor { return p.Pick(y).Log().Neg() }

// accuracy is accuracy(y_hat, y): the number of correct predictions.
func accuracy(p, y *tensor.Tensor) float64 { return p.ArgMax(1).Eq(y).Sum().Item() }

// evaluateAccuracy is evaluate_accuracy(net, data_iter).
func evaluateAccuracy(data *loader.Loader) float64 {
	right := 0.0
	for batch, err := range data.Epoch(0) {
		check(err)
		right += accuracy(net(batch.Inputs.NoGrad()), batch.Targets)
	}
	return right / float64(data.Samples())
}

// updater is d2l.sgd([W, b], lr, batch_size).
func updater(batchSize int) {
	for _, p := range []*tensor.Tensor{w, b} {
		p.SubInPlace(p.Grad().MulScalar(0.1 / float64(batchSize)))
		p.ZeroGrad()
	}
}

// trainEpoch is train_epoch_ch3.
func trainEpoch(data *loader.Loader, epoch int) (loss, acc float64) {
	for batch, err := range data.Epoch(epoch) {
		check(err)
		p := net(batch.Inputs)
		l := crossEntropy(p, batch.Targets).Sum()
		l.Backward()
		updater(batch.Targets.Size(0))
		loss += l.Item()
		acc += accuracy(p, batch.Targets)
	}
	n := float64(data.Samples())
	return loss / n, acc / n
}

func main() {
	training, test, err := fashionmnist.Load(fashionmnist.Options{Open: embedded.Open, BatchSize: 256})
	check(err)

	// X.sum(0, keepdim=True), X.sum(1, keepdim=True), X.sum(0), X.sum(1)
	x := tensor.New([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	fmt.Println(x.SumKeepDim(0), x.SumKeepDim(1))
	fmt.Println(x.Sum(0), x.Sum(1))

	// X = torch.arange(16.).reshape(4, 4); softmax(X), its sums
	p := softmax(tensor.Arange(tensor.Float32, 0, 16, 1).Reshape(4, 4))
	fmt.Println(p)
	fmt.Println(p.Sum(1))

	// y_hat[[0, 1], y]; cross_entropy(y_hat, y); accuracy(y_hat, y) / len(y)
	y := tensor.New([]int64{0, 2}, 2)
	said := tensor.New([]float32{0.1, 0.3, 0.6, 0.3, 0.2, 0.5}, 2, 3)
	fmt.Println(said.Pick(y))
	fmt.Println(crossEntropy(said, y))
	fmt.Println(accuracy(said, y) / float64(y.Size(0)))

	// evaluate_accuracy(net, test_iter) before training; it is near 0.1
	fmt.Printf("%.1f\n", evaluateAccuracy(test))

	// train_ch3(net, train_iter, test_iter, cross_entropy, num_epochs, updater)
	var at, losses, accs, tests []float64
	for epoch := 1; epoch <= epochs; epoch++ {
		loss, acc := trainEpoch(training, epoch)
		testAcc := evaluateAccuracy(test)
		at, losses, accs, tests = append(at, float64(epoch)), append(losses, loss), append(accs, acc), append(tests, testAcc)
		fmt.Printf("epoch %d, train loss %.4f, train acc %.3f, test acc %.3f\n", epoch, loss, acc, testAcc)
	}
	check(report.Lines("", "epoch", report.Series{Name: "train loss", X: at, Y: losses},
		report.Series{Name: "train acc", X: at, Y: accs}, report.Series{Name: "test acc", X: at, Y: tests}).Save("training.svg"))

	// predict_ch3(net, test_iter)
	batch, err := test.First(0)
	check(err)
	predicted := net(batch.Inputs.NoGrad()).ArgMax(1)
	var titles []string
	for i := range 6 {
		titles = append(titles, test.Classes()[int(batch.Targets.At(i))]+"\n"+test.Classes()[int(predicted.At(i))])
	}
	check(report.Grid(report.Images(batch.Inputs.Narrow(0, 0, 6)), report.GridOptions{Columns: 6, Scale: 2, Titles: titles}).Save("predictions.svg"))
	fmt.Printf("%q\n", titles)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
