package cli

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/mnist"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/safetensors"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// hues are the classes of colours: what their pictures have most of.
var hues = map[string]color.RGBA{"blue": {40, 40, 200, 255}, "green": {40, 200, 40, 255}, "red": {200, 40, 40, 255}}

// colours writes n pictures of each class into class folders in dir: its hue with noise, no two
// the same. They are learnt in a few epochs. What is kept of them lies in a folder of the test.
func colours(t *testing.T, dir string, n, width, height int) {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", filepath.Join(t.TempDir(), "cache"))
	for class, hue := range hues {
		r := random.New(7).For(dir[strings.LastIndexByte(dir, filepath.Separator)+1:]).For(class).Rand()
		for i := range n {
			img := image.NewRGBA(image.Rect(0, 0, width, height))
			for y := range height {
				for x := range width {
					img.SetRGBA(x, y, color.RGBA{hue.R + uint8(r.IntN(55)), hue.G + uint8(r.IntN(55)), hue.B + uint8(r.IntN(55)), 255})
				}
			}
			writePNG(t, filepath.Join(dir, class, fmt.Sprintf("%03d.png", i)), img)
		}
	}
}

// writePNG writes a picture to a file, with the folders that it needs.
func writePNG(t *testing.T, path string, img image.Image) {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, b.Bytes())
}

// readTable reads a CSV file.
func readTable(t *testing.T, path ...string) [][]string {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(readFile(t, path...))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// readRunConfig reads a run's config.json.
func readRunConfig(t *testing.T, run string) config {
	t.Helper()
	c, err := folder(run).readConfig()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFirstHour trains on a folder without any setting, and does with the run all that there is to do.
func TestFirstHour(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	colours(t, filepath.Join(dir, "photos"), 20, 12, 9)
	stdout, stderr, code := onehot(t, "train", "photos/", "--max-bad", "0", "--tensorboard")
	if code != 0 {
		t.Fatal(stderr)
	}
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if len(lines) != 30 || !regexp.MustCompile(`^epoch 30, loss \d\.\d{4}, train acc [01]\.\d{3}, val acc 1\.000$`).MatchString(lines[29]) {
		t.Errorf("got %d lines, at the end %q", len(lines), lines[len(lines)-1])
	}
	for _, want := range []string{
		"no --model is given, so this is chosen for about 48 colour pictures of 9x9:\n",
		"  resnet, a net for this size; adamw at a learning rate of 0.003, one-cycle\n",
		"  30 epochs of 24 steps, batches of 2: a net needs some 500 steps, and 16 batches in an epoch\n",
		"  --augment crop:1,flip: few pictures go further if each is seen a little differently; --augment \"\" leaves them\n",
		"photos: 3 classes, 48 pictures to train on, 12 to choose the best epoch by; drawn by chance, of each class its share\n",
		"few pictures to learn from: blue (16), green (16), red (16); below 20 a class a net guesses much",
		"a net that has seen a million pictures before does better with so few: onehot train photos/ --pretrained resnet18\n",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is missing in %q", want, stderr)
		}
	}
	if strings.Contains(stdout+stderr, "test acc") {
		t.Errorf("it speaks of what is not there: %q", stderr)
	}
	run := filepath.Join("runs", "photos-1")
	c := readRunConfig(t, run)
	if s := c.Settings; s.Data != "photos/" || s.Model != "resnet" || s.Epochs != 30 || s.BatchSize != 2 || s.Size != 9 || s.Fit != "crop" ||
		s.Color != "rgb" || s.Val != share(0.2) || !s.Test.None() || s.Init != "uniform" || s.WeightDecay != 0.01 {
		t.Errorf("settings %+v", s)
	}
	if d := c.Data; d.Name != "photos" || d.Path != "photos/" || d.Absolute != filepath.Join(dir, "photos") || d.Train != 48 || d.Val != 12 || d.Test != 0 || d.Bad != 0 || len(d.SHA256) != 64 {
		t.Errorf("data %+v", d)
	}
	if rows := readTable(t, run, "files.csv"); len(rows) != 61 || rows[1][0] != "blue/000.png" || rows[1][1] != "blue" || len(rows[1][3]) != 64 {
		t.Errorf("files.csv: %d rows, %q", len(rows), rows[1])
	}
	var figures map[string]any
	if err := json.Unmarshal(readFile(t, run, "metrics.json"), &figures); err != nil || figures["part"] != "val" || figures["accuracy"] != 1.0 {
		t.Errorf("metrics.json: %v, %v", figures, err)
	}
	page := string(readFile(t, run, "report.html"))
	for _, want := range []string{"resnet on photos", "12 validation pictures", `"files":["`, "onehot train photos/ --model resnet", "--val 0.2", "--size 9 --fit crop --color rgb"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if strings.Contains(page, "test accuracy") || strings.Contains(page, "test pictures") {
		t.Error("the page calls validation figures test figures")
	}
	m, err := model.Load(filepath.Join(run, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Preprocess.String(); got != `resize-edge {"size":9}, center-crop {"height":9,"width":9}, rgb, to-tensor` || m.Data != "photos/" {
		t.Errorf("the model prepares by %s, of %s", got, m.Data)
	}

	// All commands that take a run, or pictures.
	if out := succeed(t, "eval", run); !strings.HasPrefix(out, run+" on photos val, 12 samples\naccuracy 1.0000,") {
		t.Errorf("eval: %q", out)
	}
	if out := succeed(t, "predict", run, filepath.Join("photos", "red", "000.png"), "--top-k", "1"); !strings.Contains(out, "  red ") {
		t.Errorf("predict: %q", out)
	}
	succeed(t, "predict", run, filepath.Join("photos", "red", "000.png"), "--explain", "why.png")
	succeed(t, "report", run, "--out", "drawn")
	if out := succeed(t, "compare", run); !strings.Contains(out, "best val acc") || strings.Contains(out, "best test acc") {
		t.Errorf("compare: %q", out)
	}
	if out := succeed(t, "lr-find", "photos", "--steps", "20"); !strings.Contains(out, "suggested: --lr") {
		t.Errorf("lr-find: %q", out)
	}
	if out := succeed(t, "train", "--config", filepath.Join(run, "config.json"), "--out", "again", "-q"); out != stdout {
		t.Error("the run's config.json gives another run")
	}
	if out, want := readFile(t, "again", "config.json"), readFile(t, run, "config.json"); !bytes.Equal(out[40:], want[40:]) {
		t.Errorf("the run's config.json became %s", out)
	}
}

// TestDrawnParts checks how many pictures a part gets, and that figures are called by their parts.
func TestDrawnParts(t *testing.T) {
	dir := t.TempDir()
	photos := filepath.Join(dir, "photos")
	colours(t, photos, 20, 8, 8)
	for k, c := range []struct {
		args             []string
		train, val, test int
		line             string
	}{
		{nil, 48, 12, 0, "val acc"},
		{[]string{"--val", "15", "--test", "6"}, 39, 15, 6, "val acc"},
		{[]string{"--val", "10%", "--test", "0.25"}, 39, 6, 15, "val acc"},
		{[]string{"--val", "0", "--test", "15"}, 45, 0, 15, "test acc"},
	} {
		run := filepath.Join(dir, fmt.Sprint(k))
		out := succeed(t, append([]string{"train", photos, "--model", "softmax", "--epochs", "1", "-q", "--out", run}, c.args...)...)
		d := readRunConfig(t, run).Data
		if d.Train != c.train || d.Val != c.val || d.Test != c.test || !strings.Contains(out, c.line) {
			t.Errorf("%v: %d, %d and %d pictures, %q", c.args, d.Train, d.Val, d.Test, out)
		}
		if tested := strings.Contains(out, "the test data were read this once"); tested != (c.val > 0 && c.test > 0) {
			t.Errorf("%v: %q", c.args, out)
		}
		per := map[string]int{}
		for _, row := range readTable(t, run, "files.csv")[1:] {
			per[row[1]+" "+row[2]]++
		}
		if c.test%3 == 0 && c.val%3 == 0 && (per["red train"] != c.train/3 || per["blue val"] != c.val/3 || per["green test"] != c.test/3) {
			t.Errorf("%v: %v", c.args, per)
		}
	}
	for message, args := range map[string][]string{
		"--size 5000: at most 4096 expected": {"--size", "5000"},
		"--color green: one of auto, gray, grey, rgb expected, did you mean \"grey\"? (see onehot train --help)": {"--color", "green"},
		"--label-column is for lists, with --path-column, and for tables":                                        {"--label-column", "kind"},
	} {
		wantError(t, 2, message, append([]string{"train", photos, "-q", "--model", "softmax"}, args...)...)
	}
	wantError(t, 2, "--size is for pictures of your own", "train", "mnist", "--size", "9")
}

// TestGivenParts trains on folders of parts.
func TestGivenParts(t *testing.T) {
	dir := t.TempDir()
	photos := filepath.Join(dir, "photos")
	for _, part := range []string{"Train", "validation", "testing"} {
		colours(t, filepath.Join(photos, part), 6, 8, 8)
	}
	run := filepath.Join(dir, "run")
	stdout, stderr, code := onehot(t, "train", photos, "--model", "softmax", "--epochs", "2", "--out", run)
	if code != 0 || !strings.Contains(stdout, "val acc") || !strings.Contains(stdout, "the test data were read this once") {
		t.Fatalf("%q, %q", stdout, stderr)
	}
	if want := "photos: 3 classes, 18 pictures to train on, 18 to choose the best epoch by, 18 to test on\n"; !strings.Contains(stderr, want) {
		t.Errorf("got %q, want %q in it", stderr, want)
	}
	if want := "4 steps are few"; strings.Contains(stderr, want) {
		t.Errorf("%q", stderr)
	}
	if want := "2 epochs of 18 steps are few steps to learn from: --epochs 28 has 500\n"; !strings.Contains(stderr, want) {
		t.Errorf("got %q, want %q in it", stderr, want)
	}
	if out := succeed(t, "eval", run, photos); !strings.HasPrefix(out, run+" on photos test, 18 samples\n") {
		t.Errorf("eval: %q", out)
	}
	wantError(t, 2, "--val 5: "+photos+" has pictures of this part already", "train", photos, "--val", "5")

	// Without val/ validation pictures are drawn, unless they are not wanted.
	if err := os.RemoveAll(filepath.Join(photos, "validation")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args       []string
		train, val int
		said       string
	}{
		{nil, 14, 4, "14 pictures to train on, 4 to choose the best epoch by, 18 to test on; those to choose by are drawn by chance, of each class its share\n"},
		{[]string{"--val", "0"}, 18, 0, "18 pictures to train on, 18 to test on\n"},
	} {
		run := filepath.Join(dir, fmt.Sprint("without", c.val))
		_, stderr, code := onehot(t, append([]string{"train", photos, "--model", "softmax", "--epochs", "1", "--out", run}, c.args...)...)
		if code != 0 || !strings.Contains(stderr, c.said) {
			t.Errorf("%v: exit code %d, %q, want %q in it", c.args, code, stderr, c.said)
		}
		if d := readRunConfig(t, run).Data; d.Train != c.train || d.Val != c.val || d.Test != 18 {
			t.Errorf("%v: %d, %d and %d pictures", c.args, d.Train, d.Val, d.Test)
		}
	}

	// A class that training has not.
	writePNG(t, filepath.Join(photos, "testing", "brown", "1.png"), image.NewGray(image.Rect(0, 0, 8, 8)))
	wantError(t, 1, filepath.Join(photos, "testing", "brown", "1.png")+`: found the class "brown", one of the 3 that there is training data of expected: blue, green, red`,
		"train", photos, "-q")
}

// TestBadFiles checks that files which are no pictures are left out and listed, and that too many end
// the run before it begins.
func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	photos := filepath.Join(dir, "photos")
	colours(t, photos, 12, 8, 8)
	whole := readFile(t, photos, "red", "000.png")
	for i := range 5 {
		writeFile(t, filepath.Join(photos, "red", fmt.Sprintf("bad%d.png", i)), whole[:60+i])
	}
	writeFile(t, filepath.Join(photos, "red", "film.MP4"), []byte("film"))
	writeFile(t, filepath.Join(photos, "red", ".hidden.png"), []byte("no"))
	writePNG(t, filepath.Join(photos, "blue", "copy.png"), must(t, photos, "blue", "000.png"))
	writePNG(t, filepath.Join(photos, "blue", "wrong.png"), must(t, photos, "green", "000.png"))
	run := filepath.Join(dir, "run")
	_, stderr, code := onehot(t, "train", photos, "--model", "softmax", "--epochs", "1", "--out", run)
	if code != 0 {
		t.Fatal(stderr)
	}
	for _, want := range []string{
		"passed over: 1 .mp4, 1 (hidden)\n",
		"passed over: " + filepath.Join(photos, "red", "bad0.png") + ": broken png: ",
		"passed over: 2 more files that cannot be read\n",
		"copies of other pictures, pixel for pixel: 2\n",
		"under more than one class, one of which is wrong: 1 picture, as " + filepath.Join(photos, "blue", "wrong.png") + " and " + filepath.Join(photos, "green", "000.png") + "\n",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is missing in %q", want, stderr)
		}
	}
	if strings.Contains(stderr, "in more than one part") {
		t.Errorf("copies are in several parts: %q", stderr)
	}
	rows := readTable(t, run, "bad-files.csv")
	if len(rows) != 6 || !slices.Equal(rows[0], []string{"file", "error"}) || rows[1][0] != "red/bad0.png" || !strings.HasPrefix(rows[1][1], "broken png: ") {
		t.Errorf("bad-files.csv: %q", rows)
	}
	if c := readRunConfig(t, run); c.Data.Bad != 5 || c.Data.Train+c.Data.Val != 38 {
		t.Errorf("data: %+v", c.Data)
	}
	writeFile(t, filepath.Join(photos, "red", "bad5.png"), whole[:65])
	stdout, stderr, code := onehot(t, "train", photos, "-q", "--out", filepath.Join(dir, "other"))
	want := regexp.MustCompile(`^onehot: \S+photos: 6 of 44 files cannot be read as pictures, and --max-bad 0.01 takes 5: the first is red/bad0.png \(broken png: .*\)\n$`)
	if code != 1 || stdout != "" || !want.MatchString(stderr) {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
	succeed(t, "train", photos, "-q", "--model", "softmax", "--epochs", "1", "--max-bad", "20%", "--out", filepath.Join(dir, "more"))
	writeFile(t, filepath.Join(photos, "red", "phone.heic"), []byte("x"))
	if _, stderr, code := onehot(t, "train", photos); code != 1 || !strings.Contains(stderr, "found 1 picture in HEIC, which cannot be decoded: convert them with  find ") {
		t.Errorf("HEIC: exit code %d, %q", code, stderr)
	}
}

// must decodes a PNG file.
func must(t *testing.T, path ...string) image.Image {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(readFile(t, path...)))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// TestSamePictures checks that a run goes on with a copied folder, and not with a changed one.
func TestSamePictures(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	colours(t, filepath.Join(dir, "photos"), 8, 8, 8)
	args := []string{"--model", "lenet", "--size", "12", "--epochs", "4", "-q", "--lr", "0.05"}
	whole := succeed(t, append([]string{"train", "photos", "--out", "whole"}, args...)...)
	begun := succeed(t, append([]string{"train", "photos", "--out", "run"}, append(args, "--epochs", "2")...)...)
	if err := os.CopyFS("copied", os.DirFS("photos")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll("photos"); err != nil {
		t.Fatal(err)
	}
	wantError(t, 1, "run/config.json: data "+filepath.Join(dir, "photos")+": no such file or folder, and no data set: fashion-mnist, mnist, or the path of pictures expected",
		"train", "--resume", "--out", "run", "--epochs", "4")
	going := succeed(t, "train", "copied", "--resume", "--out", "run", "--epochs", "4", "-q")
	if begun+going != whole {
		t.Errorf("in two parts %q, at once %q", begun+going, whole)
	}
	if a, b := weightsOf(t, "run"), weightsOf(t, "whole"); !bytes.Equal(a, b) {
		t.Error("the weights differ")
	}

	writePNG(t, filepath.Join("copied", "red", "new.png"), image.NewGray(image.Rect(0, 0, 9, 9)))
	writePNG(t, filepath.Join("copied", "red", "000.png"), image.NewGray(image.Rect(0, 0, 9, 10)))
	for _, name := range []string{"001.png", "002.png"} {
		if err := os.Remove(filepath.Join("copied", "blue", name)); err != nil {
			t.Fatal(err)
		}
	}
	const what = "found other files: 1 added (red/new.png), 2 removed (blue/001.png, ...), 1 changed (red/000.png)"
	wantError(t, 1, "the data are not those that the run in run was started with: "+what, "train", "--resume", "--out", "run", "--epochs", "9", "-q")
	wantError(t, 1, "the data are not those of run/config.json: "+what, "train", "--config", "run/config.json", "--out", "other", "-q")
	wantError(t, 1, "the data are not those that the run in run was started with: "+what, "report", "run")
	if err := os.Remove(filepath.Join("run", "files.csv")); err != nil {
		t.Fatal(err)
	}
	_, stderr, code := onehot(t, "report", "run")
	if code != 1 || !regexp.MustCompile(`started with: found SHA-256 [0-9a-f]{64} of all pictures, [0-9a-f]{64} expected\n$`).MatchString(stderr) {
		t.Errorf("without files.csv: exit code %d, %q", code, stderr)
	}
	succeed(t, "train", "copied", "--config", "run/config.json", "--out", "other", "-q") // other data by intention
}

// weightsOf returns the bytes of the latest weights of a run.
func weightsOf(t *testing.T, run string) []byte {
	t.Helper()
	f, err := safetensors.ReadFile(filepath.Join(run, "last.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, w := range f.Tensors {
		if w.Value.DType() == tensor.Float32 && !strings.HasPrefix(w.Name, ".") {
			fmt.Fprintln(&b, w.Name, tensor.Values[float32](w.Value))
		}
	}
	return b.Bytes()
}

// TestFolderOfMNIST checks that pictures in folders give the weights, to the bit, that the same
// pictures give in IDX files in the order of the folders.
func TestFolderOfMNIST(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	photos, sorted := filepath.Join(dir, "photos"), filepath.Join(dir, "sorted")
	if err := os.Mkdir(sorted, 0o777); err != nil {
		t.Fatal(err)
	}
	for split, name := range map[dataset.Split]string{dataset.Train: "train", dataset.Test: "t10k"} {
		d, err := mnist.Open(data, split)
		if err != nil {
			t.Fatal(err)
		}
		images, labels := header(d.Len(), 28, 28), header(d.Len())
		for class := range 10 {
			for i, label := range d.Labels {
				if label == class {
					images, labels = append(images, d.Pixels[i*784:][:784]...), append(labels, byte(class))
					writePNG(t, filepath.Join(photos, split.String(), fmt.Sprint(class), fmt.Sprintf("%05d.png", i)), d.Image(i))
				}
			}
		}
		writeFile(t, filepath.Join(sorted, name+"-images-idx3-ubyte"), images)
		writeFile(t, filepath.Join(sorted, name+"-labels-idx1-ubyte"), labels)
	}
	for _, model := range []string{"softmax", "lenet"} {
		a, b := filepath.Join(dir, model), filepath.Join(dir, model+"-idx")
		folders := succeed(t, "train", photos, "--val", "0", "--model", model, "--epochs", "2", "--batch-size", "256", "--lr", "0.1", "-q", "--out", a)
		idx := succeed(t, "train", "mnist", "--data-dir", sorted, "--model", model, "--epochs", "2", "-q", "--out", b)
		if folders != idx || !bytes.Equal(weightsOf(t, a), weightsOf(t, b)) {
			t.Errorf("%s: folders give %q, IDX files %q", model, folders, idx)
		}
		if s := readRunConfig(t, a).Settings; s.Color != "gray" || s.Size != 28 {
			t.Errorf("%s: prepared as %s of %d", model, s.Color, s.Size)
		}
	}
}

// TestColour checks which pictures are taken to be grey.
func TestColour(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	photos := filepath.Join(dir, "photos")
	for i := range 80 { // grey pictures that are stored in colour
		img := noise(image.Pt(9, 9))
		for p := 0; p < len(img.Pix); p += 4 {
			img.Pix[p], img.Pix[p+1], img.Pix[p+2] = uint8(i), uint8(p), uint8(p)
			img.Pix[p] = img.Pix[p+1]
		}
		img.Pix[0], img.Pix[1], img.Pix[2] = uint8(i), uint8(i), uint8(i)
		writePNG(t, filepath.Join(photos, fmt.Sprint(i%2), fmt.Sprintf("%02d.png", i)), img)
	}
	color := func(name string, args ...string) string {
		run := filepath.Join(dir, name)
		succeed(t, append([]string{"train", photos, "--model", "softmax", "--epochs", "1", "-q", "--out", run}, args...)...)
		return readRunConfig(t, run).Settings.Color
	}
	if got := color("a"); got != "gray" {
		t.Errorf("grey pictures are read as %s", got)
	}
	if got := color("b", "--color", "rgb"); got != "rgb" {
		t.Errorf("--color rgb is %s", got)
	}
	if got := color("c", "--color", "grey", "--fit", "pad"); got != "gray" {
		t.Errorf("--color grey is %s", got)
	}
	writePNG(t, filepath.Join(photos, "1", "99.png"), noise(image.Pt(9, 9))) // the last one, which is not looked at before
	if got := color("d"); got != "rgb" {
		t.Errorf("with one in colour they are read as %s", got)
	}
}

// TestEvalFolder measures models on folders of pictures.
func TestEvalFolder(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	colours(t, filepath.Join(dir, "photos"), 10, 8, 8)
	colours(t, filepath.Join(dir, "other"), 5, 20, 10)
	succeed(t, "train", "photos", "--model", "softmax", "--epochs", "40", "--batch-size", "256", "--lr", "0.1", "-q", "--out", "run")
	if out := succeed(t, "eval", "run", "other"); !strings.HasPrefix(out, "run on other, 15 samples\naccuracy 1.0000, loss ") {
		t.Errorf("got %q", out)
	}
	if out := succeed(t, "eval", "run", filepath.Join("run", "model.safetensors"), "other"); !strings.HasPrefix(out, "run + run/model.safetensors on other, 15 samples\n") {
		t.Errorf("got %q", out)
	}
	if out := succeed(t, "eval", filepath.Join("run", "model.safetensors")); !strings.Contains(out, " on photos val, 6 samples\n") {
		t.Errorf("got %q", out)
	}
	const known = "photos: the model was trained on pictures of these, and knows them; onehot eval run measures on the others\n"
	if stdout, stderr, code := onehot(t, "eval", "run", "photos"); code != 0 || !strings.HasPrefix(stdout, "run on photos, 30 samples\n") || stderr != known {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
	var figures struct {
		Accuracy  float64
		Classes   []struct{ Name string }
		Confusion [][]int
	}
	if err := json.Unmarshal([]byte(succeed(t, "eval", "run", "other", "--json")), &figures); err != nil || figures.Accuracy != 1 || figures.Classes[1].Name != "green" || figures.Confusion[2][2] != 5 {
		t.Errorf("%+v, %v", figures, err)
	}
	// Fewer classes are measured; broken files are passed over.
	if err := os.RemoveAll(filepath.Join("other", "blue")); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join("other", "red", "bad.png"), []byte("no"))
	stdout, stderr, code := onehot(t, "eval", "run", "other", "--csv", "out.csv")
	if code != 0 || !strings.HasPrefix(stdout, "run on other, 10 samples\n") || !strings.HasPrefix(stderr, "passed over: other/red/bad.png: no picture: ") {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
	rows := readTable(t, "out.csv")
	if len(rows) != 11 || strings.Join(rows[0], ",") != "file,label,class,probability,p:blue,p:green,p:red" || rows[1][0] != "green/000.png" || rows[1][1] != "green" || rows[1][2] != "green" || rows[1][3] != rows[1][5] {
		t.Errorf("out.csv: %q", rows[:2])
	}
	wantError(t, 2, "--csv out.csv exists: --force replaces it", "eval", "run", "other", "--csv", "out.csv")
	writePNG(t, filepath.Join("other", "brown", "1.png"), image.NewGray(image.Rect(0, 0, 8, 8)))
	wantError(t, 1, `other/brown/1.png: found the class "brown", one of the 3 that there is training data of expected: blue, green, red`, "eval", "run", "other")
	// With one more picture others would be held out than the run's.
	writePNG(t, filepath.Join("photos", "red", "new.png"), noise(image.Pt(8, 8)))
	for _, path := range []string{"run", filepath.Join("run", "model.safetensors")} {
		wantError(t, 1, "the pictures at photos are not those of the run in run: found other files: 1 added (red/new.png): what to measure on expected, as in  onehot eval "+path+" photos", "eval", path)
	}
}

// TestPackedPictures checks that a folder, its archives and a list of its files give the same run.
func TestPackedPictures(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	colours(t, filepath.Join(dir, "photos"), 10, 8, 8)
	var packed, tarred bytes.Buffer
	z, tape := zip.NewWriter(&packed), tar.NewWriter(&tarred)
	list := "kind,file,person\n"
	for _, class := range []string{"blue", "green", "red"} {
		for i := range 10 {
			name := fmt.Sprintf("%s/%03d.png", class, i)
			content := readFile(t, "photos", name)
			w, err := z.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			w.Write(content)
			if err := tape.WriteHeader(&tar.Header{Name: name, Mode: 0o666, Size: int64(len(content))}); err != nil {
				t.Fatal(err)
			}
			tape.Write(content)
			list += fmt.Sprintf("%s,photos/%s,%d\n", class, name, i/2)
		}
	}
	if err := errors.Join(z.Close(), tape.Close()); err != nil {
		t.Fatal(err)
	}
	writeFile(t, "photos.zip", packed.Bytes())
	writeFile(t, "photos.tar", tarred.Bytes())
	writeFile(t, "list.csv", []byte(list))
	args := []string{"--model", "softmax", "--epochs", "3", "-q"}
	want := succeed(t, append([]string{"train", "photos", "--out", "folder"}, args...)...)
	for _, path := range []string{"photos.zip", "photos.tar"} {
		if got := succeed(t, append([]string{"train", path, "--out", path + ".run"}, args...)...); got != want {
			t.Errorf("%s: %q, of the folder %q", path, got, want)
		}
		if !bytes.Equal(weightsOf(t, "folder"), weightsOf(t, path+".run")) {
			t.Errorf("%s: the weights differ", path)
		}
		if got := succeed(t, "eval", path+".run", path); !strings.HasPrefix(got, path+".run on photos, 30 samples\n") {
			t.Errorf("%s: eval says %q", path, got)
		}
	}
	columns := []string{"--path-column", "file", "--label-column", "kind"}
	succeed(t, slices.Concat([]string{"train", "list.csv", "--out", "listed"}, columns, args)...)
	if c := readRunConfig(t, "listed"); c.Data.Name != "list" || c.Data.Train != 24 || c.Settings.LabelColumn != "kind" {
		t.Errorf("of a list: %+v", c)
	}
	succeed(t, slices.Concat([]string{"train", "list.csv", "--out", "grouped", "--group-column", "person"}, columns, args)...)
	parts := map[string]string{}
	for _, row := range readTable(t, "grouped", "files.csv")[1:] {
		person := row[0][len(row[0])-5 : len(row[0])-4] // 000.png and 001.png are of one
		if person = string((person[0]-'0')/2 + '0'); parts[person] != "" && parts[person] != row[2] {
			t.Errorf("person %s is in %s and in %s", person, parts[person], row[2])
		}
		parts[person] = row[2]
	}
	succeed(t, "report", "listed")
	if got := succeed(t, "eval", "listed", "list.csv"); !strings.HasPrefix(got, "listed on list, 30 samples\n") {
		t.Errorf("eval of a list says %q", got)
	}
	wantError(t, 2, "data list.csv: --path-column expected, with the name of the column that has the files", "train", "list.csv")
	wantError(t, 2, "--path-column is for lists with their classes in a --label-column", "train", "list.csv", "--path-column", "file")
}

func TestDataName(t *testing.T) {
	for path, want := range map[string]string{
		"/a/photos": "photos", "/a/photos/": "photos", "photos.zip": "photos", "a/b.tar.gz": "b", "x/shard-{000..009}.tar": "shard", "list.CSV": "list", "/": "pictures", "v1.2": "v1.2",
	} {
		if got := dataName(path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

// TestDataOfFolder checks what data says of folders of pictures, with parts and without.
func TestDataOfFolder(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	colours(t, filepath.Join(dir, "photos"), 3, 70, 66)
	writeFile(t, filepath.Join("photos", "red", "film.mp4"), []byte("film"))
	writeFile(t, filepath.Join("photos", "red", "bad.png"), []byte("no"))
	stdout, stderr, code := onehot(t, "data", "photos", "--show", "all.png")
	const want = `photos: 3 classes, 10 pictures: .png (10)

  label  class  pictures
      0   blue         3
      1  green         3
      2    red         4
           all        10

passed over: 1 .mp4
`
	if code != 0 || stdout != want || !strings.HasPrefix(stderr, "passed over: photos/red/bad.png: no picture: ") || !strings.HasSuffix(stderr, "drawn to all.png\n") {
		t.Errorf("exit code %d, %q, got\n%s\nwant\n%s", code, stderr, stdout, want)
	}
	must(t, "all.png")
	colours(t, filepath.Join(dir, "parts", "train"), 2, 8, 8)
	colours(t, filepath.Join(dir, "parts", "valid"), 1, 8, 8)
	const parts = `parts: 3 classes, 9 pictures: .png (9)

  label  class  train  val
      0   blue      2    1
      1  green      2    1
      2    red      2    1
           all      6    3
`
	if out := succeed(t, "data", "parts"); out != parts {
		t.Errorf("got\n%s\nwant\n%s", out, parts)
	}
	wantError(t, 2, "data FashionMNIST: no such file or folder, and no data set: fashion-mnist, mnist, or the path of pictures expected, did you mean \"fashion-mnist\"?", "data", "FashionMNIST")
}

// TestLargePictures trains on pictures with a margin for crops, with a recipe, and reads the events.
func TestLargePictures(t *testing.T) {
	dir := t.TempDir()
	photos := filepath.Join(dir, "photos")
	colours(t, photos, 6, 90, 110)
	run := filepath.Join(dir, "run")
	stdout, stderr, code := onehot(t, "train", photos, "--recipe", "best", "--size", "72", "--model", "lenet", "--epochs", "2", "--early-stop", "2", "--json", "--out", run)
	if code != 0 {
		t.Fatal(stderr)
	}
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	var done map[string]any
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &done); err != nil || done["event"] != "done" || done["best_val_acc"] == nil {
		t.Errorf("%v, %v", done, err)
	}
	for _, key := range []string{"test_acc", "test_loss", "best_test_acc"} {
		if done[key] != nil || strings.Contains(lines[0], key) {
			t.Errorf("without test data there is %s: %s", key, stdout)
		}
	}
	if want := "--recipe best for about 14 colour pictures of 72x72: lenet, batches of 1, 2 epochs of 14 steps\n"; !strings.Contains(stderr, want) {
		t.Errorf("got %q, want %q in it", stderr, want)
	}
	c := readRunConfig(t, run)
	if s := c.Settings; s.LabelSmoothing != 0.1 || s.EMA != 0.999 || !s.TTA || strings.Join(s.Augment, ",") != "crop:0,flip" || s.EarlyStop != 2 {
		t.Errorf("settings %+v", s)
	}
	m, err := model.Load(filepath.Join(run, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Preprocess.String(); got != `resize-edge {"size":84}, center-crop {"height":72,"width":72}, rgb, to-tensor` {
		t.Errorf("the model prepares by %s", got)
	}
	// What is measured in training is what eval and predict make of the files themselves.
	if out := succeed(t, "eval", run, "--tta"); !strings.Contains(out, fmt.Sprintf("accuracy %.4f,", done["best_val_acc"])) {
		t.Errorf("eval says %q, training %v", out, done["best_val_acc"])
	}
	predicted := filepath.Join(dir, "predicted.csv")
	measured := filepath.Join(dir, "measured.csv")
	succeed(t, "predict", run, filepath.Join(photos, "red"), "--csv", predicted)
	succeed(t, "eval", run, photos, "--csv", measured)
	all := map[string][]string{}
	for _, row := range readTable(t, measured)[1:] {
		all[filepath.Join(photos, row[0])] = row[4:]
	}
	for _, row := range readTable(t, predicted)[1:] {
		for c, text := range row[4:] {
			p, err := strconv.ParseFloat(text, 64)
			q, other := strconv.ParseFloat(all[row[0]][c], 64)
			if err != nil || other != nil || math.Abs(p-q) > 1e-6 { // the last bits are those of a net that is compiled
				t.Errorf("%s: predict says %q, eval %q", row[0], row[4:], all[row[0]])
			}
		}
	}
}

// TestFolderCalledAsADataSet has a folder with the name of a data set: the name is the data set's,
// and the error says how the folder is meant.
func TestFolderCalledAsADataSet(t *testing.T) {
	t.Chdir(t.TempDir())
	colours(t, "mnist", 4, 8, 8)
	if _, stderr, code := onehot(t, "train", "mnist"); code != 1 || !strings.HasSuffix(stderr, " (./mnist is the folder of this name)\n") {
		t.Errorf("exit code %d, %q", code, stderr)
	}
	succeed(t, "train", "./mnist", "--model", "softmax", "--epochs", "1", "-q")
}
