package model

import (
	"fmt"
	"image"
	"iter"
)

// Ground is what pictures have at their borders. Drawings and things that were cut out lie on a
// light or a dark one, and a net that learnt one of them makes no sense of the other.
type Ground string

// The grounds. The empty string is that of a model that does not know.
const (
	DarkGround  Ground = "dark"
	LightGround Ground = "light"
	MixedGround Ground = "mixed" // some of both, or neither
)

// check returns an error unless g is a ground, or empty.
func (g Ground) check() error {
	switch g {
	case "", DarkGround, LightGround, MixedGround:
		return nil
	}
	return fmt.Errorf("ground: found %q, %s, %s or %s expected", string(g), DarkGround, LightGround, MixedGround)
}

// GroundOf returns the ground of pictures: dark if the borders of at least 19 in 20 of them have
// less than a third of white's brightness on average, light if those of as many have more than
// two thirds, else mixed. It is empty of no pictures. What is transparent lies on white.
func GroundOf(pictures iter.Seq[image.Image]) Ground {
	all, dark, light := 0, 0, 0
	for p := range pictures {
		all++
		switch v := border(p); {
		case v < 1./3:
			dark++
		case v > 2./3:
			light++
		}
	}
	switch {
	case all == 0:
		return ""
	case 20*dark >= 19*all:
		return DarkGround
	case 20*light >= 19*all:
		return LightGround
	}
	return MixedGround
}

// border returns the mean brightness of a picture's border, from 0 to 1. The border is as wide as
// a pixel of the picture scaled to 28 pixels. Of a small picture every pixel of it counts, and of
// others some that are evenly spread.
func border(p image.Image) float64 {
	const side = 28
	b := p.Bounds()
	w, h := b.Dx(), b.Dy()
	wide := max(min(w, h)/side, 1)
	sum, n := 0.0, 0
	add := func(x, y int) {
		r, g, b, a := p.At(x, y).RGBA()
		over := 0xffff - a
		sum += (19595*float64(r+over) + 38470*float64(g+over) + 7471*float64(b+over)) / (0xffff << 16)
		n++
	}
	for depth := 0; depth < wide; depth += max(wide/4, 1) {
		for x := 0; x < w; x += max(w/(2*side), 1) {
			add(b.Min.X+x, b.Min.Y+depth)
			add(b.Min.X+x, b.Max.Y-1-depth)
		}
		for y := 0; y < h; y += max(h/(2*side), 1) {
			add(b.Min.X+depth, b.Min.Y+y)
			add(b.Max.X-1-depth, b.Min.Y+y)
		}
	}
	return sum / float64(max(n, 1))
}
