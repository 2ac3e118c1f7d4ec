package classify

import (
	"fmt"
	"math"

	"github.com/onehot-go/onehot/internal/parallel"
)

// scaling is what brings columns to mean 0 and deviation 1: scikit-learn's StandardScaler.
type scaling struct {
	mean, deviation []float64 // of each column; nil for columns as they are
}

// apply makes standardised numbers of a row's.
func (s scaling) apply(row []float64) {
	for j, m := range s.mean {
		row[j] = (row[j] - m) / s.deviation[j]
	}
}

// chunkRows is how many rows are summed up before the sums are added to others.
const chunkRows = 4096

// epsilon is the distance from 1 to the next float64.
const epsilon = 0x1p-52

// newScaling returns the means and deviations of the rows, each of which counts by its weight. A column
// that is constant, as far as float64 can tell, has the deviation 1. The error names a number that is not
// finite, or a column whose numbers are too large.
func newScaling(t table, weight func(row int) float64, raw bool) (scaling, error) {
	chunks := (t.rows + chunkRows - 1) / chunkRows
	sums := make([][]float64, chunks) // and the weight behind them
	bad := make([]error, chunks)
	each := func(do func(sums []float64, row []float64, w float64)) []float64 {
		parallel.Share(chunks, 1, func(lo, hi int) {
			row := make([]float64, t.columns)
			for c := lo; c < hi; c++ {
				sums[c] = make([]float64, t.columns+1)
				for i := c * chunkRows; i < min((c+1)*chunkRows, t.rows); i++ {
					t.read(row, i)
					for j, v := range row {
						if v-v != 0 && bad[c] == nil {
							bad[c] = fmt.Errorf("row %d: found %v in column %d, a finite number expected", i, v, j)
						}
					}
					do(sums[c], row, weight(i))
				}
			}
		})
		all := make([]float64, t.columns+1)
		for _, s := range sums {
			for j, v := range s {
				all[j] += v
			}
		}
		return all
	}
	first := each(func(sums, row []float64, w float64) {
		for j, v := range row {
			sums[j] += w * v
		}
		sums[len(row)] += w
	})
	for _, err := range bad {
		if err != nil {
			return scaling{}, err
		}
	}
	total := first[t.columns]
	if raw || total == 0 {
		return scaling{}, nil
	}
	s := scaling{first[:t.columns], make([]float64, t.columns)}
	for j := range s.mean {
		s.mean[j] /= total
	}
	second := each(func(sums, row []float64, w float64) {
		for j, v := range row {
			d := v - s.mean[j]
			sums[j] += w * d * d
		}
	})
	for j := range s.deviation {
		variance := second[j] / total
		if variance-variance != 0 { // as of a mean that is infinite
			return scaling{}, fmt.Errorf("column %d: found numbers whose variance is %v, smaller ones expected", j, variance)
		}
		rounded := float64(t.rows) * epsilon
		if noise := rounded * s.mean[j]; variance <= rounded*variance+noise*noise {
			variance = 1
		}
		s.deviation[j] = math.Sqrt(variance)
	}
	return s, nil
}
