package kernel

// pixelKernels are products of bytes, which become floats in registers, with floats.
type pixelKernels struct {
	rows     int // of floats that a call takes, at most pixelRows
	fetched  int // rows of bytes that a call of product fetches
	turn     func(blocks int, dst, src *byte, stride int)
	product  func(depth int, x *byte, w, c *float32, wStride, cStride, rows int, from *byte, next *int)
	gradient func(panels, n int, x *byte, y, c *float32, xStride, yStride, cStride, rows int, add bool)
}

const (
	pixelRows = 10
	pixelCols = 16 // of bytes that are multiplied at once
)

// Pixels is memory for rows of bytes, such as pictures, and for products of them.
type Pixels struct {
	cols   int
	rows   []byte         // those that Product was last given
	turned []byte         // columns of pixelCols rows, one after the other
	next   [pixelCols]int // where rows that come next are
}

// HavePixels reports whether the kernels in use have products of bytes. Where not, those of
// Pixels are plain loops.
func HavePixels() bool { return active.pixels != nil }

// NewPixels returns memory for so many rows of cols bytes.
func NewPixels(rows, cols int) *Pixels {
	return &Pixels{
		// Kernels read whole panels: rows below the last one, and beyond the end of a row.
		cols: cols, rows: make([]byte, roundUp(rows, pixelCols)*cols+pixelCols), turned: make([]byte, roundUp(cols, pixelCols)*pixelCols),
	}
}

// Product computes dst = w·xᵀ, where x is the rows of src at indices, and w is (n, cols). The n
// rows of dst lie stride elements apart. The stride is at least the number of indices, rounded
// up to a multiple of 16: columns after the last may be overwritten. The slice indices may have
// more elements up to its capacity: Product fetches their rows from memory for the next call.
func (p *Pixels) Product(dst []float32, stride int, src []byte, indices []int, w []float32, n int) {
	wanted := indices[:cap(indices)]
	for first := 0; first < len(indices); first += pixelCols {
		rows := indices[first:min(first+pixelCols, len(indices))]
		for k, i := range rows {
			copy(p.rows[(first+k)*p.cols:][:p.cols], src[i*p.cols:])
		}
		for k := range p.next {
			p.next[k] = wanted[min(first+pixelCols+k, len(wanted)-1)] * p.cols
		}
		p.multiply(dst[first:], stride, first, len(rows), w, n, src)
	}
}

// multiply computes the products of some of the rows, and fetches those of src that are next.
func (p *Pixels) multiply(dst []float32, stride, first, rows int, w []float32, n int, src []byte) {
	k, depth := active.pixels, p.cols
	if k == nil || depth == 0 {
		for j := range n {
			for i := range rows {
				sum := float32(0)
				for l, v := range p.rows[(first+i)*depth:][:depth] {
					sum += float32(v) * w[j*depth+l]
				}
				dst[j*stride+i] = sum
			}
		}
		return
	}
	k.turn(len(p.turned)/(pixelCols*pixelCols), &p.turned[0], &p.rows[first*depth], depth)
	for j, next := 0, 0; j < n; j, next = j+k.rows, (next+k.fetched)%pixelCols {
		k.product(depth, &p.turned[0], &w[j*depth], &dst[j*stride], depth, stride, min(k.rows, n-j), &src[0], &p.next[next])
	}
}

// WeightGrad computes dst = g·x, or adds it to what dst has, where x is the rows that Product
// was given and dst is (n, cols). The n rows of g have an element for each row of x, and lie
// stride elements apart. There is at least one row.
func (p *Pixels) WeightGrad(dst, g []float32, stride, rows, n int, add bool) {
	k, cols := active.pixels, p.cols
	if k == nil {
		if !add {
			clear(dst[:n*cols])
		}
		for j := range n {
			for i, factor := range g[j*stride:][:rows] {
				for l, v := range p.rows[i*cols:][:cols] {
					dst[j*cols+l] += float32(v) * factor
				}
			}
		}
		return
	}
	panels := cols / pixelCols
	whole, rest := panels*pixelCols, cols%pixelCols
	for j := 0; j < n; j += k.rows {
		height := min(k.rows, n-j)
		if panels > 0 {
			k.gradient(panels, rows, &p.rows[0], &g[j*stride], &dst[j*cols], cols, stride, cols, height, add)
		}
		if rest == 0 {
			continue
		}
		var last [pixelRows * pixelCols]float32
		k.gradient(1, rows, &p.rows[whole], &g[j*stride], &last[0], cols, stride, pixelCols, height, false)
		for r := range height {
			to := dst[(j+r)*cols+whole:][:rest]
			for l, sum := range last[r*pixelCols:][:rest] {
				if add {
					sum += to[l]
				}
				to[l] = sum
			}
		}
	}
}
