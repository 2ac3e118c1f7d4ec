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
