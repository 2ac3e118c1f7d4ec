package kernel

import "github.com/onehot-go/onehot/internal/parallel"

// gradients returns how the gradient of w's weights is computed.
func (w *winograd) gradients() *gradient[float32] {
	matrix := w.Filters * w.Channels
	return &gradient[float32]{
		size:  w.places*matrix + w.Filters, // sums of products, and those of dy
		block: w.perBlock, work: w.places * w.vectors * tilesOfVector * matrix,
		core: func(s *workspace[float32]) func(sums, x, dy []float32) { return w.products(s).add },
		write: func(dw, db, sums []float32) {
			g, side := w.filterTransform(), w.size+2
			parallel.For(matrix, 1+smallWork/(4*w.places), func(lo, hi int) {
				for i := lo; i < hi; i++ {
					var filter [3][3]float64 // Gᵀ(mG)
					for r, down := range g {
						var row [3]float64
						for c, right := range g {
							m := float64(sums[(r*side+c)*matrix+i])
							for k := range row {
								row[k] += m * right[k]
							}
						}
						for j := range filter {
							for k, v := range row {
								filter[j][k] += down[j] * v
							}
						}
					}
					for j, row := range filter {
						for k, v := range row {
							dw[9*i+3*j+k] = float32(v)
						}
					}
				}
			})
			copy(db, sums[w.places*matrix:])
		},
	}
}

// tileProducts adds up the products of which gradients of filters are made.
type tileProducts struct {
	*winograd
	x, dy             framer[float32]
	inputs, gradients []float32 // at every place a matrix of planes and tiles
	inputPlace        int
	gradientPlace     int
	channels, filters []float32 // the matrices of a place in panels
	planes            []float32 // sums of dy's
}

func (w *winograd) products(s *workspace[float32]) *tileProducts {
	p := &tileProducts{winograd: w, x: newFrame(w.inputFrame(), &s.x), dy: newFrame(w.gradientFrame(), &s.dy)}
	tiles, channels, filters := w.perBlock*w.vectors*tilesOfVector, roundUp(w.Channels, w.t.cols), roundUp(w.Filters, w.t.rows)+slack
	p.inputPlace, p.gradientPlace = place(channels*tiles), place(filters*tiles)
	g := sized(&s.g, w.places*(p.inputPlace+p.gradientPlace))
	p.inputs, p.gradients = g[:w.places*p.inputPlace], g[w.places*p.inputPlace:]
	panels := sized(&s.sums, (channels+filters)*tiles+2*slack)
	p.channels, p.filters = panels[:channels*tiles+slack], panels[channels*tiles+slack:]
	return p
}

// add adds those of pictures x with the gradients dy to sums.
func (p *tileProducts) add(sums, x, dy []float32) {
	xSize, ySize := p.Channels*p.Size[0]*p.Size[1], p.Filters*p.out[0]*p.out[1]
	t, images := p.t, len(x)/xSize
	tiles := images * p.vectors * tilesOfVector
	for n := range images {
		x, dy := p.x.of(x[n*xSize:][:xSize]), p.dy.of(dy[n*ySize:][:ySize])
		p.eachVector(func(v int, row, col [2]int) {
			tile := (n*p.vectors + v) * tilesOfVector
			p.input(p.Channels, x[p.x.at(row[0], col[0]):], x[p.x.at(row[1], col[1]):], p.x.row(), p.x.plane(), p.inputs[tile:], tiles, p.inputPlace)
			p.gradient(p.Filters, dy[p.dy.at(row[0], col[0]):], dy[p.dy.at(row[1], col[1]):], p.dy.row(), p.dy.plane(), p.gradients[tile:], tiles, p.gradientPlace)
		})
	}
	for place := range p.places {
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
	planes := sized(&p.planes, images*p.Filters)
	SumRows(planes, dy, len(planes), p.out[0]*p.out[1])
	for i, sum := range planes {
		sums[p.places*p.Filters*p.Channels+i%p.Filters] += sum
	}
}
