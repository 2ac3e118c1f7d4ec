// Command mlp is the notebooks on multilayer perceptrons, cell by cell: activations, an MLP from
// scratch, and one with layers.
package main

import (
	"fmt"
	"log"

	"github.com/onehot-go/onehot/dataset/fashionmnist"
	"github.com/onehot-go/onehot/dataset/fashionmnist/embedded"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/metric"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

const epochs = 1 // 10 in the notebooks

func main() {
	// x = torch.arange(-8.0, 8.0, 0.1, requires_grad=True); y = torch.relu(x); y.backward(...)
	for _, f := range []struct {
		name  string
		apply func(*tensor.Tensor) *tensor.Tensor
	}{{"relu", (*tensor.Tensor).ReLU}, {"sigmoid", (*tensor.Tensor).Sigmoid}, {"tanh", (*tensor.Tensor).Tanh}} {
		x := tensor.Arange(tensor.Float32, -8, 8, 0.1).SetRequiresGrad(true)
		y := f.apply(x)
		y.Backward(tensor.Ones(tensor.Float32, x.Size(0)))
		at := tensor.Values[float64](x)
		check(report.Lines(f.name, "x", report.Series{Name: f.name + "(x)", X: at, Y: tensor.Values[float64](y)},
			report.Series{Name: "its gradient", X: at, Y: tensor.Values[float64](x.Grad())}).Save(f.name + ".svg"))
		fmt.Printf("%s: %.4f at 1, gradient %.4f\n", f.name, y.At(90), x.Grad().At(90))
	}

	training, test, err := fashionmnist.Load(fashionmnist.Options{Open: embedded.Open, BatchSize: 256})
	check(err)

	// W1 = nn.Parameter(torch.randn(784, 256) * 0.01), b1, W2, b2; net(X)
	r := random.New(0).Rand()
	weight := func(in, out int) *tensor.Tensor {
		return tensor.Normal(tensor.Float32, r, 0, 0.01, in, out).SetRequiresGrad(true)
	}
	bias := func(n int) *tensor.Tensor { return tensor.Zeros(tensor.Float32, n).SetRequiresGrad(true) }
	w1, b1, w2, b2 := weight(784, 256), bias(256), weight(256, 10), bias(10)
	fit("from scratch", training, test, []*tensor.Tensor{w1, b1, w2, b2}, func(x *tensor.Tensor) *tensor.Tensor {
		return x.Reshape(-1, 784).MatMul(w1).Add(b1).ReLU().MatMul(w2).Add(b2)
	})

	// net = nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
	net := nn.NewSequential(nn.Flatten{}, nn.NewLinear(784, 256, r), nn.ReLU{}, nn.NewLinear(256, 10, r))
	nn.Apply(net, func(_ string, layer nn.Module) {
		if l, ok := layer.(*nn.Linear); ok {
			l.Weight.NormalInPlace(r, 0, 0.01)
		}
	})
	fmt.Println(net)
	fit("with layers", training, test, nn.ParameterList(net), net.Forward)
	e, err := train.Evaluate(net, test, nil)
	check(err)
	fmt.Printf("with layers: test loss %.4f\n", e.Loss)
}

// fit is d2l.train_ch3(net, train_iter, test_iter, loss, num_epochs, updater).
func fit(name string, training, test *loader.Loader, parameters []*tensor.Tensor, net func(*tensor.Tensor) *tensor.Tensor) {
	optimizer := optim.NewSGD(parameters, 0.1, optim.SGDOptions{})
	for epoch := 1; epoch <= epochs; epoch++ {
		var meanLoss metric.Mean
		var trainAcc, testAcc metric.Accuracy
		for batch, err := range training.Epoch(epoch) {
			check(err)
			logits := net(batch.Inputs)
			l := loss.CrossEntropy{}.Forward(logits, batch.Targets)
			optimizer.ZeroGrad()
			l.Backward()
			optimizer.Step()
			meanLoss.Update(l.Item(), batch.Targets.Size(0))
			trainAcc.Update(logits, batch.Targets)
		}
		for batch, err := range test.Epoch(0) {
			check(err)
			testAcc.Update(net(batch.Inputs.NoGrad()), batch.Targets)
		}
		fmt.Printf("%s: epoch %d, train loss %.4f, train acc %.3f, test acc %.3f\n",
			name, epoch, meanLoss.Result(), trainAcc.Result(), testAcc.Result())
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
