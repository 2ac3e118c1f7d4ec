package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/jpeg"
)

// Markers of JPEG's segments.
const (
	markerSOF0  = 0xc0 // the frame, baseline
	markerSOF1  = 0xc1 // extended
	markerSOF2  = 0xc2 // progressive
	markerDHT   = 0xc4 // tables of codes
	markerRST0  = 0xd0
	markerRST7  = 0xd7
	markerEOI   = 0xd9 // the end
	markerSOS   = 0xda // a scan
	markerDQT   = 0xdb // what coefficients are multiplied by
	markerDRI   = 0xdd // how often the scan starts anew
	markerAPP0  = 0xe0
	markerAPP1  = 0xe1
	markerAPP14 = 0xee
	markerAPP15 = 0xef
	markerCOM   = 0xfe
)

// jpegHeader goes over the segments of a JPEG, and finds them as image/jpeg does.
func jpegHeader(data []byte) (header, error) {
	h := header{content: data, orientation: 1}
	var frame []byte // the content of the segment SOF
	var progressive, adobeRGB, seenEXIF bool
	scans := 0
	for rest := data[2:]; ; {
		// Whatever stands before the next marker, as a scan's data do, is passed over.
		i := bytes.IndexByte(rest, 0xff)
		if i < 0 || i+1 >= len(rest) {
			break
		}
		marker := rest[i+1]
		if marker == 0xff { // a byte that fills
			rest = rest[i+1:]
			continue
		}
		rest = rest[i+2:]
		if marker == 0 || markerRST0 <= marker && marker <= markerRST7 {
			continue
		}
		if marker == markerEOI || len(rest) < 2 {
			break
		}
		n := int(binary.BigEndian.Uint16(rest))
		if n < 2 || n > len(rest) {
			break
		}
		content := rest[2:n]
		rest = rest[n:]
		switch marker {
		case markerSOF0, markerSOF1, markerSOF2:
			if frame == nil {
				frame, progressive = content, marker == markerSOF2
			}
		case 0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf:
			return header{}, jpeg.UnsupportedError("lossless, hierarchical or arithmetic coding")
		case markerSOS:
			scans++
		case markerAPP1:
			if !seenEXIF && scans == 0 && bytes.HasPrefix(content, []byte("Exif\x00")) {
				h.orientation, seenEXIF = exifOrientation(content), true
			}
		case markerAPP14:
			if len(content) >= 12 && bytes.HasPrefix(content, []byte("Adobe")) {
				adobeRGB = content[11] == 0
			}
		}
	}
	// A frame has its precision, height, width, the number of components, and 3 bytes a
	// component: its name, how many blocks of it a unit has across and down, its table.
	if len(frame) < 6 || len(frame) != 6+3*int(frame[5]) || frame[5] == 0 {
		return header{}, errors.New("no frame header")
	}
	h.size = image.Pt(int(binary.BigEndian.Uint16(frame[3:])), int(binary.BigEndian.Uint16(frame[1:])))
	components := int(frame[5])
	across, down := int(frame[7]>>4), int(frame[7]&15)
	if components == 1 {
		across, down = 1, 1
	}
	if across == 0 || down == 0 {
		return header{}, errors.New("no blocks in a unit")
	}
	ceil := func(a, b int) float64 { return float64((a + b - 1) / b) }
	units := ceil(h.size.X, 8*across) * ceil(h.size.Y, 8*down)
	samples := 0.0
	for i := range components {
		blocks := across * down
		if i > 0 {
			blocks = int(frame[7+3*i]>>4) * int(frame[7+3*i]&15)
		}
		samples += units * float64(64*blocks)
	}
	pixels := float64(h.size.X) * float64(h.size.Y)
	h.memory = samples
	if progressive {
		h.memory += 4 * samples
	}
	if adobeRGB || components == 4 || components == 3 && frame[6] == 'R' && frame[9] == 'G' && frame[12] == 'B' {
		h.memory += 4 * pixels
	}
	h.turning = pixels
	if components > 1 {
		h.turning = 6 * pixels // a colour for every pixel, before and after
	}
	h.work = float64(scans) * units * float64(64*across*down)
	return h, nil
}

// decodeJPEG is jpeg.Decode.
func decodeJPEG(s *source, content []byte) (image.Image, error) {
	if img, ok := decodeBaseline(s.ctx, content); ok {
		return img, nil
	}
	return jpeg.Decode(s)
}
