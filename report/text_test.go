package report

import (
	"errors"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/metric"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

func TestLine(t *testing.T) {
	for want, e := range map[string]train.Epoch{
		"epoch 1, loss 0.7851, train acc 0.750, test acc 0.791": {
			Epoch: 1, TrainLoss: 0.78512, TrainScore: 0.74996, Test: train.Evaluation{Score: 0.7909, Loss: 3}, LR: 0.1, Seconds: 9},
		"epoch 10, loss 12.0000, train acc 1.000, test acc 0.000": {
			Epoch: 10, TrainLoss: 12, TrainScore: 0.9999},
		"epoch 1, loss 0.1000, train micro-f1 0.750, val micro-f1 0.790": {
			Epoch: 1, Scored: task.MicroF1, TrainLoss: 0.1, TrainScore: 0.75, Test: train.Evaluation{Score: 0.79}, Validation: true},
		"epoch 3, loss 0.1000, train acc 0.750": {Epoch: 3, TrainLoss: 0.1, TrainScore: 0.75, Unmeasured: true},
		"epoch 0, test acc 0.100":               {Test: train.Evaluation{Score: 0.1, Loss: 2.3}},
	} {
		if got := Line(e); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// figures are those of three classes, one of which was never predicted.
func figures() task.ByClass {
	c := metric.NewConfusion(3)
	c.Update(tensor.New([]float64{
		1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0,
		0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0,
	}, 8, 3), tensor.New([]int64{0, 0, 0, 0, 1, 1, 2, 2}))
	return task.NewByClass([]string{"T-shirt/top", "Kleid für Größe", "bag"}, 0.81234, c)
}

func TestFiguresText(t *testing.T) {
	const want = `accuracy 0.6250, loss 0.8123

            class  precision  recall     f1  support
      T-shirt/top      1.000   0.750  0.857        4
  Kleid für Größe      0.400   1.000  0.571        2
              bag      0.000   0.000  0.000        2

confusion: true class in rows, predicted class in columns
                     0  1  2
      T-shirt/top 0  3  1  0
  Kleid für Größe 1  0  2  0
              bag 2  0  2  0
`
	var b strings.Builder
	if err := WriteFigures(&b, task.Accuracy, figures()); err != nil {
		t.Fatal(err)
	}
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// flaky is a writer that fails once: where it is at byte bad.
type flaky struct{ at, bad int }

var errFlaky = errors.New("no space left")

func (f *flaky) Write(p []byte) (int, error) {
	from := f.at
	f.at += len(p)
	if from <= f.bad && f.bad < f.at {
		return f.bad - from, errFlaky
	}
	return len(p), nil
}

// TestFiguresTextErrors checks that no failed write is forgotten, whatever comes after.
func TestFiguresTextErrors(t *testing.T) {
	f := figures()
	for range 200 { // more than one buffer of text
		f.Classes = append(f.Classes, f.Classes[0])
	}
	var b strings.Builder
	if err := WriteFigures(&b, task.Accuracy, f); err != nil {
		t.Fatal(err)
	}
	for bad := 0; bad < b.Len(); bad += 97 {
		if err := WriteFigures(&flaky{bad: bad}, task.Accuracy, f); err != errFlaky {
			t.Fatalf("with an error at byte %d of %d: got %v", bad, b.Len(), err)
		}
	}
	if err := WriteFigures(&flaky{bad: b.Len()}, task.Accuracy, f); err != nil {
		t.Errorf("with none: got %v", err)
	}
}
