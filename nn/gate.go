package nn

import (
	"fmt"
	"iter"
	"slices"

	"github.com/onehot-go/onehot/tensor"
)

// Gate is x·Body(x): the body looks at the whole of its input and says how much of each part
// passes. With a body that makes one number of every channel it is squeeze-and-excitation (Hu et
// al., 2018). The body's layers are named after "body", or after the name that Named gave it:
// with "" as if they were the outer net's.
type Gate struct {
	Body Module
}

// Forward returns x·Body(x). What Body makes of x has x's shape, or a size of 1 where it is the same
// for all of a dimension.
func (g *Gate) Forward(x *tensor.Tensor) *tensor.Tensor { return x.Mul(g.Body.Forward(x)) }

// Parameters yields those of the body: "body.fc1.weight".
func (g *Gate) Parameters() iter.Seq2[string, *tensor.Tensor] { return ParametersOf(g) }

// Layers yields the body.
func (g *Gate) Layers() iter.Seq2[string, Module] {
	return func(yield func(string, Module) bool) { yield(nameOf(g.Body, bodyName), bare(g.Body)) }
}

// GateOptions define a Gate layer.
type GateOptions struct {
	Body     []Spec  `json:"body,omitempty"`
	BodyName *string `json:"body_name,omitempty"` // may be "": nil is "body"
}

// cost follows a sample through the body, whose output is to be multiplied with it.
func (o GateOptions) cost(in Sample) (Cost, error) {
	body, err := in.Net("body", or(o.BodyName, bodyName), o.Body)
	if err != nil {
		return Cost{}, err
	}
	fits := len(body) == len(in.Shape)
	for d := 0; fits && d < len(body); d++ {
		fits = body[d] == 1 || body[d] == in.Shape[d]
	}
	if !fits {
		return Cost{}, fmt.Errorf("found a body to %v, %v expected, or 1 in place of a size", body, in.Shape)
	}
	return Cost{Output: slices.Clone(in.Shape), FLOPs: in.numbers()}, nil
}

// make makes the layer.
func (o GateOptions) make(at Place) *Gate {
	g := &Gate{Body: at.Net(or(o.BodyName, bodyName), o.Body)}
	if o.BodyName != nil {
		g.Body = Named(*o.BodyName, g.Body)
	}
	return g
}

// options returns those that the layer is made of.
func (g *Gate) options() (o GateOptions, err error) {
	o.BodyName = new(nameOf(g.Body, bodyName))
	o.Body, err = describeInner("body", g.Body)
	return o, err
}

func (o GateOptions) normal() any {
	return GateOptions{normal(o.Body), unless(or(o.BodyName, bodyName), bodyName)}
}
