package model

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/task"
)

// The most that an input may have: dimensions, and numbers in all.
const (
	maxDims    = 8
	maxNumbers = 1 << 27
)

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
	if err := checkInputShape(d.InputShape); err != nil {
		return nil, err
	}
	if len(d.Classes) == 0 {
		return nil, errors.New("classes: none found, at least one expected")
	}
	for i, c := range d.Classes { // JSON would have others in their place
		if !utf8.ValidString(c) {
			return nil, fmt.Errorf("classes[%d]: found %q, UTF-8 expected", i, c)
		}
	}
	if _, err := task.Named(d.Task); err != nil {
		return nil, fmt.Errorf("task: %w", err)
	}
	if err := d.checkThresholds(); err != nil {
		return nil, err
	}
	if err := d.Ground.check(); err != nil {
		return nil, err
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
	return costs, d.checkPreprocess()
}

// checkInputShape returns an error unless an input can have the shape.
func checkInputShape(shape []int) error {
	numbers := 1
	for _, n := range shape {
		if n < 1 || n > maxNumbers/numbers {
			numbers = 0
			break
		}
		numbers *= n
	}
	if len(shape) == 0 || len(shape) > maxDims || numbers == 0 {
		return fmt.Errorf("input_shape: found %v, 1 to %d sizes of at least 1 with at most %d numbers in all expected", shape, maxDims, maxNumbers)
	}
	return nil
}

// size returns how many numbers a state of layers of these costs has.
func size(costs []nn.Cost) int {
	n := 0
	for _, c := range costs {
		n += c.Parameters + c.Buffers
	}
	return n
}
