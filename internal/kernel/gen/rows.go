package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// rows writes the exponential and the kernels that go over the rows of a matrix of
// float32 without gaps. These work in registers, not at the speed of memory: AVX-512 is
// faster there than AVX2.
func rows() {
	exponential = exponentialTable()
	for _, v := range []vec{{wide: true}, {}} {
		v.exp()
		v.logSoftmax()
		v.subtract()
		v.logSoftmaxGrad()
		v.sumCols()
		v.softmax()
		v.softmaxCols()
		v.sumRows()
		v.argExtreme("argMaxRows", "greatest", 1, VMAXPS)
		v.argExtreme("argMinRows", "least", -1, VMINPS)
	}
	logarithm()
}

// exponentialTable has what the exponential is computed by.
func exponentialTable() Mem {
	return table("exponential", []float32{
		105, -105, // e to more is infinite, to less is 0
		math.Log2E, -ln2, float32(float64(ln2) - math.Ln2), 1,
		// (e^r - 1 - r) / r² for r within ±ln(2)/2: with these the error of 1 + r + r²·P(r),
		// relative to e^r, is the least that its degree allows, 2^-28.3.
		0x1.6a2434p-10, 0x1.1239e2p-7, 0x1.5558f2p-5, 0x1.555492p-3, 0x1.fffffcp-2,
	})
}

// ln2 is ln(2) to the precision of float32.
const ln2 = float32(math.Ln2)

// The places in the table of the exponential.
const (
	expMost = iota
	expLeast
	expLog2E
	expMinusLn2     // n·ln(2) is taken off in two parts,
	expMinusLn2Rest // the second what the first lacks
	expOne
	expPoly // five coefficients from the highest power down
)

var exponential Mem

// table writes constants, each as often as the widest register has lanes.
func table(name string, values []float32) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i, v := range values {
		for lane := range 16 {
			DATA(i*64+lane*4, U32(math.Float32bits(v)))
		}
	}
	return m
}

func constant(i int) Mem { return exponential.Offset(64 * i) }

// vec is a kind of register of float32.
type vec struct{ wide bool } // AVX-512 rather than AVX2

func (v vec) name(s string) string {
	if v.wide {
		return s + "AVX512"
	}
	return s + "AVX2"
}

func (v vec) lanes() int {
	if v.wide {
		return 16
	}
	return 8
}

func (v vec) reg() VecVirtual {
	if v.wide {
		return ZMM()
	}
	return YMM()
}

func (v vec) half() VecVirtual {
	if v.wide {
		return YMM()
	}
	return XMM()
}

func (v vec) low(r VecVirtual) Register {
	if v.wide {
		return r.AsY()
	}
	return r.AsX()
}

func (v vec) zero() VecVirtual {
	r := v.reg()
	v.clear(r)
	return r
}

func (v vec) clear(r VecVirtual) {
	if v.wide {
		VPXORQ(r, r, r)
	} else {
		VXORPS(r, r, r)
	}
}

// infinity returns the infinity of that sign in every lane.
func (v vec) infinity(sign int) VecVirtual {
	r, bits, x := v.reg(), GP32(), XMM()
	MOVL(U32(math.Float32bits(float32(math.Inf(sign)))), bits)
	VMOVD(bits, x)
	VBROADCASTSS(x, r)
	return r
}

// upper returns the upper half of r.
func (v vec) upper(r VecVirtual) VecVirtual {
	h := v.half()
	if v.wide {
		VEXTRACTF64X4(Imm(1), r, h)
	} else {
		VEXTRACTF128(Imm(1), r, h)
	}
	return h
}

// toDouble returns both halves of r as float64.
func (v vec) toDouble(r VecVirtual) (low, high VecVirtual) {
	low, high = v.reg(), v.reg()
	VCVTPS2PD(v.low(r), low)
	VCVTPS2PD(v.upper(r), high)
	return low, high
}

// toSingle returns two halves of float64 as one register of float32, rounded.
func (v vec) toSingle(low, high VecVirtual) VecVirtual {
	out, h := v.reg(), v.half()
	if v.wide {
		VCVTPD2PS(low, out.AsY())
		VCVTPD2PS(high, h)
		VINSERTF64X4(Imm(1), h, out, out)
	} else {
		VCVTPD2PSY(low, out.AsX())
		VCVTPD2PSY(high, h)
		VINSERTF128(Imm(1), h, out, out)
	}
	return out
}

// fold leaves in every lane of r what op makes of all its lanes, of size bytes each.
func (v vec) fold(r VecVirtual, size int, op func(...Op)) { v.foldAll([]VecVirtual{r}, size, op) }

// foldAll is fold for several registers side by side.
func (v vec) foldAll(rs []VecVirtual, size int, op func(...Op)) {
	step := func(move func(r, to VecVirtual)) {
		for _, r := range rs {
			moved := v.reg()
			move(r, moved)
			op(moved, r, r)
		}
	}
	if v.wide {
		step(func(r, to VecVirtual) { VSHUFF64X2(Imm(0x4e), r, r, to) })
		step(func(r, to VecVirtual) { VSHUFF64X2(Imm(0xb1), r, r, to) })
	} else {
		step(func(r, to VecVirtual) { VPERM2F128(Imm(1), r, r, to) })
	}
	if size == 4 {
		step(func(r, to VecVirtual) { VPERMILPS(Imm(0x4e), r, to) })
		step(func(r, to VecVirtual) { VPERMILPS(Imm(0xb1), r, to) })
		return
	}
	swap := uint64(0x5)
	if v.wide {
		swap = 0x55
	}
	step(func(r, to VecVirtual) { VPERMILPD(Imm(swap), r, to) })
}

// e returns the exponential of x: e^x = 2^n·e^r with n whole and r within ±ln(2)/2. The
// power of two is multiplied by last, so that a result that is too small to be normal is
// rounded once.
func (v vec) e(x VecVirtual) VecVirtual {
	n, r, p, limit := v.reg(), v.reg(), v.reg(), v.reg()
	VMOVUPS(constant(expMost), limit)
	VMINPS(x, limit, r) // of NaN both take x
	VMOVUPS(constant(expLeast), limit)
	VMAXPS(r, limit, r)
	VMULPS(constant(expLog2E), r, n)
	if v.wide {
		VRNDSCALEPS(Imm(0), n, n)
	} else {
		VROUNDPS(Imm(0), n, n)
	}
	VFMADD231PS(constant(expMinusLn2), n, r)
	VFMADD231PS(constant(expMinusLn2Rest), n, r)
	VMOVUPS(constant(expPoly), p)
	for i := expPoly + 1; i < expPoly+5; i++ {
		VFMADD213PS(constant(i), r, p)
	}
	VFMADD213PS(constant(expOne), r, p)
	VFMADD213PS(constant(expOne), r, p)
	if v.wide {
		VSCALEFPS(n, p, p)
		return p
	}
	// 2^n in two factors that are both normal.
	first := YMM()
	VCVTPS2DQ(n, n)
	VPSRAD(Imm(1), n, first)
	VPSUBD(first, n, n)
	for _, k := range []VecVirtual{first, n} {
		VPSLLD(Imm(23), k, k)
		VPADDD(constant(expOne), k, k)
		VMULPS(k, p, p)
	}
	return p
}

// part is a register's worth of elements, or as many of them as a mask leaves.
type part struct {
	vec
	mask Op // nil for all
}

func (p part) load(m Mem) VecVirtual { // zeros where the mask is
	r := p.reg()
	switch {
	case p.mask == nil:
		VMOVUPS(m, r)
	case p.wide:
		VMOVUPS_Z(m, p.mask, r)
	default:
		VMASKMOVPS(m, p.mask, r)
	}
	return r
}

func (p part) store(r VecVirtual, m Mem) {
	switch {
	case p.mask == nil:
		VMOVUPS(r, m)
	case p.wide:
		VMOVUPS(r, p.mask, m)
	default:
		VMASKMOVPS(r, p.mask, m)
	}
}

// or replaces what the mask takes away from r.
func (p part) or(r, by VecVirtual) {
	switch {
	case p.mask == nil:
	case p.wide:
		VBLENDMPS(r, by, p.mask, r)
	default:
		VBLENDVPS(p.mask, r, by, r)
	}
}

// clear replaces what the mask takes away from r by 0.
func (p part) clear(r VecVirtual) {
	switch {
	case p.mask == nil:
	case p.wide:
		VMOVAPS_Z(r, p.mask, r)
	default:
		VANDPS(p.mask, r, r)
	}
}

// row is a row of elements that is gone through in registers.
type row struct {
	vec
	end  Register // bytes of whole registers
	rest Register // elements behind them
	mask Op
}

func (v vec) row(name string, n Register) row {
	r := row{vec: v, end: GP64(), rest: GP64()}
	MOVQ(n, r.rest)
	ANDQ(Imm(uint64(v.lanes()-1)), r.rest)
	MOVQ(n, r.end)
	SUBQ(r.rest, r.end)
	SHLQ(Imm(2), r.end)
	r.mask = v.mask(name, r.rest)
	return r
}

// mask returns what selects the first n lanes of a register.
func (v vec) mask(name string, n Register) Op {
	if !v.wide {
		return window(name, n)
	}
	bits, mask := GP32(), K()
	MOVL(U32(0xffff), bits)
	BZHIL(n.(GPVirtual).As32(), bits, bits)
	KMOVW(bits, mask)
	return mask
}

// each writes the loop over the parts of a row. at is where a part lies, in bytes.
func (r row) each(label string, body func(p part, at Register)) {
	at := GP64()
	XORQ(at, at)
	Label(label)
	CMPQ(at, r.end)
	JGE(LabelRef(label + "Rest"))
	body(part{vec: r.vec}, at)
	ADDQ(Imm(uint64(4*r.lanes())), at)
	JMP(LabelRef(label))
	Label(label + "Rest")
	TESTQ(r.rest, r.rest)
	JZ(LabelRef(label + "Done"))
	body(part{r.vec, r.mask}, at)
	Label(label + "Done")
}

func in(base, at Register) Mem { return Mem{Base: base, Index: at, Scale: 1} }

func (v vec) exp() {
	name := v.name("exp")
	TEXT(name, NOSPLIT, "func(n int, dst, x *float32)")
	Doc(name + " computes dst = e^x.")
	Pragma("noescape")
	n, dst, x := Load(Param("n"), GP64()), Load(Param("dst"), GP64()), Load(Param("x"), GP64())
	v.row(name, n).each("next", func(p part, at Register) {
		p.store(v.e(p.load(in(x, at))), in(dst, at))
	})
	VZEROUPPER()
	RET()
}

// overRows writes a kernel that does to each row of matrices of rows by cols what body
// says. The pointers are to matrices, but for one to a number a row.
func (v vec) overRows(name, signature string, matrices []string, number string, doc []string, body func(r row, at map[string]Register)) {
	TEXT(name, NOSPLIT, signature)
	Doc(doc...)
	Pragma("noescape")
	rows, cols := Load(Param("rows"), GP64()), Load(Param("cols"), GP64())
	at := map[string]Register{}
	for _, m := range matrices {
		at[m] = Load(Param(m), GP64())
	}
	if number != "" {
		at[number] = Load(Param(number), GP64())
	}
	r := v.row(name, cols)
	SHLQ(Imm(2), cols)
	Label("row")
	body(r, at)
	for _, m := range matrices {
		ADDQ(cols, at[m])
	}
	if number != "" {
		ADDQ(Imm(8), at[number])
	}
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// A NaN gets into the sum whatever the maximum makes of it.
func (v vec) logSoftmax() {
	name := v.name("shiftExpSum")
	v.overRows(name, "func(rows, cols int, dst, x *float32, sums *float64)", []string{"dst", "x"}, "sums", []string{
		name + " subtracts from every row of x its maximum, to dst, and sums up the",
		"exponentials of that in float64. rows is at least 1."},
		func(r row, at map[string]Register) {
			most, least := v.reg(), v.infinity(-1)
			VMOVUPS(least, most)
			r.each("max", func(p part, i Register) {
				x := p.load(in(at["x"], i))
				p.or(x, least)
				VMAXPS(x, most, most)
			})
			v.fold(most, 4, VMAXPS)
			low, high := v.zero(), v.zero()
			r.each("exp", func(p part, i Register) {
				x := p.load(in(at["x"], i))
				VSUBPS(most, x, x)
				p.clear(x)
				p.store(x, in(at["dst"], i))
				e := v.e(x)
				p.clear(e)
				l, h := v.toDouble(e)
				VADDPD(l, low, low)
				VADDPD(h, high, high)
			})
			VADDPD(high, low, low)
			v.fold(low, 8, VADDPD)
			VMOVSD(low.AsX(), Mem{Base: at["sums"]})
		})
}

func (v vec) subtract() {
	name := v.name("subtractRows")
	v.overRows(name, "func(rows, cols int, dst *float32, by *float64)", []string{"dst"}, "by", []string{
		name + " subtracts from every row of dst a float64, rounded once. rows is at", "least 1."},
		func(r row, at map[string]Register) {
			by := v.reg()
			VBROADCASTSD(Mem{Base: at["by"]}, by)
			r.each("next", func(p part, i Register) {
				l, h := v.toDouble(p.load(in(at["dst"], i)))
				VSUBPD(by, l, l)
				VSUBPD(by, h, h)
				p.store(v.toSingle(l, h), in(at["dst"], i))
			})
		})
}

func (v vec) logSoftmaxGrad() {
	name := v.name("logSoftmaxGrad")
	v.overRows(name, "func(rows, cols int, dst, dy, y *float32)", []string{"dst", "dy", "y"}, "", []string{
		name + " computes dst = dy - e^y*s for every row, where s is the sum of its dy,",
		"added up in float64. rows is at least 1."},
		func(r row, at map[string]Register) {
			low, high := v.zero(), v.zero()
			r.each("sum", func(p part, i Register) {
				l, h := v.toDouble(p.load(in(at["dy"], i)))
				VADDPD(l, low, low)
				VADDPD(h, high, high)
			})
			VADDPD(high, low, low)
			v.fold(low, 8, VADDPD)
			sum := v.toSingle(low, low)
			r.each("next", func(p part, i Register) {
				e, g := v.e(p.load(in(at["y"], i))), p.load(in(at["dy"], i))
				VMULPS(sum, e, e)
				VSUBPS(e, g, g)
				p.store(g, in(at["dst"], i))
			})
		})
}

func (v vec) sumCols() {
	name := v.name("sumCols")
	TEXT(name, NOSPLIT, "func(rows, cols, stride int, dst, x *float32)")
	Doc(name+" adds up the rows of x, which lie stride elements apart, in float64, one", "behind the other. rows and cols are at least 1.")
	Pragma("noescape")
	rows, stride := Load(Param("rows"), GP64()), Load(Param("stride"), GP64())
	dst, x := Load(Param("dst"), GP64()), Load(Param("x"), GP64())
	r := v.row(name, Load(Param("cols"), GP64()))
	SHLQ(Imm(2), stride)
	labels := 0
	r.each("next", func(p part, at Register) {
		low, high := v.zero(), v.zero()
		from, left := GP64(), GP64()
		LEAQ(in(x, at), from)
		MOVQ(rows, left)
		label := fmt.Sprintf("row%d", labels)
		labels++
		Label(label)
		l, h := v.toDouble(p.load(Mem{Base: from}))
		VADDPD(l, low, low)
		VADDPD(h, high, high)
		ADDQ(stride, from)
		DECQ(left)
		JNZ(LabelRef(label))
		p.store(v.toSingle(low, high), in(dst, at))
	})
	VZEROUPPER()
	RET()
}

// shortest is how many columns fit into the registers that a short row takes.
const shortest = 16

// piece is a part of a short row, at bytes from its beginning. Where the row does not fill
// its last register, but more than one, that is the row's last elements: some of them are
// in the one before it again.
type piece struct {
	part
	at    Register // nil for 0
	again Op
}

func (p piece) in(base Register) Mem {
	if p.at == nil {
		return Mem{Base: base}
	}
	return in(base, p.at)
}

// softmax has a road of its own for rows that fit into registers: several of them are
// taken together where there are registers for it, since each waits for what its lanes
// have in common.
func (v vec) softmax() {
	name := v.name("softmax")
	TEXT(name, NOSPLIT, "func(rows, cols int, p, x, peaks *float32, sums *float64)")
	Doc(name+" writes the softmax of every row of x to p, its maximum to peaks and the sum of",
		"the exponentials of what is below that to sums. rows and cols are at least 1.")
	Pragma("noescape")
	rows, cols := Load(Param("rows"), GP64()), Load(Param("cols"), GP64())
	p, x := Load(Param("p"), GP64()), Load(Param("x"), GP64())
	peaks, sums := Load(Param("peaks"), GP64()), Load(Param("sums"), GP64())
	least := v.infinity(-1)
	// share writes the sum in two halves and returns 1/sum.
	share := func(low, high VecVirtual, sum Mem) VecVirtual {
		VADDPD(high, low, low)
		v.fold(low, 8, VADDPD)
		VMOVSD(low.AsX(), sum)
		out, one := v.reg(), XMM()
		VMOVUPS(constant(expOne), one)
		VCVTSD2SS(low.AsX(), low.AsX(), low.AsX())
		VDIVSS(low.AsX(), one, one)
		VBROADCASTSS(one, out)
		return out
	}
	CMPQ(cols, Imm(shortest))
	JG(LabelRef("long"))

	short := func(n int, pieces ...piece) {
		most, e := make([]VecVirtual, n), make([][]VecVirtual, n)
		from := GP64()
		MOVQ(x, from)
		for k := range n {
			for _, piece := range pieces {
				r := piece.load(piece.in(from))
				piece.or(r, least)
				e[k] = append(e[k], r)
			}
			ADDQ(cols, from)
		}
		for k := range n {
			most[k] = v.reg()
			VMOVUPS(e[k][0], most[k])
			for _, r := range e[k][1:] {
				VMAXPS(r, most[k], most[k])
			}
		}
		v.foldAll(most, 4, VMAXPS)
		for k := range n {
			VMOVSS(most[k].AsX(), Mem{Base: peaks, Disp: 4 * k})
			for i, r := range e[k] {
				VSUBPS(most[k], r, r)
				pieces[i].clear(r) // results too small to be normal take Intel's cores some hundred cycles
				e[k][i] = v.e(r)
				pieces[i].clear(e[k][i])
			}
		}
		for k := range n {
			low, high := v.toDouble(e[k][0])
			for i, r := range e[k][1:] {
				fresh := v.reg()
				VANDNPS(r, pieces[i+1].again, fresh)
				l, h := v.toDouble(fresh)
				VADDPD(l, low, low)
				VADDPD(h, high, high)
			}
			most[k] = share(low, high, Mem{Base: sums, Disp: 8 * k})
		}
		for k := range n {
			for i, piece := range pieces {
				VMULPS(most[k], e[k][i], e[k][i])
				piece.store(e[k][i], piece.in(p))
			}
			ADDQ(cols, p)
		}
		MOVQ(from, x)
		ADDQ(Imm(uint64(4*n)), peaks)
		ADDQ(Imm(uint64(8*n)), sums)
		SUBQ(Imm(uint64(n)), rows)
	}
	if v.wide {
		const together = 4
		all := piece{part: part{v, v.mask(name, cols)}}
		SHLQ(Imm(2), cols)
		Label("several")
		CMPQ(rows, Imm(together))
		JL(LabelRef("one"))
		short(together, all)
		JMP(LabelRef("several"))
		Label("one")
		TESTQ(rows, rows)
		JZ(LabelRef("done"))
		short(1, all)
		JMP(LabelRef("one"))
	} else {
		CMPQ(cols, Imm(lanes))
		JG(LabelRef("two"))
		some := piece{part: part{v, v.mask(name+"One", cols)}}
		SHLQ(Imm(2), cols)
		Label("one")
		short(1, some)
		JNZ(LabelRef("one"))
		JMP(LabelRef("done"))

		Label("two")
		twice := GP64()
		MOVQ(U32(2*lanes), twice)
		SUBQ(cols, twice)
		last := piece{part: part{vec: v}, at: GP64(), again: v.mask(name+"Two", twice)}
		SHLQ(Imm(2), cols)
		LEAQ(Mem{Base: cols, Disp: -4 * lanes}, last.at)
		Label("pair")
		short(1, piece{part: part{vec: v}}, last)
		JNZ(LabelRef("pair"))
		JMP(LabelRef("done"))
	}

	Label("long")
	r := v.row(name, cols)
	SHLQ(Imm(2), cols)
	Label("row")
	most := v.reg()
	VMOVUPS(least, most)
	r.each("max", func(part part, at Register) {
		x := part.load(in(x, at))
		part.or(x, least)
		VMAXPS(x, most, most)
	})
	v.fold(most, 4, VMAXPS)
	VMOVSS(most.AsX(), Mem{Base: peaks})
	low, high := v.zero(), v.zero()
	r.each("exp", func(part part, at Register) {
		x := part.load(in(x, at))
		VSUBPS(most, x, x)
		part.clear(x)
		e := v.e(x)
		part.clear(e)
		part.store(e, in(p, at))
		l, h := v.toDouble(e)
		VADDPD(l, low, low)
		VADDPD(h, high, high)
	})
	by := share(low, high, Mem{Base: sums})
	r.each("share", func(part part, at Register) {
		e := part.load(in(p, at))
		VMULPS(by, e, e)
		part.store(e, in(p, at))
	})
	ADDQ(Imm(4), peaks)
	ADDQ(Imm(8), sums)
	ADDQ(cols, p)
	ADDQ(cols, x)
	DECQ(rows)
	JNZ(LabelRef("row"))
	Label("done")
	VZEROUPPER()
	RET()
}

// softmaxCols writes the softmax of columns: every lane of a register is one of them.
func (v vec) softmaxCols() {
	name := v.name("softmaxCols")
	TEXT(name, NOSPLIT, "func(rows, cols, stride int, p, x *float32, scale float32, bias, peaks, sums *float32, best *int32)")
	Doc(name+" replaces x by x*scale + bias, of which there is one element a row, and computes",
		"the softmax of every column of that to p. Of each column it writes the maximum to peaks,",
		"its first row to best, and to sums the sum of the exponentials of the differences from",
		"it. x and p have rows that lie stride elements apart, and columns up to a multiple of 16.")
	Pragma("noescape")
	rows, cols := Load(Param("rows"), GP64()), Load(Param("cols"), GP64())
	stride := Load(Param("stride"), GP64())
	SHLQ(Imm(2), stride)
	p, x := Load(Param("p"), GP64()), Load(Param("x"), GP64())
	peaks, sums, best := Load(Param("peaks"), GP64()), Load(Param("sums"), GP64()), Load(Param("best"), GP64())
	at, to, left := GP64(), GP64(), GP64()
	// each is a loop over the rows of p and x.
	each := func(label string, body func()) {
		MOVQ(x, at)
		MOVQ(p, to)
		MOVQ(rows, left)
		Label(label)
		body()
		ADDQ(stride, at)
		ADDQ(stride, to)
		DECQ(left)
		JNZ(LabelRef(label))
	}
	Label("columns")
	scale, one, row, most, first := v.reg(), v.reg(), v.zero(), v.infinity(-1), v.zero()
	scaleAt, _ := Param("scale").Resolve()
	VBROADCASTSS(scaleAt.Addr, scale)
	VBROADCASTSS(constant(expOne), one)
	bias := Load(Param("bias"), GP64())
	each("logits", func() {
		z := v.reg()
		VBROADCASTSS(Mem{Base: bias}, z)
		ADDQ(Imm(4), bias)
		VFMADD231PS(Mem{Base: at}, scale, z)
		VMOVUPS(z, Mem{Base: at})
		const greater = 0x1e
		if v.wide {
			k := K()
			VCMPPS(Imm(greater), most, z, k)
			VBLENDMPS(row, first, k, first)
		} else {
			mask := YMM()
			VCMPPS(Imm(greater), most, z, mask)
			VBLENDVPS(mask, row, first, first)
		}
		VMAXPS(z, most, most)
		VADDPS(one, row, row)
	})
	VMOVUPS(most, Mem{Base: peaks})
	VCVTPS2DQ(first, first)
	VMOVUPS(first, Mem{Base: best})
	sum := v.zero()
	each("exp", func() {
		z := v.reg()
		VMOVUPS(Mem{Base: at}, z)
		VSUBPS(most, z, z)
		e := v.e(z)
		VMOVUPS(e, Mem{Base: to})
		VADDPS(e, sum, sum)
	})
	VMOVUPS(sum, Mem{Base: sums})
	each("divide", func() {
		e := v.reg()
		VMOVUPS(Mem{Base: to}, e)
		VDIVPS(sum, e, e)
		VMOVUPS(e, Mem{Base: to})
	})
	for _, pointer := range []Register{p, x, peaks, sums, best} {
		ADDQ(Imm(uint64(4*v.lanes())), pointer)
	}
	SUBQ(Imm(uint64(v.lanes())), cols)
	JG(LabelRef("columns"))
	VZEROUPPER()
	RET()
}

func (v vec) sumRows() {
	name := v.name("sumRows")
	v.overRows(name, "func(rows, cols int, x *float32, sums *float64)", []string{"x"}, "sums", []string{
		name + " adds up every row of x in float64. rows is at least 1."},
		func(r row, at map[string]Register) {
			low, high := v.zero(), v.zero()
			r.each("next", func(p part, i Register) {
				l, h := v.toDouble(p.load(in(at["x"], i)))
				VADDPD(l, low, low)
				VADDPD(h, high, high)
			})
			VADDPD(high, low, low)
			v.fold(low, 8, VADDPD)
			VMOVSD(low.AsX(), Mem{Base: at["sums"]})
		})
}

// argExtreme writes the kernel that finds the place of what op makes of every row.
func (v vec) argExtreme(name, what string, sign int, op func(...Op)) {
	name = v.name(name)
	v.overRows(name, "func(rows, cols int, x *float32, index *int64)", []string{"x"}, "index", []string{
		name + " finds the index of the first " + what + " element of every row of x, -1 for a", "row that has NaN. rows is at least 1."},
		func(r row, at map[string]Register) {
			const equal, unordered = 0, 3
			most, none := v.reg(), v.infinity(-sign)
			VMOVUPS(none, most)
			var nan VecVirtual
			nans := GP32()
			if v.wide {
				XORL(nans, nans)
			} else {
				nan = v.zero()
			}
			r.each("most", func(p part, i Register) {
				x := p.load(in(at["x"], i))
				p.or(x, none)
				op(x, most, most)
				if v.wide {
					ORL(v.compare(unordered, x, x), nans)
				} else {
					is := v.reg()
					VCMPPS(Imm(unordered), x, x, is)
					VORPS(is, nan, nan)
				}
			})
			if !v.wide {
				VMOVMSKPS(nan, nans)
			}
			index := GP64()
			MOVQ(I64(-1), index)
			TESTL(nans, nans)
			JNZ(LabelRef("found"))
			v.fold(most, 4, op)
			places := GP32()
			r.each("place", func(p part, i Register) {
				x := p.load(in(at["x"], i))
				p.or(x, none)
				MOVL(v.compare(equal, most, x), places)
				MOVQ(i, index)
				TESTL(places, places)
				JNZ(LabelRef("here"))
			})
			Label("here")
			SHRQ(Imm(2), index)
			place := GP32()
			BSFL(places, place)
			ADDQ(place.As64(), index)
			Label("found")
			MOVQ(index, Mem{Base: at["index"]})
		})
}

// compare returns a bit for every lane in which the comparison of x and y is true.
func (v vec) compare(how uint64, x, y VecVirtual) GPVirtual {
	bits := GP32()
	if v.wide {
		k := K()
		VCMPPS(Imm(how), x, y, k)
		KMOVW(k, bits)
		return bits
	}
	is := v.reg()
	VCMPPS(Imm(how), x, y, is)
	VMOVMSKPS(is, bits)
	return bits
}

// logarithm writes the logarithm of float64, of sums of exponentials that are at least 1:
// x = 2^k·m with m within a factor √2 of 1, and with f = m - 1 and s = f/(2+f)
//
//	log(m) = 2·atanh(s) = f - s·(f - s²·P(s²))
func logarithm() {
	const rootHalf = 0x3fe6a09e667f3bcd // the bits of √½
	constants := GLOBL("logarithm", RODATA|NOPTR)
	at := 0
	broadcast := func(bits uint64) Mem {
		for lane := range 4 {
			DATA(at+8*lane, U64(bits))
		}
		at += 32
		return constants.Offset(at - 32)
	}
	double := func(x float64) Mem { return broadcast(math.Float64bits(x)) }
	root, magic, one, two := broadcast(rootHalf), double(1<<52), double(1), double(2)
	ln2, ln2Rest := double(math.Ln2), double(2.3190468138462996e-17)
	// P(z) = (2·atanh(√z) - 2·√z) / √z³ from the highest power down: with these the error
	// of log(m), relative to it, is 2^-57.6.
	var poly []Mem
	for _, c := range []float64{0x1.2b5900de53b32p-3, 0x1.39fe51a7c18f9p-3, 0x1.7462b51cb66b1p-3, 0x1.c71c62e3f11e6p-3,
		0x1.2492492df281ap-2, 0x1.99999999952d7p-2, 0x1.5555555555558p-1} {
		poly = append(poly, double(c))
	}

	TEXT("logAVX2", NOSPLIT, "func(n int, x *float64)")
	Doc("logAVX2 computes x = log(x) for n elements, a multiple of 4 and at least 4, that are at",
		"least 1 and finite, or NaN.")
	Pragma("noescape")
	n, x := Load(Param("n"), GP64()), Load(Param("x"), GP64())
	Label("next")
	v, k, m, f, s, z, p, nan := YMM(), YMM(), YMM(), YMM(), YMM(), YMM(), YMM(), YMM()
	VMOVUPD(Mem{Base: x}, v)
	VPSUBQ(root, v, k)
	VPSRLQ(Imm(52), k, k)
	VPSLLQ(Imm(52), k, m)
	VPSUBQ(m, v, m)
	VPOR(magic, k, k) // as float64: 2^52 + k
	VSUBPD(magic, k, k)
	VSUBPD(one, m, f)
	VADDPD(two, f, s)
	VDIVPD(s, f, s)
	VMULPD(s, s, z)
	VMOVUPD(poly[0], p)
	for _, c := range poly[1:] {
		VFMADD213PD(c, z, p)
	}
	VFNMADD213PD(f, z, p) // f - z·p
	VFNMADD213PD(f, s, p) // f - s·p
	VFMADD231PD(ln2Rest, k, p)
	VFMADD231PD(ln2, k, p)
	VSUBPD(v, v, nan) // NaN of NaN, and else 0
	VADDPD(nan, p, p)
	VMOVUPD(p, Mem{Base: x})
	ADDQ(Imm(32), x)
	SUBQ(Imm(4), n)
	JNZ(LabelRef("next"))
	VZEROUPPER()
	RET()
}
