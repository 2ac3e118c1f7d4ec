package picture

import (
	"bytes"
	"encoding/binary"
)

// Tags in a directory.
const (
	tagCompression  = 259
	tagOrientation  = 274
	tagRowsPerStrip = 278
	tagTileWidth    = 322
	tagTileLength   = 323
)

// directory is the first directory of a file in TIFF's format, as EXIF's data are too. The
// directories that it may refer to are never read.
type directory struct {
	data  []byte
	order binary.ByteOrder
	start uint64 // where the entries begin, 12 bytes each: tag, type, count, and the values or their place
	count uint64 // of entries, all of which are within data
}

// readDirectory returns the first directory of data. It has no entries where data are not
// in TIFF's format, or end before the directory does.
func readDirectory(data []byte) directory {
	d := directory{data: data}
	switch {
	case bytes.HasPrefix(data, []byte("II*\x00")):
		d.order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte("MM\x00*")):
		d.order = binary.BigEndian
	default:
		return d
	}
	start := d.number(4, 4)
	count := d.number(start, 2)
	if start+2+12*count <= uint64(len(data)) {
		d.start, d.count = start+2, count
	}
	return d
}

// number returns the number of 1, 2 or 4 bytes at a place of the data, and 0 if that is
// beyond their end.
func (d directory) number(at uint64, bytes int) uint64 {
	if at+uint64(bytes) > uint64(len(d.data)) {
		return 0
	}
	switch b := d.data[at:]; bytes {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(d.order.Uint16(b))
	default:
		return uint64(d.order.Uint32(b))
	}
}

// value returns the first of the whole numbers that a tag has, and 0 where it has none.
func (d directory) value(tag uint64) uint64 {
	sizes := [5]int{1: 1, 3: 2, 4: 4} // in bytes, of the types BYTE, SHORT and LONG
	for e := d.start; e < d.start+12*d.count; e += 12 {
		kind, count := d.number(e+2, 2), d.number(e+4, 4)
		if d.number(e, 2) != tag || count == 0 || kind >= uint64(len(sizes)) || sizes[kind] == 0 {
			continue
		}
		at := e + 8
		if count*uint64(sizes[kind]) > 4 {
			at = d.number(e+8, 4)
		}
		return d.number(at, sizes[kind])
	}
	return 0
}

// more says whether a second directory follows.
func (d directory) more() bool { return d.count > 0 && d.number(d.start+12*d.count, 4) != 0 }

// orientation returns the EXIF orientation that a directory has, 1 where that is none.
func (d directory) orientation() int {
	if o := d.value(tagOrientation); o >= 1 && o <= 8 {
		return int(o)
	}
	return 1
}

// exifOrientation returns the orientation in EXIF data, which may begin with their name.
func exifOrientation(exif []byte) int {
	return readDirectory(bytes.TrimPrefix(exif, []byte("Exif\x00\x00"))).orientation()
}
