// Package tensor has n-dimensional arrays with automatic gradients.
//
// A Tensor has a shape, a DType known at run time, and strides over storage that views
// share: reshaping, transposing or selecting copies nothing where it need not.
// Operations broadcast by NumPy's rules and mean what PyTorch means by the same name;
// they return new tensors, but for those whose names end in InPlace. Dimensions count
// from 0, or from the end with -1.
//
// Gradients are part of a tensor: operations on one for which SetRequiresGrad was
// called are recorded, and Backward on a result adds the derivative of that result up
// in the Grad of every such tensor.
//
//	w := tensor.New([]float32{1, 2, 3}, 3).SetRequiresGrad(true)
//	loss := w.Mul(w).Sum()
//	loss.Backward()
//	fmt.Println(w.Grad()) // tensor([2., 4., 6.])
//
// A shape, dimension or type that cannot work panics with a *ShapeError, *DTypeError or
// *GradError that names the operation and every shape.
package tensor

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/onehot-go/onehot/internal/parallel"
)

// Tensor is an n-dimensional array. The zero Tensor is not valid: New, Zeros and their
// like make one. A Tensor may be read from several goroutines at once, but not written.
type Tensor struct {
	dtype   DType
	shape   []int
	strides []int // in elements; 0 along a broadcast dimension
	offset  int   // of the first element in the storage
	store   *storage

	requiresGrad bool
	noGrad       bool // computed from a NoGrad tensor: records nothing
	evaluation   bool // computed from an Evaluation tensor: see InEvaluation
	grad         *Tensor
	node         *node // how it was computed, if gradients flow through it
}

// storage is the memory that a tensor and its views share.
type storage struct {
	data    any    // []bool, []uint8, []int64, []float32 or []float64
	version uint64 // counts in-place changes, so that Backward notices one

	// Of one that may be used again; see memory.go.
	born    uint64 // its number among those that were taken
	holders int    // gradients on their way that are kept in it

	later atomic.Pointer[rowsLater] // what has yet to be written, or nil
}

// SetThreads sets how many threads operations use at most; 0 means GOMAXPROCS, the
// default. Results have the same bits for any number.
func SetThreads(n int) { parallel.SetThreads(n) }

// DType returns the type of the elements.
func (t *Tensor) DType() DType { return t.dtype }

// Shape returns a copy of the sizes of the dimensions; it is empty, but not nil, for a scalar.
func (t *Tensor) Shape() []int { return append([]int{}, t.shape...) }

// Dim returns the number of dimensions.
func (t *Tensor) Dim() int { return len(t.shape) }

// Size returns the size of dimension dim, which may count from the end (-1).
func (t *Tensor) Size(dim int) int { return t.shape[t.dim("size", dim)] }

// Numel returns the number of elements: 1 for a scalar, 0 where a dimension is empty.
func (t *Tensor) Numel() int { return numel(t.shape) }

// Item returns the only element of a tensor that has just one, as a float64; a bool is
// 0 or 1. It panics if there are more or none. A float64 holds integers up to 2^53
// exactly, Values[int64] any.
func (t *Tensor) Item() float64 {
	if t.Numel() != 1 {
		failShape("item", fmt.Sprintf("one element expected, got %d", t.Numel()), t)
	}
	return t.float(t.offset)
}

// At returns the element at index, one number a dimension, as Item does; a number may
// count from the end.
func (t *Tensor) At(index ...int) float64 {
	if len(index) != t.Dim() {
		failShape("at", fmt.Sprintf("%d indices expected, got %d", t.Dim(), len(index)), t)
	}
	at := t.offset
	for d, i := range index {
		if i < -t.shape[d] || i >= t.shape[d] {
			failShape("at", fmt.Sprintf("index %d is outside dimension %d of size %d", i, d, t.shape[d]), t)
		}
		if i < 0 {
			i += t.shape[d]
		}
		at += i * t.strides[d]
	}
	return t.float(at)
}

// Data returns the elements of a contiguous tensor, in row-major order, as the very
// memory that the tensor uses: writing to it changes the tensor and its views. It
// panics if T is not the tensor's type or the tensor is not contiguous (Contiguous
// makes it so). Backward does not notice what is written this way.
func Data[T Element](t *Tensor) []T {
	s, ok := t.store.written().([]T)
	if !ok {
		failDType("data", t.dtype, dtypeOf[T]().String(), t)
	}
	if !t.IsContiguous() {
		failShape("data", fmt.Sprintf("not contiguous (strides %v): call Contiguous first", t.strides), t)
	}
	if t.Numel() == 0 { // a view of nothing may begin behind the storage
		return s[:0:0]
	}
	end := t.offset + t.Numel()
	return s[t.offset:end:end]
}

// Values returns a copy of the elements in row-major order, converted to T as To does.
func Values[T Element](t *Tensor) []T {
	c := t.detached().To(dtypeOf[T]()).Contiguous()
	return slices.Clone(Data[T](c))
}

// float reads one element of the storage.
func (t *Tensor) float(at int) float64 {
	switch s := t.store.written().(type) {
	case []bool:
		if s[at] {
			return 1
		}
		return 0
	case []uint8:
		return float64(s[at])
	case []int64:
		return float64(s[at])
	case []float32:
		return float64(s[at])
	case []float64:
		return s[at]
	}
	panic("unreachable")
}

// elements returns the whole storage of t, which has elements of type T.
func elements[T Element](t *Tensor) []T { return t.store.written().([]T) }

// dim brings dim into [0, t.Dim()).
func (t *Tensor) dim(op string, dim int) int {
	n := t.Dim()
	if dim < -n || dim >= n {
		failShape(op, fmt.Sprintf("dimension %d is out of range", dim), t)
	}
	if dim < 0 {
		dim += n
	}
	return dim
}

// wrapDim is dim for an operation that takes a scalar as if it had one dimension, as
// PyTorch does: there 0 and -1 give 0.
func (t *Tensor) wrapDim(op string, dim int) int {
	if t.Dim() == 0 && (dim == 0 || dim == -1) {
		return 0
	}
	return t.dim(op, dim)
}

// dims brings all of dims into [0, t.Dim()), sorted; none means every dimension. Of a
// scalar 0 and -1 may be named, and there are none.
func (t *Tensor) dims(op string, dims []int) []int {
	out := make([]int, 0, t.Dim())
	for _, d := range dims {
		d = t.wrapDim(op, d)
		if slices.Contains(out, d) {
			failShape(op, fmt.Sprintf("dimension %d is named twice", d), t)
		}
		out = append(out, d)
	}
	if len(dims) == 0 {
		for d := range t.Dim() {
			out = append(out, d)
		}
	}
	if t.Dim() == 0 {
		return nil
	}
	slices.Sort(out)
	return out
}

func numel(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}

// rowMajor returns the strides of a contiguous tensor.
func rowMajor(shape []int) []int {
	strides := make([]int, len(shape))
	setRowMajor(strides, shape)
	return strides
}

func setRowMajor(strides, shape []int) {
	step := 1
	for d := len(shape) - 1; d >= 0; d-- {
		strides[d] = step
		step *= shape[d]
	}
}
