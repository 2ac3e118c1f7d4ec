package cli

import (
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/report/tensorboard"
	"github.com/onehot-go/onehot/train"
)

// sampleCount is how many samples with their predictions a run shows in TensorBoard.
const sampleCount = 32

// board is where TensorBoard finds what a run says; nil keeps nothing. What is added is in
// the file when its epoch ends.
type board struct{ w *tensorboard.Writer }

// newBoard returns the board of a run that goes on after the given epoch. What an earlier
// file has beyond it is done again.
func (f folder) newBoard(after int) (*board, error) {
	w, err := tensorboard.Create(f.tensorboard())
	if err != nil {
		return nil, err
	}
	if after > 0 {
		if err := w.Purge(after + 1); err != nil {
			return nil, err
		}
	}
	return &board{w}, nil
}

// addEpoch adds the figures of an epoch of so many samples.
func (b *board) addEpoch(e train.Epoch, samples int) error {
	if b == nil {
		return nil
	}
	add := func(tag string, v float64) { b.w.AddScalar(tag, v, e.Epoch) } // Flush tells of errors
	if e.Epoch > 0 {
		add("loss/train", e.TrainLoss)
		add(e.Scored.Name+"/train", e.TrainScore)
		add("learning rate", e.LR)
		add("samples per second", float64(samples)/e.Seconds)
	}
	split := "test"
	if e.Validation {
		split = "val"
	}
	if !e.Unmeasured {
		add("loss/"+split, e.Test.Loss)
		add(e.Scored.Name+"/"+split, e.Test.Score)
	}
	return b.w.Flush()
}

// addPictures adds the confusion matrix of predictions of the test data, those of the
// best epoch's model, and what it says of the first pictures. Without predictions there is nothing to add.
func (b *board) addPictures(p *report.Predictions, epoch int) error {
	if b == nil || p == nil {
		return nil
	}
	if err := b.w.AddImage("confusion", report.ConfusionMatrix(p.Classes, p.Confusion().Counts(), false).Image(), epoch); err != nil {
		return err
	}
	if p.Image != nil {
		first := make([]int, min(sampleCount, p.Len()))
		for i := range first {
			first[i] = i
		}
		const heading = "The first test samples: the true class, → the predicted one, and their probabilities"
		if err := b.w.AddImage("samples", report.Mistakes(p, heading, first, len(first)).Image(), epoch); err != nil {
			return err
		}
	}
	return b.w.Flush()
}

// close ends the file; what was flushed stays.
func (b *board) close() {
	if b != nil {
		b.w.Close()
	}
}
