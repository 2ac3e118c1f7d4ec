package tensor

import "github.com/onehot-go/onehot/internal/kernel"

// Conv2dReLUMaxPool returns the greatest element of every window of 2×2 of the ReLU of t's
// Conv2d, with the shapes, the errors and the bits of these, in fewer passes over memory. A
// picture's results are pooled while a core has them in its cache, and are not kept; nor are
// their gradients.
func (t *Tensor) Conv2dReLUMaxPool(filters, bias *Tensor, o Conv2dOptions) *Tensor {
	c := o.shape(t, filters, bias)
	if out := c.Out(); min(out[0], out[1]) < 2 {
		return t.Conv2d(filters, bias, o).ReLU().MaxPool2d(Pool2dOptions{Kernel: [2]int{2, 2}})
	}
	if t.dtype == Float32 {
		return convReLUMaxPool[float32](c, t, filters, bias)
	}
	return convReLUMaxPool[float64](c, t, filters, bias)
}

// convReLUMaxPool is Conv2dReLUMaxPool for elements of type T and results of at least one window.
func convReLUMaxPool[T Float](c kernel.Conv2d, t, filters, bias *Tensor) *Tensor {
	size := c.Out()
	results, height, width := []int{c.Images, c.Filters, size[0], size[1]}, size[0], size[1]
	windows := c.Filters * (height / 2) * (width / 2) // of a picture
	out := Empty(t.dtype, c.Images, c.Filters, height/2, width/2)
	pooled, winners := Data[T](out), newWinners(out.Numel())
	kernel.Convolve(c, nil, inOrder[T](t), inOrder[T](filters), inOrder[T](bias), func(y []T, from, to int) {
		kernel.MaxPool2x2(pooled[from*windows:], (*winners)[from*windows:], y, (to-from)*c.Filters, height, width, true)
	})
	inputs := convInputs[T](c, t, filters, bias,
		func(g *Tensor) (dw, dx, db *Tensor) {
			gs := inOrder[T](g)
			return convGrads(c, t, filters, bias, nil, func(dst []T, from, to int) {
				kernel.MaxPool2x2Grad(dst, gs[from*windows:], (*winners)[from*windows:], (to-from)*c.Filters, height, width)
			})
		},
		func(g *Tensor) *Tensor { return g.maxPool2x2Grad(winners, results) },
	)
	return Record(out, "conv2d with relu and max-pool2d", inputs...).releases(func() { doneWinners(winners) })
}
