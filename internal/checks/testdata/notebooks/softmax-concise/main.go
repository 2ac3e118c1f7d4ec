// Command softmax-concise is the notebook on softmax regression with layers, cell by cell.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/onehot-go/onehot/dataset/fashionmnist"
	"github.com/onehot-go/onehot/dataset/fashionmnist/embedded"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

const epochs = 2 // 10 in the notebook

func main() {
	training, test, err := fashionmnist.Load(fashionmnist.Options{Open: embedded.Open, BatchSize: 256})
	check(err)

	// net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)); net.apply(init_weights)
	m, err := model.New(model.Softmax([]int{1, 28, 28}, training.Classes()), random.New(0))
	check(err)
	r := random.New(0).Rand()
	nn.Apply(m.Net, func(_ string, layer nn.Module) {
		if l, ok := layer.(*nn.Linear); ok {
			l.Weight.NormalInPlace(r, 0, 0.01)
		}
	})
	fmt.Println(m.Net)
	fmt.Println(nn.Get[*nn.Linear](m.Net, "linear").Weight.Shape())

	// loss = nn.CrossEntropyLoss(reduction='none')
	p := tensor.New([]float32{0.2, 0.2, 0.6, 0.1, 0.8, 0.1}, 2, 3)
	y := tensor.New([]int64{2, 1}, 2)
	each := loss.CrossEntropy{Reduction: loss.None}
	fmt.Println(loss.NLL{Reduction: loss.None}.Forward(p.Log(), y), each.Forward(p, y))
	fmt.Println(each.Forward(p.Log(), tensor.OneHot(y, 3, tensor.Float32)))

	// trainer = torch.optim.SGD(net.parameters(), lr=0.1)
	// d2l.train_ch3(net, train_iter, test_iter, loss, num_epochs, trainer)
	for event, err := range train.Run(context.Background(), train.Config{
		Model: m, Optimizer: optim.NewSGD(nn.ParameterList(m.Net), 0.1, optim.SGDOptions{}),
		Train: training, Test: test, Epochs: epochs,
	}) {
		check(err)
		if e, ok := event.(train.Epoch); ok {
			fmt.Println(report.Line(e))
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
