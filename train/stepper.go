package train

import (
	"iter"
	"time"

	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/metric"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train/internal/onepass"
)

// stepper is a way to make the steps of an epoch. newStepper chooses it.
type stepper interface {
	// steps returns how many steps an epoch has.
	steps() int
	// batches yields what each step of an epoch is made of.
	batches(epoch int) iter.Seq2[loader.Batch, error]
	// step evaluates the loss of a batch and its gradients, and changes the parameters unless
	// the loss is more than maxLoss.
	step(batch loader.Batch, key random.Key) (taken, error)
	// patience returns how long the latest checkpoint may be put off.
	patience() time.Duration
}

// taken is what a step has found before it changed the parameters.
type taken struct {
	loss    float64 // the mean
	weight  float64 // of this mean in that of an epoch
	samples int
}

// newStepper returns how c makes its steps. Each adds what the model said to accuracy.
func (c *Config) newStepper(accuracy *metric.Accuracy) stepper {
	if f, ok := c.Optimizer.(*FullBatch); ok {
		return &allSamples{c, f, accuracy}
	}
	l := &layered{c, nn.ParameterList(c.Model.Net), accuracy}
	if r := c.regression(); r != nil {
		return &inOnePass{l, r}
	}
	return l
}

// regression returns what computes gradients in one pass over the samples, or nil where they
// are more than softmax regression's: the net is one Linear layer behind a Flatten, the loss
// the plain mean.
func (c *Config) regression() *onepass.Regression {
	if c.Criterion != (loss.CrossEntropy{}) || c.Mixup > 0 {
		return nil
	}
	var layers []nn.Module
	for _, l := range c.Model.Net.Layers() {
		layers = append(layers, l)
	}
	if len(layers) != 2 || layers[0] != nn.Module(nn.Flatten{}) {
		return nil
	}
	l, ok := layers[1].(*nn.Linear)
	if !ok || l.Bias == nil {
		return nil
	}
	for _, p := range []*tensor.Tensor{l.Weight, l.Bias} {
		if p.DType() != tensor.Float32 || !p.IsContiguous() || !p.RequiresGrad() {
			return nil
		}
	}
	return onepass.New("loss.CrossEntropy", l, c.Train.Dataset())
}

// layered makes a step of a batch, layer by layer.
type layered struct {
	c          *Config
	parameters []*tensor.Tensor
	accuracy   *metric.Accuracy
}

func (l *layered) steps() int { return l.c.Train.Len() }

func (l *layered) batches(epoch int) iter.Seq2[loader.Batch, error] { return l.c.Train.Epoch(epoch) }

func (l *layered) patience() time.Duration { return 0 }

func (l *layered) step(batch loader.Batch, key random.Key) (taken, error) {
	c := l.c
	nn.SetChance(c.Model.Net, key.For("layers"))
	inputs, targets := batch.Inputs, batch.Targets
	if c.Mixup > 0 {
		inputs, targets = loader.Mixup(batch, len(c.Model.Classes), c.Mixup, key.For("mixup"))
	}
	c.Optimizer.ZeroGrad()
	outputs := c.Model.Net.Forward(inputs)
	value := c.Criterion.Forward(outputs, targets)
	l.accuracy.Update(outputs, batch.Targets)
	value.Backward()
	return l.finish(value.Item(), batch.Targets.Size(0))
}

// finish changes the parameters after an evaluation that found a mean loss of n samples.
func (l *layered) finish(value float64, n int) (taken, error) {
	g := Gradients{Parameters: l.parameters, Loss: value, Samples: n}
	if err := l.c.act(&g); err != nil {
		return taken{}, err
	}
	if g.Loss <= maxLoss {
		l.c.Optimizer.Step()
	}
	return taken{g.Loss, float64(n), n}, nil
}

// inOnePass makes a step of softmax regression in one pass over a batch, where that can be
// filled in pieces.
type inOnePass struct {
	*layered
	regression *onepass.Regression
}

func (o *inOnePass) step(batch loader.Batch, key random.Key) (taken, error) {
	value, correct, ok := o.regression.Step(batch)
	if !ok {
		return o.layered.step(batch, key)
	}
	n := len(batch.Indices)
	o.accuracy.Add(correct, n)
	return o.finish(value, n)
}

// allSamples makes an epoch one step of a FullBatch.
type allSamples struct {
	c        *Config
	f        *FullBatch
	accuracy *metric.Accuracy
}

func (a *allSamples) steps() int { return 1 }

func (a *allSamples) batches(int) iter.Seq2[loader.Batch, error] {
	return func(yield func(loader.Batch, error) bool) { yield(loader.Batch{}, nil) }
}

// patience is a second: an epoch takes some milliseconds, and writing the file would take a
// quarter as long.
func (a *allSamples) patience() time.Duration { return time.Second }

func (a *allSamples) step(loader.Batch, random.Key) (taken, error) {
	if err := a.f.step(a.c.act); err != nil {
		return taken{}, err
	}
	value, correct := a.f.objective.Result()
	n := a.f.objective.Samples()
	a.accuracy.Add(correct, n)
	return taken{value, 1, n}, nil
}
