package tensor

import (
	"fmt"
	"math"
	"sync"

	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/internal/parallel"
)

// Pool2dOptions says over which windows of a picture MaxPool2d and AvgPool2d go. Each pair
// is of rows and columns.
type Pool2dOptions struct {
	Kernel  [2]int // size of a window, at least 1
	Stride  [2]int // from one window to the next; 0 is the kernel's size
	Padding [2]int // rows and columns added on each side, at most half a kernel
}

// pairs reports whether the windows are of 2×2, side by side.
func (o Pool2dOptions) pairs() bool {
	pair := [2]int{2, 2}
	return o.Kernel == pair && (o.Stride == pair || o.Stride == [2]int{}) && o.Padding == [2]int{}
}

// span is a range of rows or columns.
type span struct{ from, to int }

// windows returns the rows and columns of t, (..., H, W), that the windows are over, less
// those of the padding.
func (o Pool2dOptions) windows(op string, t *Tensor) (rows, cols []span) {
	var spans [2][]span
	t.checkPictures(op)
	for d := range 2 {
		size, kernel, stride, padding := t.Size(d-2), o.Kernel[d], o.Stride[d], o.Padding[d]
		if stride == 0 {
			stride = kernel
		}
		if kernel < 1 || stride < 1 || padding < 0 || padding > kernel/2 {
			failShape(op, fmt.Sprintf("kernel %v, stride %v and padding %v: sizes of at least 1, and a padding of at most half the kernel, expected",
				o.Kernel, o.Stride, o.Padding), t)
		}
		if size+2*padding < kernel {
			failShape(op, fmt.Sprintf("kernel %v with padding %v is larger than the picture", o.Kernel, o.Padding), t)
		}
		for i := range (size+2*padding-kernel)/stride + 1 {
			from := i*stride - padding
			spans[d] = append(spans[d], span{max(from, 0), min(from+kernel, size)})
		}
	}
	return spans[0], spans[1]
}

// checkPictures panics unless t has pictures, (N, C, H, W) or (C, H, W), of floating-point
// elements.
func (t *Tensor) checkPictures(op string) {
	if t.Dim() != 3 && t.Dim() != 4 {
		failShape(op, "pictures (N, C, H, W) or (C, H, W) expected", t)
	}
	if t.shape[t.Dim()-2] == 0 || t.shape[t.Dim()-1] == 0 {
		failShape(op, "pictures of at least one row and column expected", t)
	}
	if !t.dtype.IsFloat() {
		failDType(op, t.dtype, "float32 or float64", t)
	}
}

// withSize returns t's shape with other numbers of rows and columns.
func (t *Tensor) withSize(rows, cols int) []int {
	shape := t.Shape()
	shape[t.Dim()-2], shape[t.Dim()-1] = rows, cols
	return shape
}

// MaxPool2d returns the greatest element of every window of pictures (N, C, H, W) or
// (C, H, W): of H rows ⌊(H + 2·padding - kernel)/stride⌋ + 1 are left, and of the columns
// as many. The padding is -Inf, and NaN counts as the greatest. The gradient goes to the
// first of equal elements.
func (t *Tensor) MaxPool2d(o Pool2dOptions) *Tensor { return t.maxPool2d(o, false) }

// ReLUMaxPool2d returns the MaxPool2d of t's ReLU, with its shapes, errors and bits. The
// greatest element of a window is positive or becomes 0 in either order, so that ReLU looks at
// the results alone, and of windows of 2×2 both are one pass.
func (t *Tensor) ReLUMaxPool2d(o Pool2dOptions) *Tensor {
	if t.dtype != Float32 || !o.pairs() {
		return t.MaxPool2d(o).ReLU()
	}
	return t.maxPool2d(o, true)
}

// maxPool2d is MaxPool2d, or for windows of 2×2 of Float32 ReLUMaxPool2d.
func (t *Tensor) maxPool2d(o Pool2dOptions, relu bool) *Tensor {
	rows, cols := o.windows("max-pool2d", t)
	out := Empty(t.dtype, t.withSize(len(rows), len(cols))...)
	x := t.detached().Contiguous()
	if t.dtype == Float32 && o.pairs() {
		winners := x.maxPool2x2(out, relu)
		Record(out, "max-pool2d", Input{t, nil, func(g *Tensor) *Tensor { return g.maxPool2x2Grad(winners, t.shape) }})
		return out.releases(func() { doneWinners(winners) })
	}
	winners := make([]int32, out.Numel())
	if t.dtype == Float32 {
		maxPool[float32](out, winners, x, rows, cols)
	} else {
		maxPool[float64](out, winners, x, rows, cols)
	}
	return Record(out, "max-pool2d", Input{t, nil, func(g *Tensor) *Tensor {
		dx := Zeros(t.dtype, t.shape...)
		if t.dtype == Float32 {
			scatter[float32](dx, g.Contiguous(), winners)
		} else {
			scatter[float64](dx, g.Contiguous(), winners)
		}
		return dx
	}})
}

// eachPlane calls f for ranges of the planes of t, each of H·W elements, that together are
// all, in parallel.
func (t *Tensor) eachPlane(f func(from, to int)) {
	if t.Numel() > 0 {
		size := t.Size(-1) * t.Size(-2)
		parallel.Share(t.Numel()/size, 1+grain/size, f)
	}
}

// maxPool writes the greatest element of every window of x to out, and where in its plane
// it lies to winners.
func maxPool[T Float](out *Tensor, winners []int32, x *Tensor, rows, cols []span) {
	dst, src := Data[T](out), Data[T](x)
	width, size := x.Size(-1), x.Size(-1)*x.Size(-2)
	x.eachPlane(func(from, to int) {
		at := from * len(rows) * len(cols)
		for plane := from; plane < to; plane++ {
			x := src[plane*size:][:size]
			for _, r := range rows {
				for _, c := range cols {
					best := r.from*width + c.from
					most := T(math.Inf(-1))
					for i := r.from; i < r.to; i++ {
						for j := c.from; j < c.to; j++ {
							if v := x[i*width+j]; v > most || v != v {
								best, most = i*width+j, v
							}
						}
					}
					dst[at], winners[at] = most, int32(best)
					at++
				}
			}
		}
	})
}

// scatter adds every element of g to the winner of its window in dx.
func scatter[T Float](dx, g *Tensor, winners []int32) {
	dst, src := Data[T](dx), Data[T](g)
	size, windows := dx.Size(-1)*dx.Size(-2), g.Size(-1)*g.Size(-2)
	dx.eachPlane(func(from, to int) {
		for at := from * windows; at < to*windows; at++ {
			dst[at/windows*size+int(winners[at])] += src[at]
		}
	})
}

// spareWinners has the winners of windows of 2×2 that are needed no more, as pointers to
// slices, by the class of their size: a training step needs as much as the step before it.
var spareWinners [8 * 64]sync.Pool

// newWinners returns memory for n winners, at least leastSpare.
func newWinners(n int) *[]uint8 {
	class, size := sizeClass(max(n, leastSpare))
	w, _ := spareWinners[class].Get().(*[]uint8)
	if w == nil {
		w = new(make([]uint8, size))
	}
	return w
}

// doneWinners gives back what newWinners returned.
func doneWinners(w *[]uint8) {
	class, _ := sizeClass(len(*w))
	spareWinners[class].Put(w)
}

// maxPool2x2 writes the greatest element of every 2×2 window to out, and returns which of
// the four each is.
func (t *Tensor) maxPool2x2(out *Tensor, relu bool) (winners *[]uint8) {
	dst, src := Data[float32](out), Data[float32](t)
	winners = newWinners(len(dst))
	height, width := t.Size(-2), t.Size(-1)
	area := out.Size(-2) * out.Size(-1)
	t.eachPlane(func(from, to int) {
		kernel.MaxPool2x2(dst[from*area:], (*winners)[from*area:], src[from*height*width:], to-from, height, width, relu)
	})
	return winners
}

// maxPool2x2Grad returns the gradient of pictures of the given shape from that of the
// greatest of every 2×2 window, t.
func (t *Tensor) maxPool2x2Grad(winners *[]uint8, shape []int) *Tensor {
	dx := Empty(t.dtype, shape...)
	if t.dtype == Float32 {
		spreadPairs[float32](dx, t.Contiguous(), *winners)
	} else {
		spreadPairs[float64](dx, t.Contiguous(), *winners)
	}
	return dx
}

func spreadPairs[T Float](dx, g *Tensor, winners []uint8) {
	dst, src := Data[T](dx), Data[T](g)
	height, width, area := dx.Size(-2), dx.Size(-1), g.Size(-2)*g.Size(-1)
	dx.eachPlane(func(from, to int) {
		kernel.MaxPool2x2Grad(dst[from*height*width:], src[from*area:], winners[from*area:], to-from, height, width)
	})
}

// AvgPool2d returns the mean of every window of pictures (N, C, H, W) or (C, H, W), of the
// size that MaxPool2d's result has. The padding is zeros, and counts as part of a window.
func (t *Tensor) AvgPool2d(o Pool2dOptions) *Tensor {
	rows, cols := o.windows("avg-pool2d", t)
	return t.avgPool("avg-pool2d", rows, cols, func(span, span) int { return o.Kernel[0] * o.Kernel[1] })
}

// AdaptiveAvgPool2d returns the means of rows×cols windows that together are all of a
// picture, of (N, C, H, W) or (C, H, W): window i of the rows goes from ⌊i·H/rows⌋ to
// ⌈(i+1)·H/rows⌉, and so do the columns. One by one it is the mean over the picture.
func (t *Tensor) AdaptiveAvgPool2d(rows, cols int) *Tensor {
	const op = "adaptive-avg-pool2d"
	t.checkPictures(op)
	if rows < 1 || cols < 1 {
		failShape(op, fmt.Sprintf("%d rows and %d columns: at least 1 of each expected", rows, cols), t)
	}
	parts := func(size, n int) []span {
		spans := make([]span, n)
		for i := range spans {
			spans[i] = span{i * size / n, ((i+1)*size + n - 1) / n}
		}
		return spans
	}
	return t.avgPool(op, parts(t.Size(-2), rows), parts(t.Size(-1), cols), func(r, c span) int { return (r.to - r.from) * (c.to - c.from) })
}

// avgPool returns the sum of every window divided by what count says.
func (t *Tensor) avgPool(op string, rows, cols []span, count func(r, c span) int) *Tensor {
	out, x := Empty(t.dtype, t.withSize(len(rows), len(cols))...), t.detached().Contiguous()
	if t.dtype == Float32 {
		means[float32](out, x, rows, cols, count)
	} else {
		means[float64](out, x, rows, cols, count)
	}
	return Record(out, op, Input{t, nil, func(g *Tensor) *Tensor {
		dx := Zeros(t.dtype, t.shape...)
		if t.dtype == Float32 {
			spread[float32](dx, g.Contiguous(), rows, cols, count)
		} else {
			spread[float64](dx, g.Contiguous(), rows, cols, count)
		}
		return dx
	}})
}

// means writes the windows of avgPool to out, added up in float64 and rounded once.
func means[T Float](out, x *Tensor, rows, cols []span, count func(r, c span) int) {
	dst, src := Data[T](out), Data[T](x)
	width, size := x.Size(-1), x.Size(-1)*x.Size(-2)
	x.eachPlane(func(from, to int) {
		at := from * len(rows) * len(cols)
		for plane := from; plane < to; plane++ {
			for _, r := range rows {
				for _, c := range cols {
					sum := 0.0
					for i := r.from; i < r.to; i++ {
						for _, v := range src[plane*size+i*width:][c.from:c.to] {
							sum += float64(v)
						}
					}
					dst[at] = T(sum / float64(count(r, c)))
					at++
				}
			}
		}
	})
}

// spread adds to every element of dx its share of the elements of g over whose windows it
// is.
func spread[T Float](dx, g *Tensor, rows, cols []span, count func(r, c span) int) {
	dst, src := Data[T](dx), Data[T](g)
	width, size := dx.Size(-1), dx.Size(-1)*dx.Size(-2)
	dx.eachPlane(func(from, to int) {
		at := from * len(rows) * len(cols)
		for plane := from; plane < to; plane++ {
			for _, r := range rows {
				for _, c := range cols {
					share := src[at] / T(count(r, c))
					at++
					for i := r.from; i < r.to; i++ {
						window := dst[plane*size+i*width:][c.from:c.to]
						for j := range window {
							window[j] += share
						}
					}
				}
			}
		}
	})
}
