package report

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strconv"

	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/internal/memory"
	"github.com/onehot-go/onehot/train"
)

// BatchLoss is the training loss of one batch, or of a few that follow each other.
type BatchLoss struct {
	Epoch float64 // where it ends, in epochs: 0.5 is in the middle of the first
	Loss  float64 // mean over the samples, in nats
}

// maxBatchLosses is how many of a run are kept: more would not be told apart in a chart.
const maxBatchLosses = 200

// Batches records the training loss by batch: of a long run the means of as many batches
// as leave at most 200. It costs some nanoseconds a batch.
type Batches struct {
	losses      []BatchLoss
	every       int     // batches to a loss; 0 before the first step
	sum         float64 // of the samples' losses since the last one
	samples     int     // since then
	batches     int     // since then
	seenSum     float64 // of the epoch
	seenSamples int
}

// NewBatches returns a record that goes on after those losses, which it doesn't change, and
// after part of an epoch, nil for none.
func NewBatches(earlier []BatchLoss, part *train.Part) *Batches {
	b := &Batches{losses: slices.Clone(earlier)}
	if part != nil {
		b.seenSum, b.seenSamples = part.Loss.Result()*float64(part.Samples), part.Samples
	}
	return b
}

// Observe takes note of a training step. It records no epoch of one step, since that has the
// epoch's loss, and none whose number of steps nobody knows.
func (b *Batches) Observe(s train.Step) {
	if s.Steps <= 1 {
		return
	}
	if b.every == 0 {
		b.every = 1
		if len(b.losses) > 1 {
			b.every = max(1, int(math.Round((b.losses[1].Epoch-b.losses[0].Epoch)*float64(s.Steps))))
		}
	}
	if s.Step == 1 {
		b.seenSum, b.seenSamples = 0, 0
	}
	if math.IsNaN(s.Loss) { // no sample has counted yet
		return
	}
	sum := s.Loss * float64(s.Samples)
	b.sum += sum - b.seenSum
	b.samples += s.Samples - b.seenSamples
	b.seenSum, b.seenSamples = sum, s.Samples
	if b.batches++; b.batches < b.every {
		return
	}
	b.losses = append(b.losses, BatchLoss{float64(s.Epoch-1) + float64(s.Step)/float64(s.Steps), b.sum / float64(b.samples)})
	b.sum, b.samples, b.batches = 0, 0, 0
	if len(b.losses) == maxBatchLosses {
		half := b.losses[:0]
		for pair := range slices.Chunk(b.losses, 2) {
			half = append(half, BatchLoss{pair[1].Epoch, (pair[0].Loss + pair[1].Loss) / 2})
		}
		b.losses, b.every = half, 2*b.every
	}
}

// Losses returns what has been recorded, in order.
func (b *Batches) Losses() []BatchLoss { return slices.Clone(b.losses) }

// sixDigits is what rounding to six digits, as WriteBatches does, changes at most.
const sixDigits = 5e-7

var batchColumns = []string{"epoch", "train_loss"}

// WriteBatches writes losses to a CSV file, whole or not at all.
func WriteBatches(path string, losses []BatchLoss) error {
	return atomicfile.Write(path, func(out io.Writer) error {
		lines := [][]string{batchColumns}
		for _, l := range losses {
			lines = append(lines, []string{strconv.FormatFloat(l.Epoch, 'f', 6, 64), strconv.FormatFloat(l.Loss, 'f', 6, 64)})
		}
		return csv.NewWriter(out).WriteAll(lines)
	})
}

// ReadBatches returns the losses in a file that WriteBatches wrote, of the given number of
// epochs, 1.5 for half of the second; none where there is no such file. The error names the file and the line.
func ReadBatches(path string, epochs float64) ([]BatchLoss, error) {
	content, err := memory.ReadFile(path, maxTable)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	lines, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(lines) == 0 || !slices.Equal(lines[0], batchColumns) {
		return nil, fmt.Errorf("%s: %q expected in line 1", path, batchColumns)
	}
	if len(lines) > maxBatchLosses {
		return nil, fmt.Errorf("%s: found %d losses, at most %d expected", path, len(lines)-1, maxBatchLosses-1)
	}
	var losses []BatchLoss
	for i, line := range lines[1:] {
		var l BatchLoss
		for k, v := range []*float64{&l.Epoch, &l.Loss} {
			if *v, err = readFigure(line[k]); err != nil {
				return nil, fmt.Errorf("%s: line %d, %s: %w", path, i+2, batchColumns[k], err)
			}
		}
		if l.Epoch <= epochs+sixDigits {
			losses = append(losses, l)
		}
	}
	return losses, nil
}
