package model

import (
	"errors"
	"fmt"
	"slices"

	"github.com/onehot-go/onehot/transform"
)

// pictures returns the steps from a picture to a net that takes inputs of the given shape,
// values from 0 to 1: (1, H, W) grey, or (3, H, W). Inputs of another shape are no pictures
// and stay as they are.
func pictures(inputShape []int) transform.Compose {
	if len(inputShape) != 3 {
		return transform.Compose{}
	}
	steps := transform.Compose{transform.Grayscale{}}
	if inputShape[0] != 1 {
		steps[0] = transform.RGB{}
	}
	return append(steps, transform.Resize{Height: inputShape[1], Width: inputShape[2]}, transform.ToTensor{})
}

// checkPreprocess returns an error unless the steps make what the net takes of pictures, or
// of tensors of its shape.
func (d *Definition) checkPreprocess() error {
	if d.Preprocess == nil {
		return errors.New("preprocess: nothing found, the steps from an input to what the net takes expected; an empty list leaves inputs as they are")
	}
	_, err := d.raw()
	return err
}

// raw returns what is known of inputs before Preprocess: they are pictures, in colour and of
// any size, if the steps make a tensor of those, rows of a table if Columns come first, and tensors
// as the net takes them if not.
func (d *Definition) raw() (transform.Form, error) {
	picture := transform.Form{Shape: []int{3, 0, 0}}
	made, err := d.Preprocess.Form(picture)
	if err == nil && made.Tensor {
		if !slices.Equal(made.Shape, d.InputShape) {
			return picture, fmt.Errorf("preprocess: it makes %v of a picture, %v expected as input_shape says", made.Shape, d.InputShape)
		}
		return picture, nil
	}
	rows := transform.Form{Tensor: true, Shape: d.InputShape}
	if _, ok := d.Columns(); ok {
		rows, err = transform.Form{Row: true}, nil
	}
	made, other := d.Preprocess.Form(rows)
	if other != nil {
		if err == nil {
			err = other
		}
		return rows, fmt.Errorf("preprocess: %w", err)
	}
	if !slices.Equal(made.Shape, d.InputShape) {
		return rows, fmt.Errorf("preprocess: it makes %v of %v, %v expected as input_shape says", made.Shape, rows, d.InputShape)
	}
	return rows, nil
}

// Columns returns the first step of Preprocess if that takes rows of tables; ok is false if it does
// not.
func (d *Definition) Columns() (c transform.Columns, ok bool) {
	if len(d.Preprocess) > 0 {
		c, ok = d.Preprocess[0].(transform.Columns)
	}
	return c, ok
}
