package onnx

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A graph of operations becomes a net of layers in two steps. Here its structure is found: what
// follows one after the other, what is a sum of two branches, and what is a gate. Then layers are
// made of that (layers_read.go).

// step is a part of a net: a node, or two branches that begin at one place and end in a sum or a
// product.
type step struct {
	node        *node  // the sum or the product too
	left, right []step // branches; an empty one passes on what the step takes
	fork        bool   // there are branches
}

// structure knows where values of a graph come from.
type structure struct {
	input     string
	constants map[string]*constant
	producers map[string]*node // of the first output of each
	// above is a value's dominator: the last one before it that everything on the way to it comes
	// from. depth counts them, 0 of the input.
	above map[string]string
	depth map[string]int
	used  map[*node]bool // those that are part of a step already
}

// shapeOperations are those that compute the shape that a Reshape asks for. Where they make what a net computes, they are operations like
// others: a Concat of two branches is no layer.
var shapeOperations = []string{"Shape", "Gather", "Slice", "Concat", "Unsqueeze", "Squeeze", "Cast"}

// newStructure finds out what g, a graph of one input, is made of up to the value output. The error
// lists all operations that are not known, and all tensors that are in other files.
func newStructure(g *graph, input, output string) (*structure, error) {
	s := &structure{
		input: input, constants: map[string]*constant{}, producers: map[string]*node{},
		above: map[string]string{}, depth: map[string]int{input: 0}, used: map[*node]bool{},
	}
	for i := range g.constants {
		c := &g.constants[i]
		s.constants[c.name] = c
	}
	for i := range g.nodes {
		n := &g.nodes[i]
		if len(n.outputs) == 0 || s.producers[n.outputs[0]] != nil || s.constants[n.outputs[0]] != nil || n.outputs[0] == input {
			return nil, fmt.Errorf("%s: found outputs %.200q, new names expected", n, n.outputs)
		}
		out := n.outputs[0]
		switch {
		case !standardDomain(n.domain):
		case n.op == "Constant":
			if c := constantOf(n); c != nil {
				s.constants[out] = c
				continue
			}
		case n.op == "Identity" && len(n.inputs) == 1 && s.constants[n.inputs[0]] != nil:
			s.constants[out] = s.constants[n.inputs[0]]
			continue
		case n.op == "Transpose" && len(n.inputs) == 1 && s.constants[n.inputs[0]] != nil:
			if c := s.constants[n.inputs[0]]; len(c.shape) == 2 && c.of == nil && reflect.DeepEqual(n.attributes["perm"], []int64{1, 0}) {
				s.constants[out] = &constant{name: c.name, shape: []int{c.shape[1], c.shape[0]}, external: c.external, of: c}
				continue
			}
		}
		s.producers[out] = n
	}
	if err := s.unknown(g, output); err != nil {
		return nil, err
	}
	return s, s.dominators(g)
}

// constantOf returns what a Constant makes, or nil of one that nothing here needs.
func constantOf(n *node) *constant {
	for _, key := range sortedKeys(n.attributes) {
		switch v := n.attributes[key].(type) {
		case *constant:
			return v
		case float32:
			return numbers([]float32{v}, nil)
		case int64:
			return &constant{kind: int64Kind, shape: nil, ints: []int64{v}}
		case []float32:
			return numbers(v, []int{len(v)})
		case []int64:
			return &constant{kind: int64Kind, shape: []int{len(v)}, ints: v}
		}
	}
	return nil
}

// numbers returns a constant of floats.
func numbers(v []float32, shape []int) *constant {
	return &constant{kind: float32Kind, shape: shape, floats: v}
}

// String names a node for errors: its operation, and its name if it has one.
func (n *node) String() string {
	if n.name == "" {
		return fmt.Sprintf("%.80s", n.op)
	}
	return fmt.Sprintf("%.80s %.200q", n.op, n.name)
}

// unknown returns an error that lists all operations on the way to the output that have no row,
// and all tensors whose elements are in another file.
func (s *structure) unknown(g *graph, output string) error {
	var list []string
	add := func(text string) {
		if !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	needed, computed := map[string]bool{output: true}, map[string]bool{output: true} // computed are not for shapes alone
	for i := len(g.nodes) - 1; i >= 0; i-- {                                         // each stands behind those that it takes something from
		n := &g.nodes[i]
		if len(n.outputs) == 0 || !slices.ContainsFunc(n.outputs, func(name string) bool { return needed[name] }) {
			continue
		}
		computes := slices.ContainsFunc(n.outputs, func(name string) bool { return computed[name] })
		for i, name := range n.inputs {
			needed[name] = true
			computed[name] = computed[name] || computes && !(n.op == "Reshape" && i == 1)
		}
		if s.producers[n.outputs[0]] == nil {
			continue
		}
		switch {
		case !standardDomain(n.domain):
			add(fmt.Sprintf("operation %.80q of %.80q", n.op, n.domain))
		case readers[n.op] == nil && (computes || !slices.Contains(shapeOperations, n.op)):
			add(fmt.Sprintf("operation %.80q", n.op))
		}
	}
	slices.Reverse(list)
	for i := range g.constants {
		if c := &g.constants[i]; c.external && needed[c.name] {
			add("elements in another file")
		}
	}
	if len(list) == 0 {
		return nil
	}
	const most = 40
	if n := len(list) - most; n > 0 {
		list = append(list[:most], fmt.Sprintf("%d more", n))
	}
	return fmt.Errorf("no layers are known for %s", strings.Join(list, ", "))
}

// operands returns the inputs of a node that are no constants. Of a Reshape the shape is left out:
// it does not change what numbers there are.
func (s *structure) operands(n *node) (list []string) {
	for i, name := range n.inputs {
		if name != "" && s.constants[name] == nil && !(n.op == "Reshape" && i == 1) {
			list = append(list, name)
		}
	}
	return list
}

// dominators fills above and depth for all values that come from the input.
func (s *structure) dominators(g *graph) error {
	for i := range g.nodes {
		n := &g.nodes[i]
		if len(n.outputs) == 0 || s.producers[n.outputs[0]] != n {
			continue
		}
		common, from := "", false
		for _, name := range s.operands(n) {
			if _, ok := s.depth[name]; !ok {
				from = false
				break // it comes from nowhere, or from behind
			}
			if !from {
				common, from = name, true
			} else {
				common = s.fork(common, name)
			}
		}
		if from {
			s.above[n.outputs[0]], s.depth[n.outputs[0]] = common, s.depth[common]+1
		}
	}
	return nil
}

// fork returns the last value that all on the way to a and b comes from.
func (s *structure) fork(a, b string) string {
	for a != b {
		if s.depth[a] < s.depth[b] {
			a, b = b, a
		}
		a = s.above[a]
	}
	return a
}

// maxBranches is how many branches may lie within each other. Nets may lie as deep as nn has it.
const maxBranches = 8

// steps returns what is between two values, in order.
func (s *structure) steps(from, to string, within int) (list []step, err error) {
	if within > maxBranches {
		return nil, fmt.Errorf("found more than %d branches within each other", maxBranches)
	}
	for to != from {
		n := s.producers[to]
		if n == nil {
			return nil, fmt.Errorf("value %.200q: found nothing that makes it", to)
		}
		if s.used[n] {
			return nil, fmt.Errorf("%s: found it in two branches: a net of one way, of sums and of gates expected", n)
		}
		s.used[n] = true
		if _, ok := s.depth[to]; !ok {
			return nil, fmt.Errorf("%s: found that it does not come from the input alone", n)
		}
		operands := s.operands(n)
		switch {
		case len(operands) == 1:
			list = append(list, step{node: n})
			to = operands[0]
		case len(operands) == 2 && (n.op == "Add" || n.op == "Mul" || n.op == "Sub" || n.op == "Div"):
			fork := s.fork(operands[0], operands[1])
			f := step{node: n, fork: true}
			if f.left, err = s.steps(fork, operands[0], within+1); err != nil {
				return nil, err
			}
			if f.right, err = s.steps(fork, operands[1], within+1); err != nil {
				return nil, err
			}
			list = append(list, f)
			to = fork
		default:
			return nil, fmt.Errorf("%s: found %d inputs that are no constants", n, len(operands))
		}
	}
	slices.Reverse(list)
	return list, nil
}
