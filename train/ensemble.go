package train

import (
	"iter"
	"math"

	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// Ensemble is a net that gives, for pictures, the mean of the probabilities of its
// members: as logits, their logarithms. It is measured as any net is.
type Ensemble struct {
	Members []nn.Module // that give logits of the same classes, at least one
	// Mirrored counts every member a second time, on the mirror image of the picture: it
	// is for classes that stay what they are in a mirror, as clothes do and digits do not.
	Mirrored bool
	// SeveralLabels says that the logits are of labels, of which a sample may have several: each has a
	// probability of its own, a sigmoid.
	SeveralLabels bool
}

var _ nn.Container = (*Ensemble)(nil)

// Forward returns logits of the mean probabilities, (N, C), of pictures (N, C, H, W): their logarithms, or of
// several labels what a sigmoid makes them of.
func (e *Ensemble) Forward(x *tensor.Tensor) *tensor.Tensor {
	inputs := []*tensor.Tensor{x}
	if e.Mirrored {
		inputs = append(inputs, mirror(x))
	}
	var logs, others []*tensor.Tensor // of the probabilities, and of those of no label
	for _, m := range e.Members {
		for _, x := range inputs {
			logits := m.Forward(x)
			if e.SeveralLabels {
				logs, others = append(logs, logits.LogSigmoid()), append(others, logits.Neg().LogSigmoid())
			} else {
				logs = append(logs, logits.LogSoftmax(1))
			}
		}
	}
	sum := tensor.Stack(0, logs...).LogSumExp(0)
	if e.SeveralLabels {
		return sum.Sub(tensor.Stack(0, others...).LogSumExp(0))
	}
	return sum.SubScalar(math.Log(float64(len(logs))))
}

// mirror returns pictures (N, C, H, W) with left and right exchanged.
func mirror(x *tensor.Tensor) *tensor.Tensor {
	width := x.Size(3)
	columns := make([]int64, width)
	for i := range columns {
		columns[i] = int64(width - 1 - i)
	}
	return x.IndexSelect(3, tensor.New(columns, width))
}

// Parameters yields nothing: the members are not trained here.
func (e *Ensemble) Parameters() iter.Seq2[string, *tensor.Tensor] {
	return func(func(string, *tensor.Tensor) bool) {}
}

// Layers yields the members, without names.
func (e *Ensemble) Layers() iter.Seq2[string, nn.Module] {
	return func(yield func(string, nn.Module) bool) {
		for _, m := range e.Members {
			if !yield("", m) {
				return
			}
		}
	}
}
