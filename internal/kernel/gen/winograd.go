package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// winograd writes the transforms of convolutions by tiles of 2×2 results. A register is of
// eight tiles, two runs of four side by side.
func winograd() {
	winogradInput()
	winogradGradient()
	winogradOutput()
}

// places is where the 4×4 registers of transformed tiles lie, each as far from the next.
type places struct{ base, step, step3 Register }

func placesAt(base Register) places {
	step := Load(Param("place"), GP64())
	SHLQ(Imm(2), step)
	return places{base, step, triple(step)}
}

// row returns the addresses of row i.
func (p places) row(i int) [4]Mem {
	base := p.base
	for range i {
		next := GP64()
		LEAQ(Mem{Base: base, Index: p.step, Scale: 4}, next)
		base = next
	}
	return fourRows(base, p.step, p.step3)
}

// runs is a row of both runs of pictures, whose rows are as far apart as step says.
type runs struct {
	base [2]Register
	step Register
}

func loadRuns(name string) runs {
	r := runs{[2]Register{Load(Param(name+"0"), GP64()), Load(Param(name+"1"), GP64())}, Load(Param("row"), GP64())}
	SHLQ(Imm(2), r.step)
	return r
}

// at returns the address of an element of a run's row, the first to the third.
func (r runs) at(run, row, col int) Mem {
	m := Mem{Base: r.base[run], Disp: 4 * col}
	if row > 0 {
		m.Index, m.Scale = r.step, uint8(row)
	}
	return m
}

// move moves all rows by as many bytes as n has.
func (r runs) move(n Register) {
	for _, b := range r.base {
		ADDQ(n, b)
	}
}

// pair loads eight columns of a row of each run from col on, the even ones and the odd ones
// apart.
func (r runs) pair(row, col int) (even, odd VecVirtual) {
	var half [2]VecVirtual
	for i := range half {
		half[i] = YMM()
		VBROADCASTF128(r.at(1, row, col+4*i), half[i])
		VINSERTF128(Imm(0), r.at(0, row, col+4*i), half[i], half[i])
	}
	even, odd = YMM(), YMM()
	VSHUFPS(Imm(0x88), half[1], half[0], even)
	VSHUFPS(Imm(0xdd), half[1], half[0], odd)
	return even, odd
}

func sum(x, y VecVirtual) VecVirtual        { return combined(VADDPS, x, y) }
func difference(x, y VecVirtual) VecVirtual { return combined(VSUBPS, x, y) }

func each(op func(x, y VecVirtual) VecVirtual, x, y [4]VecVirtual) (r [4]VecVirtual) {
	for i := range r {
		r[i] = op(x[i], y[i])
	}
	return r
}

func combined(op func(...Op), x, y VecVirtual) VecVirtual {
	r := YMM()
	op(y, x, r)
	return r
}

// intoPlaces writes a kernel that transforms the tiles of both runs of every plane by body.
func intoPlaces(name string, doc []string, body func(x runs, store func(row int, values [4]VecVirtual))) {
	TEXT(name, NOSPLIT, "func(planes int, x0, x1 *float32, row, plane int, to *float32, toPlane, place int)")
	Doc(doc...)
	Pragma("noescape")
	planes, x, plane := Load(Param("planes"), GP64()), loadRuns("x"), Load(Param("plane"), GP64())
	to := placesAt(Load(Param("to"), GP64()))
	toPlane := Load(Param("toPlane"), GP64())
	SHLQ(Imm(2), plane)
	SHLQ(Imm(2), toPlane)
	Label("plane")
	body(x, func(row int, values [4]VecVirtual) {
		for j, m := range to.row(row) {
			VMOVUPS(values[j], m)
		}
	})
	x.move(plane)
	ADDQ(toPlane, to.base)
	DECQ(planes)
	JNZ(LabelRef("plane"))
	VZEROUPPER()
	RET()
}

func winogradInput() {
	intoPlaces("winogradInputAVX2", []string{
		"winogradInputAVX2 computes BᵀxB of eight tiles x of 4×4 for every plane, each two columns",
		"from the one before it: four from x0 on and four from x1 on. Their rows and planes lie",
		"row and plane elements apart. The elements of a result lie place elements apart, those",
		"of tiles side by side, and those of planes toPlane elements apart.",
	}, func(x runs, store func(row int, values [4]VecVirtual)) {
		row := func(i int) [4]VecVirtual {
			d0, d1 := x.pair(i, 0)
			d2, d3 := x.pair(i, 2)
			return [4]VecVirtual{difference(d0, d2), sum(d1, d2), difference(d2, d1), difference(d1, d3)}
		}
		t0, t2 := row(0), row(2)
		store(0, each(difference, t0, t2))
		t1 := row(1)
		store(1, each(sum, t1, t2))
		store(2, each(difference, t2, t1))
		x.move(x.step)
		store(3, each(difference, t1, row(2)))
		for _, b := range x.base {
			SUBQ(x.step, b)
		}
	})
}

func winogradGradient() {
	intoPlaces("winogradGradientAVX2", []string{
		"winogradGradientAVX2 computes AxAᵀ of eight tiles x of 2×2 as winogradInputAVX2 computes",
		"BᵀxB, but for the signs of the last row of A.",
	}, func(x runs, store func(row int, values [4]VecVirtual)) {
		row := func(i int) [4]VecVirtual {
			g0, g1 := x.pair(i, 0)
			return [4]VecVirtual{g0, sum(g0, g1), difference(g0, g1), g1}
		}
		u0, u1 := row(0), row(1)
		store(0, u0)
		store(1, each(sum, u0, u1))
		store(2, each(difference, u0, u1))
		store(3, u1)
	})
}

func winogradOutput() {
	TEXT("winogradOutputAVX2", NOSPLIT, "func(planes int, from *float32, fromPlane, place int, bias, y0, y1 *float32, row, plane int)")
	Doc("winogradOutputAVX2 computes the tiles AᵀmA of 2×2 results of eight tiles m for every plane",
		"and adds the plane's bias. They lie as winogradInputAVX2 writes them, and the results as",
		"it reads them.")
	Pragma("noescape")
	planes, y, plane := Load(Param("planes"), GP64()), loadRuns("y"), Load(Param("plane"), GP64())
	from := placesAt(Load(Param("from"), GP64()))
	fromPlane, bias := Load(Param("fromPlane"), GP64()), Load(Param("bias"), GP64())
	SHLQ(Imm(2), plane)
	SHLQ(Imm(2), fromPlane)
	Label("plane")
	rows := [2][4]VecVirtual{}
	first, second, third := from.row(1), from.row(2), from.row(3)
	for j, m := range from.row(0) {
		m1, m2 := YMM(), YMM()
		VMOVUPS(first[j], m1)
		VMOVUPS(second[j], m2)
		rows[0][j], rows[1][j] = sum(m1, m2), difference(m1, m2)
		VADDPS(m, rows[0][j], rows[0][j])
		VSUBPS(third[j], rows[1][j], rows[1][j])
	}
	b := YMM()
	VBROADCASTSS(Mem{Base: bias}, b)
	for i, s := range rows {
		even := sum(s[1], s[2])
		VADDPS(s[0], even, even)
		VADDPS(b, even, even)
		odd := difference(s[1], s[2])
		VSUBPS(s[3], odd, odd)
		VADDPS(b, odd, odd)
		low, high := YMM(), YMM() // columns 0 to 3 and 4 to 7 of both runs
		VUNPCKLPS(odd, even, low)
		VUNPCKHPS(odd, even, high)
		for half, v := range []VecVirtual{low, high} {
			VMOVUPS(v.AsX(), y.at(0, i, 4*half))
			VEXTRACTF128(Imm(1), v, y.at(1, i, 4*half))
		}
	}
	y.move(plane)
	ADDQ(fromPlane, from.base)
	ADDQ(Imm(4), bias)
	DECQ(planes)
	JNZ(LabelRef("plane"))
	VZEROUPPER()
	RET()
}
