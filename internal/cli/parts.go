package cli

import (
	"cmp"
	"context"
	"io"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/transform"
)

// parts are the pictures of a run, before they are prepared: those to learn from, those to choose
// the best epoch by, and those to measure on at the end.
type parts struct {
	training, val, test *dataset.Images // val and test are nil for none
	record              dataRecord
	preparation         transform.Compose // from a picture to what a net takes; nil for what the architecture says
	own                 *ownParts         // of pictures of the user's own; nil of a data set known by name
}

// parts returns the pictures that the settings ask for. Those of the user's own may have been listed
// before; nil lists them.
func (s *settings) parts(ctx context.Context, from dataFlags, listed *ownPictures, remarks io.Writer) (parts, error) {
	if s.isPath() {
		return s.ownParts(ctx, from, listed, remarks)
	}
	training, test, err := from.open(ctx, s.Data, remarks)
	if err != nil {
		return parts{}, err
	}
	p := parts{training: training, test: test, record: newDataRecord(from.DataDir, training, test)}
	if !s.Val.None() {
		err = p.hold(s.Val, s.Seed)
	}
	return p, err
}

// final returns the pictures that the best model is measured on at the end: the test data, or those
// that it was chosen by if there are none; nil if nothing is measured.
func (p *parts) final() *dataset.Images { return cmp.Or(p.test, p.val) }

// hold takes the pictures of --val from those of training, of each class its share.
func (p *parts) hold(val amount, seed uint64) error {
	n := p.training.Len()
	held := val.Of(n)
	if held >= n {
		return usagef("--val %s: less than the %d training samples expected", val, n)
	}
	share := float64(held) / float64(n)
	drawn, err := dataset.StratifiedSplit(p.training, []float64{1 - share, share}, random.New(seed).For("validation"))
	if err != nil {
		return err
	}
	p.training, p.val = selected(p.training, drawn[0].Indices, dataset.Train), selected(p.training, drawn[1].Indices, dataset.Validation)
	p.record.Train, p.record.Val = p.training.Len(), p.val.Len()
	return nil
}

// selected returns the samples of m at indices, which share its pixels, as another split.
func selected(m *dataset.Images, indices []int, as dataset.Split) *dataset.Images {
	part := *m
	part.Split, part.Rows, part.Labels, part.Names = as, make([]int, len(indices)), make([]int, len(indices)), nil
	for k, i := range indices {
		part.Rows[k], part.Labels[k] = i, m.Labels[i]
		if m.Rows != nil {
			part.Rows[k] = m.Rows[i]
		}
		if m.Names != nil {
			part.Names = append(part.Names, m.Names[i])
		}
	}
	return &part
}
