package kernel

// gradients returns how the gradient of w's weights is computed. Sums of products are turned
// into gradients of filters strip by strip, since they are several times as many.
func (w *winograd) gradients() *gradient[float32] {
	columns, rows := roundUp(w.Channels, panel), w.t.rows
	matrix := w.Filters * columns
	transform := make([]float32, roundUp(filterArea, rows)*w.places) // (G⊗G)ᵀ in panels
	w.eachWeight(func(p, i int, g float32) { transform[i/rows*rows*w.places+p*rows+i%rows] = g })
	return &gradient[float32]{
		size:  filterArea*matrix + w.Filters, // gradients of filters, element by element, and of a bias
		block: w.perBlock, work: w.places * w.tiles[0] * w.tiles[1] * matrix,
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
	x, dy         *interleaved
	inputs        []float32 // at every place a matrix of tiles and channels
	transformed   []float32 // of dy, of tiles and filters
	inputPlace    int
	gradientPlace int
	sums          []float32 // of products: panels of channels, with a row for each place, a filter's side by side
	bias, planes  []float32 // sums of dy: of filters, and of those of pictures
}

func (w *winograd) products(s *workspace[float32]) *tileProducts {
	p := &tileProducts{winograd: w, x: w.inputFrame(&s.x), dy: w.gradientFrame(&s.dy), bias: make([]float32, w.Filters)}
	tiles := w.perBlock * w.tiles[0] * w.tiles[1]
	p.inputPlace, p.gradientPlace = place(p.x.lanes*tiles), place(p.dy.lanes*tiles)
	g := sized(&s.g, w.places*(p.inputPlace+p.gradientPlace+w.Filters*p.x.lanes))
	p.inputs, g = g[:w.places*p.inputPlace], g[w.places*p.inputPlace:]
	p.transformed, p.sums = g[:w.places*p.gradientPlace], g[w.places*p.gradientPlace:]
	return p
}

// add adds those of pictures x with the gradients dy, unless they are the first, to others.
func (p *tileProducts) add(x, dy []float32, first bool) {
	xSize, ySize, tiles := p.Channels*p.Size[0]*p.Size[1], p.Filters*p.out[0]*p.out[1], p.tiles[0]*p.tiles[1]
	images, channels, filters := len(x)/xSize, p.x.lanes, p.dy.lanes
	for n := range images {
		p.x.transform(p.winograd, p.input, x[n*xSize:][:xSize], p.inputs[n*tiles*channels:], p.inputPlace)
		p.dy.transform(p.winograd, p.gradient, dy[n*ySize:][:ySize], p.transformed[n*tiles*filters:], p.gradientPlace)
	}
	for place := range p.places {
		inputs, gradients := p.inputs[place*p.inputPlace:], p.transformed[place*p.gradientPlace:]
		for c := 0; c < channels; c += panel {
			p.transposed(images*tiles, gradients, filters, inputs[c:], channels, p.sums[c*p.places+place*panel:], p.places*channels, p.Filters, !first)
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
	for i := 0; i < matrix; i += panel {
		t.tile(p.places, transform, p.sums[i*p.places:], dst[i:], matrix, filterArea, panel, Epilogue[float32]{})
	}
}
