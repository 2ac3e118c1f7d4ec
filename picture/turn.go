package picture

import (
	"fmt"
	"image"
	"image/color"
)

// turn is how a picture that was stored with an EXIF orientation becomes upright: first
// mirrored, then transposed.
type turn struct {
	mirrorX, mirrorY bool // the picture as stored, left to right and top to bottom
	transpose        bool
}

// turns is by orientation.
var turns = [9]turn{
	2: {mirrorX: true},
	3: {mirrorX: true, mirrorY: true},
	4: {mirrorY: true},
	5: {transpose: true},
	6: {mirrorY: true, transpose: true},
	7: {mirrorX: true, mirrorY: true, transpose: true},
	8: {mirrorX: true, transpose: true},
}

// upright returns img as it is seen, when it was stored with the given EXIF orientation.
// Its type stays the same.
func upright(img image.Image, orientation int) image.Image {
	t := turns[orientation]
	if t == (turn{}) {
		return img
	}
	size := img.Bounds().Size()
	bounds := image.Rectangle{Max: t.size(size)}
	pixels := func(pix []byte, stride, bytes int) ([]byte, int) {
		return t.plane(pix, stride, size, bytes), bounds.Max.X * bytes
	}
	switch img := img.(type) {
	case *image.Gray:
		out := &image.Gray{Rect: bounds}
		out.Pix, out.Stride = pixels(img.Pix, img.Stride, 1)
		return out
	case *image.Gray16:
		out := &image.Gray16{Rect: bounds}
		out.Pix, out.Stride = pixels(img.Pix, img.Stride, 2)
		return out
	case *image.Paletted:
		out := &image.Paletted{Rect: bounds, Palette: img.Palette}
		out.Pix, out.Stride = pixels(img.Pix, img.Stride, 1)
		return out
	case *image.RGBA:
		out := &image.RGBA{Rect: bounds}
		out.Pix, out.Stride = pixels(img.Pix, img.Stride, 4)
		return out
	case *image.NRGBA:
		out := &image.NRGBA{Rect: bounds}
		out.Pix, out.Stride = pixels(img.Pix, img.Stride, 4)
		return out
	case *image.RGBA64:
		out := &image.RGBA64{Rect: bounds}
		out.Pix, out.Stride = pixels(img.Pix, img.Stride, 8)
		return out
	case *image.NRGBA64:
		out := &image.NRGBA64{Rect: bounds}
		out.Pix, out.Stride = pixels(img.Pix, img.Stride, 8)
		return out
	case *image.CMYK:
		out := &image.CMYK{Rect: bounds}
		out.Pix, out.Stride = pixels(img.Pix, img.Stride, 4)
		return out
	case *image.YCbCr:
		return t.yCbCr(img)
	case *image.NYCbCrA:
		out := &image.NYCbCrA{YCbCr: *t.yCbCr(&img.YCbCr)}
		out.A, out.AStride = pixels(img.A, img.AStride, 1)
		return out
	}
	panic(fmt.Sprintf("a picture as a %T cannot be turned", img))
}

// size returns the size of a picture of the given size when it is turned.
func (t turn) size(p image.Point) image.Point {
	if t.transpose {
		return image.Pt(p.Y, p.X)
	}
	return p
}

// plane returns pixels of so many bytes each turned, without gaps. Row y of what is given
// begins at pix[y*stride].
func (t turn) plane(pix []byte, stride int, size image.Point, bytes int) []byte {
	out := make([]byte, size.X*size.Y*bytes)
	// The pixel at (x, y) of out is at from + x*right + y*down in pix.
	from, right, down := 0, bytes, stride
	if t.mirrorX {
		from, right = from+(size.X-1)*bytes, -right
	}
	if t.mirrorY {
		from, down = from+(size.Y-1)*stride, -down
	}
	if t.transpose {
		right, down = down, right
	}
	size = t.size(size)
	// Tiles keep the lines of memory that a transposition reads across in the cache.
	const tile = 64
	for y0 := 0; y0 < size.Y; y0 += tile {
		for x0 := 0; x0 < size.X; x0 += tile {
			for y := y0; y < min(y0+tile, size.Y); y++ {
				i := from + x0*right + y*down
				row := out[(y*size.X+x0)*bytes : (y*size.X+min(x0+tile, size.X))*bytes]
				if bytes == 1 {
					for x := range row {
						row[x] = pix[i]
						i += right
					}
					continue
				}
				for len(row) > 0 {
					copy(row[:bytes], pix[i:])
					row = row[bytes:]
					i += right
				}
			}
		}
	}
	return out
}

// transposed is the subsampling of a picture's transpose, for those that have one.
var transposed = map[image.YCbCrSubsampleRatio]image.YCbCrSubsampleRatio{
	image.YCbCrSubsampleRatio444: image.YCbCrSubsampleRatio444,
	image.YCbCrSubsampleRatio422: image.YCbCrSubsampleRatio440,
	image.YCbCrSubsampleRatio420: image.YCbCrSubsampleRatio420,
	image.YCbCrSubsampleRatio440: image.YCbCrSubsampleRatio422,
}

// yCbCr returns img turned. Where a colour would no longer be that of the same pixels, as
// when a picture of odd width with a colour for every two columns is mirrored, every pixel
// gets its own.
func (t turn) yCbCr(img *image.YCbCr) *image.YCbCr {
	size := img.Rect.Size()
	across, along := Subsampling(img.SubsampleRatio)
	ratio, same := img.SubsampleRatio, true
	if t.transpose {
		ratio, same = transposed[ratio]
	}
	if !same || t.mirrorX && size.X%across != 0 || t.mirrorY && size.Y%along != 0 {
		img = everyPixel(img)
		across, along, ratio = 1, 1, image.YCbCrSubsampleRatio444
	}
	colours := image.Pt((size.X+across-1)/across, (size.Y+along-1)/along)
	return &image.YCbCr{
		Y:              t.plane(img.Y, img.YStride, size, 1),
		Cb:             t.plane(img.Cb, img.CStride, colours, 1),
		Cr:             t.plane(img.Cr, img.CStride, colours, 1),
		YStride:        t.size(size).X,
		CStride:        t.size(colours).X,
		SubsampleRatio: ratio,
		Rect:           image.Rectangle{Max: t.size(size)},
	}
}

// Subsampling returns how many columns and rows of pixels have one colour.
func Subsampling(ratio image.YCbCrSubsampleRatio) (across, along int) {
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

// everyPixel returns img with a colour for every pixel; the brightness is img's own.
func everyPixel(img *image.YCbCr) *image.YCbCr {
	size := img.Rect.Size()
	out := *img
	out.SubsampleRatio = image.YCbCrSubsampleRatio444
	out.Cb, out.Cr, out.CStride = make([]byte, size.X*size.Y), make([]byte, size.X*size.Y), size.X
	for y := range size.Y {
		for x := range size.X {
			from := img.COffset(img.Rect.Min.X+x, img.Rect.Min.Y+y)
			out.Cb[y*size.X+x] = img.Cb[from]
			out.Cr[y*size.X+x] = img.Cr[from]
		}
	}
	return &out
}

// onCanvas returns img at the given place of a transparent canvas.
func onCanvas(img image.Image, at, size image.Point) *image.NRGBA {
	canvas := image.NewNRGBA(image.Rectangle{Max: size})
	colour := func(x, y int) color.NRGBA { return color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA) }
	if p, ok := img.(*image.Paletted); ok { // as a GIF's is: a colour is converted once
		var colours [256]color.NRGBA
		for i, c := range p.Palette {
			colours[i] = color.NRGBAModel.Convert(c).(color.NRGBA)
		}
		colour = func(x, y int) color.NRGBA { return colours[p.Pix[y*p.Stride+x]] }
	}
	seen := img.Bounds().Add(at).Intersect(canvas.Bounds())
	for y := seen.Min.Y; y < seen.Max.Y; y++ {
		for x := seen.Min.X; x < seen.Max.X; x++ {
			canvas.SetNRGBA(x, y, colour(x-at.X, y-at.Y))
		}
	}
	return canvas
}
