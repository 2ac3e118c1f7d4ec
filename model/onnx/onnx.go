// Package onnx writes classifiers as ONNX files, which runtimes in other languages read, and
// reads classifiers from such files.
//
// What Export writes has opset 17 and IR version 8. The batch is symbolic. A net for pictures
// takes the bytes of their pixels, as input of (N, height, width, channels), and normalises
// them itself. One for rows of tables has an input a column: see Inputs. The outputs are probabilities and logits. Scaling and cropping come before
// it: the file's metadata describes them, beside the names of the classes and the definition
// that a model's own file has.
//
// What Load reads becomes a net of registered layers, which can be trained further and saved.
package onnx

import (
	"maps"
	"slices"
)

// The versions that Export writes.
const (
	irVersion = 8
	opset     = 17
)

// learning is the domain of ONNX's operations on texts, and its version that Export writes.
const (
	learning        = "ai.onnx.ml"
	learningVersion = 3
)

// The names of inputs and outputs.
const (
	inputName         = "input"
	probabilitiesName = "probabilities"
	logitsName        = "logits"
)

// Keys of the metadata.
const (
	definitionKey = "onehot"          // the definition as JSON, as a model's file has it
	countersKey   = "onehot.counters" // tensors of int64 without dimensions, which no node reads, as JSON
	namesKey      = "names"           // of the classes, as a list in JSON
	inputsKey     = "inputs"          // of rows of a table, as a list of Input in JSON
	beforeKey     = "preprocess"      // the steps that come before the graph, as a list in JSON
	formatKey     = "Image.BitmapPixelFormat"
	rangeKey      = "Image.NominalPixelRange"
)

// kind is the type of a tensor's elements, as files number it.
type kind int

const (
	float32Kind  kind = 1
	uint8Kind    kind = 2
	int8Kind     kind = 3
	int32Kind    kind = 6
	int64Kind    kind = 7
	stringKind   kind = 8
	boolKind     kind = 9
	float16Kind  kind = 10
	float64Kind  kind = 11
	bfloat16Kind kind = 16
)

// file is the content of a file.
type file struct {
	opset    int64 // of ONNX's own operations
	metadata map[string]string
	graph    graph
}

// graph is nodes in an order in which each comes behind those that it takes something from.
type graph struct {
	inputs, outputs []port
	nodes           []node
	constants       []constant
}

// port is an input or an output of a graph.
type port struct {
	name  string
	kind  kind
	shape []dim
}

// dim is a size, or the name of one that the file does not know.
type dim struct {
	size int64
	name string
}

// node is an operation. An input that is left out is "".
type node struct {
	op, domain, name string
	inputs, outputs  []string
	attributes       map[string]any // int64, float32, string, []int64, []float32, []string, *constant or other
}

// other is an attribute of a type that no operation here has.
type other struct{}

// constant is a tensor in the file.
type constant struct {
	name  string
	kind  kind
	shape []int
	// The elements of one that is written, those of float64 as raw.
	floats []float32
	ints   []int64
	// The elements of one that was read, where they are in the file: little-endian or, of integers,
	// and of floating-point numbers of 16 bits, as variable-length numbers.
	raw      []byte
	varints  bool
	external bool      // they are in another file
	of       *constant // the matrix that it is the transpose of; then it has no elements of its own
}

// sortedKeys returns the keys of m in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
