package picture

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"

	"github.com/onehot-go/onehot/internal/kernel"
)

// decodeBaseline decodes a JPEG as nearly all cameras and programs write them: baseline, of one
// component or of three in a single scan, whole and without errors. ok is false for any other,
// which image/jpeg decodes or refuses. The picture has image/jpeg's bits, in a third of the time:
// codes are looked up together with the number that follows them, from as many bytes at a time
// as there are in a word, and rows of coefficients that are 0 are not transformed.
func decodeBaseline(ctx context.Context, data []byte) (img image.Image, ok bool) {
	d := &baseline{data: data}
	if !d.segments() || !d.begin() || !d.scan(ctx) {
		return nil, false
	}
	if d.grey != nil {
		return d.grey, true
	}
	return d.colour, true
}

// baseline is a JPEG that is being decoded.
type baseline struct {
	data          []byte
	at            int // of the next byte in data
	width, height int
	components    []component
	quantities    [4]*[64]int32 // in the order in which coefficients are stored
	codes         [2][4]*codes  // of coefficients at frequency 0, and of others
	restart       int           // units between two restarts, 0 for none
	across, down  int           // units

	grey   *image.Gray
	colour *image.YCbCr

	// Bits that are read and not yet used begin at the highest bit of word. Once the data end at
	// a marker, bits of 0 follow, and count goes below 0 if they are used.
	word  uint64
	count int
}

// component is the brightness or a colour.
type component struct {
	name, table  byte
	across, down int // blocks of a unit
	dc, ac       *codes
	quantities   *[64 + 16]int32
	level        int32 // the last coefficient at frequency 0
	pix          []byte
	stride       int
}

// segments reads what stands before the scan.
func (d *baseline) segments() bool {
	if !bytes.HasPrefix(d.data, []byte{0xff, 0xd8}) {
		return false
	}
	for d.at = 2; d.at+4 <= len(d.data); {
		if d.data[d.at] != 0xff {
			return false
		}
		marker, n := d.data[d.at+1], int(binary.BigEndian.Uint16(d.data[d.at+2:]))
		if n < 2 || d.at+2+n > len(d.data) {
			return false
		}
		content := d.data[d.at+4 : d.at+2+n]
		d.at += 2 + n
		ok := true
		switch {
		case marker == markerSOF0 || marker == markerSOF1:
			ok = d.frame(content)
		case marker == markerDHT:
			ok = d.readCodes(content)
		case marker == markerDQT:
			ok = d.readQuantities(content)
		case marker == markerDRI:
			ok = len(content) == 2
			if ok {
				d.restart = int(binary.BigEndian.Uint16(content))
			}
		case marker == markerSOS:
			return d.scanHeader(content)
		case marker == markerAPP14:
			ok = len(content) < 12 || content[11] != 0 // 0 may mean red, green and blue
		case marker >= markerAPP0 && marker <= markerAPP15 || marker == markerCOM:
		default:
			return false
		}
		if !ok {
			return false
		}
	}
	return false
}

// frame reads the size and the components.
func (d *baseline) frame(b []byte) bool {
	if d.components != nil || len(b) < 6 || b[0] != 8 || b[5] != 1 && b[5] != 3 || len(b) != 6+3*int(b[5]) {
		return false
	}
	d.height, d.width = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	for b = b[6:]; len(b) > 0; b = b[3:] {
		d.components = append(d.components, component{name: b[0], across: int(b[1] >> 4), down: int(b[1] & 15), table: b[2]})
	}
	c := d.components
	if len(c) == 1 {
		if c[0].across < 1 || c[0].across > 2 || c[0].down < 1 || c[0].down > 2 {
			return false
		}
		c[0].across, c[0].down = 1, 1
	} else if c[0].name == c[1].name || c[1].name == c[2].name || c[0].name == c[2].name || c[0].name == 'R' ||
		c[1].across*c[1].down != 1 || c[2].across*c[2].down != 1 {
		return false
	}
	whole := func(n int) bool { return n == 1 || n == 2 }
	return d.width > 0 && d.height > 0 && (whole(c[0].across) || c[0].across == 4) && whole(c[0].down)
}

// readQuantities reads by what coefficients are multiplied.
func (d *baseline) readQuantities(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 1+64 || b[0] > 3 { // numbers of 16 bits are left to image/jpeg
			return false
		}
		var q [64]int32
		for i := range q {
			q[i] = int32(b[1+i])
		}
		d.quantities[b[0]] = &q
		b = b[1+64:]
	}
	return true
}

// readCodes reads tables of codes.
func (d *baseline) readCodes(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 17 || b[0]>>4 > 1 || b[0]&15 > 1 {
			return false
		}
		kind, index, counts := b[0]>>4, b[0]&15, b[1:17]
		n := 0
		for _, count := range counts {
			n += int(count)
		}
		if n == 0 || n > 256 || len(b) < 17+n {
			return false
		}
		c, ok := newCodes(counts, b[17:17+n], kind == 0)
		if !ok {
			return false
		}
		d.codes[kind][index] = c
		b = b[17+n:]
	}
	return true
}

// scanHeader reads which tables the components of the only scan have.
func (d *baseline) scanHeader(b []byte) bool {
	n := len(d.components)
	if n == 0 || len(b) != 4+2*n || int(b[0]) != n {
		return false
	}
	for i := range d.components {
		c, name, tables := &d.components[i], b[1+2*i], b[2+2*i]
		if name != c.name || tables>>4 > 1 || tables&15 > 1 || c.table > 3 || d.quantities[c.table] == nil {
			return false
		}
		c.dc, c.ac = d.codes[0][tables>>4], d.codes[1][tables&15]
		if c.dc == nil || c.ac == nil {
			return false
		}
		c.quantities = new([64 + 16]int32)
		copy(c.quantities[:], d.quantities[c.table][:])
	}
	return true
}

// begin makes the picture, of whole units.
func (d *baseline) begin() bool {
	first := &d.components[0]
	d.across, d.down = (d.width+8*first.across-1)/(8*first.across), (d.height+8*first.down-1)/(8*first.down)
	// A block takes two bits of a scan at least: a file that is too short is not worth the memory.
	blocks := d.across * d.down * (first.across*first.down + len(d.components) - 1)
	if blocks/4 > len(d.data) {
		return false
	}
	whole, part := image.Rect(0, 0, 8*first.across*d.across, 8*first.down*d.down), image.Rect(0, 0, d.width, d.height)
	if len(d.components) == 1 {
		d.grey = image.NewGray(whole).SubImage(part).(*image.Gray)
		first.pix, first.stride = d.grey.Pix, d.grey.Stride
		return true
	}
	ratio := map[[2]int]image.YCbCrSubsampleRatio{
		{1, 1}: image.YCbCrSubsampleRatio444, {2, 1}: image.YCbCrSubsampleRatio422, {1, 2}: image.YCbCrSubsampleRatio440,
		{2, 2}: image.YCbCrSubsampleRatio420, {4, 1}: image.YCbCrSubsampleRatio411, {4, 2}: image.YCbCrSubsampleRatio410,
	}[[2]int{first.across, first.down}]
	d.colour = image.NewYCbCr(whole, ratio).SubImage(part).(*image.YCbCr)
	for i, pix := range [][]byte{d.colour.Y, d.colour.Cb, d.colour.Cr} {
		d.components[i].pix, d.components[i].stride = pix, d.colour.CStride
	}
	first.stride = d.colour.YStride
	return true
}

// scan decodes all units. It fails if there are more data or fewer than that.
func (d *baseline) scan(ctx context.Context) bool {
	var b [64]int32
	restarts, left := 0, d.restart
	for y := range d.down {
		if ctx.Err() != nil {
			return false
		}
		for x := range d.across {
			if d.restart > 0 {
				if left == 0 {
					if !d.ended() || d.data[d.at+1] != markerRST0+byte(restarts%8) {
						return false
					}
					d.at, d.word, d.count = d.at+2, 0, 0
					restarts, left = restarts+1, d.restart
					for i := range d.components {
						d.components[i].level = 0
					}
				}
				left--
			}
			for i := range d.components {
				c := &d.components[i]
				for down := range c.down {
					for across := range c.across {
						rows, ok := d.block(c, &b)
						if !ok {
							return false
						}
						at := 8 * ((y*c.down+down)*c.stride + x*c.across + across)
						kernel.InverseCosine(c.pix[at:], c.stride, &b, rows)
					}
				}
			}
		}
	}
	return d.ended() && d.data[d.at+1] == markerEOI
}

// ended reports whether a marker follows, and no bit of data is missing or left but those that
// fill a byte.
func (d *baseline) ended() bool {
	d.fill()
	return d.count >= 0 && d.count < 8 && d.at+1 < len(d.data)
}

// fill reads bits until there are more than 56, or up to a marker.
func (d *baseline) fill() {
	if d.count < 0 {
		return
	}
	if d.at+8 <= len(d.data) {
		const low, high = 0x0101010101010101, 0x8080808080808080
		v := binary.BigEndian.Uint64(d.data[d.at:])
		if (^v-low)&v&high == 0 { // no byte is 0xff
			d.word |= v >> d.count
			d.at += (63 - d.count) >> 3
			d.count |= 56
			return
		}
	}
	for d.count <= 56 && d.at < len(d.data) {
		v := d.data[d.at]
		if v == 0xff {
			if d.at+1 >= len(d.data) || d.data[d.at+1] != 0 {
				return
			}
			d.at++
		}
		d.at++
		d.word |= uint64(v) << (56 - d.count)
		d.count += 8
	}
}

// block reads the coefficients of a block, multiplied, into b. It returns which rows have any: a
// bit for each.
func (d *baseline) block(c *component, b *[64]int32) (rows uint, ok bool) {
	*b = [64]int32{}
	if d.count < 32 {
		d.fill()
	}
	e := c.dc.lookup(d.word)
	if e == 0 {
		return 0, false
	}
	c.level += d.value(e)
	b[0] = c.level * c.quantities[0]
	rows = 1
	table, quantities := c.ac, c.quantities
	word, count := d.word, d.count
	k := 1
	for k < 64 {
		if count < 32 {
			d.word, d.count = word, count
			d.fill()
			word, count = d.word, d.count
		}
		e := table.short[word>>(64-shortCode)]
		if e == 0 {
			if e = table.lookup(word); e == 0 {
				return 0, false
			}
		}
		if e&blockEnds != 0 {
			word <<= e.length()
			count -= e.length()
			break
		}
		word <<= e.length()
		count -= e.length()
		k += e.run()
		v := e.number()
		if size := e.size(); size > 0 {
			v = extend(word, size)
			word <<= size
			count -= size
		}
		b[natural[k]] = v * quantities[k]
		rows |= 1 << (natural[k] & 7)
		k++
	}
	d.word, d.count = word, count
	return rows, k <= 64 && count >= 0
}

// value uses the bits of an entry, and returns its number.
func (d *baseline) value(e entry) int32 {
	d.word <<= e.length()
	d.count -= e.length()
	size := e.size()
	if size == 0 {
		return e.number()
	}
	v := extend(d.word, size)
	d.word <<= size
	d.count -= size
	return v
}

// extend returns the number of a size that the first bits of a word are.
func extend(word uint64, size int) int32 {
	v := int32(word >> (64 - size))
	if v < 1<<(size-1) {
		v += -1<<size + 1
	}
	return v
}

// natural is where coefficients stand, column by column, by the order in which they are stored; behind
// the last there are as many as a run may go beyond it.
var natural = [64 + 16]uint8{
	0, 8, 1, 2, 9, 16, 24, 17, 10, 3, 4, 11, 18, 25, 32, 40,
	33, 26, 19, 12, 5, 6, 13, 20, 27, 34, 41, 48, 56, 49, 42, 35,
	28, 21, 14, 7, 15, 22, 29, 36, 43, 50, 57, 58, 51, 44, 37, 30,
	23, 31, 38, 45, 52, 59, 60, 53, 46, 39, 47, 54, 61, 62, 55, 63,
}

// entry is what a code stands for: from the lowest bit on 5 bits of its length, with that of the
// number if that is known; 5 of the size of the number that follows, 0 if it is known; 4 of how
// many coefficients of 0 come first; whether the block ends; and in the upper half the number.
type entry uint32

const blockEnds entry = 1 << 14

func (e entry) length() int   { return int(e & 31) }
func (e entry) size() int     { return int(e >> 5 & 31) }
func (e entry) run() int      { return int(e >> 10 & 15) }
func (e entry) number() int32 { return int32(e) >> 16 }

// shortCode is how many bits are looked up at once.
const shortCode = 10

// codes is a table of codes. Entries of 0 are of codes that are longer or mean nothing.
type codes struct {
	short [1 << shortCode]entry
	long  [17]struct { // by the length
		end     uint64  // of the codes of this length, or shorter ones: bits behind them are of longer ones
		first   uint64  // code
		entries []entry // from first on
	}
}

// newCodes returns the table of the given numbers of codes of each length from 1 to 16, and what
// they stand for. ok is false if one stands for nothing that a baseline file may have.
func newCodes(counts, symbols []byte, dc bool) (c *codes, ok bool) {
	c = &codes{}
	code := uint64(0)
	for i, count := range counts {
		length := i + 1
		l := &c.long[length]
		l.first = code
		for ; count > 0; count-- {
			if code >= 1<<length {
				return nil, false
			}
			e, ok := newEntry(length, symbols[0], dc)
			if !ok {
				return nil, false
			}
			l.entries = append(l.entries, e)
			if length <= shortCode {
				c.fill(code<<(shortCode-length), 1<<(shortCode-length), e)
			}
			code, symbols = code+1, symbols[1:]
		}
		l.end = code << (16 - length)
		code <<= 1
	}
	return c, true
}

// fill sets n short entries from the first on to e, each with the number that its bits have behind
// the code, if they have all of it.
func (c *codes) fill(first, n uint64, e entry) {
	length, size := e.length(), e.size()
	for i := first; i < first+n; i++ {
		c.short[i] = e
		if size > 0 && length+size <= shortCode {
			v := extend(i<<(64-shortCode+length), size)
			c.short[i] = entry(uint16(v))<<16 | e&^(31<<5|31) | entry(length+size)
		}
	}
}

// newEntry returns the entry of a symbol whose code has a length.
func newEntry(length int, symbol byte, dc bool) (e entry, ok bool) {
	size, run := symbol&15, symbol>>4
	switch {
	case dc:
		if symbol > 11 { // more than a baseline file may have
			return 0, false
		}
		run = 0
	case size == 0 && run == 0:
		return entry(length) | blockEnds, true
	case size == 0 && run != 15:
		return 0, false
	}
	return entry(length) | entry(size)<<5 | entry(run)<<10, true
}

// lookup returns the entry of the code that a word begins with, 0 if it is none.
func (c *codes) lookup(word uint64) entry {
	if e := c.short[word>>(64-shortCode)]; e != 0 {
		return e
	}
	for length := shortCode + 1; length <= 16; length++ {
		if l := &c.long[length]; word>>48 < l.end {
			if at := word>>(64-length) - l.first; at < uint64(len(l.entries)) {
				return l.entries[at]
			}
			return 0
		}
	}
	return 0
}
