package kernel

import (
	"math"
	"unsafe"
)

// Channel is what a batch norm does to the elements v of one channel: they become
// (v - Mean)·Scale + Offset. In the other direction a gradient g becomes
// g·Scale + (v - Mean)·Slope + Shift, where the last two are what the dependence of the
// mean and the variance on v amounts to.
type Channel[T Float] struct{ Mean, Scale, Offset, Slope, Shift T }

// apply returns what v becomes. The conversion keeps it from being fused: it is rounded
// three times everywhere, so that both directions agree about its sign.
func (c *Channel[T]) apply(v T) T { return T((v-c.Mean)*c.Scale) + c.Offset }

// norms are the kernels of batch norms over planes of float32. Those that sum up add in
// another order than their twins in pure Go, all others give the same bits.
type norms struct {
	moments         func(planes, size int, x *float32, by *float32, sums, squares *float64)
	normalize       func(planes, size int, dst, x *float32, by *float32, least float32)
	gradMoments     func(planes, size int, g, x *float32, by *float32, sums, dots *float64)
	gradMomentsReLU func(planes, size int, g, x *float32, by *float32, sums, dots *float64)
	grad            func(planes, size int, dst, g, x *float32, by *float32)
	gradReLU        func(planes, size int, dst, g, x *float32, by *float32)
}

// normsOf returns the kernels and what they take of by, or nil if there are none for
// elements of type T, or no elements.
func normsOf[T Float](by []Channel[T], size int) (*norms, *float32) {
	channels, ok := any(by).([]Channel[float32])
	if !ok || active.norms == nil || len(by) == 0 || size == 0 {
		return nil, nil
	}
	return active.norms, &channels[0].Mean
}

func address[T any](x []T) *float32 { return (*float32)(unsafe.Pointer(&x[0])) }

// Moments adds up every plane of x less the channel's Mean, and the squares of that, in
// float64. There are as many planes as channels, of size elements each, one after the
// other without gaps; sums and squares have one number for each.
func Moments[T Float](sums, squares []float64, x []T, by []Channel[T], size int) {
	sums, squares, x = sums[:len(by)], squares[:len(by)], x[:len(by)*size]
	if k, channels := normsOf(by, size); k != nil {
		k.moments(len(by), size, address(x), channels, &sums[0], &squares[0])
		return
	}
	for c := range by {
		shift, sum, square := float64(by[c].Mean), 0.0, 0.0
		for _, v := range x[c*size : (c+1)*size] {
			d := float64(v) - shift
			sum += d
			square += d * d
		}
		sums[c], squares[c] = sum, square
	}
}

// Normalize writes to dst what the elements of x become, and with relu 0 in place of what
// is negative. Planes lie as those of Moments.
func Normalize[T Float](dst, x []T, by []Channel[T], size int, relu bool) {
	dst, x = dst[:len(by)*size], x[:len(by)*size]
	if k, channels := normsOf(by, size); k != nil {
		least := float32(0)
		if !relu {
			least = float32(math.Inf(-1))
		}
		k.normalize(len(by), size, address(dst), address(x), channels, least)
		return
	}
	for c := range by {
		out := dst[c*size:][:size]
		for i, v := range x[c*size:][:size] {
			y := by[c].apply(v)
			if relu && y < 0 {
				y = 0
			}
			out[i] = y
		}
	}
}

// GradMoments adds up every plane of g, the gradient of what Normalize gave for x, and its
// products with x less the mean, in float64. With relu it takes g as 0 where the result was
// not positive.
func GradMoments[T Float](sums, dots []float64, g, x []T, by []Channel[T], size int, relu bool) {
	sums, dots, g, x = sums[:len(by)], dots[:len(by)], g[:len(by)*size], x[:len(by)*size]
	if k, channels := normsOf(by, size); k != nil {
		f := k.gradMoments
		if relu {
			f = k.gradMomentsReLU
		}
		f(len(by), size, address(g), address(x), channels, &sums[0], &dots[0])
		return
	}
	for c := range by {
		sum, dot := 0.0, 0.0
		x := x[c*size:][:size]
		for i, v := range g[c*size:][:size] {
			if relu && by[c].apply(x[i]) <= 0 {
				v = 0
			}
			sum += float64(v)
			dot += float64(v) * float64(x[i]-by[c].Mean)
		}
		sums[c], dots[c] = sum, dot
	}
}

// Grad writes the gradient of x to dst. With relu it takes g as GradMoments does.
func Grad[T Float](dst, g, x []T, by []Channel[T], size int, relu bool) {
	dst, g, x = dst[:len(by)*size], g[:len(by)*size], x[:len(by)*size]
	if k, channels := normsOf(by, size); k != nil {
		f := k.grad
		if relu {
			f = k.gradReLU
		}
		f(len(by), size, address(dst), address(g), address(x), channels)
		return
	}
	for c := range by {
		x, out := x[c*size:][:size], dst[c*size:][:size]
		for i, v := range g[c*size:][:size] {
			if relu && by[c].apply(x[i]) <= 0 {
				v = 0
			}
			out[i] = T(v*by[c].Scale) + (T((x[i]-by[c].Mean)*by[c].Slope) + by[c].Shift)
		}
	}
}
