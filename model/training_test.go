package model_test

import (
	"math"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/internal/reference"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/tensor"
)

// numbers returns the numbers that testdata/training.py makes.
func numbers(salt int, shape ...int) *tensor.Tensor {
	n := 1
	for _, s := range shape {
		n *= s
	}
	data := make([]float64, n)
	for i := range data {
		data[i] = float64(uint32((i+1)*2654435761+salt*40503))/(1<<32) - 0.5
	}
	return tensor.New(data, shape...)
}

// trainingCase is what PyTorch makes of a net in three steps.
type trainingCase struct {
	Name   string
	Shape  []int
	Losses []float64
	State  map[string]struct{ Norm, Product float64 } // of each tensor, and with numbers of salt 7
	Logits reference.Array                            // of an evaluation after them
}

// TestTrainingAgainstPyTorch trains every convolutional net from the same weights on the
// same batches as PyTorch did: the losses, the weights and running statistics after it, and
// the logits are the same. The reference is of float64.
func TestTrainingAgainstPyTorch(t *testing.T) {
	var file struct{ Nets []trainingCase }
	reference.Load(t, "testdata/training.json", &file)
	if len(file.Nets) != 3 {
		t.Errorf("%d nets", len(file.Nets))
	}
	define := map[string]func([]int, []string) model.Definition{"lenet": model.LeNet, "cnn": model.CNN, "resnet": model.ResNet}
	for _, c := range file.Nets {
		for dtype, tolerance := range map[tensor.DType]float64{tensor.Float64: 1e-11, tensor.Float32: 1e-5} {
			net := build(t, define[c.Name](c.Shape, []string{"a", "b", "c"})).Net
			convert(net, dtype)
			salt := 0
			for path, p := range net.Parameters() {
				v := numbers(salt, p.Shape()...)
				if p.Dim() > 1 {
					v = v.MulScalar(4 / math.Sqrt(float64(p.Numel()/p.Size(0))))
				} else if v = v.MulScalar(0.5); strings.HasSuffix(path, "weight") {
					v = v.AddScalar(1)
				}
				p.Detach().CopyInPlace(v)
				salt++
			}
			near := func(what string, got, want, scale float64) {
				if !(math.Abs(got-want) <= tolerance*scale) {
					t.Errorf("%s, %s: %s: got %v, want %v", c.Name, dtype, what, got, want)
				}
			}
			optimizer := optim.NewSGD(nn.ParameterList(net), 0.05, optim.SGDOptions{Momentum: 0.5})
			labels := tensor.New([]int64{0, 1, 2, 0, 1, 2, 0, 1}, 8)
			for step, want := range c.Losses {
				x := numbers(1000+step, append([]int{8}, c.Shape...)...).AddScalar(0.5).To(dtype)
				optimizer.ZeroGrad()
				l := loss.CrossEntropy{}.Forward(net.Forward(x), labels)
				near("loss", l.Item(), want, want)
				l.Backward()
				optimizer.Step()
			}
			seen := 0
			for path, v := range nn.StateDict(net) {
				want, ok := c.State[path]
				if !ok {
					t.Errorf("%s: PyTorch has no %s", c.Name, path)
					continue
				}
				seen++
				v = v.To(tensor.Float64)
				near("norm of "+path, math.Sqrt(v.Mul(v).Sum().Item()), want.Norm, want.Norm)
				near("product of "+path, v.Mul(numbers(7, v.Shape()...)).Sum().Item(), want.Product, want.Norm)
			}
			if seen != len(c.State) {
				t.Errorf("%s: %d tensors, PyTorch has %d", c.Name, seen, len(c.State))
			}
			nn.SetTraining(net, false)
			logits := tensor.Values[float64](net.Forward(numbers(2000, append([]int{2}, c.Shape...)...).AddScalar(0.5).To(dtype)))
			for i, want := range tensor.Values[float64](c.Logits.Tensor()) {
				near("logit", logits[i], want, max(1, math.Abs(want)))
			}
		}
	}
}

// convert makes all parameters and running statistics of net ones of dtype.
func convert(net nn.Module, dtype tensor.DType) {
	parameter := func(p **tensor.Tensor) {
		if *p != nil {
			*p = (*p).Detach().To(dtype).SetRequiresGrad(true)
		}
	}
	nn.Apply(net, func(_ string, m nn.Module) {
		switch l := m.(type) {
		case *nn.Linear:
			parameter(&l.Weight)
			parameter(&l.Bias)
		case *nn.Conv2d:
			parameter(&l.Weight)
			parameter(&l.Bias)
		case *nn.BatchNorm2d:
			parameter(&l.Weight)
			parameter(&l.Bias)
			l.RunningMean, l.RunningVar = l.RunningMean.To(dtype), l.RunningVar.To(dtype)
		}
	})
}
