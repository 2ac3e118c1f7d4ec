package train

import (
	"context"
	"fmt"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/train/internal/onepass"
)

// Strength is a strength of L2, and how well softmax regression does with it on samples that it was
// not fitted to.
type Strength struct {
	L2       float64
	Loss     float64 // mean cross-entropy of all samples, each by the fit to the folds that it is not in; of several labels the sum of theirs
	Accuracy float64 // of the same; 0 of several labels
}

// pathIterations is the most iterations of L-BFGS for a strength, as scikit-learn's LogisticRegressionCV
// makes them.
const pathIterations = 100

// Fold is a part of the samples, by index, that a fit to others is measured on.
type Fold struct{ Fit, Measure []int }

// CrossValidateL2 fits softmax regression as a FullBatch does, with each of the given strengths of L2, the
// greatest first: of every fold to its Fit, each from where the one before ended. It measures the fits on
// the fold's Measure. The samples of data are rows of so many features; they are a dataset.Batcher's, or
// copied to memory. progress is called after each fit, nil is never called. The error is the data's, or
// ctx's when it is done. It panics with a *fault.OptionError if there is no fold or no sample in one, and
// if strengths are negative or in another order.
func CrossValidateL2(ctx context.Context, data dataset.Dataset, features int, folds []Fold, strengths []float64, progress func(done, total int)) ([]Strength, error) {
	const op = "train.CrossValidateL2"
	for i, l2 := range strengths {
		if !(l2 >= 0) || i > 0 && l2 > strengths[i-1] {
			fault.Option(op, "strengths %v: numbers of at least 0, the greatest first, expected", strengths)
		}
	}
	if len(folds) == 0 {
		fault.Option(op, "no folds: at least 1 expected")
	}
	scores := make([]Strength, len(strengths))
	measured := 0
	for k, fold := range folds {
		if len(fold.Fit) == 0 || len(fold.Measure) == 0 {
			fault.Option(op, "fold %d has %d samples to fit to and %d to measure: at least 1 expected", k, len(fold.Fit), len(fold.Measure))
		}
		layer := nn.NewLinear(features, len(data.Classes()), random.Key{}.Rand())
		layer.Weight.FillInPlace(0)
		layer.Bias.FillInPlace(0)
		measuring, err := onepass.NewObjective(op, layer, dataset.Subset{Dataset: data, Indices: fold.Measure}, 0)
		if err != nil {
			return nil, err
		}
		for i, l2 := range strengths {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			fit, err := NewFullBatch(layer, dataset.Subset{Dataset: data, Indices: fold.Fit}, 1, l2)
			if err != nil {
				return nil, err
			}
			fit.Iterations = pathIterations
			fit.Step()
			measuring.Evaluate()
			loss, correct := measuring.Result()
			if loss-loss != 0 {
				return nil, fmt.Errorf("L2 of %g: the loss on fold %d is %g", l2, k, loss)
			}
			scores[i].L2 = l2
			scores[i].Loss += loss * float64(len(fold.Measure))
			scores[i].Accuracy += float64(correct)
			if progress != nil {
				progress(k*len(strengths)+i+1, len(folds)*len(strengths))
			}
		}
		measured += len(fold.Measure)
	}
	for i := range scores {
		scores[i].Loss /= float64(measured)
		scores[i].Accuracy /= float64(measured)
	}
	return scores, nil
}
