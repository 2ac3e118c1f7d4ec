package train_test

import (
	"errors"
	"testing"

	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/train"
)

// solver sets the bias, and says what it is told to.
type solver struct {
	*optim.SGD
	layer *nn.Linear
	err   error
}

func (s *solver) Solve() (loss float64, correct, samples int, err error) {
	s.layer.Bias.FillInPlace(3)
	return 0.25, 40, 50, s.err
}

// solved is setup with a Solver.
func solved(t testing.TB) (train.Config, *solver) {
	c := setup(t)
	layer := c.Model.Net.Layer("linear").(*nn.Linear)
	s := &solver{optim.NewSGD(nn.ParameterList(layer), 1, optim.SGDOptions{}), layer, nil}
	c.Optimizer, c.Epochs = s, 1
	return c, s
}

// TestSolver trains an epoch of one step, whose figures are the solver's.
func TestSolver(t *testing.T) {
	c, s := solved(t)
	events, err := run(t.Context(), c)
	if err != nil || len(events) != 2 {
		t.Fatalf("%+v, %v", events, err)
	}
	step, epoch := events[0].(train.Step), events[1].(train.Epoch)
	if step.Steps != 1 || step.Samples != 50 || epoch.TrainLoss != 0.25 || epoch.TrainScore != 0.8 || s.layer.Bias.At(0) != 3 {
		t.Errorf("%+v, %+v, bias %v", step, epoch, s.layer.Bias)
	}
	failed := errors.New("no fit")
	c, s = solved(t)
	s.err = failed
	if _, err := run(t.Context(), c); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	const none = ": a Solver makes its own objective small: none expected"
	for want, change := range map[string]func(c *train.Config){
		"train: ClipNorm" + none:    func(c *train.Config) { c.ClipNorm = 1 },
		"train: Schedule" + none:    func(c *train.Config) { c.Schedule = optim.ExponentialLR(0.5) },
		"train: Mixup" + none:       func(c *train.Config) { c.Mixup = 0.2 },
		"train: Criterion" + none:   func(c *train.Config) { c.Criterion = loss.CrossEntropy{LabelSmoothing: 0.1} },
		"train: OnGradients" + none: func(c *train.Config) { c.OnGradients = func(*train.Gradients) error { return nil } },
	} {
		c, _ := solved(t)
		change(&c)
		_, err := run(t.Context(), c)
		wantSetup(t, "Run", err, want)
	}
}
