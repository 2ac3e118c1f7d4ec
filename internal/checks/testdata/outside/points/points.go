// Package points is the data set of some of the programs beside it: points in a plane, whose
// class is their quarter.
package points

import (
	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// Points are tensors (2) of Float32, from -1 to 1.
type Points []*tensor.Tensor

// Draw returns n points, which are a function of key.
func Draw(n int, key random.Key) Points {
	var p Points
	for r := key.Rand(); len(p) < n; {
		p = append(p, tensor.Uniform(tensor.Float32, r, -1, 1, 2))
	}
	return p
}

func (p Points) Len() int { return len(p) }
func (p Points) Classes() []string {
	return []string{"south-west", "south-east", "north-west", "north-east"}
}

func (p Points) Sample(i int, _ random.Key) (dataset.Sample, error) {
	class := 0
	for axis, v := range tensor.Data[float32](p[i]) {
		if v > 0 {
			class |= 1 << axis
		}
	}
	return dataset.Sample{Input: transform.Input{Tensor: p[i]}, Target: dataset.Class(class)}, nil
}
