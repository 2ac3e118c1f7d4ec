package inference

// Filters of 3×3 that move by 1 take less arithmetic by Winograd's method, of which package kernel tells
// more: y = Aᵀ((GwGᵀ) ⊙ (BᵀxB))A. What lies under a tile of results is transformed for each channel.
// Then there is one matrix product for each place of the transformed tiles, and its results are
// transformed again.

// transform is the work of one call of a transform, of one tile. Distances are in elements.
type transform struct {
	from, to, bias, add []float32 // bias and add are of results; add may be nil
	rows, cols          [7]int    // of what lies under a tile: where they lie, from `from` on
	place               int       // from one place of a transformed tile to the next
	regs                int       // of channels
	row, step           int       // from row to row and from pixel to pixel of results
	addRow, addStep     int
	height, width       int     // of the results that there are
	lo, hi              float32 // what they are held to
}

// winogradKernels are the transforms for tiles of size×size results.
type winogradKernels struct {
	road          Road
	size          int
	points        []float64 // but for infinity, which comes last
	input, output func(t *transform)
}

// side is that of a transformed tile, and of what lies under it.
func (k *winogradKernels) side() int { return k.size + 2 }

func (k *winogradKernels) places() int { return k.side() * k.side() }

// filter writes GwGᵀ of a filter of 3×3 to out. Rows of G are those of points.
func (k *winogradKernels) filter(out []float64, w []float32) {
	rows := make([][3]float64, 0, len(k.points)+1)
	for i, p := range k.points {
		n := 1.
		for j, q := range k.points {
			if j != i {
				n *= p - q
			}
		}
		rows = append(rows, [3]float64{1 / n, p / n, p * p / n})
	}
	rows = append(rows, [3]float64{2: 1})
	for i, a := range rows {
		var down [3]float64
		for j := range down {
			down[j] = a[0]*float64(w[j]) + a[1]*float64(w[3+j]) + a[2]*float64(w[6+j])
		}
		for j, b := range rows {
			out[i*len(rows)+j] = b[0]*down[0] + b[1]*down[1] + b[2]*down[2]
		}
	}
}

// winogradOf returns the kernels for a road, or nil.
func (k *set) winogradOf(r Road) *winogradKernels {
	for i := range k.winograd {
		if k.winograd[i].road == r {
			return &k.winograd[i]
		}
	}
	return nil
}

// packWinograd packs the transforms of filters: place by place as packPanels does.
func (l *Layer) packWinograd(w []float32) {
	k, width := l.winograd, 2*l.kernels.lanes
	l.w = make([]float32, k.places()*l.Channels*len(l.bias))
	out := make([]float64, k.places())
	for f := range l.Filters {
		panel := f / width
		across := min(width, len(l.bias)-panel*width)
		for c := range l.Channels {
			k.filter(out, w[(f*l.Channels+c)*9:])
			at := panel*width*l.Channels + c*across + f%width
			for p, v := range out {
				l.w[p*l.Channels*len(l.bias)+at] = float32(v)
			}
		}
	}
}

// tilesOf returns how many tiles a picture's results are.
func (k *winogradKernels) tilesOf(out [2]int) [2]int {
	return [2]int{(out[0] + k.size - 1) / k.size, (out[1] + k.size - 1) / k.size}
}

// transformedTiles is about how many elements the transforms of the tiles have that are computed together:
// they stay in a cache that is not far.
const transformedTiles = 3 << 17

// blockTiles returns how many tiles are computed together, of so many pictures.
func (l *Layer) blockTiles(images int) int {
	tiles := l.winograd.tilesOf(l.Out())
	all := images * tiles[0] * tiles[1]
	// Products are of whole tiles of pixels.
	most := max(1, transformedTiles/(l.winograd.places()*(roundUp(l.Channels, l.kernels.lanes)+len(l.bias)))/tileMultiple) * tileMultiple
	return min(all, max(most, leastTiles))
}

const (
	tileMultiple = 14
	leastTiles   = 28 // that are worth reading the filters
)

// apart returns how far the places lie apart, of n elements each: an odd number of lines, so that one tile's places
// are spread over a cache.
func apart(n int) int {
	const line = 16
	return ((n+line-1)/line | 1) * line
}

// scratchWinograd returns how many elements the transforms of so many tiles take, of what is read and of results.
func (l *Layer) scratchWinograd(tiles int) (read, written int) {
	places := l.winograd.places()
	return places * apart(tiles*roundUp(l.Channels, l.kernels.lanes)), places * apart(tiles*len(l.bias))
}

// winograd computes all tiles, block by block: the cores share each of the three steps of a block.
func (w *work) winograd(scratch []float32) {
	l := w.layer
	tiles := l.winograd.tilesOf(l.Out())
	perPicture := tiles[0] * tiles[1]
	all, most := w.x.Images*perPicture, l.blockTiles(w.x.Images)
	pitch := roundUp(l.Channels, l.kernels.lanes)
	w.across = tiles[1]
	w.perPicture = perPicture
	// Blocks of about the same size.
	blocks := (all + most - 1) / most
	for b := range blocks {
		w.first, w.tiles = b*all/blocks, (b+1)*all/blocks-b*all/blocks
		read, written := l.scratchWinograd(w.tiles)
		w.read, w.written = scratch[:read], scratch[read:read+written]
		w.readPlace, w.writtenPlace = apart(w.tiles*pitch), apart(w.tiles*len(l.bias))
		w.share(doInput, w.tiles, 4*l.winograd.places()*pitch)
		w.regs = 2
		for regs := 4; regs <= mostRegisters; regs *= 2 {
			// Where nothing is left over, four registers take half the calls of two.
			if l.kernels.rows[regs] >= w.tiles || regs == 4 && len(l.bias)%(4*l.kernels.lanes) == 0 {
				w.regs = regs
			}
		}
		w.share(doPlaces, l.winograd.places()*w.groups(), w.tiles*l.Channels*len(l.bias)/w.groups())
		w.share(doOutput, w.tiles, 4*l.winograd.places()*len(l.bias))
	}
}

func (w *work) winogradInput(from, to int) {
	l, t := w.layer, transforms.Get().(*transform)
	defer transforms.Put(t)
	k := l.winograd
	pitch := roundUp(l.Channels, l.kernels.lanes)
	t.place, t.regs = w.readPlace, pitch/l.kernels.lanes
	// where returns where a row or column lies. Those beyond the border are the first, which is zeros too.
	where := func(i, d, step int) int {
		if i >= w.x.Size[d]+w.x.Border {
			return 0
		}
		return (w.x.Border + i) * step
	}
	for tile := from; tile < to; tile++ {
		n, i := (w.first+tile)/w.perPicture, (w.first+tile)%w.perPicture
		for j := range k.side() {
			t.rows[j] = where(i/w.across*k.size+j-l.Padding[0], 0, w.x.row())
			t.cols[j] = where(i%w.across*k.size+j-l.Padding[1], 1, w.x.Pitch)
		}
		t.from, t.to = w.x.Data[n*w.x.picture():], w.read[tile*pitch:]
		k.input(t)
	}
}

// places computes the products of some places and groups of panels.
func (w *work) places(from, to int) {
	l, t := w.layer, newTile()
	defer doneTile(t)
	lanes, groups := l.kernels.lanes, w.groups()
	panel := l.Channels * 2 * lanes
	t.own = append(t.own, 0)
	t.offsets, t.length, t.wNext = t.own, l.Channels, panel
	t.lo, t.hi, _ = Identity.limits()
	t.bias = zeros[:]
	t.xStep, t.yStep = roundUp(l.Channels, lanes), len(l.bias)
	for part := from; part < to; part++ {
		place := part / groups
		i, regs := w.group(part % groups)
		t.regs, t.w = regs, l.w[place*l.Channels*len(l.bias)+i*panel:]
		x, y := w.read[place*w.readPlace:], w.written[place*w.writtenPlace+i*2*lanes:]
		n := (w.tiles + l.kernels.rows[w.regs] - 1) / l.kernels.rows[w.regs]
		size, larger := w.tiles/n, w.tiles%n
		if larger > 0 {
			t.x, t.y, t.n, t.tiles = x, y, size+1, larger
			l.kernels.products(t)
		}
		at := larger * (size + 1)
		t.x, t.y, t.n, t.tiles = x[at*t.xStep:], y[at*t.yStep:], size, n-larger
		l.kernels.products(t)
	}
}

// zeros are the biases of products that have none.
var zeros [mostRegisters * 16]float32

func (w *work) winogradOutput(from, to int) {
	l, t := w.layer, transforms.Get().(*transform)
	defer transforms.Put(t)
	k := l.winograd
	t.place, t.regs, t.bias, t.add = w.writtenPlace, len(l.bias)/l.kernels.lanes, l.bias, nil
	t.row, t.step, t.addRow, t.addStep = w.y.row(), w.y.Pitch, w.add.row(), w.add.Pitch
	var all bool
	t.lo, t.hi, all = l.Activation.limits()
	for tile := from; tile < to; tile++ {
		n, i := (w.first+tile)/w.perPicture, (w.first+tile)%w.perPicture
		row, col := i/w.across*k.size, i%w.across*k.size
		t.height, t.width = min(k.size, w.y.Size[0]-row), min(k.size, w.y.Size[1]-col)
		t.from, t.to = w.written[tile*len(l.bias):], w.y.Data[n*w.y.picture()+w.y.at(row, col):]
		if w.add.Data != nil {
			t.add = w.add.Data[n*w.add.picture()+w.add.at(row, col):]
		}
		k.output(t)
		for r := 0; !all && r < t.height; r++ {
			l.kernels.activate(l.Activation, t.to[r*t.row:], t.width, t.step, len(l.bias))
		}
	}
	t.from, t.to, t.bias, t.add = nil, nil, nil, nil
}
