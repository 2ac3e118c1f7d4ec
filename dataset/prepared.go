package dataset

import "github.com/onehot-go/onehot/transform"

// Prepared is what says how its inputs are prepared, so that this can be compared with what
// a model expects: a Dataset, a Stream, or a source of batches of one.
type Prepared interface {
	// Preparations returns what is done to inputs: one for all samples, or one for each part
	// of a concatenation. A part that does not say how it prepares its inputs has none.
	Preparations() []Preparation
}

// Preparation is what is done to the inputs of some samples.
type Preparation struct {
	Transform transform.Transform // nil leaves inputs as they are
	Form      transform.Form      // of inputs before Transform
}

// PreparationsOf returns the Preparations of d if it is Prepared, and none if not.
func PreparationsOf(d any) []Preparation {
	if d, ok := d.(Prepared); ok {
		return d.Preparations()
	}
	return nil
}

// Preparations returns Transform, of images of the shape that Shape returns.
func (m *Images) Preparations() []Preparation {
	return []Preparation{{m.Transform, transform.Form{Shape: m.Shape()}}}
}

// Preparations returns those of the data set.
func (s Subset) Preparations() []Preparation { return PreparationsOf(s.Dataset) }

// Preparations returns those of all parts.
func (c *concatenation) Preparations() []Preparation {
	var all []Preparation
	for _, part := range c.parts {
		all = append(all, PreparationsOf(part)...)
	}
	return all
}
