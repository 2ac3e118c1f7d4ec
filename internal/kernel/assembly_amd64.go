package kernel

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// narrowTiling is that of AVX2.
var narrowTiling = tilingBy(6, 16, 8, 128, tile6x16AVX2, wrapTranspose(transpose8AVX2), wrapCopyRows(copyRowsAVX2))

// fewAVX2 are for AVX-512 too: most of their time goes to turning elements.
var fewAVX2 = []few{{4, 16, few4x16AVX2}, {2, 32, few2x32AVX2}, {1, 32, few1x32AVX2}}

// assembly returns the kernels in assembly that this machine can run, the best first.
func assembly() []implementation {
	var list []implementation
	narrow := vectors{
		add: addAVX2, sub: subAVX2, mul: mulAVX2, div: divAVX2, reluGrad: reluGradAVX2, relu: reluAVX2,
		addScaled: addScaledAVX2, scale: scaleAVX2, affine: affineAVX2, reverse: reverseBytesAVX2,
		exp: expAVX2, shiftExpSum: shiftExpSumAVX2, subtractRows: subtractRowsAVX2,
		logSoftmaxGrad: logSoftmaxGradAVX2, sumCols: sumColsAVX2,
		log: logAVX2, softmax: softmaxAVX2, softmaxCols: softmaxColsAVX2, sumRows: sumRowsAVX2, argMaxRows: argMaxRowsAVX2, argMinRows: argMinRowsAVX2,
		decayStep:    func(n int, p, g *float32, by constants) { decayStepAVX2(n, p, g, &by[0]) },
		momentumStep: func(n int, p, g, v *float32, by constants) { momentumStepAVX2(n, p, g, v, &by[0]) },
		adamStep:     func(n int, p, g, m, v *float32, by constants) { adamStepAVX2(n, p, g, m, v, &by[0]) },
	}
	wide := narrow
	wide.lookup, wide.affine = lookupAVX512, affineAVX512
	wide.exp, wide.shiftExpSum, wide.subtractRows = expAVX512, shiftExpSumAVX512, subtractRowsAVX512
	wide.logSoftmaxGrad, wide.sumCols = logSoftmaxGradAVX512, sumColsAVX512
	wide.softmax, wide.softmaxCols, wide.sumRows = softmaxAVX512, softmaxColsAVX512, sumRowsAVX512
	wide.argMaxRows, wide.argMinRows = argMaxRowsAVX512, argMinRowsAVX512
	narrowPools := &pools{
		lanes: 8,
		max: func(s squares, dst *float32, winners *byte, x *float32, relu bool) {
			maxPool2x2AVX2(&s.total, dst, winners, x, relu)
		},
		maxGrad: func(s squares, dst, g *float32, winners *byte) { maxPool2x2GradAVX2(&s.total, dst, g, winners) },
		preNorm: func(s squares, dst *float32, winners *byte, x, by *float32) {
			preNormMaxPool2x2AVX2(&s.total, dst, winners, x, by)
		},
		preNormGrad: func(s squares, dst, g *float32, winners *byte, x, by *float32) {
			preNormMaxPool2x2GradAVX2(&s.total, dst, g, winners, x, by)
		},
		addWon: addWonAVX2,
	}
	widePools := narrowPools
	if cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL {
		widePools = &pools{
			lanes: 16,
			max: func(s squares, dst *float32, winners *byte, x *float32, relu bool) {
				maxPool2x2AVX512(&s.total, dst, winners, x, relu)
			},
			maxGrad: func(s squares, dst, g *float32, winners *byte) { maxPool2x2GradAVX512(&s.total, dst, g, winners) },
			preNorm: func(s squares, dst *float32, winners *byte, x, by *float32) {
				preNormMaxPool2x2AVX512(&s.total, dst, winners, x, by)
			},
			preNormGrad: func(s squares, dst, g *float32, winners *byte, x, by *float32) {
				preNormMaxPool2x2GradAVX512(&s.total, dst, g, winners, x, by)
			},
			addWon: addWonAVX2,
		}
	}
	narrowNorms := norms{momentsAVX2, normalizeAVX2, gradMomentsAVX2, gradMomentsReLUAVX2, gradAVX2, gradReLUAVX2}
	wideNorms := norms{momentsAVX512, normalizeAVX512, gradMomentsAVX512, gradMomentsReLUAVX512, gradAVX512, gradReLUAVX512}
	pictures := &pictureKernels{inverseCosineAVX2, weighRowsAVX2, turnBytesAVX2}
	avx2 := cpu.X86.HasAVX2 && cpu.X86.HasFMA
	if avx2 && cpu.X86.HasAVX512F && cpu.X86.HasBMI2 {
		list = append(list, implementation{
			name:    "avx512",
			f32:     tilingBy(6, 64, 16, maxRowsInPlace, tile6x64AVX512, wrapTranspose(transpose8AVX2), wrapCopyRows(copyRowsAVX512)),
			f64:     tilingBy(6, 16, 8, maxRowsInPlace, tile6x16AVX512, nil, nil),
			vectors: &wide, norms: &wideNorms, pools: widePools, convolvers: convolversAVX512, along: alongAVX512, winograd: winogradAVX2,
			skinny: &skinny{4, 5, 1024, dots4x5AVX512, 20, 10, 32, direct10x32AVX512, fewAVX2},
			pixels: &pixelKernels{10, 16, turnBytesAVX2, pixelProductAVX512, pixelGradientAVX512}, pictures: pictures,
			fmaLoop: fmaLoopAVX512, flops: 24 * 16 * 2,
		})
	}
	if avx2 {
		list = append(list, implementation{
			name:    "avx2",
			f32:     narrowTiling,
			f64:     tilingBy(6, 8, 4, 128, tile6x8AVX2, nil, nil),
			vectors: &narrow, norms: &narrowNorms, pools: narrowPools, convolvers: convolversAVX2, along: alongAVX2, winograd: winogradAVX2,
			skinny: &skinny{2, 5, 512, dots2x5AVX2, 15, 5, 16, direct5x16AVX2, fewAVX2},
			pixels: &pixelKernels{5, 8, turnBytesAVX2, pixelProductAVX2, pixelGradientAVX2}, pictures: pictures,
			fmaLoop: fmaLoopAVX2, flops: 12 * 8 * 2,
		})
	}
	return list
}

// tilingBy is the tiling by a tile in assembly, which takes a and b in panels and where they lie: aNext is
// how far the next rows are behind the end of the inner dimension.
func tilingBy[T Float](rows, cols, lanes, turnedRows int,
	tile func(depth int, a *T, aRow, aCol, aNext int, b *T, bRow int, c, bias *T, stride, rows, cols int, add, relu bool),
	transpose8 func(dst, src []T, dstStride, srcStride, blocks int),
	copyRows func(rows, n int, dst []T, dstStride int, src []T, srcStride int),
) tiling[T] {
	height, width := rows, cols
	return tiling[T]{
		rows: rows, cols: cols, lanes: lanes, turnedRows: turnedRows, transpose8: transpose8, copyRows: copyRows,
		tile: func(depth int, a, b, c []T, stride, rows, cols int, e Epilogue[T]) {
			tile(depth, &a[0], 1, height, 0, &b[0], width, &c[0], unsafe.SliceData(e.Bias), stride, rows, cols, e.Add, e.ReLU)
		},
		inPlace: func(depth int, a []T, aRow, aCol int, b []T, bRow int, c []T, stride, rows, cols int, e Epilogue[T]) {
			tile(depth, &a[0], aRow, aCol, height*aRow-depth*aCol, &b[0], bRow, &c[0], unsafe.SliceData(e.Bias), stride, rows, cols, e.Add, e.ReLU)
		},
	}
}

func wrapTranspose(f func(dst, src *float32, dstStride, srcStride, blocks int)) func(dst, src []float32, dstStride, srcStride, blocks int) {
	return func(dst, src []float32, dstStride, srcStride, blocks int) {
		f(&dst[0], &src[0], dstStride, srcStride, blocks)
	}
}
