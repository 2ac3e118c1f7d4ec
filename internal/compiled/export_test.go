package compiled

import "math"

// Poison overwrites the memory of all arenas that no call has.
func (p *Program) Poison() {
	for range len(p.arenas.free) {
		a := p.arenas.take()
		for _, memory := range [][]float32{a.memory, a.input} {
			for i := range memory {
				memory[i] = float32(math.NaN())
			}
		}
		p.arenas.give(a)
	}
}
