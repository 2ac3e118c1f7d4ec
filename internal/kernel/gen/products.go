package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// products writes the kernels of matrix products, and the loop that shows what a core can do.
func products() {
	for _, t := range []tile{
		{name: "tile6x64AVX512", rows: 6, regs: 4, elem: 4, wide: true},
		{name: "tile6x16AVX512", rows: 6, regs: 2, elem: 8, wide: true},
		{name: "tile6x16AVX2", rows: 6, regs: 2, elem: 4},
		{name: "tile6x8AVX2", rows: 6, regs: 2, elem: 8},
		{name: "direct10x32AVX512", rows: 10, regs: 2, elem: 4, wide: true, direct: true},
		{name: "direct5x16AVX2", rows: 5, regs: 2, elem: 4, direct: true},
	} {
		t.generate()
	}
	transpose{name: "transpose8AVX2"}.generate()
	dots{vec{wide: true}, 4}.generate()
	dots{vec{}, 2}.generate()
	for _, f := range []few{{4, 2}, {2, 4}, {1, 4}} {
		f.generate()
	}
	fmaLoop(vec{wide: true}, 24)
	fmaLoop(vec{}, 12)
}

// transpose is a kernel that transposes blocks of 8 by 8 elements: of operands to be packed, whose
// inner dimension is contiguous, or of pictures.
type transpose struct {
	name string
	// fetch says that the planes of a picture, eight of which are read, or written, lie one behind
	// the other: the next eight are fetched, line by line, since they are no stream that a
	// processor sees.
	fetch bool
	down  bool // blocks lie one below the other, and planes are written
}

func (t transpose) generate() {
	TEXT(t.name, NOSPLIT, "func(dst, src *float32, dstStride, srcStride, blocks int)")
	doc := []string{
		t.name + " writes the 8 columns of every block of 8 by 8 elements of src as rows",
		"of dst. The blocks lie side by side in src, whose rows lie srcStride elements apart,",
		"and one below the other in dst, whose rows lie dstStride elements apart.",
	}
	switch {
	case t.down:
		doc = []string{
			t.name + " is interleave8AVX2 the other way: blocks lie one below the other in src,",
			"and side by side in dst.",
		}
	case t.fetch:
		doc = []string{t.name + " is transpose8AVX2 for planes, of which the next eight follow."}
	}
	Doc(doc...)
	Pragma("noescape")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	dstStride, srcStride := Load(Param("dstStride"), GP64()), Load(Param("srcStride"), GP64())
	blocks := Load(Param("blocks"), GP64())
	SHLQ(Imm(2), dstStride)
	SHLQ(Imm(2), srcStride)
	src3, dst3 := triple(srcStride), triple(dstStride)
	src4, dst4 := GP64(), GP64()
	// row returns the address of row i of 8, of which rows 4 on are counted from half.
	row := func(base, half, stride, stride3 Register, i int) Mem {
		if i >= 4 {
			base = half
		}
		return fourRows(base, stride, stride3)[i%4]
	}
	ahead := GP64()
	if t.fetch {
		plane, stride := src, srcStride
		if t.down {
			plane, stride = dst, dstStride
		}
		LEAQ(Mem{Base: plane, Index: stride, Scale: 8}, ahead)
	}
	Label("block")
	if t.fetch { // a block's share of the lines
		for line := range 4 {
			PREFETCHT0(Mem{Base: ahead, Disp: 64 * line})
		}
		ADDQ(U32(256), ahead)
	}
	LEAQ(Mem{Base: src, Index: srcStride, Scale: 4}, src4)
	LEAQ(Mem{Base: dst, Index: dstStride, Scale: 4}, dst4)
	var r [8]VecVirtual
	for i := range 8 {
		r[i] = YMM()
		VMOVUPS(row(src, src4, srcStride, src3, i), r[i])
	}
	first, second := transpose4x4(r[:4]), transpose4x4(r[4:])
	for k := range 8 { // the halves of both fours
		out := YMM()
		VPERM2F128(Imm(uint64(0x20+k/4*0x11)), second[k%4], first[k%4], out)
		VMOVUPS(out, row(dst, dst4, dstStride, dst3, k))
	}
	if t.down {
		ADDQ(Imm(32), dst)
		LEAQ(Mem{Base: src, Index: srcStride, Scale: 8}, src)
	} else {
		ADDQ(Imm(32), src)
		LEAQ(Mem{Base: dst, Index: dstStride, Scale: 8}, dst)
	}
	DECQ(blocks)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// transpose4x4 returns the columns of the 4×4 elements in both halves of four registers.
func transpose4x4(r []VecVirtual) []VecVirtual {
	low, high := combined(VUNPCKLPS, r[0], r[1]), combined(VUNPCKHPS, r[0], r[1]) // two rows, element by element
	low2, high2 := combined(VUNPCKLPS, r[2], r[3]), combined(VUNPCKHPS, r[2], r[3])
	return []VecVirtual{ // pair by pair
		combined(VUNPCKLPD, low, low2), combined(VUNPCKHPD, low, low2),
		combined(VUNPCKLPD, high, high2), combined(VUNPCKHPD, high, high2),
	}
}

// tile is a kernel that writes the product of some rows of a and a panel of b, some registers
// wide, to a part of c. It has a loop for every number of rows and of registers: the sums stay
// in registers, for float32 in 24 of the 32 of AVX-512 and 12 of the 16 of AVX2. Every step of
// the inner dimension loads one row of b and broadcasts the elements of one column of a: the
// fewer loads for a multiply-add, the less is lost while the other thread of a core is busy.
type tile struct {
	name string
	rows int
	regs int
	elem int  // bytes of an element
	wide bool // AVX-512 rather than AVX2
	// direct says that b is not a panel but the matrix itself, whose rows lie apart, and that
	// the rows of a lie side by side.
	direct bool
}

func (t tile) vector() VecVirtual {
	if t.wide {
		return ZMM()
	}
	return YMM()
}

func (t tile) width() int { // bytes of a register
	if t.wide {
		return 64
	}
	return 32
}

// shift is by how much a number of elements is shifted to make one of bytes.
func (t tile) shift() Op { return Imm(map[int]uint64{4: 2, 8: 3}[t.elem]) }

func (t tile) broadcast(m, r Op) {
	if t.elem == 4 {
		VBROADCASTSS(m, r)
	} else {
		VBROADCASTSD(m, r)
	}
}

func (t tile) move(from, to Op) {
	if t.elem == 4 {
		VMOVUPS(from, to)
	} else {
		VMOVUPD(from, to)
	}
}

func (t tile) add(x, y, to Op) {
	if t.elem == 4 {
		VADDPS(x, y, to)
	} else {
		VADDPD(x, y, to)
	}
}

func (t tile) max(x, y, to Op) {
	if t.elem == 4 {
		VMAXPS(x, y, to)
	} else {
		VMAXPD(x, y, to)
	}
}

func (t tile) clear(r Op) {
	if t.wide {
		VPXORQ(r, r, r)
	} else {
		VXORPS(r, r, r)
	}
}

func (t tile) fma(x, y, sum Op) {
	if t.elem == 4 {
		VFMADD231PS(x, y, sum)
	} else {
		VFMADD231PD(x, y, sum)
	}
}

// panel returns the columns of a tile.
func (t tile) panel() int { return t.regs * t.width() / t.elem }

// unrolled is how many steps of the inner dimension a loop over whole tiles takes at a time: a core
// whose other thread is busy starts half as many instructions.
const unrolled = 4

func (t tile) generate() {
	typ := map[int]string{4: "float32", 8: "float64"}[t.elem]
	if t.direct {
		TEXT(t.name, NOSPLIT, fmt.Sprintf("func(depth int, a, b, c, bias *%s, aCol, bRow, stride, rows, cols int, add, relu bool)", typ))
		Doc(fmt.Sprintf("%s is the product of the first rows of %d, which lie side by side in", t.name, t.rows),
			fmt.Sprintf("columns of a aCol elements apart, and the first cols of %d columns of b, whose", t.panel()),
			"rows lie bRow elements apart. What becomes of it in c is as for tiles. depth is",
			"at least 1, rows and cols are.")
	} else {
		TEXT(t.name, NOSPLIT, fmt.Sprintf("func(depth int, a *%[1]s, aRow, aCol, aNext int, b *%[1]s, bRow int, c, bias *%[1]s, stride, rows, cols int, add, relu bool)", typ))
		Doc(fmt.Sprintf("%s writes the product of rows of a and a panel of b, of which it takes the first", t.name),
			fmt.Sprintf("cols of %d columns, all depth long, to c, whose rows lie stride elements apart, or", t.panel()),
			"adds it where add says so; then it adds bias, one element a column, if it is not nil,",
			"and with relu replaces what is negative by 0. Elements of a lie aRow apart from row to",
			fmt.Sprintf("row and aCol along the inner dimension, behind which the next %d rows are aNext further;", t.rows),
			"rows of b, of which it reads whole registers, lie bRow apart. depth, rows and cols are at",
			"least 1.")
	}
	Pragma("noescape")
	c, stride := Load(Param("c"), GP64()), Load(Param("stride"), GP64())
	SHLQ(t.shift(), stride)
	rows, cols := Load(Param("rows"), GP64()), Load(Param("cols"), GP64())
	masks := make([]Op, t.regs)
	if t.wide || t.direct { // of AVX2 the registers are for sums
		masks = t.masks(cols)
	}

	a, aCol := Load(Param("a"), GP64()), Load(Param("aCol"), GP64())
	SHLQ(t.shift(), aCol)
	bRow := Load(Param("bRow"), GP64())
	SHLQ(t.shift(), bRow)
	var aRow, bRow3 Register                                                         // not of direct tiles
	element := func(a Register, i int) Mem { return Mem{Base: a, Disp: i * t.elem} } // of row i
	if !t.direct {
		bRow3 = triple(bRow)
		aRow = Load(Param("aRow"), GP64())
		SHLQ(t.shift(), aRow)
		aRow3, aRow5 := triple(aRow), GP64()
		LEAQ(Mem{Base: aRow, Index: aRow, Scale: 4}, aRow5)
		element = func(a Register, i int) Mem {
			return []Mem{
				{Base: a}, {Base: a, Index: aRow, Scale: 1}, {Base: a, Index: aRow, Scale: 2},
				{Base: a, Index: aRow3, Scale: 1}, {Base: a, Index: aRow, Scale: 4}, {Base: a, Index: aRow5, Scale: 1},
			}[i]
		}
		Label("panel")
	}
	Comment("Fetch what will be written, from a core that may have it to itself.")
	at := Register(R13)
	MOVQ(c, at)
	for i := range t.rows {
		for disp := 0; disp < t.regs*t.width(); disp += 64 {
			prefetchWrite(disp)
		}
		prefetchWrite(t.regs*t.width() - 1)
		if i < t.rows-1 {
			ADDQ(stride, at)
		}
	}

	sums := make([][]VecVirtual, t.rows)
	for i := range sums {
		sums[i] = make([]VecVirtual, t.regs)
		for j := range sums[i] {
			sums[i][j] = t.vector()
			t.clear(sums[i][j])
		}
	}
	depth, b := Load(Param("depth"), GP64()), Load(Param("b"), GP64())
	rowsOfB := fourRows(b, bRow, bRow3)
	// step is one step of the inner dimension for n rows and some registers, the l-th from where
	// b points.
	step := func(n, regs, l int, masks []Op) {
		row := make([]VecVirtual, regs)
		for j := range row {
			row[j] = t.vector()
			t.load(rowsOfB[l].Offset(j*t.width()), masks[j], row[j])
		}
		if t.direct {
			Comment("Fetch the row of the next tile.")
			for disp := t.regs * t.width(); disp < 2*t.regs*t.width(); disp += 64 {
				PREFETCHT0(Mem{Base: b, Disp: disp})
			}
		}
		for i := range n {
			ai := t.vector()
			t.broadcast(element(a, i), ai)
			for j := range row {
				t.fma(row[j], ai, sums[i][j])
			}
		}
		ADDQ(aCol, a)
	}
	loop := func(label string, n, regs int, masks []Op) {
		Label(label)
		step(n, regs, 0, masks)
		ADDQ(bRow, b)
		DECQ(depth)
		JNZ(LabelRef(label))
	}
	none := make([]Op, t.regs)
	// steps is a loop that takes several steps at a time, and fetches something before each.
	steps := func(label string, fetch func(l int)) {
		Label(label)
		for l := range unrolled {
			fetch(l)
			step(t.rows, t.regs, l, none)
		}
		LEAQ(Mem{Base: b, Index: bRow, Scale: unrolled}, b)
		SUBQ(Imm(unrolled), depth)
		JGE(LabelRef(label))
	}
	// whole is the loop over a whole tile but for its last steps.
	whole := func() {
		SUBQ(Imm(unrolled), depth)
		JLT(LabelRef("rest"))
		if !t.wide { // AVX2 has no time to fetch anything
			steps("steps", func(int) {})
		} else {
			ahead := GP64()
			fetchB := func(l int) { // a row: where they lie apart, no processor sees a stream
				if l == 0 {
					LEAQ(Mem{Base: b, Index: bRow, Scale: 2 * unrolled}, ahead)
				}
				for disp := 0; disp < t.regs*t.width(); disp += 64 {
					PREFETCHT0(fourRows(ahead, bRow, bRow3)[l].Offset(disp))
				}
			}
			CMPQ(aCol, Imm(uint64(t.elem)))
			JE(LabelRef("contiguous"))
			steps("steps", fetchB)
			JMP(LabelRef("rest"))
			Label("contiguous")
			Comment("Fetch the rows of a of the next tile too.")
			LEAQ(element(a, t.rows-1), at)
			ADDQ(aRow, at)
			steps("rows", func(l int) {
				fetchB(l)
				for i := l; i < t.rows; i += unrolled {
					PREFETCHT0(element(at, i))
				}
				if l == unrolled-1 {
					ADDQ(Imm(uint64(unrolled*t.elem)), at)
				}
			})
		}
		Label("rest")
		ADDQ(Imm(unrolled), depth)
		JZ(LabelRef("end"))
	}
	if t.direct {
		t.loopsDirect(rows, cols, masks, loop)
	} else {
		t.loopsPanel(rows, cols, whole, loop)
	}
	Label("end")
	if !t.wide { // masked stores take many cycles there, and whole tiles need none
		CMPQ(cols, Imm(uint64(t.panel())))
		JLT(LabelRef("partEnd"))
		t.end("all", c, stride, rows, a, at, sums, none)
		Label("partEnd")
		if !t.direct {
			masks = t.masks(cols)
		}
	}
	t.end("", c, stride, rows, a, at, sums, masks)
}

// loopsPanel has a loop for every number of registers and of rows, of which the one for a whole tile
// only takes what another leaves.
func (t tile) loopsPanel(rows, cols Register, whole func(), loop func(label string, n, regs int, masks []Op)) {
	none := make([]Op, t.regs)
	label := func(regs int) string { return fmt.Sprintf("regs%d", regs) }
	for regs := 1; regs < t.regs; regs++ {
		CMPQ(cols, Imm(uint64(regs*t.width()/t.elem)))
		JLE(LabelRef(label(regs)))
	}
	for regs := t.regs; regs >= 1; regs-- {
		Label(label(regs))
		eachCount(label(regs), t.rows, rows, toEnd, func(n int) {
			if n == t.rows && regs == t.regs {
				whole()
			}
			loop(fmt.Sprintf("next%dx%d", n, regs), n, regs, none)
		})
	}
}

// prefetchWrite fetches the line at R13 and so many bytes, to be written: what is only read at first
// has to be asked for again where another core has it too. Go's assembler lacks the instruction,
// PREFETCHW, which processors without it take for none.
func prefetchWrite(disp int) {
	for _, word := range []int{0x8d0d0f41, disp} { // as opcode and address, then distance
		Instruction(&ir.Instruction{Opcode: "LONG", Operands: []Op{U32(uint32(word))}, Inputs: []Op{R13}})
	}
}

// loopsDirect has a loop for every number of rows.
func (t tile) loopsDirect(rows, cols Register, masks []Op, loop func(label string, n, regs int, masks []Op)) {
	if !t.wide { // masks take time there
		CMPQ(cols, Imm(uint64(t.panel())))
		JLT(LabelRef("part"))
		CMPQ(rows, Imm(uint64(t.rows)))
		JLT(LabelRef("part"))
		loop("whole", t.rows, t.regs, make([]Op, t.regs))
		toEnd()
		Label("part")
	}
	eachCount("", t.rows, rows, toEnd, func(n int) { loop(fmt.Sprintf("next%d", n), n, t.regs, masks) })
}

func toEnd() { JMP(LabelRef("end")) }

// end does with the sums what the kernel's arguments say, and goes on to the next panel of a, or
// returns.
func (t tile) end(label string, c, stride, rows, a, at Register, sums [][]VecVirtual, masks []Op) {
	add := Load(Param("add"), GP8())
	TESTB(add, add)
	JZ(LabelRef(label + "added"))
	MOVQ(c, at)
	for i := range sums {
		CMPQ(rows, Imm(uint64(i)))
		JLE(LabelRef(label + "added"))
		for j := range sums[i] {
			old := t.vector()
			t.load(Mem{Base: at, Disp: j * t.width()}, masks[j], old)
			t.add(old, sums[i][j], sums[i][j])
		}
		if i < t.rows-1 {
			ADDQ(stride, at)
		}
	}
	Label(label + "added")

	bias := Load(Param("bias"), GP64())
	TESTQ(bias, bias)
	JZ(LabelRef(label + "biased"))
	for j := range masks {
		v := t.vector()
		t.load(Mem{Base: bias, Disp: j * t.width()}, masks[j], v)
		for i := range sums {
			t.add(v, sums[i][j], sums[i][j])
		}
	}
	Label(label + "biased")

	relu := Load(Param("relu"), GP8())
	TESTB(relu, relu)
	JZ(LabelRef(label + "write"))
	zero := t.vector()
	t.clear(zero)
	for i := range sums {
		for j := range sums[i] {
			t.max(sums[i][j], zero, sums[i][j]) // of NaN and of two zeros it takes the sum
		}
	}
	Label(label + "write")
	for i := range sums {
		if i > 0 {
			CMPQ(rows, Imm(uint64(i)))
			JLE(LabelRef(label + "done"))
		}
		for j := range sums[i] {
			t.store(sums[i][j], masks[j], Mem{Base: c, Disp: j * t.width()})
		}
		if i < t.rows-1 || !t.direct {
			ADDQ(stride, c)
		}
	}
	if !t.direct {
		next := Load(Param("aNext"), GP64())
		SHLQ(t.shift(), next)
		ADDQ(next, a)
		SUBQ(Imm(uint64(t.rows)), rows)
		JG(LabelRef("panel"))
	}
	Label(label + "done")
	VZEROUPPER()
	RET()
}

// masks returns what selects the first cols elements of a tile's registers.
func (t tile) masks(cols Register) []Op {
	lanes := t.width() / t.elem
	if t.wide {
		bits := GP64()
		MOVQ(I64(-1), bits)
		BZHIQ(cols, bits, bits)
		masks := make([]Op, t.regs)
		for j := range masks {
			if j > 0 {
				SHRQ(Imm(uint64(lanes)), bits)
			}
			k := K()
			KMOVW(bits.As32(), k)
			masks[j] = k
		}
		return masks
	}
	// A window over ones and then zeros.
	table := GLOBL(t.name+"Mask", RODATA|NOPTR)
	for i := range 4 * lanes * t.elem / 4 {
		v := uint32(0)
		if i < 2*lanes*t.elem/4 {
			v = 0xffffffff
		}
		DATA(i*4, U32(v))
	}
	at := GP64()
	LEAQ(table, at)
	offset := GP64()
	MOVQ(U32(uint32(2*lanes)), offset)
	SUBQ(cols, offset)
	m0, m1 := YMM(), YMM()
	t.move(Mem{Base: at, Index: offset, Scale: uint8(t.elem)}, m0)
	t.move(Mem{Base: at, Index: offset, Scale: uint8(t.elem), Disp: t.width()}, m1)
	return []Op{m0, m1}
}

// load loads what mask says, or all for nil.
func (t tile) load(at Mem, mask, to Op) {
	switch {
	case mask == nil:
		t.move(at, to)
	case t.wide && t.elem == 4:
		VMOVUPS_Z(at, mask, to)
	case t.wide:
		VMOVUPD_Z(at, mask, to)
	case t.elem == 4:
		VMASKMOVPS(at, mask, to)
	default:
		VMASKMOVPD(at, mask, to)
	}
}

func (t tile) store(from, mask Op, at Mem) {
	switch {
	case mask == nil:
		t.move(from, at)
	case t.wide && t.elem == 4:
		VMOVUPS(from, mask, at)
	case t.wide:
		VMOVUPD(from, mask, at)
	case t.elem == 4:
		VMASKMOVPS(from, mask, at)
	default:
		VMASKMOVPD(from, mask, at)
	}
}

// fmaLoop writes the loop that shows what a core can do: as many sums as a tile has, and
// nothing to be fetched.
func fmaLoop(v vec, sums int) {
	name := v.name("fmaLoop")
	TEXT(name, NOSPLIT, "func(n int)")
	Doc(fmt.Sprintf("%s multiplies and adds n times %d registers of %d lanes. n is at least 1.", name, sums, v.lanes()))
	n := Load(Param("n"), GP64())
	all, x := make([]VecVirtual, sums), v.zero()
	for i := range all {
		all[i] = v.zero()
	}
	Label("next")
	for _, sum := range all {
		VFMADD231PS(x, x, sum)
	}
	DECQ(n)
	JNZ(LabelRef("next"))
	VZEROUPPER()
	RET()
}
