package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// pool writes the kernels of max pooling over squares of four elements. They take 16
// squares of a pair of rows at a time.
func pool() {
	permutations := map[string]Mem{}
	for name, index := range map[string]func(i int) int{
		"evens": func(i int) int { return 2 * i },
		"odds":  func(i int) int { return 2*i + 1 },
		"lower": func(i int) int { return i/2 + i%2*16 },
		"upper": func(i int) int { return i/2 + i%2*16 + 8 },
	} {
		permutations[name] = GLOBL("pool"+name, RODATA|NOPTR)
		for i := range 16 {
			DATA(4*i, U32(uint32(index(i))))
		}
	}
	maxPool(permutations["evens"], permutations["odds"])
	maxPoolGrad(permutations["lower"], permutations["upper"])
}

// squares is what the kernels have at hand while they go over pairs of rows.
type squares struct {
	inputs  [2]Register // masks of the elements of a row
	outputs Register    // mask of the squares
	top     Register    // where the elements of the upper row are
	bottom  Register
}

// eachSquares writes a loop over pairs of rows of squares and over 16 squares at a time
// within them. small and bytes are laid out without gaps, pictures with rows stride apart.
func eachSquares(picture, small, bytes string, body func(s squares, small, bytes Register)) {
	rows, cols := Load(Param("rows"), GP64()), Load(Param("cols"), GP64())
	stride := Load(Param("stride"), GP64())
	base, out, won := Load(Param(picture), GP64()), Load(Param(small), GP64()), Load(Param(bytes), GP64())
	SHLQ(Imm(2), stride)
	Label("row")
	s := squares{top: GP64(), bottom: GP64(), outputs: K()}
	MOVQ(base, s.top)
	LEAQ(Mem{Base: base, Index: stride, Scale: 1}, s.bottom)
	left, n, all, bits := GP64(), GP64(), GP64(), GP64()
	MOVQ(cols, left)
	MOVQ(I64(-1), all)
	Label("next")
	MOVQ(U32(16), n)
	CMPQ(left, n)
	CMOVQLT(left, n)
	BZHIQ(n, all, bits)
	KMOVW(bits.As32(), s.outputs)
	LEAQ(Mem{Index: n, Scale: 1, Base: n}, bits)
	BZHIQ(bits, all, bits)
	for i := range s.inputs {
		k := K()
		KMOVW(bits.As32(), k)
		s.inputs[i] = k
		SHRQ(Imm(16), bits)
	}
	body(s, out, won)
	LEAQ(Mem{Base: out, Index: n, Scale: 4}, out)
	ADDQ(n, won)
	ADDQ(U32(128), s.top)
	ADDQ(U32(128), s.bottom)
	SUBQ(n, left)
	JNZ(LabelRef("next"))
	LEAQ(Mem{Base: base, Index: stride, Scale: 2}, base)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// numbers returns registers with 1, 2 and 3 in every lane.
func numbers() (r [4]VecVirtual) {
	for i := 1; i < 4; i++ {
		n := GP32()
		MOVL(U32(uint32(i)), n)
		r[i] = ZMM()
		VPBROADCASTD(n, r[i])
	}
	return r
}

func maxPool(evens, odds Mem) {
	TEXT("maxPool2x2AVX512", NOSPLIT, "func(rows, cols int, dst *float32, winners *byte, x *float32, stride int)")
	Doc("maxPool2x2AVX512 writes the greatest of every square of four elements of x to dst, and which",
		"it is to winners. The rows of x lie stride elements apart. rows and cols are at least 1.")
	Pragma("noescape")
	which := numbers()
	var index [2]VecVirtual
	for i, m := range []Mem{evens, odds} {
		index[i] = ZMM()
		VMOVUPS(m, index[i])
	}
	eachSquares("x", "dst", "winners", func(s squares, dst, winners Register) {
		most, winner := ZMM(), ZMM()
		VPXORD(winner, winner, winner)
		for row, base := range []Register{s.top, s.bottom} {
			low, high := ZMM(), ZMM()
			VMOVUPS_Z(Mem{Base: base}, s.inputs[0], low)
			VMOVUPS_Z(Mem{Base: base, Disp: 64}, s.inputs[1], high)
			for col := range index {
				v := ZMM()
				VMOVDQA32(index[col], v)
				VPERMI2PS(high, low, v)
				i := 2*row + col
				if i == 0 {
					VMOVAPS(v, most)
					continue
				}
				const unordered, greater = 0x03, 0x1e
				wins, nan := K(), K()
				VCMPPS(Imm(greater), most, v, wins)
				VCMPPS(Imm(unordered), v, v, nan)
				KORW(nan, wins, wins)
				VMOVAPS(v, wins, most)
				VMOVDQA32(which[i], wins, winner)
			}
		}
		VMOVUPS(most, s.outputs, Mem{Base: dst})
		packed := XMM() // storing them from there is many times faster than at once
		VPMOVDB(winner, packed)
		VMOVDQU8(packed, s.outputs, Mem{Base: winners})
	})
}

func maxPoolGrad(lower, upper Mem) {
	TEXT("maxPool2x2GradAVX512", NOSPLIT, "func(rows, cols int, dst, dy *float32, winners *byte, stride int)")
	Doc("maxPool2x2GradAVX512 writes dy to the winner of every square of four elements of dst, and 0 to",
		"the others. The rows of dst lie stride elements apart. rows and cols are at least 1.")
	Pragma("noescape")
	which := numbers()
	which[0] = ZMM()
	VPXORD(which[0], which[0], which[0])
	var index [2]VecVirtual
	for i, m := range []Mem{lower, upper} {
		index[i] = ZMM()
		VMOVUPS(m, index[i])
	}
	eachSquares("dst", "dy", "winners", func(s squares, dy, winners Register) {
		g, winner := ZMM(), ZMM()
		VMOVUPS_Z(Mem{Base: dy}, s.outputs, g)
		VPMOVZXBD_Z(Mem{Base: winners}, s.outputs, winner)
		for row, base := range []Register{s.top, s.bottom} {
			var parts [2]VecVirtual
			for col := range parts {
				won := K()
				VPCMPEQD(which[2*row+col], winner, won)
				parts[col] = ZMM()
				VMOVAPS_Z(g, won, parts[col])
			}
			for i := range index {
				v := ZMM()
				VMOVDQA32(index[i], v)
				VPERMI2PS(parts[1], parts[0], v)
				VMOVUPS(v, s.inputs[i], Mem{Base: base, Disp: 64 * i})
			}
		}
	})
}
