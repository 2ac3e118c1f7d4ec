package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// pooling writes the kernels of max pooling over squares of four elements, alone and of what is
// to be normalized. They take as many squares at a time as a register has lanes.
func pooling() {
	iota := GLOBL("poolIota", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(uint32(i)))
	}
	for _, norm := range []bool{false, true} {
		maxPool(norm, iota)
		maxPoolGrad(norm, iota)
	}
	squares := newNarrowSquares()
	for _, norm := range []bool{false, true} {
		squares.maxPool(norm)
		squares.maxPoolGrad(norm)
	}
	addWon()
}

// The places in the struct squares of package kernel.
const (
	squaresTotal = 8 * iota
	squaresArea
	squaresRun
	squaresSplit
	squaresHigh
	squaresStride
	squaresStep
	squaresGap
)

// way is where the kernels are while they go over squares, as many at once as a register has
// lanes. Their elements lie in two registers of a row, low and high, of each of two rows.
type way struct {
	shape Register // points to the struct
	top   Register // where the elements of the upper row lie in a picture, in bytes
	at    Register // the first square, counted from the beginning
}

// squares is what the kernels for AVX-512 have at hand.
type squares struct {
	way
	outputs Op    // mask of the squares
	inputs  [2]Op // masks of the elements of a row
	whole   bool  // whole registers can be read
}

// eachSquares writes the loop over all squares. plane is called before those of a plane, and body
// for n of them.
func (v vec) eachSquares(shape Register, plane func(), body func(w way, n Register)) {
	field := func(disp int) Mem { return Mem{Base: shape, Disp: disp} }
	s := way{shape: shape, top: GP64(), at: GP64()}
	planeEnd, runEnd, run, n := GP64(), GP64(), GP64(), GP64()
	for _, r := range []Register{s.at, planeEnd, run} {
		XORQ(r, r)
	}
	Label("plane")
	ADDQ(field(squaresArea), planeEnd)
	plane()
	Label("run")
	MOVQ(s.at, runEnd)
	ADDQ(field(squaresRun), runEnd)
	CMPQ(runEnd, planeEnd)
	CMOVQGT(planeEnd, runEnd)
	MOVQ(run, s.top)
	Label("next")
	left := GP64()
	MOVQ(U32(uint32(v.lanes())), n)
	MOVQ(runEnd, left)
	SUBQ(s.at, left)
	CMPQ(left, n)
	CMOVQLT(left, n)
	body(s, n)
	ADDQ(n, s.at)
	ADDQ(U32(uint32(8*v.lanes())), s.top)
	CMPQ(s.at, runEnd)
	JLT(LabelRef("next"))
	ADDQ(field(squaresStep), run)
	CMPQ(s.at, planeEnd)
	JLT(LabelRef("run"))
	ADDQ(field(squaresGap), run)
	CMPQ(s.at, field(squaresTotal))
	JLT(LabelRef("plane"))
	VZEROUPPER()
	RET()
}

// eachSquares is vec's with masks.
func eachSquares(shape Register, plane func(), body func(s squares)) {
	vec{wide: true}.eachSquares(shape, plane, func(w way, n Register) {
		s := squares{way: w}
		s.masks(n)
		left := GP64()
		MOVQ(Mem{Base: shape, Disp: squaresTotal}, left)
		SUBQ(s.at, left)
		CMPQ(left, Imm(16))
		JLT(LabelRef("last"))
		s.whole = true
		body(s)
		JMP(LabelRef("done"))
		Label("last")
		s.whole = false
		body(s)
		Label("done")
	})
}

// masks sets the masks for n squares.
func (s *squares) masks(n Register) {
	all, bits, low := GP64(), GP64(), GP64()
	first := func(n Register) Op {
		k := K()
		BZHIQ(n, all, bits)
		KMOVW(bits.As32(), k)
		return k
	}
	MOVQ(I64(-1), all)
	s.outputs = first(n)
	MOVQ(Mem{Base: s.shape, Disp: squaresSplit}, low)
	CMPQ(n, low)
	CMOVQLT(n, low)
	ADDQ(low, low)
	s.inputs[0] = first(low)
	SUBQ(n, low)
	SUBQ(n, low)
	NEGQ(low)
	s.inputs[1] = first(low)
}

// load loads a register, of which mask says what is wanted.
func (s squares) load(m Mem, mask Op) VecVirtual {
	if s.whole { // which is several times faster
		mask = nil
	}
	return part{vec{wide: true}, mask}.load(m)
}

// rows calls f for the four registers of elements, with where they lie in a picture.
func (s way) rows(f func(row, half int, at Register)) {
	for row := range 2 {
		at := GP64()
		MOVQ(s.top, at)
		if row > 0 {
			ADDQ(Mem{Base: s.shape, Disp: squaresStride}, at)
		}
		f(row, 0, at)
		high := GP64()
		MOVQ(at, high)
		ADDQ(Mem{Base: s.shape, Disp: squaresHigh}, high)
		f(row, 1, high)
	}
}

// everywhere returns a register with n in every lane.
func everywhere(n uint32) VecVirtual {
	g, r := GP32(), ZMM()
	MOVL(U32(n), g)
	VPBROADCASTD(g, r)
	return r
}

// signsOf sets the sign bits of signs where a channel's scale is negative, and goes on to the
// next channel.
func (v vec) signsOf(by Register, signs VecVirtual) {
	VPBROADCASTD(Mem{Base: by, Disp: channelScale}, signs)
	VPSRLD(Imm(31), signs, signs)
	VPSLLD(Imm(31), signs, signs)
	ADDQ(Imm(channelBytes), by)
}

// loadNumbers loads the numbers of a channel that gradients are made of: the mean, the slope
// and the shift. It goes on to the next channel.
func loadNumbers(by Register, numbers [3]VecVirtual) {
	for i, disp := range []int{channelMean, channelSlope, channelShift} {
		VBROADCASTSS(Mem{Base: by, Disp: disp}, numbers[i])
	}
	ADDQ(Imm(channelBytes), by)
}

// beginMaxPool and beginMaxPoolGrad write what the kernels begin with.
func (v vec) beginMaxPool(norm bool) {
	if norm {
		TEXT(v.name("preNormMaxPool2x2"), NOSPLIT, "func(shape *int, dst *float32, winners *byte, x, by *float32)")
		Doc(v.name("preNormMaxPool2x2")+" is "+v.name("maxPool2x2")+" without relu, with the least in place of the",
			"greatest in planes with a negative scale.")
	} else {
		TEXT(v.name("maxPool2x2"), NOSPLIT, "func(shape *int, dst *float32, winners *byte, x *float32, relu bool)")
		Doc(v.name("maxPool2x2")+" writes the greatest of every square of four elements of x to dst, and which",
			"it is to winners; with relu 0 for those that are negative, and 4 where none is positive.")
	}
	Pragma("noescape")
}

func (v vec) beginMaxPoolGrad(norm bool) {
	if norm {
		TEXT(v.name("preNormMaxPool2x2Grad"), NOSPLIT, "func(shape *int, dst, dy *float32, winners *byte, x, by *float32)")
		Doc(v.name("preNormMaxPool2x2Grad")+" computes dst = (x-mean)*slope + shift for all elements of squares,",
			"and adds dy to those that won.")
	} else {
		TEXT(v.name("maxPool2x2Grad"), NOSPLIT, "func(shape *int, dst, dy *float32, winners *byte)")
		Doc(v.name("maxPool2x2Grad")+" writes dy to the winner of every square of four elements of dst, and 0 to",
			"the others.")
	}
	Pragma("noescape")
}

func maxPool(norm bool, iota Mem) {
	v := vec{wide: true}
	v.beginMaxPool(norm)
	shape, dst, winners, x := Load(Param("shape"), GP64()), Load(Param("dst"), GP64()), Load(Param("winners"), GP64()), Load(Param("x"), GP64())
	least, relu := v.zero(), K()
	var by Register
	var signs VecVirtual
	if norm {
		by, signs = Load(Param("by"), GP64()), ZMM()
	} else {
		flag := GP32()
		MOVBLZX(Load(Param("relu"), GP8()), flag)
		NEGL(flag)
		KMOVW(flag, relu)
		infinity, k := v.infinity(-1), K()
		KNOTW(relu, k)
		VMOVAPS(infinity, k, least)
	}
	// Elements of even and odd columns, of which those beyond the split lie in the high register.
	var index [2]VecVirtual
	lanes, split, beyond, k := ZMM(), ZMM(), ZMM(), K()
	VMOVUPS(iota, lanes)
	VPBROADCASTD(Mem{Base: shape, Disp: squaresSplit}, split)
	VPCMPD(Imm(5), split, lanes, k) // not less
	VPSUBD(split, everywhere(8), beyond)
	VPADDD(beyond, lanes, k, lanes)
	for i := range index {
		index[i] = ZMM()
	}
	VPADDD(lanes, lanes, index[0])
	VPADDD(everywhere(1), index[0], index[1])
	var which [5]VecVirtual
	for i := 1; i < 5; i++ {
		which[i] = everywhere(uint32(i))
	}
	eachSquares(shape, func() {
		if norm {
			v.signsOf(by, signs)
		}
	}, func(s squares) {
		var low VecVirtual
		var elements [4]VecVirtual
		s.rows(func(row, half int, at Register) {
			r := s.load(in(x, at), s.inputs[half])
			if half == 0 {
				low = r
				return
			}
			for col := range index {
				e := ZMM()
				VMOVDQA32(index[col], e)
				VPERMI2PS(r, low, e)
				if norm {
					VPXORD(signs, e, e)
				}
				elements[2*row+col] = e
			}
		})
		// over replaces element i by j where that is greater, or NaN, and returns where.
		over := func(i, j int) Op {
			const unordered, greater = 0x03, 0x1e
			wins, nan := K(), K()
			VCMPPS(Imm(greater), elements[i], elements[j], wins)
			VCMPPS(Imm(unordered), elements[j], elements[j], nan)
			KORW(nan, wins, wins)
			VMOVAPS(elements[j], wins, elements[i])
			return wins
		}
		winner, below := ZMM(), ZMM()
		VMOVDQA32_Z(which[1], over(0, 1), winner)
		VMOVDQA32(which[2], below)
		VMOVDQA32(which[3], over(2, 3), below)
		VMOVDQA32(below, over(0, 2), winner)
		most := elements[0]
		if norm {
			VPXORD(signs, most, most)
		} else {
			const lessOrEqual = 0x12
			none := K()
			VCMPPS(Imm(lessOrEqual), least, most, relu, none)
			VMOVDQA32(which[4], none, winner)
			VMAXPS(most, least, most) // of two zeros and of NaN it takes the element
		}
		VMOVUPS(most, s.outputs, Mem{Base: dst, Index: s.at, Scale: 4})
		packed := XMM() // storing them from there is many times faster than at once
		VPMOVDB(winner, packed)
		VMOVDQU8(packed, s.outputs, in(winners, s.at))
	})
}

func maxPoolGrad(norm bool, iota Mem) {
	vec{wide: true}.beginMaxPoolGrad(norm)
	shape, dst, dy, winners := Load(Param("shape"), GP64()), Load(Param("dst"), GP64()), Load(Param("dy"), GP64()), Load(Param("winners"), GP64())
	var x, by Register
	var numbers [3]VecVirtual
	if norm {
		x, by = Load(Param("x"), GP64()), Load(Param("by"), GP64())
		for i := range numbers {
			numbers[i] = ZMM()
		}
	}
	// The squares of the elements in both registers, and which of them they are in both rows.
	var index, which [2]VecVirtual
	for i := range index {
		index[i], which[i] = ZMM(), ZMM()
	}
	lanes := ZMM()
	VMOVUPS(iota, lanes)
	VPSRLD(Imm(1), lanes, index[0])
	VPADDD_BCST(Mem{Base: shape, Disp: squaresSplit}, index[0], index[1])
	VPANDD(everywhere(1), lanes, which[0])
	VPADDD(everywhere(2), which[0], which[1])
	mean, slope, shift := numbers[0], numbers[1], numbers[2]
	eachSquares(shape, func() {
		if norm {
			loadNumbers(by, numbers)
		}
	}, func(s squares) {
		g, winner := s.load(Mem{Base: dy, Index: s.at, Scale: 4}, s.outputs), ZMM()
		if s.whole {
			VPMOVZXBD(in(winners, s.at), winner)
		} else {
			VPMOVZXBD_Z(in(winners, s.at), s.outputs, winner)
		}
		var gs, won [2]VecVirtual
		for i := range index {
			gs[i], won[i] = ZMM(), ZMM()
			VPERMPS(g, index[i], gs[i])
			VPERMD(winner, index[i], won[i])
		}
		s.rows(func(row, half int, at Register) {
			k, d := K(), ZMM()
			VPCMPEQD(which[row], won[half], k)
			if norm {
				d = s.load(in(x, at), s.inputs[half])
				VSUBPS(mean, d, d)
				VMULPS(slope, d, d)
				VADDPS(shift, d, d)
				VADDPS(gs[half], d, k, d)
			} else {
				VMOVAPS_Z(gs[half], k, d)
			}
			VMOVUPS(d, s.inputs[half], in(dst, at))
		})
	})
}
