package inference

import "golang.org/x/sys/cpu"

// assemblySets names the sets in assembly of this architecture.
var assemblySets = []string{"avx512", "avx2"}

// assembly returns the sets in assembly that this machine can run, the best first.
func assembly() (sets []set) {
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		return nil
	}
	avx2 := set{
		name: "avx2", lanes: 8, rows: [mostRegisters + 1]int{1: 6, 2: 6, 4: 3, 8: 1},
		products: productsBy(products1xAVX2, products2xAVX2, products4xAVX2, products8xAVX2),
		pairs:    pairsOf(pairs1xAVX2, pairs2xAVX2), mostPairs: [3]int{1: 3, 2: 1},
		depthwise: func(t *tile) { depthwiseAVX2(&t.x) },
		greatest:  func(t *tile) { greatestAVX2(&t.x) },
		activate: activateBy([...]activateFunc{
			ReLU: reluAVX2, ReLU6: relu6AVX2, Hardswish: hardswishAVX2, Hardsigmoid: hardsigmoidAVX2, Sigmoid: sigmoidAVX2, SiLU: siluAVX2,
		}),
		gate: func(y, x, gate []float32, pixels, width int) { gateAVX2(&y[0], &x[0], &gate[0], pixels, width) },
		sum:  func(y, x, add []float32, n int, lo, hi float32) { sumAVX2(&y[0], &x[0], &add[0], n, lo, hi) },
	}
	avx2.rates = rates{product: 0.133, broadcast: 0.02, tap: 0.2, register: 0.8, filter: 0.2, element: 0.08}
	avx2.winograd = winogradBy(winogradInput2xAVX2, winogradOutput2xAVX2, winogradInput4xAVX2, winogradOutput4xAVX2, winogradInput5xAVX2, winogradOutput5xAVX2)
	if cpu.X86.HasAVX512F && cpu.X86.HasBMI2 { // as package kernel has it
		avx512 := avx2
		avx512.name, avx512.lanes, avx512.rows = "avx512", 16, [mostRegisters + 1]int{1: 14, 2: 14, 4: 7, 8: 3}
		avx512.products = productsBy(products1xAVX512, products2xAVX512, products4xAVX512, products8xAVX512)
		avx512.depthwise = func(t *tile) { depthwiseAVX512(&t.x) }
		avx512.pairs, avx512.mostPairs = pairsOf(pairs1xAVX512, pairs2xAVX512), [3]int{1: 3, 2: 3}
		avx512.greatest = func(t *tile) { greatestAVX512(&t.x) }
		avx512.narrow = &avx2
		avx512.activate = activateBy([...]activateFunc{
			ReLU: reluAVX512, ReLU6: relu6AVX512, Hardswish: hardswishAVX512, Hardsigmoid: hardsigmoidAVX512, Sigmoid: sigmoidAVX512, SiLU: siluAVX512,
		})
		avx512.rates = rates{product: 0.27, broadcast: 0.04, tap: 0.4, register: 1.5, filter: 0.2, element: 0.08}
		avx512.winograd = winogradBy(winogradInput2xAVX512, winogradOutput2xAVX512, winogradInput4xAVX512, winogradOutput4xAVX512, winogradInput5xAVX512, winogradOutput5xAVX512)
		sets = append(sets, avx512)
	}
	return append(sets, avx2)
}

// activateFunc is a kernel of an activation.
type activateFunc func(y *float32, pixels, step, width int)

// activateBy takes the kernel for an activation, one that changes anything.
func activateBy(kernels [SiLU + 1]activateFunc) func(a Activation, y []float32, pixels, step, width int) {
	return func(a Activation, y []float32, pixels, step, width int) { kernels[a](&y[0], pixels, step, width) }
}

// productsBy takes the kernel for the registers of a tile.
func productsBy(one, two, four, eight func(t *[]float32)) func(t *tile) {
	return func(t *tile) {
		switch t.regs {
		case 1:
			one(&t.x)
		case 2:
			two(&t.x)
		case 4:
			four(&t.x)
		default:
			eight(&t.x)
		}
	}
}

// pairsOf takes the kernel for the registers of a tile.
func pairsOf(one, two func(t *[]float32)) func(t *tile) {
	return func(t *tile) {
		if t.regs == 1 {
			one(&t.x)
			return
		}
		two(&t.x)
	}
}

// winogradBy returns the tiles of 2×2, 4×4 and 5×5 results. The points are what gen/inference_winograd.go has.
func winogradBy(input2, output2, input4, output4, input5, output5 func(t *[]float32)) []winogradKernels {
	of := func(f func(t *[]float32)) func(t *transform) { return func(t *transform) { f(&t.from) } }
	return []winogradKernels{
		{Winograd2, 2, []float64{0, 1, -1}, of(input2), of(output2)},
		{Winograd4, 4, []float64{0, 5. / 8, -5. / 8, 3. / 2, -3. / 2}, of(input4), of(output4)},
		{Winograd5, 5, []float64{0, 9. / 16, -9. / 16, 9. / 8, -9. / 8, 3}, of(input5), of(output5)},
	}
}
