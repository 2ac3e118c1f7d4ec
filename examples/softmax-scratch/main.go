// Command softmax-scratch trains softmax regression on Fashion-MNIST with nothing but
// tensors: its own softmax, cross-entropy, gradient step and accuracy. The same with the
// library's layers is in ../softmax-layers.
package main

import (
	"fmt"
	"io"
	"log"
	"os"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/fashionmnist/embedded"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

const (
	inputs    = 28 * 28 // a picture is taken as one row of numbers
	outputs   = 10      // classes
	batchSize = 256
	lr        = 0.1
)

// net is the model: one weight from every pixel to every class, and a bias a class.
type net struct {
	w, b *tensor.Tensor // (inputs, outputs) and (outputs)
}

// newNet returns a model with small random weights, which receive gradients.
func newNet() net {
	return net{
		w: tensor.Normal(tensor.Float32, random.New(0).Rand(), 0, 0.01, inputs, outputs).SetRequiresGrad(true),
		b: tensor.Zeros(tensor.Float32, outputs).SetRequiresGrad(true),
	}
}

// logits returns the score of every class, (N, outputs), for pictures (N, 1, 28, 28).
func (m net) logits(images *tensor.Tensor) *tensor.Tensor {
	return images.Reshape(-1, inputs).MatMul(m.w).Add(m.b)
}

// logSoftmax returns the logarithm of the classes' probabilities. The row's maximum is
// taken out first: exp of a large score would be infinite, and the factor exp(-max)
// cancels in exp(o) / sum(exp(o)) anyway. Staying with the logarithm keeps a probability
// that is too small for a float32 from becoming 0, and its logarithm from -Inf.
func logSoftmax(o *tensor.Tensor) *tensor.Tensor {
	o = o.Sub(o.Detach().MaxKeepDim(1))
	return o.Sub(o.Exp().SumKeepDim(1).Log())
}

// softmax returns the classes' probabilities: positive, and 1 in sum.
func softmax(o *tensor.Tensor) *tensor.Tensor { return logSoftmax(o).Exp() }

// crossEntropy returns, for every sample, minus the logarithm of the probability that
// the model gives to its true class.
func crossEntropy(logits, labels *tensor.Tensor) *tensor.Tensor {
	return logSoftmax(logits).Pick(labels).Neg()
}

// sgd moves the parameters a step against their gradients, which are of a sum over n
// samples, and clears them.
func sgd(params []*tensor.Tensor, lr float64, n int) {
	for _, p := range params {
		p.SubInPlace(p.Grad().MulScalar(lr / float64(n)))
		p.ZeroGrad()
	}
}

// correct returns how many samples have their true class as the likeliest.
func correct(logits, labels *tensor.Tensor) float64 {
	return logits.ArgMax(1).Eq(labels).Sum().Item()
}

// accuracy returns the share of correct predictions on a data set.
func accuracy(m net, data *loader.Loader) (float64, error) {
	right := 0.0
	for batch, err := range data.Epoch(0) {
		if err != nil {
			return 0, err
		}
		right += correct(m.logits(batch.Inputs.NoGrad()), batch.Targets)
	}
	return right / float64(data.Samples()), nil
}

// trainEpoch goes over the data once and returns the mean loss and the accuracy, each
// sample as it was when its turn came.
func trainEpoch(m net, data *loader.Loader, epoch int) (meanLoss, trainAcc float64, err error) {
	var total, right float64
	for batch, err := range data.Epoch(epoch) {
		if err != nil {
			return 0, 0, err
		}
		logits := m.logits(batch.Inputs)
		loss := crossEntropy(logits, batch.Targets).Sum()
		loss.Backward()
		sgd([]*tensor.Tensor{m.w, m.b}, lr, batch.Targets.Size(0))

		total += loss.Item()
		right += correct(logits, batch.Targets)
	}
	n := float64(data.Samples())
	return total / n, right / n, nil
}

// load returns the loader of a split of Fashion-MNIST, which comes with the program.
func load(split dataset.Split) (*loader.Loader, error) {
	data, err := embedded.Open(split)
	if err != nil {
		return nil, err
	}
	data.Transform = transform.ToTensor{}
	return loader.New(data, loader.Options{BatchSize: batchSize, Shuffle: split == dataset.Train, Workers: 1}), nil
}

// run trains and prints a line an epoch, and then some predictions.
func run(out io.Writer, epochs int) error {
	training, err := load(dataset.Train)
	if err != nil {
		return err
	}
	test, err := load(dataset.Test)
	if err != nil {
		return err
	}
	m := newNet()
	for epoch := 1; epoch <= epochs; epoch++ {
		loss, trainAcc, err := trainEpoch(m, training, epoch)
		if err != nil {
			return err
		}
		testAcc, err := accuracy(m, test)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "epoch %d, loss %.4f, train acc %.3f, test acc %.3f\n", epoch, loss, trainAcc, testAcc)
	}
	return predict(out, m, test, 6)
}

// predict prints the true and the predicted names of the first n samples.
func predict(out io.Writer, m net, data *loader.Loader, n int) error {
	names := data.Dataset().Classes()
	for batch, err := range data.Epoch(0) {
		if err != nil {
			return err
		}
		p := softmax(m.logits(batch.Inputs.NoGrad()))
		for i := range n {
			class := int(p.Select(0, i).ArgMax(0).Item())
			fmt.Fprintf(out, "%-10s predicted %-10s with probability %.3f\n",
				names[int(batch.Targets.At(i))], names[class], p.At(i, class))
		}
		break
	}
	return nil
}

func main() {
	if err := run(os.Stdout, 5); err != nil {
		log.Fatal(err)
	}
}
