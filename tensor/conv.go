package tensor

import (
	"fmt"

	"github.com/onehot-go/onehot/internal/kernel"
)

// Conv2dOptions says how Conv2d lays filters over pictures. Each pair is of rows and
// columns. The zero value is PyTorch's default.
type Conv2dOptions struct {
	Stride   [2]int // from one place to the next; 0 is 1
	Padding  [2]int // rows and columns of zeros added on each side
	Dilation [2]int // from one element under a filter to the next; 0 is 1
	Groups   int    // into which channels and filters are divided, each on its own; 0 is 1
}

// Conv2d returns the sums of pictures (N, C, H, W) under each of the filters weight,
// (O, C/groups, h, w), weighted by it, plus the filter's element of bias, (O) or nil:
// (N, O, rows, columns), of ⌊(H + 2·padding - dilation·(h-1) - 1)/stride⌋ + 1 rows, and of
// the columns as many. It is PyTorch's conv2d. All have the same floating-point type.
//
// Filters of 3×3 may be computed in tiles of up to 5×5 results: there a NaN or an infinity in t
// also reaches others of its tiles, as NaN.
//
// Beside the results it needs memory on each core for one picture with its padding, or some
// MB for what becomes of tiles, and for the gradient of weight for at most 32 partial ones,
// whatever N is.
func (t *Tensor) Conv2d(weight, bias *Tensor, o Conv2dOptions) *Tensor {
	c := o.shape(t, weight, bias)
	if t.dtype == Float32 {
		return convolve[float32](c, t, weight, bias)
	}
	return convolve[float64](c, t, weight, bias)
}

// convolve is Conv2d for elements of type T.
func convolve[T Float](c kernel.Conv2d, t, weight, bias *Tensor) *Tensor {
	size := c.Out()
	out := Empty(t.dtype, c.Images, c.Filters, size[0], size[1])
	kernel.Convolve(c, Data[T](out), inOrder[T](t), inOrder[T](weight), inOrder[T](bias), nil)
	return Record(out, "conv2d", convInputs[T](c, t, weight, bias,
		func(g *Tensor) (dw, dx, db *Tensor) { return convGrads(c, t, weight, bias, inOrder[T](g), nil) },
		func(g *Tensor) *Tensor { return g },
	)...)
}

// convInputs returns the inputs of what is made of a convolution's results: all returns their
// gradients, as convGrads does, from that of what is recorded, and results that of the results,
// where the weight needs none.
func convInputs[T Float](c kernel.Conv2d, t, weight, bias *Tensor, all func(g *Tensor) (dw, dx, db *Tensor), results func(g *Tensor) *Tensor) []Input {
	var dx, db *Tensor // come with the weight's gradient, where there is one
	inputs := []Input{
		{weight, []*Tensor{t}, func(g *Tensor) (dw *Tensor) {
			dw, dx, db = all(g)
			return dw
		}},
		{t, []*Tensor{weight}, func(g *Tensor) *Tensor {
			if dx != nil {
				return dx
			}
			return inputGrad[T](c, t, weight, results(g))
		}},
	}
	if bias != nil {
		inputs = append(inputs, Input{bias, nil, func(g *Tensor) *Tensor {
			if db != nil {
				return db
			}
			return results(g).Sum(0, 2, 3)
		}})
	}
	return inputs
}

// shape returns what the kernels are told of a convolution, and panics unless it can be.
func (o Conv2dOptions) shape(x, weight, bias *Tensor) kernel.Conv2d {
	operands := []*Tensor{x, weight}
	if bias != nil {
		operands = append(operands, bias)
	}
	fail := func(format string, args ...any) { failShape("conv2d", fmt.Sprintf(format, args...), operands...) }
	for d := range 2 {
		if o.Stride[d] == 0 {
			o.Stride[d] = 1
		}
		if o.Dilation[d] == 0 {
			o.Dilation[d] = 1
		}
	}
	if o.Groups == 0 {
		o.Groups = 1
	}
	if min(o.Stride[0], o.Stride[1], o.Dilation[0], o.Dilation[1], o.Groups) < 1 || min(o.Padding[0], o.Padding[1]) < 0 {
		fail("stride %v, padding %v, dilation %v and %d groups: a padding of at least 0, and the others at least 1, expected",
			o.Stride, o.Padding, o.Dilation, o.Groups)
	}
	if x.Dim() != 4 || weight.Dim() != 4 {
		fail("pictures (N, C, H, W) and filters (O, C, h, w) expected")
	}
	if numel(x.shape[1:]) == 0 || weight.Numel() == 0 {
		fail("pictures and filters of at least one element expected")
	}
	c := kernel.Conv2d{
		Images: x.shape[0], Channels: x.shape[1], Filters: weight.shape[0], Groups: o.Groups,
		Size: [2]int(x.shape[2:]), Kernel: [2]int(weight.shape[2:]), Stride: o.Stride, Padding: o.Padding, Dilation: o.Dilation,
	}
	if c.Channels != weight.shape[1]*c.Groups || c.Filters%c.Groups != 0 {
		fail("%d channels and %d filters of %d channels in %d groups", c.Channels, c.Filters, weight.shape[1], c.Groups)
	}
	for d := range 2 {
		if c.Size[d]+2*c.Padding[d] < c.Dilation[d]*(c.Kernel[d]-1)+1 {
			fail("filters with dilation %v are larger than the pictures with padding %v", c.Dilation, c.Padding)
		}
	}
	if bias != nil && (bias.Dim() != 1 || bias.shape[0] != c.Filters) {
		fail("a bias of %d elements expected", c.Filters)
	}
	for _, y := range operands {
		if !y.dtype.IsFloat() || y.dtype != x.dtype {
			failDType("conv2d", y.dtype, "float32, or float64, for all", operands...)
		}
	}
	return c
}

func inputGrad[T Float](c kernel.Conv2d, x, weight, g *Tensor) *Tensor {
	dx := Empty(x.dtype, x.shape...)
	kernel.ConvolveInputGrad(c, Data[T](dx), inOrder[T](g), inOrder[T](weight))
	return dx
}

// convGrads returns the gradients of weight and, where they require any, of x and of bias,
// which may be nil, from that of the results as kernel.ConvolveGrads takes it.
func convGrads[T Float](c kernel.Conv2d, x, weight, bias *Tensor, dy []T, write func(dst []T, from, to int)) (dw, dx, db *Tensor) {
	dw = Empty(weight.dtype, weight.shape...)
	if x.requiresGrad {
		dx = Empty(x.dtype, x.shape...)
	}
	if bias != nil && bias.requiresGrad {
		db = Empty(bias.dtype, bias.shape...)
	}
	kernel.ConvolveGrads(c, inOrder[T](dx), inOrder[T](dw), inOrder[T](db), dy, inOrder[T](x), inOrder[T](weight), write)
	return dw, dx, db
}

// inOrder returns the elements of t in row-major order, in t's own memory if they lie so;
// of nil, none.
func inOrder[T Float](t *Tensor) []T {
	if t == nil {
		return nil
	}
	return Data[T](t.detached().Contiguous())
}
