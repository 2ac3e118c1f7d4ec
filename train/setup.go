package train

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/metric"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// SetupError says that what a function of this package was given cannot work. It is found
// before the first training step, but for what only reading all samples can tell: targets
// that do not fit the task are found with their batch.
type SetupError struct {
	Field  string // of Config: "Train"; Model and Test stand for the net and the data of Evaluate and Predict, BatchSize for that of Train
	Detail string // what was found, and what was expected
}

// Error names the field and what is wrong: "train: Test: found an epoch without a batch, at
// least one expected".
func (e *SetupError) Error() string { return "train: " + e.Field + ": " + e.Detail }

// wrong returns a *SetupError.
func wrong(field, format string, args ...any) error {
	return &SetupError{field, fmt.Sprintf(format, args...)}
}

// emptyEpoch returns the *SetupError of data that have no batch.
func emptyEpoch(field string) error {
	return wrong(field, "found an epoch without a batch, at least one expected")
}

// noWeight returns the *SetupError of an epoch in which no sample counts.
func noWeight(epoch int) error {
	return wrong("Criterion", "found no sample with a weight in epoch %d, at least one expected", epoch)
}

// Steps returns how many training steps so many epochs of s have: what a schedule that knows
// its end is made for. The error is a *SetupError if nobody knows.
func Steps(s loader.Source, epochs int) (int, error) {
	n := s.Len()
	if n < 0 {
		return 0, wrong("Schedule", "nobody knows how many steps an epoch of Train has: a schedule of a known number of steps expected, or none")
	}
	return epochs * n, nil
}

// absent reports whether v is nil or a nil pointer, such as a loader that could not be made.
func absent(v any) bool {
	p := reflect.ValueOf(v)
	return v == nil || p.Kind() == reflect.Pointer && p.IsNil()
}

// checkBatch returns an error if the task does not take the outputs and targets of a batch
// of the data that field names.
func checkBatch(field string, t task.Task, batch loader.Batch, outputs *tensor.Tensor, classes []string) error {
	if err := t.Check(outputs, batch.Targets, classes); err != nil {
		return wrongBatch(field, t, batch, err)
	}
	return nil
}

// wrongBatch returns the *SetupError of what is wrong with a batch.
func wrongBatch(field string, t task.Task, batch loader.Batch, err error) error {
	if len(batch.Indices) == 0 {
		return wrong(field, "%s: %v", t.Name(), err)
	}
	return wrong(field, "%s: %v, in the batch that begins with sample %d", t.Name(), err, batch.Indices[0])
}

// loop is a run under way.
type loop struct {
	Config    // with a Task and a Criterion
	clock     clock
	running   task.Running // the score of the epoch
	mean      metric.Mean  // of its losses
	stepsDone int          // of all epochs
	said      sample       // what the net says of a sample of the training data
	sharded   *sharded     // the stepper of several shards, whose memory lasts; nil before it is wanted
	timed     *timed       // Comm, if there are several ranks
	own       int          // samples of the epoch that this rank trained on
	agreed    float64      // how much of a Budget's time for training is over, as rank 0 has it
}

// newLoop returns the run of c, or what is wrong with it; one that is not measured needs no
// test data.
func newLoop(c Config, measured bool) (*loop, error) {
	start := time.Now()
	if c.Model == nil || c.Model.Net == nil {
		return nil, wrong("Model", "found none, one to train expected")
	}
	if c.EMA != nil && c.EMA.of != c.Model.Net {
		return nil, wrong("EMA", "found one of another net, what NewEMA returns for Model expected")
	}
	if err := c.settleTask(); err != nil {
		return nil, err
	}
	if c.Criterion == nil {
		c.Criterion = c.Task.Loss()
	}
	if absent(c.Optimizer) {
		return nil, wrong("Optimizer", "found none, one over the model's parameters expected")
	}
	if err := c.checkSettings(); err != nil {
		return nil, err
	}
	if err := c.checkModes(); err != nil {
		return nil, err
	}
	said, err := c.checkData("Train", c.Train, 1)
	if err != nil {
		return nil, err
	}
	if err := c.checkSingle(); err != nil {
		return nil, err
	}
	if measured {
		if err := c.checkTest(); err != nil {
			return nil, err
		}
	}
	var comm *timed
	if c.ranks() > 1 {
		comm = &timed{Comm: c.Comm}
		if c.Comm = comm; comm.Rank() > 0 {
			c.Keep = Keep{}
		}
	}
	if err := c.checkRanks(); err != nil {
		return nil, err
	}
	return &loop{Config: c, timed: comm, said: said, clock: clock{start: start}, running: c.Task.NewRunning(c.Model.Classes)}, nil
}

// Check returns what is wrong with a run of c, as Run finds it before the first step. Beside the
// model's task, which is set, nothing changes.
func Check(c Config) error {
	_, err := newLoop(c, true)
	return err
}

// checkTest returns what is wrong with the data that epochs are measured on, or which setting needs
// some where there are none.
func (c *Config) checkTest() error {
	if c.Test == nil {
		for _, s := range []struct {
			field string
			set   bool
		}{
			{"Validation", c.Validation}, {"Monitor", c.Monitor != nil}, {"EarlyStop", c.EarlyStop > 0}, {"Plateau", c.Plateau != nil},
			{"Mirrored", c.Mirrored},
		} {
			if s.set {
				return wrong(s.field, "nothing is measured without Test: none expected, or a Test")
			}
		}
		return nil
	}
	if _, err := c.checkData("Test", c.Test, 0); err != nil {
		return err
	}
	if c.Budget != nil && c.Test.Samples() < 0 {
		return wrong("Budget", "nobody knows how many samples Test has, nor how long they take: a known number expected")
	}
	return nil
}

// settleTask makes the model's task and the run's the same: the run's, if it has one. The
// error says that files would have a task that is not known when they are read.
func (c *Config) settleTask() error {
	if c.Task == nil {
		t, err := task.Named(c.Model.Task)
		if err != nil {
			return wrong("Model", "%v", err)
		}
		c.Task = t
	}
	name := c.Task.Name()
	if _, err := task.Named(name); err != nil {
		return wrong("Task", "%v: task.Register makes one known", err)
	}
	for _, m := range []*model.Model{c.Model, cmp.Or(c.Whole, c.measured())} {
		if m.Task = name; name == (task.Classification{}).Name() {
			m.Task = ""
		}
	}
	return nil
}

// checkSettings returns which setting is no good, or has no part in a run of this kind.
func (c *Config) checkSettings() error {
	for _, s := range []struct {
		field string
		value int
	}{{"Epochs", c.Epochs}, {"EarlyStop", c.EarlyStop}} {
		if s.value < 0 {
			return wrong(s.field, "found %d, at least 0 expected", s.value)
		}
	}
	for _, s := range []struct {
		field string
		value float64
	}{{"ClipNorm", c.ClipNorm}, {"Mixup", c.Mixup}} {
		if !(s.value >= 0 && s.value <= math.MaxFloat64) {
			return wrong(s.field, "found %v, a number of at least 0 expected", s.value)
		}
	}
	if c.Whole != nil && c.EMA != nil {
		return wrong("Whole", "found an EMA too, one of them expected")
	}
	if c.Plateau != nil && c.Schedule != nil {
		return wrong("Plateau", "found a Schedule too, one of them expected")
	}
	if c.Mirrored {
		if _, classes := c.Task.(task.Classification); !classes && !c.severalLabels() || len(c.Model.InputShape) != 3 {
			return wrong("Mirrored", "found the task %s on samples of shape %v, classes or labels of pictures expected", c.Task.Name(), c.Model.InputShape)
		}
	}
	if _, ok := c.Optimizer.(Solver); ok {
		return c.checkSolver()
	}
	f, ok := c.Optimizer.(*FullBatch)
	if !ok {
		return nil
	}
	for _, s := range []struct {
		field string
		set   bool
	}{
		{"Schedule", c.Schedule != nil}, {"Plateau", c.Plateau != nil}, {"ClipNorm", c.ClipNorm > 0}, {"Mixup", c.Mixup > 0},
		{"Criterion", c.Criterion != c.Task.Loss()},
	} {
		if s.set {
			return wrong(s.field, "a FullBatch makes its own objective small, and searches for its steps: none expected")
		}
	}
	several := c.severalLabels()
	if _, ok := c.Task.NewRunning(c.Model.Classes).(*metric.Accuracy); !ok && !several {
		return wrong("Task", "found %s, classification or several labels expected for a FullBatch", c.Task.Name())
	}
	if f.objective.Several() != several {
		return wrong("Optimizer", "found a FullBatch of other targets than the task %s has", c.Task.Name())
	}
	if !slices.Equal(f.parameters, nn.ParameterList(c.Model.Net)) {
		return wrong("Optimizer", "found a FullBatch of another layer, one of the model's expected")
	}
	return nil
}

// severalLabels reports whether the task is to find several labels a sample.
func (c *Config) severalLabels() bool {
	_, ok := c.Task.(task.MultiLabel)
	return ok
}

// checkModes returns an error if all layers that have a mode are in evaluation, although
// one learns, or draws by chance, in training.
func (c *Config) checkModes() error {
	training, idle := false, false
	nn.Apply(c.Model.Net, func(_ string, m nn.Module) {
		l, ok := m.(nn.Modal)
		if !ok {
			return
		}
		training = training || l.Training()
		_, chance := m.(nn.Stochastic)
		idle = idle || chance
		for _, p := range m.Parameters() {
			idle = idle || p.RequiresGrad()
		}
	})
	if idle && !training {
		return wrong("Model", "every layer is in evaluation, as model.Load leaves them: nn.SetTraining(net, true) expected before training")
	}
	return nil
}

// sample is the target of a sample and what the net says of it, as batches of one.
type sample struct{ outputs, target *tensor.Tensor }

// checkData returns an error if the data that field names are not what the model and the
// task take. It looks at one sample of the given epoch, which it returns too.
func (c *Config) checkData(field string, s loader.Source, epoch int) (sample, error) {
	if absent(s) {
		return sample{}, wrong(field, "found none, a source of batches expected")
	}
	if !slices.Equal(s.Classes(), c.Model.Classes) {
		return sample{}, wrong(field, "found the classes %q, the model's expected: %q", s.Classes(), c.Model.Classes)
	}
	if err := checkLabels(field, s); err != nil {
		return sample{}, err
	}
	input, target, err := firstSample(field, s, epoch)
	if err != nil {
		return sample{}, err
	}
	if shape := c.Model.InputShape; shape != nil && !slices.Equal(input.Shape()[1:], shape) {
		return sample{}, wrong(field, "found samples of shape %v, the model's input shape expected: %v", input.Shape()[1:], shape)
	}
	if err := c.checkPreparation(field, s); err != nil {
		return sample{}, err
	}
	// Twice, since one alone has no statistics, for a batch norm that keeps none.
	outputs, err := evaluated(c.Model.Net, tensor.Cat(0, input, input))
	if err != nil {
		return sample{}, err
	}
	if err := c.Task.Check(outputs.Narrow(0, 0, 1), target, c.Model.Classes); err != nil {
		return sample{}, wrong(field, "%s: %v", c.Task.Name(), err)
	}
	return sample{outputs.Narrow(0, 0, 1), target}, nil
}

// checkSingle returns an error if an epoch has a batch of one sample, and the net a batch norm in
// training that would get one value a channel of it, which has no variance.
func (c *Config) checkSingle() error {
	s, ok := c.Train.(interface{ BatchSize() int })
	if !ok || c.Train.Len()*s.BatchSize()-c.Train.Samples() != s.BatchSize()-1 {
		return nil
	}
	costs, err := c.Model.Costs()
	if err != nil { // a net that its definition does not make
		return nil
	}
	for _, l := range costs {
		values := 1
		for _, n := range l.Output[1:] {
			values *= n
		}
		m, ok := c.Model.Net.Layer(l.Layer).(nn.Modal)
		if ok && m.Training() && values == 1 && (l.Type == "batchnorm1d" || l.Type == "batchnorm2d") {
			return wrong("BatchSize", "found 1 sample in the last batch of an epoch, at least 2 expected for layer %q, a batch norm", l.Layer)
		}
	}
	return nil
}

// checkPreparation returns an error if the data say that their inputs are prepared
// otherwise than the model prepares its own. What training draws by chance is no part of it.
func (c *Config) checkPreparation(field string, s loader.Source) error {
	prepared, ok := s.(interface{ Preparations() []dataset.Preparation })
	if !ok || c.Model.Preprocess == nil {
		return nil
	}
	for _, p := range prepared.Preparations() {
		steps, err := transform.Deterministic(p.Transform)
		if err != nil {
			return wrong(field, "%v", err)
		}
		if !steps.Same(c.Model.Preprocess, p.Form) {
			return wrong(field, "found inputs prepared by %v, by %v as the model prepares them expected", steps, c.Model.Preprocess)
		}
	}
	return nil
}

// of returns the data set that a source goes over, or nil.
func of(s loader.Source) dataset.Dataset {
	if s, ok := s.(interface{ Dataset() dataset.Dataset }); ok {
		return s.Dataset()
	}
	return nil
}

// firstSample returns the input and the target of a sample of an epoch of s, as a batch of one.
func firstSample(field string, s loader.Source, epoch int) (input, target *tensor.Tensor, err error) {
	if s.Len() == 0 {
		return nil, nil, emptyEpoch(field)
	}
	if d := of(s); d != nil { // to read one sample, and not all of a batch
		sample, err := d.Sample(0, random.Key{})
		if e, ok := errors.AsType[*fault.OptionError](err); ok {
			return nil, nil, wrong(field, "%v", e)
		}
		if err != nil {
			return nil, nil, err
		}
		if sample.Tensor == nil {
			return nil, nil, wrong(field, "found images as samples, a transform that ends in a tensor expected")
		}
		if sample.Target == nil {
			return nil, nil, wrong(field, "found samples without a target, one for each expected")
		}
		return sample.Tensor.Unsqueeze(0), sample.Target.Unsqueeze(0), nil
	}
	for batch, err := range s.Batches(epoch, 0) {
		if err != nil {
			return nil, nil, err
		}
		if batch.Targets.Size(0) == 0 {
			return nil, nil, wrong(field, "found a batch without a sample, at least one expected")
		}
		return batch.Inputs.Narrow(0, 0, 1).Clone(), batch.Targets.Narrow(0, 0, 1).Clone(), nil
	}
	return nil, nil, emptyEpoch(field)
}

// checkLabels returns an error if a label that is known without reading samples names no
// class.
func checkLabels(field string, s loader.Source) error {
	d, ok := of(s).(dataset.Labelled)
	if !ok {
		return nil
	}
	classes := len(s.Classes())
	for i := range d.Len() {
		c, err := d.Label(i)
		if err != nil { // targets that are no classes are left to the task
			return nil
		}
		if c < 0 || c >= classes {
			return wrong(field, "found the label %d of sample %d, 0 to %d expected", c, i, classes-1)
		}
	}
	return nil
}

// evaluated returns net's outputs for inputs, in evaluation. The error says what does not fit
// the net: a size of the inputs, or a layer the one before it.
func evaluated(net nn.Module, inputs *tensor.Tensor) (outputs *tensor.Tensor, err error) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case *tensor.ShapeError:
			err = wrong("Model", "samples of shape %v: %v", inputs.Shape()[1:], v)
		case *tensor.DTypeError:
			err = wrong("Model", "samples of %v: %v", inputs.DType(), v)
		default:
			panic(v)
		}
	}()
	return net.Forward(inputs.NoGrad().Evaluation()), nil
}
