package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// winograd writes the transforms of convolutions by tiles. A register is of eight tiles, two
// runs of four side by side.
func winograd() {
	points := pointsOf(5./8, 3./2)
	for _, t := range []winogradTile{
		{2, transpose4x2, transpose2x4, input2, output2, gradient2},
		{4, transpose4x4, transpose4x4, points.input4, points.output4, points.gradient4},
	} {
		t.generateInput()
		t.generateOutput()
		t.generateGradient()
	}
}

// winogradTile is a tile of size×size results.
type winogradTile struct {
	size int
	// apart turns registers that have four columns of each run, side by side, into ones that have
	// one column of each tile, and together turns these into those.
	apart, together func(r []VecVirtual) []VecVirtual
	// input, output and gradient write what is loaded once, and return what computes Bᵀx, Aᵀm
	// and Ax.
	input, output, gradient func() func(r []VecVirtual) []VecVirtual
}

// side is that of the transformed tile, and of the elements that it is of.
func (t winogradTile) side() int { return t.size + 2 }

func (t winogradTile) name(what string) string {
	return fmt.Sprintf("winograd%s%dx%dAVX2", what, t.size, t.size)
}

func input2() func(x []VecVirtual) []VecVirtual {
	return func(x []VecVirtual) []VecVirtual {
		return []VecVirtual{difference(x[0], x[2]), sum(x[1], x[2]), difference(x[2], x[1]), difference(x[3], x[1])}
	}
}

func output2() func(m []VecVirtual) []VecVirtual {
	return func(m []VecVirtual) []VecVirtual {
		return []VecVirtual{sum(sum(m[0], m[1]), m[2]), sum(difference(m[1], m[2]), m[3])}
	}
}

func gradient2() func(x []VecVirtual) []VecVirtual {
	return func(x []VecVirtual) []VecVirtual {
		return []VecVirtual{x[0], sum(x[0], x[1]), difference(x[0], x[1]), x[1]}
	}
}

// points are the powers, up to the third, of the numbers a and b, where 0, ±a, ±b and infinity
// are the points of tiles of 4×4.
type points struct{ table Mem }

func pointsOf(a, b float64) points {
	table := GLOBL("winogradPoints", RODATA|NOPTR)
	for i, v := range []float64{a, b, a * a, b * b, a * a * a, b * b * b} {
		DATA(4*i, U32(math.Float32bits(float32(v))))
	}
	return points{table}
}

// powers loads powers of a and b up to the given one, each at its own index.
func (p points) powers(last int) (a, b []VecVirtual) {
	a, b = make([]VecVirtual, last+1), make([]VecVirtual, last+1)
	for i := range last {
		for j, r := range [][]VecVirtual{a, b} {
			r[i+1] = YMM()
			VBROADCASTSS(p.table.Offset(4*(2*i+j)), r[i+1])
		}
	}
	return a, b
}

// input4 computes polynomials that are 0 at all points but one. Those of a point and of its
// negative have the same even powers, and odd ones of different sign.
func (p points) input4() func(x []VecVirtual) []VecVirtual {
	a, b := p.powers(2)
	return func(x []VecVirtual) []VecVirtual {
		last := minus(x[5], b[2], x[3])
		evenA, oddA := minus(copied(x[4]), b[2], x[2]), minus(copied(x[3]), b[2], x[1])
		evenB, oddB := minus(x[4], a[2], x[2]), minus(x[3], a[2], x[1])
		first := minus(x[2], b[2], x[0])
		plusA, minusA := plus(copied(evenA), a[1], oddA), minus(copied(evenA), a[1], oddA)
		plusB, minusB := plus(copied(evenB), b[1], oddB), minus(evenB, b[1], oddB)
		return []VecVirtual{minus(evenA, a[2], first), plusA, minusA, plusB, minusB, minus(last, a[2], oddA)}
	}
}

// output4 computes sums over the points of their powers, from that of 0 to the third.
func (p points) output4() func(m []VecVirtual) []VecVirtual {
	a, b := p.powers(3)
	return func(m []VecVirtual) []VecVirtual {
		evenA, oddA := sum(m[1], m[2]), difference(m[1], m[2])
		evenB, oddB := sum(m[3], m[4]), difference(m[3], m[4])
		return []VecVirtual{
			sum(sum(m[0], evenA), evenB),
			plus(combined(VMULPS, a[1], oddA), b[1], oddB),
			plus(combined(VMULPS, a[2], evenA), b[2], evenB),
			plus(plus(m[5], a[3], oddA), b[3], oddB),
		}
	}
}

// gradient4 computes the values at the points of the polynomial with coefficients x.
func (p points) gradient4() func(x []VecVirtual) []VecVirtual {
	a, b := p.powers(2)
	return func(x []VecVirtual) []VecVirtual {
		values := []VecVirtual{x[0]}
		for _, power := range [][]VecVirtual{a, b} {
			even, odd := plus(copied(x[0]), power[2], x[2]), plus(copied(x[1]), power[2], x[3])
			values = append(values, plus(copied(even), power[1], odd), minus(even, power[1], odd))
		}
		return append(values, x[3])
	}
}

func sum(x, y VecVirtual) VecVirtual        { return combined(VADDPS, x, y) }
func difference(x, y VecVirtual) VecVirtual { return combined(VSUBPS, x, y) }

func combined(op func(...Op), x, y VecVirtual) VecVirtual {
	r := YMM()
	op(y, x, r)
	return r
}

// plus returns z + x·y, and minus z - x·y, in the register of z.
func plus(z, x, y VecVirtual) VecVirtual {
	VFMADD231PS(x, y, z)
	return z
}

func minus(z, x, y VecVirtual) VecVirtual {
	VFNMADD231PS(x, y, z)
	return z
}

func copied(x VecVirtual) VecVirtual {
	r := YMM()
	VMOVAPS(x, r)
	return r
}

// transpose4x2 returns the even columns and the odd ones.
func transpose4x2(r []VecVirtual) []VecVirtual {
	even, odd := YMM(), YMM()
	VSHUFPS(Imm(0x88), r[1], r[0], even)
	VSHUFPS(Imm(0xdd), r[1], r[0], odd)
	return []VecVirtual{even, odd}
}

func transpose2x4(r []VecVirtual) []VecVirtual {
	return []VecVirtual{combined(VUNPCKLPS, r[0], r[1]), combined(VUNPCKHPS, r[0], r[1])}
}

// steps are multiples of the bytes from one part of something to the next.
type steps struct{ one, three, five Register }

// stepsOf returns what is needed to come from the first part to the last of so many.
func stepsOf(one Register, parts int) steps {
	s := steps{one: one}
	if parts > 3 {
		s.three = triple(one)
	}
	if parts > 5 {
		s.five = GP64()
		LEAQ(Mem{Base: one, Index: one, Scale: 4}, s.five)
	}
	return s
}

// from returns the address of part i, of seven.
func (s steps) from(base Register, i int) Mem {
	return [...]Mem{
		{Base: base}, {Base: base, Index: s.one, Scale: 1}, {Base: base, Index: s.one, Scale: 2}, {Base: base, Index: s.three, Scale: 1},
		{Base: base, Index: s.one, Scale: 4}, {Base: base, Index: s.five, Scale: 1}, {Base: base, Index: s.three, Scale: 2},
	}[i]
}

// bytes loads an argument that is a number of elements.
func bytes(name string) Register {
	n := Load(Param(name), GP64())
	SHLQ(Imm(2), n)
	return n
}

// runs are rows of both runs of pictures.
type runs struct {
	base [2]Register
	rows steps
}

func loadRuns(name string, rows int) runs {
	return runs{[2]Register{Load(Param(name+"0"), GP64()), Load(Param(name+"1"), GP64())}, stepsOf(bytes("row"), rows)}
}

// at returns the address of an element of a run.
func (r runs) at(run, row, col int) Mem { return r.rows.from(r.base[run], row).Offset(4 * col) }

// four loads four columns of a row of each run from col on, and two loads two of them twice.
func (r runs) four(row, col int) VecVirtual {
	v := YMM()
	VBROADCASTF128(r.at(1, row, col), v)
	VINSERTF128(Imm(0), r.at(0, row, col), v, v)
	return v
}

func (r runs) two(row, col int) VecVirtual {
	low, high := YMM(), YMM()
	VBROADCASTSD(r.at(0, row, col), low)
	VBROADCASTSD(r.at(1, row, col), high)
	VBLENDPS(Imm(0xf0), high, low, low)
	return low
}

// move moves all rows by as many bytes as n has.
func (r runs) move(n Register) {
	for _, b := range r.base {
		ADDQ(n, b)
	}
}

// memory returns room for n registers.
func memory(n int) func(i int) Mem {
	base := GP64()
	LEAQ(AllocLocal(32*(n+1)).Offset(31), base)
	ANDQ(I8(-32), base)
	return func(i int) Mem { return Mem{Base: base, Disp: 32 * i} }
}

// registers returns what load says n times.
func registers(n int, load func(i int) VecVirtual) []VecVirtual {
	r := make([]VecVirtual, n)
	for i := range r {
		r[i] = load(i)
	}
	return r
}

// loaded returns n registers from where at says.
func loaded(n int, at func(i int) Mem) []VecVirtual {
	return registers(n, func(i int) VecVirtual {
		r := YMM()
		VMOVUPS(at(i), r)
		return r
	})
}

// transformColumns transforms columns, one of so many after the other, into rows of as many registers in
// half.
func transformColumns(columns int, half func(i int) Mem, transform func(r []VecVirtual) []VecVirtual, column func(k int) []VecVirtual) {
	for k := range columns {
		for i, v := range transform(column(k)) {
			VMOVAPS(v, half(i*columns+k))
		}
	}
}

// intoPlaces writes a kernel that transforms the tiles of both runs of every plane, of so many
// rows, by what body returns: it stores a row of side places after the other.
func intoPlaces(name string, doc []string, rows, side int, body func() func(x runs, store func(values []VecVirtual))) {
	TEXT(name, 0, "func(planes int, x0, x1 *float32, row, plane int, to *float32, toPlane, place int)")
	Doc(doc...)
	Pragma("noescape")
	planes, x, plane := Load(Param("planes"), GP64()), loadRuns("x", rows), bytes("plane")
	to, toPlane, places := Load(Param("to"), GP64()), bytes("toPlane"), stepsOf(bytes("place"), side)
	transform := body()
	Label("plane")
	row := GP64()
	MOVQ(to, row)
	transform(x, func(values []VecVirtual) {
		for j, v := range values {
			VMOVUPS(v, places.from(row, j))
		}
		LEAQ(places.from(row, side), row)
	})
	x.move(plane)
	ADDQ(toPlane, to)
	DECQ(planes)
	JNZ(LabelRef("plane"))
	VZEROUPPER()
	RET()
}

func (t winogradTile) generateInput() {
	side, size, name := t.side(), t.size, t.name("Input")
	intoPlaces(name, []string{
		fmt.Sprintf("%s computes BᵀxB of eight tiles x of %d×%d for every plane, each %d", name, side, side, size),
		"columns from the one before it: four from x0 on and four from x1 on. Their rows and planes",
		"lie row and plane elements apart. The elements of a result lie place elements apart, those",
		"of tiles side by side, and those of planes toPlane elements apart.",
	}, side, side, func() func(x runs, store func(values []VecVirtual)) {
		width := size + 1 // in registers, of four columns but the last
		half := memory(side * width)
		input := t.input()
		return func(x runs, store func(values []VecVirtual)) {
			transformColumns(width, half, input, func(k int) []VecVirtual {
				return registers(side, func(i int) VecVirtual {
					if k < size {
						return x.four(i, 4*k)
					}
					return x.two(i, 4*k)
				})
			})
			for i := range side {
				row := loaded(width, func(k int) Mem { return half(i*width + k) })
				columns, last := t.apart(row[:size]), row[size]
				// A tile's last two columns are the first two of the next, and last has the run's.
				for c := range 2 {
					next := YMM()
					if c > 0 {
						VMOVSHDUP(last, last)
					}
					VPALIGNR(Imm(4), columns[c], last, next)
					columns = append(columns, next)
				}
				store(input(columns))
			}
		}
	})
}

func (t winogradTile) generateGradient() {
	side, size, name := t.side(), t.size, t.name("Gradient")
	intoPlaces(name, []string{
		fmt.Sprintf("%s computes AxAᵀ of eight tiles x of %d×%d as %s", name, size, size, t.name("Input")),
		"computes BᵀxB.",
	}, size, side, func() func(x runs, store func(values []VecVirtual)) {
		half := memory(side * size)
		gradient := t.gradient()
		return func(x runs, store func(values []VecVirtual)) {
			transformColumns(size, half, gradient, func(k int) []VecVirtual {
				return registers(size, func(i int) VecVirtual { return x.four(i, 4*k) })
			})
			for i := range side {
				store(gradient(t.apart(loaded(size, func(k int) Mem { return half(i*size + k) }))))
			}
		}
	})
}

func (t winogradTile) generateOutput() {
	side, size, name := t.side(), t.size, t.name("Output")
	TEXT(name, 0, "func(planes int, from *float32, fromPlane, place int, bias, y0, y1 *float32, row, plane int)")
	Doc(fmt.Sprintf("%s computes the tiles AᵀmA of %d×%d results of eight tiles m for every plane", name, size, size),
		fmt.Sprintf("and adds the plane's bias. They lie as %s writes them, and the results as", t.name("Input")),
		"it reads them.")
	Pragma("noescape")
	planes, y, plane := Load(Param("planes"), GP64()), loadRuns("y", size), bytes("plane")
	from, fromPlane, place, bias := Load(Param("from"), GP64()), bytes("fromPlane"), bytes("place"), Load(Param("bias"), GP64())
	down := GP64()
	IMUL3Q(Imm(uint64(side)), place, down)
	rows := stepsOf(down, side)
	half := memory(size * side)
	output := t.output()
	Label("plane")
	column := GP64()
	MOVQ(from, column)
	transformColumns(side, half, output, func(j int) []VecVirtual {
		if j > 0 {
			ADDQ(place, column)
		}
		return loaded(side, func(i int) Mem { return rows.from(column, i) })
	})
	for i := range size {
		row := output(loaded(side, func(j int) Mem { return half(i*side + j) }))
		b := YMM()
		VBROADCASTSS(Mem{Base: bias}, b)
		for _, v := range row {
			VADDPS(b, v, v)
		}
		for k, v := range t.together(row) {
			VMOVUPS(v.AsX(), y.at(0, i, 4*k))
			VEXTRACTF128(Imm(1), v, y.at(1, i, 4*k))
		}
	}
	y.move(plane)
	ADDQ(fromPlane, from)
	ADDQ(Imm(4), bias)
	DECQ(planes)
	JNZ(LabelRef("plane"))
	VZEROUPPER()
	RET()
}
