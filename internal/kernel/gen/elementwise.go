package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// elementwise writes the kernels that go through float32 slices side by side. They are
// bound by memory: AVX2 is as fast as AVX-512 there. Each does to every element exactly
// what its twin in pure Go does, so that both give the same bits.
func elementwise() {
	binary := func(name, doc string, op func(...Op)) {
		l := loop{name: name, signature: "func(n int, dst, x, y *float32)", doc: doc, operands: []string{"dst", "x", "y"}}
		l.generate(func(at func(string) Mem, load func(Mem) VecVirtual, store func(VecVirtual, Mem)) {
			out := YMM()
			op(load(at("y")), load(at("x")), out)
			store(out, at("dst"))
		})
	}
	binary("addAVX2", "addAVX2 computes dst = x + y.", VADDPS)
	binary("subAVX2", "subAVX2 computes dst = x - y.", VSUBPS)
	binary("mulAVX2", "mulAVX2 computes dst = x * y.", VMULPS)
	binary("divAVX2", "divAVX2 computes dst = x / y.", VDIVPS)
	binary("reluGradAVX2", "reluGradAVX2 computes dst = x where y is positive or NaN, and 0 elsewhere.", func(ops ...Op) {
		y, x, out := ops[0], ops[1], ops[2]
		positive, zero := YMM(), YMM()
		VXORPS(zero, zero, zero)
		const notLessOrEqual = 6
		VCMPPS(Imm(notLessOrEqual), zero, y, positive)
		VANDPS(x, positive, out)
	})

	loop{name: "reluAVX2", signature: "func(n int, dst, x *float32)", operands: []string{"dst", "x"},
		doc: "reluAVX2 computes dst = x where x is positive, zero or NaN, and 0 elsewhere.",
	}.generate(func(at func(string) Mem, load func(Mem) VecVirtual, store func(VecVirtual, Mem)) {
		out, zero := YMM(), YMM()
		VXORPS(zero, zero, zero)
		VMAXPS(load(at("x")), zero, out) // of a zero and of NaN it takes x
		store(out, at("dst"))
	})

	alpha := YMM()
	loop{name: "addScaledAVX2", signature: "func(n int, dst, x *float32, alpha float32)", operands: []string{"dst", "x"},
		doc:     "addScaledAVX2 computes dst = dst + alpha*x, rounded twice.",
		prepare: func() { VBROADCASTSS(Load(Param("alpha"), XMM()), alpha) },
	}.generate(func(at func(string) Mem, load func(Mem) VecVirtual, store func(VecVirtual, Mem)) {
		out := YMM()
		VMULPS(alpha, load(at("x")), out)
		VADDPS(out, load(at("dst")), out)
		store(out, at("dst"))
	})

	factor := YMM()
	loop{name: "scaleAVX2", signature: "func(n int, dst, x *float32, alpha float32)", operands: []string{"dst", "x"},
		doc:     "scaleAVX2 computes dst = alpha*x.",
		prepare: func() { VBROADCASTSS(Load(Param("alpha"), XMM()), factor) },
	}.generate(func(at func(string) Mem, load func(Mem) VecVirtual, store func(VecVirtual, Mem)) {
		out := YMM()
		VMULPS(factor, load(at("x")), out)
		store(out, at("dst"))
	})
	lookup()
	for _, v := range []vec{{wide: true}, {}} {
		v.affine()
	}
}

// loop is a kernel over n elements of each operand.
type loop struct {
	name, signature, doc string
	operands             []string
	prepare              func() // loads what all elements meet, or nil
}

const (
	lanes  = 8 // of a register
	unroll = 4 // registers of each operand in one turn
)

// generate writes the kernel: turns of several registers, then of one, then the
// elements that are left under a mask.
func (l loop) generate(body func(at func(string) Mem, load func(Mem) VecVirtual, store func(VecVirtual, Mem))) {
	TEXT(l.name, NOSPLIT, l.signature)
	Doc(l.doc)
	Pragma("noescape")
	n := Load(Param("n"), GP64())
	base := map[string]Register{}
	for _, name := range l.operands {
		base[name] = Load(Param(name), GP64())
	}
	if l.prepare != nil {
		l.prepare()
	}
	turn := func(disp int, load func(Mem) VecVirtual, store func(VecVirtual, Mem)) {
		body(func(name string) Mem { return Mem{Base: base[name], Disp: disp} }, load, store)
	}
	advance := func(registers int) {
		for _, name := range l.operands {
			ADDQ(Imm(uint64(registers*lanes*4)), base[name])
		}
		SUBQ(Imm(uint64(registers*lanes)), n)
	}
	plainLoad := func(m Mem) VecVirtual { r := YMM(); VMOVUPS(m, r); return r }
	plainStore := func(r VecVirtual, m Mem) { VMOVUPS(r, m) }

	Label("many")
	CMPQ(n, Imm(unroll*lanes))
	JL(LabelRef("one"))
	for u := range unroll {
		turn(u*lanes*4, plainLoad, plainStore)
	}
	advance(unroll)
	JMP(LabelRef("many"))

	Label("one")
	CMPQ(n, Imm(lanes))
	JL(LabelRef("rest"))
	turn(0, plainLoad, plainStore)
	advance(1)
	JMP(LabelRef("one"))

	Label("rest")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	mask := window(l.name, n)
	turn(0, func(m Mem) VecVirtual { r := YMM(); VMASKMOVPS(m, mask, r); return r },
		func(r VecVirtual, m Mem) { VMASKMOVPS(r, mask, m) })
	Label("done")
	VZEROUPPER()
	RET()
}

// window returns a mask of the first n lanes of a register, n less than all.
func window(name string, n Register) VecVirtual {
	mask := YMM()
	VMOVUPS(Mem{Base: windowAt(name, n)}, mask)
	return mask
}

// windowAt returns where that mask lies: in a window over ones and then zeros, n at most
// all.
func windowAt(name string, n Register) Register {
	table := GLOBL(name+"Mask", RODATA|NOPTR)
	for i := range 2 * lanes {
		v := uint32(0)
		if i < lanes {
			v = 0xffffffff
		}
		DATA(i*4, U32(v))
	}
	at, offset := GP64(), GP64()
	LEAQ(table, at)
	MOVQ(U32(lanes), offset)
	SUBQ(n, offset)
	LEAQ(Mem{Base: at, Index: offset, Scale: 4}, at)
	return at
}

// storeFirst stores the first times·n elements of r, but for a multiple of 8: in parts of
// four, two and one, since storing under a mask takes many cycles on AMD's processors.
func storeFirst(r VecVirtual, m Mem, n Register, times int) {
	at, x := GP64(), XMM()
	LEAQ(m, at)
	VMOVAPS(r.AsX(), x)
	ifBit(4/times, n, func() {
		VMOVUPS(x, Mem{Base: at})
		VEXTRACTF128(Imm(1), r, x)
		ADDQ(Imm(16), at)
	}, nil)
	ifBit(2/times, n, func() {
		VMOVLPS(x, Mem{Base: at})
		VPERMILPS(Imm(0xe), x, x)
		ADDQ(Imm(8), at)
	}, nil)
	if times == 1 {
		ifBit(1, n, func() { VMOVSS(x, Mem{Base: at}) }, nil)
	}
}

// branches counts what ifBit has written.
var branches int

// ifBit writes code for where n has a bit, and for where it has not, or nil.
func ifBit(bit int, n Register, has, lacks func()) {
	branches++
	without, done := fmt.Sprint("without", branches), fmt.Sprint("with", branches)
	TESTQ(U32(uint32(bit)), n)
	JZ(LabelRef(without))
	has()
	if lacks != nil {
		JMP(LabelRef(done))
	}
	Label(without)
	if lacks != nil {
		lacks()
		Label(done)
	}
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
