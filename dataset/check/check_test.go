package check

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"reflect"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/dataset/pixels"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/random"
)

// picture returns the facts of a PNG of 64x64 whose pixels and hash are number n, which looks like
// none with another number.
func picture(n byte) pixels.Facts {
	r := random.New(uint64(n)).Rand()
	return pixels.Facts{Pixels: [16]byte{n}, Hash: r.Uint64(), Format: "png", Width: 64, Height: 64, Orientation: 1}
}

// with returns the facts after a change.
func with(f pixels.Facts, change func(*pixels.Facts)) pixels.Facts {
	change(&f)
	return f
}

// lines returns the problems of some kinds, a line each.
func lines(r *Report, kinds ...Kind) (all []string) {
	for _, p := range r.Problems {
		if slices.Contains(kinds, p.Kind) {
			all = append(all, fmt.Sprintf("%s %s: %s", p.Kind, p.File, p.Detail))
		}
	}
	return all
}

func equal(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

// TestEach checks what is said of files by themselves, and the JSON of a report.
func TestEach(t *testing.T) {
	list := &files.List{Root: "photos", Files: []files.File{
		{Name: "cat/1.jpg", Class: "cat"}, {Name: "cat/2.png", Class: "cat"}, {Name: "cat/3.png", Class: "cat"}, {Name: "cat/4.PNG", Class: "cat"},
		{Name: "dog/1.jpg", Class: "dog"}, {Name: "dog/2.png", Class: "dog"},
	}, Empty: []string{"eel"}}
	r := Files(list, []pixels.Facts{
		with(picture(1), func(f *pixels.Facts) { f.Orientation = 6 }),
		with(picture(2), func(f *pixels.Facts) { f.Transparent, f.Deep = true, true }),
		with(picture(3), func(f *pixels.Facts) { f.Animated, f.CMYK, f.Width = true, true, 15 }),
		with(picture(4), func(f *pixels.Facts) { f.Width, f.Height = 4097, 16 }),
		{Err: "photos/dog/1.jpg: permission denied"},
		{Err: "broken jpeg: unexpected EOF", Format: "jpeg"},
	})
	got, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"files":6,"good":4,"classes":{"cat":4,"dog":0,"eel":0},"problems":[` +
		`{"kind":"broken","file":"dog/1.jpg","detail":"permission denied"},` +
		`{"kind":"broken","file":"dog/2.png","detail":"broken jpeg: unexpected EOF"},` +
		`{"kind":"extension","file":"cat/1.jpg","detail":"PNG by its content, named .jpg"},` +
		`{"kind":"extension","file":"dog/2.png","detail":"JPEG by its content, named .png"},` +
		`{"kind":"small-class","file":"cat","detail":"cat: 4 pictures to train on, at least 20 expected"},` +
		`{"kind":"small-class","file":"dog","detail":"dog: 0 pictures to train on, at least 20 expected"},` +
		`{"kind":"small-class","file":"eel","detail":"eel: 0 pictures to train on, at least 20 expected"},` +
		`{"kind":"rotated","file":"cat/1.jpg","detail":"EXIF orientation 6: turned upright"},` +
		`{"kind":"transparent","file":"cat/2.png","detail":"transparent pixels: put over white"},` +
		`{"kind":"deep","file":"cat/2.png","detail":"16 bits a channel: scaled to 8"},` +
		`{"kind":"cmyk","file":"cat/3.png","detail":"CMYK, as it is printed: turned into RGB"},` +
		`{"kind":"animated","file":"cat/3.png","detail":"several pictures: the first is taken"},` +
		`{"kind":"tiny","file":"cat/3.png","detail":"15x64 pixels"},` +
		`{"kind":"enormous","file":"cat/4.PNG","detail":"4097x16 pixels"}]}`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if r.IsGood(4) || r.IsGood(5) || !r.IsGood(0) || len(r.Of(Broken)) != 2 || r.Of(Broken)[0].Index != 4 {
		t.Errorf("broken: %+v", r.Of(Broken))
	}
	if most, fewest := r.Uneven(); most != "cat" || fewest != "dog" {
		t.Errorf("between %q and %q there is most difference", most, fewest)
	}
	if got, _ := json.Marshal(Files(&files.List{}, nil)); string(got) != `{"files":0,"good":0,"classes":{},"problems":[]}` {
		t.Errorf("of nothing: %s", got)
	}
}

// TestCopies checks which of several files with the same pixels have which problem.
func TestCopies(t *testing.T) {
	var list files.List
	var facts []pixels.Facts
	add := func(name, part, class string, n byte) {
		list.Files = append(list.Files, files.File{Name: name, Part: part, Class: class})
		facts = append(facts, picture(n))
	}
	add("test/cat/1", "test", "cat", 1)
	add("test/cat/2", "test", "cat", 1)
	add("test/dog/1", "test", "dog", 4)
	add("train/cat/1", "train", "cat", 1)
	add("train/cat/2", "train", "cat", 2)
	add("train/cat/3", "train", "cat", 2)
	add("train/cat/4", "train", "cat", 3)
	add("train/cat/5", "", "cat", 3) // no part is the training part
	add("train/cow/1", "train", "cow", 4)
	add("val/cat/1", "val", "cat", 3)
	r := Files(&list, facts)
	equal(t, lines(r, Leak, Conflict, Duplicate, NearDuplicate), []string{
		"leak train/cat/1: the same pixels as test/cat/1, of the part test",
		"leak train/cat/4: the same pixels as val/cat/1, of the part val",
		"leak train/cat/5: the same pixels as val/cat/1, of the part val",
		"leak train/cow/1: the same pixels as test/dog/1, of the part test",
		"conflict test/dog/1: the same pixels as train/cow/1, of the class cow",
		"conflict train/cow/1: the same pixels as test/dog/1, of the class dog",
		"duplicate test/cat/2: the same pixels as test/cat/1",
		"duplicate train/cat/3: the same pixels as train/cat/2",
		"duplicate train/cat/5: the same pixels as train/cat/4",
	})
	if r.Good != 5 || r.Training["cat"] != 5 || r.Classes["cat"] != 8 {
		t.Errorf("%d good, %v", r.Good, r.Training)
	}
}

// TestAlike compares what is found among many hashes with what all pairs say.
func TestAlike(t *testing.T) {
	chance := random.New(3).Rand()
	var list files.List
	var facts []pixels.Facts
	for i := range 2000 {
		f := pixels.Facts{Pixels: [16]byte{byte(i), byte(i >> 8)}, Hash: chance.Uint64(), Format: "png", Width: 16, Height: 16}
		if i > 100 && chance.IntN(3) == 0 { // an earlier one with up to four bits changed
			f.Hash = facts[chance.IntN(i)].Hash
			for range chance.IntN(5) {
				f.Hash ^= 1 << chance.IntN(64)
			}
		}
		list.Files = append(list.Files, files.File{Name: fmt.Sprintf("%04d.png", i), Class: []string{"a", "b"}[chance.IntN(2)]})
		facts = append(facts, f)
	}
	r := Files(&list, facts)
	found := map[int]Problem{}
	for _, p := range r.Of(NearDuplicate) {
		found[p.Index] = p
		if d := bits.OnesCount64(facts[p.Index].Hash ^ facts[p.Other].Hash); d > 2 || p.Other >= p.Index {
			t.Errorf("%+v: %d bits", p, d)
		}
	}
	expected := 0
	for j := range facts {
		for i := range j {
			if bits.OnesCount64(facts[i].Hash^facts[j].Hash) <= 2 {
				expected++
				if _, ok := found[j]; !ok {
					t.Errorf("%d and %d look alike", i, j)
				}
				break
			}
		}
	}
	if expected != len(found) || expected < 300 {
		t.Errorf("%d found, %d expected", len(found), expected)
	}
}

// TestAlikeDetail checks what is said of pictures that look alike, and which are passed over.
func TestAlikeDetail(t *testing.T) {
	const hash = 0x0123456789abcdef
	look := func(n byte, hash uint64, side int) pixels.Facts {
		return pixels.Facts{Pixels: [16]byte{n}, Hash: hash, Format: "png", Width: side, Height: side}
	}
	list := &files.List{Files: []files.File{
		{Name: "0", Part: "test", Class: "a"}, {Name: "1", Part: "train", Class: "a"}, {Name: "2", Part: "train", Class: "a"}, {Name: "3", Part: "train", Class: "b"},
		{Name: "4", Class: "a"}, {Name: "5", Class: "a"}, {Name: "6", Class: "a"}, {Name: "7", Class: "a"}, {Name: "8", Class: "a"}, {Name: "9", Class: "a"},
	}}
	r := Files(list, []pixels.Facts{
		look(0, hash, 16), look(1, hash^3, 16), look(2, hash^1, 16), look(3, hash, 16), // 2 is nearer to 1, but 0 is of another part
		look(4, hash, 15), look(5, 0, 64), look(6, 1, 64), look(7, 0, 64), look(8, ^uint64(0), 64), look(2, hash^1, 16),
	})
	equal(t, lines(r, NearDuplicate, Duplicate), []string{
		"duplicate 9: the same pixels as 2",
		"near-duplicate 1: looks like 0, of the part test (2 of 64 bits of their difference hashes differ)",
		"near-duplicate 2: looks like 0, of the part test (1 of 64 bits of their difference hashes differ)",
		"near-duplicate 3: looks like 0, of the part test, of the class a (0 of 64 bits of their difference hashes differ)",
	})
	if r.Good != 10 {
		t.Errorf("%d good: what looks alike is only named", r.Good)
	}
}

// TestMany checks that many pictures whose hashes share half of their bits have an
// answer at all, and the same for the same facts.
func TestMany(t *testing.T) {
	chance := random.New(5).Rand()
	const n = 30_000
	list, facts := &files.List{Files: make([]files.File, n)}, make([]pixels.Facts, n)
	for i := range facts {
		facts[i] = pixels.Facts{Pixels: [16]byte{byte(i), byte(i >> 8), byte(i >> 16)}, Hash: chance.Uint64()&0xcccccccccccccccc | 1, Width: 64, Height: 64}
	}
	if a, b := Files(list, facts), Files(list, facts); !reflect.DeepEqual(a, b) || len(a.Problems) > n+1 {
		t.Errorf("%d problems", len(a.Problems))
	}
}

func TestFilesPanics(t *testing.T) {
	defer func() {
		if e, ok := recover().(*fault.OptionError); !ok || e.Error() != "check.Files: facts of 1 files: 2 expected" {
			t.Errorf("got %v", e)
		}
	}()
	Files(&files.List{Files: make([]files.File, 2)}, make([]pixels.Facts, 1))
}
