package main

import (
	"fmt"
	"math"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// winograd writes the transforms of convolutions by tiles, and the products of what these make.
// A register is of eight channels, or filters.
func winograd() {
	four, five := pointsOf(vec{}, 4, 5./8, 3./2, 0), pointsOf(vec{}, 5, 9./16, 9./8, 3)
	for _, t := range []winogradTile{
		{2, input2, output2, gradient2},
		{4, four.input, four.output, four.gradient},
		{5, five.input, five.output, five.gradient},
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
	size                    int
	input, output, gradient func(r []VecVirtual) []VecVirtual // Bᵀx, Aᵀm and Ax
}

// side is that of the transformed tile, and of the elements that it is of.
func (t winogradTile) side() int { return t.size + 2 }

func (t winogradTile) name(what string) string {
	return fmt.Sprintf("winograd%s%dx%dAVX2", what, t.size, t.size)
}

func input2(x []VecVirtual) []VecVirtual {
	return []VecVirtual{difference(x[2], x[0]), sum(x[1], x[2]), difference(x[2], x[1]), difference(x[3], x[1])}
}

func output2(m []VecVirtual) []VecVirtual {
	return []VecVirtual{sum(sum(m[0], m[1]), m[2]), sum(difference(m[1], m[2]), m[3])}
}

func gradient2(x []VecVirtual) []VecVirtual {
	return []VecVirtual{x[0], sum(x[0], x[1]), difference(x[0], x[1]), x[1]}
}

// points are those of larger tiles: 0, a, -a, b, -b, c in tiles of 5×5, and infinity.
type points struct {
	size  int
	bytes int // of a register
	table Mem // of powers of a, b and c, from the first on, each as often as a register has room for
}

func pointsOf(v vec, size int, a, b, c float64) points {
	name := "winogradPoints%dx%d"
	if v.wide {
		name = "wideWinogradPoints%dx%d"
	}
	table := GLOBL(fmt.Sprintf(name, size, size), RODATA|NOPTR)
	for i := range 3 * 4 {
		power := math.Pow([]float64{a, b, c}[i%3], float64(1+i/3))
		for lane := range v.lanes() {
			DATA(4*(v.lanes()*i+lane), U32(math.Float32bits(float32(power))))
		}
	}
	return points{size, 4 * v.lanes(), table}
}

func (p points) a(power int) Op { return p.table.Offset(p.bytes * (3*power - 3)) }
func (p points) b(power int) Op { return p.table.Offset(p.bytes * (3*power - 2)) }
func (p points) c(power int) Op { return p.table.Offset(p.bytes * (3*power - 1)) }

// input computes polynomials that are 0 at all points but one. Those of a point and of its
// negative have the same even powers, and odd ones of different sign. Those of tiles of 5×5 are
// those of 4×4 multiplied by another factor, that of c, which is what they are 0 at too.
func (p points) input(x []VecVirtual) []VecVirtual {
	if p.size == 5 {
		third, fifth := minus(copied(x[3]), p.b(2), x[1]), minus(copied(x[5]), p.b(2), x[3])
		atC := minus(fifth, p.a(2), third)
		for i := 5; i >= 0; i-- {
			x[i+1] = minus(x[i+1], p.c(1), x[i])
		}
		return slices.Insert(points{4, p.bytes, p.table}.input(x[1:]), 5, atC)
	}
	last := minus(x[5], p.b(2), x[3])
	evenA, oddA := minus(copied(x[4]), p.b(2), x[2]), minus(copied(x[3]), p.b(2), x[1])
	evenB, oddB := minus(x[4], p.a(2), x[2]), minus(x[3], p.a(2), x[1])
	first := minus(x[2], p.b(2), x[0])
	plusA, minusA := plus(copied(evenA), p.a(1), oddA), minus(copied(evenA), p.a(1), oddA)
	plusB, minusB := plus(copied(evenB), p.b(1), oddB), minus(evenB, p.b(1), oddB)
	return []VecVirtual{minus(evenA, p.a(2), first), plusA, minusA, plusB, minusB, minus(last, p.a(2), oddA)}
}

// output computes sums over the points of their powers, from that of 0 on. At infinity no power
// but the last is not 0.
func (p points) output(m []VecVirtual) []VecVirtual {
	as, bs := [2]VecVirtual{sum(m[1], m[2]), difference(m[1], m[2])}, [2]VecVirtual{sum(m[3], m[4]), difference(m[3], m[4])}
	first := sum(sum(m[0], as[0]), bs[0])
	if p.size == 5 {
		first = sum(first, m[5])
	}
	sums := []VecVirtual{first}
	for power := 1; power < p.size; power++ {
		a, b := as[power%2], bs[power%2]
		var s VecVirtual
		if power == p.size-1 {
			s = plus(m[len(m)-1], p.a(power), a)
		} else {
			s = combined(VMULPS, a, p.a(power))
		}
		s = plus(s, p.b(power), b)
		if p.size == 5 {
			s = plus(s, p.c(power), m[5])
		}
		sums = append(sums, s)
	}
	return sums
}

// gradient computes the values at the points of the polynomial with coefficients x.
func (p points) gradient(x []VecVirtual) []VecVirtual {
	values := []VecVirtual{x[0]}
	for _, power := range []func(int) Op{p.a, p.b} {
		even, odd := plus(copied(x[0]), power(2), x[2]), plus(copied(x[1]), power(2), x[3])
		if p.size == 5 {
			even = plus(even, power(4), x[4])
		}
		values = append(values, plus(copied(even), power(1), odd), minus(even, power(1), odd))
	}
	if p.size == 5 {
		atC := copied(x[0])
		for i := 1; i < p.size; i++ {
			atC = plus(atC, p.c(i), x[i])
		}
		values = append(values, atC)
	}
	return append(values, x[p.size-1])
}

func sum(x, y VecVirtual) VecVirtual        { return combined(VADDPS, x, y) }
func difference(x, y VecVirtual) VecVirtual { return combined(VSUBPS, x, y) }

// like returns a register as wide as x.
func like(x VecVirtual) VecVirtual { return vec{wide: x.Size() == 64}.reg() }

func combined(op func(...Op), x VecVirtual, y Op) VecVirtual {
	r := like(x)
	op(y, x, r)
	return r
}

// plus returns z + x·y, and minus z - x·y, in the register of z.
func plus(z VecVirtual, x Op, y VecVirtual) VecVirtual {
	VFMADD231PS(x, y, z)
	return z
}

func minus(z VecVirtual, x Op, y VecVirtual) VecVirtual {
	VFNMADD231PS(x, y, z)
	return z
}

func copied(x VecVirtual) VecVirtual {
	r := like(x)
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
func memory(v vec, n int) func(i int) Mem {
	base, size := GP64(), 4*v.lanes()
	LEAQ(AllocLocal(size*(n+1)).Offset(size-1), base)
	ANDQ(I8(int8(-size)), base)
	return func(i int) Mem { return Mem{Base: base, Disp: size * i} }
}

// loaded returns n registers from where at says.
func loaded(v vec, n int, at func(i int) Mem) []VecVirtual {
	r := make([]VecVirtual, n)
	for i := range r {
		r[i] = v.reg()
		VMOVUPS(at(i), r[i])
	}
	return r
}

// generate writes a kernel that transforms tiles, of rows and columns as many as parts says, into
// ones of as many as results says, by what transform returns.
func (t winogradTile) generate(what, formula string, parts, results int, transform func(r []VecVirtual) []VecVirtual, withBias bool) {
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
	half := memory(vec{}, results*parts)
	Label("octet")
	column, row := GP64(), GP64()
	MOVQ(from, column)
	for k := range parts {
		if k > 0 {
			ADDQ(right, column)
		}
		for i, v := range transform(loaded(vec{}, parts, func(i int) Mem { return down.from(column, i) })) {
			VMOVAPS(v, half(i*parts+k))
		}
	}
	MOVQ(to, row)
	for i := range results {
		if i > 0 {
			ADDQ(toRow, row)
		}
		values := transform(loaded(vec{}, parts, func(k int) Mem { return half(i*parts + k) }))
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
	const rows = 6
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
