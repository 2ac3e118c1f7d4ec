package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/internal/memory"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/train"
)

// columns returns the fields of a history file of scores of a kind, with those of validation
// data or of test data.
func columns(score task.Score, validation bool) []string {
	split, name := "test_", score.Column()
	if validation {
		split = "val_"
	}
	return []string{"epoch", "train_loss", "train_" + name, split + "loss", split + name, "lr", "seconds"}
}

// History is the CSV file that has one line an epoch, on disk as soon as the epoch ends.
type History struct{ f *os.File }

// maxTable is the most bytes of a history, and of a file of losses by batch: a quarter of a
// million epochs have about as many.
const maxTable = 16 << 20

// CreateHistory makes the file at path, with the names of the columns in its first line:
// val_loss and val_acc with validation, test_loss and test_acc without, and the score's own
// name in place of acc.
func CreateHistory(path string, score task.Score, validation bool) (*History, error) {
	return startHistory(path, [][]string{columns(score, validation)})
}

// ContinueHistory opens the file at path to go on after the given epoch: lines of later
// ones, which a stopped run left, are dropped. The error names the file and the line
// that is not a history's of such scores.
func ContinueHistory(path string, score task.Score, epoch int) (*History, error) {
	content, err := memory.ReadFile(path, maxTable)
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(bytes.NewReader(content))
	r.FieldsPerRecord = len(columns(score, false))
	var kept [][]string
	for len(kept) <= epoch { // what follows is dropped, whole or cut off by a crash
		line, err := r.Read()
		if err == io.EOF {
			return nil, fmt.Errorf("%s: found %d lines, at least %d expected", path, len(kept), epoch+1)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		switch n := len(kept); {
		case n == 0:
			if _, err := readColumns(path, line, score); err != nil {
				return nil, err
			}
		case n > 0 && line[0] != strconv.Itoa(n):
			return nil, fmt.Errorf("%s: line %d: found epoch %q, %d expected", path, n+1, line[0], n)
		}
		kept = append(kept, line)
	}
	return startHistory(path, kept)
}

// readColumns returns whether line, the first of a history, is of validation data. The error
// says that it is no such line.
func readColumns(path string, line []string, score task.Score) (validation bool, err error) {
	for _, validation := range []bool{false, true} {
		if slices.Equal(line, columns(score, validation)) {
			return validation, nil
		}
	}
	return false, fmt.Errorf("%s: line 1: found %q, %q expected", path, line, columns(score, false))
}

// startHistory writes the file with the given lines and opens it for more.
func startHistory(path string, lines [][]string) (*History, error) {
	err := atomicfile.Write(path, func(w io.Writer) error {
		return csv.NewWriter(w).WriteAll(lines)
	})
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	return &History{f}, nil
}

// Add writes the line of an epoch. One that was not measured has nothing in the columns of test data.
func (h *History) Add(e train.Epoch) error {
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', 6, 64) }
	testLoss, testScore := "", ""
	if !e.Unmeasured {
		testLoss, testScore = number(e.Test.Loss), number(e.Test.Score)
	}
	w := csv.NewWriter(h.f)
	err := w.WriteAll([][]string{{strconv.Itoa(e.Epoch), number(e.TrainLoss), number(e.TrainScore),
		testLoss, testScore, strconv.FormatFloat(e.LR, 'g', -1, 64), number(e.Seconds)}})
	if err != nil {
		return err
	}
	return h.f.Sync() // as its checkpoint, which must not be newer
}

// Close closes the file.
func (h *History) Close() error { return h.f.Close() }
