package kernel

import "slices"

// A convolution is computed picture by picture. A picture is copied with its padding around
// it, and what a result adds up then lies at fixed distances from one place in the copy: the
// taps. No matrix of columns is built.

// convolver is how convolutions are computed. Sums for some pixels side by side and a panel
// of channels stay in registers, to which every tap adds the products of as many elements of
// the copy and a row of weights.
type convolver[T Float] struct {
	pixels int // at most so many at once
	lanes  int // channels of a panel
	taps   int // of the weights' gradient, at most so many at once
	// correlate computes bias[l] + Σ x[i+taps[k]]·weights[k][l] over k to sums[i][l], for
	// some pixels i and all lanes l.
	correlate func(pixels int, taps []int, x, bias, weights, sums []T)
	// gradient adds Σ x[r·step+c+taps[k]]·g[r][c][l] over rows r and columns c to
	// sums[k][l], for some taps k and all lanes l.
	gradient func(rows, cols, step int, taps []int, x, g, sums []T)
}

// The convolver in pure Go.
const plainLanes = 8

func plainCorrelate[T Float](_ int, taps []int, x, bias, weights, sums []T) {
	s := [plainLanes]T(bias)
	for k, at := range taps {
		v, w := x[at], (*[plainLanes]T)(weights[k*plainLanes:])
		for l := range s {
			s[l] += v * w[l]
		}
	}
	copy(sums, s[:])
}

func plainGradient[T Float](rows, cols, step int, taps []int, x, g, sums []T) {
	s := [plainLanes]T(sums)
	for r := range rows {
		for c, v := range x[r*step+taps[0]:][:cols] {
			w := (*[plainLanes]T)(g[(r*cols+c)*plainLanes:])
			for l := range s {
				s[l] += v * w[l]
			}
		}
	}
	copy(sums, s[:])
}

// convolverOf returns the active convolver for so many lanes of type T. Of those in
// assembly it is the one whose panels have the fewest to spare, the widest of equals.
func convolverOf[T Float](lanes int) *convolver[T] {
	if all, ok := any(active.convolvers).([]convolver[T]); ok && len(all) > 0 {
		spare := func(v convolver[T]) int { return (lanes+v.lanes-1)/v.lanes*v.lanes - lanes }
		best := slices.MinFunc(all, func(v, w convolver[T]) int { return spare(v) - spare(w) })
		return &best
	}
	if t := tilingOf[T](); t.rows > plainRows {
		return t.convolver()
	}
	return &convolver[T]{pixels: 1, lanes: plainLanes, taps: 1, correlate: plainCorrelate[T], gradient: plainGradient[T]}
}

// convolver returns a convolver of tiles of the matrix product, whose panel of a has the
// elements that lie at the taps.
func (t *tiling[T]) convolver() *convolver[T] {
	return &convolver[T]{
		pixels: t.rows, lanes: t.cols, taps: t.rows,
		correlate: func(pixels int, taps []int, x, bias, weights, sums []T) {
			w := workspacePool[T]().Get().(*workspace[T])
			defer workspacePool[T]().Put(w)
			panel := sized(&w.g, t.rows*maxDepth)
			for i := range pixels {
				copy(sums[i*t.cols:], bias[:t.cols])
			}
			for from := 0; from < len(taps); from += maxDepth {
				depth := min(maxDepth, len(taps)-from)
				for k, at := range taps[from : from+depth] {
					copy(panel[k*t.rows:], x[at:at+pixels])
				}
				t.tile(depth, panel, weights[from*t.cols:], sums, t.cols, pixels, t.cols, Epilogue[T]{Add: true})
			}
		},
		gradient: func(rows, cols, step int, taps []int, x, g, sums []T) {
			w := workspacePool[T]().Get().(*workspace[T])
			defer workspacePool[T]().Put(w)
			panel := sized(&w.g, t.rows*maxDepth)
			for from := 0; from < rows*cols; from += maxDepth {
				depth := min(maxDepth, rows*cols-from)
				r, c := from/cols, from%cols
				for i := range depth {
					for k, at := range taps {
						panel[i*t.rows+k] = x[r*step+c+at]
					}
					if c++; c == cols {
						r, c = r+1, 0
					}
				}
				t.tile(depth, panel, g[from*t.cols:], sums, t.cols, len(taps), t.cols, Epilogue[T]{Add: true})
			}
		},
	}
}

// along is another way for results: registers are of pixels side by side. It takes no more
// channels than there are, where a panel would have many to spare, and writes results where
// they belong.
type along[T Float] struct {
	pixels int // in a run, at most
	lanes  int // at once, at most
	// correlate computes bias[l] + Σ x[i+taps[k]]·weights[k][l] over k to y[l·toLane+i] for
	// the pixels i of an even number of runs and some lanes l. Rows of weights lie stride
	// elements apart.
	correlate func(lanes int, taps []int, x, bias, weights []T, stride int, y []T, toLane int, runs []pixelRun)
	// gradient adds Σ x[r·step+c+at[k]]·dy[r·cols+c+from[o]] over rows r and columns c to
	// sums[k][o], for all taps k and filters o; a sum is as many as there are pixels in a
	// run, each of some of the columns.
	gradient      func(rows, cols, step int, at, from []int, x, dy, sums []T)
	taps, filters int
	// copyRows copies n elements of each of some rows, which lie as far apart as the
	// strides say.
	copyRows func(rows, n int, dst []T, dstStride int, src []T, srcStride int)
}

// pixelRun is n pixels side by side of a row, and where the first lies in x and in y. The
// generator in gen knows the order of the fields.
type pixelRun struct{ n, row, x, y int }

// alongOf returns the active way along pixels for elements of type T, or nil.
func alongOf[T Float]() *along[T] {
	a, _ := any(active.along).(*along[T])
	return a
}
