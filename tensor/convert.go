package tensor

import "math"

// To returns t with its elements converted to dtype, or t itself where they have it
// already. Gradients flow between floating-point types.
//
//   - To Bool: anything but 0 is true, NaN too. From Bool: true is 1.
//   - A number becomes the nearest float, of two the even one; a float64 beyond float32's
//     range becomes infinite.
//   - An integer that does not fit Uint8 keeps its low 8 bits.
//   - A float becomes an integer by dropping its fraction. Where that is beyond the type's
//     range it becomes the nearest value of the type, and NaN becomes 0: C, and so PyTorch,
//     leaves these to the machine.
func (t *Tensor) To(dtype DType) *Tensor {
	if t.dtype == dtype {
		return t
	}
	out := Empty(dtype, t.shape...)
	out.assign(t)
	return Record(out, "to "+dtype.String(), Input{t, nil, same[*Tensor]})
}

// assign writes the elements of x, broadcast and converted, to out.
func (t *Tensor) assign(x *Tensor) {
	switch t.dtype {
	case Bool:
		assignFrom(t, x, func(v float64) bool { return v != 0 }, func(v int64) bool { return v != 0 }, func(v bool) bool { return v })
	case Uint8:
		assignNumber(t, x, func(v float64) uint8 { return uint8(clampInt(v, 0, math.MaxUint8)) })
	case Int64:
		assignNumber(t, x, func(v float64) int64 { return clampInt(v, math.MinInt64, math.MaxInt64) })
	case Float32:
		assignNumber(t, x, func(v float64) float32 { return float32(v) })
	case Float64:
		assignNumber(t, x, func(v float64) float64 { return v })
	}
}

// assignNumber is assign to a type with arithmetic, given how it takes a float.
func assignNumber[R Number](out, x *Tensor, fromFloat func(float64) R) {
	assignFrom(out, x, fromFloat, func(v int64) R { return R(v) }, func(v bool) R {
		if v {
			return 1
		}
		return 0
	})
}

func assignFrom[R Element](out, x *Tensor, fromFloat func(float64) R, fromInt func(int64) R, fromBool func(bool) R) {
	if out.dtype == x.dtype {
		copyInto[R](out, x)
		return
	}
	switch x.dtype {
	case Bool:
		mapInto(out, x, fromBool)
	case Uint8:
		mapInto(out, x, func(v uint8) R { return fromInt(int64(v)) })
	case Int64:
		mapInto(out, x, fromInt)
	case Float32:
		mapInto(out, x, func(v float32) R { return fromFloat(float64(v)) })
	case Float64:
		mapInto(out, x, fromFloat)
	}
}

// clampInt drops v's fraction and brings it into [low, high]. Go leaves the conversion
// of a value out of range to the machine; this gives the same on every one.
func clampInt(v float64, low, high int64) int64 {
	switch {
	case v != v:
		return 0
	case v <= float64(low):
		return low
	case v >= float64(high):
		return high
	}
	return int64(v)
}
