package model

import (
	"errors"
	"fmt"
	"slices"

	"github.com/onehot-go/onehot/transform"
)

// Step describes one step from a picture, as it was read, to what the net takes.
type Step struct {
	Type   string `json:"type"`             // "grayscale", "resize", "to-tensor"
	Height int    `json:"height,omitempty"` // of resize, in pixels
	Width  int    `json:"width,omitempty"`
}

// picture returns the steps for nets that take pictures of shape (1, H, W), grey, or
// (3, H, W), with values from 0 to 1.
func picture(inputShape []int) []Step {
	var steps []Step
	if inputShape[0] == 1 {
		steps = append(steps, Step{Type: "grayscale"})
	}
	return append(steps, Step{Type: "resize", Height: inputShape[1], Width: inputShape[2]}, Step{Type: "to-tensor"})
}

// Transform returns the step as a transform.
func (s Step) Transform() (transform.Transform, error) {
	switch s.Type {
	case "grayscale":
		return transform.Grayscale{}, nil
	case "resize":
		if min(s.Height, s.Width) < 1 || max(s.Height, s.Width) > maxSide {
			return nil, fmt.Errorf("found height %d and width %d, 1 to %d expected", s.Height, s.Width, maxSide)
		}
		return transform.Resize{Height: s.Height, Width: s.Width}, nil
	case "to-tensor":
		return transform.ToTensor{}, nil
	}
	return nil, fmt.Errorf("found type %q, grayscale, resize or to-tensor expected", s.Type)
}

// Transform returns the steps from a picture to what the net takes.
func (d *Definition) Transform() (transform.Transform, error) {
	var all transform.Compose
	made := []int{3, 0, 0} // of a picture in colour, of any size
	for i, s := range d.Preprocess {
		t, err := s.Transform()
		if err != nil {
			return nil, fmt.Errorf("preprocess[%d]: %w", i, err)
		}
		all = append(all, t)
		switch s.Type {
		case "grayscale":
			made[0] = 1
		case "resize":
			made[1], made[2] = s.Height, s.Width
		}
	}
	if n := len(all); n == 0 || d.Preprocess[n-1].Type != "to-tensor" {
		return nil, errors.New("preprocess: to-tensor expected as the last step")
	}
	if !slices.Equal(made, d.InputShape) {
		return nil, fmt.Errorf("preprocess: it makes %v of a picture, %v expected as input_shape says", made, d.InputShape)
	}
	return all, nil
}
