package cli

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
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
	"strconv"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/transform"
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

	wantError(t, 1, text+`: no picture: found "a thousand words" at its beginning, PNG, JPEG, GIF, WebP, BMP or TIFF expected`, "predict", run, text)
	wantError(t, 1, cut+": broken png: png: invalid format: unexpected EOF", "predict", run, cut)
	wantError(t, 1, huge+": found a png of 100000 by 100000 pixels, 1 to 67108864 in all expected", "predict", run, huge)
	wantError(t, 1, filepath.Join(dir, "none")+": no such file or directory", "predict", run, filepath.Join(dir, "none"))
	wantError(t, 2, "--top-k 0: at least 1 expected", "predict", run, good, "--top-k", "0")
	wantError(t, 2, "a picture, a folder of them, or --files-from expected (see onehot predict --help)", "predict", run)
	wantError(t, 2, "-: standard input can be read once, and is named 2 times", "predict", run, "-", "--files-from", "-")

	// One bad picture does not keep the others from being named.
	stdout, stderr, code := onehot(t, "predict", run, text, good)
	if code != 1 || !strings.HasPrefix(stdout, good) || !strings.HasPrefix(stderr, "onehot: "+text) ||
		!strings.HasSuffix(stderr, "\nonehot: 1 of 2 could not be named\n") || strings.Count(stderr, "\n") != 2 {
		t.Errorf("got exit code %d, %q, %q", code, stdout, stderr)
	}
	stdout, _, code = onehot(t, "predict", run, text, good, "--json")
	want := `{"file":"` + text + `","error":"no picture: found \"a thousand words\" at its beginning, PNG, JPEG, GIF, WebP, BMP or TIFF expected"}` + "\n" + `{"file":"` + good + `","steps":[`
	if code != 1 || !strings.HasPrefix(stdout, want) {
		t.Errorf("got exit code %d, %s, want %s", code, stdout, want)
	}
}

// drawingsModel saves a model that tells white pictures of 2×2 pixels from black ones. Its ground
// is the given one.
func drawingsModel(t *testing.T, ground model.Ground, weight float64) string {
	t.Helper()
	d := model.Softmax([]int{1, 2, 2}, []string{"white", "black"})
	d.Ground = ground
	m, err := model.New(d, random.Key{})
	if err != nil {
		t.Fatal(err)
	}
	linear := m.Net.Layer("linear").(*nn.Linear)
	linear.Bias.FillInPlace(0)
	linear.Weight.FillInPlace(0)
	linear.Weight.NoGrad().Select(0, 0).FillInPlace(weight)
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// greys writes PNG files of 2×2 pixels into a folder, each of one shade of grey, and returns
// their names.
func greys(t *testing.T, dir string, shades ...uint8) (files []string) {
	t.Helper()
	for i, shade := range shades {
		var b bytes.Buffer
		p := image.NewGray(image.Rect(0, 0, 2, 2))
		draw.Draw(p, p.Rect, image.NewUniform(color.Gray{shade}), image.Point{}, draw.Src)
		if err := png.Encode(&b, p); err != nil {
			t.Fatal(err)
		}
		files = append(files, filepath.Join(dir, fmt.Sprintf("%03d.png", i)))
		writeFile(t, files[i], b.Bytes())
	}
	return files
}

// TestPredictTable has a line of the table for each input, in order, and the probabilities that
// JSON has.
func TestPredictTable(t *testing.T) {
	m, dir := drawingsModel(t, "", 1), t.TempDir()
	files, out := greys(t, dir, 255, 0, 51), filepath.Join(dir, "out.csv")
	none := filepath.Join(dir, `no, "such".png`)
	args := append([]string{"predict", m, "--csv", out}, files[0], none, files[1], files[2])
	stdout, stderr, code := onehot(t, args...)
	wantErr := "onehot: " + none + ": no such file or directory\nwritten to " + out + "\nonehot: 1 of 4 could not be named\n"
	if code != 1 || stdout != "" || stderr != wantErr {
		t.Errorf("got exit code %d, %q, %q", code, stdout, stderr)
	}
	// The scores are the sums of the pixels, 4, 0 and 0.8, and 0: e^4/(e^4+1) and so on.
	want := "file,class,probability,error,p:white,p:black\n" +
		files[0] + ",white,0.98201376,,0.98201376,0.01798621\n" +
		`"` + strings.ReplaceAll(none, `"`, `""`) + `",,,no such file or directory,,` + "\n" +
		files[1] + ",white,0.5,,0.5,0.5\n" +
		files[2] + ",white,0.689974,,0.689974,0.310026\n"
	rows := func(text string) [][]string {
		r, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	got, expected := rows(string(readFile(t, out))), rows(want)
	for i, row := range expected {
		for k, field := range row {
			g, errGot := strconv.ParseFloat(got[i][k], 64)
			w, errWant := strconv.ParseFloat(field, 64)
			if got[i][k] != field && (errGot != nil || errWant != nil || math.Abs(g-w) > 1e-6) {
				t.Errorf("line %d, field %d: got %q, want %q", i+1, k+1, got[i][k], field)
			}
		}
	}
	if len(got) != len(expected) {
		t.Errorf("%d lines, %d expected", len(got), len(expected))
	}

	wantError(t, 2, "--csv "+out+" exists: --force replaces it", args...)
	stdout = succeed(t, "predict", m, "--csv", out, "--force", "--json", files[0])
	var p prediction
	if err := json.Unmarshal([]byte(stdout), &p); err != nil || p.Predictions[0].Class != "white" {
		t.Errorf("got %s, %v", stdout, err)
	}
	if got := rows(string(readFile(t, out))); len(got) != 2 || got[1][2] != strconv.FormatFloat(p.Predictions[0].Probability, 'g', -1, 32) {
		t.Errorf("got %v beside %s", got, stdout)
	}
	wantError(t, 2, "--csv "+dir+": a file's name expected", "predict", m, "--csv", dir, "--force", files[0])
	wantError(t, 2, "--csv no/such/x.csv: there is no folder no/such", "predict", m, "--csv", "no/such/x.csv", files[0])
}

// TestPredictNoNumber has a picture that the net gives no number for, between two that it does.
func TestPredictNoNumber(t *testing.T) {
	m := drawingsModel(t, "", math.MaxFloat32/2)
	files := greys(t, t.TempDir(), 0, 255, 51)
	stdout, stderr, code := onehot(t, append([]string{"predict", m, "--top-k", "1"}, files...)...)
	want := "onehot: " + files[1] + `: the net gives +Inf for the class "white": its weights or the input are too large` + "\nonehot: 1 of 3 could not be named\n"
	if code != 1 || stderr != want || stdout != files[0]+" (as it is)\n  white  0.5000\n"+files[2]+" (as it is)\n  white  1.0000\n" {
		t.Errorf("got exit code %d, %q, %q", code, stdout, stderr)
	}
}

// TestPredictGround shows light and dark pictures to models that learnt from dark ones, light
// ones, both, and to one whose file does not say.
func TestPredictGround(t *testing.T) {
	light := func(shade uint8) uint8 { return 255 - shade }
	for _, c := range []struct {
		ground model.Ground
		shade  uint8
		args   string
		want   string // of each
	}{
		{model.DarkGround, 250, "", "has a light border, and the model learnt from pictures with dark ones: --invert is likely needed"},
		{model.LightGround, 5, "", "has a dark border, and the model learnt from pictures with light ones: --invert is likely needed"},
		{model.DarkGround, 5, "--invert", "has a light border, and the model learnt from pictures with dark ones: it is likely right without --invert"},
		{model.DarkGround, 250, "--invert", ""},
		{model.DarkGround, 5, "", ""},
		{model.DarkGround, 128, "", ""},
		{model.MixedGround, 250, "", ""},
		{"", 250, "", ""},
	} {
		m, dir := drawingsModel(t, c.ground, 1), t.TempDir()
		args := append([]string{"predict", m}, strings.Fields(c.args)...)
		which := ""
		if c.args != "" {
			which = "inverted, "
		}
		files := greys(t, dir, c.shade, 128)
		_, stderr, _ := onehot(t, append(args, files...)...)
		want := ""
		if c.want != "" {
			want = files[0] + ": " + which + "it " + c.want + "\n"
		}
		if stderr != want {
			t.Errorf("%+v: got %q, want %q", c, stderr, want)
		}

		// Many have one line.
		files = greys(t, dir, append(slices.Repeat([]uint8{c.shade}, fewPictures), light(c.shade))...)
		_, stderr, _ = onehot(t, append(args, dir)...)
		if c.want != "" {
			want = fmt.Sprintf("10 of 11 pictures, %s the first of them: %seach %s\n", files[0], which, c.want)
		}
		if c.want != "" && stderr != want {
			t.Errorf("%+v, many: got %q, want %q", c, stderr, want)
		}
	}
}

// TestTrainKeepsGround holds that training looks at the ground, and that of mixed pictures.
func TestTrainKeepsGround(t *testing.T) {
	data, run := tinyData(t), filepath.Join(t.TempDir(), "run")
	succeed(t, tiny(data, run, "--epochs", "0")...)
	m, err := model.Load(folder(run).best())
	if err != nil || m.Ground != model.DarkGround {
		t.Errorf("ground %q, %v", m.Ground, err)
	}
	images := &dataset.Images{Height: 1, Width: 1}
	for i := range 3000 {
		images.Pixels, images.Labels = append(images.Pixels, byte(i%2*255)), append(images.Labels, 0)
	}
	if got := groundOf(images); got != model.MixedGround {
		t.Errorf("ground %q of every second picture", got)
	}
	if got := groundOf(&dataset.Images{Height: 1, Width: 1}); got != "" {
		t.Errorf("ground %q of no pictures", got)
	}
}

// TestPredictColour explains and draws what a net of colour pictures says, whose inputs are
// normalised.
func TestPredictColour(t *testing.T) {
	d := model.CNN([]int{3, 8, 8}, []string{"red", "blue", "green"})
	n := transform.Normalize{Mean: []float32{0.4, 0.5, 0.6}, Std: []float32{0.25}}
	d.Preprocess = append(d.Preprocess, n)
	m, err := model.New(d, random.New(1))
	if err != nil {
		t.Fatal(err)
	}
	nn.SetTraining(m.Net, false)
	dir := t.TempDir()
	path, file := filepath.Join(dir, "model"), filepath.Join(dir, "red.png")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, block(1, 16, color.RGBA{255, 51, 0, 255}, color.RGBA{0, 102, 255, 255})); err != nil {
		t.Fatal(err)
	}
	writeFile(t, file, b.Bytes())
	grid, why := filepath.Join(dir, "grid.png"), filepath.Join(dir, "why.svg")
	succeed(t, "predict", path, file, "--grid", grid, "--explain", why)
	if svg := string(readFile(t, why)); strings.Count(svg, "<image ") != 4 {
		t.Errorf("no picture and three classes in %s", svg)
	}
	by, err := model.NewPredictor(m)
	if err != nil {
		t.Fatal(err)
	}
	sample, err := by.Prepare(block(1, 8, color.RGBA{255, 51, 0, 255}, color.RGBA{0, 102, 255, 255}))
	if err != nil {
		t.Fatal(err)
	}
	p := asPicture(sample, m.Preprocess)
	if got, want := p.At(7, 7), (color.RGBA{0, 102, 255, 255}); got != want {
		t.Errorf("shown in %v, it is %v", got, want)
	}
}

// TestPredictGridIsBounded draws the first pictures of many, and says so.
func TestPredictGridIsBounded(t *testing.T) {
	m, dir := drawingsModel(t, "", 1), t.TempDir()
	greys(t, dir, make([]uint8, maxDrawn+2)...)
	writeFile(t, filepath.Join(dir, "000.png"), nil)
	grid := filepath.Join(t.TempDir(), "grid.svg")
	_, stderr, code := onehot(t, "predict", m, dir, "--grid", grid)
	if code != 1 || !strings.Contains(stderr, "\ndrawn to "+grid+", the first 200 of 201 pictures\n") {
		t.Errorf("got exit code %d, %q", code, stderr)
	}
	if n := strings.Count(string(readFile(t, grid)), "<image "); n != maxDrawn {
		t.Errorf("%d pictures drawn, %d expected", n, maxDrawn)
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
