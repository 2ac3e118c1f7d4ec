// Command optimizer trains with an optimizer of its own: Lion, which steps by the sign of a
// mean of gradients (Chen et al., Symbolic Discovery of Optimization Algorithms, 2023).
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/onehot-go/onehot/dataset/fashionmnist/embedded"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

// Lion keeps for every parameter a mean of its gradients.
type Lion struct {
	params, means []*tensor.Tensor
	lr, first     float64
}

var _ optim.Optimizer = (*Lion)(nil)

func NewLion(params []*tensor.Tensor, lr float64) *Lion {
	o := &Lion{params: params, lr: lr, first: lr}
	for _, p := range params {
		o.means = append(o.means, tensor.Zeros(p.DType(), p.Shape()...))
	}
	return o
}

func (o *Lion) Step() {
	zero := tensor.Scalar(float32(0))
	for i, p := range o.params {
		g, mean := p.Grad(), o.means[i]
		if g == nil {
			continue
		}
		c := mean.Mul(tensor.Scalar(float32(0.9))).AddScaledInPlace(g, 0.1)
		plus, minus := c.Gt(zero).To(tensor.Float32), c.Lt(zero).To(tensor.Float32)
		p.AddScaledInPlace(plus.Sub(minus), -o.lr)
		mean.MulInPlace(tensor.Scalar(float32(0.99))).AddScaledInPlace(g, 0.01)
	}
}

func (o *Lion) ZeroGrad() {
	for _, p := range o.params {
		p.ZeroGrad()
	}
}

func (o *Lion) LR() float64                           { return o.lr }
func (o *Lion) SetLR(lr float64)                      { o.lr = lr }
func (o *Lion) ScheduleLR(s optim.Schedule, step int) { o.lr = s(o.first, step) }

// State has the means, so that a resumed run goes on exactly.
func (o *Lion) State() map[string]*tensor.Tensor {
	state := map[string]*tensor.Tensor{}
	for i, mean := range o.means {
		state[fmt.Sprintf("%d.mean", i)] = mean
	}
	return state
}

func run(out io.Writer) error {
	training, test, err := loader.Splits(embedded.Open, transform.ToTensor{}, loader.Options{BatchSize: 256})
	if err != nil {
		return err
	}
	m, err := model.New(model.Softmax([]int{1, 28, 28}, training.Classes()), random.New(0))
	if err != nil {
		return err
	}
	for event, err := range train.Run(context.Background(), train.Config{
		Model: m, Train: training, Test: test, Epochs: 3,
		Optimizer: NewLion(nn.ParameterList(m.Net), 0.001),
	}) {
		if err != nil {
			return err
		}
		if e, ok := event.(train.Epoch); ok {
			fmt.Fprintln(out, report.Line(e))
		}
	}
	return nil
}

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}
