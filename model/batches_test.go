package model_test

import (
	"math"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// TestSameBitsInAnyBatch holds that the probabilities that a net gives a sample have the same bits
// in a batch of any size, for any number of threads, with gradients and without.
func TestSameBitsInAnyBatch(t *testing.T) {
	defer tensor.SetThreads(0)
	classes := []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}
	shape := []int{1, 28, 28}
	const most = 256
	pictures := tensor.Normal(tensor.Float32, random.New(3).Rand(), 0, 1, append([]int{most}, shape...)...)
	for _, d := range []model.Definition{
		model.Softmax(shape, classes), model.MLP(shape, []int{256}, classes), model.LeNet(shape, classes), model.CNN(shape, classes), model.ResNet(shape, classes),
	} {
		net := build(t, d).Net
		tensor.SetThreads(0)
		net.Forward(pictures.NoGrad().Narrow(0, 0, 32)) // running statistics of something
		nn.SetTraining(net, false)
		probabilities := func(x *tensor.Tensor) []float32 { return tensor.Values[float32](net.Forward(x).Softmax(1)) }
		want := probabilities(pictures.NoGrad())
		for i, n := range []int{1, 2, 3, 7, 8, 16, 31, 32, 33, 64, 100} {
			tensor.SetThreads(i % 4) // 0 is all cores
			first := 13 * i % (most - n + 1)
			x := pictures.Narrow(0, first, n)
			if i%2 == 0 {
				x = x.NoGrad()
			}
			same := func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }
			if !slices.EqualFunc(probabilities(x), want[first*len(classes):][:n*len(classes)], same) {
				t.Errorf("%s: in a batch of %d samples other bits than in one of %d", d.Name, n, most)
			}
		}
	}
}
