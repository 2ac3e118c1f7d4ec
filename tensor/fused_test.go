package tensor_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/internal/reuse"
	"github.com/onehot-go/onehot/tensor"
)

// operands are the tensors that an operation takes, by name.
type operands map[string]*Tensor

// wantFused holds that one pass over some operands gives the bits of one operation after the
// other, with gradients from the seed that draw makes, on any number of threads: each time without
// gradients of the operands that are fixed, and without those that are named "no" and their name.
func wantFused(t *testing.T, name string, all operands, fixed [][]string, draw func(shape ...int) *Tensor, fused, apart func(operands) *Tensor) {
	t.Helper()
	reuse.Poison.Store(true)
	defer reuse.Poison.Store(false)
	defer tensor.SetThreads(0)
	for _, fixed := range fixed {
		run := func(f func(operands) *Tensor) map[string]*Tensor {
			leaves := operands{}
			for name, p := range all {
				if !slices.Contains(fixed, "no "+name) {
					leaves[name] = p.Detach().SetRequiresGrad(!slices.Contains(fixed, name))
				}
			}
			y := f(leaves)
			results := map[string]*Tensor{"result": y.Detach()}
			if y.RequiresGrad() {
				y.Backward(draw(y.Shape()...))
			}
			for name, p := range leaves {
				if p.Grad() != nil {
					results["gradient of "+name] = p.Grad()
				}
			}
			return results
		}
		tensor.SetThreads(1)
		want := run(apart)
		for _, threads := range []int{1, 3} {
			tensor.SetThreads(threads)
			label := fmt.Sprintf("%s, without gradients of [%s], %d threads", name, strings.Join(fixed, " "), threads)
			got := run(fused)
			if len(got) != len(want) {
				t.Errorf("%s: got %d tensors, want %d", label, len(got), len(want))
			}
			for name, w := range want {
				wantSame(t, label+": "+name, got[name], w)
			}
		}
	}
}
