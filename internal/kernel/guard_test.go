//go:build linux || darwin

package kernel

import (
	"syscall"
	"testing"
	"unsafe"
)

// guard is memory that ends where none may be read.
type guard []float32

func newGuard(t *testing.T, n int) guard {
	page := syscall.Getpagesize()
	size := (4*n + page - 1) / page * page
	mem, err := syscall.Mmap(-1, 0, size+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(mem); err != nil {
			t.Error(err)
		}
	})
	if err := syscall.Mprotect(mem[size:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&mem[0])), size/4)
}

// last returns the last n elements.
func (g guard) last(n int) []float32 { return g[len(g)-n:] }

// matrix returns a matrix that ends with the last element, by rows or by columns.
func (g guard) matrix(rows, cols, layout int) Matrix[float32] {
	m := matrix(rows, cols, layout, func() float32 { return 1 })
	m.Data = g.last(copy(g.last(len(m.Data)), m.Data))
	return m
}

// TestNothingBeyondIsTouched runs the kernels on operands that end at memory which
// cannot be read or written: that would end the program.
func TestNothingBeyondIsTouched(t *testing.T) {
	forEach(t, func(t *testing.T) {
		first, second, third, bias := newGuard(t, 1<<14), newGuard(t, 1<<14), newGuard(t, 1<<14), newGuard(t, 1<<14)
		for n := range 70 {
			dst, x, y := first.last(n), second.last(n), third.last(n)
			Add(dst, x, y)
			ReLU(dst, x)
			AddScaled(dst, x, 2)
			Exp(dst, x)
			bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*n)
			for _, table := range []*[256]float32{new([256]float32), normalized(0, 1)} {
				NewTable([][256]float32{*table}).Gather(dst, bytes[3*n:], n, []int{0})
			}
			Reverse(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(dst))), 4*n)[3*n:], bytes[3*n:])
		}
		bytesOf := func(g guard, n int) []byte {
			return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(g))), 4*len(g))[4*len(g)-n:]
		}
		InverseCosine(bytesOf(first, 7*9+8), 9, (*[64]int32)(unsafe.Pointer(&second.last(64)[0])), 255)
		for n := WeighLeast; n < 70 && HaveWeighRows(); n++ {
			WeighRows(bytesOf(first, n), bytesOf(second, 3*n), n, []uint32{1, 2, 3})
		}
		if HaveWeighRows() {
			TurnBlocks(bytesOf(first, 2*256), bytesOf(second, 16*32), 32, 2)
		}
		for _, shape := range rowShapes {
			rows, cols := shape[0], shape[1]
			dst, x, y := first.last(rows*cols), second.last(rows*cols), third.last(rows*cols)
			LogSoftmaxRows(dst, x, rows, cols)
			LogSoftmaxGradRows(dst, x, y, rows, cols)
			SumCols(third.last(cols), x, rows, cols)
			by, sums := make([]Channel[float32], rows), make([]float64, rows)
			Moments(sums, sums, x, by, cols)
			Normalize(dst, x, by, cols, true)
			GradMoments(sums, sums, y, x, by, cols, true)
			Grad(dst, y, x, by, cols, true)
			SumRows(third.last(rows), x, rows, cols)
			if cols > 0 {
				labels := make([]int64, rows)
				MaxRows(third.last(rows), x, rows, cols)
				CrossEntropyRows(third.last(rows), dst, x, labels, rows, cols)
				CrossEntropyGradRows(dst, x, labels, 2, rows, cols)
			}
		}
		for _, shape := range pixelShapes() {
			rows, cols, n := shape[0], shape[1], shape[2]
			p, stride := NewPixels(rows, cols), roundUp(rows, pixelCols)
			src := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(first.last((rows*cols+3)/4)))), (rows*cols+3)/4*4)
			src = src[len(src)-rows*cols:]
			indices := make([]int, rows)
			for i := range indices {
				indices[i] = i
			}
			p.Product(second.last(n*stride), stride, src, indices, third.last(n*cols), n)
			p.WeightGrad(third.last(n*cols), second.last(n*stride), stride, rows, n, true)
		}
		for classes := 1; classes <= 12; classes++ {
			s := NewScores(classes, 16)
			s.X, s.P = first.last(len(s.X)), second.last(len(s.P))
			s.CrossEntropy(make([]int64, 16), 1, third.last(classes))
			s.Grad(make([]int64, 16), 1)
		}
		for height := 2; height < 8; height++ {
			for width := 2; width < 100; width++ {
				const planes = 2
				n, squares, by := planes*height*width, planes*(height/2)*(width/2), make([]Channel[float32], planes)
				x, back, dst := first.last(n), second.last(n), bias.last(squares)
				winners := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(third.last(squares)))), 4*squares)[3*squares:]
				MaxPool2x2(dst, winners, x, planes, height, width, false)
				MaxPool2x2Grad(back, dst, winners, planes, height, width)
				PreNormMaxPool2x2(dst, winners, x, by, height, width)
				PreNormMaxPool2x2Grad(back, dst, winners, x, by, height, width)
			}
		}
		for short := 1; short <= 33; short++ {
			for _, long := range []int{1, 2, 7, 8, 15, 31, 33, 48, 64, 72} {
				for layout := range 4 {
					for _, size := range [][3]int{{short, long, 17}, {long, short, 17}, {short, long, 131}, {long, short, 131}, {short, long, 20}} {
						m, n, k := size[0], size[1], size[2]
						for _, multiply := range []func(c []float32, a, b Matrix[float32], e Epilogue[float32]){Gemm[float32], GemmSamples[float32]} {
							c := first.last(m * n)
							clear(bias.last(n))
							multiply(c, second.matrix(m, k, layout%2), third.matrix(k, n, layout/2), Epilogue[float32]{Bias: bias.last(n), ReLU: true})
							if got := c[len(c)-1]; got != float32(k) {
								t.Fatalf("%v, layouts %d and %d: last element: got %v, want %d", size, layout%2, layout/2, got, k)
							}
						}
					}
				}
			}
		}
	})
}
