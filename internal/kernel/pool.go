package kernel

// pools are the kernels of max pooling over squares of four elements. Both give the bits
// of their twins in pure Go.
type pools struct {
	max  func(rows, cols int, dst *float32, winners *byte, x *float32, stride int)
	grad func(rows, cols int, dst, g *float32, winners *byte, stride int)
}

// MaxPool2x2 writes the greatest of every square of four elements of x to dst, and to
// winners which it is: 0 and 1 above, 2 and 3 below. The squares lie side by side in pairs
// of rows of x, stride elements apart; there are (rows, cols) of them, and dst and winners
// have as many elements without gaps. Of equal elements the first wins, and NaN, the last
// of several, wins over all.
func MaxPool2x2(dst []float32, winners []uint8, x []float32, rows, cols, stride int) {
	if rows == 0 || cols == 0 {
		return
	}
	dst, winners, x = dst[:rows*cols], winners[:rows*cols], x[:(2*rows-1)*stride+2*cols]
	if p := active.pools; p != nil {
		p.max(rows, cols, &dst[0], &winners[0], &x[0], stride)
		return
	}
	for i := range rows {
		top, bottom := x[2*i*stride:][:2*cols], x[(2*i+1)*stride:][:2*cols]
		out, won := dst[i*cols:][:cols], winners[i*cols:][:cols]
		for j := range out {
			most, at := top[2*j], uint8(0)
			for k, v := range [3]float32{top[2*j+1], bottom[2*j], bottom[2*j+1]} {
				if v > most || v != v {
					most, at = v, uint8(k+1)
				}
			}
			out[j], won[j] = most, at
		}
	}
}

// MaxPool2x2Grad writes the gradient of MaxPool2x2, from that of what it gave, g, and the
// winners, to dst, which is laid out as x was: g where an element won and 0 elsewhere in
// the squares. What is in no square stays as it is.
func MaxPool2x2Grad(dst, g []float32, winners []uint8, rows, cols, stride int) {
	if rows == 0 || cols == 0 {
		return
	}
	g, winners, dst = g[:rows*cols], winners[:rows*cols], dst[:(2*rows-1)*stride+2*cols]
	if p := active.pools; p != nil {
		p.grad(rows, cols, &dst[0], &g[0], &winners[0], stride)
		return
	}
	for i := range rows {
		top, bottom := dst[2*i*stride:][:2*cols], dst[(2*i+1)*stride:][:2*cols]
		won := winners[i*cols:][:cols]
		for j, v := range g[i*cols:][:cols] {
			var square [4]float32
			square[won[j]&3] = v
			top[2*j], top[2*j+1], bottom[2*j], bottom[2*j+1] = square[0], square[1], square[2], square[3]
		}
	}
}
