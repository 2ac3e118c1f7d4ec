package inference

// Road is a way to compute a convolution.
type Road int

// The roads.
const (
	Direct    Road = iota // products at fixed distances from each pixel
	Depthwise             // the same where each channel has filters of its own
	Winograd2             // Winograd's method in tiles of 2×2 results
	Winograd4             // of 4×4
	Winograd5             // and of 5×5
)

var roadNames = [...]string{"direct", "depthwise", "winograd 2x2", "winograd 4x4", "winograd 5x5"}

func (r Road) String() string { return roadNames[r] }

// Roads returns those that a convolution can take with the kernels in use.
func (c *Conv) Roads() []Road { return c.roads(active) }

func (c *Conv) roads(k *set) []Road {
	if c.Groups == c.Channels && c.Groups == c.Filters && c.Groups > 1 {
		return []Road{Depthwise, Direct}
	}
	roads := []Road{Direct}
	one := [2]int{1, 1}
	if !c.Pairs && c.Kernel == [2]int{3, 3} && c.Stride == one && c.Dilation == one && c.Groups == 1 && min(c.Padding[0], c.Padding[1]) >= 1 &&
		c.Channels%k.lanes == 0 && k.winograd != nil {
		roads = append(roads, Winograd2, Winograd4, Winograd5)
	}
	return roads
}

// rates are what the steps of a set's kernels take, in nanoseconds, as they were measured on one
// processor (README.md says which). Only their ratios decide.
type rates struct {
	product   float64 // a multiplication of two registers, of products
	broadcast float64 // what a tile has besides, for each pixel or register and element
	tap       float64 // a multiplication of two registers, of depthwise filters
	register  float64 // to read and write a register of a transform
	filter    float64 // to read an element of filters that is in no cache of the core
	element   float64 // to read or write an element of a picture
}

// ownCache is how many elements of filters a core's own caches hold from picture to picture.
const ownCache = 1 << 18

// Predict returns the nanoseconds that a picture is predicted to take on a road, by the shape and the kernels
// in use alone.
func (c *Conv) Predict(road Road) float64 { return c.predict(active, road) }

func (c *Conv) predict(k *set, road Road) float64 {
	k = c.computedBy(k, road)
	out := c.Out()
	pixels := float64(out[0] * out[1])
	regs := float64(roundUp(c.Filters, k.lanes) / k.lanes)
	memory := float64(max(0, c.packed(k, road)-ownCache))*k.rates.filter + (float64(c.Size[0]*c.Size[1]*c.Channels)+pixels*float64(c.Filters))*k.rates.element
	switch road {
	case Depthwise:
		return pixels*regs*float64(c.taps())*k.rates.tap + memory
	case Direct:
		return pixels*k.productTime(out[1], regs, float64(c.taps()*c.reach(k))) + memory
	}
	w := k.winogradOf(road)
	tiles := w.tilesOf(out)
	n, places := float64(tiles[0]*tiles[1]), float64(w.places())
	channels := float64(roundUp(c.Channels, k.lanes) / k.lanes)
	return n*places*k.productTime(tiles[0]*tiles[1], regs, float64(c.Channels)) + n*places*(channels+regs)*k.rates.register + memory
}

// productTime returns what depth products take for a pixel of a line of so many, and registers of results.
func (k *set) productTime(line int, regs, depth float64) float64 {
	width := 2
	for w := 4; w <= mostRegisters; w *= 2 {
		if k.rows[w] >= line {
			width = w
		}
	}
	width = min(width, int(regs))
	tiles := (line + k.rows[2] - 1) / k.rows[2]
	pixels := float64(line) / float64(tiles)
	// A tile of so many pixels and registers loads each of them once.
	loads := (pixels + float64(width)) / (pixels * float64(width))
	return depth * regs * (k.rates.product + loads*k.rates.broadcast)
}

// computedBy returns the set whose kernels compute a road: k itself, or, for products of one register of filters, that of narrower
// registers. A tile of one register loads as often as it multiplies, and narrow ones are loaded at twice the rate.
func (c *Conv) computedBy(k *set, road Road) *set {
	if k.narrow != nil && road == Direct && c.Groups == 1 && c.Filters <= k.lanes {
		return k.narrow
	}
	return k
}

// reach returns how many channels a panel of filters reads.
func (c *Conv) reach(k *set) int {
	most := 0
	for p := range (c.Filters + 2*k.lanes - 1) / (2 * k.lanes) {
		from, to := c.span(k, p)
		most = max(most, to-from)
	}
	return most
}

// span returns the channels that the filters of a panel read.
func (c *Conv) span(k *set, panel int) (from, to int) {
	width, filters, channels := 2*k.lanes, c.Filters/c.Groups, c.Channels/c.Groups
	return panel * width / filters * channels, ((min((panel+1)*width, c.Filters)-1)/filters + 1) * channels
}

// packed returns how many elements the packed filters have.
func (c *Conv) packed(k *set, road Road) int {
	k = c.computedBy(k, road)
	filters := roundUp(c.Filters, k.lanes)
	switch road {
	case Depthwise:
		return filters * c.taps()
	case Direct:
		return filters * c.taps() * c.reach(k)
	}
	return filters * c.Channels * k.winogradOf(road).places()
}

// Packed returns the bytes that the packed filters of a road take.
func (c *Conv) Packed(road Road) int { return 4 * c.packed(active, road) }

// Choose returns the road that Prepare takes.
func (c *Conv) Choose(limit int) Road { return c.choose(active, limit) }

// inexact is how many times as long a road may take that is to be chosen in place of Winograd5, whose errors are some four times those
// of Winograd4.
const inexact = 1.1

// choose returns the road that is predicted to be the fastest of those that take at most limit bytes, or the one that takes
// the least.
func (c *Conv) choose(k *set, limit int) Road {
	best, least := Road(-1), Road(-1)
	time := func(road Road) float64 {
		if road == Winograd5 {
			return inexact * c.predict(k, road)
		}
		return c.predict(k, road)
	}
	for _, road := range c.roads(k) {
		if least < 0 || c.packed(k, road) < c.packed(k, least) {
			least = road
		}
		if 4*c.packed(k, road) <= limit && (best < 0 || time(road) < time(best)) {
			best = road
		}
	}
	if best < 0 {
		return least
	}
	return best
}
