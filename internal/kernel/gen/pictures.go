package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// pictures writes the kernels that decode and scale pictures.
func pictures() {
	inverseCosine()
	weighRows()
}

// constants returns where memory has registers full of numbers of 32 bits: of each a register's length of a number of 32 bits in memory.
func constants(name string, values ...int32) func(i int) Mem {
	data := GLOBL(name, RODATA|NOPTR)
	for i, v := range values {
		for lane := range 8 {
			DATA(32*i+4*lane, I32(v))
		}
	}
	return func(i int) Mem { return data.Offset(32 * i) }
}

// inverseCosine writes the inverse cosine transform of a block: a register has an element of eight
// rows, and then a row of eight columns.
func inverseCosine() {
	// turned takes cos, -(sin+cos) and -(cos-sin); see InverseCosine for the numbers.
	turn := func(cos, sin int32) []int32 { return []int32{cos, -(sin + cos), -(cos - sin)} }
	var numbers []int32
	for _, n := range [][]int32{turn(70936, 171254), turn(1108, 2676), turn(3406, 2276), turn(4017, 799), {181, 11585, 1 << 19, 128}} {
		numbers = append(numbers, n...)
	}
	number := constants("cosines", numbers...)
	const row6, column6, both3, both1, half8, half14, round, middle = 0, 3, 6, 9, 12, 13, 14, 15

	TEXT("inverseCosineAVX2", NOSPLIT, "func(dst *byte, stride int, b *int32)")
	Doc("inverseCosineAVX2 is InverseCosine.")
	Pragma("noescape")
	dst, stride, b := Load(Param("dst"), GP64()), Load(Param("stride"), GP64()), Load(Param("b"), GP64())
	var x [8]VecVirtual
	order := [8]int{0, 7, 2, 5, 1, 6, 3, 4} // which of x the elements are
	for i, k := range order {
		x[k] = YMM()
		VMOVDQU(Mem{Base: b, Disp: 32 * i}, x[k])
	}
	// butterfly sets i to the sum and j to the difference of both.
	butterfly := func(i, j int) {
		difference := YMM()
		VPSUBD(x[j], x[i], difference)
		VPADDD(x[j], x[i], x[i])
		x[j] = difference
	}
	turned := func(i, j, by int) {
		sum, other := YMM(), YMM()
		VPADDD(x[j], x[i], sum)
		VPMULLD(number(by), sum, sum)
		VPMULLD(number(by+2), x[i], other)
		VPMULLD(number(by+1), x[j], x[j])
		VPADDD(x[j], sum, x[i])
		VPADDD(other, sum, x[j])
	}
	shift := func(by uint64, all ...int) {
		for _, i := range all {
			VPSRAD(Imm(by), x[i], x[i])
		}
	}
	ends := func() {
		butterfly(0, 7)
		butterfly(1, 6)
		butterfly(2, 5)
		butterfly(3, 4)
	}

	Comment("Rows.")
	VPSLLD(Imm(17), x[0], x[0])
	VPSLLD(Imm(17), x[1], x[1])
	butterfly(0, 1)
	turned(2, 3, row6)
	butterfly(1, 2)
	butterfly(0, 3)
	VPSLLD(Imm(7), x[4], x[4])
	VPSLLD(Imm(7), x[7], x[7])
	butterfly(7, 4)
	VPMULLD(number(half8), x[6], x[6])
	VPMULLD(number(half8), x[5], x[5])
	butterfly(7, 5)
	butterfly(4, 6)
	shift(2, 4, 5, 6, 7)
	turned(4, 7, both3)
	turned(5, 6, both1)
	ends()

	Comment("Columns of rows become rows.")
	pairs := func(apart int, low, high func(...Op)) {
		var out [8]VecVirtual
		k := 0
		for i := range x {
			if i&apart == 0 {
				out[k], out[k+1] = YMM(), YMM()
				low(x[i+apart], x[i], out[k])
				high(x[i+apart], x[i], out[k+1])
				k += 2
			}
		}
		x = out
	}
	pairs(1, VPUNPCKLDQ, VPUNPCKHDQ)   // two rows: elements 0 and 1 of either half, and 2 and 3
	pairs(2, VPUNPCKLQDQ, VPUNPCKHQDQ) // four rows
	y := x
	for i := range 4 { // eight
		y[i], y[i+4] = YMM(), YMM()
		VINSERTI128(Imm(1), x[i+4].AsX(), x[i], y[i])
		VPERM2I128(Imm(0x31), x[i+4], x[i], y[i+4])
	}
	for i, k := range order {
		x[k] = y[i]
	}

	Comment("Columns.")
	VPADDD(number(round), x[0], x[0])
	butterfly(0, 1)
	shift(2, 0, 1)
	shift(13, 2, 3)
	turned(2, 3, column6)
	butterfly(1, 2)
	butterfly(0, 3)
	butterfly(7, 4)
	shift(13, 5, 6)
	VPMULLD(number(half14), x[5], x[5])
	VPMULLD(number(half14), x[6], x[6])
	butterfly(7, 5)
	butterfly(4, 6)
	shift(14, 4, 5, 6, 7)
	turned(4, 7, both3)
	turned(5, 6, both1)
	ends()
	shift(18, 0, 1, 2, 3, 4, 5, 6, 7)

	Comment("Bytes, which are within their range as they are packed.")
	half := XMM()
	VPBROADCASTB(number(middle), half)
	for i := 0; i < 8; i += 2 {
		VPACKSSDW(x[i+1], x[i], x[i]) // of both rows the first four, then the last
		high := XMM()
		VEXTRACTI128(Imm(1), x[i], high)
		VPACKSSWB(high, x[i].AsX(), x[i].AsX()) // four of each row, and four more
		VPSHUFD(Imm(0xd8), x[i].AsX(), x[i].AsX())
		VPADDB(half, x[i].AsX(), x[i].AsX())
		VMOVQ(x[i].AsX(), Mem{Base: dst})
		VPEXTRQ(Imm(1), x[i].AsX(), Mem{Base: dst, Index: stride, Scale: 1})
		if i < 6 {
			LEAQ(Mem{Base: dst, Index: stride, Scale: 2}, dst)
		}
	}
	VZEROUPPER()
	RET()
}

// weighRows writes the kernel that adds up rows of bytes.
func weighRows() {
	number := constants("halves", 1<<21)
	TEXT("weighRowsAVX2", NOSPLIT, "func(n int, dst, src *byte, stride int, weights *uint32, taps int)")
	Doc("weighRowsAVX2 writes n bytes, at least 16: sums of so many rows, stride bytes apart.")
	Pragma("noescape")
	n, dst, src := Load(Param("n"), GP64()), Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	stride, weights, taps := Load(Param("stride"), GP64()), Load(Param("weights"), GP64()), Load(Param("taps"), GP64())
	const size = 16
	at, from, k := GP64(), GP64(), GP64()
	XORQ(at, at)
	Label("bytes")
	low, high := YMM(), YMM()
	VMOVDQU(number(0), low)
	VMOVDQU(number(0), high)
	LEAQ(Mem{Base: src, Index: at, Scale: 1}, from)
	XORQ(k, k)
	Label("row")
	weight, v := YMM(), YMM()
	VPBROADCASTD(Mem{Base: weights, Index: k, Scale: 4}, weight)
	VPMOVZXBD(Mem{Base: from}, v)
	VPMULLD(weight, v, v)
	VPADDD(v, low, low)
	v = YMM()
	VPMOVZXBD(Mem{Base: from, Disp: 8}, v)
	VPMULLD(weight, v, v)
	VPADDD(v, high, high)
	ADDQ(stride, from)
	INCQ(k)
	CMPQ(k, taps)
	JL(LabelRef("row"))
	VPSRAD(Imm(22), low, low)
	VPSRAD(Imm(22), high, high)
	VPACKSSDW(high, low, low)
	VPERMQ(Imm(0xd8), low, low)
	upper := XMM()
	VEXTRACTI128(Imm(1), low, upper)
	VPACKUSWB(upper, low.AsX(), low.AsX())
	VMOVDQU(low.AsX(), Mem{Base: dst, Index: at, Scale: 1})
	Comment("The last bytes again, with those before them.")
	ADDQ(Imm(size), at)
	CMPQ(at, n)
	JGE(LabelRef("done"))
	last := GP64()
	LEAQ(Mem{Base: n, Disp: -size}, last)
	CMPQ(at, last)
	CMOVQGT(last, at)
	JMP(LabelRef("bytes"))
	Label("done")
	VZEROUPPER()
	RET()
}
