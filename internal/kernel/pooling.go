package kernel

import "math"

// pools are the kernels of max pooling over squares of four elements, alone and of what is to
// be normalized. All give the bits of their twins in pure Go.
type pools struct {
	lanes       int // squares that are taken at once
	max         func(s squares, dst *float32, winners *byte, x *float32, relu bool)
	maxGrad     func(s squares, dst, g *float32, winners *byte)
	preNorm     func(s squares, dst *float32, winners *byte, x, by *float32)
	preNormGrad func(s squares, dst, g *float32, winners *byte, x, by *float32)
	// addWon adds up rows of what won, see patches.
	addWon func(filters, rows, cols int, g *float32, winners *byte, laid *float32, at *[4]int, step, down int, sums *float32, row int)
}

// NoWinner is the winner of a square whose greatest element ReLU made 0.
const NoWinner = 4

// squares is the way of the kernels over the squares of several planes: in runs, of the
// squares of a pair of rows, or, with 16 lanes, of two pairs where one has half a register of
// squares or less. Those of a run beyond the split have their elements in the second register
// of each row. The generator in gen knows the order of the fields.
type squares struct {
	total  int // of all planes
	area   int // of a plane
	run    int
	split  int
	high   int // bytes from a row's elements in the first register to those in the second
	stride int // bytes of a row
	step   int // bytes from a run to the next
	gap    int // bytes from there, behind the last run of a plane, to the next plane
}

func (p *pools) squares(planes, height, width int) squares {
	rows, cols := height/2, width/2
	s := squares{total: planes * rows * cols, area: rows * cols, run: cols, split: p.lanes / 2, high: 4 * p.lanes, stride: 4 * width, step: 8 * width}
	if p.lanes == 16 && cols <= s.split {
		s.run, s.split, s.high, s.step = 2*cols, cols, s.step, 2*s.step
		rows = (rows + 1) / 2
	}
	s.gap = 4*height*width - rows*s.step
	return s
}

// poolsOf returns the kernels where there are any for elements of type T, and squares.
func poolsOf[T Float](planes, height, width int) *pools {
	var zero T
	if _, ok := any(zero).(float32); !ok || planes == 0 || height < 2 || width < 2 {
		return nil
	}
	return active.pools
}

// MaxPool2x2 writes the greatest of every square of four elements of x to dst, and to
// winners which it is: 0 and 1 above, 2 and 3 below. With relu it writes 0 in place of what
// is negative, and NoWinner where no element is positive. x is planes of height rows and
// width columns; a last row or column that is odd is in no square. Of equal elements the
// first wins, and NaN, the last of several, wins over all.
func MaxPool2x2[T Float](dst []T, winners []uint8, x []T, planes, height, width int, relu bool) {
	rows, cols := height/2, width/2
	dst, winners, x = dst[:planes*rows*cols], winners[:planes*rows*cols], x[:planes*height*width]
	if p := poolsOf[T](planes, height, width); p != nil {
		p.max(p.squares(planes, height, width), address(dst), &winners[0], address(x), relu)
		return
	}
	for plane := range planes {
		extremes(dst[plane*rows*cols:], winners[plane*rows*cols:], x[plane*height*width:], height, width, false)
	}
	if !relu {
		return
	}
	for i, v := range dst {
		if v <= 0 {
			winners[i] = NoWinner
		}
		if v < 0 {
			dst[i] = 0
		}
	}
}

// extremes writes the greatest, or the least, of every square of a plane x to dst, and to
// winners which it is, as MaxPool2x2 does.
func extremes[T Float](dst []T, winners []uint8, x []T, height, width int, least bool) {
	at := 0
	for i := range height / 2 {
		top, bottom := x[2*i*width:][:width], x[(2*i+1)*width:][:width]
		for j := 0; j+1 < width; j += 2 {
			most, winner := top[j], uint8(0)
			for k, v := range [3]T{top[j+1], bottom[j], bottom[j+1]} {
				if v > most && !least || v < most && least || v != v {
					most, winner = v, uint8(k+1)
				}
			}
			dst[at], winners[at] = most, winner
			at++
		}
	}
}

// MaxPool2x2Grad writes the gradient of MaxPool2x2, from that of what it gave, g, and the
// winners, to dst, which is laid out as x was: g where an element won and 0 elsewhere.
func MaxPool2x2Grad[T Float](dst, g []T, winners []uint8, planes, height, width int) {
	rows, cols := height/2, width/2
	g, winners, dst = g[:planes*rows*cols], winners[:planes*rows*cols], dst[:planes*height*width]
	if p := poolsOf[T](planes, height, width); p != nil {
		p.maxGrad(p.squares(planes, height, width), address(dst), address(g), &winners[0])
		for plane := range planes {
			eachLeft(height, width, func(i int) { dst[plane*height*width+i] = 0 })
		}
		return
	}
	clear(dst)
	for plane := range planes {
		eachWinner(winners[plane*rows*cols:], height, width, func(square, i int) {
			dst[plane*height*width+i] = g[plane*rows*cols+square]
		})
	}
}

// PreNormMaxPool2x2 writes to dst the elements of x of which Normalize makes the greatest of
// every square: the greatest, and the least where a channel's Scale is negative. That is what
// MaxPool2x2 of the normalized elements is made of, and the numbers of the channels need not
// be known yet, but for that sign. Winners are as MaxPool2x2's without relu; they may be
// others than those among normalized elements where two of these were rounded to the same.
// x has a plane for each channel.
func PreNormMaxPool2x2[T Float](dst []T, winners []uint8, x []T, by []Channel[T], height, width int) {
	rows, cols := height/2, width/2
	n := len(by) * rows * cols
	dst, winners, x = dst[:n], winners[:n], x[:len(by)*height*width]
	if p := poolsOf[T](len(by), height, width); p != nil {
		p.preNorm(p.squares(len(by), height, width), address(dst), &winners[0], address(x), address(by))
		return
	}
	for c := range by {
		extremes(dst[c*rows*cols:], winners[c*rows*cols:], x[c*height*width:], height, width, math.Signbit(float64(by[c].Scale)))
	}
}

// PreNormMaxPool2x2Grad writes to dst the gradient of PreNormMaxPool2x2's x, which is
// normalized as by says, from that of what it gave, g, and the winners: g where an element
// won, and for all elements what the mean and the variance amount to.
func PreNormMaxPool2x2Grad[T Float](dst, g []T, winners []uint8, x []T, by []Channel[T], height, width int) {
	rows, cols := height/2, width/2
	n := len(by) * rows * cols
	g, winners = g[:n], winners[:n]
	dst, x = dst[:len(by)*height*width], x[:len(by)*height*width]
	p := poolsOf[T](len(by), height, width)
	if p != nil {
		p.preNormGrad(p.squares(len(by), height, width), address(dst), address(g), &winners[0], address(x), address(by))
	}
	for c := range by {
		b, dst, x := &by[c], dst[c*height*width:][:height*width], x[c*height*width:]
		rest := func(i int) { dst[i] = T((x[i]-b.Mean)*b.Slope) + b.Shift }
		if p != nil {
			eachLeft(height, width, rest)
			continue
		}
		for i := range dst {
			rest(i)
		}
		g := g[c*rows*cols:]
		eachWinner(winners[c*rows*cols:], height, width, func(square, i int) { dst[i] += g[square] })
	}
}

// eachLeft calls f for the elements of a plane that are in no square.
func eachLeft(height, width int, f func(i int)) {
	if width%2 == 1 {
		for i := width - 1; i < height*width; i += width {
			f(i)
		}
	}
	if height%2 == 1 {
		for i := (height - 1) * width; i < height*width; i++ {
			f(i)
		}
	}
}

// eachWinner calls f for every square of a plane that an element won, with where that is.
func eachWinner(winners []uint8, height, width int, f func(square, i int)) {
	rows, cols := height/2, width/2
	for i := range rows {
		for j := range cols {
			if w := int(winners[i*cols+j]); w != NoWinner {
				f(i*cols+j, (2*i+w/2)*width+2*j+w%2)
			}
		}
	}
}
