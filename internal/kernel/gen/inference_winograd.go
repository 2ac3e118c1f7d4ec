package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Where the fields of package inference's transform lie: for slices, their pointers.
const (
	transformFrom = 24 * iota
	transformTo
	transformBias
	transformAdd
	transformRows
)

const (
	transformCols  = transformRows + 8*7
	transformPlace = transformCols + 8*(6+iota)
	transformRegs
	transformRow
	transformStep
	transformAddRow
	transformAddStep
	transformHeight
	transformWidth
	transformLo
	transformHi = transformLo + 4
)

// inferenceWinograd writes the transforms of tiles of 2×2, 4×4 and 5×5 results, as those of training are, but
// over whole registers of channels, and with what follows a convolution.
func inferenceWinograd(v inferenceTiles) {
	four, five := pointsOf(v.vec, 4, 5./8, 3./2, 0), pointsOf(v.vec, 5, 9./16, 9./8, 3)
	for _, t := range []struct {
		size          int
		input, output func(r []VecVirtual) []VecVirtual
	}{{2, input2, output2}, {4, four.input, four.output}, {5, five.input, five.output}} {
		v.winogradInput(t.size, t.input)
		v.winogradOutput(t.size, t.output)
	}
}

// begin begins a kernel whose argument is a transform.
func (v inferenceTiles) begin(name string, doc ...string) (t Register) {
	TEXT(name, 0, "func(t *[]float32)")
	Doc(doc...)
	Pragma("noescape")
	return Load(Param("t"), GP64())
}

func (v inferenceTiles) winogradInput(size int, transform func(r []VecVirtual) []VecVirtual) {
	name, side := v.name(fmt.Sprintf("winogradInput%dx", size)), size+2
	t := v.begin(name, fmt.Sprintf("%s transforms what lies under a tile of %d×%d results, see transform.", name, size, size))
	from, to, regs := field(t, transformFrom), field(t, transformTo), field(t, transformRegs)
	places := stepsOf(elements(t, transformPlace), side)
	half := memory(v.vec, side*side)
	Label("register")
	column, row := GP64(), GP64()
	for k := range side {
		at := field(t, transformCols+8*k)
		LEAQ(Mem{Base: from, Index: at, Scale: 4}, column)
		for i, r := range transform(loaded(v.vec, side, func(i int) Mem {
			MOVQ(Mem{Base: t, Disp: transformRows + 8*i}, row)
			return Mem{Base: column, Index: row, Scale: 4}
		})) {
			VMOVAPS(r, half(i*side+k))
		}
	}
	MOVQ(to, row)
	for i := range side {
		for j, r := range transform(loaded(v.vec, side, func(k int) Mem { return half(i*side + k) })) {
			VMOVUPS(r, places.from(row, j))
		}
		if i < side-1 {
			LEAQ(places.from(row, side/2), row)
			LEAQ(places.from(row, side-side/2), row)
		}
	}
	ADDQ(Imm(uint64(v.size())), from)
	ADDQ(Imm(uint64(v.size())), to)
	DECQ(regs)
	JNZ(LabelRef("register"))
	leave()
}

func (v inferenceTiles) winogradOutput(size int, transform func(r []VecVirtual) []VecVirtual) {
	name, side := v.name(fmt.Sprintf("winogradOutput%dx", size)), size+2
	t := v.begin(name, fmt.Sprintf("%s computes the results of a tile of %d×%d, see transform.", name, size, size))
	from, to, bias, add, regs := field(t, transformFrom), field(t, transformTo), field(t, transformBias), field(t, transformAdd), field(t, transformRegs)
	place, down := elements(t, transformPlace), GP64()
	IMUL3Q(Imm(uint64(side)), place, down)
	rows := stepsOf(down, side)
	half := memory(v.vec, size*side)
	Label("register")
	column := GP64()
	MOVQ(from, column)
	for k := range side {
		if k > 0 {
			ADDQ(place, column)
		}
		for i, r := range transform(loaded(v.vec, side, func(i int) Mem { return rows.from(column, i) })) {
			VMOVAPS(r, half(i*side+k))
		}
	}
	row, addRow, at := GP64(), GP64(), GP64()
	MOVQ(to, row)
	MOVQ(add, addRow)
	for i := range size {
		if i > 0 {
			CMPQ(Mem{Base: t, Disp: transformHeight}, Imm(uint64(i)))
			JLE(LabelRef("next"))
		}
		values := transform(loaded(v.vec, side, func(k int) Mem { return half(i*side + k) }))
		b, lo, hi := v.reg(), v.reg(), v.reg()
		VMOVUPS(Mem{Base: bias}, b)
		for _, r := range values {
			VADDPS(b, r, r)
		}
		added, written := fmt.Sprint("added", i), fmt.Sprint("written", i)
		TESTQ(add, add)
		JZ(LabelRef(added))
		MOVQ(addRow, at)
		each := func(end string, step int, f func(r VecVirtual)) {
			for j, r := range values {
				if j > 0 {
					CMPQ(Mem{Base: t, Disp: transformWidth}, Imm(uint64(j)))
					JLE(LabelRef(end))
					next := elements(t, step)
					ADDQ(next, at)
				}
				f(r)
			}
			Label(end)
		}
		each(added, transformAddStep, func(r VecVirtual) { VADDPS(Mem{Base: at}, r, r) })
		VBROADCASTSS(Mem{Base: t, Disp: transformLo}, lo)
		VBROADCASTSS(Mem{Base: t, Disp: transformHi}, hi)
		MOVQ(row, at)
		each(written, transformStep, func(r VecVirtual) { // of NaN both take the result
			VMAXPS(r, lo, r)
			VMINPS(r, hi, r)
			VMOVUPS(r, Mem{Base: at})
		})
		if i < size-1 {
			next := elements(t, transformRow)
			ADDQ(next, row)
			next = elements(t, transformAddRow)
			ADDQ(next, addRow)
		}
	}
	Label("next")
	for _, r := range []Register{from, to, bias} {
		ADDQ(Imm(uint64(v.size())), r)
	}
	TESTQ(add, add)
	JZ(LabelRef("none"))
	ADDQ(Imm(uint64(v.size())), add)
	Label("none")
	DECQ(regs)
	JNZ(LabelRef("register"))
	leave()
}
