// Package safetensors reads and writes tensors in the safetensors format, which
// PyTorch's users keep weights in: https://github.com/huggingface/safetensors.
//
// A file is the length of its header as 8 bytes, little-endian; the header, a JSON
// object that maps a tensor's name to its type, shape and place in the data, and
// "__metadata__" to a string for each of some keys; and the data, every tensor in
// row-major order and little-endian, without holes or overlaps. Nothing in it is code,
// and reading checks every length before memory is taken for it. Elements are booleans, bytes,
// int64 and floats of 16, 32 and 64 bits; those of 16 bits are Float32 once read.
package safetensors

import (
	"fmt"
	"slices"

	"github.com/onehot-go/onehot/tensor"
)

// File is the content of a safetensors file.
type File struct {
	// Metadata is free text by key, such as the architecture that the weights are for.
	// It is nil where a file has none.
	Metadata map[string]string

	// Tensors are in the order of their data in a file that was read. Write chooses its
	// own order.
	Tensors []Tensor
}

// Tensor is a tensor of any shape, empty ones and scalars among them, and its name,
// such as "linear.weight".
type Tensor struct {
	Name  string
	Value *tensor.Tensor

	// Half is the type of 16 bits that a file has for the elements of a Float32 tensor, or ""
	// where it has all 32 bits, and for other tensors. Read sets it, so that a file written
	// again has the same bytes. Write rounds to the nearest value, half-way to even.
	Half Half
}

// Lookup returns the tensor with the given name, or false if there is none.
func (f *File) Lookup(name string) (*tensor.Tensor, bool) {
	i := slices.IndexFunc(f.Tensors, func(t Tensor) bool { return t.Name == name })
	if i < 0 {
		return nil, false
	}
	return f.Tensors[i].Value, true
}

// UnsupportedError reports a tensor with elements of a type that this package does not
// read. The file itself may be valid.
type UnsupportedError struct {
	File   string // the file's path, or "" if it was not read by ReadFile
	Tensor string // the tensor's name
	DType  string // its type, as in the file: "F8_E4M3"
}

// Error names the file if it is known, the tensor, its type and the types supported.
func (e *UnsupportedError) Error() string {
	return locate(e.File, fmt.Sprintf("tensor %q: dtype: found %q, which is not supported; BOOL, U8, F16, BF16, F32, F64 or I64 expected",
		e.Tensor, e.DType))
}

func locate(file, message string) string {
	if file == "" {
		return message
	}
	return file + ": " + message
}

const (
	metadataKey = "__metadata__"
	lengthSize  = 8 // bytes of the header's length
	alignment   = 8 // of the data in the file, to bytes
	bufferSize  = 64 << 10
)

// The most that a header may have. The largest models that are published as one file have some
// ten thousand tensors of up to five dimensions.
const (
	maxHeader  = 32 << 20 // bytes
	maxMembers = 1 << 16  // tensors, or keys of the metadata
	maxDims    = 64       // of a tensor, as in PyTorch
)

// format is how a file names and stores a type of elements.
type format struct {
	name   string
	dtype  tensor.DType
	half   Half // where the file has 16 bits for a Float32
	width  int  // bytes of an element in the file
	memory int  // bytes of an element in memory
}

// formats is in the order in which the reference implementation places tensors: by
// falling alignment, so that each starts at a multiple of its elements' width.
var formats = []format{
	{"I64", tensor.Int64, "", 8, 8},
	{"F64", tensor.Float64, "", 8, 8},
	{"F32", tensor.Float32, "", 4, 4},
	{"BF16", tensor.Float32, BF16, 2, 4},
	{"F16", tensor.Float32, F16, 2, 4},
	{"U8", tensor.Uint8, "", 1, 1},
	{"BOOL", tensor.Bool, "", 1, 1},
}
