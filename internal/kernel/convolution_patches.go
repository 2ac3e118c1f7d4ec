package kernel

import (
	"slices"
	"sync"

	"github.com/onehot-go/onehot/internal/parallel"
)

// SumPatches adds up, for a convolution of one group, what lies under its filters at all places
// of pictures x: won is (Filters, size), of the places that won in their squares of four, as
// winners of PreNormMaxPool2x2 says, each times its number in g, which is (Images, Filters,
// squares); squares is (size, size), of the products of any two of the elements, at all places;
// totals is (size), of themselves. size is of a filter's weights, in their order.
//
// What is added up is without the mean of its picture's channel, so that no digits are lost
// where that is large, and what the means amount to is added in float64.
func SumPatches[T Float](c Conv2d, x, g []T, winners []uint8) (won, squares, totals []float64) {
	p := newPatches[T](&c)
	wonEnd := c.Filters * p.size
	squaresEnd := wonEnd + p.size*p.size
	end := squaresEnd + p.size
	each := end + 2*c.Channels // and memory
	n, length := strips(c.Images, each)
	memory := patchSums.Get().(*[]float64)
	defer patchSums.Put(memory)
	sums := sized(memory, max(1, n)*each)
	clear(sums)
	pictures, area := c.Channels*c.Size[0]*c.Size[1], p.rows*p.cols
	wins := c.Filters * (p.rows / 2) * (p.cols / 2)
	parallel.Share(n, 1+smallWork/(length*area*p.row), func(lo, hi int) {
		s := workspacePool[T]().Get().(*workspace[T])
		defer workspacePool[T]().Put(s)
		for strip := lo; strip < hi; strip++ {
			for i := strip * length; i < min((strip+1)*length, c.Images); i++ {
				p.add(sums[strip*each:][:each], x[i*pictures:][:pictures], g[i*wins:][:wins], winners[i*wins:][:wins], s)
			}
		}
	})
	all := slices.Clone(sums[:end])
	for strip := 1; strip < n; strip++ {
		for i, v := range sums[strip*each:][:end] {
			all[i] += v
		}
	}
	return all[:wonEnd], all[wonEnd:squaresEnd], all[squaresEnd:]
}

// patchSums has memory for the sums of strips, as pointers to slices.
var patchSums = sync.Pool{New: func() any { return new([]float64) }}

// patches lays out what lies under filters: for every place a row of its elements, a 1, and
// something up to whole registers.
type patches[T Float] struct {
	*Conv2d
	frame      *frame
	taps       []int
	rows, cols int    // of places
	size, row  int    // elements under a filter, and of a row
	at         [4]int // from the first row of a square to those of its places
}

func newPatches[T Float](c *Conv2d) *patches[T] {
	f, out := c.frame(), c.Out()
	taps := c.taps(f)
	row := roundUp(len(taps)+1, wonLanes)
	return &patches[T]{c, f, taps, out[0], out[1], len(taps), row, [4]int{0, row, out[1] * row, (out[1] + 1) * row}}
}

// add adds those of picture x.
func (p *patches[T]) add(sums []float64, x, g []T, winners []uint8, s *workspace[T]) {
	area, own := p.rows*p.cols, p.size+1
	laid, one := sized(&s.dy, area*p.row), sized(&s.written, (p.Filters+own)*p.row)
	won, squares := one[:p.Filters*p.row], one[p.Filters*p.row:]
	means := p.means(x, sums[len(sums)-2*p.Channels:], s)
	p.write(laid, x, means, s)
	clear(won)
	p.addWon(won, g, winners, laid)
	p.square(squares, laid)

	// The sums of ones say how often a mean is missing.
	weights := p.size / p.Channels // of a channel
	mean := func(k int) float64 { return float64(means[k/weights].Mean) }
	for o := range p.Filters {
		row := won[o*p.row:][:own]
		for k := range p.size {
			sums[o*p.size+k] += float64(row[k]) + mean(k)*float64(row[p.size])
		}
	}
	sums = sums[p.Filters*p.size:]
	totals := squares[p.size*p.row:][:own]
	for j := range p.size {
		for k := range p.size {
			sums[j*p.size+k] += float64(squares[j*p.row+k]) + mean(j)*float64(totals[k]) + mean(k)*(float64(totals[j])+mean(j)*float64(area))
		}
	}
	for k := range p.size {
		sums[p.size*p.size+k] += float64(totals[k]) + mean(k)*float64(area)
	}
}

// means returns what takes the means of the channels of picture x out, for which it needs memory
// for two numbers of each.
func (p *patches[T]) means(x []T, memory []float64, s *workspace[T]) []Channel[T] {
	by, size := sized(&s.by, p.Channels), p.Size[0]*p.Size[1]
	clear(by)
	clear(memory)
	Moments(memory[:p.Channels], memory[p.Channels:], x, by, size)
	for c := range by {
		by[c].Mean, by[c].Scale = T(memory[c]/float64(size)), 1
	}
	return by
}

// write writes the rows of picture x, whose elements, and the zeros around it, are without the
// means of their channels.
func (p *patches[T]) write(dst, x []T, means []Channel[T], s *workspace[T]) {
	frame, shifted, area := newFrame(p.frame, &s.x), sized(&s.sums, len(x)), p.rows*p.cols
	Normalize(shifted, x, means, len(x)/len(means), false)
	if !p.frame.same() {
		for c := range means {
			margin := frame.data[c*p.frame.plane():][:p.frame.plane()]
			for i := range margin {
				margin[i] = -means[c].Mean
			}
		}
	}
	planes := sized(&s.g, p.row*area)
	elements, step, along := frame.of(shifted), p.Stride[0]*p.frame.row(), alongOf[T]()
	for k, at := range p.taps {
		to := planes[k*area:][:area]
		if along != nil {
			along.copyRows(p.rows, p.cols, to, p.cols, elements[at:], step)
			continue
		}
		for r := range p.rows {
			copy(to[r*p.cols:][:p.cols], elements[at+r*step:])
		}
	}
	ones := planes[p.size*area:][:area]
	for i := range ones {
		ones[i] = 1
	}
	// Planes behind them hold what happened to be there: nothing is made of it.
	tilingOf[T]().pack(dst, Matrix[T]{planes, p.row, area, area, 1}, p.row)
}

// square writes the products of any two columns of the rows laid out, added up.
func (p *patches[T]) square(dst, laid []T) {
	area, own := p.rows*p.cols, p.size+1
	if dst, ok := any(dst).([]float32); ok && active.skinny != nil {
		laid := any(laid).([]float32)
		GemmHere(dst, Matrix[float32]{laid, own, area, 1, p.row}, Matrix[float32]{laid, area, p.row, p.row, 1}, Epilogue[float32]{})
		return
	}
	clear(dst)
	for place := range area {
		row := laid[place*p.row:][:own]
		for j, v := range row {
			for k, w := range row {
				dst[j*p.row+k] += v * w
			}
		}
	}
}

// wonLanes is how many elements of rows are added at once.
const wonLanes = 16

// addWon adds to sums, a row for every filter, the rows of the places that won, each times its g.
func (p *patches[T]) addWon(sums, g []T, winners []uint8, laid []T) {
	rows, cols := p.rows/2, p.cols/2
	if pools := poolsOf[T](p.Filters, p.rows, p.cols); pools != nil {
		down := (2*p.cols - 2*cols) * p.row
		for l := 0; l < p.row; l += wonLanes {
			pools.addWon(p.Filters, rows, cols, address(g), &winners[0], address(laid[l:]), &p.at, 2*p.row, down, address(sums[l:]), p.row)
		}
		return
	}
	for i, v := range g {
		o, square := i/(rows*cols), i%(rows*cols)
		row := sums[o*p.row:][:p.row]
		for k, e := range laid[(square/cols*p.cols+square%cols)*2*p.row+p.at[winners[i]]:][:p.row] {
			row[k] += v * e
		}
	}
}
