package report

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/task"
)

func TestReadHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.csv")
	for _, n := range []int{0, 1, 4} {
		if err := os.WriteFile(path, []byte(header+strings.Join(lines[:n], "")), 0o666); err != nil {
			t.Fatal(err)
		}
		got, err := ReadHistory(path, task.Accuracy)
		if err != nil || len(got) != n {
			t.Fatalf("%d epochs and error %v, want %d", len(got), err, n)
		}
		for i, e := range got {
			want := epoch(i + 1)
			if e.TrainLoss-want.TrainLoss > 1e-6 || want.TrainLoss-e.TrainLoss > 1e-6 { // the file has six decimals
				t.Errorf("training loss %g, want %g", e.TrainLoss, want.TrainLoss)
			}
			e.TrainLoss = want.TrainLoss
			if !slices.Equal([]float64{float64(e.Epoch), e.TrainScore, e.Test.Loss, e.Test.Score, e.LR, e.Seconds},
				[]float64{float64(want.Epoch), want.TrainScore, want.Test.Loss, want.Test.Score, want.LR, want.Seconds}) {
				t.Errorf("epoch %+v, want %+v", e, want)
			}
		}
	}
}

func TestReadHistoryErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.csv")
	if _, err := ReadHistory(path, task.Accuracy); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: error %v", err)
	}
	for content, want := range map[string]string{
		"":                             "found 0 lines, at least 1 expected",
		"a,b,c,d,e,f,g\n":              `line 1: found ["a" "b" "c" "d" "e" "f" "g"], ["epoch" "train_loss" "train_acc" "test_loss" "test_acc" "lr" "seconds"] expected`,
		header + lines[1]:              `line 2: found epoch "2", 1 expected`,
		header + lines[0] + lines[0]:   `line 3: found epoch "1", 2 expected`,
		header + lines[0][:12]:         "record on line 2: wrong number of fields",
		header + "1,1,1,low,1,0.1,1\n": `line 2, test_loss: found "low", a number from 0 to 3.4e+38 expected`,
	} {
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadHistory(path, task.Accuracy); got != nil || err == nil || err.Error() != path+": "+want {
			t.Errorf("got %v, error %v, want %s: %s", got, err, path, want)
		}
	}
}
