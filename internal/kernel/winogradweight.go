package kernel

// gradients returns how the gradient of w's weights is computed. Sums of products are turned
// into gradients of filters strip by strip, since they are several times as many.
func (w *winograd) gradients() *gradient[float32] {
	columns, rows := roundUp(w.Channels, w.t.cols), w.t.rows
	matrix := w.Filters * columns
	transform := make([]float32, roundUp(filterArea, rows)*w.places) // (G⊗G)ᵀ in panels
	w.eachWeight(func(p, i int, g float32) { transform[i/rows*rows*w.places+p*rows+i%rows] = g })
	return &gradient[float32]{
		size:  filterArea*matrix + w.Filters, // gradients of filters, element by element, and of a bias
		block: w.perBlock, work: w.places * w.vectors * tilesOfVector * matrix,
		core: func(s *workspace[float32]) func(sums, x, dy []float32, first, last bool) {
			p := w.products(s)
			return func(sums, x, dy []float32, first, last bool) {
				p.add(x, dy, first)
				if last {
					p.filterGrads(sums[:filterArea*matrix], transform)
					copy(sums[filterArea*matrix:], p.bias)
				}
			}
		},
		write: func(dw, db, sums []float32) {
			for o := range w.Filters {
				for c := range w.Channels {
					for i := range filterArea {
						dw[(o*w.Channels+c)*filterArea+i] = sums[i*matrix+o*columns+c]
					}
				}
			}
			copy(db, sums[filterArea*matrix:])
		},
	}
}

// tileProducts adds up the products of which gradients of filters are made.
type tileProducts struct {
	*winograd
	x, dy             framer[float32]
	inputs            []float32 // at every place a matrix of planes and tiles
	transformed       []float32 // of dy, so too
	inputPlace        int
	gradientPlace     int
	channels, filters []float32 // the matrices of a place in panels
	sums              []float32 // of products: panels of channels, with a row for each place, a filter's side by side
	bias, planes      []float32 // sums of dy: of filters, and of those of pictures
}

func (w *winograd) products(s *workspace[float32]) *tileProducts {
	p := &tileProducts{winograd: w, x: newFrame(w.inputFrame(), &s.x), dy: newFrame(w.gradientFrame(), &s.dy)}
	tiles, channels, filters := w.perBlock*w.vectors*tilesOfVector, roundUp(w.Channels, w.t.cols), roundUp(w.Filters, w.t.rows)+slack
	p.inputPlace, p.gradientPlace = place(channels*tiles), place(filters*tiles)
	g := sized(&s.g, w.places*(p.inputPlace+p.gradientPlace+w.Filters*channels))
	p.inputs, g = g[:w.places*p.inputPlace], g[w.places*p.inputPlace:]
	p.transformed, p.sums = g[:w.places*p.gradientPlace], g[w.places*p.gradientPlace:]
	panels := sized(&s.sums, (channels+filters)*tiles+2*slack)
	p.channels, p.filters = panels[:channels*tiles+slack], panels[channels*tiles+slack:]
	p.bias = make([]float32, w.Filters)
	return p
}

// add adds those of pictures x with the gradients dy, unless they are the first, to others.
func (p *tileProducts) add(x, dy []float32, first bool) {
	xSize, ySize := p.Channels*p.Size[0]*p.Size[1], p.Filters*p.out[0]*p.out[1]
	t, images := p.t, len(x)/xSize
	tiles, columns := images*p.vectors*tilesOfVector, roundUp(p.Channels, t.cols)
	for n := range images {
		x, dy := p.x.of(x[n*xSize:][:xSize]), p.dy.of(dy[n*ySize:][:ySize])
		p.eachVector(func(v int, row, col [2]int) {
			tile := (n*p.vectors + v) * tilesOfVector
			p.input(p.Channels, x[p.x.at(row[0], col[0]):], x[p.x.at(row[1], col[1]):], p.x.row(), p.x.plane(), p.inputs[tile:], tiles, p.inputPlace)
			p.gradient(p.Filters, dy[p.dy.at(row[0], col[0]):], dy[p.dy.at(row[1], col[1]):], p.dy.row(), p.dy.plane(), p.transformed[tile:], tiles, p.gradientPlace)
		})
	}
	for place := range p.places {
		inputs, gradients := p.inputs[place*p.inputPlace:], p.transformed[place*p.gradientPlace:]
		for c := 0; c < p.Channels; c += t.cols {
			t.packTransposed(p.channels[c*tiles:], inputs[c*tiles:], t.cols, tiles, tiles/8)
		}
		for o := 0; o < p.Filters; o += t.rows {
			t.packTransposed(p.filters[o*tiles:], gradients[o*tiles:], t.rows, tiles, tiles/8)
		}
		for c := 0; c < p.Channels; c += t.cols {
			t.tile(tiles, p.filters, p.channels[c*tiles:], p.sums[c*p.places+place*t.cols:], p.places*columns, p.Filters, t.cols, Epilogue[float32]{Add: !first})
		}
	}
	if first {
		clear(p.bias)
	}
	planes := sized(&p.planes, images*p.Filters)
	SumRows(planes, dy, len(planes), p.out[0]*p.out[1])
	for i, sum := range planes {
		p.bias[i%p.Filters] += sum
	}
}

// filterGrads writes Gᵀ(m)G of the sums m: for every element of a filter those of all filters.
func (p *tileProducts) filterGrads(dst, transform []float32) {
	t, matrix := p.t, len(dst)/filterArea
	for i := 0; i < matrix; i += t.cols {
		t.tile(p.places, transform, p.sums[i*p.places:], dst[i:], matrix, filterArea, t.cols, Epilogue[float32]{})
	}
}
