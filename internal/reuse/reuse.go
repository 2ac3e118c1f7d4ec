// Package reuse is what package nn tells package tensor about memory, behind the backs of
// all others: it is right only where nobody else can see the tensor, and that nobody but a
// net of the library's own layers can know.
package reuse

import "sync/atomic"

// Inner says that x, which was computed within a net from the net's input, has been used
// to compute y and is visible to nobody else: its memory may be used again as soon as
// gradients no longer need it. All are of type *tensor.Tensor. Package tensor sets it.
var Inner func(input, x, y any)

// Poison fills memory with NaN as soon as it may be used again, so that a test finds who
// still reads it.
var Poison atomic.Bool
