package inference

// assemblySets names the sets in assembly of this architecture.
var assemblySets = []string{"neon"}

// assembly returns the sets in assembly that this machine can run: every arm64 has NEON. Only products
// are in assembly, since most of the time goes to them.
func assembly() []set {
	neon := generic
	neon.name, neon.rows = "neon", [mostRegisters + 1]int{1: neonPixels, 2: neonPixels}
	neon.products, neon.pairs, neon.mostPairs = productsNEON, pairsBy(productsNEON), [3]int{1: neonPixels, 2: neonPixels}
	neon.rates = rates{product: 0.15, broadcast: 0.15, tap: 6, filter: 0.3, element: 0.3}
	return []set{neon}
}

// neonPixels is the pixels of a tile. Its sums take 16 of the 32 registers.
const neonPixels = 8

// productsNEON is plainProducts for tiles of at most 8 pixels. Panels of one register are left to that.
func productsNEON(t *tile) {
	const width = 2 * plainLanes
	if t.regs != 2 {
		plainProducts(t)
		return
	}
	var sums [neonPixels][width]float32
	for p := 0; p < t.n*t.tiles; p += t.n {
		for i := range sums {
			copy(sums[i][:], t.bias)
		}
		sums8x2NEON(&t.x[p*t.xStep], &t.w[0], &sums[0][0], &t.offsets[0], len(t.offsets), t.length, t.xStep, t.n)
		for i := range t.n {
			t.end(p+i, 0, sums[i][:])
		}
	}
}

// sums8x2NEON adds the products of the first n of 8 neighbouring pixels, step elements apart, and of a panel of two
// registers of filters, to sums, a row of 8 a pixel. The rows from n on get those of the last pixel. n, runs and length are at
// least 1.
//
//go:noescape
func sums8x2NEON(x, w, sums *float32, offsets *int, runs, length, step, n int)
