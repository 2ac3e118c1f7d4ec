package train_test

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

// stream is a source of whose batches nobody knows the number.
type stream struct{ loader.Source }

func (s stream) Len() int     { return -1 }
func (s stream) Samples() int { return -1 }

// wantSetup checks that err is a *train.SetupError.
func wantSetup(t *testing.T, what string, err error, want string) {
	t.Helper()
	if e, ok := errors.AsType[*train.SetupError](err); !ok || e.Error() != want {
		t.Errorf("%s: got  %v\nwant %s", what, err, want)
	}
}

// empty returns a source without a sample.
func empty() loader.Source {
	return loader.New(blobs(0, 4, random.New(1)), loader.Options{BatchSize: 4})
}

func TestSetupErrors(t *testing.T) {
	with := func(change func(m *dataset.Images)) *loader.Loader {
		m := blobs(20, 4, random.New(1))
		change(m)
		return loader.New(m, loader.Options{BatchSize: 4})
	}
	for want, change := range map[string]func(c *train.Config){
		"train: Model: found none, one to train expected":                        func(c *train.Config) { c.Model = nil },
		"train: Optimizer: found none, one over the model's parameters expected": func(c *train.Config) { c.Optimizer = nil },
		"train: Train: found none, a source of batches expected":                 func(c *train.Config) { c.Train = nil },
		"train: Train: found an epoch without a batch, at least one expected":    func(c *train.Config) { c.Train = empty() },
		"train: Train: dataset.Images: blobs train: found 319 bytes in Pixels, 320 expected for 20 images of [1 4 4]": func(c *train.Config) {
			c.Train = with(func(m *dataset.Images) { m.Pixels = m.Pixels[:319] })
		},
		`train: Train: found the classes ["a" "b" "c"], the model's expected: ["top" "middle" "bottom"]`: func(c *train.Config) {
			c.Train = with(func(m *dataset.Images) { m.ClassNames = []string{"a", "b", "c"} })
		},
		"train: Train: found the label 3 of sample 2, 0 to 2 expected": func(c *train.Config) {
			c.Train = with(func(m *dataset.Images) { m.Labels[2] = 3 })
		},
		"train: Train: found images as samples, a transform that ends in a tensor expected": func(c *train.Config) {
			c.Train = with(func(m *dataset.Images) { m.Transform = nil })
		},
		"train: Train: found samples of shape [1 5 5], the model's input shape expected: [1 4 4]": func(c *train.Config) {
			c.Train = loader.New(blobs(20, 5, random.New(1)), loader.Options{BatchSize: 4})
		},
		"train: Train: multi-label: found targets of int64 [1], float32 [1 3] expected": func(c *train.Config) { c.Task = task.MultiLabel{} },
		"train: Train: classification: found outputs of shape [1 2], (N, 3) expected for the 3 classes": func(c *train.Config) {
			c.Model.Net = nn.NewSequential(nn.Flatten{}, nn.NewLinear(16, 2, random.New(1).Rand()))
			c.Optimizer = optim.NewSGD(nn.ParameterList(c.Model.Net), 0.1, optim.SGDOptions{})
		},
		"train: Model: samples of shape [1 4 4]: nn.Linear: shapes (2, 16) and (3, 9): input (..., in) and weight (out, in) expected": func(c *train.Config) {
			c.Model.Net = nn.NewSequential(nn.Flatten{}, nn.NewLinear(9, 3, random.New(1).Rand()))
			c.Optimizer = optim.NewSGD(nn.ParameterList(c.Model.Net), 0.1, optim.SGDOptions{})
		},
		"train: Epochs: found -1, at least 0 expected":                func(c *train.Config) { c.Epochs = -1 },
		"train: ClipNorm: found NaN, a number of at least 0 expected": func(c *train.Config) { c.ClipNorm = math.NaN() },
		"train: Mixup: found -1, a number of at least 0 expected":     func(c *train.Config) { c.Mixup = -1 },
		"train: Plateau: found a Schedule too, one of them expected": func(c *train.Config) {
			c.Schedule, c.Plateau = optim.ExponentialLR(1), optim.NewReduceLROnPlateau(0.1, 1, optim.PlateauOptions{})
		},
	} {
		c := setup(t)
		change(&c)
		before := [][]float32{}
		if c.Model != nil {
			before = append(before, parameters(c))
		}
		events, err := run(t.Context(), c)
		wantSetup(t, "Run", err, want)
		if len(events) > 0 || c.Model != nil && !slices.Equal(before[0], parameters(c)) {
			t.Errorf("%s: something happened: %v", want, events)
		}
		c = setup(t)
		change(&c)
		c.Plateau = nil // of which FindLR has no use
		if want != "train: Plateau: found a Schedule too, one of them expected" {
			_, err = train.FindLR(t.Context(), c, 1e-3, 1, 3)
			wantSetup(t, "FindLR", err, want)
		}
	}
	for want, change := range map[string]func(c *train.Config){
		"train: Start: found no loss of the part of epoch 1, what Restore returns expected": func(c *train.Config) {
			c.Start = train.Progress{Part: &train.Part{Steps: 1}}
		},
		"train: Test: found an epoch without a batch, at least one expected": func(c *train.Config) { c.Test = empty() },
		"train: Validation: nothing is measured without Test: none expected, or a Test": func(c *train.Config) {
			c.Test, c.Validation = nil, true
		},
		"train: Monitor: nothing is measured without Test: none expected, or a Test": func(c *train.Config) {
			c.Test, c.Monitor = nil, &train.Monitor{}
		},
		"train: EarlyStop: nothing is measured without Test: none expected, or a Test": func(c *train.Config) {
			c.Test, c.EarlyStop = nil, 1
		},
		"train: Plateau: nothing is measured without Test: none expected, or a Test": func(c *train.Config) {
			c.Test, c.Plateau = nil, optim.NewReduceLROnPlateau(0.1, 1, optim.PlateauOptions{})
		},
		"train: Mirrored: nothing is measured without Test: none expected, or a Test": func(c *train.Config) {
			c.Test, c.Mirrored = nil, true
		},
		"train: Test: found the label -1 of sample 1, 0 to 2 expected": func(c *train.Config) {
			c.Test = with(func(m *dataset.Images) { m.Labels[1] = -1 })
		},
		"train: Budget: nobody knows how many samples Test has, nor how long they take: a known number expected": func(c *train.Config) {
			c.Test, c.Budget = stream{c.Test}, &train.Budget{Time: 1}
		},
		"train: Mirrored: found the task classification on samples of shape [1 4 4], classes or labels of pictures expected": func(c *train.Config) {
			c.Task, c.Mirrored = struct{ task.Classification }{}, true // of a type of its own
		},
	} {
		c := setup(t)
		change(&c)
		_, err := run(t.Context(), c)
		wantSetup(t, "Run", err, want)
	}
}

// TestNilPointers checks that a pointer that is nil is none, within an interface too.
func TestNilPointers(t *testing.T) {
	for want, change := range map[string]func(c *train.Config){
		"train: Train: found none, a source of batches expected":                 func(c *train.Config) { c.Train = (*loader.Loader)(nil) },
		"train: Test: found none, a source of batches expected":                  func(c *train.Config) { c.Test = (*loader.Stream)(nil) },
		"train: Optimizer: found none, one over the model's parameters expected": func(c *train.Config) { c.Optimizer = (*optim.SGD)(nil) },
	} {
		c := setup(t)
		change(&c)
		_, err := run(t.Context(), c)
		wantSetup(t, "Run", err, want)
	}
	_, err := train.Evaluate(setup(t).Model.Net, (*loader.Loader)(nil), nil)
	wantSetup(t, "Evaluate", err, "train: Test: found none, a source of batches expected")
	_, err = train.Evaluate((*nn.Sequential)(nil), empty(), nil)
	wantSetup(t, "Evaluate", err, "train: Model: found none, a net expected")
}

// TestAnotherAverage checks that an average of another net is refused, before a step that
// would leave it as it is.
func TestAnotherAverage(t *testing.T) {
	for _, e := range []*train.EMA{{}, train.NewEMA(setup(t).Model, 0.9)} {
		c := setup(t)
		c.EMA = e
		_, err := run(t.Context(), c)
		wantSetup(t, "Run", err, "train: EMA: found one of another net, what NewEMA returns for Model expected")
	}
}

// TestTargetsOfLaterBatches checks that targets which only reading samples can tell are found
// with their batch, in training and in measuring.
func TestTargetsOfLaterBatches(t *testing.T) {
	data := blobs(20, 4, random.New(1))
	data.Labels[7] = 3
	wrong := loader.New(bySample{data}, loader.Options{BatchSize: 4})
	const detail = ": classification: found the label 3 of sample 3, 0 to 2 expected, in the batch that begins with sample 4"
	c := setup(t)
	c.Train = wrong
	before := parameters(c)
	events, err := run(t.Context(), c)
	wantSetup(t, "Run", err, "train: Train"+detail)
	if len(events) != 1 || slices.Equal(before, parameters(c)) {
		t.Errorf("Run: got %v, the step of the first batch expected", events)
	}
	_, err = train.FindLR(t.Context(), c, 1e-3, 1, 10)
	wantSetup(t, "FindLR", err, "train: Train"+detail)
	c = setup(t)
	c.Test = wrong
	_, err = run(t.Context(), c)
	wantSetup(t, "Run", err, "train: Test"+detail)
	_, err = train.Evaluate(c.Model.Net, wrong, nil)
	wantSetup(t, "Evaluate", err, "train: Test"+detail)
}

// TestFullBatchSetupErrors checks that what L-BFGS has no use for is refused.
func TestFullBatchSetupErrors(t *testing.T) {
	const none = ": a FullBatch makes its own objective small, and searches for its steps: none expected"
	for want, change := range map[string]func(c *train.Config){
		"train: ClipNorm" + none:  func(c *train.Config) { c.ClipNorm = 1 },
		"train: Schedule" + none:  func(c *train.Config) { c.Schedule = optim.ExponentialLR(0.5) },
		"train: Mixup" + none:     func(c *train.Config) { c.Mixup = 0.2 },
		"train: Criterion" + none: func(c *train.Config) { c.Criterion = loss.CrossEntropy{LabelSmoothing: 0.1} },
		"train: Optimizer: found a FullBatch of another layer, one of the model's expected": func(c *train.Config) {
			c.Model = setup(t).Model
		},
		"train: Train: found an epoch without a batch, at least one expected": func(c *train.Config) { c.Train = empty() },
	} {
		c := fullBatch(t)
		change(&c)
		_, err := run(t.Context(), c)
		wantSetup(t, "Run", err, want)
	}
	_, err := train.FindLR(t.Context(), fullBatch(t), 1e-3, 1, 3)
	wantSetup(t, "FindLR", err, "train: Schedule"+none)
}

// nothing is a stream without a batch in the given epoch.
type nothing struct {
	stream
	in int
}

func (n nothing) Batches(epoch, from int) iter.Seq2[loader.Batch, error] {
	if epoch == n.in {
		return func(func(loader.Batch, error) bool) {}
	}
	return n.stream.Batches(epoch, from)
}

// TestEmptyStream checks that an epoch without a batch is an error in a stream, too, where only
// reading shows it.
func TestEmptyStream(t *testing.T) {
	const want = "found an epoch without a batch, at least one expected"
	c := setup(t)
	c.Train = nothing{stream{c.Train}, 1}
	events, err := run(t.Context(), c)
	wantSetup(t, "Run", err, "train: Train: "+want)
	if len(events) != 0 {
		t.Errorf("events %v", events)
	}
	_, err = train.FindLR(t.Context(), c, 1e-3, 1, 3)
	wantSetup(t, "FindLR", err, "train: Train: "+want)

	c = setup(t)
	c.Train, c.Epochs = nothing{stream{c.Train}, 2}, 2
	events, err = run(t.Context(), c)
	wantSetup(t, "Run", err, "train: Train: "+want)
	if len(epochs(events)) != 1 {
		t.Errorf("%d epochs before the empty one", len(epochs(events)))
	}
	_, err = train.Evaluate(c.Model.Net, nothing{stream{c.Test}, 0}, nil)
	wantSetup(t, "Evaluate", err, "train: Test: "+want)
}

func TestEvaluateSetupErrors(t *testing.T) {
	c := setup(t)
	for want, f := range map[string]func() error{
		"train: Model: found none, a net expected":              func() error { _, err := train.Evaluate(nil, c.Test, nil); return err },
		"train: Test: found none, a source of batches expected": func() error { _, _, err := train.Predict(c.Model.Net, nil); return err },
		"train: Test: multi-label: found targets of int64 [10], float32 [10 3] expected, in the batch that begins with sample 0": func() error {
			_, err := train.Evaluate(c.Model.Net, c.Test, task.MultiLabel{})
			return err
		},
		"train: Model: samples of shape [1 4 4]: nn.Linear: shapes (10, 16) and (3, 9): input (..., in) and weight (out, in) expected": func() error {
			_, err := train.Evaluate(nn.NewSequential(nn.Flatten{}, nn.NewLinear(9, 3, random.New(1).Rand())), c.Test, nil)
			return err
		},
	} {
		wantSetup(t, want, f(), want)
	}
}

// TestStream trains on a source of unknown length as on the loader that it is.
func TestStream(t *testing.T) {
	var got [2][]train.Epoch
	var weights [2][]float32
	var steps []int
	for i := range 2 {
		c := setup(t, func(s *settings) { s.hidden = []int{5} })
		c.Epochs = 2
		c.Schedule = optim.ExponentialLR(0.9)
		c.EMA = train.NewEMA(c.Model, 0.9)
		if i == 1 {
			c.Train, c.Test = stream{c.Train}, stream{c.Test}
		}
		events, err := run(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if s, ok := e.(train.Step); ok {
				steps = append(steps, s.Steps)
			}
		}
		got[i], weights[i] = epochs(events), parameters(c)
	}
	if !slices.Equal(weights[0], weights[1]) || got[0][1].Test.Loss != got[1][1].Test.Loss || got[0][1].LR != got[1][1].LR {
		t.Errorf("got %+v, want %+v", got[1], got[0])
	}
	if !slices.Equal(steps, []int{4, 4, 4, 4, 4, 4, 4, 4, -1, -1, -1, -1, -1, -1, -1, -1}) {
		t.Errorf("steps %v", steps)
	}
}

func TestSteps(t *testing.T) {
	c := setup(t)
	if n, err := train.Steps(c.Train, 3); n != 12 || err != nil {
		t.Errorf("got %d (%v), want 12", n, err)
	}
	_, err := train.Steps(stream{c.Train}, 3)
	wantSetup(t, "Steps", err, "train: Schedule: nobody knows how many steps an epoch of Train has: a schedule of a known number of steps expected, or none")
}

// TestModesStay checks that a run leaves every layer in the mode that it had, and that a model
// as Load leaves it is refused.
func TestModesStay(t *testing.T) {
	with := func() (train.Config, *nn.BatchNorm2d, *nn.Dropout) {
		c := setup(t)
		norm, dropout := nn.NewBatchNorm2d(1), nn.NewDropout(0.5)
		c.Model.Net = nn.NewSequential(norm, nn.Flatten{}, dropout, nn.NewLinear(16, 3, random.New(1).Rand()))
		c.Optimizer = optim.NewSGD(nn.ParameterList(c.Model.Net), 0.1, optim.SGDOptions{})
		return c, norm, dropout
	}
	c, norm, dropout := with()
	norm.SetTraining(false) // frozen
	before := tensor.Values[float32](norm.RunningMean)
	if _, err := run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if norm.Training() || !dropout.Training() {
		t.Errorf("batch norm in training: %t, dropout: %t, want false and true", norm.Training(), dropout.Training())
	}
	if !slices.Equal(tensor.Values[float32](norm.RunningMean), before) {
		t.Error("statistics of a frozen batch norm changed")
	}

	const want = "train: Model: every layer is in evaluation, as model.Load leaves them: nn.SetTraining(net, true) expected before training"
	c, _, _ = with()
	nn.SetTraining(c.Model.Net, false)
	_, err := run(t.Context(), c)
	wantSetup(t, "Run", err, want)
	_, err = train.FindLR(t.Context(), c, 1e-3, 1, 3)
	wantSetup(t, "FindLR", err, want)

	// A batch norm that keeps no statistics takes the batch's, in evaluation too.
	c, norm, _ = with()
	norm.RunningMean, norm.RunningVar, norm.NumBatchesTracked = nil, nil, nil
	if _, err := run(t.Context(), c); err != nil {
		t.Error(err)
	}

	// Where nothing would be another in training there is nothing to say.
	c = setup(t)
	nn.SetTraining(c.Model.Net, false)
	if _, err := run(t.Context(), c); err != nil {
		t.Error(err)
	}
}

// TestLastBatchOfOne has a last batch of one sample, of which a batch norm can make nothing: that
// is known before the first step, or, of a stream, found with the batch.
func TestLastBatchOfOne(t *testing.T) {
	normed := func(batch int) train.Config {
		c := setup(t, func(s *settings) { s.batch = batch })
		d := c.Model.Definition
		d.Layers = []nn.Spec{d.Layers[0], {Name: "bn", Options: nn.BatchNorm1dOptions{In: 16}}, {Name: "drop", Options: nn.DropoutOptions{}}, d.Layers[1]}
		m, err := model.New(d, random.New(4))
		if err != nil {
			t.Fatal(err)
		}
		c.Model, c.Optimizer = m, optim.NewSGD(nn.ParameterList(m.Net), 0.1, optim.SGDOptions{})
		return c
	}
	for batch, bad := range map[int]bool{7: true, 49: true, 1: true, 10: false, 48: false, 64: false} { // of 50 samples
		want := `train: BatchSize: found 1 sample in the last batch of an epoch, at least 2 expected for layer "bn", a batch norm`
		c := normed(batch)
		events, err := run(t.Context(), c)
		var setup *train.SetupError
		if bad && (len(events) > 0 || !errors.As(err, &setup) || err.Error() != want) || !bad && err != nil {
			t.Errorf("batches of %d: %d events, %v", batch, len(events), err)
		}
		if checked := train.Check(normed(batch)); fmt.Sprint(checked) != fmt.Sprint(err) {
			t.Errorf("batches of %d: Check says %v, Run %v", batch, checked, err)
		}
	}
	// A layer in evaluation takes one, and so does a net without any.
	c := normed(7)
	c.Model.Net.Layer("bn").(*nn.BatchNorm1d).SetTraining(false)
	if _, err := run(t.Context(), c); err != nil {
		t.Errorf("in evaluation: %v", err)
	}
	if _, err := run(t.Context(), setup(t, func(s *settings) { s.batch = 7 })); err != nil {
		t.Errorf("without a batch norm: %v", err)
	}
	c = normed(7)
	c.Train = stream{c.Train}
	_, err := run(t.Context(), c)
	var wrong *train.SetupError
	if want := "train: BatchSize: found a batch of 1 sample: "; !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("a stream: %v", err)
	}
}
