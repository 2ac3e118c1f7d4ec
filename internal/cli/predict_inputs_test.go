package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// withStandardInput makes text standard input, through a pipe as a shell does, until the test
// ends.
func withStandardInput(t *testing.T, text []byte) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stdin
	os.Stdin = r
	go func() {
		w.Write(text)
		w.Close()
	}()
	t.Cleanup(func() {
		os.Stdin = before
		r.Close()
	})
}

// predicted returns the names of the pictures that predict names in text.
func predicted(t *testing.T, args ...string) []string {
	t.Helper()
	var names []string
	for line := range strings.Lines(succeed(t, append([]string{"predict", "--top-k", "1"}, args...)...)) {
		if name, ok := strings.CutSuffix(line, " (as it is)\n"); ok {
			names = append(names, name)
		}
	}
	return names
}

// TestPredictFolder has pictures in folders within each other, among other files, hidden ones and
// links.
func TestPredictFolder(t *testing.T) {
	m, dir := drawingsModel(t, "", 1), filepath.Join(t.TempDir(), "it's new")
	for _, sub := range []string{"", "b", "b.png", ".hidden", "__MACOSX"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o777); err != nil {
			t.Fatal(err)
		}
		greys(t, filepath.Join(dir, sub), 255, 0)
	}
	if err := os.Rename(filepath.Join(dir, "000.png"), filepath.Join(dir, "Z.PNG")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"notes.txt", "b/film.MP4", "b/more.mp4", "README", ".DS_Store", "__MACOSX/x.txt"} {
		writeFile(t, filepath.Join(dir, name), []byte("x"))
	}
	for name, to := range map[string]string{"linked.png": "b/000.png", "round": ".", "nowhere.png": "none"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skip(err)
		}
	}
	var want []string
	for _, name := range []string{"001.png", "Z.PNG", "b.png/000.png", "b.png/001.png", "b/000.png", "b/001.png", "linked.png"} {
		want = append(want, filepath.Join(dir, name))
	}
	if got := predicted(t, m, dir); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	_, stderr, _ := onehot(t, "predict", m, dir)
	if want := dir + ": passed over 1 without an extension, 2 .mp4, 1 .txt\n"; stderr != want {
		t.Errorf("got %q, want %q", stderr, want)
	}

	// Pictures that have to be converted are one error, and the others are named.
	for _, name := range []string{"a.heic", "b/c.HEIC", "d.avif"} {
		writeFile(t, filepath.Join(dir, name), []byte("\x00\x00\x00\x18ftypheic"))
	}
	stdout, stderr, code := onehot(t, "predict", m, dir)
	heic := "onehot: " + dir + ": found 3 pictures in AVIF and HEIC, which cannot be decoded: convert them with  find '" + strings.ReplaceAll(dir, "'", `'\''`) +
		`' -type f \( -iname '*.avif' -o -iname '*.heic' \) -exec heif-convert {} {}.jpg \;` + "\n"
	if code != 1 || strings.Count(stdout, "(as it is)") != len(want) || !strings.HasSuffix(stderr, heic+"onehot: 1 of 8 could not be named\n") {
		t.Errorf("got exit code %d, %q", code, stderr)
	}

	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o777); err != nil {
		t.Fatal(err)
	}
	wantError(t, 1, empty+": no pictures found, at least one PNG, JPEG, GIF, WebP, BMP or TIFF expected", "predict", m, empty)
}

// TestPredictFilesFrom has names in lists, also with ends of lines in them.
func TestPredictFilesFrom(t *testing.T) {
	m, dir := drawingsModel(t, "", 1), t.TempDir()
	files := greys(t, dir, 0, 1, 2)
	sub := filepath.Join(dir, "-")
	if err := os.Mkdir(sub, 0o777); err != nil {
		t.Fatal(err)
	}
	inSub := greys(t, sub, 3)
	list := filepath.Join(dir, "list")
	writeFile(t, list, []byte(files[2]+"\n\n"+files[0]+"\n"+sub))
	want := []string{files[1], files[2], files[0], inSub[0]}
	if got := predicted(t, m, files[1], "--files-from", list); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	withStandardInput(t, readFile(t, list))
	if got := predicted(t, m, "--files-from", "-"); !slices.Equal(got, want[1:]) {
		t.Errorf("got %q, want %q", got, want[1:])
	}
	t.Chdir(dir) // in a list - is a name as any other
	writeFile(t, list, []byte("-\n"))
	if got := predicted(t, m, "--files-from=list"); !slices.Equal(got, []string{filepath.Join("-", "000.png")}) {
		t.Errorf("got %q", got)
	}

	writeFile(t, list, nil)
	wantError(t, 1, "--files-from list: no names found, the names of pictures and folders expected", "predict", m, "--files-from", "list")
	wantError(t, 1, "--files-from none: no such file or directory", "predict", m, "--files-from", "none")

	broken := "a\nb.png"
	if err := os.Rename(files[0], broken); err != nil {
		t.Skip(err)
	}
	writeFile(t, list, []byte(broken+"\x00"+files[1]+"\x00"))
	if got := predicted(t, m, "--files-from", "list"); !slices.Equal(got, []string{`"a\nb.png"`, files[1]}) {
		t.Errorf("got %q", got)
	}
}

// TestPredictStandardInput classifies the bytes of one picture.
func TestPredictStandardInput(t *testing.T) {
	m, dir := drawingsModel(t, "", 1), t.TempDir()
	files := greys(t, dir, 255, 0)
	withStandardInput(t, readFile(t, files[0]))
	want := "- (as it is)\n  white  0.9820\n" + files[1] + " (as it is)\n  white  0.5000\n"
	if got := succeed(t, "predict", m, "-", files[1], "--top-k", "1"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	withStandardInput(t, []byte("no picture"))
	wantError(t, 1, `-: no picture: found "no picture" at its beginning, PNG, JPEG, GIF, WebP, BMP or TIFF expected`, "predict", m, "-")
}

// TestPredictInterrupted ends predict while it waits for bytes that never come. What it said
// before stays, and there is no table.
func TestPredictInterrupted(t *testing.T) {
	m, dir := drawingsModel(t, "", 1), t.TempDir()
	files := greys(t, dir, 255)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	defer func(f *os.File) { os.Stdin = f }(os.Stdin)
	os.Stdin = r
	csv := filepath.Join(dir, "out.csv")
	for _, args := range [][]string{{files[0], "-"}, {"--files-from", "-"}} {
		ctx, cancel := context.WithCancel(t.Context())
		out := &interrupt{n: 1, cancel: cancel} // the first picture
		if args[0] != files[0] {
			cancel()
		}
		var stderr strings.Builder
		code := run(ctx, append([]string{"predict", m, "--json", "--csv", csv}, args...), out, &stderr)
		if code != exitInterrupted || stderr.String() != "onehot: interrupted\n" || strings.Count(out.String(), "\n") != 1 && args[0] == files[0] {
			t.Errorf("%q: got exit code %d, %q, %q", args, code, out.String(), stderr.String())
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v in the folder, %s alone expected; %v", entries, files[0], err)
	}
}

// TestPredictMany holds that the table of many pictures has their order, and the very numbers
// that each has alone, also where the net fails at one.
func TestPredictMany(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	runs := filepath.Join(dir, "run")
	succeed(t, tiny(data, runs, "--epochs", "1", "--model", "mlp", "--hidden", "17")...)
	var shades []uint8
	for i := range 2*namedBatch + 5 {
		shades = append(shades, uint8(i*37))
	}
	pictures := filepath.Join(dir, "pictures")
	if err := os.Mkdir(pictures, 0o777); err != nil {
		t.Fatal(err)
	}
	files := greys(t, pictures, shades...)
	csv := filepath.Join(dir, "out.csv")
	succeed(t, "predict", runs, pictures, "--csv", csv)
	lines := strings.Split(strings.TrimSpace(string(readFile(t, csv))), "\n")
	if len(lines) != len(files)+1 {
		t.Fatalf("%d lines of %d pictures", len(lines), len(files))
	}
	for i, file := range files {
		if !strings.HasPrefix(lines[i+1], file+",") {
			t.Fatalf("line %d: got %s, want %s", i+2, lines[i+1], file)
		}
	}
	for _, i := range []int{0, 1, namedBatch, len(files) - 1} {
		one := filepath.Join(dir, fmt.Sprintf("%d.csv", i))
		succeed(t, "predict", runs, files[i], "--csv", one)
		if got := strings.Split(string(readFile(t, one)), "\n")[1]; got != lines[i+1] {
			t.Errorf("picture %d: alone %s, among others %s", i, got, lines[i+1])
		}
	}
}
