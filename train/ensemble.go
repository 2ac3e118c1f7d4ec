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
}

var _ nn.Container = (*Ensemble)(nil)

// Forward returns the logarithms of the mean probabilities, (N, C), of pictures
// (N, C, H, W).
func (e *Ensemble) Forward(x *tensor.Tensor) *tensor.Tensor {
	inputs := []*tensor.Tensor{x}
	if e.Mirrored {
		inputs = append(inputs, mirror(x))
	}
	var logs []*tensor.Tensor
	for _, m := range e.Members {
		for _, x := range inputs {
			logs = append(logs, m.Forward(x).LogSoftmax(1))
		}
	}
	return tensor.Stack(0, logs...).LogSumExp(0).SubScalar(math.Log(float64(len(logs))))
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
