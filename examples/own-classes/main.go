// Command own-classes trains softmax regression on Fashion-MNIST with classes of its own: the
// layer, cross-entropy of probabilities and of logits, the optimizer and the metric. It prints a
// line every 300 batches, and draws the histories of training and validation and some
// predictions with their titles.
package main

import (
	"fmt"
	"io"
	"iter"
	"log"
	"os"
	"path/filepath"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/fashionmnist"
	"github.com/onehot-go/onehot/dataset/fashionmnist/embedded"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/tensor"
)

// linear is a layer: one weight from every input to every output, and a bias an output.
type linear struct {
	Weight, Bias *tensor.Tensor // (in, out) and (out)
}

func newLinear(in, out int) *linear {
	return &linear{
		Weight: tensor.Normal(tensor.Float32, random.New(0).Rand(), 0, 0.01, in, out).SetRequiresGrad(true),
		Bias:   tensor.Zeros(tensor.Float32, out).SetRequiresGrad(true),
	}
}

func (l *linear) Forward(x *tensor.Tensor) *tensor.Tensor { return x.MatMul(l.Weight).Add(l.Bias) }

func (l *linear) Parameters() iter.Seq2[string, *tensor.Tensor] {
	return func(yield func(string, *tensor.Tensor) bool) {
		_ = yield("weight", l.Weight) && yield("bias", l.Bias)
	}
}

// classifier is a net: a picture as one row of numbers, and the layer.
type classifier struct {
	Flatten nn.Flatten
	Output  *linear
}

func newClassifier() *classifier { return &classifier{Output: newLinear(28*28, 10)} }

func (c *classifier) Forward(x *tensor.Tensor) *tensor.Tensor {
	return c.Output.Forward(c.Flatten.Forward(x))
}

func (c *classifier) Layers() iter.Seq2[string, nn.Module] {
	return nn.Children(nn.Named("flatten", c.Flatten), nn.Named("output", c.Output))
}

func (c *classifier) Parameters() iter.Seq2[string, *tensor.Tensor] { return nn.ParametersOf(c) }

func (c *classifier) String() string { return nn.Text(c) }

// crossEntropy is the mean of -log p(true class) for probabilities, (N, C).
type crossEntropy struct{}

func (crossEntropy) Forward(probabilities, labels *tensor.Tensor) *tensor.Tensor {
	return probabilities.Pick(labels).Log().Neg().Mean()
}

// softmaxCrossEntropy is the same for logits. It never computes a probability, which may be too
// small for a float32.
type softmaxCrossEntropy struct{}

func (softmaxCrossEntropy) Forward(logits, labels *tensor.Tensor) *tensor.Tensor {
	shifted := logits.Sub(logits.Detach().MaxKeepDim(1))
	return shifted.Exp().Sum(1).Log().Sub(shifted.Pick(labels)).Mean()
}

// sgd moves parameters against their gradients.
type sgd struct {
	parameters []*tensor.Tensor
	lr         float64
}

func (s sgd) ZeroGrad() {
	for _, p := range s.parameters {
		p.ZeroGrad()
	}
}

func (s sgd) Step() {
	for _, p := range s.parameters {
		p.SubInPlace(p.Grad().MulScalar(s.lr))
	}
}

// average is a metric: the mean of what it was given, each number with its weight.
type average struct{ sum, weight float64 }

func (a *average) Update(value, weight float64) {
	a.sum, a.weight = a.sum+value*weight, a.weight+weight
}
func (a *average) Result() float64 { return a.sum / a.weight }

// accuracy returns the share of samples whose true class is the likeliest.
func accuracy(outputs, labels *tensor.Tensor) float64 {
	return outputs.ArgMax(1).Eq(labels).Sum().Item() / float64(labels.Size(0))
}

// history has the figures of every epoch.
type history struct{ loss, acc, valLoss, valAcc []float64 }

// options say how long training takes.
type options struct {
	epochs  int
	batches int // of an epoch at most; 0 is all
	every   int // batches from one line to the next
}

// fit trains net and returns its history.
func fit(out io.Writer, net nn.Module, training, validation *loader.Loader, o options) (history, error) {
	var h history
	optimizer := sgd{nn.ParameterList(net), 0.1}
	for epoch := 1; epoch <= o.epochs; epoch++ {
		var loss, acc average
		step := 0
		for batch, err := range training.Epoch(epoch) {
			if err != nil {
				return h, err
			}
			logits := net.Forward(batch.Inputs)
			l := softmaxCrossEntropy{}.Forward(logits, batch.Targets)
			optimizer.ZeroGrad()
			l.Backward()
			optimizer.Step()

			n := float64(batch.Targets.Size(0))
			loss.Update(l.Item(), n)
			acc.Update(accuracy(logits, batch.Targets), n)
			if step++; step%o.every == 0 {
				fmt.Fprintf(out, "epoch %d, batch %3d: loss %.4f, acc %.3f\n", epoch, step, loss.Result(), acc.Result())
			}
			if step == o.batches {
				break
			}
		}
		valLoss, valAcc, err := evaluate(net, validation)
		if err != nil {
			return h, err
		}
		fmt.Fprintf(out, "epoch %d: loss %.4f, acc %.3f, val loss %.4f, val acc %.3f\n", epoch, loss.Result(), acc.Result(), valLoss, valAcc)
		h.loss, h.acc = append(h.loss, loss.Result()), append(h.acc, acc.Result())
		h.valLoss, h.valAcc = append(h.valLoss, valLoss), append(h.valAcc, valAcc)
	}
	return h, nil
}

// evaluate returns the mean loss, of probabilities, and the accuracy on a data set.
func evaluate(net nn.Module, data *loader.Loader) (meanLoss, meanAcc float64, err error) {
	var loss, acc average
	for batch, err := range data.Epoch(0) {
		if err != nil {
			return 0, 0, err
		}
		probabilities := net.Forward(batch.Inputs.NoGrad().Evaluation()).Softmax(1)
		n := float64(batch.Targets.Size(0))
		loss.Update(crossEntropy{}.Forward(probabilities, batch.Targets).Item(), n)
		acc.Update(accuracy(probabilities, batch.Targets), n)
	}
	return loss.Result(), acc.Result(), nil
}

// draw writes the picture of a history.
func (h history) draw(path string) error {
	var epochs []float64
	for i := range h.loss {
		epochs = append(epochs, float64(i+1))
	}
	return report.Lines("Softmax regression", "epoch",
		report.Series{Name: "loss", X: epochs, Y: h.loss}, report.Series{Name: "validation loss", X: epochs, Y: h.valLoss},
		report.Series{Name: "accuracy", X: epochs, Y: h.acc}, report.Series{Name: "validation accuracy", X: epochs, Y: h.valAcc},
	).Save(path)
}

// predict writes the picture of the first n test samples with what they are and what net says,
// the wrong ones marked.
func predict(net nn.Module, data *loader.Loader, n int, path string) error {
	batch, err := data.First(0)
	if err != nil {
		return err
	}
	names, predicted := data.Classes(), net.Forward(batch.Inputs.NoGrad().Evaluation()).ArgMax(1)
	var titles []string
	var wrong []bool
	for i := range n {
		truth, said := names[int(batch.Targets.At(i))], names[int(predicted.At(i))]
		titles, wrong = append(titles, truth+"\n"+said), append(wrong, truth != said)
	}
	pictures := report.Images(batch.Inputs.Narrow(0, 0, n))
	return report.Grid(pictures, report.GridOptions{Columns: 6, Scale: 3, Titles: titles, Marked: wrong}).Save(path)
}

// run trains, and draws its pictures in folder.
func run(out io.Writer, folder string, o options) error {
	all, test, err := fashionmnist.Load(fashionmnist.Options{Open: embedded.Open, BatchSize: 64})
	if err != nil {
		return err
	}
	parts, err := dataset.StratifiedSplit(all.Dataset(), []float64{0.9, 0.1}, random.New(0))
	if err != nil {
		return err
	}
	training := loader.New(parts[0], loader.Options{BatchSize: 64, Shuffle: true})
	validation := loader.New(parts[1], loader.Options{BatchSize: 64})
	net := newClassifier()
	fmt.Fprintln(out, net)
	h, err := fit(out, net, training, validation, o)
	if err != nil {
		return err
	}
	if err := h.draw(filepath.Join(folder, "history.png")); err != nil {
		return err
	}
	loss, acc, err := evaluate(net, test)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "test loss %.4f, test acc %.3f\n", loss, acc)
	return predict(net, test, 12, filepath.Join(folder, "predictions.png"))
}

func main() {
	if err := run(os.Stdout, ".", options{epochs: 10, every: 300}); err != nil {
		log.Fatal(err)
	}
}
