package transform

import (
	"slices"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// Workspace is memory in which Compose.ApplyIn makes one input after the other. Its zero value is ready. One goroutine
// may use it at a time.
type Workspace struct {
	bytes   [][]uint8
	tensors []*tensor.Tensor
	taken   struct{ bytes, tensors int } // by the steps of the latest call
	taps    []keptTaps
}

// ApplyIn is Apply for steps that draw nothing. What they make lies in w and is overwritten by the next call; pictures of a size
// that was there before take hardly any other memory. Steps of other packages take what they take.
func (c Compose) ApplyIn(w *Workspace, p Input) (Input, error) {
	w.taken.bytes, w.taken.tensors = 0, 0
	for _, t := range c {
		p.work = w
		var err error
		if p, err = t.Apply(p, random.Key{}); err != nil {
			return Input{}, err
		}
	}
	p.work = nil
	return p, nil
}

// blank returns n bytes that are to be written: new ones if there is no workspace.
func (w *Workspace) blank(n int) []uint8 {
	if w == nil {
		return make([]uint8, n)
	}
	at := w.taken.bytes
	w.taken.bytes++
	if at == len(w.bytes) {
		w.bytes = append(w.bytes, nil)
	}
	w.bytes[at] = slices.Grow(w.bytes[at][:0], n)[:n]
	return w.bytes[at]
}

// floats returns a tensor of float32 that is to be written.
func (w *Workspace) floats(shape ...int) *tensor.Tensor {
	if w == nil {
		return tensor.Zeros(tensor.Float32, shape...)
	}
	at := w.taken.tensors
	w.taken.tensors++
	if at == len(w.tensors) {
		w.tensors = append(w.tensors, nil)
	}
	if t := w.tensors[at]; t == nil || !slices.Equal(t.Shape(), shape) {
		w.tensors[at] = tensor.Zeros(tensor.Float32, shape...)
	}
	return w.tensors[at]
}

// keptTaps are taps of a filter of the given reach that bring n values, of which every so many is stored, to m.
type keptTaps struct {
	reach       float64
	n, m, every int
	taps        []tap
}

// mostTaps is how many taps a workspace keeps: those of brightness and colours, of rows and columns, of two sizes.
const mostTaps = 8

// tapsOf returns the taps of f that bring n values, of which every so many is stored, to m.
func (w *Workspace) tapsOf(f filter, n, m, every int) []tap {
	if w == nil {
		return stored(f.taps(n, m), n, every)
	}
	for _, k := range w.taps {
		if k.reach == f.reach && k.n == n && k.m == m && k.every == every {
			return k.taps
		}
	}
	if len(w.taps) == mostTaps {
		w.taps = slices.Delete(w.taps, 0, 1)
	}
	k := keptTaps{f.reach, n, m, every, stored(f.taps(n, m), n, every)}
	w.taps = append(w.taps, k)
	return k.taps
}
