package train

import (
	"iter"
	"time"

	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/metric"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
)

// Solver is an Optimizer that finds the best parameters for all samples by itself, in one step, as the fits of package classify do. As
// the Optimizer of a Config it makes an epoch one step. A criterion of its own, a schedule, a plateau, clipping, mixup or
// OnGradients in the Config is a *SetupError.
type Solver interface {
	optim.Optimizer
	// Solve changes the parameters. It returns the mean loss of all samples with them, of how many there are, and how many are
	// predicted right, where each has one class.
	Solve() (loss float64, correct, samples int, err error)
}

// checkSolver returns which setting has no part in a run of a Solver.
func (c *Config) checkSolver() error {
	for _, s := range []struct {
		field string
		set   bool
	}{
		{"Schedule", c.Schedule != nil}, {"Plateau", c.Plateau != nil}, {"ClipNorm", c.ClipNorm > 0}, {"Mixup", c.Mixup > 0},
		{"Criterion", c.Criterion != c.Task.Loss()}, {"OnGradients", c.OnGradients != nil},
	} {
		if s.set {
			return wrong(s.field, "a Solver makes its own objective small: none expected")
		}
	}
	if _, ok := c.Task.NewRunning(c.Model.Classes).(*metric.Accuracy); !ok && !c.severalLabels() {
		return wrong("Task", "found %s, classification or several labels expected for a Solver", c.Task.Name())
	}
	return nil
}

// solved makes an epoch the one step of a Solver.
type solved struct {
	*loop
	by Solver
}

func (s *solved) steps() int { return 1 }

func (s *solved) batches(_, from int) iter.Seq2[loader.Batch, error] {
	return func(yield func(loader.Batch, error) bool) {
		if from == 0 {
			yield(loader.Batch{}, nil)
		}
	}
}

func (s *solved) patience() time.Duration { return 0 }

func (s *solved) step(loader.Batch, random.Key) (taken, error) {
	value, correct, n, err := s.by.Solve()
	if err != nil {
		return taken{}, err
	}
	return taken{value, 1, n}, s.score(correct, n)
}
