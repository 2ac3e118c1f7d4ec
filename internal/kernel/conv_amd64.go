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

// Those of tiles.
var winogradAVX2 = []*winogradKernels{
	{
		size: 2, points: []float64{1},
		input:    wrapPlaces(winogradInput2x2AVX2),
		output:   wrapResults(winogradOutput2x2AVX2),
		gradient: wrapPlaces(winogradGradient2x2AVX2),
	},
	{
		size: 4, points: []float64{5. / 8, 3. / 2}, // which are in their assembly too
		input:    wrapPlaces(winogradInput4x4AVX2),
		output:   wrapResults(winogradOutput4x4AVX2),
		gradient: wrapPlaces(winogradGradient4x4AVX2),
	},
}

func wrapResults(f func(planes int, from *float32, fromPlane, place int, bias, y0, y1 *float32, row, plane int)) func(planes int, from []float32, fromPlane, place int, bias, y0, y1 []float32, row, plane int) {
	return func(planes int, from []float32, fromPlane, place int, bias, y0, y1 []float32, row, plane int) {
		f(planes, &from[0], fromPlane, place, &bias[0], &y0[0], &y1[0], row, plane)
	}
}

func wrapPlaces(f func(planes int, x0, x1 *float32, row, plane int, to *float32, toPlane, place int)) func(planes int, x0, x1 []float32, row, plane int, to []float32, toPlane, place int) {
	return func(planes int, x0, x1 []float32, row, plane int, to []float32, toPlane, place int) {
		f(planes, &x0[0], &x1[0], row, plane, &to[0], toPlane, place)
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
