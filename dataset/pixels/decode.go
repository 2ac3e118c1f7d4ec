package pixels

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"image"
	"math/bits"
	"sync"

	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/picture"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/transform"
)

// large is how many bytes a file, or a picture that is decoded, has of which only one is in memory
// beside small ones.
const large = 64 << 20

// decoder makes pixels and facts of the bytes of files, several at once.
type decoder struct {
	steps      transform.Compose
	size       [3]int
	candidates []*kept

	large sync.Mutex // held while a large picture is decoded

	mu    sync.Mutex
	begun map[[sha256.Size]byte]bool // contents that some file has already
}

// decode returns what is learnt of a file. What is kept, and what another file has too, is not
// decoded.
func (d *decoder) decode(ctx context.Context, c files.Content) content {
	if c.Err != nil {
		return content{index: c.Index, err: c.Err}
	}
	sum := sha256.Sum256(c.Data)
	done := content{index: c.Index, facts: Facts{SHA256: sum}, kept: true}
	if k, _ := find(d.candidates, sum); k != nil || !d.begin(sum) {
		return done
	}
	done.kept = false
	d.picture(ctx, c.Data, &done)
	return done
}

// picture sets what is learnt of a picture by decoding it.
func (d *decoder) picture(ctx context.Context, data []byte, done *content) {
	fail := func(err error) {
		s := err.Error()
		done.facts.Err = s[:min(len(s), maxErr)]
	}
	file, err := picture.Parse(data, picture.Limits{})
	if err != nil {
		done.facts.Format = picture.Format(data)
		fail(err)
		return
	}
	if file.Memory() > large { // which may be most of what there is
		d.large.Lock()
		defer d.large.Unlock()
	}
	img, info, err := file.Decode(ctx)
	if err != nil {
		done.facts.Format = picture.Format(data)
		fail(err)
		return
	}
	sum := done.facts.SHA256
	done.facts = factsOf(img, info)
	done.facts.SHA256 = sum
	p, err := d.steps.Apply(transform.Input{Image: img}, random.Key{})
	if err != nil {
		fail(err)
		return
	}
	done.pixels = planar(p.Image, d.size)
}

// begin says whether nobody began with the content before.
func (d *decoder) begin(sum [sha256.Size]byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.begun[sum] {
		return false
	}
	d.begun[sum] = true
	return true
}

// planar returns the pixels of an image of a transform, channel by channel.
func planar(img image.Image, size [3]int) []byte {
	height, width := size[1], size[2]
	b := img.Bounds()
	if b.Dx() != width || b.Dy() != height {
		panic(fmt.Sprintf("pixels: steps made a picture of %v, %v expected", b.Size(), size))
	}
	out := make([]byte, size[0]*height*width)
	switch img := img.(type) {
	case *image.Gray:
		for y := range height {
			copy(out[y*width:][:width], img.Pix[img.PixOffset(b.Min.X, b.Min.Y+y):])
		}
	case *image.RGBA:
		area := height * width
		for y := range height {
			row := img.Pix[img.PixOffset(b.Min.X, b.Min.Y+y):][:4*width]
			red, green, blue := out[y*width:][:width], out[area+y*width:][:width], out[2*area+y*width:][:width]
			for x := range red {
				red[x], green[x], blue[x] = row[4*x], row[4*x+1], row[4*x+2]
			}
		}
	default:
		panic(fmt.Sprintf("pixels: steps made a %T, an image of 8 bits a channel expected", img))
	}
	return out
}

// factsOf returns the facts of a decoded picture.
func factsOf(img image.Image, info picture.Info) Facts {
	f := Facts{
		Format: info.Format, Orientation: info.Orientation, Animated: info.Animated,
		Width: img.Bounds().Dx(), Height: img.Bounds().Dy(),
	}
	if o, ok := img.(interface{ Opaque() bool }); ok {
		f.Transparent = !o.Opaque()
	}
	switch img.(type) {
	case *image.Gray16, *image.RGBA64, *image.NRGBA64:
		f.Deep = true
	case *image.CMYK:
		f.CMYK = true
	}
	f.Grey = IsGrey(img)
	f.Pixels = hashPixels(img)
	f.Hash = differenceHash(img)
	return f
}

// IsGrey reports whether no pixel of a picture that begins at (0, 0) has a colour.
func IsGrey(img image.Image) bool {
	size := img.Bounds().Size()
	switch img := img.(type) {
	case *image.Gray, *image.Gray16:
		return true
	case *image.YCbCr:
		return colourless(img.Cb) && colourless(img.Cr)
	case *image.RGBA:
		return greyRows(img.Pix, img.Stride, size)
	case *image.NRGBA:
		return greyRows(img.Pix, img.Stride, size)
	}
	for y := range size.Y {
		for x := range size.X {
			if r, g, b, _ := img.At(x, y).RGBA(); r != g || g != b {
				return false
			}
		}
	}
	return true
}

// greyRows reports whether red, green and blue are the same in all pixels of four bytes.
func greyRows(pix []byte, stride int, size image.Point) bool {
	for y := range size.Y {
		for row := pix[y*stride:][:4*size.X]; len(row) > 0; row = row[4:] {
			if row[0] != row[1] || row[1] != row[2] {
				return false
			}
		}
	}
	return true
}

// colourless reports whether the values of a plane of colours are all those of grey.
func colourless(plane []byte) bool {
	for _, v := range plane {
		if v != 128 {
			return false
		}
	}
	return true
}

// hashPixels returns a hash of the pixels of a picture that begins at (0, 0). Those of a JPEG
// are brightness and colours as they are stored, those of all else 8 bits of each colour and of
// opacity: a picture has the same hash in every format that keeps pixels as they are.
func hashPixels(img image.Image) [16]byte {
	size := img.Bounds().Size()
	h := sha256.New()
	line := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, uint32(size.X)), uint32(size.Y))
	h.Write(line)
	rows := func(pix []byte, stride, width, height int) {
		for y := range height {
			h.Write(pix[y*stride:][:width])
		}
	}
	switch img := img.(type) {
	case *image.YCbCr:
		across, along := picture.Subsampling(img.SubsampleRatio)
		h.Write([]byte{1, byte(across), byte(along)})
		rows(img.Y, img.YStride, size.X, size.Y)
		width, height := (size.X+across-1)/across, (size.Y+along-1)/along
		rows(img.Cb, img.CStride, width, height)
		rows(img.Cr, img.CStride, width, height)
	case *image.Gray:
		line := make([]byte, 4*size.X)
		for y := range size.Y {
			for x, v := range img.Pix[y*img.Stride:][:size.X] {
				line[4*x], line[4*x+1], line[4*x+2], line[4*x+3] = v, v, v, 255
			}
			h.Write(line)
		}
	default:
		line := make([]byte, 4*size.X)
		for y := range size.Y {
			for x := range size.X {
				r, g, b, a := img.At(x, y).RGBA()
				line[4*x], line[4*x+1], line[4*x+2], line[4*x+3] = byte(r>>8), byte(g>>8), byte(b>>8), byte(a>>8)
			}
			h.Write(line)
		}
	}
	return [16]byte(h.Sum(nil))
}

// differenceHash returns the difference hash of a picture: of 8 rows of 9 grey fields, whether
// each is darker than the next one.
func differenceHash(img image.Image) uint64 {
	grey, ok := brightness(img)
	if !ok {
		return 0
	}
	const rows, columns = 8, 9
	hash := uint64(0)
	for row := range rows {
		var sums [columns]uint64
		top, bottom := field(row, rows, grey.Rect.Dy())
		for y := top; y < bottom; y++ {
			line := grey.Pix[y*grey.Stride:][:grey.Rect.Dx()]
			for c := range columns {
				left, right := field(c, columns, len(line))
				sums[c] += sum(line[left:right])
			}
		}
		for c := range columns - 1 {
			// Means, as fields may differ in width by one pixel.
			left0, right0 := field(c, columns, grey.Rect.Dx())
			left1, right1 := field(c+1, columns, grey.Rect.Dx())
			hash <<= 1
			if sums[c]*uint64(right1-left1) < sums[c+1]*uint64(right0-left0) {
				hash |= 1
			}
		}
	}
	return hash
}

// field returns where the i-th of n fields of a line lies: one pixel at least.
func field(i, n, size int) (from, to int) {
	from = i * size / n
	return from, max((i+1)*size/n, from+1)
}

// sum returns the sum of bytes, eight at a time.
func sum(b []byte) uint64 {
	const even = 0x00ff00ff00ff00ff
	total := uint64(0)
	for len(b) >= 8 {
		var fours uint64
		for n := min(len(b)/8, 128); n > 0; n-- { // as many as 16 bits can hold
			v := binary.LittleEndian.Uint64(b)
			fours += v&even + v>>8&even
			b = b[8:]
		}
		for range 4 {
			total += fours & 0xffff
			fours = bits.RotateLeft64(fours, -16)
		}
	}
	for _, v := range b {
		total += uint64(v)
	}
	return total
}

// brightness returns a picture in grey, over white where it is transparent; ok is false if
// that cannot be made.
func brightness(img image.Image) (*image.Gray, bool) {
	if planes, ok := img.(*image.YCbCr); ok {
		return &image.Gray{Pix: planes.Y, Stride: planes.YStride, Rect: planes.Rect}, true
	}
	p, err := transform.Grayscale{}.Apply(transform.Input{Image: img}, random.Key{})
	if err != nil {
		return nil, false
	}
	grey, ok := p.Image.(*image.Gray)
	return grey, ok
}
