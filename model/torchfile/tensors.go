package torchfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/model/safetensors"
	"github.com/onehot-go/onehot/tensor"
)

// kind is how a class of storages has its elements.
type kind struct {
	name  string // of the class
	dtype tensor.DType
	half  safetensors.Half // where the file has 16 bits for a Float32
	width int              // bytes of an element in the file
}

var kinds = []kind{
	{"FloatStorage", tensor.Float32, "", 4},
	{"DoubleStorage", tensor.Float64, "", 8},
	{"HalfStorage", tensor.Float32, safetensors.F16, 2},
	{"BFloat16Storage", tensor.Float32, safetensors.BF16, 2},
	{"LongStorage", tensor.Int64, "", 8},
	{"ByteStorage", tensor.Uint8, "", 1},
	{"BoolStorage", tensor.Bool, "", 1},
}

// storage is elements that one tensor or several have.
type storage struct {
	key  string
	kind kind
	n    int64          // elements
	data *tensor.Tensor // (n), once they were read
	used bool           // by a tensor of the state dict: an optimizer's elements are not read
}

// bytes returns how many the elements have in the file, which was checked to fit.
func (s *storage) bytes() int64 { return s.n * int64(s.kind.width) }

// storage returns what a persistent id stands for: ("storage", class, key, device, elements) and,
// in streams, a view on it, which is None.
func (f *file) storage(id any) (*storage, error) {
	p, _ := id.(tuple)
	if len(p) == 6 && p[5] != nil {
		return nil, fmt.Errorf("found a storage that is part of another, as PyTorch before 0.4 wrote: load it there and save it again")
	}
	if len(p) != 5 && len(p) != 6 || p[0] != "storage" {
		return nil, fmt.Errorf("found the persistent id %s, a tuple of storage, class, key, device and elements expected", describe(id))
	}
	class, _ := p[1].(global)
	name, of := strings.CutPrefix(string(class), "torch ")
	key, isText := p[2].(string)
	n, isNumber := p[4].(int64)
	if !of || !isText || !isNumber || n < 0 {
		return nil, fmt.Errorf("found a storage of class %s, key %s and %s elements", describe(p[1]), describe(p[2]), describe(p[4]))
	}
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
	if i < 0 {
		var names []string
		for _, k := range kinds {
			names = append(names, k.name)
		}
		return nil, fmt.Errorf("found a storage of class torch.%.80s, which is not supported: %s expected", name, strings.Join(names, ", "))
	}
	if s := f.storages[key]; s != nil {
		if s.kind != kinds[i] || s.n != n {
			return nil, fmt.Errorf("found storage %.80q as %d elements of %s, and before as %d of %s", key, n, name, s.n, s.kind.name)
		}
		return s, nil
	}
	s := &storage{key: key, kind: kinds[i], n: n}
	if n > f.size/int64(s.kind.width) {
		return nil, fmt.Errorf("found storage %.80q of %d elements, which a file of %d bytes has not", key, n, f.size)
	}
	if f.claimed += s.bytes(); f.claimed > f.size {
		return nil, fmt.Errorf("found storages of %d bytes, which a file of %d bytes has not", f.claimed, f.size)
	}
	f.storages[key] = s
	return s, nil
}

var errBoolean = errors.New("found a byte of more than 1 for a boolean, 0 or 1 expected")

// fill reads the elements from r.
func (s *storage) fill(r io.Reader) error {
	s.data = tensor.Zeros(s.kind.dtype, int(s.n))
	buffer := make([]byte, min(s.bytes(), 1<<16))
	switch {
	case s.kind.half != "":
		return each(r, buffer, 2, tensor.Data[float32](s.data), func(part []float32, raw []byte) error {
			for i := range part {
				part[i] = s.kind.half.Float32(binary.LittleEndian.Uint16(raw[2*i:]))
			}
			return nil
		})
	case s.kind.dtype == tensor.Float32:
		return each(r, buffer, 4, tensor.Data[float32](s.data), plain)
	case s.kind.dtype == tensor.Float64:
		return each(r, buffer, 8, tensor.Data[float64](s.data), plain)
	case s.kind.dtype == tensor.Int64:
		return each(r, buffer, 8, tensor.Data[int64](s.data), plain)
	case s.kind.dtype == tensor.Uint8:
		return each(r, buffer, 1, tensor.Data[uint8](s.data), plain)
	}
	return each(r, buffer, 1, tensor.Data[bool](s.data), func(part []bool, raw []byte) error {
		if slices.Max(raw) > 1 {
			return errBoolean
		}
		return plain(part, raw)
	})
}

// plain copies elements that a file has as memory has them.
func plain[T tensor.Element](dst []T, raw []byte) error {
	_, err := binary.Decode(raw, binary.LittleEndian, dst)
	return err
}

// each reads dst, whose elements have width bytes, a buffer at a time, which decode makes elements of.
func each[T tensor.Element](r io.Reader, buffer []byte, width int, dst []T, decode func(part []T, raw []byte) error) error {
	for len(dst) > 0 {
		part := dst[:min(len(dst), len(buffer)/width)]
		raw := buffer[:len(part)*width]
		if _, err := io.ReadFull(r, raw); err != nil {
			return err
		}
		if err := decode(part, raw); err != nil {
			return err
		}
		dst = dst[len(part):]
	}
	return nil
}

// view is a tensor: which elements of a storage it has.
type view struct {
	storage *storage
	offset  int64
	shape   []int
	strides []int64
}

// newView returns the tensor of (storage, offset, shape, strides) and more, which says nothing of
// its elements. All of them lie within the storage.
func newView(args tuple) (*view, error) {
	s, ok := args[0].(*storage)
	offset, isNumber := args[1].(int64)
	shape, isShape := numbers(args[2])
	strides, isStrides := numbers(args[3])
	if !ok || !isNumber || !isShape || !isStrides || len(shape) != len(strides) || offset < 0 || offset > s.n {
		return nil, fmt.Errorf("found a tensor of %s at %s with shape %s and strides %s", describe(args[0]), describe(args[1]), describe(args[2]), describe(args[3]))
	}
	const most = 8
	if len(shape) > most {
		return nil, fmt.Errorf("found a tensor of %d dimensions, at most %d expected", len(shape), most)
	}
	v := &view{storage: s, offset: offset, strides: strides}
	empty := slices.Contains(shape, 0)
	count, last := int64(1), offset // of elements; place of the last
	for d, n := range shape {
		if n > 0 && count > math.MaxInt64/8/n { // whatever an empty dimension says: strides are computed from all
			return nil, fmt.Errorf("found a tensor of shape %d, which does not fit in memory", shape)
		}
		count *= max(n, 1)
		if n > 1 && !empty {
			if strides[d] > s.n/(n-1) {
				return nil, fmt.Errorf("found a tensor of shape %d with strides %d beyond a storage of %d elements", shape, strides, s.n)
			}
			last += (n - 1) * strides[d]
		}
		v.shape = append(v.shape, int(n))
	}
	if !empty && last >= s.n {
		return nil, fmt.Errorf("found a tensor of shape %d with strides %d at %d beyond a storage of %d elements", shape, strides, offset, s.n)
	}
	return v, nil
}

// numbers returns a tuple of numbers of at least 0.
func numbers(v any) ([]int64, bool) {
	t, ok := v.(tuple)
	list := []int64{}
	for _, e := range t {
		n, isNumber := e.(int64)
		if !isNumber || n < 0 {
			return nil, false
		}
		list = append(list, n)
	}
	return list, ok
}

// size returns the number of elements.
func (v *view) size() int {
	n := 1
	for _, s := range v.shape {
		n *= s
	}
	return n
}

// inOrder reports whether the elements lie one after the other in row-major order.
func (v *view) inOrder() bool {
	step := int64(1)
	for d, n := range slices.Backward(v.shape) {
		if n != 1 && v.strides[d] != step {
			return false
		}
		step *= int64(n)
	}
	return true
}

// namedView is a tensor of a state dict.
type namedView struct {
	name string
	view *view
}

// state returns the tensors of a state dict, in its order.
func (f *file) state(value any) ([]namedView, error) {
	d, ok := value.(*dict)
	if !ok {
		return nil, f.fail("state", "found %s, a dictionary of names and tensors expected", describe(value))
	}
	for _, within := range []string{"state_dict", "model", "model_state_dict"} {
		if inner, ok := d.get(within).(*dict); ok {
			d = inner
			break
		}
	}
	var all []namedView
	seen := map[string]bool{}
	for i, key := range d.keys {
		name, ok := key.(string)
		v, isTensor := d.values[i].(*view)
		if !ok || !isTensor {
			return nil, f.fail("state", "found %s under %s, a tensor under a name expected", describe(d.values[i]), describe(key))
		}
		if seen[name] {
			return nil, f.fail("state", "two tensors named %.200q", name)
		}
		seen[name] = true
		v.storage.used = true
		all = append(all, namedView{name, v})
	}
	if len(all) == 0 {
		return nil, f.fail("state", "found no tensors")
	}
	return all, nil
}

// tensors returns the tensors of a state whose storages were read.
func (f *file) tensors(state []namedView) (map[string]*tensor.Tensor, error) {
	// A tensor whose elements do not lie in order is a copy. Strides of 0 could ask for any size.
	stored, copied := int64(0), int64(0)
	for _, s := range f.storages {
		if s.data != nil {
			stored += s.n
		}
	}
	tensors := map[string]*tensor.Tensor{}
	for _, n := range state {
		s := n.view.storage
		if s.data == nil {
			return nil, f.fail(fmt.Sprintf("tensor %.200q", n.name), "storage %.80q does not follow", s.key)
		}
		if n.view.inOrder() || n.view.size() == 0 {
			tensors[n.name] = s.data.Narrow(0, int(n.view.offset), n.view.size()).Reshape(n.view.shape...)
			continue
		}
		if copied += int64(n.view.size()); copied > 2*stored+1024 {
			return nil, f.fail(fmt.Sprintf("tensor %.200q", n.name), "tensors out of order have %d elements, made of %d", copied, stored)
		}
		tensors[n.name] = n.view.copy()
	}
	return tensors, nil
}

// copy returns the elements in order.
func (v *view) copy() *tensor.Tensor {
	out := tensor.Zeros(v.storage.kind.dtype, v.shape...)
	switch out.DType() {
	case tensor.Float32:
		gather[float32](v, out)
	case tensor.Float64:
		gather[float64](v, out)
	case tensor.Int64:
		gather[int64](v, out)
	case tensor.Uint8:
		gather[uint8](v, out)
	case tensor.Bool:
		gather[bool](v, out)
	}
	return out
}

// gather writes the elements of v, of which there is at least one, to out.
func gather[T tensor.Element](v *view, out *tensor.Tensor) {
	src, dst := tensor.Data[T](v.storage.data), tensor.Data[T](out)
	index := make([]int, len(v.shape))
	at := v.offset
	for i := range dst {
		dst[i] = src[at]
		for d := len(index) - 1; d >= 0; d-- {
			at += v.strides[d]
			if index[d]++; index[d] < v.shape[d] {
				break
			}
			at -= int64(v.shape[d]) * v.strides[d]
			index[d] = 0
		}
	}
}
