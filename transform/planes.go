package transform

import "image"

// wholeColours reports whether a picture has pixels, and none of its colours begins outside it, as
// one may of a part of a picture.
func wholeColours(img *image.YCbCr) bool {
	across, along := subsampling(img.SubsampleRatio)
	return !img.Rect.Empty() && img.Rect.Min.X%across == 0 && img.Rect.Min.Y%along == 0
}

// scalePlanes returns a picture of brightness and whole colours as a colour raster of the given
// size.
//
// Brightness and both colours are scaled by themselves, each from the values that are stored,
// and become red, green and blue afterwards. So the colours of every second pixel are never
// spread over all pixels first, and nothing else is done to pixels that are scaled away.
func scalePlanes(img *image.YCbCr, width, height int, f filter, work *Workspace) raster {
	across, along := subsampling(img.SubsampleRatio)
	b, size := img.Rect, img.Rect.Size()
	columns, rows := work.tapsOf(f, size.X, width, 1), work.tapsOf(f, size.Y, height, 1)
	y := raster{img.Y[img.YOffset(b.Min.X, b.Min.Y):], size.X, size.Y, img.YStride, 1, work}.scale(columns, rows)
	columns, rows = work.tapsOf(f, size.X, width, across), work.tapsOf(f, size.Y, height, along)
	colour := func(plane []uint8) raster {
		at := img.COffset(b.Min.X, b.Min.Y)
		return raster{plane[at:], (size.X + across - 1) / across, (size.Y + along - 1) / along, img.CStride, 1, work}.scale(columns, rows)
	}
	cb, cr := colour(img.Cb), colour(img.Cr)
	out := raster{work.blank(4 * width * height), width, height, 4 * width, 4, work}
	for i := range height {
		colours(out.row(i), y.row(i), cb.row(i), cr.row(i))
	}
	return out
}

// scale returns a grey r scaled by taps.
func (r raster) scale(columns, rows []tap) raster {
	scaled := r.blank(len(columns), r.height)
	r.scaleRowsTo(scaled, columns)
	out := r.blank(len(columns), len(rows))
	scaled.scaleColumnsTo(out, rows)
	return out
}

// stored returns taps of n values as taps of those that are stored for every second value, or
// every fourth. Between second ones colours change evenly, as libjpeg has them: a value is three
// quarters of the one that is stored for it, and a quarter of the next nearest.
func stored(taps []tap, n, every int) []tap {
	if every == 1 {
		return taps
	}
	last := (n+every-1)/every - 1
	of := make([]tap, len(taps))
	for i, t := range taps {
		first := max(t.first/every-1, 0)
		end := min((t.first+len(t.weights)-1)/every+1, last) + 1
		quarters := make([]uint32, end-first)
		for k, w := range t.weights {
			at := (t.first + k) / every
			near := at
			if every == 2 {
				near = min(max(at-1+(t.first+k)%2*2, 0), last)
			}
			quarters[at-first] += 3 * w
			quarters[near-first] += w
		}
		for len(quarters) > 1 && quarters[0] == 0 {
			first, quarters = first+1, quarters[1:]
		}
		for len(quarters) > 1 && quarters[len(quarters)-1] == 0 {
			quarters = quarters[:len(quarters)-1]
		}
		for k := range quarters {
			quarters[k] = uint32((int32(quarters[k]) + 2) >> 2)
		}
		of[i] = tap{first, quarters}
	}
	return of
}

// subsampling returns how many columns and rows of pixels have one colour.
func subsampling(ratio image.YCbCrSubsampleRatio) (across, along int) {
	switch ratio {
	case image.YCbCrSubsampleRatio422:
		return 2, 1
	case image.YCbCrSubsampleRatio420:
		return 2, 2
	case image.YCbCrSubsampleRatio440:
		return 1, 2
	case image.YCbCrSubsampleRatio411:
		return 4, 1
	case image.YCbCrSubsampleRatio410:
		return 4, 2
	}
	return 1, 1
}

// colours writes to a row of four bytes a pixel the red, green and blue of a row of brightness
// and colours, as image/color has them.
func colours(to, y, cb, cr []uint8) {
	cb, cr, to = cb[:len(y)], cr[:len(y)], to[:4*len(y)]
	for i, v := range y {
		level := int32(v) * 0x10101
		b, r := int32(cb[i])-128, int32(cr[i])-128
		at := to[4*i:][:4]
		at[0], at[1], at[2], at[3] = level8(level+91881*r), level8(level-22554*b-46802*r), level8(level+116130*b), 255
	}
}

// level8 returns the 8 bits that a value of 24 is rounded to, within their range.
func level8(v int32) uint8 {
	if uint32(v)&0xff000000 == 0 {
		return uint8(v >> 16)
	}
	return uint8(^(v >> 31))
}
