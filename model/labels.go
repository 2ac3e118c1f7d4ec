package model

import (
	"fmt"

	"github.com/onehot-go/onehot/task"
)

// SeveralLabels reports whether the model learnt to find several labels a sample.
func (d *Definition) SeveralLabels() bool { return d.Task == task.MultiLabel{}.Name() }

// checkThresholds returns an error unless Thresholds are probabilities, one a label of several.
func (d *Definition) checkThresholds() error {
	if d.Thresholds == nil {
		return nil
	}
	if !d.SeveralLabels() || len(d.Thresholds) != len(d.Classes) {
		return fmt.Errorf("thresholds: found %d for %d classes of the task %q, one a class of the task %q expected", len(d.Thresholds), len(d.Classes), d.Task, task.MultiLabel{}.Name())
	}
	for i, p := range d.Thresholds {
		if !(p >= 0 && p <= 1) {
			return fmt.Errorf("thresholds[%d]: found %v, a probability from 0 to 1 expected", i, p)
		}
	}
	return nil
}

// Learnt returns the task that the model learnt, with its Thresholds. The error says that nobody registered it.
func (d *Definition) Learnt() (task.Task, error) {
	if d.SeveralLabels() {
		return task.MultiLabel{Thresholds: d.Thresholds}, nil
	}
	return task.Named(d.Task)
}

// Labels returns the labels that are predicted by the probabilities of all classes, those that reach their
// thresholds, in the order of Classes. It is for a model of SeveralLabels. It panics if there are fewer
// probabilities than classes.
func (d *Definition) Labels(probabilities []float64) []string {
	labels := []string{}
	for i, c := range d.Classes {
		threshold := 0.5
		if d.Thresholds != nil {
			threshold = d.Thresholds[i]
		}
		if probabilities[i] >= threshold {
			labels = append(labels, c)
		}
	}
	return labels
}
