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
	exponential = table("exponential", []float32{
		105, -105, // e to more is infinite, to less is 0
		math.Log2E, -ln2, float32(float64(ln2) - math.Ln2), 1,
		// (e^r - 1 - r) / r² for r within ±ln(2)/2: with these the error of 1 + r + r²·P(r),
		// relative to e^r, is the least that its degree allows, 2^-28.3.
		0x1.6a2434p-10, 0x1.1239e2p-7, 0x1.5558f2p-5, 0x1.555492p-3, 0x1.fffffcp-2,
	})
	for _, v := range []vec{{wide: true}, {}} {
		v.exp()
		v.logSoftmax()
		v.subtract()
		v.logSoftmaxGrad()
		v.sumCols()
	}
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
func (v vec) fold(r VecVirtual, size int, op func(...Op)) {
	step := func(move func(to VecVirtual)) {
		moved := v.reg()
		move(moved)
		op(moved, r, r)
	}
	if v.wide {
		step(func(to VecVirtual) { VSHUFF64X2(Imm(0x4e), r, r, to) })
		step(func(to VecVirtual) { VSHUFF64X2(Imm(0xb1), r, r, to) })
	} else {
		step(func(to VecVirtual) { VPERM2F128(Imm(1), r, r, to) })
	}
	if size == 4 {
		step(func(to VecVirtual) { VPERMILPS(Imm(0x4e), r, to) })
		step(func(to VecVirtual) { VPERMILPS(Imm(0xb1), r, to) })
		return
	}
	swap := uint64(0x5)
	if v.wide {
		swap = 0x55
	}
	step(func(to VecVirtual) { VPERMILPD(Imm(swap), r, to) })
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
	if v.wide {
		bits, mask := GP32(), K()
		MOVL(U32(0xffff), bits)
		BZHIL(r.rest.(GPVirtual).As32(), bits, bits)
		KMOVW(bits, mask)
		r.mask = mask
	} else {
		r.mask = window(name, r.rest)
	}
	return r
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
			most, least := v.reg(), v.reg()
			infinity := GP32()
			MOVL(U32(0xff800000), infinity)
			bits := XMM()
			VMOVD(infinity, bits)
			VBROADCASTSS(bits, least)
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
				p.store(x, in(at["dst"], i))
				e := v.e(x)
				p.or(e, v.zero())
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
	TEXT(name, NOSPLIT, "func(rows, cols int, dst, x *float32)")
	Doc(name+" adds up the rows of x in float64, one behind the other. rows is at", "least 1.")
	Pragma("noescape")
	rows, cols := Load(Param("rows"), GP64()), Load(Param("cols"), GP64())
	dst, x := Load(Param("dst"), GP64()), Load(Param("x"), GP64())
	r := v.row(name, cols)
	SHLQ(Imm(2), cols)
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
		ADDQ(cols, from)
		DECQ(left)
		JNZ(LabelRef(label))
		p.store(v.toSingle(low, high), in(dst, at))
	})
	VZEROUPPER()
	RET()
}
