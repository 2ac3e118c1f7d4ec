package cli

import (
	"fmt"
	"slices"

	"github.com/onehot-go/onehot/model"
)

// unknown is what a sample is called whose likeliest class is not likely enough.
const unknown = "unknown"

// unknownFlags say of what a model's answer is not taken.
type unknownFlags struct {
	UnknownBelow float64 `default:"0" placeholder:"P" help:"Call a sample unknown whose likeliest class has a probability below P, from 0 to 1, as in 0.6; its probabilities are still said."`
}

// check returns what is wrong with the flag, or why it is not for m.
func (f unknownFlags) check(m *model.Model) error {
	switch {
	case !(f.UnknownBelow >= 0 && f.UnknownBelow <= 1):
		return usagef("--unknown-below %g: a probability from 0 to 1 expected", f.UnknownBelow)
	case f.UnknownBelow == 0:
		return nil
	case m.SeveralLabels():
		return usagef("--unknown-below %g: it is for models that tell classes apart, and this one has several labels", f.UnknownBelow)
	case slices.Contains(m.Classes, unknown):
		return usagef("--unknown-below %g: the model has a class that is called %q", f.UnknownBelow, unknown)
	}
	return nil
}

// unknown reports whether the likeliest class, of the given probability, is not likely enough.
func (f unknownFlags) unknown(probability float64) bool { return probability < f.UnknownBelow }

// said returns what a sample is called whose likeliest class has the given name and probability.
func (f unknownFlags) said(class string, probability float64) string {
	if f.unknown(probability) {
		return unknown
	}
	return class
}

// Answered is what eval says of a model that does not answer always.
type Answered struct {
	Below            float64  `json:"unknown_below"`
	Coverage         float64  `json:"coverage"`                    // share of the samples that are answered
	AnsweredAccuracy *float64 `json:"answered_accuracy,omitempty"` // of those; nil without any
}

// line says it in a line.
func (a *Answered) line() string {
	accuracy := "none is left"
	if a.AnsweredAccuracy != nil {
		accuracy = fmt.Sprintf("accuracy %.4f", *a.AnsweredAccuracy)
	}
	return fmt.Sprintf("answered: %.4f of the samples, those with a probability of %g or more: %s", a.Coverage, a.Below, accuracy)
}
