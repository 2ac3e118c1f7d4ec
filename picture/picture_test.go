package picture

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// decoded says what is known of the files in testdata that are decoded. Lossy formats leave
// decoders some freedom, and Pillow's interpolate colours where Go's do not: tolerance is
// how far a channel may be from Pillow's.
var decoded = map[string]struct {
	info      Info
	tolerance int
	image     image.Image // of the type wanted, nil if that does not matter
}{
	"progressive.jpg":      {Info{"jpeg", 1, false}, 3, &image.YCbCr{}},
	"subsampled.jpg":       {Info{"jpeg", 7, false}, 8, &image.YCbCr{}},
	"cmyk.jpg":             {Info{"jpeg", 1, false}, 3, &image.CMYK{}},
	"420.jpg":              {Info{"jpeg", 1, false}, 8, &image.YCbCr{}},
	"422.jpg":              {Info{"jpeg", 1, false}, 4, &image.YCbCr{}},
	"progressive-420.jpg":  {Info{"jpeg", 1, false}, 8, &image.YCbCr{}},
	"optimized.jpg":        {Info{"jpeg", 1, false}, 3, &image.YCbCr{}},
	"pixel.jpg":            {Info{"jpeg", 1, false}, 3, &image.YCbCr{}},
	"strip.jpg":            {Info{"jpeg", 1, false}, 3, &image.YCbCr{}},
	"restarts.jpg":         {Info{"jpeg", 1, false}, 3, &image.Gray{}},
	"rgb.jpg":              {Info{"jpeg", 1, false}, 3, &image.RGBA{}},
	"ycck.jpg":             {Info{"jpeg", 1, false}, 3, &image.CMYK{}},
	"behind.jpg":           {Info{"jpeg", 1, false}, 3, &image.YCbCr{}},
	"fill.jpg":             {Info{"jpeg", 1, false}, 3, &image.YCbCr{}},
	"segments.jpg":         {Info{"jpeg", 1, false}, 3, &image.YCbCr{}},
	"webp.jpg":             {Info{"webp", 1, false}, 10, &image.YCbCr{}},
	"png.jpg":              {Info{"png", 1, false}, 0, nil},
	"rgb16.png":            {Info{"png", 1, false}, 0, &image.RGBA64{}},
	"grey16.png":           {Info{"png", 1, false}, 0, &image.Gray16{}},
	"grey2.png":            {Info{"png", 1, false}, 0, &image.Gray{}},
	"grey4.png":            {Info{"png", 1, false}, 0, &image.Gray{}},
	"palette1.png":         {Info{"png", 1, false}, 0, &image.Paletted{}},
	"palette2.png":         {Info{"png", 1, false}, 0, &image.Paletted{}},
	"palette4.png":         {Info{"png", 1, false}, 0, &image.Paletted{}},
	"rgba.png":             {Info{"png", 1, false}, 0, &image.NRGBA{}},
	"rgba16.png":           {Info{"png", 1, false}, 0, &image.NRGBA64{}},
	"grey-alpha16.png":     {Info{"png", 1, false}, 0, &image.NRGBA64{}},
	"transparent.png":      {Info{"png", 1, false}, 0, &image.NRGBA{}},
	"interlaced16.png":     {Info{"png", 1, false}, 0, &image.Gray16{}},
	"filters.png":          {Info{"png", 1, false}, 0, nil},
	"pixel.png":            {Info{"png", 1, false}, 0, nil},
	"still.png":            {Info{"gif", 1, false}, 0, &image.Paletted{}},
	"interlaced.png":       {Info{"png", 1, false}, 0, nil},
	"animated.png":         {Info{"png", 1, true}, 0, nil},
	"bits.png":             {Info{"png", 1, false}, 0, &image.Gray{}},
	"palette.png":          {Info{"png", 1, false}, 0, &image.Paletted{}},
	"grey-alpha.png":       {Info{"png", 1, false}, 0, nil},
	"grey-transparent.png": {Info{"png", 1, false}, 0, nil},
	"animated.gif":         {Info{"gif", 1, true}, 0, &image.NRGBA{}},
	"beyond.gif":           {Info{"gif", 1, false}, 0, &image.NRGBA{}},
	"outside.gif":          {Info{"gif", 1, false}, 0, &image.NRGBA{}},
	"no-screen.gif":        {Info{"gif", 1, false}, 0, &image.Paletted{}},
	"transparent.gif":      {Info{"gif", 1, false}, 0, &image.NRGBA{}},
	"still.gif":            {Info{"gif", 1, false}, 0, &image.Paletted{}},
	"strange.gif":          {Info{"gif", 1, false}, 0, &image.Paletted{}},
	"lossy.webp":           {Info{"webp", 1, false}, 10, &image.YCbCr{}},
	"ramp.webp":            {Info{"webp", 1, false}, 1, &image.YCbCr{}},
	"lossless.webp":        {Info{"webp", 1, false}, 0, &image.NRGBA{}},
	"alpha.webp":           {Info{"webp", 1, false}, 10, &image.NYCbCrA{}},
	"lossless-alpha.webp":  {Info{"webp", 1, false}, 0, &image.NRGBA{}},
	"turned.webp":          {Info{"webp", 6, false}, 0, &image.NRGBA{}},
	"animated.webp":        {Info{"webp", 1, true}, 0, &image.NRGBA{}},
	"animated-lossy.webp":  {Info{"webp", 1, true}, 10, &image.NRGBA{}},
	"rgb.bmp":              {Info{"bmp", 1, false}, 0, nil},
	"palette.bmp":          {Info{"bmp", 1, false}, 0, &image.Paletted{}},
	"alpha.bmp":            {Info{"bmp", 1, false}, 0, nil},
	"bits.bmp":             {Info{"bmp", 1, false}, 0, &image.Paletted{}},
	"palette4.bmp":         {Info{"bmp", 1, false}, 0, &image.Paletted{}},
	"top-down.bmp":         {Info{"bmp", 1, false}, 0, nil},
	"alpha.tiff":           {Info{"tiff", 1, false}, 0, &image.NRGBA{}},
	"bits.tiff":            {Info{"tiff", 1, false}, 0, &image.Gray{}},
	"packbits.tiff":        {Info{"tiff", 1, false}, 0, nil},
	"predictor.tiff":       {Info{"tiff", 1, false}, 0, nil},
	"rgb.tiff":             {Info{"tiff", 1, false}, 0, nil},
	"lzw.tiff":             {Info{"tiff", 1, false}, 0, &image.Gray{}},
	"plain.tiff":           {Info{"tiff", 1, false}, 0, nil},
	"palette.tiff":         {Info{"tiff", 1, false}, 0, &image.Paletted{}},
	"grey16.tiff":          {Info{"tiff", 1, false}, 0, &image.Gray16{}},
	"turned.tiff":          {Info{"tiff", 8, false}, 0, nil},
	"pages.tiff":           {Info{"tiff", 1, true}, 0, nil},
}

func init() {
	for o := 1; o <= 8; o++ {
		for _, kind := range []string{"grey", "colour"} {
			row := decoded["png.jpg"]
			row.info.Orientation = o
			row.image = map[string]image.Image{"grey": &image.Gray{}, "colour": &image.RGBA{}}[kind]
			decoded[fmt.Sprintf("%s-%d.png", kind, o)] = row
			row.info.Format, row.tolerance = "jpeg", 3
			row.image = map[string]image.Image{"grey": &image.Gray{}, "colour": &image.YCbCr{}}[kind]
			decoded[fmt.Sprintf("%s-%d.jpg", kind, o)] = row
		}
	}
}

// refused is what is said of the files in testdata that are not decoded.
var refused = map[string]string{
	"bomb.png":       "found a png of 60000 by 60000 pixels, 1 to 67108864 in all expected",
	"bomb.jpg":       "found a jpeg of 60000 by 60000 pixels, 1 to 67108864 in all expected",
	"bomb.gif":       "found a gif of 60000 by 60000 pixels, 1 to 67108864 in all expected",
	"bomb.webp":      "found a webp of 60000 by 30000 pixels, 1 to 67108864 in all expected",
	"bomb.bmp":       "found a bmp of 60000 by 60000 pixels, 1 to 67108864 in all expected",
	"bomb.tiff":      "found a tiff of 60000 by 60000 pixels, 1 to 67108864 in all expected",
	"run-length.bmp": "unsupported picture: bmp: unsupported BMP image, convert it first: magick IN.bmp OUT.png",
	"some.heic":      "unsupported picture: HEIC, convert it first: heif-convert IN.heic OUT.png",
	"some.avif":      "unsupported picture: AVIF, convert it first: heif-convert IN.avif OUT.png",
	"cut.jpg":        "broken jpeg: unexpected EOF",
	"head.jpg":       "broken jpeg: unexpected EOF",
	"no-end.jpg":     "broken jpeg: unexpected EOF",
	"zeroed.jpg":     "broken jpeg: invalid JPEG format: missing 0xff00 sequence",
	"no-tables.jpg":  "broken jpeg: invalid JPEG format: uninitialized Huffman table",
	"cut.png":        "broken png: png: invalid format: not enough pixel data",
	"zeroed.png":     "broken png: flate: corrupt input before offset 39",
	"checksum.png":   "broken png: png: invalid format: zlib: invalid checksum",
	"filter-9.png":   "broken png: png: invalid format: bad filter type",
	"no-palette.png": "broken png: png: invalid format: chunk out of order",
	"zero-wide.png":  "found a png of 0 by 5 pixels, 1 to 67108864 in all expected",
	"cut.gif":        "broken gif: gif: not enough image data",
	"cut.webp":       "broken webp: unexpected EOF",
	"cut.bmp":        "broken bmp: unexpected EOF",
	"cut.tiff":       "broken tiff: EOF",
	// Pillow decodes these.
	"arithmetic.jpg":  "unsupported picture: unsupported JPEG feature: lossless, hierarchical or arithmetic coding, convert it first: magick IN.jpeg OUT.png",
	"sixteen.bmp":     "unsupported picture: bmp: unsupported BMP image, convert it first: magick IN.bmp OUT.png",
	"cmyk.tiff":       "unsupported picture: tiff: unsupported feature: color model, convert it first: magick IN.tiff OUT.png",
	"float.tiff":      "unsupported picture: tiff: unsupported feature: sample format, convert it first: magick IN.tiff OUT.png",
	"jpeg.tiff":       "unsupported picture: tiff: unsupported feature: compression value 7, convert it first: magick IN.tiff OUT.png",
	"lossless.jpg":    "unsupported picture: unsupported JPEG feature: lossless, hierarchical or arithmetic coding, convert it first: magick IN.jpeg OUT.png",
	"twelve-bits.jpg": "unsupported picture: unsupported JPEG feature: precision, convert it first: magick IN.jpeg OUT.png",

	"text.jpg":   `no picture: found "<html><body>404:" at its beginning, PNG, JPEG, GIF, WebP, BMP or TIFF expected`,
	"page.gif":   `no picture: found "<html><body>404:" at its beginning, PNG, JPEG, GIF, WebP, BMP or TIFF expected`,
	"film.jpg":   `no picture: found "\x00\x00\x00\x18ftypisom\x00\x00\x02\x00" at its beginning, PNG, JPEG, GIF, WebP, BMP or TIFF expected`,
	"packed.png": `no picture: found "\x1f\x8b\b\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00" at its beginning, PNG, JPEG, GIF, WebP, BMP or TIFF expected`,
	"zeros.jpg":  `no picture: found "` + strings.Repeat(`\x00`, 16) + `" at its beginning, PNG, JPEG, GIF, WebP, BMP or TIFF expected`,
	"empty.jpg":  "no picture: found an empty file, PNG, JPEG, GIF, WebP, BMP or TIFF expected",
	"text.png":   `no picture: found "a thousand words" at its beginning, PNG, JPEG, GIF, WebP, BMP or TIFF expected`,
	"empty.png":  "no picture: found an empty file, PNG, JPEG, GIF, WebP, BMP or TIFF expected",
}

func TestDecode(t *testing.T) {
	for _, name := range testFiles(t) {
		file := filepath.Join("testdata", name)
		img, info, err := Open(context.Background(), file, Limits{})
		if want, ok := refused[name]; ok {
			if err == nil || err.Error() != file+": "+want {
				t.Errorf("got error %v, want %s: %s", err, file, want)
			}
			if isUnsupported := strings.HasPrefix(want, "unsupported"); errors.Is(err, ErrUnsupported) != isUnsupported {
				t.Errorf("%s: errors.Is(err, ErrUnsupported) is not %v", name, isUnsupported)
			}
			if img != nil || info != (Info{}) {
				t.Errorf("%s: got %v and %v besides the error", name, img, info)
			}
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		row, known := decoded[name]
		wanted := name
		if strings.HasPrefix(name, "hostile-") { // EXIF data that lead nowhere change nothing
			row, known = decoded["grey-1.jpg"], true
			wanted = "grey-1.jpg"
		}
		if !known {
			t.Errorf("nothing is said of testdata/%s", name)
			continue
		}
		if info != row.info {
			t.Errorf("%s: got %+v, want %+v", name, info, row.info)
		}
		if got, want := fmt.Sprintf("%T", img), fmt.Sprintf("%T", row.image); row.image != nil && got != want {
			t.Errorf("%s: got a %s, want a %s", name, got, want)
		}
		comparePixels(t, name, img, readPNG(t, filepath.Join("testdata/want", wanted+".png")), row.tolerance)
	}
}

// testFiles returns the names of the pictures in testdata.
func testFiles(t testing.TB) []string {
	entries, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && e.Name() != "make.py" {
			names = append(names, e.Name())
		}
	}
	if len(names) < len(decoded)+len(refused) {
		t.Fatalf("found %d files in testdata, %d are known", len(names), len(decoded)+len(refused))
	}
	return names
}

func readPNG(t *testing.T, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// comparePixels compares channels of 16 bits if both pictures have them, else of 8, which
// may differ by tolerance. What is wholly transparent has no colour.
func comparePixels(t *testing.T, name string, got, want image.Image, tolerance int) {
	t.Helper()
	if got.Bounds() != want.Bounds() {
		t.Errorf("%s: got bounds %v, want %v", name, got.Bounds(), want.Bounds())
		return
	}
	_, deepGot := got.(*image.Gray16)
	_, deepWant := want.(*image.Gray16)
	shift := 8
	if deepGot && deepWant {
		shift = 0
	}
	for y := range want.Bounds().Dy() {
		for x := range want.Bounds().Dx() {
			g := color.NRGBA64Model.Convert(got.At(x, y)).(color.NRGBA64)
			w := color.NRGBA64Model.Convert(want.At(x, y)).(color.NRGBA64)
			if w.A == 0 && g.A == 0 {
				continue
			}
			for i, c := range [4][2]uint16{{g.R, w.R}, {g.G, w.G}, {g.B, w.B}, {g.A, w.A}} {
				if d := int(c[0]>>shift) - int(c[1]>>shift); max(d, -d) > tolerance {
					t.Errorf("%s: channel %d at (%d, %d) is %d, want %d", name, i, x, y, c[0]>>shift, c[1]>>shift)
					return
				}
			}
		}
	}
}

// TestUpright turns pictures of every type and size and compares each pixel with the one
// that the orientation's definition names.
func TestUpright(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {2, 2}, {5, 3}, {8, 4}, {7, 6}, {70, 131}} {
		for _, img := range picturesOf(size) {
			for o := 1; o <= 8; o++ {
				got := upright(img, o)
				w, h := size.X, size.Y
				for y := range got.Bounds().Dy() {
					for x := range got.Bounds().Dx() {
						from := [9]image.Point{
							1: {x, y}, 2: {w - 1 - x, y}, 3: {w - 1 - x, h - 1 - y}, 4: {x, h - 1 - y},
							5: {y, x}, 6: {y, h - 1 - x}, 7: {w - 1 - y, h - 1 - x}, 8: {w - 1 - y, x},
						}[o]
						if want := img.At(from.X, from.Y); got.At(x, y) != want {
							t.Fatalf("%T of %v, orientation %d: got %v at (%d, %d), want %v", img, size, o, got.At(x, y), x, y, want)
						}
					}
				}
				if got.Bounds().Dx()*got.Bounds().Dy() != w*h || fmt.Sprintf("%T", got) != fmt.Sprintf("%T", img) {
					t.Errorf("%T of %v, orientation %d: got a %T of %v", img, size, o, got, got.Bounds())
				}
			}
		}
	}
}

// picturesOf returns a picture of every type that is decoded, each a part of a wider one, as
// those of image/jpeg are.
func picturesOf(size image.Point) []image.Image {
	bounds := image.Rectangle{Max: size}
	wide := image.Rect(0, 0, size.X+3, size.Y+1)
	fill := func(pix ...[]uint8) {
		for k, p := range pix {
			for i := range p {
				p[i] = uint8(i*37 + k*101 + i/7)
			}
		}
	}
	var all []image.Image
	add := func(img interface {
		SubImage(image.Rectangle) image.Image
	}, pix ...[]uint8) {
		fill(pix...)
		all = append(all, img.SubImage(bounds))
	}
	grey, grey16, cmyk := image.NewGray(wide), image.NewGray16(wide), image.NewCMYK(wide)
	rgba, nrgba, rgba64, nrgba64 := image.NewRGBA(wide), image.NewNRGBA(wide), image.NewRGBA64(wide), image.NewNRGBA64(wide)
	var palette color.Palette
	for i := range 256 {
		palette = append(palette, color.NRGBA{uint8(i), 0, 0, 255})
	}
	paletted := image.NewPaletted(wide, palette)
	add(grey, grey.Pix)
	add(grey16, grey16.Pix)
	add(cmyk, cmyk.Pix)
	add(rgba, rgba.Pix)
	add(nrgba, nrgba.Pix)
	add(rgba64, rgba64.Pix)
	add(nrgba64, nrgba64.Pix)
	add(paletted, paletted.Pix)
	for ratio := image.YCbCrSubsampleRatio444; ratio <= image.YCbCrSubsampleRatio410; ratio++ {
		y, a := image.NewYCbCr(wide, ratio), image.NewNYCbCrA(wide, ratio)
		add(y, y.Y, y.Cb, y.Cr)
		add(a, a.Y, a.Cb, a.Cr, a.A)
	}
	return all
}

// TestEvenSubsamplingStays holds that colours are not stored for every pixel where they need
// not be, as in a camera's upright picture.
func TestEvenSubsamplingStays(t *testing.T) {
	img := image.NewYCbCr(image.Rect(0, 0, 16, 8), image.YCbCrSubsampleRatio420)
	for o := 1; o <= 8; o++ {
		if got := upright(img, o).(*image.YCbCr).SubsampleRatio; got != image.YCbCrSubsampleRatio420 {
			t.Errorf("orientation %d: got %v", o, got)
		}
	}
}

// TestTruncated cuts every picture off at every length. What is gone may be no part of the
// first picture; else the error names the file and says how it is broken.
func TestTruncated(t *testing.T) {
	for name := range decoded {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		broken := 0
		for n := range data {
			_, _, err := Decode(context.Background(), bytes.NewReader(data[:n]), name, Limits{})
			if err == nil {
				continue
			}
			if !strings.HasPrefix(err.Error(), name+": broken ") && !strings.HasPrefix(err.Error(), name+": no picture: ") {
				t.Fatalf("%s cut to %d bytes: got %v", name, n, err)
			}
			broken++
		}
		if broken < len(data)/4 {
			t.Errorf("%s: only %d of %d ways to cut it break it", name, broken, len(data))
		}
	}
}

// TestBroken has headers that are not whole, or say what cannot be.
func TestBroken(t *testing.T) {
	screen := "GIF89a\x05\x00\x05\x00\x00\x00\x00"
	for data, want := range map[string]string{
		"\x89PNG\r\n\x1a\n": "broken png: no header",
		"\x89PNG\r\n\x1a\n\x00\x00\x00\x00IEND\xaeB`\x82": "broken png: no header",
		"\xff\xd8\xff":                         "broken jpeg: no frame header",
		"\xff\xd8\xff\xff\xd9":                 "broken jpeg: no frame header",
		"\xff\xd8\xff\xd0\x00\xff\xfe\x00\x01": "broken jpeg: no frame header",
		"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x05\x00\x05\x03\x01\x11\x00":                         "broken jpeg: no frame header",
		"\xff\xd8\xff\xc0\x00\x11\x08\x00\x05\x00\x05\x03\x01\x00\x00\x02\x11\x00\x03\x11\x00": "broken jpeg: no blocks in a unit",
		"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x00\x00\x05\x01\x01\x11\x00":                         "found a jpeg of 5 by 0 pixels, 1 to 67108864 in all expected",
		"\xff\xd8\xff\xc0\x00\x0b\x0c\x00\x05\x00\x05\x01\x01\x11\x00":                         "unsupported picture: unsupported JPEG feature: precision, convert it first: magick IN.jpeg OUT.png",
		"GIF89a":             "broken gif: unexpected EOF",
		screen + ";":         "broken gif: no picture in it",
		screen + "!":         "broken gif: no picture in it",
		screen + ",\x00\x00": "broken gif: unexpected EOF",
		screen + ",\x00\x00\x00\x00\x00\x00\x05\x00\x00": "found a gif of 0 by 5 pixels, 1 to 67108864 in all expected",
		"RIFF\x04\x00\x00\x00WEBP":                       "broken webp: webp: invalid format",
		"RIFF\x0c\x00\x00\x00WEBPVP8L\x64\x00\x00\x00":   "broken webp: riff: list subchunk too long",
		"II*\x00":                                  "broken tiff: unexpected EOF",
		"II*\x00\x08\x00\x00\x00\x00\x00":          "broken tiff: tiff: invalid format: zero-size image",
		"BM" + strings.Repeat("\x00", 12) + "\x28": "no picture: found \"BM\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00(\" at its beginning, " + expected,
		"BMW makes motorcycles, too":               "no picture: found \"BMW makes motorc\" at its beginning, " + expected,
		"\x00\x00\x00\x18ftypisom":                 "no picture: found \"\\x00\\x00\\x00\\x18ftypisom\" at its beginning, " + expected,
	} {
		img, _, err := Decode(context.Background(), strings.NewReader(data), "file", Limits{})
		if want = "file: " + want; err == nil || err.Error() != want || img != nil {
			t.Errorf("%q: got %v and error %v, want %s", data, img, err, want)
		}
	}
}

// TestBombs declares what would not fit, and measures that no memory is taken for it.
func TestBombs(t *testing.T) {
	for name := range refused {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		Open(context.Background(), filepath.Join("testdata", name), Limits{})
		runtime.ReadMemStats(&after)
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 1<<20 {
			t.Errorf("%s took %d bytes", name, taken)
		}
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name   string
		limits Limits
		want   string // of the error, nothing if there is none
	}{
		{"colour-1.png", Limits{Pixels: 12 * 7}, ""},
		{"colour-1.png", Limits{Pixels: 12*7 - 1}, "found a png of 12 by 7 pixels, 1 to 83 in all expected"},
		{"beyond.gif", Limits{Pixels: 10*8 - 1}, "found a gif of 10 by 8 pixels, 1 to 79 in all expected"},
		{"animated.webp", Limits{Pixels: 80*60 - 1}, "found a webp of 80 by 60 pixels, 1 to 4799 in all expected"},
		{"colour-1.png", Limits{File: 159}, ""},
		{"colour-1.png", Limits{File: 158}, "found a png of 159 bytes, at most 158 expected"},
		// 4 bytes a pixel, and two rows of 3.
		{"colour-1.png", Limits{Memory: 4*12*7 + 2*3*12}, ""},
		{"colour-1.png", Limits{Memory: 4*12*7 + 2*3*12 - 1}, "found a png of 12 by 7 pixels, which takes 408 bytes to decode, at most 407 expected"},
		// Turned, they are there twice.
		{"colour-2.png", Limits{Memory: 2*4*12*7 + 2*3*12}, ""},
		{"colour-2.png", Limits{Memory: 2*4*12*7 + 2*3*12 - 1}, "found a png of 12 by 7 pixels, which takes 744 bytes to decode, at most 743 expected"},
		// The parts of an interlaced picture are there besides.
		{"interlaced.png", Limits{Memory: 743}, "found a png of 12 by 7 pixels, which takes 744 bytes to decode, at most 743 expected"},
		{"rgb16.png", Limits{Memory: 815}, "found a png of 12 by 7 pixels, which takes 816 bytes to decode, at most 815 expected"},
		// A byte for each of three samples of a pixel, and 4 for the coefficient of each.
		{"progressive.jpg", Limits{Memory: 15*40*24 - 1}, "found a jpeg of 40 by 24 pixels, which takes 14400 bytes to decode, at most 14399 expected"},
		{"progressive.jpg", Limits{Memory: 15 * 40 * 24}, ""},
	} {
		_, _, err := Open(context.Background(), filepath.Join("testdata", c.name), c.limits)
		if got := strings.TrimPrefix(fmt.Sprint(err), "testdata/"+c.name+": "); got != c.want && (err != nil || c.want != "") {
			t.Errorf("%s with %+v: got %v, want %q", c.name, c.limits, err, c.want)
		}
		if _, ok := errors.AsType[*LimitError](err); ok != (err != nil) {
			t.Errorf("%s with %+v: got a %T", c.name, c.limits, err)
		}
	}
	data, err := os.ReadFile("testdata/colour-1.png")
	if err != nil {
		t.Fatal(err)
	}
	// Of a reader nobody knows how much it has.
	_, _, err = Decode(context.Background(), iotest.OneByteReader(bytes.NewReader(data)), "upload", Limits{File: 158})
	if want := "upload: found a png of more than 158 bytes, at most that expected"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, _, err = Decode(context.Background(), iotest.OneByteReader(bytes.NewReader(data)), "upload", Limits{File: 159}); err != nil {
		t.Error(err)
	}
}

// TestManyScans has a JPEG that goes over its pixels so often that it would take minutes,
// with a few bytes a time.
func TestManyScans(t *testing.T) {
	data, err := os.ReadFile("testdata/progressive.jpg")
	if err != nil {
		t.Fatal(err)
	}
	i := bytes.LastIndex(data, []byte{0xff, 0xda})
	data = slices.Concat(data[:i], bytes.Repeat(data[i:len(data)-2], 200), data[len(data)-2:])
	_, _, err = Decode(context.Background(), bytes.NewReader(data), "slow.jpg", Limits{Pixels: 1000})
	if want := "slow.jpg: found a jpeg of 40 by 24 pixels, which goes over 200640 pixels in all its scans, at most 16000 expected"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, _, err := Decode(context.Background(), bytes.NewReader(data), "slow.jpg", Limits{}); err != nil && !strings.Contains(err.Error(), "broken jpeg") {
		t.Error(err)
	}
}

// TestManyStrips has a TIFF with a strip for each of a million rows.
func TestManyStrips(t *testing.T) {
	file := []byte("II*\x00\x08\x00\x00\x00\x08\x00")
	for _, e := range [][3]uint32{{256, 4, 1}, {257, 4, 1 << 20}, {258, 3, 8}, {259, 3, 8}, {262, 3, 1}, {273, 4, 8}, {278, 3, 1}, {279, 4, 8}} {
		file = binary.LittleEndian.AppendUint16(file, uint16(e[0]))
		file = binary.LittleEndian.AppendUint16(file, uint16(e[1]))
		file = binary.LittleEndian.AppendUint32(file, 1)
		file = binary.LittleEndian.AppendUint32(file, e[2])
	}
	_, _, err := Decode(context.Background(), bytes.NewReader(file), "strips", Limits{})
	if want := "strips: broken tiff: found 1048576 strips or tiles, at most 65536 expected"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestDone ends the context after each number of reads in turn.
func TestDone(t *testing.T) {
	for _, name := range []string{"colour-6.png", "colour-6.jpg", "animated.gif", "animated.webp", "rgb.bmp", "rgb.tiff"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		for reads := 0; ; reads++ {
			ctx := &countedContext{Context: context.Background(), left: reads}
			img, _, err := Decode(ctx, bytes.NewReader(data), name, Limits{})
			if err == nil {
				if ctx.left < 0 || reads < 4 {
					t.Errorf("%s was decoded although the context was done, or was asked only %d times", name, reads)
				}
				break
			}
			if err != context.Canceled || img != nil {
				t.Fatalf("%s, %d reads: got %v and error %v, want %v", name, reads, img, err, context.Canceled)
			}
		}
	}
}

// countedContext is done once its error was asked for so many times.
type countedContext struct {
	context.Context
	left int
}

func (c *countedContext) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

func TestReadErrors(t *testing.T) {
	failure := errors.New("the line went dead")
	for _, head := range []string{"", "\xff\xd8\xff", strings.Repeat("\xff\xd8\xff", 100)} {
		_, _, err := Decode(context.Background(), io.MultiReader(strings.NewReader(head), iotest.ErrReader(failure)), "upload", Limits{})
		if !errors.Is(err, failure) || err.Error() != "upload: the line went dead" {
			t.Errorf("after %d bytes: got %v", len(head), err)
		}
	}
}

func TestDecoderPanics(t *testing.T) {
	saved := formats
	defer func() { formats = saved }()
	formats = slices.Clone(saved)
	formats[0].decode = reading(func(io.Reader) (image.Image, error) { panic("index out of range") })
	_, _, err := Open(context.Background(), "testdata/colour-1.png", Limits{})
	if want := "testdata/colour-1.png: broken png: index out of range"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestOpenWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	_, _, err := Open(context.Background(), dir, Limits{})
	if want := dir + ": a folder, the file of a picture expected"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	none := filepath.Join(dir, "none")
	_, _, err = Open(context.Background(), none, Limits{})
	if want := none + ": no such file or directory"; !errors.Is(err, fs.ErrNotExist) || runtime.GOOS == "linux" && err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// FuzzDecode holds that whatever bytes are decoded keep to the limits, and that nothing
// panics beside what Decode makes an error of.
func FuzzDecode(f *testing.F) {
	for _, name := range testFiles(f) {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	limits := Limits{File: 16 << 10, Pixels: 64 << 10, Memory: 4 << 20}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > limits.File {
			return
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		img, info, err := Decode(context.Background(), bytes.NewReader(data), "fuzzed", limits)
		runtime.ReadMemStats(&after)
		// What is garbage by now counts too: copies of a buffer that grew, decompressors.
		if taken := after.TotalAlloc - before.TotalAlloc; taken > uint64(2*limits.Memory) {
			t.Fatalf("took %d bytes", taken)
		}
		if err != nil {
			if !strings.HasPrefix(err.Error(), "fuzzed: ") || img != nil {
				t.Fatalf("got %v and %v", img, err)
			}
			return
		}
		if b := img.Bounds(); b.Min != (image.Point{}) || b.Empty() || b.Dx()*b.Dy() > limits.Pixels {
			t.Fatalf("got bounds %v", b)
		}
		if info.Orientation < 1 || info.Orientation > 8 || info.Format == "" {
			t.Fatalf("got %+v", info)
		}
	})
}

// TestParse looks at files without decoding them.
func TestParse(t *testing.T) {
	data, err := os.ReadFile("testdata/colour-6.png")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse(data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if least := 2 * 4 * 12 * 7; f.Memory() < least || f.Memory() > 2*least || f.Size() != image.Pt(12, 7) {
		t.Errorf("got %v and %d bytes, want 12 by 7 and somewhat more than %d, for the picture and the turned one", f.Size(), f.Memory(), least)
	}
	if img, info, err := f.Decode(context.Background()); err != nil || info.Orientation != 6 || img.Bounds().Dx() != 7 {
		t.Errorf("got %+v and error %v", info, err)
	}
	if _, err := Parse(data, Limits{File: 10}); err == nil || err.Error() != fmt.Sprintf("found a png of %d bytes, at most 10 expected", len(data)) {
		t.Errorf("got error %v", err)
	}
	cut, err := Parse(data[:60], Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := cut.Decode(context.Background()); err == nil || !strings.HasPrefix(err.Error(), "broken png: ") {
		t.Errorf("got error %v", err)
	}
	for name, want := range map[string]string{"png.jpg": "png", "text.png": "", "empty.png": "", "lossy.webp": "webp"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if got := Format(data); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
