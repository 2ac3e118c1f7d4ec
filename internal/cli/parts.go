package cli

import (
	"context"
	"io"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/random"
)

// parts are the pictures of a run, before they are prepared: those to learn from, those to choose
// the best epoch by, and those to measure on at the end. There is one of the latter two at least.
type parts struct {
	training, val, test *dataset.Images // val and test are nil for none
	record              dataRecord
}

// parts returns the pictures that the settings ask for.
func (c *trainCommand) parts(ctx context.Context, remarks io.Writer) (parts, error) {
	training, test, err := c.open(ctx, c.Data, remarks)
	if err != nil {
		return parts{}, err
	}
	p := parts{training: training, test: test, record: newDataRecord(c.DataDir, training, test)}
	if c.Val.some() {
		err = p.hold(c.Val, c.Seed)
	}
	return p, err
}

// hold takes the pictures of --val from those of training, of each class its share.
func (p *parts) hold(val amount, seed uint64) error {
	n := p.training.Len()
	held := val.of(n)
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
