package picture

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"slices"

	"golang.org/x/image/bmp"
)

// isBMP says whether a file begins as a BMP does: "BM", and at byte 14 the size of a header
// that there is. Two letters would be the beginning of many a text.
func isBMP(head string) bool {
	return len(head) >= 18 && head[:2] == "BM" &&
		slices.Contains([]uint32{12, 40, 52, 56, 64, 108, 124}, binary.LittleEndian.Uint32([]byte(head[14:18])))
}

func bmpHeader(data []byte) (header, error) {
	config, err := bmp.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return header{}, err
	}
	bytes := 4.0
	if _, ok := config.ColorModel.(color.Palette); ok {
		bytes = 1
	}
	size := bytes * float64(config.Width) * float64(config.Height)
	return header{
		content: data, size: image.Pt(config.Width, config.Height), orientation: 1,
		memory: size + 4*float64(config.Width), // a row besides
	}, nil
}
