// Package picture decodes the files of pictures: PNG, JPEG, GIF, WebP, BMP and TIFF. What a
// file has inside says which it is, whatever its name ends with. Pictures come out upright,
// and what a file declares is checked before memory is taken for it, so that nothing in a
// file can panic, hang or take more than the caller allows.
package picture

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// Limits is the most that a picture may take. A field that is 0 stands for its default.
type Limits struct {
	File   int // bytes of the file (256 MiB by default)
	Pixels int // pixels of the picture, or of the canvas that a GIF's lies on (64 Mi)
	Memory int // bytes that decoding holds at once beside the file's own (512 MiB)
}

func (l Limits) withDefaults() Limits {
	return Limits{
		File:   cmp.Or(l.File, 256<<20),
		Pixels: cmp.Or(l.Pixels, 64<<20),
		Memory: cmp.Or(l.Memory, 512<<20),
	}
}

// Info is what a picture no longer shows once it is decoded.
type Info struct {
	Format      string // "png", "jpeg", "gif", "webp", "bmp" or "tiff"
	Orientation int    // EXIF's, 1 to 8, which has been undone; 1 is upright
	Animated    bool   // whether the file has more pictures than the first, which is the one decoded
}

// ErrUnsupported is in the chain of an error about a picture that is whole, as far as can be
// seen, but of a kind that is not decoded. The error says how to convert it.
var ErrUnsupported = errors.New("unsupported picture")

// LimitError says that a picture is larger than its Limits.
type LimitError struct{ found string }

// Error says what was found and what was expected.
func (e *LimitError) Error() string { return e.found }

// tooLarge returns a LimitError.
func tooLarge(format string, args ...any) error { return &LimitError{fmt.Sprintf(format, args...)} }

// expected is what is decoded, for errors.
const expected = "PNG, JPEG, GIF, WebP, BMP or TIFF expected"

// Open decodes the picture in the file at path. Whatever is no regular file is refused
// before it is opened, so that none blocks. For the rest see Decode.
func Open(ctx context.Context, path string, limits Limits) (image.Image, Info, error) {
	stat, err := os.Stat(path)
	if err != nil {
		return nil, Info{}, named(path, err)
	}
	if !stat.Mode().IsRegular() {
		return nil, Info{}, named(path, fmt.Errorf("%s, the file of a picture expected", kind(stat.Mode())))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, Info{}, named(path, err)
	}
	defer f.Close()
	img, info, err := decode(ctx, f, stat.Size(), limits.withDefaults())
	return img, info, named(path, err)
}

// Decode decodes the picture that r has, to its end; name stands for it in errors. The
// picture's bounds begin at (0, 0), and it is turned upright, pixel for pixel. Of several
// pictures the first is returned; one that covers a part of its canvas lies on a transparent
// one.
//
// An error says what was found and what was expected. When ctx is done, Decode returns
// ctx.Err() at the next read, from r or by a decoder from the bytes of the file. What
// decoders do between reads takes less than two seconds for a picture of 64 million pixels,
// and for others in proportion. A Read that blocks is not interrupted.
func Decode(ctx context.Context, r io.Reader, name string, limits Limits) (image.Image, Info, error) {
	size := int64(0)
	if r, ok := r.(interface{ Len() int }); ok { // as a bytes.Reader has
		size = int64(r.Len())
	}
	img, info, err := decode(ctx, r, size, limits.withDefaults())
	return img, info, named(name, err)
}

// File is a picture whose file is in memory, and keeps to the limits as far as its header says.
type File struct {
	format *format
	header header
}

// Parse looks at a file's bytes, which must not be changed until it is decoded. No name stands before
// its errors, which are else those of the function Decode.
func Parse(data []byte, limits Limits) (*File, error) {
	limits = limits.withDefaults()
	f, err := sniff(data[:min(sniffed, len(data))])
	if err != nil {
		return nil, err
	}
	if len(data) > limits.File {
		return nil, tooLarge("found a %s of %d bytes, at most %d expected", f.name, len(data), limits.File)
	}
	return f.parse(data, limits)
}

// Memory returns how many bytes decoding holds at once, at most, beside the file's own.
func (f *File) Memory() int { return int(f.header.memory + f.header.turning) }

// Size returns the picture's width and height as its header says them, before it is turned upright.
func (f *File) Size() image.Point { return f.header.size }

// Format returns the format that a file's first bytes say it is in, as Info has it, and ""
// for one that is not decoded.
func Format(data []byte) string {
	if f, err := sniff(data[:min(sniffed, len(data))]); err == nil {
		return f.name
	}
	return ""
}

// named returns err with the name of the file before it, once.
func named(name string, err error) error {
	if err == nil || err == context.Canceled || err == context.DeadlineExceeded {
		return err
	}
	if p, ok := err.(*fs.PathError); ok {
		err = p.Err
	}
	return fmt.Errorf("%s: %w", name, err)
}

// kind says what a file that is not regular is.
func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "no regular file"
}

// decode is Decode; size is how many bytes r is likely to have, 0 where nobody knows.
func decode(ctx context.Context, r io.Reader, size int64, limits Limits) (image.Image, Info, error) {
	data, f, err := read(ctx, r, size, limits.File)
	if err != nil {
		return nil, Info{}, orDone(ctx, err)
	}
	file, err := f.parse(data, limits)
	if err != nil {
		return nil, Info{}, err
	}
	return file.Decode(ctx)
}

// parse is Parse of a file of format f.
func (f *format) parse(data []byte, limits Limits) (file *File, err error) {
	defer f.recovered(&err)
	h, err := f.header(data)
	if err != nil {
		return nil, f.broken(err)
	}
	if err := limits.check(f, h); err != nil {
		return nil, err
	}
	return &File{f, h}, nil
}

// recovered makes err of a panic of a decoder that a file led astray.
func (f *format) recovered(err *error) {
	if v := recover(); v != nil {
		*err = f.broken(fmt.Errorf("%v", v))
	}
}

// Decode returns the picture as the function Decode does. No name stands before its errors.
func (f *File) Decode(ctx context.Context) (image.Image, Info, error) {
	img, err := f.decode(ctx)
	if err != nil {
		return nil, Info{}, err
	}
	h := f.header
	return upright(img, h.orientation), Info{f.format.name, h.orientation, h.animated}, nil
}

// decode returns the picture as it is stored, on its canvas.
func (f *File) decode(ctx context.Context) (img image.Image, err error) {
	defer f.format.recovered(&err)
	h := f.header
	img, err = f.format.decode(&source{ctx, bytes.NewReader(h.content)}, h.content)
	if err != nil {
		return nil, orDone(ctx, f.format.broken(err))
	}
	if h.frame != (image.Rectangle{}) {
		img = onCanvas(img, h.frame.Min, h.size)
	}
	return img, ctx.Err()
}

// orDone returns ctx's error where ctx is done, and err where it is not.
func orDone(ctx context.Context, err error) error { return cmp.Or(ctx.Err(), err) }

// read returns all that r has, and which format it is in.
func read(ctx context.Context, r io.Reader, size int64, limit int) ([]byte, *format, error) {
	var b bytes.Buffer
	in := &source{ctx, r}
	if _, err := io.CopyN(&b, in, sniffed); err != nil && err != io.EOF {
		return nil, nil, err
	}
	f, err := sniff(b.Bytes())
	if err != nil {
		return nil, nil, err
	}
	if size > int64(limit) {
		return nil, nil, tooLarge("found a %s of %d bytes, at most %d expected", f.name, size, limit)
	}
	b.Grow(int(size) + bytes.MinRead)
	if _, err := b.ReadFrom(io.LimitReader(in, int64(limit)+1-int64(b.Len()))); err != nil {
		return nil, nil, err
	}
	if b.Len() > limit {
		return nil, nil, tooLarge("found a %s of more than %d bytes, at most that expected", f.name, limit)
	}
	return b.Bytes(), f, nil
}

// source reads from r in steps until ctx is done.
type source struct {
	ctx context.Context
	r   io.Reader
}

func (s *source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p[:min(len(p), 1<<20)])
}

// ReadAt saves the decoder of TIFF a copy of the file; that of others reads in order.
func (s *source) ReadAt(p []byte, at int64) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.(io.ReaderAt).ReadAt(p, at)
}

// format is a kind of file that is decoded.
type format struct {
	name   string
	begins func(head string) bool
	header func(data []byte) (header, error)
	decode func(*source, []byte) (image.Image, error) // the content, to be read or as it is
}

// header is what a file says of its picture before any of it is decoded.
type header struct {
	content     []byte          // what the decoder is given: the file, or the part of it that has the first picture
	size        image.Point     // of the picture before it is turned, or of the canvas
	frame       image.Rectangle // where the picture lies on its canvas; empty if it is the whole of it
	orientation int             // 1 to 8
	animated    bool
	memory      float64 // bytes that decoding holds at once at most; a float64, which no declared size overflows
	turning     float64 // bytes that turning the picture takes besides
	work        float64 // pixels that are gone over, where that may be more often than a few times
}

var formats = []format{
	{"png", prefixed("\x89PNG\r\n\x1a\n"), pngHeader, reading(png.Decode)},
	{"jpeg", prefixed("\xff\xd8\xff"), jpegHeader, decodeJPEG},
	{"gif", prefixed("GIF87a", "GIF89a"), gifHeader, reading(gif.Decode)},
	{"webp", func(head string) bool {
		return strings.HasPrefix(head, "RIFF") && strings.HasPrefix(head[min(8, len(head)):], "WEBP")
	}, webpHeader, reading(decodeWebP)},
	{"bmp", isBMP, bmpHeader, reading(bmp.Decode)},
	{"tiff", prefixed("II*\x00", "MM\x00*"), tiffHeader, reading(tiff.Decode)},
}

// reading returns decode as a format's.
func reading(decode func(io.Reader) (image.Image, error)) func(*source, []byte) (image.Image, error) {
	return func(s *source, _ []byte) (image.Image, error) { return decode(s) }
}

func prefixed(prefixes ...string) func(string) bool {
	return func(head string) bool {
		for _, p := range prefixes {
			if strings.HasPrefix(head, p) {
				return true
			}
		}
		return false
	}
}

// sniffed is how many bytes of a file say what it is.
const sniffed = 32

// sniff returns the format of a file that begins with head.
func sniff(head []byte) (*format, error) {
	for i := range formats {
		if formats[i].begins(string(head)) {
			return &formats[i], nil
		}
	}
	if len(head) == 0 {
		return nil, errors.New("no picture: found an empty file, " + expected)
	}
	if len(head) >= 12 && string(head[4:8]) == "ftyp" {
		switch brand := string(head[8:12]); brand {
		case "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1":
			return nil, fmt.Errorf("%w: HEIC, convert it first: heif-convert IN.heic OUT.png", ErrUnsupported)
		case "avif", "avis":
			return nil, fmt.Errorf("%w: AVIF, convert it first: heif-convert IN.avif OUT.png", ErrUnsupported)
		}
	}
	return nil, fmt.Errorf("no picture: found %q at its beginning, %s", head[:min(16, len(head))], expected)
}

// broken returns the error for a file of format f that cannot be decoded.
func (f *format) broken(err error) error {
	_, isPNG := errors.AsType[png.UnsupportedError](err)
	_, isJPEG := errors.AsType[jpeg.UnsupportedError](err)
	_, isTIFF := errors.AsType[tiff.UnsupportedError](err)
	if isPNG || isJPEG || isTIFF || errors.Is(err, bmp.ErrUnsupported) {
		return fmt.Errorf("%w: %w, convert it first: magick IN.%s OUT.png", ErrUnsupported, err, f.name)
	}
	return fmt.Errorf("broken %s: %w", f.name, err)
}

// maxScans is how many times a JPEG of the most pixels may go over them. One of fewer
// pixels may do it more often.
const maxScans = 16

// check returns an error unless the picture that h declares keeps to l.
func (l Limits) check(f *format, h header) error {
	found := fmt.Sprintf("found a %s of %d by %d pixels", f.name, h.size.X, h.size.Y)
	if h.size.X < 1 || h.size.Y < 1 {
		return fmt.Errorf("%s, 1 to %d in all expected", found, l.Pixels)
	}
	if h.size.X > l.Pixels/h.size.Y {
		return tooLarge("%s, 1 to %d in all expected", found, l.Pixels)
	}
	memory := h.memory
	if h.orientation > 1 {
		memory += h.turning
	}
	if memory > float64(l.Memory) {
		return tooLarge("%s, which takes %.0f bytes to decode, at most %d expected", found, memory, l.Memory)
	}
	if h.work > maxScans*float64(l.Pixels) {
		return tooLarge("%s, which goes over %.0f pixels in all its scans, at most %d expected", found, h.work, maxScans*l.Pixels)
	}
	return nil
}
