package checks

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/png"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/internal/cli"
)

var update = flag.Bool("update", false, "write the outputs and the pictures of docs' chapters again")

// Kernels round differently, and training makes more of it from step to step: the same
// chapter may print and draw a little else on another machine. What changes by more is
// another result.
const (
	numberTolerance  = 0.01  // of a printed number: absolute below 1, relative above
	pictureTolerance = 0.005 // of a picture: the mean difference of its channels, which go from 0 to 1
	pictureBytes     = 150_000
)

var (
	fence       = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")
	declaration = regexp.MustCompile(`^(import|const|type|func) `)
	pictureLink = regexp.MustCompile(`"(?:\.\./|docs/)?pictures/(\S+)"`)
	number      = regexp.MustCompile(`\d+(\.\d+)?`)
)

// block is what stands between fences.
type block struct {
	language, text string
}

// runs reports whether the block is one that does something when the chapter runs, and so
// has an output.
func (b block) runs() bool {
	return b.language == "sh" || b.language == "go" && !declaration.MatchString(b.text)
}

func blocks(page string) []block {
	var bs []block
	for _, m := range fence.FindAllStringSubmatch(page, -1) {
		bs = append(bs, block{m[1], m[2]})
	}
	return bs
}

// pictures returns the names below docs/pictures of the pictures that a page shows.
func pictures(page string) []string {
	var names []string
	for _, m := range pictureLink.FindAllStringSubmatch(page, -1) {
		names = append(names, m[1])
	}
	return names
}

// program returns the Go blocks as one program: those that begin with a declaration as they
// are, and the others as the statements of main. It prints a zero byte after each of those.
func program(bs []block) string {
	var declared, body strings.Builder
	for _, b := range bs {
		switch {
		case b.language != "go":
		case b.runs():
			body.WriteString(b.text + "fmt.Print(\"\\x00\")\n")
		default:
			declared.WriteString(b.text)
		}
	}
	return "package main\n" + declared.String() + "func main() {\n" + body.String() + "}\n"
}

// outputs runs a chapter's Go program and then its shell blocks in the working folder, and
// returns what each block that runs prints, in their order.
func outputs(t *testing.T, root string, bs []block) []string {
	var printed []string
	if slices.ContainsFunc(bs, func(b block) bool { return b.language == "go" }) {
		folder := t.TempDir()
		source, executable := filepath.Join(folder, "main.go"), filepath.Join(folder, "chapter.exe")
		if err := os.WriteFile(source, []byte(program(bs)), 0o666); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"vet", source}, {"build", "-o", executable, source}} {
			command := exec.Command("go", args...)
			command.Dir = root
			if out, err := command.CombinedOutput(); err != nil {
				t.Fatalf("go %s: %v\n%s", args[0], err, out)
			}
		}
		var errs strings.Builder
		command := exec.Command(executable)
		command.Stderr = &errs
		out, err := command.Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, errs.String())
		}
		printed = strings.Split(string(out), "\x00")
	}
	var all []string
	for _, b := range bs {
		switch {
		case !b.runs():
		case b.language == "go":
			all, printed = append(all, printed[0]), printed[1:]
		default:
			all = append(all, shell(t, b.text))
		}
	}
	return all
}

// shell runs lines of commands, which are the program's, and returns what they print.
func shell(t *testing.T, lines string) string {
	var out, errs strings.Builder
	for line := range strings.Lines(lines) {
		args := strings.Fields(line)
		if args[0] != "onehot" {
			t.Fatalf("%q: only onehot can be run here", line)
		}
		if code := cli.Main(args[1:], &out, &errs); code != 0 {
			t.Fatalf("%q: %s", line, errs.String())
		}
	}
	return out.String()
}

// quick are the chapters that every test run goes through. ONEHOT_CHAPTERS=all goes through all, in minutes.
var quick = []string{"01-softmax.md", "08-your-own-pictures.md", "11-tables.md"}

func run(chapter string) bool {
	return os.Getenv("ONEHOT_CHAPTERS") == "all" || *update || slices.Contains(quick, chapter)
}

// TestChapters holds the chapters of docs to what they say: their programs and commands are
// run, print what the chapter shows and draw its pictures, and the Chinese chapters have
// the same. Slow chapters are compared with their translation alone, unless ONEHOT_CHAPTERS is
// "all". With -update it writes outputs and pictures again.
func TestChapters(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	docs := filepath.Join(root, "docs")
	chapters, err := filepath.Glob(filepath.Join(docs, "[0-9][0-9]-*.md"))
	if err != nil {
		t.Fatal(err)
	}
	if len(chapters) != 13 {
		t.Fatalf("found the chapters %q, 13 expected", chapters)
	}
	shown := map[string]bool{}
	for _, page := range []string{filepath.Join(docs, "architecture.md"), filepath.Join(root, "README.md")} {
		for _, picture := range pictures(read(t, page)) {
			shown[picture] = true
		}
	}
	for _, path := range chapters {
		name := filepath.Base(path)
		for _, picture := range pictures(read(t, path)) {
			shown[picture] = true
		}
		t.Run(name, func(t *testing.T) {
			english, chinese := path, filepath.Join(docs, "zh", name)
			page := read(t, english)
			bs := blocks(page)
			translated := read(t, chinese)
			if got, want := pictures(translated), pictures(page); !slices.Equal(got, want) {
				t.Errorf("zh/%s shows the pictures %q, and %s %q", name, got, name, want)
			}
			theirs := blocks(translated)
			if len(theirs) != len(bs) {
				t.Fatalf("zh/%s has %d blocks, and %s %d", name, len(theirs), name, len(bs))
			}
			for i := range bs {
				// An update gives both pages the same output.
				if theirs[i] != bs[i] && !(*update && bs[i].language == "text") {
					t.Errorf("block %d of zh/%s is\n%s\nand of %s\n%s", i, name, theirs[i].text, name, bs[i].text)
				}
			}

			if !slices.ContainsFunc(bs, block.runs) || !run(name) { // all of it takes longer than a test may
				for _, picture := range pictures(page) {
					if _, err := os.Stat(filepath.Join(docs, "pictures", filepath.FromSlash(picture))); err != nil {
						t.Error(err)
					}
				}
				return
			}
			t.Chdir(t.TempDir())
			t.Setenv("XDG_CACHE_HOME", t.TempDir())
			made := outputs(t, root, bs)
			var results []string // by text block
			for i, b := range bs {
				follows := i+1 < len(bs) && bs[i+1].language == "text"
				switch {
				case b.language == "text" && (i == 0 || !bs[i-1].runs()):
					t.Fatalf("block %d follows nothing that runs:\n%s", i, b.text)
				case !b.runs():
					continue
				case follows && !*update && !similar(made[0], bs[i+1].text):
					t.Errorf("this prints\n%s\nand the chapter shows\n%s", made[0], bs[i+1].text)
				case !follows && made[0] != "":
					t.Errorf("the chapter does not show what this prints:\n%s\n%s", b.text, made[0])
				}
				if follows {
					results = append(results, made[0])
				}
				made = made[1:]
			}
			if *update {
				rewrite(t, english, results)
				rewrite(t, chinese, results)
			}
			for _, picture := range pictures(page) {
				checkPicture(t, picture, filepath.Join(docs, "pictures", filepath.FromSlash(picture)))
			}
		})
	}

	folder := filepath.Join(docs, "pictures")
	err = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if name = filepath.ToSlash(name); !shown[name] {
			t.Errorf("no page shows docs/pictures/%s", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// rewrite puts results in the place of a page's outputs.
func rewrite(t *testing.T, path string, results []string) {
	page := fence.ReplaceAllStringFunc(read(t, path), func(b string) string {
		if !strings.HasPrefix(b, "```text\n") {
			return b
		}
		result := results[0]
		results = results[1:]
		return "```text\n" + result + "```"
	})
	if err := os.WriteFile(path, []byte(page), 0o666); err != nil {
		t.Fatal(err)
	}
}

// similar reports whether two outputs are the same but for what rounding makes of numbers.
func similar(got, want string) bool {
	if number.ReplaceAllString(got, "0") != number.ReplaceAllString(want, "0") {
		return false
	}
	wants := number.FindAllString(want, -1)
	for i, g := range number.FindAllString(got, -1) {
		if g == wants[i] {
			continue
		}
		x, err1 := strconv.ParseFloat(g, 64)
		y, err2 := strconv.ParseFloat(wants[i], 64)
		if err1 != nil || err2 != nil || math.Abs(x-y) > numberTolerance*max(1, y) {
			return false
		}
	}
	return true
}

// checkPicture compares the picture that the chapter drew with the one that docs has, or
// puts it there.
func checkPicture(t *testing.T, drawn, kept string) {
	made, err := os.ReadFile(filepath.FromSlash(drawn))
	if err != nil {
		t.Errorf("the chapter draws no %s: %v", drawn, err)
		return
	}
	if len(made) > pictureBytes {
		t.Errorf("%s has %d bytes, at most %d expected", drawn, len(made), pictureBytes)
	}
	if *update {
		if err := os.MkdirAll(filepath.Dir(kept), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(kept, made, 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	d, err := difference(made, []byte(read(t, kept)))
	if err != nil {
		t.Errorf("%s: %v", drawn, err)
	} else if d > pictureTolerance {
		t.Errorf("%s differs from docs/pictures by %.4f, at most %v expected", drawn, d, pictureTolerance)
	}
}

// difference returns how far two PNG pictures are from each other: the mean over pixels and
// channels of the difference, from 0 to 1. The error says that they cannot be compared.
func difference(a, b []byte) (float64, error) {
	first, err := png.Decode(bytes.NewReader(a))
	if err != nil {
		return 0, err
	}
	second, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return 0, err
	}
	bounds := first.Bounds()
	if second.Bounds() != bounds {
		return 0, fmt.Errorf("drawn with bounds %v, kept with %v", bounds, second.Bounds())
	}
	total := 0.0
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			r1, g1, b1, _ := first.At(x, y).RGBA()
			r2, g2, b2, _ := second.At(x, y).RGBA()
			for _, d := range []int{int(r1) - int(r2), int(g1) - int(g2), int(b1) - int(b2)} {
				total += math.Abs(float64(d))
			}
		}
	}
	return total / (3 * 0xffff * float64(bounds.Dx()*bounds.Dy())), nil
}

func TestSimilar(t *testing.T) {
	for _, test := range []struct {
		got, want string
		similar   bool
	}{
		{"epoch 1, loss 0.7851\n", "epoch 1, loss 0.7851\n", true},
		{"epoch 1, loss 0.7851\n", "epoch 1, loss 0.7890\n", true},
		{"epoch 1, loss 0.7851\n", "epoch 1, loss 0.7952\n", false},
		{"epoch 1, loss 0.7851\n", "epoch 2, loss 0.7851\n", false},
		{"shirt 0.99\n", "coat 0.99\n", false},
		{"shirt 0.99\n", "shirt -0.99\n", false},
		{"1 2\n", "1 2\n3\n", false},
		{"1000 samples\n", "1009 samples\n", true},
		{"1000 samples\n", "1011 samples\n", false},
	} {
		if got := similar(test.got, test.want); got != test.similar {
			t.Errorf("%q and %q: got %v, want %v", test.got, test.want, got, test.similar)
		}
	}
}

func TestDifference(t *testing.T) {
	encoded := func(width int, pixels ...uint8) []byte {
		var file bytes.Buffer
		picture := &image.Gray{Pix: pixels, Stride: width, Rect: image.Rect(0, 0, width, len(pixels)/width)}
		if err := png.Encode(&file, picture); err != nil {
			t.Fatal(err)
		}
		return file.Bytes()
	}
	picture := encoded(2, 0, 255, 51, 0)
	for _, test := range []struct {
		other []byte
		want  float64
	}{
		{picture, 0},
		{encoded(2, 0, 0, 51, 0), 0.25},
		{encoded(2, 51, 255, 0, 0), 0.1},
	} {
		if got, err := difference(picture, test.other); err != nil || math.Abs(got-test.want) > 1e-12 {
			t.Errorf("got %v, %v, want %v", got, err, test.want)
		}
	}
	if _, err := difference(picture, encoded(4, 0, 255, 51, 0)); err == nil {
		t.Error("pictures of other sizes were compared")
	}
	if _, err := difference(picture, nil); err == nil {
		t.Error("no picture was compared")
	}
}
