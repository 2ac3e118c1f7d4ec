package picture

import (
	"encoding/binary"
	"errors"
	"image"
	"io"
	"slices"
)

// gifHeader goes over the blocks of a GIF up to its second picture, if it has one. What the
// decoder gets is the first alone, on a canvas of its own size: image/gif would refuse one
// that reaches beyond the file's canvas, where what is beyond is cut.
func gifHeader(data []byte) (header, error) {
	const (
		extension      = 0x21
		graphicControl = 0xf9
		descriptor     = 0x2c
		trailer        = 0x3b
		interlaced     = 0x40
	)
	if len(data) < 13 {
		return header{}, io.ErrUnexpectedEOF
	}
	screen := data[:min(13+gifColours(data[10]), len(data))]
	h := header{orientation: 1}
	var control []byte // what is said of the picture that follows
	for rest := data[len(screen):]; len(rest) > 0 && rest[0] != trailer; {
		switch rest[0] {
		case extension:
			if len(rest) >= 8 && rest[1] == graphicControl && rest[2] == 4 && rest[7] == 0 {
				control = rest[:8]
			}
			rest = afterBlocks(rest[min(2, len(rest)):])
		case descriptor:
			if h.content != nil {
				h.animated = true
				return h, nil
			}
			if len(rest) < 10 {
				return header{}, io.ErrUnexpectedEOF
			}
			place, size := gifPoint(rest[1:]), gifPoint(rest[5:])
			flags := rest[9]
			begin := min(10+gifColours(flags)+1, len(rest)) // of the data, behind the colours and the size of codes
			after := afterBlocks(rest[begin:])
			h.content = slices.Concat(screen, control, []byte{descriptor, 0, 0, 0, 0}, rest[5:len(rest)-len(after)])
			copy(h.content[6:10], rest[5:9]) // the canvas is as large as the picture
			rest = after

			pixels := float64(size.X) * float64(size.Y)
			h.memory, h.turning = float64(len(h.content))+pixels, pixels
			if flags&interlaced != 0 {
				h.memory += pixels
			}
			h.place(image.Rectangle{place, place.Add(size)}, gifPoint(data[6:]))
		default:
			rest = rest[1:] // no block begins so: passed over, as Pillow does
		}
	}
	if h.content == nil {
		return header{}, errors.New("no picture in it")
	}
	return h, nil
}

// place puts the picture at a place of a canvas. A canvas of no size is as large as what lies on
// it.
func (h *header) place(frame image.Rectangle, canvas image.Point) {
	if canvas.X == 0 || canvas.Y == 0 {
		canvas = frame.Max
	}
	if frame.Empty() || frame == (image.Rectangle{Max: canvas}) {
		h.size = frame.Size()
		return
	}
	h.frame, h.size = frame, canvas
	h.turning = 4 * float64(h.size.X) * float64(h.size.Y)
	h.memory += h.turning
}

// gifPoint returns two numbers of 2 bytes each.
func gifPoint(b []byte) image.Point {
	return image.Pt(int(binary.LittleEndian.Uint16(b)), int(binary.LittleEndian.Uint16(b[2:])))
}

// gifColours returns how many bytes the colours take that flags say are there.
func gifColours(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (1 + flags&7)
}

// afterBlocks returns what follows a sequence of blocks: each has a byte that says how many
// follow in it, and the last has none.
func afterBlocks(b []byte) []byte {
	for len(b) > 0 && b[0] != 0 {
		b = b[min(1+int(b[0]), len(b)):]
	}
	return b[min(1, len(b)):]
}
