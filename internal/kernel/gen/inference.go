package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// inference writes the kernels of package inference. Their argument is a tile of that package, whose
// fields lie where the constants below say. It is passed as its first field.
func inference() {
	exponential = exponentialTable()
	numbers := activationTable()
	for _, v := range []vec{{wide: true}, {}} {
		t := inferenceTiles{v}
		for _, regs := range []int{1, 2, 4, 8} {
			t.products(regs)
		}
		t.pairs(1)
		t.pairs(2)
		t.depthwise()
		t.greatest()
		t.activations(numbers)
		inferenceWinograd(t)
	}
	inferenceGate()
	inferenceSum()
}

// Where the fields of a tile lie: for slices, their pointers.
const (
	tileX = 24 * iota
	tileW
	tileY
	tileAdd
	tileBias
	tileOffsets
	tileLength
)

const (
	tileRuns  = tileOffsets + 8
	tileXStep = tileLength + 8*iota
	tileYStep
	tileAddStep
	tileN
	tileTiles
	tileRegs
	tileWNext
	tileWTap
	tileXPixel
	tileXRow
	tileLo
	tileHi = tileLo + 4
)

// inferenceTiles are kernels over tiles of pixels and registers of channels.
type inferenceTiles struct{ vec }

// most is the most pixels of a tile with so many registers of channels. Sums take 28 of AVX-512's 32
// registers, and 12 of AVX2's 16.
func (v inferenceTiles) most(regs int) int {
	if v.wide {
		return map[int]int{1: 14, 2: 14, 4: 7, 8: 3}[regs]
	}
	return map[int]int{1: 6, 2: 6, 4: 3, 8: 1}[regs]
}

func (v inferenceTiles) size() int { return 4 * v.lanes() }

// field loads a field of the tile at t.
func field(t Register, at int) Register {
	r := GP64()
	MOVQ(Mem{Base: t, Disp: at}, r)
	return r
}

// elements loads a field that is a number of elements, as bytes.
func elements(t Register, at int) Register {
	r := field(t, at)
	SHLQ(Imm(2), r)
	return r
}

// pixels are the addresses of neighbouring pixels: seven from one register, and those behind them from
// another.
type pixels7 struct {
	steps
	first, second Register
}

const reach7 = 7

// pixelsFrom returns those of n pixels.
func pixelsFrom(step Register, n int) pixels7 {
	p := pixels7{steps: stepsOf(step, min(n, reach7)), first: GP64()}
	if n > reach7 {
		p.second = GP64()
	}
	return p
}

// begin points to the first of them.
func (p pixels7) begin(base, offset Register) {
	LEAQ(Mem{Base: base, Index: offset, Scale: 4}, p.first)
	if p.second != nil {
		LEAQ(Mem{Base: p.first, Index: p.one, Scale: 8}, p.second)
		SUBQ(p.one, p.second)
	}
}

func (p pixels7) at(i int) Mem {
	if i >= reach7 {
		return p.from(p.second, i-reach7)
	}
	return p.from(p.first, i)
}

func (p pixels7) advance(bytes int) {
	ADDQ(Imm(uint64(bytes)), p.first)
	if p.second != nil {
		ADDQ(Imm(uint64(bytes)), p.second)
	}
}

// products writes the kernel for tiles of so many registers of channels. It has a loop for each number of pixels.
func (v inferenceTiles) products(regs int) {
	name := v.name(fmt.Sprintf("products%dx", regs))
	TEXT(name, NOSPLIT, "func(t *[]float32)")
	Doc(fmt.Sprintf("%s is plainProducts for tiles of at most %d pixels and of %d registers.", name, v.most(regs), regs))
	Pragma("noescape")
	t, n := Load(Param("t"), GP64()), GP64()
	MOVQ(Mem{Base: t, Disp: tileN}, n)
	left := AllocLocal(8)
	eachCount("", v.most(regs), n, leave, func(n int) { v.productsOf(t, left, n, regs) })
}

func (v inferenceTiles) productsOf(t Register, left Mem, n, regs int) {
	label := func(s string) string { return fmt.Sprintf("%s%d", s, n) }
	across := min(regs, 2) // registers of a panel
	x, y, add := field(t, tileX), field(t, tileY), field(t, tileAdd)
	sums := make([][]VecVirtual, n)
	for i := range sums {
		sums[i] = make([]VecVirtual, regs)
		for j := range sums[i] {
			sums[i][j] = v.reg()
		}
	}
	r := field(t, tileTiles)
	MOVQ(r, left)
	step := elements(t, tileXStep)
	at := pixelsFrom(step, n)

	Label(label("tile"))
	bias := field(t, tileBias)
	for j := range regs {
		VMOVUPS(Mem{Base: bias, Disp: j * v.size()}, sums[0][j])
		for i := 1; i < n; i++ {
			VMOVAPS(sums[0][j], sums[i][j])
		}
	}
	w := field(t, tileW)
	panels := steps{}
	if regs > 2 {
		panels = stepsOf(elements(t, tileWNext), regs/2)
	}
	offsets, runs := field(t, tileOffsets), field(t, tileRuns)
	one := func(u int) {
		for pair := 0; pair < regs; pair += 2 {
			var row [2]VecVirtual
			for j := range across {
				row[j] = v.reg()
				VMOVUPS(panels.from(w, pair/2).Offset(u*across*v.size()+j*v.size()), row[j])
			}
			for i := range n {
				xi := v.reg()
				VBROADCASTSS(at.at(i).Offset(4*u), xi)
				for j := range across {
					VFMADD231PS(row[j], xi, sums[i][pair+j])
				}
			}
		}
	}
	Label(label("run"))
	offset := field(offsets, 0)
	at.begin(x, offset)
	length := field(t, tileLength)
	if n == v.most(regs) || n*regs >= v.most(2) {
		SUBQ(Imm(unrolled), length)
		JLT(LabelRef(label("rest")))
		Label(label("steps"))
		for u := range unrolled {
			one(u)
		}
		at.advance(4 * unrolled)
		ADDQ(U32(uint32(unrolled*across*v.size())), w)
		SUBQ(Imm(unrolled), length)
		JGE(LabelRef(label("steps")))
		Label(label("rest"))
		ADDQ(Imm(unrolled), length)
		JZ(LabelRef(label("ran")))
	}
	Label(label("step"))
	one(0)
	at.advance(4)
	ADDQ(U32(uint32(across*v.size())), w)
	DECQ(length)
	JNZ(LabelRef(label("step")))
	Label(label("ran"))
	ADDQ(Imm(8), offsets)
	DECQ(runs)
	JNZ(LabelRef(label("run")))

	v.end(label, t, y, add, sums)
	next := GP64()
	IMUL3Q(Imm(uint64(n)), step, next)
	ADDQ(next, x)
	DECQ(left)
	JNZ(LabelRef(label("tile")))
}

// end writes sums to y, and goes to the next tile of y and of what is added.
func (v inferenceTiles) end(label func(string) string, t, y, add Register, sums [][]VecVirtual) {
	TESTQ(add, add)
	JZ(LabelRef(label("added")))
	addStep := elements(t, tileAddStep)
	for i := range sums {
		for j := range sums[i] {
			VADDPS(Mem{Base: add, Disp: j * v.size()}, sums[i][j], sums[i][j])
		}
		ADDQ(addStep, add)
	}
	Label(label("added"))
	v.write(label, t, y, sums)
}

// write holds results to the limits and writes them to y, which it moves.
func (v inferenceTiles) write(label func(string) string, t, y Register, results [][]VecVirtual) {
	const minusInfinity = 0xff800000 // where it is the lower limit, there is none
	CMPL(Mem{Base: t, Disp: tileLo}, U32(minusInfinity))
	JEQ(LabelRef(label("held")))
	lo, hi := v.reg(), v.reg()
	VBROADCASTSS(Mem{Base: t, Disp: tileLo}, lo)
	VBROADCASTSS(Mem{Base: t, Disp: tileHi}, hi)
	for _, row := range results {
		for _, r := range row { // of NaN both take the result
			VMAXPS(r, lo, r)
			VMINPS(r, hi, r)
		}
	}
	Label(label("held"))
	yStep := elements(t, tileYStep)
	for _, row := range results {
		for j, r := range row {
			VMOVUPS(r, Mem{Base: y, Disp: j * v.size()})
		}
		ADDQ(yStep, y)
	}
}

// mostPairs is the most results of a tile of pairs with so many registers of channels: each takes four sums.
func (v inferenceTiles) mostPairs(regs int) int {
	if v.wide {
		return 3
	}
	return map[int]int{1: 3, 2: 1}[regs]
}

// pairs writes the kernel for tiles of so many registers of channels whose results are the greatest of four products.
func (v inferenceTiles) pairs(regs int) {
	name := v.name(fmt.Sprintf("pairs%dx", regs))
	TEXT(name, NOSPLIT, "func(t *[]float32)")
	Doc(fmt.Sprintf("%s is plainPairs for tiles of at most %d results and of %d registers.", name, v.mostPairs(regs), regs))
	Pragma("noescape")
	t, n := Load(Param("t"), GP64()), GP64()
	MOVQ(Mem{Base: t, Disp: tileN}, n)
	left := AllocLocal(8)
	eachCount("", v.mostPairs(regs), n, leave, func(n int) { v.pairsOf(t, left, n, regs) })
}

func (v inferenceTiles) pairsOf(t Register, left Mem, n, regs int) {
	label := func(s string) string { return fmt.Sprintf("%s%d", s, n) }
	x, y := field(t, tileX), field(t, tileY)
	sums := make([][4][]VecVirtual, n)
	for i := range sums {
		for q := range sums[i] {
			for range regs {
				sums[i][q] = append(sums[i][q], v.reg())
			}
		}
	}
	r := field(t, tileTiles)
	MOVQ(r, left)
	at := stepsOf(elements(t, tileXStep), n)
	bases := [4]Register{GP64(), GP64(), GP64(), GP64()} // a row's two pixels, and the next row's

	Label(label("tile"))
	bias, w := field(t, tileBias), field(t, tileW)
	for j := range regs {
		VMOVUPS(Mem{Base: bias, Disp: j * v.size()}, sums[0][0][j])
		for i := 1; i < 4*n; i++ {
			VMOVAPS(sums[0][0][j], sums[i/4][i%4][j])
		}
	}
	offsets, runs := field(t, tileOffsets), field(t, tileRuns)
	Label(label("run"))
	offset := field(offsets, 0)
	LEAQ(Mem{Base: x, Index: offset, Scale: 4}, bases[0])
	pixel, row := field(t, tileXPixel), field(t, tileXRow)
	LEAQ(Mem{Base: bases[0], Index: pixel, Scale: 4}, bases[1])
	LEAQ(Mem{Base: bases[0], Index: row, Scale: 4}, bases[2])
	LEAQ(Mem{Base: bases[1], Index: row, Scale: 4}, bases[3])
	length := field(t, tileLength)
	Label(label("step"))
	filters := make([]VecVirtual, regs)
	for j := range filters {
		filters[j] = v.reg()
		VMOVUPS(Mem{Base: w, Disp: j * v.size()}, filters[j])
	}
	for i := range sums {
		for q, base := range bases {
			xi := v.reg()
			VBROADCASTSS(at.from(base, i), xi)
			for j, f := range filters {
				VFMADD231PS(f, xi, sums[i][q][j])
			}
		}
	}
	for _, base := range bases {
		ADDQ(Imm(4), base)
	}
	ADDQ(U32(uint32(regs*v.size())), w)
	DECQ(length)
	JNZ(LabelRef(label("step")))
	ADDQ(Imm(8), offsets)
	DECQ(runs)
	JNZ(LabelRef(label("run")))

	results := make([][]VecVirtual, n)
	for i, four := range sums {
		for j := range regs {
			v.takeGreatest(four[0][j], four[1][j])
			v.takeGreatest(four[2][j], four[3][j])
			v.takeGreatest(four[0][j], four[2][j])
		}
		results[i] = four[0]
	}
	v.write(label, t, y, results)
	next := GP64()
	IMUL3Q(Imm(uint64(n)), at.one, next)
	ADDQ(next, x)
	DECQ(left)
	JNZ(LabelRef(label("tile")))
}

// takeGreatest makes most the greater of it and u. One that is NaN wins.
func (v inferenceTiles) takeGreatest(most, u VecVirtual) {
	if v.wide {
		unordered := K()
		VCMPPS(Imm(3), u, u, unordered)
		VMAXPS(most, u, most) // of NaN it takes what was there
		VMOVAPS(u, unordered, most)
		return
	}
	unordered := YMM()
	VCMPPS(Imm(3), u, u, unordered)
	VMAXPS(most, u, most)
	VBLENDVPS(unordered, u, most, most)
}

// depthwise writes the kernel for channels that each have filters of their own. Its loop over the registers of
// channels is within that over tiles.
func (v inferenceTiles) depthwise() {
	name := v.name("depthwise")
	most := v.most(1)
	TEXT(name, NOSPLIT, "func(t *[]float32)")
	Doc(fmt.Sprintf("%s is plainDepthwise for tiles of at most %d pixels.", name, most))
	Pragma("noescape")
	t, n := Load(Param("t"), GP64()), GP64()
	MOVQ(Mem{Base: t, Disp: tileN}, n)
	left, regs, xTile, yTile, addTile := AllocLocal(8), AllocLocal(8), AllocLocal(8), AllocLocal(8), AllocLocal(8)
	eachCount("", most, n, leave, func(n int) {
		label := func(s string) string { return fmt.Sprintf("%s%d", s, n) }
		x, y, add := field(t, tileX), field(t, tileY), field(t, tileAdd)
		MOVQ(x, xTile)
		MOVQ(y, yTile)
		MOVQ(add, addTile)
		r := field(t, tileTiles)
		MOVQ(r, left)
		at := pixelsFrom(elements(t, tileXStep), n)
		wTap := elements(t, tileWTap)
		sums := make([][]VecVirtual, n)
		for i := range sums {
			sums[i] = []VecVirtual{v.reg()}
		}
		Label(label("tile"))
		r = field(t, tileRegs)
		MOVQ(r, regs)
		bias, w := field(t, tileBias), field(t, tileW)
		Label(label("register"))
		TESTQ(bias, bias)
		JZ(LabelRef(label("none")))
		VMOVUPS(Mem{Base: bias}, sums[0][0])
		ADDQ(Imm(uint64(v.size())), bias)
		JMP(LabelRef(label("begin")))
		Label(label("none"))
		v.clear(sums[0][0])
		Label(label("begin"))
		for i := 1; i < n; i++ {
			VMOVAPS(sums[0][0], sums[i][0])
		}
		offsets, taps, wAt := field(t, tileOffsets), field(t, tileRuns), GP64()
		MOVQ(w, wAt)
		Label(label("tap"))
		offset := field(offsets, 0)
		at.begin(x, offset)
		f := v.reg()
		VMOVUPS(Mem{Base: wAt}, f)
		for i := range n {
			VFMADD231PS(at.at(i), f, sums[i][0])
		}
		ADDQ(wTap, wAt)
		ADDQ(Imm(8), offsets)
		DECQ(taps)
		JNZ(LabelRef(label("tap")))
		next := elements(t, tileWNext)
		ADDQ(next, w)
		Comment("Fetch what the next tile needs first, and its results: they are no stream that a processor sees.")
		offset = elements(t, tileXStep)
		IMUL3Q(Imm(uint64(n)), offset, offset)
		ADDQ(offset, at.first)
		if at.second != nil {
			ADDQ(offset, at.second)
		}
		for i := range n {
			PREFETCHT0(at.at(i))
		}
		v.end(label, t, y, add, sums)
		// nextRegister goes back to the first pixel, and to its next register.
		nextRegister := func(base Register, step int) {
			back := elements(t, step)
			IMUL3Q(Imm(uint64(n)), back, back)
			SUBQ(back, base)
			ADDQ(Imm(uint64(v.size())), base)
		}
		nextRegister(y, tileYStep)
		TESTQ(add, add)
		JZ(LabelRef(label("noneAdded")))
		nextRegister(add, tileAddStep)
		Label(label("noneAdded"))
		ADDQ(Imm(uint64(v.size())), x)
		DECQ(regs)
		JNZ(LabelRef(label("register")))
		// nextTile goes to the first register of the next tile.
		nextTile := func(from Mem, base Register, step int) {
			forth := elements(t, step)
			IMUL3Q(Imm(uint64(n)), forth, base)
			ADDQ(from, base)
			MOVQ(base, from)
		}
		nextTile(xTile, x, tileXStep)
		nextTile(yTile, y, tileYStep)
		TESTQ(add, add)
		JZ(LabelRef(label("noneNext")))
		nextTile(addTile, add, tileAddStep)
		Label(label("noneNext"))
		DECQ(left)
		JNZ(LabelRef(label("tile")))
	})
}

// greatest writes the kernel of max pooling.
func (v inferenceTiles) greatest() {
	name, pixels := v.name("greatest"), v.most(1)
	TEXT(name, NOSPLIT, "func(t *[]float32)")
	Doc(fmt.Sprintf("%s is plainGreatest for tiles of at most %d pixels.", name, pixels))
	Pragma("noescape")
	t, n := Load(Param("t"), GP64()), GP64()
	MOVQ(Mem{Base: t, Disp: tileN}, n)
	left, xTile, yTile := AllocLocal(8), AllocLocal(8), AllocLocal(8)
	eachCount("", pixels, n, leave, func(n int) {
		label := func(s string) string { return fmt.Sprintf("%s%d", s, n) }
		x, y, xStep, yStep := field(t, tileX), field(t, tileY), elements(t, tileXStep), elements(t, tileYStep)
		MOVQ(x, xTile)
		MOVQ(y, yTile)
		r := field(t, tileTiles)
		MOVQ(r, left)
		at := pixelsFrom(xStep, n)
		most := make([]VecVirtual, n)
		for i := range most {
			most[i] = v.reg()
		}
		Label(label("tile"))
		regs := field(t, tileRegs)
		Label(label("register"))
		offsets, taps := field(t, tileOffsets), field(t, tileRuns)
		offset := field(offsets, 0)
		at.begin(x, offset)
		for i := range most {
			VMOVUPS(at.at(i), most[i])
		}
		JMP(LabelRef(label("next")))
		Label(label("tap"))
		offset = field(offsets, 0)
		at.begin(x, offset)
		for i := range most {
			u := v.reg()
			VMOVUPS(at.at(i), u)
			v.takeGreatest(most[i], u)
		}
		Label(label("next"))
		ADDQ(Imm(8), offsets)
		DECQ(taps)
		JNZ(LabelRef(label("tap")))
		to := GP64()
		MOVQ(y, to)
		for i := range most {
			VMOVUPS(most[i], Mem{Base: to})
			ADDQ(yStep, to)
		}
		ADDQ(Imm(uint64(v.size())), x)
		ADDQ(Imm(uint64(v.size())), y)
		DECQ(regs)
		JNZ(LabelRef(label("register")))
		for _, next := range []struct {
			base, step Register
			tile       Mem
		}{{x, xStep, xTile}, {y, yStep, yTile}} {
			IMUL3Q(Imm(uint64(n)), next.step, next.base)
			ADDQ(next.tile, next.base)
			MOVQ(next.base, next.tile)
		}
		DECQ(left)
		JNZ(LabelRef(label("tile")))
	})
}

// activationNumbers are what activations take.
type activationNumbers struct{ table Mem }

func activationTable() activationNumbers {
	return activationNumbers{table("activationNumbers", []float32{3, 6, 1. / 6, 1})}
}

func (n activationNumbers) three() Mem { return n.table }
func (n activationNumbers) six() Mem   { return n.table.Offset(64) }
func (n activationNumbers) sixth() Mem { return n.table.Offset(128) }
func (n activationNumbers) one() Mem   { return n.table.Offset(192) }

// activations writes the activations.
func (v inferenceTiles) activations(number activationNumbers) {
	// limited returns x, or the limit that it is beyond: 0 or, where there is one, most. Of NaN both take x.
	limited := func(x VecVirtual, most bool) VecVirtual {
		r, limit := v.reg(), v.reg()
		v.clear(limit)
		VMAXPS(x, limit, r)
		if most {
			VMOVUPS(number.six(), limit)
			VMINPS(r, limit, r)
		}
		return r
	}
	hard := func(x VecVirtual) VecVirtual {
		r := v.reg()
		VADDPS(number.three(), x, r)
		r = limited(r, true)
		VMULPS(number.sixth(), r, r)
		return r
	}
	// plusOne returns 1 + e^-x.
	plusOne := func(x VecVirtual) VecVirtual {
		minus := v.reg()
		v.clear(minus)
		VSUBPS(x, minus, minus)
		e := v.e(minus)
		VADDPS(number.one(), e, e)
		return e
	}
	for _, a := range []struct {
		name string
		of   func(x VecVirtual) VecVirtual
	}{
		{"relu", func(x VecVirtual) VecVirtual { return limited(x, false) }},
		{"relu6", func(x VecVirtual) VecVirtual { return limited(x, true) }},
		{"hardswish", func(x VecVirtual) VecVirtual { r := hard(x); VMULPS(x, r, r); return r }},
		{"hardsigmoid", hard},
		{"sigmoid", func(x VecVirtual) VecVirtual {
			e, r := plusOne(x), v.reg()
			VMOVUPS(number.one(), r)
			VDIVPS(e, r, r)
			return r
		}},
		{"silu", func(x VecVirtual) VecVirtual { e := plusOne(x); VDIVPS(e, x, e); return e }},
	} {
		name := v.name(a.name)
		TEXT(name, NOSPLIT, "func(y *float32, pixels, step, width int)")
		Doc(fmt.Sprintf("%s applies the activation to the first width elements, a multiple of %d, of so many pixels of y, which lie", name, v.lanes()), "step apart.")
		Pragma("noescape")
		y, pixels, width, left := Load(Param("y"), GP64()), Load(Param("pixels"), GP64()), Load(Param("width"), GP64()), GP64()
		step := bytes("step")
		Label("pixel")
		at := GP64()
		MOVQ(y, at)
		MOVQ(width, left)
		Label("next")
		x := v.reg()
		VMOVUPS(Mem{Base: at}, x)
		VMOVUPS(a.of(x), Mem{Base: at})
		ADDQ(Imm(uint64(v.size())), at)
		SUBQ(Imm(uint64(v.lanes())), left)
		JNZ(LabelRef("next"))
		ADDQ(step, y)
		DECQ(pixels)
		JNZ(LabelRef("pixel"))
		leave()
	}
}

func inferenceGate() {
	TEXT("gateAVX2", NOSPLIT, "func(y, x, gate *float32, pixels, width int)")
	Doc("gateAVX2 is plainGate for a multiple of 8 channels.")
	Pragma("noescape")
	y, x, gate := Load(Param("y"), GP64()), Load(Param("x"), GP64()), Load(Param("gate"), GP64())
	pixels, width := Load(Param("pixels"), GP64()), Load(Param("width"), GP64())
	Label("pixel")
	at, left := GP64(), GP64()
	MOVQ(gate, at)
	MOVQ(width, left)
	Label("next")
	r := YMM()
	VMOVUPS(Mem{Base: x}, r)
	VMULPS(Mem{Base: at}, r, r)
	VMOVUPS(r, Mem{Base: y})
	for _, p := range []Register{x, y, at} {
		ADDQ(Imm(32), p)
	}
	SUBQ(Imm(8), left)
	JNZ(LabelRef("next"))
	DECQ(pixels)
	JNZ(LabelRef("pixel"))
	leave()
}

func inferenceSum() {
	TEXT("sumAVX2", NOSPLIT, "func(y, x, add *float32, n int, lo, hi float32)")
	Doc("sumAVX2 is plainSum for a multiple of 8 elements.")
	Pragma("noescape")
	y, x, add, n := Load(Param("y"), GP64()), Load(Param("x"), GP64()), Load(Param("add"), GP64()), Load(Param("n"), GP64())
	lo, hi := YMM(), YMM()
	VBROADCASTSS(Load(Param("lo"), XMM()), lo)
	VBROADCASTSS(Load(Param("hi"), XMM()), hi)
	Label("next")
	r := YMM()
	VMOVUPS(Mem{Base: x}, r)
	VADDPS(Mem{Base: add}, r, r)
	VMAXPS(r, lo, r) // of NaN both take the sum
	VMINPS(r, hi, r)
	VMOVUPS(r, Mem{Base: y})
	for _, p := range []Register{x, y, add} {
		ADDQ(Imm(32), p)
	}
	SUBQ(Imm(8), n)
	JNZ(LabelRef("next"))
	leave()
}
