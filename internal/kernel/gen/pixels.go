package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// pixelCols is how many bytes that lie side by side the products of bytes take at once.
const pixelCols = 16

// pixels writes the kernels for pictures as they are in a data set: bytes, which take a quarter of
// the memory of floats. They are turned to floats, or multiplied as softmax regression does.
func pixels() {
	lookup()
	for _, v := range []vec{{wide: true}, {}} {
		v.affine()
	}
	reverseBytes()
	turnBytes()
	for _, t := range []pixelTile{{sums{vec{wide: true}, 10, 1}}, {sums{vec{}, 5, 2}}} {
		t.product()
		t.gradient()
	}
}

// reverseBytes writes the kernel that mirrors a row.
func reverseBytes() {
	TEXT("reverseBytesAVX2", NOSPLIT, "func(n int, dst, src *byte)")
	Doc("reverseBytesAVX2 writes the n bytes of src, at least 32, to dst, the last first.")
	Pragma("noescape")
	n, dst, src := Load(Param("n"), GP64()), Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	half := GP64()
	order := XMM() // of the bytes of half a register, from the last
	MOVQ(U64(0x08090a0b0c0d0e0f), half)
	VMOVQ(half, order)
	MOVQ(U64(0x0001020304050607), half)
	VPINSRQ(Imm(1), half, order, order)
	VINSERTI128(Imm(1), order, order.AsY(), order.AsY())
	const size = 32
	turn := func(at Mem) {
		r := YMM()
		VMOVDQU(at, r)
		VPSHUFB(order.AsY(), r, r)
		VPERMQ(Imm(0x4e), r, r)
		VMOVDQU(r, Mem{Base: dst})
	}
	Label("many")
	turn(Mem{Base: src, Index: n, Scale: 1, Disp: -size})
	ADDQ(Imm(size), dst)
	SUBQ(Imm(size), n)
	CMPQ(n, Imm(size))
	JGE(LabelRef("many"))
	TESTQ(n, n)
	JZ(LabelRef("done"))
	Comment("The first register again, with what is left at its beginning.")
	LEAQ(Mem{Base: dst, Index: n, Scale: 1, Disp: -size}, dst)
	turn(Mem{Base: src})
	Label("done")
	VZEROUPPER()
	RET()
}

// turnBytes writes the kernel that brings the same byte of several rows side by side.
func turnBytes() {
	TEXT("turnBytesAVX2", NOSPLIT, "func(blocks int, dst, src *byte, stride int)")
	Doc("turnBytesAVX2 writes the 16 columns of every block of 16 by 16 bytes of src as rows of",
		"dst. The blocks lie side by side in src, whose rows lie stride bytes apart, and one",
		"below the other, without gaps, in dst.")
	Pragma("noescape")
	blocks, dst := Load(Param("blocks"), GP64()), Load(Param("dst"), GP64())
	src, stride := Load(Param("src"), GP64()), Load(Param("stride"), GP64())
	stride3 := triple(stride)
	Label("block")
	fours := [4]Register{src}
	for i := 1; i < len(fours); i++ {
		fours[i] = GP64()
		LEAQ(Mem{Base: fours[i-1], Index: stride, Scale: 4}, fours[i])
	}
	row := func(i int) Mem { return fourRows(fours[i/4], stride, stride3)[i%4] }
	// Eight rows lie in the lower halves of the registers, the other eight in the upper ones.
	var r [8]VecVirtual
	for i := range r {
		low := XMM()
		VMOVDQU(row(i), low)
		r[i] = YMM()
		VINSERTI128(Imm(1), row(i+8), low.AsY(), r[i])
	}
	// turn interleaves registers that lie apart as far as they have neighbours of one row.
	turn := func(r [8]VecVirtual, apart int, low, high func(...Op)) (out [8]VecVirtual) {
		k := 0
		for i := range r {
			if i&apart != 0 {
				continue
			}
			out[k], out[k+1] = YMM(), YMM()
			low(r[i+apart], r[i], out[k])
			high(r[i+apart], r[i], out[k+1])
			k += 2
		}
		return out
	}
	r = turn(r, 1, VPUNPCKLBW, VPUNPCKHBW) // columns 0-7 and 8-15 of two rows, by turns
	r = turn(r, 2, VPUNPCKLWD, VPUNPCKHWD) // columns 0-3, 4-7, 8-11 and 12-15 of four rows
	r = turn(r, 4, VPUNPCKLDQ, VPUNPCKHDQ) // two columns of eight rows
	for i, two := range r {
		VPERMQ(Imm(0xd8), two, two) // the other eight rows of either column behind them
		VMOVDQU(two, Mem{Base: dst, Disp: 32 * i})
	}
	ADDQ(Imm(16), src)
	ADDQ(U32(256), dst)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// pixelTile is the sums of a kernel of products of bytes, which become floats in registers,
// with floats: a row of sums for each of some rows of floats.
type pixelTile struct{ sums }

func (t pixelTile) zeros() [][]VecVirtual {
	all := t.registersOf(t.rows)
	for _, row := range all {
		for _, r := range row {
			t.clear(r)
		}
	}
	return all
}

// step adds to the first sums the products of the floats at factors and the bytes at x.
func (t pixelTile) step(all [][]VecVirtual, x Mem, factors []Mem) {
	floats := t.registersOf(1)[0]
	for j, r := range floats {
		VPMOVZXBD(x.Offset(j*t.lanes()), r)
		VCVTDQ2PS(r, r)
	}
	for i, at := range factors {
		t.add(at, floats, all[i])
	}
}

// factors is where rows of floats lie, as far apart as stride says.
type factors struct {
	fives           []Register // the first of five rows, and of five more
	stride, stride3 Register
}

func (t pixelTile) factors(first, stride Register) factors {
	SHLQ(Imm(2), stride)
	f := factors{[]Register{first}, stride, triple(stride)}
	for range t.rows/5 - 1 {
		next := GP64()
		LEAQ(Mem{Base: first, Index: stride, Scale: 4}, next)
		ADDQ(stride, next)
		f.fives = append(f.fives, next)
	}
	return f
}

// at returns the addresses of the l-th element of the first n rows.
func (f factors) at(l, n int) []Mem {
	var all []Mem
	for _, base := range f.fives {
		four := fourRows(base, f.stride, f.stride3)
		all = append(append(all, four[:]...), Mem{Base: base, Index: f.stride, Scale: 4})
	}
	for i := range all {
		all[i].Disp = 4 * l
	}
	return all[:n]
}

// advance moves on by so many elements.
func (f factors) advance(count int) {
	for _, base := range f.fives {
		ADDQ(Imm(uint64(4*count)), base)
	}
}

// forRows writes a loop for every number of rows.
func (t pixelTile) forRows(rows Register, write func(n int, label func(string) string)) {
	eachCount("", t.rows, rows, toEnd, func(n int) {
		write(n, func(s string) string { return fmt.Sprintf("%s%d", s, n) })
	})
	Label("end")
}

// end does something to every register of the rows that there are, whose sums go to rows of c
// that lie stride bytes apart.
func (t pixelTile) end(label string, all [][]VecVirtual, rows, c, stride Register, do func(sum VecVirtual, at Mem)) {
	eachRow(label, t.rows, rows, c, stride, func(i int, at Mem) {
		for j, sum := range all[i] {
			do(sum, at.Offset(4*t.lanes()*j))
		}
	})
}

// fetched is how many rows of bytes a call of product fetches: those for ten rows of floats
// together as many as there are columns.
func (t pixelTile) fetched() int { return pixelCols * t.rows / 10 }

// product writes the forward product. While it computes, rows that come next are fetched, line
// by line: to wait for memory takes as long as a third of the arithmetic.
func (t pixelTile) product() {
	name := t.vec.name("pixelProduct")
	TEXT(name, NOSPLIT, "func(depth int, x *byte, w, c *float32, wStride, cStride, rows int, from *byte, next *int)")
	Doc(name+" writes to c the products of the rows of w and 16 columns of bytes that lie side",
		"by side in x; all are depth long. The rows of w and c lie so many elements apart. depth",
		fmt.Sprintf("is at least 1, rows is 1 to %d. The %d rows of bytes that begin at the distances next", t.rows, t.fetched()),
		"from from are fetched into the caches meanwhile.")
	Pragma("noescape")
	depth, x := Load(Param("depth"), GP64()), Load(Param("x"), GP64())
	w := t.factors(Load(Param("w"), GP64()), Load(Param("wStride"), GP64()))
	rows := Load(Param("rows"), GP64())
	from, next := Load(Param("from"), GP64()), Load(Param("next"), GP64())
	all := t.zeros()
	steps := func(n, count int) {
		for l := range count {
			t.step(all, Mem{Base: x, Disp: pixelCols * l}, w.at(l, n))
		}
		ADDQ(U32(uint32(pixelCols*count)), x)
		w.advance(count)
	}
	const line = 64
	fetched := t.fetched()
	row, distance := GP64(), GP64()
	fetch := func() {
		MOVQ(Mem{Base: next, Index: row, Scale: 8, Disp: -8}, distance)
		PREFETCHT0(Mem{Base: from, Index: distance, Scale: 1})
	}
	t.forRows(rows, func(n int, label func(string) string) {
		SUBQ(Imm(line), depth)
		JLT(LabelRef(label("rest")))
		Label(label("line"))
		MOVQ(U32(uint32(fetched)), row)
		Label(label("many"))
		fetch()
		steps(n, line/fetched)
		DECQ(row)
		JNZ(LabelRef(label("many")))
		ADDQ(Imm(line), from)
		SUBQ(Imm(line), depth)
		JGE(LabelRef(label("line")))
		Label(label("rest"))
		ADDQ(Imm(line), depth)
		JZ(LabelRef("end"))
		MOVQ(U32(uint32(fetched)), row)
		Label(label("last"))
		fetch()
		DECQ(row)
		JNZ(LabelRef(label("last")))
		Label(label("one"))
		steps(n, 1)
		DECQ(depth)
		JNZ(LabelRef(label("one")))
	})
	c, cStride := Load(Param("c"), GP64()), Load(Param("cStride"), GP64())
	SHLQ(Imm(2), cStride)
	t.end("done", all, rows, c, cStride, func(sum VecVirtual, at Mem) { VMOVUPS(sum, at) })
	VZEROUPPER()
	RET()
}

// gradient writes the gradient of the rows of floats.
func (t pixelTile) gradient() {
	name := t.vec.name("pixelGradient")
	TEXT(name, NOSPLIT, "func(panels, n int, x *byte, y, c *float32, xStride, yStride, cStride, rows int, add bool)")
	Doc(name+" writes to c, or adds to it where add says so, the products of the rows of y and",
		"panels of 16 columns of bytes, side by side in the rows of x; all are n long. The rows",
		fmt.Sprintf("of x, y and c lie so many elements apart. panels and n are at least 1, rows is 1 to %d.", t.rows))
	Pragma("noescape")
	panels := Load(Param("panels"), GP64())
	xPanel, c := Load(Param("x"), GP64()), Load(Param("c"), GP64())
	xStride, cStride := Load(Param("xStride"), GP64()), Load(Param("cStride"), GP64())
	xStride3 := triple(xStride)
	SHLQ(Imm(2), cStride)
	rows := Load(Param("rows"), GP64())
	Label("panel")
	n, x := Load(Param("n"), GP64()), GP64()
	MOVQ(xPanel, x)
	y := t.factors(Load(Param("y"), GP64()), Load(Param("yStride"), GP64()))
	all := t.zeros()
	steps := func(k, count int) {
		four := fourRows(x, xStride, xStride3)
		for l, at := range four[:count] {
			t.step(all, at, y.at(l, k))
		}
		LEAQ(Mem{Base: x, Index: xStride, Scale: uint8(count)}, x)
		y.advance(count)
	}
	t.forRows(rows, func(k int, label func(string) string) {
		SUBQ(Imm(4), n)
		JLT(LabelRef(label("rest")))
		Label(label("four"))
		steps(k, 4)
		SUBQ(Imm(4), n)
		JGE(LabelRef(label("four")))
		Label(label("rest"))
		ADDQ(Imm(4), n)
		JZ(LabelRef("end"))
		Label(label("one"))
		steps(k, 1)
		DECQ(n)
		JNZ(LabelRef(label("one")))
	})
	add := Load(Param("add"), GP8())
	TESTB(add, add)
	JZ(LabelRef("added"))
	t.end("added", all, rows, c, cStride, func(sum VecVirtual, at Mem) { VADDPS(at, sum, sum) })
	t.end("written", all, rows, c, cStride, func(sum VecVirtual, at Mem) { VMOVUPS(sum, at) })
	ADDQ(Imm(pixelCols), xPanel)
	ADDQ(Imm(4*pixelCols), c)
	DECQ(panels)
	JNZ(LabelRef("panel"))
	VZEROUPPER()
	RET()
}

// lookup writes the conversion of bytes by a table of 256, which fills half of the
// registers of AVX-512: each byte is looked up in all eight pairs of them, and its upper
// bits choose among the results. (Gathering from memory is no faster than plain loads.)
func lookup() {
	TEXT("lookupAVX512", NOSPLIT, "func(n int, dst *float32, src *byte, table *float32, next *byte)")
	Doc("lookupAVX512 computes dst[i] = table[src[i]] for the n elements of dst and src, and has",
		"the n bytes at next, which will be wanted soon, fetched meanwhile.")
	Pragma("noescape")
	n := Load(Param("n"), GP64())
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	base, ahead := Load(Param("table"), GP64()), Load(Param("next"), GP64())
	var table [16]VecVirtual
	for i := range table {
		table[i] = ZMM()
		VMOVUPS(Mem{Base: base, Disp: 64 * i}, table[i])
	}
	var bit [3]VecVirtual // 32, 64, 128
	for i := range bit {
		bit[i] = ZMM()
		r := GP32()
		MOVL(U32(32<<i), r)
		VPBROADCASTD(r, bit[i])
	}
	all, mask := GP32(), K()
	MOVL(U32(0xffff), all)
	KMOVW(all, mask)

	Label("next")
	CMPQ(n, Imm(16))
	JGE(LabelRef("convert"))
	TESTQ(n, n)
	JZ(LabelRef("done"))
	BZHIL(n.(GPVirtual).As32(), all, all) // the elements that are left
	KMOVW(all, mask)
	MOVQ(U32(16), n)
	Label("convert")
	PREFETCHT0(Mem{Base: ahead})
	index := ZMM()
	VPMOVZXBD_Z(Mem{Base: src}, mask, index)
	var k [3]Register
	for i := range k {
		kk := K()
		VPTESTMD(bit[i], index, kk)
		k[i] = kk
	}
	var found [8]VecVirtual
	for i := range found {
		found[i] = ZMM()
		VMOVDQA32(index, found[i])
		VPERMI2PS(table[2*i+1], table[2*i], found[i])
	}
	for level, step := 0, 1; step < 8; level, step = level+1, 2*step {
		for i := 0; i < 8; i += 2 * step {
			VBLENDMPS(found[i+step], found[i], k[level], found[i])
		}
	}
	VMOVUPS(found[0], mask, Mem{Base: dst})
	ADDQ(Imm(16), src)
	ADDQ(Imm(16), ahead)
	ADDQ(Imm(64), dst)
	SUBQ(Imm(16), n)
	JMP(LabelRef("next"))
	Label("done")
	VZEROUPPER()
	RET()
}

// affine writes the conversion of bytes by a formula. A turn is a line of memory of them.
func (v vec) affine() {
	name := v.name("affine")
	TEXT(name, NOSPLIT, "func(n int, dst *float32, src *byte, by *float32, next *byte)")
	Doc(name+" computes dst = (src*by[0] - by[2])*by[3] for n elements, at least 16. by[1] and",
		"by[4] are what the factors before them lack. The n bytes at next, which will be wanted",
		"soon, are fetched meanwhile.")
	Pragma("noescape")
	n := Load(Param("n"), GP64())
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	base, ahead := Load(Param("by"), GP64()), Load(Param("next"), GP64())
	var by [5]VecVirtual
	for i := range by {
		by[i] = v.reg()
		VBROADCASTSS(Mem{Base: base, Disp: 4 * i}, by[i])
	}
	times := func(x, factor, rest VecVirtual) VecVirtual {
		y := v.reg()
		VMULPS(rest, x, y)
		VFMADD231PS(factor, x, y)
		return y
	}
	convert := func(at int) {
		x := v.reg()
		VPMOVZXBD(Mem{Base: src, Disp: at}, x)
		VCVTDQ2PS(x, x)
		x = times(x, by[0], by[1])
		VSUBPS(by[2], x, x)
		VMOVUPS(times(x, by[3], by[4]), Mem{Base: dst, Disp: 4 * at})
	}
	const line = 64
	advance := func(elements int) {
		ADDQ(Imm(uint64(elements)), src)
		ADDQ(U32(uint32(4*elements)), dst)
		SUBQ(Imm(uint64(elements)), n)
	}

	Label("many")
	PREFETCHT0(Mem{Base: ahead})
	CMPQ(n, Imm(line))
	JL(LabelRef("one"))
	for at := 0; at < line; at += v.lanes() {
		convert(at)
	}
	ADDQ(Imm(line), ahead)
	advance(line)
	JMP(LabelRef("many"))

	Label("one")
	CMPQ(n, Imm(uint64(v.lanes())))
	JL(LabelRef("rest"))
	convert(0)
	advance(v.lanes())
	JMP(LabelRef("one"))

	Label("rest")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	Comment("The last register again, with what is left at its end.")
	SUBQ(Imm(uint64(v.lanes())), n)
	ADDQ(n, src)
	LEAQ(Mem{Base: dst, Index: n, Scale: 4}, dst)
	convert(0)
	Label("done")
	VZEROUPPER()
	RET()
}
