package cli

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/dataset/check"
	"github.com/onehot-go/onehot/dataset/pixels"
	"github.com/onehot-go/onehot/random"
)

// mosaic returns a picture of coloured fields, which looks like none with another number.
func mosaic(n uint64, width, height int) *image.RGBA {
	r := random.New(n).For("mosaic").Rand()
	const across, along = 9, 8
	var colours [across * along]color.RGBA
	for i := range colours {
		colours[i] = color.RGBA{byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256)), 255}
	}
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetRGBA(x, y, colours[y*along/height*across+x*across/width])
		}
	}
	return img
}

// encoded returns the bytes of a PNG, or of a JPEG of a quality above 0.
func encoded(t *testing.T, img image.Image, quality int) []byte {
	t.Helper()
	var b bytes.Buffer
	err := png.Encode(&b, img)
	if quality > 0 {
		b.Reset()
		err = jpeg.Encode(&b, img, &jpeg.Options{Quality: quality})
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// turned returns a JPEG with an EXIF orientation.
func turned(file []byte, orientation byte) []byte {
	exif := append([]byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"), orientation, 0, 0, 0, 0, 0, 0)
	segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(exif)+2))
	return slices.Concat(file[:2], segment, exif, file[2:])
}

// troubled writes a folder that has every problem that there is, and returns its path.
func troubled(t *testing.T) string {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", filepath.Join(t.TempDir(), "cache"))
	root := filepath.Join(t.TempDir(), "photos")
	put := func(name string, content []byte) {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, content)
	}
	for i := range uint64(21) {
		put(fmt.Sprintf("train/cat/%02d.png", i), encoded(t, mosaic(i, 40, 30), 0))
		if i < 6 {
			put(fmt.Sprintf("train/dog/%02d.jpg", i), encoded(t, mosaic(100+i, 40, 30), 90))
			put(fmt.Sprintf("test/cat/%02d.png", i), encoded(t, mosaic(200+i, 40, 30), 0))
			put(fmt.Sprintf("test/dog/%02d.png", i), encoded(t, mosaic(300+i, 40, 30), 0))
		}
	}
	photo := encoded(t, mosaic(400, 64, 48), 90)
	put("train/cat/a-cut.jpg", photo[:len(photo)/2])
	put("train/cat/b-empty.png", nil)
	put("train/cat/c-text.jpg", []byte("hello"))
	put("train/cat/d-named.png", photo)
	put("test/cat/leaked.png", encoded(t, mosaic(7, 40, 30), 0))
	put("train/dog/wrong.png", encoded(t, mosaic(8, 40, 30), 0))
	put("train/cat/e-copy.png", encoded(t, mosaic(9, 40, 30), 0))
	alike := mosaic(104, 40, 30) // of dog
	alike.SetRGBA(0, 0, color.RGBA{1, 2, 3, 255})
	put("test/cat/alike.png", encoded(t, alike, 0))
	put("train/cat/f-turned.jpg", turned(encoded(t, mosaic(401, 64, 48), 90), 6))
	clear := image.NewNRGBA(image.Rect(0, 0, 40, 30))
	for i := range clear.Pix {
		clear.Pix[i] = mosaic(402, 40, 30).Pix[i]
	}
	clear.Pix[3] = 100
	put("train/cat/g-clear.png", encoded(t, clear, 0))
	deep := image.NewGray16(image.Rect(0, 0, 40, 30))
	for i := range deep.Pix {
		deep.Pix[i] = mosaic(403, 40, 60).Pix[i]
	}
	put("train/cat/h-deep.png", encoded(t, deep, 0))
	put("train/cat/i-cmyk.jpg", readFile(t, filepath.FromSlash("../../picture/testdata/cmyk.jpg")))
	var film bytes.Buffer
	frame := func(n byte) *image.Paletted {
		p := image.NewPaletted(image.Rect(0, 0, 40, 30), color.Palette{color.Gray{10}, color.Gray{200}})
		for i := range p.Pix {
			p.Pix[i] = mosaic(uint64(n), 40, 30).Pix[4*i] >> 7
		}
		return p
	}
	if err := gif.EncodeAll(&film, &gif.GIF{Image: []*image.Paletted{frame(1), frame(2)}, Delay: []int{1, 1}}); err != nil {
		t.Fatal(err)
	}
	put("train/cat/j-film.gif", film.Bytes())
	put("train/cat/k-tiny.png", encoded(t, mosaic(404, 9, 9), 0))
	put("train/cat/l-wide.png", encoded(t, mosaic(405, 4100, 16), 0))
	put("train/cat/film.mp4", []byte("x"))
	put("train/cat/notes.txt", []byte("x"))
	put("train/cat/phone.heic", []byte("x"))
	return root
}

// hashes returns a hash of every file in a folder, with its mode and time.
func hashes(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		all[path] = fmt.Sprint(info.Mode(), info.ModTime())
		if info.Mode().IsRegular() {
			all[path] += fmt.Sprintf(" %x", sha256.Sum256(readFile(t, path)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// problem is a problem as JSON has it.
type problem struct{ Kind, File, Detail string }

// checked runs data --check --json.
func checked(t *testing.T, code int, args ...string) (found struct {
	Files, Good int
	Classes     map[string]int
	Problems    []problem
}) {
	t.Helper()
	stdout, stderr, got := onehot(t, append([]string{"data", "--check", "--json"}, args...)...)
	d := json.NewDecoder(strings.NewReader(stdout))
	d.DisallowUnknownFields()
	if err := d.Decode(&found); err != nil || got != code || found.Problems == nil {
		t.Fatalf("exit code %d, %v, %s%s", got, err, stdout, stderr)
	}
	return found
}

// TestCheckJSON checks what is found in a folder that has every problem, and that it stays as it is.
func TestCheckJSON(t *testing.T) {
	root := troubled(t)
	before := hashes(t, root)
	found := checked(t, 1, root)
	var got []string
	for _, p := range found.Problems {
		got = append(got, p.Kind+" "+p.File+": "+p.Detail)
	}
	const expected = "PNG, JPEG, GIF, WebP, BMP or TIFF expected"
	want := []string{
		"broken train/cat/a-cut.jpg: broken jpeg: invalid JPEG format: short Huffman data",
		"broken train/cat/b-empty.png: no picture: found an empty file, " + expected,
		`broken train/cat/c-text.jpg: no picture: found "hello" at its beginning, ` + expected,
		"leak train/cat/07.png: the same pixels as test/cat/leaked.png, of the part test",
		"conflict train/cat/08.png: the same pixels as train/dog/wrong.png, of the class dog",
		"conflict train/dog/wrong.png: the same pixels as train/cat/08.png, of the class cat",
		"extension train/cat/d-named.png: JPEG by its content, named .png",
		"duplicate train/cat/e-copy.png: the same pixels as train/cat/09.png",
		"near-duplicate train/dog/04.jpg: looks like test/cat/alike.png, of the part test, of the class cat (0 of 64 bits of their difference hashes differ)",
		"small-class dog: dog: 7 pictures to train on, at least 20 expected",
		"rotated train/cat/f-turned.jpg: EXIF orientation 6: turned upright",
		"transparent train/cat/g-clear.png: transparent pixels: put over white",
		"deep train/cat/h-deep.png: 16 bits a channel: scaled to 8",
		"cmyk train/cat/i-cmyk.jpg: CMYK, as it is printed: turned into RGB",
		"animated train/cat/j-film.gif: several pictures: the first is taken",
		"tiny train/cat/i-cmyk.jpg: 12x7 pixels",
		"tiny train/cat/k-tiny.png: 9x9 pixels",
		"enormous train/cat/l-wide.png: 4100x16 pixels",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if found.Files != 54 || found.Good != 48 || !reflect.DeepEqual(found.Classes, map[string]int{"cat": 38, "dog": 13}) {
		t.Errorf("%d files, %d good, %v", found.Files, found.Good, found.Classes)
	}
	if !reflect.DeepEqual(hashes(t, root), before) {
		t.Error("the folder is not as it was")
	}
}

// TestCheckTable compares the table with its text, and checks what is said of a folder that has nothing
// wrong, and of one that has no picture.
func TestCheckTable(t *testing.T) {
	root := troubled(t)
	stdout, stderr, code := onehot(t, "data", root, "--check")
	want := `photos: 2 classes, 51 pictures, 2 of them grey
kinds: png (41), jpeg (9), gif (1)
sizes: 40x30 (46), 12x7 (1), 4100x16 (1), 48x64 (1), and 2 more
passed over: 1 .mp4, 1 .txt
ROOT: found 1 picture in HEIC, which cannot be decoded: convert them with  find ROOT -type f \( -iname '*.heic' \) -exec heif-convert {} {}.jpg \;
54 files, 48 of them good
uneven classes: cat has 30 to train on, dog 7; --class-weights balanced makes each class count as much

broken          3  cannot be read as pictures                                     train/cat/a-cut.jpg, train/cat/b-empty.png, train/cat/c-text.jpg
leak            1  in more than one part, pixel for pixel: figures are flattered  train/cat/07.png
conflict        2  in more than one class, pixel for pixel: one of them is wrong  train/cat/08.png, train/dog/wrong.png
extension       1  content and extension differ: the content decides              train/cat/d-named.png
duplicate       1  copies within a part and class, pixel for pixel                train/cat/e-copy.png
near-duplicate  1  look alike, which may be chance                                train/dog/04.jpg
small-class     1  classes with fewer than 20 pictures to train on                dog
rotated         1  turned upright, as the camera noted                            train/cat/f-turned.jpg
transparent     1  with transparent pixels, put over white                        train/cat/g-clear.png
deep            1  16 bits a channel, scaled to 8                                 train/cat/h-deep.png
cmyk            1  CMYK, turned into RGB                                          train/cat/i-cmyk.jpg
animated        1  several pictures in a file, of which the first is taken        train/cat/j-film.gif
tiny            2  a side is shorter than 16 pixels                               train/cat/i-cmyk.jpg, train/cat/k-tiny.png
enormous        1  a side is longer than 4096 pixels                              train/cat/l-wide.png

broken: train/cat/a-cut.jpg: broken jpeg: invalid JPEG format: short Huffman data
broken: train/cat/b-empty.png: no picture: found an empty file, PNG, JPEG, GIF, WebP, BMP or TIFF expected
broken: train/cat/c-text.jpg: no picture: found "hello" at its beginning, PNG, JPEG, GIF, WebP, BMP or TIFF expected

leak: train/cat/07.png: the same pixels as test/cat/leaked.png, of the part test

conflict: train/cat/08.png: the same pixels as train/dog/wrong.png, of the class dog
conflict: train/dog/wrong.png: the same pixels as train/cat/08.png, of the class cat
`
	if got := strings.ReplaceAll(stdout, root, "ROOT"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if line := "onehot: photos: found 3 broken files, 1 file in more than one part, 2 files in more than one class\n"; code != 1 || stderr != line {
		t.Errorf("exit code %d, %q", code, stderr)
	}

	clean := filepath.Join(t.TempDir(), "clean")
	colours(t, clean, 20, 16, 16)
	if out := succeed(t, "data", clean, "--check"); !strings.HasPrefix(out, "clean: 3 classes, 60 pictures, all in colour\n") || !strings.HasSuffix(out, "\n60 files, 60 of them good\nnothing is wrong\n") {
		t.Errorf("of a clean folder: %s", out)
	}
	bad := filepath.Join(t.TempDir(), "bad")
	os.MkdirAll(filepath.Join(bad, "cat"), 0o777)
	writeFile(t, filepath.Join(bad, "cat", "1.png"), []byte("no"))
	os.MkdirAll(filepath.Join(root, "test", "eel"), 0o777)
	writeFile(t, filepath.Join(root, "test", "eel", "1.png"), encoded(t, mosaic(600, 20, 20), 0))
	if stdout, _, _ := onehot(t, "data", root, "--check"); !strings.Contains(stdout, filepath.Join(root, "test", "eel", "1.png")+`: found the class "eel", one of the 2 that there is training data of expected: cat, dog`+"\n") {
		t.Errorf("a class without training pictures: %s", stdout)
	}
	if found := checked(t, 1, bad); found.Files != 1 || found.Good != 0 || len(found.Problems) != 2 || found.Classes["cat"] != 0 {
		t.Errorf("of a folder without a picture: %+v", found)
	}
	if _, stderr, code := onehot(t, "data", bad, "--check", "--show", "grid.png"); code != 1 || !strings.Contains(stderr, "onehot: "+bad+": no training picture in it that can be read\n") {
		t.Errorf("exit code %d, %q", code, stderr)
	}
}

// TestCheckServesTraining checks that what a check decodes is not decoded again, by another check and
// by training.
func TestCheckServesTraining(t *testing.T) {
	photos := filepath.Join(t.TempDir(), "photos")
	colours(t, photos, 20, 12, 9)
	succeed(t, "data", photos, "--check")
	dir, err := pixels.Dir()
	if err != nil {
		t.Fatal(err)
	}
	first := pixels.List(dir)
	succeed(t, "data", photos, "--check")
	succeed(t, "train", photos, "--model", "softmax", "--epochs", "1", "-q", "--out", filepath.Join(t.TempDir(), "run"))
	if then := pixels.List(dir); len(first) != 1 || len(then) != 1 || first[0].Path != then[0].Path {
		t.Errorf("kept are %v, and then %v", first, then)
	}
}

// TestCopyGood checks that exactly the good files are copied, byte for byte, that the copy passes the
// check, and which folders are refused.
func TestCopyGood(t *testing.T) {
	root := troubled(t)
	before := hashes(t, root)
	bad := []string{"a-cut.jpg", "b-empty.png", "c-text.jpg", "07.png", "08.png"}
	good := filepath.Join(t.TempDir(), "new", "good")
	_, stderr, code := onehot(t, "data", root, "--copy-good", good)
	if code != 1 || !strings.Contains(stderr, "48 good files of 54 copied to "+good+"\n") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	copies := 0
	for path := range hashes(t, good) {
		name, err := filepath.Rel(good, path)
		if err != nil {
			t.Fatal(err)
		}
		if info, _ := os.Stat(path); info.IsDir() {
			continue
		}
		copies++
		if !bytes.Equal(readFile(t, path), readFile(t, root, name)) {
			t.Errorf("%s is another file", name)
		}
		if strings.HasPrefix(name, filepath.FromSlash("train/cat/")) && slices.Contains(bad, filepath.Base(name)) {
			t.Errorf("%s is copied", name)
		}
	}
	if copies != 48 {
		t.Errorf("%d copies", copies)
	}
	if found := checked(t, 0, good); found.Files != 48 || found.Good != 48 {
		t.Errorf("the copy: %d of %d good", found.Good, found.Files)
	}
	wantError(t, 2, "--copy-good "+good+": a new or empty folder expected, this one has 2 files in it", "data", root, "--copy-good", good)
	file := filepath.Join(good, "train", "cat", "00.png")
	wantError(t, 2, "--copy-good "+file+": a new folder expected: not a directory", "data", root, "--copy-good", file)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(root, link); err != nil && runtime.GOOS != "windows" {
		t.Fatal(err)
	}
	for _, inside := range []string{root, filepath.Join(root, "new"), filepath.Join(link, "new", "er"), filepath.Join(root, "..", "photos", "x")} {
		if inside == root {
			wantError(t, 2, "--copy-good "+inside+": a new or empty folder expected, this one has 2 files in it", "data", root, "--copy-good", inside)
			continue
		}
		wantError(t, 2, "--copy-good "+inside+": a folder outside of "+root+" expected, which stays as it is", "data", root, "--copy-good", inside)
	}
	if !reflect.DeepEqual(hashes(t, root), before) {
		t.Error("the folder is not as it was")
	}
}

// TestCopyGoodOthers copies from an archive, and from a list whose files lie anywhere and whose classes
// stand in a column: copies are in class folders then.
func TestCopyGoodOthers(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	archive, err := os.Create(filepath.Join(dir, "photos.zip"))
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(archive)
	list := "file,kind\n"
	for i := range uint64(4) {
		class := []string{"cat", "dog"}[i%2]
		file := encoded(t, mosaic(i, 20, 20), 0)
		w, err := z.Create(fmt.Sprintf("%s/%d.png", class, i))
		if err != nil {
			t.Fatal(err)
		}
		w.Write(file) // Close has the error
		writeFile(t, filepath.Join(dir, fmt.Sprintf("%d.png", i)), file)
		list += fmt.Sprintf("../%d.png,%s\n", i, class)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	archive.Close()
	os.Mkdir(filepath.Join(dir, "lists"), 0o777)
	path := filepath.Join(dir, "lists", "list.csv")
	writeFile(t, path, []byte(list))
	for name, args := range map[string][]string{"zip": {archive.Name()}, "csv": {path, "--path-column", "file", "--label-column", "kind"}} {
		good := filepath.Join(dir, "good-"+name)
		succeed(t, append([]string{"data", "--copy-good", good}, args...)...)
		for i, file := range []string{"cat/0.png", "dog/1.png", "cat/2.png", "dog/3.png"} {
			if !bytes.Equal(readFile(t, good, filepath.FromSlash(file)), readFile(t, dir, fmt.Sprintf("%d.png", i))) {
				t.Errorf("%s: %s is another file", name, file)
			}
		}
	}
	// A class that leads out of the folder, and two files of one name.
	for message, lines := range map[string]string{
		"path escapes from parent":                           "../0.png,../../x\n../1.png,dog\n",
		"found another file that would be cat/0.png as well": "../0.png,cat\n../lists/0.png,cat\n",
	} {
		writeFile(t, filepath.Join(dir, "lists", "0.png"), readFile(t, dir, "1.png"))
		writeFile(t, path, []byte("file,kind\n"+lines))
		_, stderr, code := onehot(t, "data", path, "--path-column", "file", "--label-column", "kind", "--copy-good", filepath.Join(dir, "bad"))
		if code != 1 || !strings.Contains(stderr, message) {
			t.Errorf("exit code %d, %q, %q expected", code, stderr, message)
		}
		os.RemoveAll(filepath.Join(dir, "bad"))
	}
	if _, err := os.Stat(filepath.Join(dir, "x")); err == nil {
		t.Error("a class led out of the folder")
	}
}

// TestCheckPage writes the page of a folder with every problem and hostile names.
func TestCheckPage(t *testing.T) {
	root := troubled(t)
	name, class := "a\nb\x1b[31m.png", `cat"><script>alert(1)<`+"\u202e"
	if runtime.GOOS == "windows" {
		name, class = "a.png", "cat' onload='alert(1)"
	}
	os.Mkdir(filepath.Join(root, "train", class), 0o777)
	writeFile(t, filepath.Join(root, "train", class, name), encoded(t, mosaic(500, 20, 20), 0))
	writeFile(t, filepath.Join(root, "train", class, "x"+name), []byte("no picture"))
	before := hashes(t, root)
	path := filepath.Join(t.TempDir(), "check.html")
	stdout, stderr, code := onehot(t, "data", root, "--show", path)
	if code != 1 || !strings.Contains(stderr, "written to "+path+"\n") || strings.Contains(stdout+stderr, "\x1b") {
		t.Errorf("exit code %d, %q %q", code, stdout, stderr)
	}
	page := string(readFile(t, path))
	for _, want := range []string{
		"<h1>photos</h1>", ">Found 4 broken files, 1 file in more than one part, 2 files in more than one class.</p>",
		"<h2 id=\"h-0\">Broken files (4)</h2>", "<b>train/cat/a-cut.jpg</b><small>broken jpeg: invalid JPEG format: short Huffman data</small>", "Some pictures of each class",
		`<th scope="row">dog</th><td>7</td><td>6</td>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	for _, kind := range check.Kinds {
		if !strings.Contains(page, kindTitles[kind]+" (") {
			t.Errorf("the page has no %q", kind)
		}
	}
	if strings.Contains(page, "<script") || strings.ContainsAny(page, "\x1b\u202e") || !strings.Contains(page, "default-src") {
		t.Error("the page has a name as it is, or no policy")
	}
	if n := strings.Count(page, "<img "); n < 20 || len(page) > 1_000_000 {
		t.Errorf("%d pictures in %d bytes", n, len(page))
	}
	if !reflect.DeepEqual(hashes(t, root), before) {
		t.Error("the folder is not as it was")
	}
	wantError(t, 2, "--show "+path+" exists: --force replaces it", "data", root, "--show", path)
}

func TestDataOwnErrors(t *testing.T) {
	wantError(t, 2, "data fashion-mnist: the path of pictures of your own expected to be checked", "data", "--check")
	wantError(t, 2, "data mnist: --path-column, --label-column, --label-separator, --split-column and --nested are for pictures of your own", "data", "mnist", "--path-column", "x")
	dir := t.TempDir()
	os.Mkdir(filepath.Join(dir, "cat"), 0o777)
	wantError(t, 1, dir+": found no pictures, some in class folders expected", "data", dir)
	writeFile(t, filepath.Join(dir, "cat", "1.heic"), nil)
	wantError(t, 1, dir+": found 1 picture in HEIC, which cannot be decoded: convert them with  find "+dir+` -type f \( -iname '*.heic' \) -exec heif-convert {} {}.jpg \;`, "data", dir, "--check")
}
