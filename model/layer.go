package model

import (
	"errors"
	"fmt"
	"slices"

	"github.com/onehot-go/onehot/nn"
)

// maxSide is the most channels, rows or columns that a picture may have.
const maxSide = 1 << 9

// Costs returns what every layer takes, in order, those within another layer before it. The
// error says which part of the definition makes no net.
func (d *Definition) Costs() ([]nn.Cost, error) {
	costs, err := d.check()
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return costs, nil
}

// check follows a sample through the net, or returns what is wrong with the definition. It
// is called before any memory is taken for the net.
func (d *Definition) check() ([]nn.Cost, error) {
	if len(d.InputShape) != 3 || slices.Min(d.InputShape) < 1 || slices.Max(d.InputShape) > maxSide {
		return nil, fmt.Errorf("input_shape: found %v, (channels, height, width) of 1 to %d each expected", d.InputShape, maxSide)
	}
	if len(d.Classes) == 0 {
		return nil, errors.New("classes: none found, at least one expected")
	}
	costs, output, err := nn.Costs(d.Layers, d.InputShape)
	if err != nil {
		return nil, err
	}
	outputs := 0 // while it is a picture
	if len(output) == 1 {
		outputs = output[0]
	}
	if outputs != len(d.Classes) {
		return nil, fmt.Errorf("layers: found %d outputs, %d expected, one a class", outputs, len(d.Classes))
	}
	_, err = d.Transform()
	return costs, err
}

// size returns how many numbers a state of layers of these costs has.
func size(costs []nn.Cost) int {
	n := 0
	for _, c := range costs {
		n += c.Parameters + c.Buffers
	}
	return n
}
