package transform

import (
	"encoding/binary"

	"github.com/onehot-go/onehot/internal/kernel"
)

// Sums of weighted bytes are taken two at a time: each has 32 bits of a uint64. They begin with
// lanesBegin, which is so much that no sum is below 0 at the end, whatever the weights' signs.
const (
	laneByte   = 0xff | 0xff<<32
	lanesBegin = half + 256<<places | (half+256<<places)<<32
)

// roundLanes returns the values of two sums, as round does.
func roundLanes(sums uint64) uint64 {
	const bit = 1 | 1<<32
	v := sums >> places // of each 10 bits: 256 more than the value
	inside, above := v>>8&bit, v>>9&bit
	return (v & (inside * 0xff)) | above*0xff
}

// scaleBytes writes to to, of any length, the sums of a tap's rows of pix, byte by byte: row k
// begins at (t.first+k)*stride.
func scaleBytes(to, pix []uint8, stride int, t tap) {
	at := t.first * stride
	if kernel.HaveWeighRows() && len(to) >= kernel.WeighLeast {
		kernel.WeighRows(to, pix[at:], stride, t.weights)
		return
	}
	for len(to) >= 8 {
		a, b, c, d := uint64(lanesBegin), uint64(lanesBegin), uint64(lanesBegin), uint64(lanesBegin)
		i := at
		for _, w := range t.weights {
			v, w := binary.LittleEndian.Uint64(pix[i:]), uint64(int32(w))
			a += v & laneByte * w
			b += v >> 8 & laneByte * w
			c += v >> 16 & laneByte * w
			d += v >> 24 & laneByte * w
			i += stride
		}
		binary.LittleEndian.PutUint64(to, roundLanes(a)|roundLanes(b)<<8|roundLanes(c)<<16|roundLanes(d)<<24)
		to, at = to[8:], at+8
	}
	for x := range to {
		sum := uint32(half)
		for k, w := range t.weights {
			sum += w * uint32(pix[at+x+k*stride])
		}
		to[x] = round(sum)
	}
}

// pairs writes to to what two rows have: a in the lower halves, b in the upper ones.
func pairs(to []uint64, a, b []uint8) {
	a, b = a[:len(to)], b[:len(to)]
	for i := range to {
		to[i] = uint64(a[i]) | uint64(b[i])<<32
	}
}

// scalePairs writes to a and b the sums of the taps of a pair of rows.
func scalePairs(a, b []uint8, pairs []uint64, taps []tap) {
	a, b = a[:len(taps)], b[:len(taps)]
	for x := range taps {
		t := &taps[x]
		sums := uint64(lanesBegin)
		in := pairs[t.first:][:len(t.weights)]
		for k, w := range t.weights {
			sums += in[k] * uint64(int32(w))
		}
		sums = roundLanes(sums)
		a[x], b[x] = uint8(sums), uint8(sums>>32)
	}
}

// spreadPixels writes to to the pixels of a row of four bytes each: of each a pair of the first and
// the third, and one of the others.
func spreadPixels(to []uint64, row []uint8) {
	for len(to) >= 2 && len(row) >= 4 {
		v := uint64(binary.LittleEndian.Uint32(row))
		v |= v << 16 // bytes 0 and 2 are at bits 0 and 32
		to[0], to[1] = v&laneByte, v>>8&laneByte
		to, row = to[2:], row[4:]
	}
}

// scaleSpread writes to to the sums of the taps of a row that is spread.
func scaleSpread(to []uint8, lanes []uint64, taps []tap) {
	for x := range taps {
		t := &taps[x]
		a, b := uint64(lanesBegin), uint64(lanesBegin)
		in := lanes[2*t.first:][:2*len(t.weights)]
		for k, w := range t.weights {
			a += in[2*k] * uint64(int32(w))
			b += in[2*k+1] * uint64(int32(w))
		}
		v := roundLanes(a) | roundLanes(b)<<8
		binary.LittleEndian.PutUint32(to[4*x:], uint32(v|v>>16))
	}
}

// scaleBlocks is scaleRowsTo of a grey r where columns are turned to rows and back.
func (r raster) scaleBlocks(out raster, taps []tap) {
	const side = kernel.TurnBlock
	wide, end := (r.width+side-1)/side*side, (len(taps)+side-1)/side*side
	rows, columns := r.work.blank(side*wide), r.work.blank(side*wide)
	scaled, turned := r.work.blank(side*end), r.work.blank(side*side)
	for y := 0; y < r.height; y += side {
		n := min(side, r.height-y)
		for i := range n {
			copy(rows[i*wide:], r.row(y+i))
		}
		kernel.TurnBlocks(columns, rows, wide, wide/side)
		for x, t := range taps {
			kernel.WeighRows(scaled[x*side:][:side], columns[t.first*side:], side, t.weights)
		}
		for x := 0; x < len(taps); x += side {
			kernel.TurnBlocks(turned, scaled[x*side:], side, 1)
			for i := range n {
				copy(out.row(y + i)[x:], turned[i*side:][:side])
			}
		}
	}
}
