package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// winograd writes the transforms of convolutions by tiles, and the products of what these make.
// A register is of eight channels, or filters.
func winograd() {
	points := pointsOf(5./8, 3./2)
	for _, t := range []winogradTile{
		{2, input2, output2, gradient2},
		{4, points.input4, points.output4, points.gradient4},
	} {
		t.generate("Input", "BᵀxB", t.side(), t.side(), t.input, false)
		t.generate("Output", "AᵀxA", t.side(), t.size, t.output, true)
		t.generate("Gradient", "AxAᵀ", t.size, t.side(), t.gradient, false)
	}
	winogradProduct(false)
	winogradProduct(true)
}

// winogradTile is a tile of size×size results.
type winogradTile struct {
	size int
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

// memory returns room for n registers.
func memory(n int) func(i int) Mem {
	base := GP64()
	LEAQ(AllocLocal(32*(n+1)).Offset(31), base)
	ANDQ(I8(-32), base)
	return func(i int) Mem { return Mem{Base: base, Disp: 32 * i} }
}

// loaded returns n registers from where at says.
func loaded(n int, at func(i int) Mem) []VecVirtual {
	r := make([]VecVirtual, n)
	for i := range r {
		r[i] = YMM()
		VMOVUPS(at(i), r[i])
	}
	return r
}

// generate writes a kernel that transforms tiles, of rows and columns as many as parts says, into
// ones of as many as results says, by what transform returns.
func (t winogradTile) generate(what, formula string, parts, results int, transform func() func(r []VecVirtual) []VecVirtual, withBias bool) {
	name, arguments, doc := t.name(what), "octets int, from *float32, fromRow, fromCol int, to *float32, toRow, toCol int", "."
	if withBias {
		arguments, doc = arguments+", bias *float32", ", and adds its bias."
	}
	TEXT(name, 0, "func("+arguments+")")
	Doc(fmt.Sprintf("%s computes %s of a tile of %d×%d for every channel of octets, which lie", name, formula, parts, parts),
		"side by side"+doc+" Rows and columns lie so many elements apart, those of the tile and of the result.")
	Pragma("noescape")
	octets, from, down, right := Load(Param("octets"), GP64()), Load(Param("from"), GP64()), stepsOf(bytes("fromRow"), parts), bytes("fromCol")
	to, toRow, toCol := Load(Param("to"), GP64()), bytes("toRow"), stepsOf(bytes("toCol"), results)
	var bias Register
	if withBias {
		bias = Load(Param("bias"), GP64())
	}
	half := memory(results * parts)
	f := transform()
	Label("octet")
	column, row := GP64(), GP64()
	MOVQ(from, column)
	for k := range parts {
		if k > 0 {
			ADDQ(right, column)
		}
		for i, v := range f(loaded(parts, func(i int) Mem { return down.from(column, i) })) {
			VMOVAPS(v, half(i*parts+k))
		}
	}
	MOVQ(to, row)
	for i := range results {
		if i > 0 {
			ADDQ(toRow, row)
		}
		values := f(loaded(parts, func(k int) Mem { return half(i*parts + k) }))
		if withBias {
			b := YMM()
			VMOVUPS(Mem{Base: bias}, b)
			for _, v := range values {
				VADDPS(b, v, v)
			}
		}
		for j, v := range values {
			VMOVUPS(v, toCol.from(row, j))
		}
	}
	ADDQ(Imm(32), from)
	ADDQ(Imm(32), to)
	if withBias {
		ADDQ(Imm(32), bias)
	}
	DECQ(octets)
	JNZ(LabelRef("octet"))
	VZEROUPPER()
	RET()
}

// winogradProduct writes the kernel of products of matrices that transforms leave, which is a
// tile6x16AVX2 for operands that are no panels. The rows of a are tiles or, where transposed, its
// columns.
func winogradProduct(transposed bool) {
	const rows, unrolled = 6, 4
	name, bStride, add := "winogradProductAVX2", "", ""
	if transposed {
		name, bStride, add = "winogradTransposedProductAVX2", ", bStride int", ", add bool"
	}
	TEXT(name, NOSPLIT, "func(depth int, a *float32, aStride int, b *float32"+bStride+", c *float32, stride, rows int"+add+")")
	if transposed {
		Doc(name+" writes the product of the transpose of a and 16 columns of b, both of depth rows that",
			"lie aStride and bStride elements apart, to c, whose rows lie stride elements apart, or adds",
			"it where add says so. depth and rows are at least 1.")
	} else {
		Doc(name+" writes the product of a, whose rows lie aStride elements apart, and a panel of 16",
			"columns of b, both depth long, to c, whose rows lie stride elements apart. depth and rows",
			"are at least 1.")
	}
	Pragma("noescape")
	a, c, left, stride := Load(Param("a"), GP64()), Load(Param("c"), GP64()), Load(Param("rows"), GP64()), bytes("stride")
	aSteps, bSteps := stepsOf(bytes("aStride"), unrolled), steps{}
	if transposed {
		bSteps = stepsOf(bytes("bStride"), unrolled)
	}
	var sums [rows][2]VecVirtual
	var depth, b, at, half Register
	// begin is what comes before the steps of n rows.
	begin := func(n int) {
		for i := range n {
			for j := range sums[i] {
				sums[i][j] = YMM()
				VXORPS(sums[i][j], sums[i][j], sums[i][j])
			}
		}
		depth, b, at, half = Load(Param("depth"), GP64()), Load(Param("b"), GP64()), GP64(), GP64()
		MOVQ(a, at)
		if !transposed {
			LEAQ(Mem{Base: at, Index: aSteps.three, Scale: 1}, half)
		}
	}
	// step is the l-th from where at and b point, for n rows.
	step := func(n, l int) {
		row := Mem{Base: b, Disp: 64 * l}
		if transposed {
			row = bSteps.from(b, l)
		}
		b0, b1 := YMM(), YMM()
		VMOVUPS(row, b0)
		VMOVUPS(row.Offset(32), b1)
		for i := range n {
			var element Mem
			switch {
			case transposed:
				element = aSteps.from(at, l).Offset(4 * i)
			case i < rows/2:
				element = aSteps.from(at, i).Offset(4 * l)
			default:
				element = aSteps.from(half, i-rows/2).Offset(4 * l)
			}
			v := YMM()
			VBROADCASTSS(element, v)
			VFMADD231PS(b0, v, sums[i][0])
			VFMADD231PS(b1, v, sums[i][1])
		}
	}
	// move goes on by n steps.
	move := func(n int) {
		if transposed {
			LEAQ(aSteps.from(at, n), at)
			LEAQ(bSteps.from(b, n), b)
			return
		}
		ADDQ(Imm(uint64(4*n)), at)
		ADDQ(Imm(uint64(4*n)), half)
		ADDQ(U32(uint32(64*n)), b)
	}
	// end writes the sums of n rows.
	end := func(n int) {
		at := GP64()
		if transposed {
			label := fmt.Sprintf("write%d", n)
			add := Load(Param("add"), GP8())
			TESTB(add, add)
			JZ(LabelRef(label))
			MOVQ(c, at)
			for i := range n {
				if i > 0 {
					ADDQ(stride, at)
				}
				for j, v := range sums[i] {
					VADDPS(Mem{Base: at, Disp: 32 * j}, v, v)
				}
			}
			Label(label)
		}
		for i := range n {
			for j, v := range sums[i] {
				VMOVUPS(v, Mem{Base: c, Disp: 32 * j})
			}
			ADDQ(stride, c)
		}
	}
	Label("panel")
	SUBQ(Imm(rows), left)
	JLT(LabelRef("last"))
	begin(rows)
	SUBQ(Imm(unrolled), depth)
	JLT(LabelRef("rest"))
	Label("steps")
	for l := range unrolled {
		step(rows, l)
	}
	move(unrolled)
	SUBQ(Imm(unrolled), depth)
	JGE(LabelRef("steps"))
	Label("rest")
	ADDQ(Imm(unrolled), depth)
	JZ(LabelRef("end"))
	Label("step")
	step(rows, 0)
	move(1)
	DECQ(depth)
	JNZ(LabelRef("step"))
	Label("end")
	end(rows)
	if transposed {
		ADDQ(Imm(4*rows), a)
	} else {
		LEAQ(Mem{Base: a, Index: aSteps.three, Scale: 2}, a)
	}
	JMP(LabelRef("panel"))
	Label("last")
	for n := rows - 1; n >= 1; n-- {
		next := fmt.Sprintf("fewer%d", n)
		CMPQ(left, I8(int8(n-rows)))
		JNE(LabelRef(next))
		begin(n)
		label := fmt.Sprintf("step%d", n)
		Label(label)
		step(n, 0)
		move(1)
		DECQ(depth)
		JNZ(LabelRef(label))
		end(n)
		Label(next)
	}
	VZEROUPPER()
	RET()
}
