package picture

import (
	"encoding/binary"
	"errors"
	"image"
)

// pngHeader goes over the chunks of a PNG: 4 bytes of length, 4 of type, the content, and a
// checksum of 4.
func pngHeader(data []byte) (header, error) {
	h := header{content: data, orientation: 1}
	var head, exif []byte // the contents of the chunks IHDR and eXIf
	var transparent, begun, ended bool
	for rest := data[8:]; len(rest) >= 12 && !ended; {
		n := uint64(binary.BigEndian.Uint32(rest))
		if n > uint64(len(rest)-12) {
			break
		}
		name, content := string(rest[4:8]), rest[8:8+n]
		rest = rest[12+n:]
		switch name {
		case "IHDR":
			if head == nil {
				head = content
			}
		case "acTL": // says how many pictures an animated PNG has
			if len(content) == 8 && !begun {
				h.animated = binary.BigEndian.Uint32(content) > 1
			}
		case "tRNS":
			transparent = true
		case "eXIf":
			if exif == nil {
				exif = content
			}
		case "IDAT":
			begun = true
		case "IEND":
			ended = true
		}
	}
	if len(head) != 13 {
		return header{}, errors.New("no header")
	}
	h.size = image.Pt(int(binary.BigEndian.Uint32(head)), int(binary.BigEndian.Uint32(head[4:])))
	h.orientation = exifOrientation(exif)

	depth, kind, interlaced := head[8], head[9], head[12] != 0
	channels, bytes := 1.0, 1.0 // of a pixel: in the file, and of 8 bits each when decoded
	switch kind {
	case 2: // red, green and blue
		channels, bytes = 3, 4
	case 4: // grey and alpha
		channels, bytes = 2, 4
	case 6: // all four
		channels, bytes = 4, 4
	}
	if transparent && kind == 0 {
		bytes = 4
	}
	if depth == 16 {
		bytes *= 2
	}
	pixels := float64(h.size.X) * float64(h.size.Y)
	h.turning = bytes * pixels
	h.memory = bytes*pixels + 2*float64(h.size.X)*channels*float64(depth)/8 // and two rows
	if interlaced {
		h.memory += bytes * pixels // seven parts, which are put together
	}
	return h, nil
}
