package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// optimizers writes the steps of SGD with momentum or decay and of Adam, bound by memory
// but for Adam's root and quotient. What an option switches off is made a zero that
// changes nothing, -0: one kernel serves for all options, with the bits of its twin.
func optimizers() {
	constants := func(n int) (prepare func(), at func(i int) VecVirtual) {
		var base Register
		kept := make([]VecVirtual, n)
		prepare = func() {
			base = Load(Param("by"), GP64())
			for i := range kept {
				kept[i] = YMM()
				VBROADCASTSS(Mem{Base: base, Disp: 4 * i}, kept[i])
			}
		}
		at = func(i int) VecVirtual {
			if i < len(kept) {
				return kept[i]
			}
			r := YMM() // there are not registers for all
			VBROADCASTSS(Mem{Base: base, Disp: 4 * i}, r)
			return r
		}
		return prepare, at
	}
	// direction returns the gradient, or its opposite, with the decay. The first constants
	// of every step are for it.
	const sign, decay, decayOn, decayOff = 0, 1, 2, 3
	direction := func(by func(int) VecVirtual, g, p VecVirtual) VecVirtual {
		d, pull := YMM(), YMM()
		VXORPS(by(sign), g, d)
		VMULPS(by(decay), p, pull)
		VANDPS(by(decayOn), pull, pull)
		VORPS(by(decayOff), pull, pull)
		VADDPS(pull, d, d)
		return d
	}

	const rate = 4
	prepare, by := constants(5)
	loop{name: "decayStepAVX2", signature: "func(n int, p, grad, by *float32)", operands: []string{"p", "grad"}, prepare: prepare,
		doc: "decayStepAVX2 is SGDStep without a velocity.",
	}.generate(func(at func(string) Mem, load func(Mem) VecVirtual, store func(VecVirtual, Mem)) {
		p := load(at("p"))
		d := direction(by, load(at("grad")), p)
		VMULPS(by(rate), d, d)
		VADDPS(d, p, p)
		store(p, at("p"))
	})

	const momentum, share, ahead, aheadOff = 5, 6, 7, 8
	prepare, by = constants(9)
	loop{name: "momentumStepAVX2", signature: "func(n int, p, grad, v, by *float32)", operands: []string{"p", "grad", "v"}, prepare: prepare,
		doc: "momentumStepAVX2 is SGDStep with a velocity.",
	}.generate(func(at func(string) Mem, load func(Mem) VecVirtual, store func(VecVirtual, Mem)) {
		p, v := load(at("p")), load(at("v"))
		d, next := direction(by, load(at("grad")), p), YMM()
		VMULPS(by(momentum), v, v)
		VMULPS(by(share), d, next)
		VADDPS(next, v, v)
		store(v, at("v"))
		// Nesterov goes by d + momentum·v, others by v.
		VMULPS(by(momentum), v, next)
		VBLENDVPS(by(ahead), next, by(aheadOff), next)
		VBLENDVPS(by(ahead), d, v, d)
		VADDPS(next, d, d)
		VMULPS(by(rate), d, d)
		VADDPS(d, p, p)
		store(p, at("p"))
	})

	const keep, beta1, rest1, beta2, rest2, root, eps = 5, 6, 7, 8, 9, 10, 11
	prepare, by = constants(10)
	loop{name: "adamStepAVX2", signature: "func(n int, p, grad, m, v, by *float32)", operands: []string{"p", "grad", "m", "v"}, prepare: prepare,
		doc: "adamStepAVX2 is AdamStep without greatest squares.",
	}.generate(func(at func(string) Mem, load func(Mem) VecVirtual, store func(VecVirtual, Mem)) {
		p := load(at("p"))
		d := direction(by, load(at("grad")), p)
		m, next := load(at("m")), YMM()
		VMULPS(by(beta1), m, m)
		VMULPS(by(rest1), d, next)
		VADDPS(next, m, m)
		store(m, at("m"))
		v := load(at("v"))
		VMULPS(by(rest2), d, next)
		VMULPS(d, next, next)
		VMULPS(by(beta2), v, v)
		VADDPS(next, v, v)
		store(v, at("v"))
		VSQRTPS(v, v)
		VMULPS(by(root), v, v)
		VADDPS(by(eps), v, v)
		VDIVPS(v, m, m)
		VMULPS(by(rate), m, m)
		VMULPS(by(keep), p, p)
		VADDPS(m, p, p)
		store(p, at("p"))
	})
}
