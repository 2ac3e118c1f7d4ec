package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// normalisation writes the kernels of batch norms. They go over planes of float32, one after
// the other without gaps, with the numbers of a channel for each.
func normalisation() {
	for _, v := range []vec{{wide: true}, {}} {
		v.moments()
		v.normalize()
		for _, relu := range []bool{false, true} {
			v.gradMoments(relu)
			v.grad(relu)
		}
	}
}

// The places in the numbers of a channel, and how many bytes these are.
const (
	channelMean = 4 * iota
	channelScale
	channelOffset
	channelSlope
	channelShift
	channelBytes
)

// overPlanes writes a kernel that does to each of several planes what body says. The
// matrices are of planes, the numbers of float64, one a plane.
func (v vec) overPlanes(name, signature string, matrices, numbers []string, doc []string, body func(r row, at map[string]Register)) {
	TEXT(name, NOSPLIT, signature)
	Doc(doc...)
	Pragma("noescape")
	planes, size := Load(Param("planes"), GP64()), Load(Param("size"), GP64())
	at := map[string]Register{"by": Load(Param("by"), GP64())}
	for _, m := range append(matrices[:len(matrices):len(matrices)], numbers...) {
		at[m] = Load(Param(m), GP64())
	}
	r := v.row(name, size)
	SHLQ(Imm(2), size)
	Label("plane")
	body(r, at)
	ADDQ(Imm(channelBytes), at["by"])
	for _, m := range matrices {
		ADDQ(size, at[m])
	}
	for _, m := range numbers {
		ADDQ(Imm(8), at[m])
	}
	DECQ(planes)
	JNZ(LabelRef("plane"))
	VZEROUPPER()
	RET()
}

// number returns one of a channel's numbers in every lane.
func (v vec) number(by Register, disp int) VecVirtual {
	r := v.reg()
	VBROADCASTSS(Mem{Base: by, Disp: disp}, r)
	return r
}

// double returns r as float64, 0 in the lanes that p leaves out.
func (p part) double(r VecVirtual) [2]VecVirtual {
	if p.mask != nil {
		p.or(r, p.zero())
	}
	low, high := p.toDouble(r)
	return [2]VecVirtual{low, high}
}

// sums adds up x and x·y over a row, in float64, and writes both: part gives x and y, each
// in two registers.
func (r row) sums(first, second Mem, parts func(p part, at Register) (x, y [2]VecVirtual)) {
	var sum, dot [2]VecVirtual
	for i := range sum {
		sum[i], dot[i] = r.zero(), r.zero()
	}
	r.each("next", func(p part, at Register) {
		x, y := parts(p, at)
		for i := range sum {
			VADDPD(x[i], sum[i], sum[i])
			VFMADD231PD(x[i], y[i], dot[i])
		}
	})
	for _, total := range []struct {
		halves [2]VecVirtual
		to     Mem
	}{{sum, first}, {dot, second}} {
		low := total.halves[0]
		VADDPD(total.halves[1], low, low)
		r.fold(low, 8, VADDPD)
		VMOVSD(low.AsX(), total.to)
	}
}

func (v vec) moments() {
	name := v.name("moments")
	v.overPlanes(name, "func(planes, size int, x *float32, by *float32, sums, squares *float64)",
		[]string{"x"}, []string{"sums", "squares"},
		[]string{name + " adds up every plane of x less the mean, and its squares, in float64. There is at", "least one of each."},
		func(r row, at map[string]Register) {
			mean, shift := v.number(at["by"], channelMean), v.reg()
			VCVTPS2PD(v.low(mean), shift)
			r.sums(Mem{Base: at["sums"]}, Mem{Base: at["squares"]}, func(p part, i Register) (x, y [2]VecVirtual) {
				elements := p.load(in(at["x"], i))
				p.or(elements, mean)
				x[0], x[1] = v.toDouble(elements)
				for _, half := range x {
					VSUBPD(shift, half, half)
				}
				return x, x
			})
		})
}

// channel has the numbers of a channel that apply needs.
type channel struct{ mean, scale, offset VecVirtual }

func (v vec) channel(by Register) channel {
	return channel{v.number(by, channelMean), v.number(by, channelScale), v.number(by, channelOffset)}
}

// centred returns x - mean, in place.
func (c channel) centred(x VecVirtual) VecVirtual { VSUBPS(c.mean, x, x); return x }

// apply returns what an element becomes that lies d from the mean.
func (v vec) apply(c channel, d VecVirtual) VecVirtual {
	y := v.reg()
	VMULPS(c.scale, d, y)
	VADDPS(c.offset, y, y)
	return y
}

// whereActive makes g 0 where y is not positive; NaN counts as positive.
func (v vec) whereActive(g, y VecVirtual) {
	const notLessOrEqual = 6
	zero := v.zero()
	if v.wide {
		k := K()
		VCMPPS(Imm(notLessOrEqual), zero, y, k)
		VMOVAPS_Z(g, k, g)
		return
	}
	VCMPPS(Imm(notLessOrEqual), zero, y, y)
	VANDPS(g, y, g)
}

func (v vec) normalize() {
	name := v.name("normalize")
	v.overPlanes(name, "func(planes, size int, dst, x *float32, by *float32, least float32)",
		[]string{"dst", "x"}, nil,
		[]string{name + " computes the batch norm of every plane of x, and least where that is less.", "There is at least one of each."},
		func(r row, at map[string]Register) {
			c, least := v.channel(at["by"]), v.reg()
			VBROADCASTSS(Load(Param("least"), XMM()), least)
			r.each("next", func(p part, i Register) {
				y := v.apply(c, c.centred(p.load(in(at["x"], i))))
				VMAXPS(y, least, y) // of two zeros and of NaN it takes y
				p.store(y, in(at["dst"], i))
			})
		})
}

func (v vec) gradMoments(relu bool) {
	name, doc := v.name("gradMoments"), " adds up every plane of dy, and its products with x less the mean, in float64."
	if relu {
		name, doc = v.name("gradMomentsReLU"), " is gradMoments with dy 0 where the batch norm of x is not positive."
	}
	v.overPlanes(name, "func(planes, size int, dy, x *float32, by *float32, sums, dots *float64)",
		[]string{"dy", "x"}, []string{"sums", "dots"}, []string{name + doc, "There is at least one of each."},
		func(r row, at map[string]Register) {
			c := v.channel(at["by"])
			r.sums(Mem{Base: at["sums"]}, Mem{Base: at["dots"]}, func(p part, i Register) (x, y [2]VecVirtual) {
				d, g := c.centred(p.load(in(at["x"], i))), p.load(in(at["dy"], i))
				if relu {
					v.whereActive(g, v.apply(c, d))
				}
				return p.double(g), p.double(d)
			})
		})
}

func (v vec) grad(relu bool) {
	name, doc := v.name("grad"), " computes dst = dy*scale + (x-mean)*slope + shift for every plane."
	if relu {
		name, doc = v.name("gradReLU"), " is grad with dy 0 where the batch norm of x is not positive."
	}
	v.overPlanes(name, "func(planes, size int, dst, dy, x *float32, by *float32)",
		[]string{"dst", "dy", "x"}, nil, []string{name + doc, "There is at least one of each."},
		func(r row, at map[string]Register) {
			c := v.channel(at["by"])
			slope, shift := v.number(at["by"], channelSlope), v.number(at["by"], channelShift)
			r.each("next", func(p part, i Register) {
				d, g := c.centred(p.load(in(at["x"], i))), p.load(in(at["dy"], i))
				if relu {
					v.whereActive(g, v.apply(c, d))
				}
				VMULPS(c.scale, g, g)
				VMULPS(slope, d, d)
				VADDPS(shift, d, d)
				VADDPS(d, g, g)
				p.store(g, in(at["dst"], i))
			})
		})
}
