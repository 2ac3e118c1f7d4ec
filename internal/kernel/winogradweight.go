package kernel

import "github.com/onehot-go/onehot/internal/parallel"

// weightGrad computes dw, and db unless it is nil, as ConvolveWeightGrad does.
func (w *winograd) weightGrad(dw, db, dy, x []float32, write func(dst []float32, from, to int)) {
	matrix := w.Filters * w.Channels
	size := places*matrix + w.Filters // sums of products, and those of dy
	strips, length := strips(w.Images, size)
	shared := workspacePool[float32]().Get().(*workspace[float32])
	defer workspacePool[float32]().Put(shared)
	sums := sized(&shared.sums, max(1, strips)*size)
	clear(sums)
	parallel.Share(strips, 1+smallWork/(length*places*w.vectors*tilesOfVector*matrix), func(lo, hi int) {
		s := workspacePool[float32]().Get().(*workspace[float32])
		defer workspacePool[float32]().Put(s)
		p := w.products(dy, write, s)
		for strip := lo; strip < hi; strip++ {
			end := min((strip+1)*length, w.Images)
			for n := strip * length; n < end; n += w.perBlock {
				p.add(sums[strip*size:][:size], x, n, min(n+w.perBlock, end))
			}
		}
	})
	addStrips(sums, size, strips)
	parallel.For(matrix, 1+smallWork/64, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			var half [4][3]float32 // mG
			for r := range half {
				at := sums[4*r*matrix+i:]
				half[r] = gradientOfFilter(at[0], at[matrix], at[2*matrix], at[3*matrix])
			}
			for c := range 3 {
				column := gradientOfFilter(half[0][c], half[1][c], half[2][c], half[3][c])
				dw[9*i+c], dw[9*i+3+c], dw[9*i+6+c] = column[0], column[1], column[2]
			}
		}
	})
	copy(db, sums[places*matrix:])
}

// gradientOfFilter returns Gᵀm, the last element of m with the sign that A had in its kernel.
func gradientOfFilter(m0, m1, m2, m3 float32) [3]float32 {
	return [3]float32{m0 + (m1+m2)/2, (m1 - m2) / 2, (m1+m2)/2 - m3}
}

// tileProducts adds up the products of which gradients of filters are made.
type tileProducts struct {
	*winograd
	*given[float32]
	x, dy             framer[float32]
	inputs, gradients []float32 // at every place a matrix of planes and tiles
	inputPlace        int
	gradientPlace     int
	channels, filters []float32 // the matrices of a place in panels
}

func (w *winograd) products(dy []float32, write func(dst []float32, from, to int), s *workspace[float32]) *tileProducts {
	given := &given[float32]{pictures[float32]{dy, w.Filters * w.out[0] * w.out[1], &s.written}, write}
	p := &tileProducts{winograd: w, given: given, x: newFrame(w.inputFrame(), &s.x), dy: newFrame(w.gradientFrame(), &s.dy)}
	tiles, channels, filters := w.perBlock*w.vectors*tilesOfVector, roundUp(w.Channels, w.t.cols), roundUp(w.Filters, w.t.rows)+slack
	p.inputPlace, p.gradientPlace = place(channels*tiles), place(filters*tiles)
	g := sized(&s.g, places*(p.inputPlace+p.gradientPlace))
	p.inputs, p.gradients = g[:places*p.inputPlace], g[places*p.inputPlace:]
	panels := sized(&s.sums, (channels+filters)*tiles+2*slack)
	p.channels, p.filters = panels[:channels*tiles+slack], panels[channels*tiles+slack:]
	return p
}

// add adds those of some pictures to sums.
func (p *tileProducts) add(sums, x []float32, from, to int) {
	t, gradients := p.t, p.of(from, to)
	tiles := (to - from) * p.vectors * tilesOfVector
	xSize := p.Channels * p.Size[0] * p.Size[1]
	for n := from; n < to; n++ {
		x, dy := p.x.of(x[n*xSize:(n+1)*xSize]), p.dy.of(gradients[(n-from)*p.picture:][:p.picture])
		p.eachVector(func(v int, row, col [2]int) {
			tile := ((n-from)*p.vectors + v) * tilesOfVector
			p.input(p.Channels, x[p.x.at(row[0], col[0]):], x[p.x.at(row[1], col[1]):], p.x.row(), p.x.plane(), p.inputs[tile:], tiles, p.inputPlace)
			p.gradient(p.Filters, dy[p.dy.at(row[0], col[0]):], dy[p.dy.at(row[1], col[1]):], p.dy.row(), p.dy.plane(), p.gradients[tile:], tiles, p.gradientPlace)
		})
	}
	for place := range places {
		inputs, gradients := p.inputs[place*p.inputPlace:], p.gradients[place*p.gradientPlace:]
		for c := 0; c < p.Channels; c += t.cols {
			t.packTransposed(p.channels[c*tiles:], inputs[c*tiles:], t.cols, tiles, tiles/8)
		}
		for o := 0; o < p.Filters; o += t.rows {
			t.packTransposed(p.filters[o*tiles:], gradients[o*tiles:], t.rows, tiles, tiles/8)
		}
		sums := sums[place*p.Filters*p.Channels:]
		for c := 0; c < p.Channels; c += t.cols {
			t.tile(tiles, p.filters, p.channels[c*tiles:], sums[c:], p.Channels, p.Filters, min(t.cols, p.Channels-c), Epilogue[float32]{Add: true})
		}
	}
	// At place (1, 1) are the sums of tiles of dy.
	bias, tileSums := sums[places*p.Filters*p.Channels:], p.gradients[5*p.gradientPlace:]
	for o := range bias {
		var sum [1]float32
		SumRows(sum[:], tileSums[o*tiles:], 1, tiles)
		bias[o] += sum[0]
	}
}
