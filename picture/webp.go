package picture

import (
	"bytes"
	"encoding/binary"
	"image"
	"io"
	"iter"
	"math"
	"slices"

	"golang.org/x/image/webp"
)

// webpHeader goes over the chunks of a WebP. Of an animated one the decoder gets a file of
// the first picture alone, since golang.org/x/image knows no animation.
func webpHeader(data []byte) (header, error) {
	h := header{content: data, orientation: 1}
	var canvas image.Point
	var frame image.Rectangle
	for name, content := range webpChunks(data[12:]) {
		switch {
		case name == "VP8X" && len(content) == 10:
			canvas = image.Pt(1+uint24(content[4:]), 1+uint24(content[7:]))
		case name == "EXIF":
			h.orientation = exifOrientation(content)
		case name == "ANMF" && len(content) >= 16 && frame.Empty():
			at, size := image.Pt(2*uint24(content), 2*uint24(content[3:])), image.Pt(1+uint24(content[6:]), 1+uint24(content[9:]))
			frame = image.Rectangle{at, at.Add(size)}
			h.content = webpOfFrame(content)
		case name == "ANMF":
			h.animated = true
		}
	}
	config, err := webp.DecodeConfig(bytes.NewReader(h.content))
	if err != nil {
		return header{}, err
	}
	h.size = image.Pt(config.Width, config.Height)
	pixels := float64(h.size.X) * float64(h.size.Y)
	for name := range webpChunks(h.content[12:]) {
		switch name {
		case "VP8 ":
			h.memory += 1.5*float64(h.size.X+15)*float64(h.size.Y+15) + float64(len(h.content))
			h.turning += 6 * pixels
		case "VP8L", "ALPH":
			// A byte is for the alpha that is made of an ALPH; four are the pixels, five
			// what they are transformed to and what guides that. A tile of 4×4 pixels may
			// have codes of its own, of which x/image takes no more than 2,600 kinds.
			tiles := float64((h.size.X+3)/4) * float64((h.size.Y+3)/4)
			h.memory += 10*pixels + 64<<10*min(tiles, 2600)
			h.turning += 4 * pixels
		}
	}
	if !frame.Empty() {
		h.memory += float64(len(h.content))
		h.place(frame, canvas)
	}
	return h, nil
}

// webpChunks goes over chunks, each with its name and content: 4 bytes of name, 4 of length,
// the content, and one more where that is odd. The last content may be cut off.
func webpChunks(b []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for len(b) >= 8 {
			n := uint64(binary.LittleEndian.Uint32(b[4:]))
			if !yield(string(b[:4]), b[8:min(8+n, uint64(len(b)))]) {
				return
			}
			b = b[min(8+n+n&1, uint64(len(b))):]
		}
	}
}

// webpOfFrame returns a file with the picture that an ANMF chunk has: 16 bytes of place,
// size, duration and flags, and chunks as those of a file with one picture.
func webpOfFrame(content []byte) []byte {
	extended := slices.Concat([]byte("VP8X\x0a\x00\x00\x00\x00\x00\x00\x00"), content[6:12])
	for name := range webpChunks(content[16:]) {
		if name == "ALPH" {
			extended[8] = 1 << 4 // says that there is one
		}
	}
	file := slices.Concat([]byte("RIFF\x00\x00\x00\x00WEBP"), extended, content[16:])
	binary.LittleEndian.PutUint32(file[4:], uint32(len(file)-8))
	return file
}

// decodeWebP is webp.Decode with colours as they are seen. A lossy WebP has brightness from
// 16 to 235 and colours from 16 to 240, as video has; image.YCbCr, which x/image returns
// them in, has both from 0 to 255, so that black would be grey (go.dev/issue/40173).
func decodeWebP(r io.Reader) (image.Image, error) {
	img, err := webp.Decode(r)
	var planes *image.YCbCr
	switch img := img.(type) {
	case *image.YCbCr:
		planes = img
	case *image.NYCbCrA:
		planes = &img.YCbCr
	default:
		return img, err
	}
	var brightness, colour [256]uint8
	for v := range 256 {
		brightness[v] = uint8(math.Round(max(0, min(255, float64(v-16)*255/219))))
		colour[v] = uint8(math.Round(max(0, min(255, 128+float64(v-128)*255/224))))
	}
	for i, v := range planes.Y {
		planes.Y[i] = brightness[v]
	}
	for i, v := range planes.Cb {
		planes.Cb[i] = colour[v]
	}
	for i, v := range planes.Cr {
		planes.Cr[i] = colour[v]
	}
	return img, nil
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }
