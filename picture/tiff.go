package picture

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"math"

	"golang.org/x/image/tiff"
)

// maxBlocks is how many strips or tiles a TIFF may have, as each takes a decompressor.
const maxBlocks = 1 << 16

// tiffHeader reads how a TIFF's first picture is divided, on which depends what its decoder
// takes: a strip or a tile may be as large as the picture, and is first decompressed whole.
func tiffHeader(data []byte) (header, error) {
	config, err := tiff.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return header{}, err
	}
	d := readDirectory(data)
	width, height := float64(config.Width), float64(config.Height)
	blockWidth, blockHeight := width, height
	if tile := float64(d.value(tagTileWidth)); tile > 0 {
		blockWidth, blockHeight = tile, float64(d.value(tagTileLength))
	} else if rows := float64(d.value(tagRowsPerStrip)); rows > 0 {
		blockHeight = min(rows, height)
	}
	if blocks := math.Ceil(width/blockWidth) * math.Ceil(height/blockHeight); blocks > maxBlocks {
		return header{}, fmt.Errorf("found %.0f strips or tiles, at most %d expected", blocks, maxBlocks)
	}
	// The decoder takes up to 8 bytes a pixel from a block. The buffer that they go to may
	// double when it grows, with the former one beside it. What is not compressed is at most
	// what the file has, and grows by a quarter.
	block := 3 * 8 * blockWidth * blockHeight
	if c := d.value(tagCompression); c <= 1 {
		block = min(block, 2.25*float64(len(data))+20<<20)
	}
	bytes := 8.0
	switch config.ColorModel {
	case color.GrayModel:
		bytes = 1
	case color.Gray16Model:
		bytes = 2
	case color.RGBAModel, color.NRGBAModel:
		bytes = 4
	}
	if _, ok := config.ColorModel.(color.Palette); ok {
		bytes = 1
	}
	return header{
		content: data, size: image.Pt(config.Width, config.Height),
		orientation: d.orientation(), animated: d.more(),
		memory: bytes*width*height + block, turning: bytes * width * height,
	}, nil
}
