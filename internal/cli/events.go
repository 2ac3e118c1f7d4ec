package cli

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/train"
)

// writeEvent writes an event as a line of JSON: in place of acc its fields have the score's own name.
func writeEvent(w io.Writer, event any, score task.Score) error {
	text, err := json.Marshal(event)
	if err != nil {
		return err
	}
	// Within a text a quote has a backslash before it: this is the end of a name of a field alone.
	text = bytes.ReplaceAll(text, []byte(`_acc":`), []byte("_"+score.Column()+`":`))
	_, err = w.Write(append(text, '\n'))
	return err
}

// epochEvent is an epoch on standard output with --json.
type epochEvent struct {
	Event       string   `json:"event"`
	Epoch       int      `json:"epoch"`
	TrainLoss   *float64 `json:"train_loss"` // null for a model that was not trained
	TrainAcc    *float64 `json:"train_acc"`
	TestLoss    *float64 `json:"test_loss,omitempty"` // without --val, if anything is measured
	TestAcc     *float64 `json:"test_acc,omitempty"`
	ValLoss     *float64 `json:"val_loss,omitempty"` // with it
	ValAcc      *float64 `json:"val_acc,omitempty"`
	LR          float64  `json:"lr"`
	Seconds     float64  `json:"seconds"`
	EvalSeconds float64  `json:"eval_seconds"`

	Ranks []train.RankTime `json:"ranks,omitempty"` // of several ranks
}

func newEpochEvent(e train.Epoch) epochEvent {
	out := epochEvent{Event: "epoch", Epoch: e.Epoch, LR: e.LR, Seconds: e.Seconds, EvalSeconds: e.EvalSeconds, Ranks: e.Ranks}
	switch {
	case e.Unmeasured:
	case e.Validation:
		out.ValLoss, out.ValAcc = &e.Test.Loss, &e.Test.Score
	default:
		out.TestLoss, out.TestAcc = &e.Test.Loss, &e.Test.Score
	}
	if e.Epoch > 0 {
		out.TrainLoss, out.TrainAcc = &e.TrainLoss, &e.TrainScore
	}
	return out
}

// doneEvent is the last line of --json.
type doneEvent struct {
	Event       string   `json:"event"`
	Run         string   `json:"run"`   // the folder
	Model       string   `json:"model"` // the file with the best weights
	Epochs      int      `json:"epochs"`
	BestEpoch   int      `json:"best_epoch"`
	BestTestAcc *float64 `json:"best_test_acc,omitempty"` // without --val, if anything is measured
	BestValAcc  *float64 `json:"best_val_acc,omitempty"`  // with it
	TestAcc     *float64 `json:"test_acc,omitempty"`      // of the best epoch by validation
	TestLoss    *float64 `json:"test_loss,omitempty"`
}
