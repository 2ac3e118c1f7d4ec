package cli

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// block draws what tinyData has for a class, in a picture of side×side pixels, with the
// given colours.
func block(class, side int, light, dark color.Color) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	draw.Draw(img, img.Bounds(), image.NewUniform(dark), image.Point{}, draw.Src)
	cell := image.Rect(class%5*5, class/5*14, class%5*5+5, class/5*14+14)
	place := image.Rect(cell.Min.X*side/28, cell.Min.Y*side/28, cell.Max.X*side/28, cell.Max.Y*side/28)
	draw.Draw(img, place, image.NewUniform(light), image.Point{}, draw.Src)
	return img
}

func TestPredict(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	run := filepath.Join(dir, "run")
	succeed(t, tiny(data, run, "--epochs", "3")...)

	light, dark := color.Gray{180}, color.Gray{30}
	files := []string{}
	for i, encode := range []func(io.Writer, image.Image) error{
		png.Encode,
		func(w io.Writer, m image.Image) error { return jpeg.Encode(w, m, nil) },
		func(w io.Writer, m image.Image) error { return gif.Encode(w, m, nil) },
	} {
		var b bytes.Buffer
		if err := encode(&b, block(i+1, 28<<i, light, dark)); err != nil {
			t.Fatal(err)
		}
		files = append(files, filepath.Join(dir, fmt.Sprint("picture", i)))
		writeFile(t, files[i], b.Bytes())
	}
	out := succeed(t, append([]string{"predict", run, "--json", "--top-k", "10"}, files...)...)
	for i, line := range strings.Split(strings.TrimSpace(out), "\n") {
		var p prediction
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for k, c := range p.Predictions {
			sum += c.Probability
			if k > 0 && c.Probability > p.Predictions[k-1].Probability {
				t.Errorf("%s: not in order: %v", p.File, p.Predictions)
			}
		}
		if p.File != files[i] || p.Predictions[0].Class != fmt.Sprint(i+1) || len(p.Predictions) != 10 || math.Abs(sum-1) > 1e-12 {
			t.Errorf("picture of class %d: got %+v", i+1, p)
		}
		want := []string{"[made grey]", "[made grey scaled from 56x56 to 28x28]", "[made grey scaled from 112x112 to 28x28]"}[i]
		if fmt.Sprint(p.Steps) != want {
			t.Errorf("%s: said %v, want %v", p.File, p.Steps, want)
		}
	}

	// A dark drawing on a transparent ground lies on white, and is right when inverted.
	var b bytes.Buffer
	if err := png.Encode(&b, block(7, 28, color.Gray{75}, color.Transparent)); err != nil {
		t.Fatal(err)
	}
	drawing := filepath.Join(dir, "drawing.png")
	writeFile(t, drawing, b.Bytes())
	text := succeed(t, "predict", run, drawing, "--invert", "--top-k", "1")
	if !strings.HasPrefix(text, drawing+" (laid on white, made grey, inverted)\n  7  0.") || strings.Count(text, "\n") != 2 {
		t.Errorf("got %q", text)
	}
}

// TestPredictSaysHowFilesAreRead has a picture that a camera stored lying on its side, and
// the first of two in a GIF.
func TestPredictSaysHowFilesAreRead(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	run := filepath.Join(dir, "run")
	succeed(t, tiny(data, run, "--epochs", "3")...)
	upright := block(2, 28, color.Gray{180}, color.Gray{30})
	stored := image.NewGray(upright.Bounds())
	for y := range 28 {
		for x := range 28 {
			stored.Set(y, 27-x, upright.At(x, y))
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, stored, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	exif := "\xff\xe1\x00\x22Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00"
	turned, animated := filepath.Join(dir, "turned.jpg"), filepath.Join(dir, "animated.gif")
	writeFile(t, turned, slices.Concat(b.Bytes()[:2], []byte(exif), b.Bytes()[2:]))

	palette := color.Palette{color.Gray{30}, color.Gray{180}}
	var frames gif.GIF
	for class := 1; class <= 2; class++ {
		frame := image.NewPaletted(image.Rect(0, 0, 28, 28), palette)
		draw.Draw(frame, frame.Rect, block(class, 28, color.Gray{180}, color.Gray{30}), image.Point{}, draw.Src)
		frames.Image, frames.Delay = append(frames.Image, frame), append(frames.Delay, 10)
	}
	b.Reset()
	if err := gif.EncodeAll(&b, &frames); err != nil {
		t.Fatal(err)
	}
	writeFile(t, animated, b.Bytes())

	out := succeed(t, "predict", run, "--top-k", "1", turned, animated)
	lines := strings.Split(out, "\n")
	if len(lines) != 5 || lines[0] != turned+" (turned upright)" || !strings.HasPrefix(lines[1], "  2  0.") ||
		lines[2] != animated+" (first of several pictures, made grey)" || !strings.HasPrefix(lines[3], "  1  0.") {
		t.Errorf("got %q", out)
	}
	out = succeed(t, "predict", run, "--json", turned)
	if !strings.Contains(out, `"steps":["turned upright"]`) {
		t.Errorf("got %s", out)
	}
}

func TestPredictDraws(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	run := filepath.Join(dir, "run")
	succeed(t, tiny(data, run, "--epochs", "3")...)
	var files []string
	for class := range 3 {
		var b bytes.Buffer
		if err := png.Encode(&b, block(class, 56, color.Gray{180}, color.Gray{30})); err != nil {
			t.Fatal(err)
		}
		files = append(files, filepath.Join(dir, fmt.Sprintf("<%d>.png", class)))
		writeFile(t, files[class], b.Bytes())
	}
	grid, explained := filepath.Join(dir, "grid.svg"), filepath.Join(dir, "explained.svg")
	succeed(t, append([]string{"predict", run, "--grid", grid}, files...)...)
	svg := string(readFile(t, grid))
	if strings.Count(svg, "<image ") != 3 || !strings.Contains(svg, ">&lt;1&gt;.png</text>") || !strings.Contains(svg, ">1 (0.") {
		t.Errorf("no three pictures with what they are called in %s", svg)
	}
	succeed(t, "predict", run, files[2], "--explain", explained, "--top-k", "2")
	svg = string(readFile(t, explained))
	if strings.Count(svg, "<image ") != 3 || !strings.Contains(svg, ">the picture</text>") || !strings.Contains(svg, ">2 (0.") {
		t.Errorf("no picture and two classes in %s", svg)
	}

	wantError(t, 2, "--grid "+grid+" exists: --force replaces it", "predict", run, files[0], "--grid", grid)
	wantError(t, 2, "--explain "+explained+" exists: --force replaces it", "predict", run, files[0], "--explain", explained)
	wantError(t, 2, `--grid grid: found the ending "", .png or .svg expected`, "predict", run, files[0], "--grid", "grid")
	wantError(t, 2, "--explain x.png: one picture expected, found 2", "predict", run, files[0], files[1], "--explain", "x.png")
	succeed(t, "predict", run, files[0], "--grid", grid, "--explain", explained, "--force")
}

func TestPredictErrors(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	run := filepath.Join(dir, "run")
	succeed(t, tiny(data, run, "--epochs", "0")...)
	var b bytes.Buffer
	if err := png.Encode(&b, block(1, 28, color.White, color.Black)); err != nil {
		t.Fatal(err)
	}
	good, text, cut, huge := filepath.Join(dir, "good.png"), filepath.Join(dir, "text"), filepath.Join(dir, "cut.png"), filepath.Join(dir, "huge.png")
	writeFile(t, good, b.Bytes())
	writeFile(t, text, []byte("a thousand words"))
	writeFile(t, cut, b.Bytes()[:b.Len()-20])
	writeFile(t, huge, withSize(b.Bytes(), 100_000, 100_000))

	wantError(t, 1, run+": a folder, the file of a picture expected", "predict", run, run)
	wantError(t, 1, text+`: no picture: found "a thousand words" at its beginning, PNG, JPEG, GIF, WebP, BMP or TIFF expected`, "predict", run, text)
	wantError(t, 1, cut+": broken png: png: invalid format: unexpected EOF", "predict", run, cut)
	wantError(t, 1, huge+": found a png of 100000 by 100000 pixels, 1 to 67108864 in all expected", "predict", run, huge)
	wantError(t, 1, filepath.Join(dir, "none")+": no such file or directory", "predict", run, filepath.Join(dir, "none"))
	wantError(t, 2, "--top-k 0: at least 1 expected", "predict", run, good, "--top-k", "0")
	wantError(t, 2, `expected "<file> ..." (see onehot predict --help)`, "predict", run)

	// One bad picture does not keep the others from being named.
	stdout, stderr, code := onehot(t, "predict", run, text, good)
	if code != 1 || !strings.HasPrefix(stdout, good) || !strings.HasPrefix(stderr, "onehot: "+text) {
		t.Errorf("got exit code %d, %q, %q", code, stdout, stderr)
	}
}

// withSize returns a PNG whose header says another size.
func withSize(file []byte, width, height uint32) []byte {
	file = bytes.Clone(file)
	header := file[12:29] // type and content of the first chunk; its checksum follows
	binary.BigEndian.PutUint32(header[4:], width)
	binary.BigEndian.PutUint32(header[8:], height)
	binary.BigEndian.PutUint32(file[29:], crc32.ChecksumIEEE(header))
	return file
}
