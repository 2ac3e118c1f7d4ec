package report

import (
	"fmt"
	"strings"

	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/train"
)

// scored returns what the scores of epochs are: accuracy if they do not say.
func scored(epochs []train.Epoch) task.Score {
	if len(epochs) > 0 && epochs[0].Scored != (task.Score{}) {
		return epochs[0].Scored
	}
	return task.Accuracy
}

// bestEpoch returns the index of the epoch with the best test score, the first of equals, or
// the first of all where none has any, or the latest if nothing is measured; -1 without epochs.
func bestEpoch(epochs []train.Epoch) int {
	best, score := -1, scored(epochs)
	for i, e := range epochs {
		if best < 0 || e.Unmeasured || tested(e) && (!tested(epochs[best]) || score.Better(e.Test.Score, epochs[best].Test.Score)) {
			best = i
		}
	}
	return best
}

// trained reports whether an epoch has figures of its training. An untrained model has none:
// both are zero.
func trained(e train.Epoch) bool { return e.TrainLoss != 0 || e.TrainScore != 0 }

// tested reports whether an epoch has figures of test or validation data.
func tested(e train.Epoch) bool { return e.Test.Loss != 0 || e.Test.Score != 0 }

// split names the data that an epoch was measured on: "test", or "val".
func split(e train.Epoch) string {
	if e.Validation {
		return "val"
	}
	return "test"
}

// words are how a score, and the loss beside it, are spoken of.
type words struct {
	Name       string // "accuracy"
	Title      string // of a chart
	Axis, Unit string // of a chart, and of a page's
	Loss       string // on an axis
	LossOf     string // what a loss is the mean of
	Samples    string // what those are
	percent    bool
}

// wordsFor returns the words for a score: those of classification for accuracy.
func wordsFor(s task.Score) words {
	if s == task.Accuracy {
		return words{"accuracy", "Accuracy", "fraction predicted right", "share of pictures", "mean cross-entropy (nats)", "nats a picture", "pictures", true}
	}
	return words{s.Name, strings.ToUpper(s.Name[:1]) + s.Name[1:], s.Name, s.Name, "mean loss", "mean of the samples", "samples", false}
}

// ofRows returns the words for samples that are rows of tables.
func (w words) ofRows() words {
	if w.Samples == "pictures" {
		w.Unit, w.LossOf, w.Samples = "share of rows", "nats a row", "rows"
	}
	return w
}

// value writes a score.
func (w words) value(v float64) string {
	if w.percent {
		return percent(v)
	}
	return fmt.Sprintf("%.4f", v)
}
