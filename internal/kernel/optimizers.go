package kernel

import "math"

// SGD has the settings of SGDStep.
type SGD struct {
	Scale, Decay       float64
	Momentum, Share    float64
	Nesterov, Maximize bool
}

// SGDStep takes a step of parameters p with gradient g and velocity v, or nil for none:
//
//	d = g + Decay·p                   (Maximize: d = -g + Decay·p)
//	v = Momentum·v + Share·d          (no velocity: v = d)
//	p = p + Scale·v                   (Nesterov: p + Scale·(d + Momentum·v))
//
// All are of one length. Every operation is rounded, but where Go's compiler fuses a
// product and a sum.
func SGDStep[T Float](c *SGD, p, g, v []T) {
	if x, ok := any(p).([]float32); ok && active.vectors != nil && active.vectors.momentumStep != nil && len(p) > 0 {
		sgdAssembly(c, x, any(g).([]float32), any(v).([]float32))
		return
	}
	scale, decay, momentum, share := T(c.Scale), T(c.Decay), T(c.Momentum), T(c.Share)
	for i, d := range g[:len(p)] {
		if c.Maximize {
			d = -d
		}
		if decay != 0 {
			d += decay * p[i]
		}
		switch {
		case v == nil:
		case c.Nesterov:
			v[i] = momentum*v[i] + share*d
			d += momentum * v[i]
		default:
			v[i] = momentum*v[i] + share*d
			d = v[i]
		}
		p[i] += scale * d
	}
}

func sgdAssembly(c *SGD, p, g, v []float32) {
	by := direction(c.Maximize, c.Decay)
	by[4], by[5], by[6] = float32(c.Scale), float32(c.Momentum), float32(c.Share)
	by[7], by[8] = none, minusZero
	if c.Nesterov {
		by[7] = every
	}
	g = g[:len(p)]
	if v == nil {
		active.vectors.decayStep(len(p), &p[0], &g[0], by)
		return
	}
	v = v[:len(p)]
	active.vectors.momentumStep(len(p), &p[0], &g[0], &v[0], by)
}

// Adam has the settings of AdamStep.
type Adam struct {
	Scale, Decay, Keep float64
	Beta1, Beta2       float64
	Root, Eps          float64
	Maximize           bool
}

// AdamStep takes a step of parameters p with gradient g, the gradients' mean m and that of
// their squares v, and greatest, the greatest v so far, or nil to go by v itself:
//
//	d = g + Decay·p                   (Maximize: d = -g + Decay·p)
//	m = Beta1·m + (1 - Beta1)·d
//	v = Beta2·v + (1 - Beta2)·d·d
//	p = Keep·p + Scale·(m / (√v·Root + Eps))
//
// All are of one length. Every operation is rounded, but where Go's compiler fuses a
// product and a sum.
func AdamStep[T Float](c *Adam, p, g, m, v, greatest []T) {
	if x, ok := any(p).([]float32); ok && active.vectors != nil && active.vectors.adamStep != nil && len(p) > 0 && greatest == nil {
		adamAssembly(c, x, any(g).([]float32), any(m).([]float32), any(v).([]float32))
		return
	}
	scale, decay, keep, root, eps := T(c.Scale), T(c.Decay), T(c.Keep), T(c.Root), T(c.Eps)
	beta1, beta2, rest1, rest2 := T(c.Beta1), T(c.Beta2), T(1-c.Beta1), T(1-c.Beta2)
	for i, d := range g[:len(p)] {
		if c.Maximize {
			d = -d
		}
		if decay != 0 {
			d += decay * p[i]
		}
		m[i] = beta1*m[i] + rest1*d
		v[i] = beta2*v[i] + rest2*d*d
		square := v[i]
		if greatest != nil {
			greatest[i] = max(greatest[i], square)
			square = greatest[i]
		}
		step := m[i] / (T(math.Sqrt(float64(square)))*root + eps)
		p[i] = keep*p[i] + scale*step
	}
}

func adamAssembly(c *Adam, p, g, m, v []float32) {
	by := direction(c.Maximize, c.Decay)
	by[4], by[5] = float32(c.Scale), float32(c.Keep)
	by[6], by[7], by[8], by[9] = float32(c.Beta1), float32(1-c.Beta1), float32(c.Beta2), float32(1-c.Beta2)
	by[10], by[11] = float32(c.Root), float32(c.Eps)
	g, m, v = g[:len(p)], m[:len(p)], v[:len(p)]
	active.vectors.adamStep(len(p), &p[0], &g[0], &m[0], &v[0], by)
}

// constants are what the assembly is told of the settings of a step.
type constants [12]float32

// What the assembly selects by: no bit, all of them, and the sign, which is also the zero
// that changes nothing it is added to.
var none, every, minusZero = float32(0), math.Float32frombits(math.MaxUint32), math.Float32frombits(1 << 31)

// direction returns the constants with those for the direction of a step set.
func direction(maximize bool, decay float64) constants {
	by := constants{none, float32(decay), every, none}
	if maximize {
		by[0] = minusZero
	}
	if by[1] == 0 {
		by[2], by[3] = none, minusZero
	}
	return by
}
