package kernel

import "golang.org/x/sys/cpu"

// assembly returns the kernels in assembly that this machine can run, the best first.
func assembly() []implementation {
	var list []implementation
	narrow := vectors{
		add: addAVX2, sub: subAVX2, mul: mulAVX2, div: divAVX2, reluGrad: reluGradAVX2, relu: reluAVX2,
		addScaled: addScaledAVX2,
		exp:       expAVX2, shiftExpSum: shiftExpSumAVX2, subtractRows: subtractRowsAVX2,
		logSoftmaxGrad: logSoftmaxGradAVX2, sumCols: sumColsAVX2,
	}
	wide := narrow
	wide.lookup = lookupAVX512
	wide.exp, wide.shiftExpSum, wide.subtractRows = expAVX512, shiftExpSumAVX512, subtractRowsAVX512
	wide.logSoftmaxGrad, wide.sumCols = logSoftmaxGradAVX512, sumColsAVX512
	avx2 := cpu.X86.HasAVX2 && cpu.X86.HasFMA
	if avx2 && cpu.X86.HasAVX512F && cpu.X86.HasBMI2 {
		list = append(list, implementation{
			name:    "avx512",
			f32:     tiling[float32]{14, 32, wrap(tile14x32AVX512), wrapTranspose},
			f64:     tiling[float64]{14, 16, wrap(tile14x16AVX512), nil},
			vectors: &wide,
			skinny:  &skinny{4, 5, dots4x5AVX512, 20, 10, 32, direct10x32AVX512},
		})
	}
	if avx2 {
		list = append(list, implementation{
			name:    "avx2",
			f32:     tiling[float32]{6, 16, wrap(tile6x16AVX2), wrapTranspose},
			f64:     tiling[float64]{6, 8, wrap(tile6x8AVX2), nil},
			vectors: &narrow,
			skinny:  &skinny{2, 5, dots2x5AVX2, 15, 5, 16, direct5x16AVX2},
		})
	}
	return list
}

// wrap makes a tile over slices of one over pointers.
func wrap[T Float](tile func(depth int, a, b, c *T, stride, rows, cols int)) func(depth int, a, b, c []T, stride, rows, cols int) {
	return func(depth int, a, b, c []T, stride, rows, cols int) {
		tile(depth, &a[0], &b[0], &c[0], stride, rows, cols)
	}
}

func wrapTranspose(dst, src []float32, dstStride, srcStride, blocks int) {
	transpose8AVX2(&dst[0], &src[0], dstStride, srcStride, blocks)
}
