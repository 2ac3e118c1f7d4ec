package kernel

import (
	"encoding/binary"
	"math"
	"math/bits"
	"unsafe"
)

// Table is what the bytes of pixels become: a function of bytes for each channel.
type Table struct {
	channels []byteFunc // or one for all channels
}

// byteFunc is a function of a byte.
type byteFunc struct {
	values [256]float32
	affine *affine // that gives the same bits, or nil
}

// affine is the function (v·scale - offset)·factor of a byte v, the products rounded once.
// Each factor is followed by what it lacks.
type affine [5]float32

// affineLeast is the least number of elements that the kernels for affine take.
const affineLeast = 16

// reverseLeast is the least number of bytes that the kernels for Reverse take.
const reverseLeast = 32

// NewTable returns the table in which the byte v of channel c becomes values[c][v].
func NewTable(values [][256]float32) *Table {
	t := &Table{}
	for c := range values {
		if c == 0 || !allSame(values) {
			t.channels = append(t.channels, newByteFunc(&values[c]))
		}
	}
	return t
}

// allSame reports whether all channels have the same values.
func allSame(values [][256]float32) bool {
	for c := range values {
		if !sameFloats(&values[c], &values[0]) {
			return false
		}
	}
	return true
}

// newByteFunc returns the function that has the value values[v] for the byte v. It looks
// whether that is (v/255 - mean)/std to the bit, as pictures are normalized: computing
// that is faster than looking it up.
func newByteFunc(values *[256]float32) byteFunc {
	f := byteFunc{values: *values}
	if active.vectors == nil {
		return f
	}
	var bytes [256]byte
	for v := range bytes {
		bytes[v] = byte(v)
	}
	for by := range normalizations(values[0], values[255]) {
		found := byteFunc{values: *values, affine: &by}
		var got [256]float32
		found.convert(got[:], bytes[:], bytes[:])
		if sameFloats(&got, values) {
			return found
		}
	}
	return f
}

// normalizations yields what may make black and white of 0 and 255. Rounding leaves some
// choice of mean and std: those about the likeliest are yielded.
func normalizations(black, white float32) func(yield func(affine) bool) {
	const around = 16 // about twice as far as the errors of black and white reach
	scale, scaleRest := reciprocal(255)
	return func(yield func(affine) bool) {
		if !yield(affine{scale, scaleRest, 0, 1, 0}) {
			return
		}
		std := 1 / (float64(white) - float64(black))
		mean := -float64(black) * std
		if !(std > 0x1p-100 && std < 0x1p100) {
			return
		}
		for i := range 2*around + 1 {
			factor, rest := reciprocal(units(std, i-around))
			for j := range 2*around + 1 {
				if !yield(affine{scale, scaleRest, units(mean, j-around), factor, rest}) {
					return
				}
			}
		}
	}
}

// reciprocal returns 1/x in two parts, the second what the first lacks.
func reciprocal(x float32) (y, rest float32) {
	exact := 1 / float64(x)
	y = float32(exact)
	return y, float32(exact - float64(y))
}

// units returns the float32 that is n units in the last place beside x.
func units(x float64, n int) float32 {
	return math.Float32frombits(math.Float32bits(float32(x)) + uint32(n))
}

func sameFloats(x, y *[256]float32) bool {
	for i, v := range x {
		if math.Float32bits(v) != math.Float32bits(y[i]) {
			return false
		}
	}
	return true
}

// rowsAhead is how many rows before its turn a row is fetched.
const rowsAhead = 6

// Gather converts the row of size bytes at src[i*size] to the k-th row of dst for the k-th
// index i. A row has its channels one after the other. Rows are fetched ahead, also those of
// the indices that the slice has up to its capacity: rows in random order are in no cache,
// and waiting for them takes longer than converting them.
func (t *Table) Gather(dst []float32, src []byte, size int, indices []int) {
	wanted, plane := indices[:cap(indices)], size/len(t.channels)
	for k, i := range indices {
		next := wanted[min(k+rowsAhead, len(wanted)-1)]
		for c := range t.channels {
			at := c * plane
			t.channels[c].convert(dst[k*size+at:][:plane], src[i*size+at:][:plane], src[next*size+at:][:plane])
		}
	}
}

// Window is where a picture lies in bytes: channels, of which each has rows.
type Window struct {
	Channels, Height, Width int
	Area                    int    // bytes from one channel to the next
	Stride                  int    // bytes from one row to the next
	Turned                  []byte // memory of Width bytes, if rows are read from their ends; or nil
}

// Convert converts the picture that lies in src as w says. In dst rows and channels have no
// gaps.
func (t *Table) Convert(dst []float32, src []byte, w Window) {
	height, width := w.Height, w.Width
	if w.Stride == width && w.Turned == nil { // a channel is one row
		height, width = 1, w.Height*width
	}
	for c := range w.Channels {
		f := &t.channels[min(c, len(t.channels)-1)]
		plane := src[c*w.Area:]
		for y := range height {
			to, row := dst[(c*height+y)*width:][:width], plane[y*w.Stride:][:width]
			next := plane[min(y+rowsAhead, height-1)*w.Stride:][:width]
			if w.Turned != nil {
				Reverse(w.Turned, row)
				row = w.Turned[:width]
			}
			f.convert(to, row, next)
		}
	}
}

// Reverse sets dst to the bytes of src, the last first. They must not overlap.
func Reverse(dst, src []byte) {
	if v := active.vectors; v != nil && v.reverse != nil && len(src) >= reverseLeast {
		v.reverse(len(src), &dst[:len(src)][0], &src[0])
		return
	}
	for len(src) >= 8 {
		binary.LittleEndian.PutUint64(dst, bits.ReverseBytes64(binary.LittleEndian.Uint64(src[len(src)-8:])))
		dst, src = dst[8:], src[:len(src)-8]
	}
	for i, b := range src {
		dst[len(src)-1-i] = b
	}
}

// convert converts the elements of src, of which next are fetched meanwhile, to dst.
func (f *byteFunc) convert(dst []float32, src, next []byte) {
	v, n := active.vectors, len(dst)
	switch {
	case v != nil && f.affine != nil && n >= affineLeast:
		v.affine(n, &dst[0], &src[0], &f.affine[0], &next[0])
	case v != nil && v.lookup != nil && n > 0:
		v.lookup(n, &dst[0], &src[0], &f.values[0], unsafe.SliceData(next))
	default:
		for i, b := range src {
			dst[i] = f.values[b]
		}
	}
}
