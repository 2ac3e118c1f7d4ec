package kernel

// pictureKernels are those that decode and scale pictures. Their arithmetic is of whole numbers, so
// that their results are those of the plain loops.
type pictureKernels struct {
	inverseCosine func(dst *byte, stride int, b *int32)
	weighRows     func(n int, dst, src *byte, stride int, weights *uint32, taps int) // n is WeighLeast at least
	turn          func(blocks int, dst, src *byte, stride int)
}

// InverseCosine writes to dst the 8 by 8 pixels of a block of a JPEG's coefficients, which are
// multiplied already, each row stride bytes behind the one before. The coefficients stand
// column by column, and are changed. Rows has a bit for each row of coefficients that are not all
// 0.
//
// It is image/jpeg's, to the bit: the transform of Loeffler, Ligtenberg and Moschytz, in whole
// numbers of 32 bits (https://ieeexplore.ieee.org/document/266596).
func InverseCosine(dst []byte, stride int, b *[64]int32, rows uint) {
	if p := active.pictures; p != nil {
		p.inverseCosine(&dst[:7*stride+8][0], stride, &b[0])
		return
	}
	for i := 0; rows>>i != 0; i++ {
		if rows>>i&1 != 0 {
			inverseRow(b, i)
		}
	}
	for i := range 8 {
		inverseColumn((*[8]int32)(b[8*i:]))
	}
	for y := range 8 {
		row := dst[y*stride:][:8]
		for x := range row {
			row[x] = uint8(min(max(b[8*x+y], -128), 127) + 128)
		}
	}
}

// The constants of the transform have as many binary places as their names say.
const (
	half8, half14            = 181, 11585    // 1/sqrt 2
	halfCos6x18, halfSin6x18 = 70936, 171254 // of 6 pi/16, divided by sqrt 2
	halfCos6x12, halfSin6x12 = 1108, 2676
	cos3x12, sin3x12         = 3406, 2276 // of 3 pi/16
	cos1x12, sin1x12         = 4017, 799  // of pi/16
)

// turnedBack returns (x, y) turned back by an angle, of which it is given cosine and sine.
func turnedBack(x, y, cos, sin int32) (int32, int32) {
	sum := cos * (x + y)
	return sum - (sin+cos)*y, sum - (cos-sin)*x
}

// inverseRow transforms row i.
func inverseRow(b *[64]int32, i int) {
	x0, x7, x2, x5, x1, x6, x3, x4 := b[i], b[8+i], b[16+i], b[24+i], b[32+i], b[40+i], b[48+i], b[56+i]
	x0 <<= 17
	x1 <<= 17
	x0, x1 = x0+x1, x0-x1
	x2, x3 = turnedBack(x2, x3, halfCos6x18, halfSin6x18)
	x1, x2 = x1+x2, x1-x2
	x0, x3 = x0+x3, x0-x3

	x4 <<= 7
	x7 <<= 7
	x7, x4 = x7+x4, x7-x4
	x6 *= half8
	x5 *= half8
	x7, x5 = x7+x5, x7-x5
	x4, x6 = x4+x6, x4-x6
	x4, x7 = turnedBack(x4>>2, x7>>2, cos3x12, sin3x12)
	x5, x6 = turnedBack(x5>>2, x6>>2, cos1x12, sin1x12)

	b[i], b[56+i] = x0+x7, x0-x7
	b[8+i], b[48+i] = x1+x6, x1-x6
	b[16+i], b[40+i] = x2+x5, x2-x5
	b[24+i], b[32+i] = x3+x4, x3-x4
}

// inverseColumn transforms a column.
func inverseColumn(x *[8]int32) {
	x0, x7, x2, x5, x1, x6, x3, x4 := x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]
	x0 += 1 << 19
	x0, x1 = (x0+x1)>>2, (x0-x1)>>2
	x2, x3 = turnedBack(x2>>13, x3>>13, halfCos6x12, halfSin6x12)
	x1, x2 = x1+x2, x1-x2
	x0, x3 = x0+x3, x0-x3

	x7, x4 = x7+x4, x7-x4
	x5 = x5 >> 13 * half14
	x6 = x6 >> 13 * half14
	x7, x5 = x7+x5, x7-x5
	x4, x6 = x4+x6, x4-x6
	x4, x7 = turnedBack(x4>>14, x7>>14, cos3x12, sin3x12)
	x5, x6 = turnedBack(x5>>14, x6>>14, cos1x12, sin1x12)

	x[0], x[7] = (x0+x7)>>18, (x0-x7)>>18
	x[1], x[6] = (x1+x6)>>18, (x1-x6)>>18
	x[2], x[5] = (x2+x5)>>18, (x2-x5)>>18
	x[3], x[4] = (x3+x4)>>18, (x3-x4)>>18
}

// HaveWeighRows reports whether the kernels in use have WeighRows and TurnBlocks.
func HaveWeighRows() bool { return active.pictures != nil }

// WeighLeast is the least number of bytes that WeighRows takes.
const WeighLeast = 16

// WeighRows writes to dst the sums of rows of bytes, byte by byte: row k of src, which begins at
// k*stride, counts weights[k]/2^22, where weights from 2^31 on are below 0. Sums are rounded, and
// brought into the range of a byte. There is one weight at least, dst has WeighLeast bytes at
// least, and HaveWeighRows must hold.
func WeighRows(dst, src []byte, stride int, weights []uint32) {
	_, _ = src[(len(weights)-1)*stride+len(dst)-1], dst[WeighLeast-1]
	active.pictures.weighRows(len(dst), &dst[0], &src[0], stride, &weights[0], len(weights))
}

// TurnBlock is the side of a block that TurnBlocks turns.
const TurnBlock = 16

// TurnBlocks writes the columns of blocks of TurnBlock by TurnBlock bytes as rows: those of src lie
// side by side, in rows that are stride bytes apart, and those of dst one below the other without
// gaps. HaveWeighRows must hold.
func TurnBlocks(dst, src []byte, stride, blocks int) {
	_, _ = dst[blocks*TurnBlock*TurnBlock-1], src[(TurnBlock-1)*stride+blocks*TurnBlock-1]
	active.pictures.turn(blocks, &dst[0], &src[0], stride)
}
