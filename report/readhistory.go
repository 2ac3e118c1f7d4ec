package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"strconv"

	"github.com/onehot-go/onehot/internal/memory"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/train"
)

// ReadHistory returns the epochs in the history file at path, of scores of that kind, with what
// it has of them.
// The error names the file and the place in it.
func ReadHistory(path string, score task.Score) ([]train.Epoch, error) {
	content, err := memory.ReadFile(path, maxTable)
	if err != nil {
		return nil, err
	}
	lines, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("%s: found 0 lines, at least 1 expected", path)
	}
	validation, err := readColumns(path, lines[0], score)
	if err != nil {
		return nil, err
	}
	var epochs []train.Epoch
	for i, line := range lines[1:] {
		e := train.Epoch{Epoch: i + 1, Scored: score, Validation: validation}
		if line[0] != strconv.Itoa(e.Epoch) {
			return nil, fmt.Errorf("%s: line %d: found epoch %q, %d expected", path, i+2, line[0], e.Epoch)
		}
		e.Unmeasured = line[3] == "" && line[4] == ""
		for k, v := range []*float64{&e.TrainLoss, &e.TrainScore, &e.Test.Loss, &e.Test.Score, &e.LR, &e.Seconds} {
			if e.Unmeasured && (v == &e.Test.Loss || v == &e.Test.Score) {
				continue
			}
			if *v, err = readFigure(line[k+1]); err != nil {
				return nil, fmt.Errorf("%s: line %d, %s: %w", path, i+2, lines[0][k+1], err)
			}
		}
		epochs = append(epochs, e)
	}
	return epochs, nil
}

// readFigure reads a loss, an accuracy or another figure of a run: what a float32 can be, and
// not below 0.
func readFigure(text string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= 0 && v <= math.MaxFloat32) {
		return 0, fmt.Errorf("found %q, a number from 0 to %.2g expected", text, math.MaxFloat32)
	}
	return v, nil
}
