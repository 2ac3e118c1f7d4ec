package report

import (
	"testing"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/train"
)

func TestLinesOfOtherLengths(t *testing.T) {
	defer func() {
		const want = `report.Lines: series "loss" has 2 X and 1 Y: one length expected`
		if err, ok := recover().(*fault.OptionError); !ok || err.Error() != want {
			t.Errorf("panic with %v, want %s", err, want)
		}
	}()
	Lines("Loss", "epoch", Series{"loss", []float64{1, 2}, []float64{0.5}})
}

// TestUnmeasured checks that no epoch without figures is called the best.
func TestUnmeasured(t *testing.T) {
	r := history("untested", 3, 0)
	for i := range r.Epochs {
		r.Epochs[i].Test = train.Evaluation{}
	}
	if best := r.best(); best != -1 {
		t.Errorf("best epoch %d of none that was measured", best)
	}
	r.Epochs[1].Test.Loss = 2 // a score of 0 was measured
	if best := r.best(); best != 1 {
		t.Errorf("best epoch %d, want 1", best)
	}
}
