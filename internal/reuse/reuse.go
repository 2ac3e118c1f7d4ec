// Package reuse is what other packages tell package tensor about memory, behind the backs
// of all users: it is right only where nobody else can see the tensor, and that nobody but
// the library's own layers and loaders can know.
package reuse

import (
	"math/rand/v2"
	"sync/atomic"
)

// Inner says that x, which was computed within a net from the net's input, has been used
// to compute y and is visible to nobody else: its memory may be used again as soon as
// gradients no longer need it. All are of type *tensor.Tensor. Package tensor sets it.
var Inner func(input, x, y any)

// Later says that the rows of some tensors, each of type *tensor.Tensor and at the beginning
// of its memory, are to be written when somebody first reads an element of any, by calls of
// write for ranges of rows, several at once. The function that it returns has them written at
// once, where nobody has read an element yet. Package tensor sets it.
var Later func(write func(lo, hi int), tensors ...any) (now func())

// Poison fills memory with NaN as soon as it may be used again, so that a test finds who
// still reads it.
var Poison atomic.Bool

// Blank is the generator of parameters that somebody will overwrite before anybody reads them: package tensor draws nothing from
// it. Whoever else draws gets numbers, which nothing repeats.
var Blank = rand.New(unrepeated{})

// unrepeated is a source that goroutines may share.
type unrepeated struct{}

func (unrepeated) Uint64() uint64 { return rand.Uint64() }
