package report

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/metric"
	"github.com/onehot-go/onehot/train"
)

func TestLine(t *testing.T) {
	for want, e := range map[string]train.Epoch{
		"epoch 1, loss 0.7851, train acc 0.750, test acc 0.791": {
			Epoch: 1, TrainLoss: 0.78512, TrainAccuracy: 0.74996, Test: train.Evaluation{Accuracy: 0.7909, Loss: 3}, LR: 0.1, Seconds: 9},
		"epoch 10, loss 12.0000, train acc 1.000, test acc 0.000": {
			Epoch: 10, TrainLoss: 12, TrainAccuracy: 0.9999},
		"epoch 0, test acc 0.100": {Test: train.Evaluation{Accuracy: 0.1, Loss: 2.3}},
	} {
		if got := Line(e); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// figures are those of three classes, one of which was never predicted.
func figures() Figures {
	return NewFigures(train.Evaluation{
		Accuracy: 0.625, Loss: 0.81234,
		Classes: []metric.ClassReport{
			{Precision: 1, Recall: 0.75, F1: 6.0 / 7, Support: 4},
			{Precision: 0.4, Recall: 1, F1: 4.0 / 7, Support: 2},
			{Support: 2},
		},
		Counts: [][]int{{3, 1, 0}, {0, 2, 0}, {0, 2, 0}},
	}, []string{"T-shirt/top", "Kleid für Größe", "bag"})
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
	if err := figures().WriteText(&b); err != nil {
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
	if err := f.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for bad := 0; bad < b.Len(); bad += 97 {
		if err := f.WriteText(&flaky{bad: bad}); err != errFlaky {
			t.Fatalf("with an error at byte %d of %d: got %v", bad, b.Len(), err)
		}
	}
	if err := f.WriteText(&flaky{bad: b.Len()}); err != nil {
		t.Errorf("with none: got %v", err)
	}
}

func TestFiguresJSON(t *testing.T) {
	got, err := json.Marshal(figures())
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"accuracy":0.625,"loss":0.81234,"classes":[` +
		`{"name":"T-shirt/top","precision":1,"recall":0.75,"f1":0.8571428571428571,"support":4},` +
		`{"name":"Kleid für Größe","precision":0.4,"recall":1,"f1":0.5714285714285714,"support":2},` +
		`{"name":"bag","precision":0,"recall":0,"f1":0,"support":2}],` +
		`"confusion":[[3,1,0],[0,2,0],[0,2,0]]}`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	var back Figures
	if err := json.Unmarshal(got, &back); err != nil || !reflect.DeepEqual(back, figures()) {
		t.Errorf("read back: %+v (%v)", back, err)
	}
}
