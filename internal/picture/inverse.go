package picture

// The inverse cosine transform is image/jpeg's, to the bit: Loeffler, Ligtenberg and Moschytz's,
// in whole numbers of 32 bits (https://ieeexplore.ieee.org/document/266596). Its constants have
// as many binary places as their names say.
const (
	half8, half14            = 181, 11585    // 1/sqrt 2
	halfCos6x18, halfSin6x18 = 70936, 171254 // of 6 pi/16, divided by sqrt 2
	halfCos6x12, halfSin6x12 = 1108, 2676
	cos3x12, sin3x12         = 3406, 2276 // of 3 pi/16
	cos1x12, sin1x12         = 4017, 799  // of pi/16
)

// turned returns (x, y) turned back by an angle, of which it is given cosine and sine.
func turned(x, y, cos, sin int32) (int32, int32) {
	sum := cos * (x + y)
	return sum - (sin+cos)*y, sum - (cos-sin)*x
}

// transformBlock writes the pixels of a block of coefficients to to, whose rows are stride apart.
// rows has a bit for each row of coefficients that are not all 0; b is changed.
func transformBlock(to []byte, stride int, b *[64]int32, rows uint) {
	for i := 0; rows>>i != 0; i++ {
		if rows>>i&1 != 0 {
			transformRow((*[8]int32)(b[8*i:]))
		}
	}
	for i := range 8 {
		transformColumn(b, i)
	}
	for y := range 8 {
		row := to[y*stride:][:8]
		for x, v := range b[8*y:][:8] {
			row[x] = uint8(min(max(v, -128), 127) + 128)
		}
	}
}

func transformRow(x *[8]int32) {
	x0, x7, x2, x5, x1, x6, x3, x4 := x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]
	x0 <<= 17
	x1 <<= 17
	x0, x1 = x0+x1, x0-x1
	x2, x3 = turned(x2, x3, halfCos6x18, halfSin6x18)
	x1, x2 = x1+x2, x1-x2
	x0, x3 = x0+x3, x0-x3

	x4 <<= 7
	x7 <<= 7
	x7, x4 = x7+x4, x7-x4
	x6 *= half8
	x5 *= half8
	x7, x5 = x7+x5, x7-x5
	x4, x6 = x4+x6, x4-x6
	x4, x7 = turned(x4>>2, x7>>2, cos3x12, sin3x12)
	x5, x6 = turned(x5>>2, x6>>2, cos1x12, sin1x12)

	x[0], x[7] = x0+x7, x0-x7
	x[1], x[6] = x1+x6, x1-x6
	x[2], x[5] = x2+x5, x2-x5
	x[3], x[4] = x3+x4, x3-x4
}

func transformColumn(b *[64]int32, i int) {
	x0, x7, x2, x5, x1, x6, x3, x4 := b[i], b[8+i], b[16+i], b[24+i], b[32+i], b[40+i], b[48+i], b[56+i]
	x0 += 1 << 19
	x0, x1 = (x0+x1)>>2, (x0-x1)>>2
	x2, x3 = turned(x2>>13, x3>>13, halfCos6x12, halfSin6x12)
	x1, x2 = x1+x2, x1-x2
	x0, x3 = x0+x3, x0-x3

	x7, x4 = x7+x4, x7-x4
	x5 = x5 >> 13 * half14
	x6 = x6 >> 13 * half14
	x7, x5 = x7+x5, x7-x5
	x4, x6 = x4+x6, x4-x6
	x4, x7 = turned(x4>>14, x7>>14, cos3x12, sin3x12)
	x5, x6 = turned(x5>>14, x6>>14, cos1x12, sin1x12)

	b[i], b[56+i] = (x0+x7)>>18, (x0-x7)>>18
	b[8+i], b[48+i] = (x1+x6)>>18, (x1-x6)>>18
	b[16+i], b[40+i] = (x2+x5)>>18, (x2-x5)>>18
	b[24+i], b[32+i] = (x3+x4)>>18, (x3-x4)>>18
}
