package nn

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
)

// Cost says what one layer makes of one sample, and what that takes.
type Cost struct {
	Layer      string `json:"layer"`      // its path: "block1.body.conv1"; Costs sets it
	Type       string `json:"type"`       // as definitions have it; Costs sets it
	Output     []int  `json:"output"`     // shape of what it makes of one sample
	Parameters int    `json:"parameters"` // numbers that training changes
	Buffers    int    `json:"-"`          // numbers in the state beside them
	FLOPs      int    `json:"flops"`      // additions, multiplications and comparisons
	Scratch    int    `json:"-"`          // numbers that it holds beside its output, for one sample
	Work       int    `json:"-"`          // numbers that it holds while it computes, whatever the batch
}

// The most that a net may ask for. What a layer makes of one sample has half a gigabyte, the
// weights have four, and the arithmetic takes a minute or so on a slow machine. Nets within each
// other have a limit, since each keeps its input.
const (
	maxSide       = 1 << 9
	maxNumbers    = 1 << 27
	maxParameters = 1 << 30
	maxFLOPs      = 1 << 37
	maxDepth      = 8
)

// Costs follows one sample of shape input through the layers, before there is a net. It
// returns the cost of every layer in order, those within another before it. A net that does
// nothing but hold layers, "sequential", is not listed. output is the shape of what the last
// one makes of the sample. The error names the layer that cannot work, or takes the net beyond
// the most that one may ask for: then the costs are those of the layers before it, and output
// is what it would get.
func Costs(layers []Spec, input []int) (costs []Cost, output []int, err error) {
	if n, ok := product(input); !ok || n < 1 || n > maxNumbers {
		return nil, input, fmt.Errorf("found samples of shape %v, 1 to %d numbers expected", input, maxNumbers)
	}
	t := tracer{paths: map[string]bool{}}
	output, err = t.net("layers", "", layers, input, 0)
	return t.costs, output, err
}

// Sample is what a layer will get in a net that has yet to be made.
type Sample struct {
	Shape []int // of one sample, without the dimension of the batch: (channels, height, width)

	path   string
	depth  int
	tracer *tracer
}

// Net follows the sample through a net within the layer, of the given name, which may be "",
// and returns the shape of what that makes of it. Errors call the list of its layers so:
// "body".
func (s Sample) Net(called, name string, layers []Spec) (output []int, err error) {
	if s.depth == maxDepth {
		return nil, fmt.Errorf("found more than %d nets within each other", maxDepth)
	}
	path := s.path
	if name != "" {
		if strings.Contains(name, ".") {
			return nil, fmt.Errorf("%s is named %q: a name without a dot expected", called, name)
		}
		if path = join(path, name); !s.tracer.take(path) {
			return nil, fmt.Errorf("%s is named %q, which another layer is", called, name)
		}
	}
	return s.tracer.net(called, path, layers, s.Shape, s.depth+1)
}

// tracer follows a sample through the layers of a definition, which may be wrong: no number in
// it is used before it is looked at.
type tracer struct {
	parameters int // up to here
	buffers    int
	flops      int
	costs      []Cost
	paths      map[string]bool // of layers
}

// take reserves the path for a layer and reports whether it was free.
func (t *tracer) take(path string) bool {
	taken := t.paths[path]
	t.paths[path] = true
	return !taken
}

// net follows a sample of the given shape through a list of layers, which errors call so, of a
// net at the given path. It returns the shape of what the last one makes of it, or of what the
// one that cannot work would get.
func (t *tracer) net(called, path string, layers []Spec, shape []int, depth int) ([]int, error) {
	for i, s := range layers {
		output, err := t.layer(s, path, shape, depth)
		if err != nil {
			return shape, fmt.Errorf("%s[%d] %q: %w", called, i, s.Name, err)
		}
		shape = output
	}
	return shape, nil
}

// layer follows the sample through one layer of the net at the given path.
func (t *tracer) layer(s Spec, path string, shape []int, depth int) (output []int, err error) {
	r, err := s.row()
	if err != nil {
		return nil, err
	}
	path = join(path, s.Name)
	if s.Name == "" && !r.layer.Implements(reflect.TypeFor[Container]()) || strings.Contains(s.Name, ".") || s.Name != "" && !t.take(path) {
		return nil, errors.New("a name of its own without a dot expected")
	}
	c, err := r.cost(s.Options, Sample{slices.Clone(shape), path, depth, t})
	if err != nil {
		return nil, err
	}
	c.Layer, c.Type = path, r.name
	numbers, ok := product(c.Output)
	switch {
	case !ok || numbers > maxNumbers:
		return nil, fmt.Errorf("more than %d numbers for one sample", maxNumbers)
	case numbers < 1 || min(c.Parameters, c.Buffers, c.FLOPs, c.Scratch, c.Work) < 0:
		return nil, fmt.Errorf("found a cost of %+v, positive numbers expected", c)
	case c.Parameters > maxParameters || c.Buffers > maxParameters || t.parameters+c.Parameters+t.buffers+c.Buffers > maxParameters:
		return nil, fmt.Errorf("more than %d parameters up to here", maxParameters)
	case c.FLOPs > maxFLOPs:
		return nil, fmt.Errorf("more than %d operations for one sample", maxFLOPs)
	case t.flops+c.FLOPs > maxFLOPs:
		return nil, fmt.Errorf("more than %d operations for one sample up to here", maxFLOPs)
	}
	t.parameters += c.Parameters
	t.buffers += c.Buffers
	t.flops += c.FLOPs
	if _, holder := s.Options.(SequentialOptions); !holder {
		t.costs = append(t.costs, c)
	}
	return c.Output, nil
}

// product returns how many numbers a shape has. It returns false for more than an int holds,
// and 0 if a dimension is below 1 or there is none.
func product(shape []int) (int, bool) {
	n := min(len(shape), 1)
	for _, s := range shape {
		if s < 1 {
			return 0, true
		}
		if n > math.MaxInt/s {
			return 0, false
		}
		n *= s
	}
	return n, true
}

// numbers returns how many a sample has, which was checked before.
func (s Sample) numbers() int {
	n, _ := product(s.Shape)
	return n
}
