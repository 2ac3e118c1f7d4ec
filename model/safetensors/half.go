package safetensors

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/onehot-go/onehot/fault"
)

// Half names a type of floating-point numbers in 16 bits. Tensors have no such elements:
// they are Float32 in memory, which has all values of both types.
type Half string

// The types of 16 bits. F16 is IEEE 754's: 5 bits of exponent and 10 of fraction, finite up
// to 65504. BF16 is the upper half of a float32: 8 bits of exponent and 7 of fraction.
const (
	F16  Half = "F16"
	BF16 Half = "BF16"
)

// Float32 returns the value that bits stand for, which is exact.
func (h Half) Float32(bits uint16) float32 {
	if h == BF16 {
		return math.Float32frombits(uint32(bits) << 16)
	}
	sign, exponent, fraction := uint32(bits>>15)<<31, uint32(bits>>10&0x1f), uint32(bits&0x3ff)
	switch exponent {
	case 0:
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)*0x1p-24))
	case 0x1f:
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}

// bits returns the nearest value of 16 bits, of two that are as near the one with an even
// fraction. NaN stays NaN, with its sign and the upper bits of its fraction. A finite number
// that would become infinite gives false.
func (h Half) bits(x float32) (bits uint16, ok bool) {
	all := math.Float32bits(x)
	sign, magnitude := uint16(all>>16)&(1<<15), all&^(1<<31)
	dropped := 16 // bits of the fraction
	if h == F16 {
		dropped = 13
	}
	switch {
	case x != x:
		quiet := uint16(1) << (22 - dropped) // the first bit of the fraction
		fraction := uint16(all>>dropped) & (quiet<<1 - 1)
		if fraction == 0 {
			fraction = quiet
		}
		return sign | h.infinity() | fraction, true
	case math.IsInf(float64(x), 0):
		return sign | h.infinity(), true
	case h == F16 && magnitude < (127-14)<<23: // less than the smallest normal number
		return sign | uint16(math.RoundToEven(math.Abs(float64(x))*0x1p24)), true
	case h == F16:
		magnitude -= (127 - 15) << 23 // the exponent as F16 has it
	}
	rounded := (magnitude + 1<<(dropped-1) - 1 + magnitude>>dropped&1) >> dropped
	if rounded >= uint32(h.infinity()) {
		return 0, false
	}
	return sign | uint16(rounded), true
}

// infinity returns the bits of infinity.
func (h Half) infinity() uint16 {
	if h == F16 {
		return 0x7c00
	}
	return 0x7f80
}

// fillHalf reads the data of e, which is of 16 bits, to dst, a buffer at a time.
func fillHalf(d *decoder, e *entry, dst []float32) error {
	for len(dst) > 0 {
		n := min(len(dst), len(d.buffer)/2)
		raw := d.buffer[:2*n]
		if err := d.read(e.field("data"), raw); err != nil {
			return err
		}
		for i := range n {
			dst[i] = e.format.half.Float32(binary.LittleEndian.Uint16(raw[2*i:]))
		}
		dst = dst[n:]
	}
	return nil
}

// drainHalf writes the data of t as numbers of 16 bits, a buffer at a time.
func drainHalf(w io.Writer, buffer []byte, t Tensor, src []float32) error {
	for len(src) > 0 {
		n := min(len(src), len(buffer)/2)
		for i, x := range src[:n] {
			bits, ok := t.Half.bits(x)
			if !ok {
				return &fault.FormatError{Field: fmt.Sprintf("tensor %q", t.Name),
					Detail: fmt.Sprintf("%g is no finite %s, at most %g expected", x, t.Half, t.Half.Float32(t.Half.infinity()-1))}
			}
			binary.LittleEndian.PutUint16(buffer[2*i:], bits)
		}
		if _, err := w.Write(buffer[:2*n]); err != nil {
			return err
		}
		src = src[n:]
	}
	return nil
}
