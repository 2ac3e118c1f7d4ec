// Package task says what a net is to learn: which loss training makes small, which score
// decides what is best, which targets fit, and which figures say how well it does.
//
// Classification is the usual one, and MultiLabel has several labels a sample. Any type with the
// methods of Task is another one: training, checkpoints and reports go by them alone. Register
// makes it known to models that are loaded.
package task

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/tensor"
)

// Task is what a net is to learn. Its value is used by many at once and never changes.
type Task interface {
	// Name is what files call the task: "classification".
	Name() string
	// Loss is what a model is measured by, and what training makes small if a run has no
	// criterion of its own.
	Loss() loss.Loss
	// Score says which figure decides what is best.
	Score() Score
	// Probabilities returns what a net's outputs (N, C) say of the classes, as numbers from 0 to
	// 1 of the same shape.
	Probabilities(outputs *tensor.Tensor) *tensor.Tensor
	// Check returns an error unless the task takes a net's outputs and the targets of the same
	// samples, of these classes. The error says what was found and what is expected.
	Check(outputs, targets *tensor.Tensor, classes []string) error
	// NewRunning returns the score over the samples of an epoch of training.
	NewRunning(classes []string) Running
	// NewMeter returns what measures a model.
	NewMeter(classes []string) Meter
}

// registry has the tasks by their names.
var registry = struct {
	sync.RWMutex
	tasks map[string]Task
}{tasks: map[string]Task{}}

// Register makes t known by its name, so that models that learnt it can be used once they are
// loaded. A package calls it for each of its tasks, when it is initialised. It panics with a
// *fault.OptionError if the name is empty or taken.
func Register(t Task) {
	registry.Lock()
	defer registry.Unlock()
	if name := t.Name(); name == "" || registry.tasks[name] != nil {
		fault.Option("task.Register", "%T as %q: a name that no task has expected", t, name)
	}
	registry.tasks[t.Name()] = t
}

func init() {
	Register(Classification{})
	Register(MultiLabel{})
}

// Named returns the task of the given name, Classification for none. The error lists the names
// that there are.
func Named(name string) (Task, error) {
	if name == "" {
		return Classification{}, nil
	}
	registry.RLock()
	defer registry.RUnlock()
	if t := registry.tasks[name]; t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("found the task %q, one of %s expected", name, strings.Join(slices.Sorted(maps.Keys(registry.tasks)), ", "))
}

// Score says what a score is.
type Score struct {
	Name  string // in sentences and in files of figures: "accuracy"
	Short string // in lines and columns: "acc"
	Lower bool   // lower is better
}

// Better reports whether the score x is better than y. NaN is worse than any number.
func (s Score) Better(x, y float64) bool {
	if math.IsNaN(y) {
		return !math.IsNaN(x)
	}
	if s.Lower {
		return x < y
	}
	return x > y
}

// Column returns the name of the score as a field of files: Short, with underscores.
func (s Score) Column() string { return strings.ReplaceAll(s.Short, "-", "_") }

// Running is a score over the samples so far. Its JSON form has all that it has counted: an
// epoch may be stopped and continued.
type Running interface {
	// Update adds a batch of a net's outputs and targets that Check takes.
	Update(outputs, targets *tensor.Tensor)
	// Result returns the score over all samples so far, or NaN without any.
	Result() float64
	// Reset forgets all samples.
	Reset()
	json.Marshaler
	json.Unmarshaler
}

// Meter measures a model, a batch at a time.
type Meter interface {
	// Update adds a batch of a net's outputs and targets that Check takes.
	Update(outputs, targets *tensor.Tensor)
	// Figures returns those of all samples so far.
	Figures() Figures
}

// Figures is how well a model does on some samples. Its JSON form, an object, is what
// metrics.json has.
type Figures interface {
	// Summary returns the mean loss of a sample and the score.
	Summary() (loss, score float64)
	// Tables returns what there is beside the two, for people: first what there is to say of
	// every class.
	Tables() []Table
}

// Table is figures in rows and columns, as text.
type Table struct {
	Title  string // or none
	Header []string
	Rows   [][]string // as long as Header; the first cell names the row
}
