package kernel

import "unsafe"

// The convolvers in assembly, those with wider panels first.
var (
	convolversAVX512 = []convolver[float32]{
		{14, 32, 9, wrapCorrelate(correlate14x32AVX512), wrapGradient(gradient9x32AVX512)},
		{14, 16, 9, wrapCorrelate(correlate14x16AVX512), wrapGradient(gradient9x16AVX512)},
	}
	convolversAVX2 = []convolver[float32]{
		{6, 16, 6, wrapCorrelate(correlate6x16AVX2), wrapGradient(gradient6x16AVX2)},
		{12, 8, 9, wrapCorrelate(correlate12x8AVX2), wrapGradient(gradient9x8AVX2)},
	}
)

// Those whose registers are of pixels side by side.
var (
	alongAVX512 = &along[float32]{
		pixels: 16, lanes: 14, correlate: wrapAlong(along14x32AVX512),
		taps: 3, filters: 6, gradient: wrapGradientAlong(gradientAlong3x6AVX512, 16),
		copyRows: wrapCopyRows(copyRowsAVX512),
	}
	alongAVX2 = &along[float32]{
		pixels: 8, lanes: 6, correlate: alongRunsAVX2,
		taps: 2, filters: 6, gradient: wrapGradientAlong(gradientAlong2x6AVX2, 8),
		copyRows: wrapCopyRows(copyRowsAVX2),
	}
)

// Those of tiles, for AVX-512 too: its kernels for convolutions are at best twice as fast, and have
// more than twice as many products to do.
var winogradAVX2 = []*winogradKernels{
	winogradOfSize(2, []float64{0, 1, -1}, winogradInput2x2AVX2, winogradOutput2x2AVX2, winogradGradient2x2AVX2),
	winogradOfSize(4, []float64{0, 5. / 8, -5. / 8, 3. / 2, -3. / 2}, winogradInput4x4AVX2, winogradOutput4x4AVX2, winogradGradient4x4AVX2),
	winogradOfSize(5, []float64{0, 9. / 16, -9. / 16, 9. / 8, -9. / 8, 3}, winogradInput5x5AVX2, winogradOutput5x5AVX2, winogradGradient5x5AVX2),
}

// winogradOfSize returns the kernels for tiles of size×size, whose assembly has the points too.
func winogradOfSize(size int, points []float64, input transformAVX2, output outputAVX2, gradient transformAVX2) *winogradKernels {
	return &winogradKernels{
		size: size, t: &narrowTiling, points: points, input: wrapTransform(input), output: wrapOutput(output), gradient: wrapTransform(gradient),
		product: winogradProduct, transposed: winogradTransposed, interleave8: wrapTranspose(interleave8AVX2), planes8: wrapTranspose(planes8AVX2),
	}
}

type (
	transformAVX2 = func(octets int, from *float32, fromRow, fromCol int, to *float32, toRow, toCol int)
	outputAVX2    = func(octets int, from *float32, fromRow, fromCol int, to *float32, toRow, toCol int, bias *float32)
)

func winogradProduct(depth int, a []float32, aStride int, b, c []float32, stride, rows int) {
	winogradProductAVX2(depth, &a[0], aStride, &b[0], &c[0], stride, rows)
}

func winogradTransposed(depth int, a []float32, aStride int, b []float32, bStride int, c []float32, stride, rows int, add bool) {
	winogradTransposedProductAVX2(depth, &a[0], aStride, &b[0], bStride, &c[0], stride, rows, add)
}

func wrapTransform(f transformAVX2) func(octets int, from []float32, fromRow, fromCol int, to []float32, toRow, toCol int) {
	return func(octets int, from []float32, fromRow, fromCol int, to []float32, toRow, toCol int) {
		f(octets, &from[0], fromRow, fromCol, &to[0], toRow, toCol)
	}
}

func wrapOutput(f outputAVX2) func(octets int, from []float32, fromRow, fromCol int, to []float32, toRow, toCol int, bias []float32) {
	return func(octets int, from []float32, fromRow, fromCol int, to []float32, toRow, toCol int, bias []float32) {
		f(octets, &from[0], fromRow, fromCol, &to[0], toRow, toCol, &bias[0])
	}
}

func wrapCorrelate(f func(pixels, taps int, tap *int, x, bias, weights, sums *float32)) func(pixels int, taps []int, x, bias, weights, sums []float32) {
	return func(pixels int, taps []int, x, bias, weights, sums []float32) {
		f(pixels, len(taps), unsafe.SliceData(taps), &x[0], &bias[0], unsafe.SliceData(weights), &sums[0])
	}
}

func wrapAlong(f func(lanes, taps int, tap *int, x0, x1, bias, weights *float32, stride int, y0, y1 *float32, toLane, n0, n1 int)) func(lanes int, taps []int, x, bias, weights []float32, stride int, y []float32, toLane int, runs []pixelRun) {
	return func(lanes int, taps []int, x, bias, weights []float32, stride int, y []float32, toLane int, runs []pixelRun) {
		for r := 0; r < len(runs); r += 2 {
			first, second := &runs[r], &runs[r+1]
			f(lanes, len(taps), unsafe.SliceData(taps), &x[first.x], &x[second.x], &bias[0], unsafe.SliceData(weights), stride, &y[first.y], &y[second.y], toLane, first.n, second.n)
		}
	}
}

func alongRunsAVX2(lanes int, taps []int, x, bias, weights []float32, stride int, y []float32, toLane int, runs []pixelRun) {
	along6x16AVX2(lanes, len(taps), unsafe.SliceData(taps), &x[0], &bias[0], unsafe.SliceData(weights), stride, &y[0], toLane, &runs[0].n, len(runs)/2)
}

func wrapGradient(f func(rows, cols, step, taps int, tap *int, x, dy, sums *float32)) func(rows, cols, step int, taps []int, x, dy, sums []float32) {
	return func(rows, cols, step int, taps []int, x, dy, sums []float32) {
		f(rows, cols, step-cols, len(taps), &taps[0], &x[0], &dy[0], &sums[0])
	}
}

func wrapCopyRows(f func(rows, n int, dst *float32, dstStride int, src *float32, srcStride int)) func(rows, n int, dst []float32, dstStride int, src []float32, srcStride int) {
	return func(rows, n int, dst []float32, dstStride int, src []float32, srcStride int) {
		f(rows, n, &dst[0], dstStride, &src[0], srcStride)
	}
}

func wrapGradientAlong(f func(rows, cols, xStep, dyStep int, tap, filter *int, x, dy, sums *float32), pixels int) func(rows, cols, step int, at, from []int, x, dy, sums []float32) {
	return func(rows, cols, step int, at, from []int, x, dy, sums []float32) {
		end := (cols + pixels - 1) / pixels * pixels // of the runs
		f(rows, cols, step-end, cols-end, &at[0], &from[0], &x[0], &dy[0], &sums[0])
	}
}
