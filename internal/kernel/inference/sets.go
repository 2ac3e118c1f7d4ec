package inference

import (
	"slices"

	"github.com/onehot-go/onehot/internal/kernel"
)

// set is one set of kernels. All that work on tiles do what plain.go's do.
type set struct {
	name  string
	lanes int // of a register
	// rows has the most pixels of a tile by the registers of channels that it has.
	rows [mostRegisters + 1]int

	products  func(t *tile) // see plainProducts
	pairs     func(t *tile) // see pairsBy
	depthwise func(t *tile) // see plainDepthwise
	greatest  func(t *tile) // see plainGreatest
	activate  func(a Activation, y []float32, pixels, step, width int)
	gate      func(y, x, gate []float32, pixels, width int)
	sum       func(y, x, add []float32, n int, lo, hi float32)
	winograd  []winogradKernels // none in pure Go

	rates rates

	// mostPairs has the most results of a tile of pairs by the registers of channels that it has.
	mostPairs [3]int
	// narrow is the set, with registers half as wide, whose products of few filters are faster, or nil.
	narrow *set
}

// mostRegisters is the most registers of channels that a tile has.
const mostRegisters = 8

// available has the sets that this machine can run, the best first; generic is the last.
var available = append(assembly(), generic)

// active is the set in use, that of package kernel, which has the same ones.
var active *set

func init() {
	kernel.Follow(func(name string) {
		active = &available[slices.IndexFunc(available, func(s set) bool { return s.name == name })]
	})
}
