package train

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/onehot-go/onehot/fault"
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
	// batches yields what each step of an epoch is made of, without the first ones.
	batches(epoch, from int) iter.Seq2[loader.Batch, error]
	// step evaluates the loss of a batch and its gradients, and changes the parameters unless
	// the loss is more than maxLoss or has no weight.
	step(batch loader.Batch, key random.Key) (taken, error)
	// patience returns how long the latest checkpoint may be put off.
	patience() time.Duration
}

// taken is what a step has found before it changed the parameters.
type taken struct {
	loss    float64 // the mean
	weight  float64 // of this mean in that of an epoch; 0 if no sample counts, and the loss is 0 too
	samples int
}

// newStepper returns how l makes its steps. Each adds what the model said to the running
// score.
func (l *loop) newStepper() stepper {
	if s, ok := l.Optimizer.(Solver); ok {
		return &solved{l, s}
	}
	if f, ok := l.Optimizer.(*FullBatch); ok {
		return &allSamples{l, f}
	}
	if l.shards() > 1 {
		return l.newSharded()
	}
	byLayer := &layered{l, nn.ParameterList(l.Model.Net)}
	if r := l.regression(); r != nil {
		return &inOnePass{byLayer, r, l.running.(*metric.Accuracy)}
	}
	return byLayer
}

// regression returns what computes gradients in one pass over the samples, or nil if they
// are more than softmax regression's: the net is one Linear layer behind a Flatten, the loss
// the plain mean, and samples are known by their index.
func (l *loop) regression() *onepass.Regression {
	data, ok := l.Train.(*loader.Loader)
	if _, accuracy := l.running.(*metric.Accuracy); !ok || !accuracy || l.Criterion != loss.Loss(loss.CrossEntropy{}) || l.Mixup > 0 {
		return nil
	}
	var layers []nn.Module
	for _, m := range l.Model.Net.Layers() {
		layers = append(layers, m)
	}
	if len(layers) != 2 || layers[0] != nn.Module(nn.Flatten{}) {
		return nil
	}
	linear, ok := layers[1].(*nn.Linear)
	if !ok || linear.Bias == nil {
		return nil
	}
	for _, p := range []*tensor.Tensor{linear.Weight, linear.Bias} {
		if p.DType() != tensor.Float32 || !p.IsContiguous() || !p.RequiresGrad() {
			return nil
		}
	}
	return onepass.New("loss.CrossEntropy", linear, data.Dataset())
}

// layered makes a step of a batch, layer by layer.
type layered struct {
	*loop
	parameters []*tensor.Tensor
}

func (l *layered) steps() int { return l.Train.Len() }

func (l *layered) batches(epoch, from int) iter.Seq2[loader.Batch, error] {
	return l.Train.Batches(epoch, from)
}

func (l *layered) patience() time.Duration { return 0 }

func (l *layered) step(batch loader.Batch, key random.Key) (taken, error) {
	l.Optimizer.ZeroGrad()
	found, err := l.evaluate(batch, key.For("layers"), key.For("mixup"))
	if err != nil {
		return taken{}, err
	}
	l.running.Update(found.outputs, batch.Targets)
	n := batch.Targets.Size(0)
	if found.weight == 0 { // the mean is 0/0
		return taken{samples: n}, nil
	}
	found.value.Backward()
	return l.finish(found.mean, found.weight, n)
}

// verdict is what the net says of samples, and how much is wrong with it.
type verdict struct {
	outputs, value *tensor.Tensor // value is the loss, a scalar
	mean, weight   float64        // what loss.PerSample says
}

// evaluate computes the loss of a batch. Layers and mixup draw from keys.
func (l *layered) evaluate(batch loader.Batch, layers, mixup random.Key) (found verdict, err error) {
	nn.SetChance(l.Model.Net, layers)
	inputs, targets := batch.Inputs, batch.Targets
	if l.Mixup > 0 {
		inputs, targets = loader.Mixup(batch, len(l.Model.Classes), l.Mixup, mixup)
	}
	if found.outputs, err = l.forward(inputs); err != nil {
		return found, err
	}
	if err := checkBatch("Train", l.Task, batch, found.outputs, l.Model.Classes); err != nil {
		return found, err
	}
	found.value = l.Criterion.Forward(found.outputs, targets)
	found.mean, found.weight = loss.PerSample(l.Criterion, found.value, found.outputs, targets)
	if found.value.Dim() > 0 {
		found.value = found.value.Mean()
	}
	return found, nil
}

// forward is the net's. That a batch norm can make nothing of one sample is an error: of a stream
// nobody knows before how many the last batch has.
func (l *layered) forward(inputs *tensor.Tensor) (outputs *tensor.Tensor, err error) {
	defer func() {
		if inputs.Size(0) > 1 {
			return
		}
		switch v := recover().(type) {
		case nil:
		case *tensor.ShapeError:
			err = wrong("BatchSize", "found a batch of 1 sample: %v", v)
		default:
			panic(v)
		}
	}()
	return l.Model.Net.Forward(inputs), nil
}

// finish changes the parameters after an evaluation that found the mean loss of n samples.
func (l *layered) finish(mean, weight float64, n int) (taken, error) {
	g := Gradients{Parameters: l.parameters, Loss: mean, Samples: n}
	if err := l.act(&g); err != nil {
		return taken{}, err
	}
	if g.Loss <= maxLoss {
		l.Optimizer.Step()
	}
	return taken{g.Loss, weight, n}, nil
}

// inOnePass makes a step of softmax regression in one pass over a batch, if that can be
// filled in pieces.
type inOnePass struct {
	*layered
	regression *onepass.Regression
	accuracy   *metric.Accuracy
}

func (o *inOnePass) step(batch loader.Batch, key random.Key) (_ taken, err error) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case *fault.LabelError:
			err = wrongBatch("Train", o.Task, batch, fmt.Errorf("found the label %d of sample %d, 0 to %d expected", v.Label, v.Index[0], v.Classes-1))
		default:
			panic(v)
		}
	}()
	value, correct, ok := o.regression.Step(batch)
	if !ok {
		return o.layered.step(batch, key)
	}
	n := len(batch.Indices)
	o.accuracy.Add(correct, n)
	return o.finish(value, float64(n), n)
}

// allSamples makes an epoch one step of a FullBatch.
type allSamples struct {
	l *loop
	f *FullBatch
}

func (a *allSamples) steps() int { return 1 }

func (a *allSamples) batches(_, from int) iter.Seq2[loader.Batch, error] {
	return func(yield func(loader.Batch, error) bool) {
		if from == 0 {
			yield(loader.Batch{}, nil)
		}
	}
}

// patience is a second: an epoch takes some milliseconds, and writing the file would take a
// quarter as long.
func (a *allSamples) patience() time.Duration { return time.Second }

func (a *allSamples) step(loader.Batch, random.Key) (taken, error) {
	if err := a.f.step(a.l.act); err != nil {
		return taken{}, err
	}
	value, correct := a.f.objective.Result()
	n := a.f.objective.Samples()
	if a.l.severalLabels() {
		value /= float64(len(a.l.Model.Classes)) // the mean over labels too, as the task's loss
	}
	return taken{value, 1, n}, a.l.score(correct, n)
}

// score adds all samples to the running score after a step that was made of them all: so many of them are predicted right. Of several
// labels the net is asked.
func (l *loop) score(correct, samples int) error {
	if accuracy, ok := l.running.(*metric.Accuracy); ok {
		accuracy.Add(correct, samples)
		return nil
	}
	return forEach(context.Background(), nil, l.Model.Net, l.Train, func(outputs *tensor.Tensor, batch loader.Batch) error {
		l.running.Update(outputs, batch.Targets)
		return nil
	})
}
