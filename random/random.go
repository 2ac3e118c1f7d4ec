// Package random makes chance a function of where it is used: a Key is derived from a
// seed and the names and numbers of the place (purpose, epoch, sample), and gives a
// generator of its own. There is no hidden stream, so the order of samples and every
// augmentation are the same for any number of workers, and a resumed run draws what
// the run that was never stopped would have drawn.
package random

import "math/rand/v2"

// Key names one place at which chance is used. The zero Key is valid. Keys are values:
// deriving one from another changes neither.
type Key struct{ hi, lo uint64 }

// New returns the key of seed.
func New(seed uint64) Key {
	return Key{hi: mix(seed ^ 0x6f6e65686f740001), lo: mix(seed + 0x9e3779b97f4a7c15)}
}

// For returns the key of the named purpose under k: "shuffle", "init/linear".
func (k Key) For(purpose string) Key {
	// FNV-1a over the name, then mixed into both halves.
	h := uint64(14695981039346656037)
	for i := range len(purpose) {
		h = (h ^ uint64(purpose[i])) * 1099511628211
	}
	return k.fold(h ^ 0x5bf03635f0a5b1c5)
}

// At returns the key of the n-th place under k: an epoch, a sample's index.
func (k Key) At(n int) Key { return k.fold(uint64(n)) }

// Rand returns a new generator that depends on k alone.
func (k Key) Rand() *rand.Rand { return rand.New(rand.NewPCG(k.hi, k.lo)) }

func (k Key) fold(v uint64) Key {
	return Key{hi: mix(k.hi ^ mix(v+0x9e3779b97f4a7c15)), lo: mix(k.lo + mix(v^0xd1b54a32d192ed03))}
}

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable
// pseudorandom number generators", 2014): a bijection in which every input bit reaches
// every output bit.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
