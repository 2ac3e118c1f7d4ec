package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// narrowSquares writes the kernels of max pooling for AVX2.
type narrowSquares struct {
	vec
	two, four Mem    // in all lanes
	within    [2]Mem // which elements of a square those of a row are, in both rows
	square    [2]Mem // whose the elements of the low and of the high register are
	ones      Mem    // as many in all lanes as two registers have, and then zeros
}

func newNarrowSquares() narrowSquares {
	constants := func(name string, f func(lane int) int) Mem {
		m := GLOBL("pool"+name, RODATA|NOPTR)
		for i := range lanes {
			DATA(4*i, U32(uint32(f(i))))
		}
		return m
	}
	var p narrowSquares
	p.ones = GLOBL("poolOnes", RODATA|NOPTR)
	for i := range 4 * lanes {
		v := uint32(0)
		if i < 2*lanes {
			v = 0xffffffff
		}
		DATA(4*i, U32(v))
	}
	p.two = constants("Two", func(int) int { return 2 })
	p.four = constants("Four", func(int) int { return 4 })
	for i := range 2 {
		p.within[i] = constants(fmt.Sprint("Within", i), func(lane int) int { return 2*i + lane%2 })
		p.square[i] = constants(fmt.Sprint("Square", i), func(lane int) int { return 4*i + lane/2 })
	}
	return p
}

// each writes the loop over all squares: body for whole registers and, at the end, for parts.
// The last register of a run overlaps the one before it. Where there is none it reaches beyond
// the run, to elements that are written again, but not beyond the last square.
func (p narrowSquares) each(shape Register, plane func(), body func(w way, s narrowPart)) {
	p.eachSquares(shape, plane, func(w way, n Register) {
		over, left := GP64(), GP64()
		MOVQ(U32(lanes), over)
		SUBQ(n, over)
		CMPQ(Mem{Base: shape, Disp: squaresRun}, Imm(lanes))
		JLT(LabelRef("short"))
		SUBQ(over, w.at)
		ADDQ(over, n)
		SHLQ(Imm(3), over)
		SUBQ(over, w.top)
		Label("short")
		MOVQ(Mem{Base: shape, Disp: squaresTotal}, left)
		SUBQ(w.at, left)
		CMPQ(left, Imm(lanes))
		JLT(LabelRef("part"))
		body(w, narrowPart{narrowSquares: p})
		JMP(LabelRef("done"))
		Label("part")
		body(w, narrowPart{narrowSquares: p, n: n})
		Label("done")
	})
}

// narrowPart is a register of squares, or less, with two registers of elements of a row.
type narrowPart struct {
	narrowSquares
	n Register // how many squares, or nil for all that a register has
}

// loadElements loads the elements of a half, and loadSquares an element for every square.
func (s narrowPart) loadElements(m Mem, half int) VecVirtual { return s.load(m, 2, half) }
func (s narrowPart) loadSquares(m Mem) VecVirtual            { return s.load(m, 1, 0) }

// load loads a register, of which times as many elements as there are squares are wanted, but
// for those of the halves before it.
func (s narrowPart) load(m Mem, times uint8, half int) VecVirtual {
	r := s.reg()
	if s.n == nil {
		VMOVUPS(m, r)
		return r
	}
	window := GP64()
	LEAQ(s.ones.Offset(8*lanes), window)
	NEGQ(s.n)
	LEAQ(Mem{Base: window, Index: s.n, Scale: 4 * times}, window)
	NEGQ(s.n)
	VMOVUPS(Mem{Base: window, Disp: 4 * lanes * half}, r)
	VMASKMOVPS(m, r, r)
	return r
}

// storeElements stores the elements of a half. In parts it is faster than under a mask.
func (s narrowPart) storeElements(r VecVirtual, m Mem, half int) {
	if s.n == nil {
		VMOVUPS(r, m)
		return
	}
	if half == 0 {
		ifBit(4, s.n, func() { VMOVUPS(r, m) }, func() { storeFirst(r, m, s.n, 2) })
	} else {
		ifBit(4, s.n, func() { storeFirst(r, m, s.n, 2) }, nil)
	}
}

// storeSquares stores an element for every square.
func (s narrowPart) storeSquares(r VecVirtual, m Mem) {
	if s.n == nil {
		VMOVUPS(r, m)
		return
	}
	storeFirst(r, m, s.n, 1)
}

// storeBytes stores the lowest bytes of the lanes, as many as there are squares.
func (s narrowPart) storeBytes(r VecVirtual, m Mem) {
	x, upper := r.AsX(), XMM()
	VEXTRACTI128(Imm(1), r, upper)
	VPACKUSDW(upper, x, upper)
	VPACKUSWB(upper, upper, upper)
	if s.n == nil {
		VMOVQ(upper, m)
		return
	}
	at, bytes := GP64(), GP64()
	LEAQ(m, at)
	VMOVQ(upper, bytes)
	ifBit(4, s.n, func() {
		MOVL(bytes.As32(), Mem{Base: at})
		SHRQ(Imm(32), bytes)
		ADDQ(Imm(4), at)
	}, nil)
	ifBit(2, s.n, func() {
		MOVW(bytes.As16(), Mem{Base: at})
		SHRQ(Imm(16), bytes)
		ADDQ(Imm(2), at)
	}, nil)
	ifBit(1, s.n, func() { MOVB(bytes.As8(), Mem{Base: at}) }, nil)
}

// loadBytes loads as many bytes as there are squares, one a lane. Those of the lanes behind
// them may be of any value.
func (s narrowPart) loadBytes(m Mem) VecVirtual {
	r := s.reg()
	if s.n == nil {
		VPMOVZXBD(m, r)
		return r
	}
	// From the last to the first: each moves those behind it up.
	at, bytes, next := GP64(), GP64(), GP64()
	LEAQ(m, at)
	ADDQ(s.n, at)
	XORQ(bytes, bytes)
	ifBit(1, s.n, func() {
		SUBQ(Imm(1), at)
		MOVBQZX(Mem{Base: at}, bytes)
	}, nil)
	ifBit(2, s.n, func() {
		SUBQ(Imm(2), at)
		SHLQ(Imm(16), bytes)
		MOVWQZX(Mem{Base: at}, next)
		ORQ(next, bytes)
	}, nil)
	ifBit(4, s.n, func() {
		SUBQ(Imm(4), at)
		SHLQ(Imm(32), bytes)
		MOVL(Mem{Base: at}, next.As32())
		ORQ(next, bytes)
	}, nil)
	x := XMM()
	VMOVQ(bytes, x)
	VPMOVZXBD(x, r)
	return r
}

func (p narrowSquares) maxPool(norm bool) {
	p.beginMaxPool(norm)
	shape, dst, winners, x := Load(Param("shape"), GP64()), Load(Param("dst"), GP64()), Load(Param("winners"), GP64()), Load(Param("x"), GP64())
	least := p.zero()
	relu, signs := YMM(), YMM()
	var by Register
	if norm {
		by = Load(Param("by"), GP64())
	} else {
		flag, x := GP32(), XMM()
		MOVBLZX(Load(Param("relu"), GP8()), flag)
		NEGL(flag)
		VMOVD(flag, x)
		VPBROADCASTD(x, relu)
		infinity := p.infinity(-1)
		VBLENDVPS(relu, least, infinity, least)
	}
	p.each(shape, func() {
		if norm {
			p.signsOf(by, signs)
		}
	}, func(w way, s narrowPart) {
		// Elements of even and of odd columns. Squares stand in the order 0 1 4 5 2 3 6 7.
		var elements [4]VecVirtual
		var low VecVirtual
		w.rows(func(row, half int, at Register) {
			r := s.loadElements(in(x, at), half)
			if half == 0 {
				low = r
				return
			}
			for col, pick := range []uint64{0x88, 0xdd} {
				e := YMM()
				VSHUFPS(Imm(pick), r, low, e)
				if norm {
					VPXOR(signs, e, e)
				}
				elements[2*row+col] = e
			}
		})
		// over replaces element i by j where that is greater, or NaN, and returns where.
		over := func(i, j int) VecVirtual {
			const unordered, greater = 0x03, 0x1e
			wins, nan := YMM(), YMM()
			VCMPPS(Imm(greater), elements[i], elements[j], wins)
			VCMPPS(Imm(unordered), elements[j], elements[j], nan)
			VORPS(nan, wins, wins)
			VBLENDVPS(wins, elements[j], elements[i], elements[i])
			return wins
		}
		// A mask is -1.
		winner := over(0, 1)
		VPSRLD(Imm(31), winner, winner)
		below := over(2, 3)
		VPSRLD(Imm(31), below, below)
		VPADDD(p.two, below, below)
		VBLENDVPS(over(0, 2), below, winner, winner)
		most := elements[0]
		if norm {
			VPXOR(signs, most, most)
		} else {
			const lessOrEqual = 0x12
			none, four := YMM(), YMM()
			VCMPPS(Imm(lessOrEqual), least, most, none)
			VANDPS(relu, none, none)
			VMOVUPS(p.four, four)
			VBLENDVPS(none, four, winner, winner)
			VMAXPS(most, least, most) // of two zeros and of NaN it takes the element
		}
		inOrder := func(r VecVirtual) VecVirtual { VPERMQ(Imm(0xd8), r, r); return r }
		s.storeSquares(inOrder(most), Mem{Base: dst, Index: w.at, Scale: 4})
		s.storeBytes(inOrder(winner), in(winners, w.at))
	})
}

func (p narrowSquares) maxPoolGrad(norm bool) {
	p.beginMaxPoolGrad(norm)
	shape, dst, dy, winners := Load(Param("shape"), GP64()), Load(Param("dst"), GP64()), Load(Param("dy"), GP64()), Load(Param("winners"), GP64())
	var x, by Register
	var numbers [3]VecVirtual
	if norm {
		x, by = Load(Param("x"), GP64()), Load(Param("by"), GP64())
		for i := range numbers {
			numbers[i] = YMM()
		}
	}
	mean, slope, shift := numbers[0], numbers[1], numbers[2]
	p.each(shape, func() {
		if norm {
			loadNumbers(by, numbers)
		}
	}, func(w way, s narrowPart) {
		g, winner := s.loadSquares(Mem{Base: dy, Index: w.at, Scale: 4}), s.loadBytes(in(winners, w.at))
		var gs, won [2]VecVirtual
		for i := range gs {
			square := YMM()
			gs[i], won[i] = YMM(), YMM()
			VMOVUPS(p.square[i], square)
			VPERMPS(g, square, gs[i])
			VPERMD(winner, square, won[i])
		}
		w.rows(func(row, half int, at Register) {
			k, d := YMM(), YMM()
			VPCMPEQD(p.within[row], won[half], k)
			if !norm {
				VANDPS(gs[half], k, d)
				s.storeElements(d, in(dst, at), half)
				return
			}
			d = s.loadElements(in(x, at), half)
			VSUBPS(mean, d, d)
			VMULPS(slope, d, d)
			VADDPS(shift, d, d)
			sum := YMM()
			VADDPS(gs[half], d, sum)
			VBLENDVPS(k, sum, d, d)
			s.storeElements(d, in(dst, at), half)
		})
	})
}
