package transform

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/onehot-go/onehot/random"
)

// ColorJitter changes brightness, contrast, saturation and hue of an image by random amounts,
// in a random order: torchvision's. The values are those of its adjust_brightness,
// adjust_contrast, adjust_saturation and adjust_hue of an image, to the bit. A grey image has
// no saturation and no hue to change.
type ColorJitter struct {
	Brightness float64 // multiplies by 1-Brightness to 1+Brightness, but no less than 0
	Contrast   float64 // multiplies the distance from the mean of the greys, in the same way
	Saturation float64 // multiplies the distance from a pixel's own grey, in the same way
	Hue        float64 // turns the circle of colours by -Hue to Hue of a whole turn; at most 0.5
}

// Apply gives an *image.Gray of a grey image and an opaque *image.RGBA of a colour one.
func (t ColorJitter) Apply(p Input, chance random.Key) (Input, error) {
	return moved("color jitter", t, p, chance)
}

// InEvaluation returns nil: an image stays as it is.
func (ColorJitter) InEvaluation() Transform { return nil }

func (t ColorJitter) fits(_, _ int) error {
	for _, v := range []float64{t.Brightness, t.Contrast, t.Saturation, t.Hue} {
		if !(v >= 0 && v < math.MaxFloat32) {
			return &Error{Op: "color jitter", Found: fmt.Sprintf("an amount of %v", v), Expected: "0 or more, and finite as a float32"}
		}
	}
	if t.Hue > 0.5 {
		return &Error{Op: "color jitter", Found: fmt.Sprintf("a hue of %v", t.Hue), Expected: "0 to 0.5"}
	}
	return nil
}

func (t ColorJitter) move(v view, chance random.Key, m *memory) view {
	for _, change := range t.draw(chance.Rand()) {
		v = change.kind(m.owned(v), change.by, m)
	}
	return v
}

// adjustment is a change of colours by a number.
type adjustment struct {
	kind func(v view, by float64, m *memory) view // of planes that it may change
	by   float64
}

// draw returns the changes, one after the other.
func (t ColorJitter) draw(r *rand.Rand) []adjustment {
	order := r.Perm(4)
	var all [4]adjustment
	for i, amount := range []float64{t.Brightness, t.Contrast, t.Saturation} {
		if amount > 0 {
			all[i] = adjustment{[]func(view, float64, *memory) view{brightness, contrast, saturation}[i],
				between(r, [2]float64{max(1-amount, 0), 1 + amount})}
		}
	}
	if t.Hue > 0 {
		all[3] = adjustment{hue, around(r, t.Hue)}
	}
	var chosen []adjustment
	for _, i := range order {
		if all[i].kind != nil {
			chosen = append(chosen, all[i])
		}
	}
	return chosen
}

// blend returns the value at by on the way from one to the other, and beyond, as PIL's blend
// does: in float32, cut off to a whole number.
func blend(from, to uint8, by float32) uint8 {
	v := float32(from) + float32(by*float32(int(to)-int(from)))
	switch {
	case v <= 0:
		return 0
	case v >= 255:
		return 255
	}
	return uint8(v)
}

// luma returns the grey of a colour, as Grayscale makes it.
func luma(r, g, b uint8) uint8 {
	return uint8((19595*uint32(r) + 38470*uint32(g) + 7471*uint32(b) + 1<<15) >> 16)
}

// colours returns the channels of colour planes without gaps.
func (v view) colours() (r, g, b []uint8) {
	return v.pix[:v.area], v.pix[v.area:][:v.area], v.pix[2*v.area:][:v.area]
}

// lookUp makes table[b] of every value b of pix.
func lookUp(pix []uint8, table *[256]uint8) {
	for i, b := range pix {
		pix[i] = table[b]
	}
}

// blendAll brings all values from one value on the way to their own.
func blendAll(v view, from uint8, by float64) view {
	var table [256]uint8
	for to := range table {
		table[to] = blend(from, uint8(to), float32(by))
	}
	lookUp(v.pix, &table)
	return v
}

// brightness multiplies all values.
func brightness(v view, by float64, _ *memory) view { return blendAll(v, 0, by) }

// contrast multiplies the distances from the mean grey, which is rounded.
func contrast(v view, by float64, _ *memory) view {
	sum := 0
	if v.channels == 1 {
		for _, grey := range v.pix {
			sum += int(grey)
		}
	} else {
		r, g, b := v.colours()
		for i := range r {
			sum += int(luma(r[i], g[i], b[i]))
		}
	}
	return blendAll(v, uint8(float64(sum)/float64(v.area)+0.5), by)
}

// saturation multiplies the distances from a pixel's grey.
func saturation(v view, by float64, _ *memory) view {
	if v.channels == 1 {
		return v
	}
	r, g, b := v.colours()
	for i := range r {
		grey := luma(r[i], g[i], b[i])
		r[i], g[i], b[i] = blend(grey, r[i], float32(by)), blend(grey, g[i], float32(by)), blend(grey, b[i], float32(by))
	}
	return v
}

// hue turns the circle of colours.
func hue(v view, by float64, _ *memory) view {
	if v.channels == 1 {
		return v
	}
	turn := uint8(int(by * 255))
	r, g, b := v.colours()
	for i := range r {
		if h, s, value := toHSV(r[i], g[i], b[i]); s > 0 {
			r[i], g[i], b[i] = fromHSV(h+turn, s, value)
		}
	}
	return v
}

// hues says where on the circle a colour is, in sixths of it: at, and so much of the share that
// the middle channel has. The index has a bit each for red not below green, green not below blue
// and red not below blue, as no colour has all of 3 and all of 4.
var hues = [8]struct{ at, share float64 }{0: {3, 1}, 1: {5, -1}, 2: {3, -1}, 5: {-1, 1}, 6: {1, 1}, 7: {1, -1}}

// toHSV returns hue, saturation and value of a colour as PIL computes them, with 256 hues
// and with fractions cut off.
func toHSV(r, g, b uint8) (h, s, v uint8) {
	most, least := max(r, g, b), min(r, g, b)
	if most == least {
		return 0, 0, most
	}
	span := float32(most - least)
	// The share of a channel is its distance from the greatest: 0 of that, and 1 of the least.
	share := float64(float32(most-(r+g+b-most-least)) / span)
	order := 0
	if r >= g {
		order |= 1
	}
	if g >= b {
		order |= 2
	}
	if r >= b {
		order |= 4
	}
	at := float32(hues[order].at + float64(hues[order].share*share))
	turn := float64(at)/6 + 1
	turn -= float64(int(turn))
	return uint8(float64(float32(turn)) * 255), uint8(float64(span/float32(most)) * 255), most
}

// sixths says which channel of red, green and blue is the greatest in a sixth of the circle, 0, which
// the middle one, 1, and which the least, 2.
var sixths = [7][3]uint8{{0, 1, 2}, {1, 0, 2}, {2, 0, 1}, {2, 1, 0}, {1, 2, 0}, {0, 2, 1}, {0, 1, 2}}

// fromHSV returns the colour of hue, saturation and value. PIL computes it in floats: these
// whole numbers give the same of all.
func fromHSV(h, s, v uint8) (r, g, b uint8) {
	const hundred = 255 * 85 // all of a saturation, and of a sixth of 255 hues
	sixth, part := 2*uint32(h)/85, 2*uint32(h)%85
	if sixth%2 == 0 { // from the least to the greatest
		part = 85 - part
	}
	shade := func(less uint32) uint8 { return uint8((2*uint32(v)*(hundred-less) + hundred) / (2 * hundred)) }
	shades := [4]uint8{v, shade(uint32(s) * part), shade(uint32(s) * 85)}
	of := &sixths[sixth]
	return shades[of[0]&3], shades[of[1]&3], shades[of[2]&3]
}

// sharpness multiplies the distances from the picture smoothed: the mean of 3 by 3 pixels, in
// which the middle counts five times. The pixels at the edges stay as they are.
func sharpness(v view, by float64, m *memory) view {
	if v.height < 3 || v.width < 3 {
		return v
	}
	out := m.blank(v.channels, v.height, v.width)
	copy(out.pix, v.pix)
	for c := range v.channels {
		for y := 1; y < v.height-1; y++ {
			above, row, below, to := v.row(c, y-1), v.row(c, y), v.row(c, y+1), out.row(c, y)
			for x := 1; x < v.width-1; x++ {
				column := func(x int) int { return int(above[x]) + int(row[x]) + int(below[x]) }
				sum := column(x-1) + column(x) + column(x+1) + 4*int(row[x])
				to[x] = blend(uint8((2*sum+13)/26), row[x], float32(by))
			}
		}
	}
	return out
}

// posterize keeps the given number of bits of each value.
func posterize(v view, keep float64, _ *memory) view {
	mask := uint8(0xff) << (8 - int(keep))
	for i := range v.pix {
		v.pix[i] &= mask
	}
	return v
}

// solarize makes a negative of values from the threshold on.
func solarize(v view, threshold float64, _ *memory) view {
	for i, b := range v.pix {
		if float64(b) >= threshold {
			v.pix[i] = 255 - b
		}
	}
	return v
}

// autocontrast spreads the values of each channel from 0 to 255.
func autocontrast(v view, _ float64, _ *memory) view {
	eachHistogram(v, func(counts *[256]int, table *[256]uint8) bool {
		least, most := 0, 255
		for least < 255 && counts[least] == 0 {
			least++
		}
		for most > 0 && counts[most] == 0 {
			most--
		}
		if most <= least {
			return false
		}
		scale := 255 / float64(most-least)
		shift := -float64(least) * scale
		for b := range table {
			table[b] = uint8(min(max(int(float64(float64(b)*scale)+shift), 0), 255))
		}
		return true
	})
	return v
}

// equalize spreads the values of each channel so that, as far as may be, none is more
// frequent than others.
func equalize(v view, _ float64, _ *memory) view {
	eachHistogram(v, func(counts *[256]int, table *[256]uint8) bool {
		all, last := 0, 0
		for _, n := range counts {
			all += n
			if n > 0 {
				last = n
			}
		}
		step := (all - last) / 255
		if step == 0 {
			return false
		}
		sum := step / 2
		for b, n := range counts {
			table[b] = uint8(min(sum/step, 255))
			sum += n
		}
		return true
	})
	return v
}

// eachHistogram looks the values of each channel up in the table that make makes of their
// counts, unless it returns false.
func eachHistogram(v view, make func(counts *[256]int, table *[256]uint8) bool) {
	for c := range v.channels {
		plane := v.pix[c*v.area:][:v.area]
		var counts [256]int
		for _, b := range plane {
			counts[b]++
		}
		var table [256]uint8
		if make(&counts, &table) {
			lookUp(plane, &table)
		}
	}
}
