package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// convolution writes the kernels of convolutions: sums for some rows, pixels or taps, of a
// panel of channels stay in registers.
func convolution() {
	wide, narrow := vec{wide: true}, vec{}
	sums{wide, 14, 2}.correlate()
	sums{wide, 14, 1}.correlate()
	sums{narrow, 6, 2}.correlate()
	sums{narrow, 12, 1}.correlate()
	sums{wide, 14, 2}.along()
	sums{narrow, 6, 2}.alongRuns()
	wide.copyRows()
	narrow.copyRows()
	wide.gradientAlong(3, 6)
	narrow.gradientAlong(2, 6)
	sums{wide, 9, 2}.gradient()
	sums{wide, 9, 1}.gradient()
	sums{narrow, 6, 2}.gradient()
	sums{narrow, 9, 1}.gradient()
	transpose{name: "interleave8AVX2", fetch: true}.generate()
	transpose{name: "planes8AVX2", fetch: true, down: true}.generate()
	winograd()
}

// sums are those of at most so many rows of a panel of some registers.
type sums struct {
	vec
	rows, registers int
}

func (s sums) name(name string) string {
	return s.vec.name(fmt.Sprintf("%s%dx%d", name, s.rows, s.lanes()*s.registers))
}

// size returns the bytes of a register, and panel those of a panel.
func (s sums) size() int  { return 4 * s.lanes() }
func (s sums) panel() int { return s.registers * s.size() }

// row loads or stores one row of a panel.
func (s sums) row(base Register, row int, r []VecVirtual, store bool) {
	for i, r := range r {
		at := Mem{Base: base, Disp: row*s.panel() + i*s.size()}
		if store {
			VMOVUPS(r, at)
		} else {
			VMOVUPS(at, r)
		}
	}
}

func (s sums) registersOf(n int) [][]VecVirtual {
	all := make([][]VecVirtual, n)
	for i := range all {
		for range s.registers {
			all[i] = append(all[i], s.reg())
		}
	}
	return all
}

// add adds the product of an element of x and a row of weights to a row of sums.
func (s sums) add(x Mem, weights, row []VecVirtual) {
	if s.wide && s.registers == 1 { // nothing else uses the element
		VFMADD231PS_BCST(x, weights[0], row[0])
		return
	}
	v := s.reg()
	VBROADCASTSS(x, v)
	for i := range row {
		VFMADD231PS(v, weights[i], row[i])
	}
}

// eachCount writes code for every number up to most, each with end behind it, and a jump to that
// for count.
func eachCount(label string, most int, count Register, end func(), code func(n int)) {
	rows := func(n int) string { return fmt.Sprintf("%srows%d", label, n) }
	for n := 1; n < most; n++ {
		CMPQ(count, Imm(uint64(n)))
		JEQ(LabelRef(rows(n)))
	}
	for n := most; n >= 1; n-- {
		Label(rows(n))
		code(n)
		end()
	}
}

func leave() {
	VZEROUPPER()
	RET()
}

func (s sums) correlate() {
	TEXT(s.name("correlate"), NOSPLIT, "func(pixels, taps int, tap *int, x, bias, weights, sums *float32)")
	Doc(fmt.Sprintf("%s computes bias[l] + x[i+tap[k]]·weights[k][l], added up over", s.name("correlate")),
		fmt.Sprintf("taps k, to sums[i][l], for 1 to %d pixels i and %d lanes l.", s.rows, s.lanes()*s.registers))
	Pragma("noescape")
	pixels, taps, tap := Load(Param("pixels"), GP64()), Load(Param("taps"), GP64()), Load(Param("tap"), GP64())
	x, weights, to := Load(Param("x"), GP64()), Load(Param("weights"), GP64()), Load(Param("sums"), GP64())
	rows, w := s.registersOf(s.rows), s.registersOf(1)[0]
	bias := Load(Param("bias"), GP64())
	eachCount("", s.rows, pixels, leave, func(n int) {
		for i := range n {
			s.row(bias, 0, rows[i], false)
		}
		s.eachTap("", n, taps, tap, func(at Register) {
			if s.registers > 1 { // where broadcasts leave time for it
				for i := range s.registers {
					PREFETCHT0(Mem{Base: weights, Disp: 8*s.panel() + i*s.size()})
				}
			}
			s.row(weights, 0, w, false)
			ADDQ(Imm(uint64(s.panel())), weights)
			for i := range n {
				s.add(Mem{Base: x, Index: at, Scale: 4, Disp: 4 * i}, w, rows[i])
			}
		})
		for i := range n {
			s.row(to, i, rows[i], true)
		}
	})
}

// eachTap writes a loop over taps, of which there may be none.
func (s sums) eachTap(label string, n int, taps, tap Register, body func(at Register)) {
	next, done := fmt.Sprintf("%snext%d", label, n), fmt.Sprintf("%sdone%d", label, n)
	TESTQ(taps, taps)
	JEQ(LabelRef(done))
	Label(next)
	at := GP64()
	MOVQ(Mem{Base: tap}, at)
	body(at)
	ADDQ(Imm(8), tap)
	DECQ(taps)
	JNZ(LabelRef(next))
	Label(done)
}

// along writes the kernel whose registers are of pixels side by side: its rows are
// channels, and a panel is two runs of pixels.
func (s sums) along() {
	name := s.name("along")
	TEXT(name, NOSPLIT, "func(lanes, taps int, tap *int, x0, x1, bias, weights *float32, stride int, y0, y1 *float32, toLane, n0, n1 int)")
	Doc(fmt.Sprintf("%s computes bias[l] + x0[i+tap[k]]·weights[k][l], added up over taps k,", name),
		"to y0[l·toLane+i], for n0 pixels i, and so for n1 pixels of x1 and y1. There are 1 to",
		fmt.Sprintf("%d lanes l, up to %d pixels, and weights in rows that lie stride elements apart.", s.rows, s.lanes()))
	Pragma("noescape")
	var runs [2]run
	for j := range runs {
		runs[j] = run{vec: s.vec, mask: s.mask(fmt.Sprint(name, j), Load(Param(fmt.Sprint("n", j)), GP64()))}
	}
	taps, tap := Load(Param("taps"), GP64()), Load(Param("tap"), GP64())
	x := [2]Register{Load(Param("x0"), GP64()), Load(Param("x1"), GP64())}
	y := [2]Register{Load(Param("y0"), GP64()), Load(Param("y1"), GP64())}
	weights, stride := Load(Param("weights"), GP64()), Load(Param("stride"), GP64())
	SHLQ(Imm(2), stride)
	rows := s.registersOf(s.rows)
	bias := Load(Param("bias"), GP64())
	lanes := Load(Param("lanes"), GP64())
	eachCount("", s.rows, lanes, leave, func(n int) {
		s.sumAlong("", rows[:n], bias, taps, tap, x, weights, stride, runs)
		step := Load(Param("toLane"), GP64())
		SHLQ(Imm(2), step)
		storeAlong(rows[:n], runs, y, step)
	})
}

// sumAlong writes the sums of two runs of pixels for some rows.
func (s sums) sumAlong(label string, rows [][]VecVirtual, bias, taps, tap Register, x [2]Register, weights, stride Register, runs [2]run) {
	for i, row := range rows {
		VBROADCASTSS(Mem{Base: bias, Disp: 4 * i}, row[0])
		VMOVAPS(row[0], row[1])
	}
	s.eachTap(label, len(rows), taps, tap, func(at Register) {
		var v [2]VecVirtual
		for j := range v {
			v[j] = runs[j].load(Mem{Base: x[j], Index: at, Scale: 4})
		}
		w := s.reg()
		for i, row := range rows {
			VBROADCASTSS(Mem{Base: weights, Disp: 4 * i}, w)
			VFMADD231PS(w, v[0], row[0])
			VFMADD231PS(w, v[1], row[1])
		}
		ADDQ(stride, weights)
	})
}

// storeAlong stores them, rows as far apart as step says.
func storeAlong(rows [][]VecVirtual, runs [2]run, y [2]Register, step Register) {
	for _, row := range rows {
		for j := range y {
			runs[j].store(row[j], Mem{Base: y[j]})
			ADDQ(step, y[j])
		}
	}
}

// alongRuns is along for pairs of runs, as package kernel has them in memory: calls for one
// pair take as long as their sums.
func (s sums) alongRuns() {
	const runSize, runX, runY = 32, 16, 24 // bytes: of a pixelRun, and where its x and y lie
	name := s.name("along")
	TEXT(name, NOSPLIT, "func(lanes, taps int, tap *int, x, bias, weights *float32, stride int, y *float32, toLane int, runs *int, pairs int)")
	Doc(fmt.Sprintf("%s computes bias[l] + x[i+tap[k]]·weights[k][l], added up over taps k,", name),
		"to y[l·toLane+i], for the pixels i of pairs of runs: as many as a run says, from where in",
		fmt.Sprintf("x and in y. There are 1 to %d lanes l, up to %d pixels in a run, weights in rows that lie", s.rows, s.lanes()),
		"stride elements apart, and at least 1 pair.")
	Pragma("noescape")
	lanes, stride := Load(Param("lanes"), GP64()), Load(Param("stride"), GP64())
	SHLQ(Imm(2), stride)
	pair, pairs := Load(Param("runs"), GP64()), Load(Param("pairs"), GP64())
	rows := s.registersOf(s.rows)
	// from returns where both runs are from in what param points to.
	from := func(param string, field int) (at [2]Register) {
		base := Load(Param(param), GP64())
		for j := range at {
			at[j] = GP64()
			MOVQ(Mem{Base: pair, Disp: j*runSize + field}, at[j])
			LEAQ(Mem{Base: base, Index: at[j], Scale: 4}, at[j])
		}
		return at
	}
	Label("pair")
	x := from("x", runX)
	taps, tap := Load(Param("taps"), GP64()), Load(Param("tap"), GP64())
	bias, weights := Load(Param("bias"), GP64()), Load(Param("weights"), GP64())
	compute := func(label string, runs [2]run) {
		eachCount(label, s.rows, lanes, func() { JMP(LabelRef("next")) }, func(n int) {
			s.sumAlong(label, rows[:n], bias, taps, tap, x, weights, stride, runs)
			y := from("y", runY)
			step := Load(Param("toLane"), GP64())
			SHLQ(Imm(2), step)
			storeAlong(rows[:n], runs, y, step)
		})
	}
	var runs [2]run
	for j := range runs {
		CMPQ(Mem{Base: pair, Disp: j * runSize}, Imm(uint64(s.lanes())))
		JLT(LabelRef("part"))
		runs[j].vec = s.vec
	}
	compute("whole", runs)
	Label("part") // masks take time, and registers that the sums need
	for j := range runs {
		n := GP64()
		MOVQ(Mem{Base: pair, Disp: j * runSize}, n)
		runs[j].window = windowAt(fmt.Sprint(name, j), n)
	}
	compute("part", runs)
	Label("next")
	ADDQ(Imm(2*runSize), pair)
	DECQ(pairs)
	JNZ(LabelRef("pair"))
	leave()
}

// run is some pixels side by side, as many as a register has or as the mask says.
type run struct {
	vec
	mask   Op       // nil where it lies at the window
	window Register // nil for whole registers
}

func (r run) load(m Mem) VecVirtual {
	if r.window == nil {
		return part{r.vec, r.mask}.load(m)
	}
	v := r.reg()
	VMOVUPS(Mem{Base: r.window}, v)
	VMASKMOVPS(m, v, v)
	return v
}

func (r run) store(v VecVirtual, m Mem) {
	if r.window == nil {
		part{r.vec, r.mask}.store(v, m)
		return
	}
	mask := r.reg()
	VMOVUPS(Mem{Base: r.window}, mask)
	VMASKMOVPS(v, mask, m)
}

func (s sums) gradient() {
	TEXT(s.name("gradient"), NOSPLIT, "func(rows, cols, step, taps int, tap *int, x, dy, sums *float32)")
	Doc(fmt.Sprintf("%s adds x[r·(cols+step)+c+tap[k]]·dy[r][c][l], over rows r and columns c,", s.name("gradient")),
		fmt.Sprintf("to sums[k][l], for 1 to %d taps k and %d lanes l. There is at least 1 row and 1", s.rows, s.lanes()*s.registers),
		"column.")
	Pragma("noescape")
	sums, g := s.registersOf(s.rows), s.registersOf(1)[0]
	eachCount("", s.rows, Load(Param("taps"), GP64()), leave, func(n int) {
		tap := Load(Param("tap"), GP64())
		taps := make([]Register, n)
		for i := range taps {
			taps[i] = GP64()
			MOVQ(Mem{Base: tap, Disp: 8 * i}, taps[i])
		}
		to := Load(Param("sums"), GP64())
		for i := range n {
			s.row(to, i, sums[i], false)
		}
		x, from, rows := Load(Param("x"), GP64()), Load(Param("dy"), GP64()), Load(Param("rows"), GP64())
		nextRow, next := fmt.Sprintf("nextRow%d", n), fmt.Sprintf("next%d", n)
		Label(nextRow)
		cols := Load(Param("cols"), GP64())
		Label(next)
		s.row(from, 0, g, false)
		for i := range n {
			s.add(Mem{Base: x, Index: taps[i], Scale: 4}, g, sums[i])
		}
		ADDQ(Imm(4), x)
		ADDQ(Imm(uint64(s.panel())), from)
		DECQ(cols)
		JNZ(LabelRef(next))
		step := Load(Param("step"), GP64())
		LEAQ(Mem{Base: x, Index: step, Scale: 4}, x)
		DECQ(rows)
		JNZ(LabelRef(nextRow))
		to = Load(Param("sums"), GP64())
		for i := range n {
			s.row(to, i, sums[i], true)
		}
	})
}

func (v vec) copyRows() {
	name := v.name("copyRows")
	TEXT(name, NOSPLIT, "func(rows, n int, dst *float32, dstStride int, src *float32, srcStride int)")
	Doc(name+" copies n elements of every row of src to a row of dst. Their rows lie dstStride and",
		"srcStride elements apart. There is at least 1 row.")
	Pragma("noescape")
	rows, dst, src := Load(Param("rows"), GP64()), Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	dstStride, srcStride := Load(Param("dstStride"), GP64()), Load(Param("srcStride"), GP64())
	SHLQ(Imm(2), dstStride)
	SHLQ(Imm(2), srcStride)
	n := Load(Param("n"), GP64())
	var copyRow func()
	if v.wide {
		r := v.row(name, n)
		copyRow = func() {
			r.each("part", func(p part, at Register) {
				p.store(p.load(in(src, at)), in(dst, at))
			})
		}
	} else { // without masked stores, which are slow there
		copyRow = func() { v.copyRow(name, n, dst, src) }
	}
	Label("next")
	PREFETCHT0(Mem{Base: src, Disp: 2048}) // rows are short, and no cache may have what follows
	copyRow()
	ADDQ(dstStride, dst)
	ADDQ(srcStride, src)
	DECQ(rows)
	JNZ(LabelRef("next"))
	VZEROUPPER()
	RET()
}

// copyRow copies a row of n elements, of which the last register overlaps the one before it.
func (v vec) copyRow(name string, n, dst, src Register) {
	at, last := GP64(), GP64()
	XORQ(at, at)
	LEAQ(Mem{Base: n, Index: n, Scale: 1}, last)
	SHLQ(Imm(1), last)
	SUBQ(Imm(4*lanes), last)
	JL(LabelRef("few"))
	r := v.reg()
	Label("whole")
	CMPQ(at, last)
	JGE(LabelRef("last"))
	VMOVUPS(in(src, at), r)
	VMOVUPS(r, in(dst, at))
	ADDQ(Imm(4*lanes), at)
	JMP(LabelRef("whole"))
	Label("last")
	VMOVUPS(in(src, last), r)
	VMOVUPS(r, in(dst, last))
	JMP(LabelRef("copied"))
	Label("few")
	VMASKMOVPS(Mem{Base: src}, window(name, n), r)
	storeFirst(r, Mem{Base: dst}, n, 1)
	Label("copied")
}

// gradientAlong writes the kernel of the gradient of weights whose registers are of pixels
// side by side.
func (v vec) gradientAlong(taps, filters int) {
	name := v.name(fmt.Sprintf("gradientAlong%dx%d", taps, filters))
	TEXT(name, NOSPLIT, "func(rows, cols, xStep, dyStep int, tap, filter *int, x, dy, sums *float32)")
	Doc(fmt.Sprintf("%s adds x[c+tap[k]]·dy[c+filter[o]], over columns c and all rows, to", name),
		fmt.Sprintf("lane c%%%d of sums[k][o], for %d taps k and %d filters o. From the end of the last", v.lanes(), taps, filters),
		"register of a row it is xStep and dyStep elements to the next. There is at least 1 row",
		"and 1 column.")
	Pragma("noescape")
	offsets := func(param string, n int) []Register {
		base, all := Load(Param(param), GP64()), make([]Register, n)
		for i := range all {
			all[i] = GP64()
			MOVQ(Mem{Base: base, Disp: 8 * i}, all[i])
		}
		return all
	}
	tap, filter := offsets("tap", taps), offsets("filter", filters)
	all := make([]VecVirtual, taps*filters)
	for i := range all {
		all[i] = v.zero()
	}
	x, dy, rows := Load(Param("x"), GP64()), Load(Param("dy"), GP64()), Load(Param("rows"), GP64())
	Label("row")
	cols := Load(Param("cols"), GP64())
	var mask Op
	if v.wide {
		k := K()
		KXNORW(k, k, k)
		mask = k
	} else {
		m := YMM()
		VPCMPEQD(m, m, m)
		mask = m
	}
	Label("next")
	CMPQ(cols, Imm(uint64(v.lanes())))
	JGE(LabelRef("whole"))
	if last := v.mask(name, cols); v.wide {
		KMOVW(last, mask)
	} else {
		VMOVAPS(last, mask)
	}
	Label("whole")
	p := part{v, mask}
	// One side stays in registers while the other goes by.
	side := func(base Register, offsets []Register) func(i int) VecVirtual {
		return func(i int) VecVirtual { return p.load(Mem{Base: base, Index: offsets[i], Scale: 4}) }
	}
	stay, pass, at := side(dy, filter), side(x, tap), func(j, i int) VecVirtual { return all[i*filters+j] }
	stays, passes := filters, taps
	if !v.wide { // which has registers for two taps, not for the gradients of six filters
		stay, pass, at = pass, stay, func(i, j int) VecVirtual { return all[i*filters+j] }
		stays, passes = passes, stays
	}
	held := make([]VecVirtual, stays)
	for i := range held {
		held[i] = stay(i)
	}
	for j := range passes {
		passing := pass(j)
		for i, h := range held {
			VFMADD231PS(passing, h, at(i, j))
		}
	}
	ADDQ(Imm(uint64(4*v.lanes())), x)
	ADDQ(Imm(uint64(4*v.lanes())), dy)
	SUBQ(Imm(uint64(v.lanes())), cols)
	JG(LabelRef("next"))
	step := Load(Param("xStep"), GP64())
	LEAQ(Mem{Base: x, Index: step, Scale: 4}, x)
	step = Load(Param("dyStep"), GP64())
	LEAQ(Mem{Base: dy, Index: step, Scale: 4}, dy)
	DECQ(rows)
	JNZ(LabelRef("row"))
	sums := Load(Param("sums"), GP64())
	for i := range all {
		at := Mem{Base: sums, Disp: 4 * v.lanes() * i}
		VADDPS(at, all[i], all[i])
		VMOVUPS(all[i], at)
	}
	VZEROUPPER()
	RET()
}
