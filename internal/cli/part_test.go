package cli

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParsePart(t *testing.T) {
	for _, c := range []struct {
		text, kubernetes, slurm string
		want                    part
		err                     string // what it begins with
	}{
		{text: "3/64", want: part{3, 64}},
		{text: "1/1", slurm: "7", want: part{1, 1}},
		{text: "/64", kubernetes: "0", want: part{1, 64}},
		{text: "/64", slurm: "64", want: part{64, 64}},
		{text: "/4", kubernetes: "1", slurm: "4", want: part{2, 4}},
		{text: "/4", kubernetes: "4", err: "--part /4: JOB_COMPLETION_INDEX is 4, 0 to 3 expected"},
		{text: "/4", slurm: "0", err: "--part /4: SLURM_ARRAY_TASK_ID is 0, 1 to 4 expected"},
		{text: "/4", slurm: "x", err: "--part /4: SLURM_ARRAY_TASK_ID is x, 1 to 4 expected"},
		{text: "/4", err: "--part /4: as in 3/64, from 1 on, or /64 with the index in JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID expected"},
		{text: "0/4", err: "--part 0/4: as in 3/64"}, {text: "5/4", err: "--part 5/4: as in 3/64"}, {text: "3", err: "--part 3: as in 3/64"},
		{text: "1/100000", err: "--part 1/100000: as in 3/64"}, {text: "1/-1", err: "--part 1/-1: as in 3/64"},
	} {
		got, err := parsePart(c.text, func(name string) string {
			return map[string]string{"JOB_COMPLETION_INDEX": c.kubernetes, "SLURM_ARRAY_TASK_ID": c.slurm}[name]
		})
		if c.err == "" && (err != nil || got != c.want) || c.err != "" && !strings.HasPrefix(fmt.Sprint(err), c.err) {
			t.Errorf("%+v: got %v, %v", c, got, err)
		}
	}
	// Every input is in one part.
	for _, n := range []int{0, 1, 7, 64, 1000} {
		at := 0
		for i := 1; i <= 7; i++ {
			lo, hi := part{i, 7}.bounds(n)
			if lo != at || hi < lo || hi-lo > n/7+1 {
				t.Errorf("%d inputs: part %d has %d to %d behind %d", n, i, lo, hi, at)
			}
			at = hi
		}
		if at != n {
			t.Errorf("%d inputs: parts have %d", n, at)
		}
	}
}

// inParts writes the file of a prediction in so many parts and joins them; it holds them to the file of one process, and returns the
// names of the parts.
func inParts(t *testing.T, code, of int, args ...string) (parts []string) {
	t.Helper()
	if _, stderr, got := onehot(t, append([]string{"predict", "--csv", "whole.csv"}, args...)...); got != code {
		t.Fatal(got, stderr)
	}
	for i := of; i >= 1; i-- { // in any order
		if _, stderr, got := onehot(t, append([]string{"predict", "--csv", "out.csv", "--part", fmt.Sprintf("%d/%d", i, of)}, args...)...); got > code {
			t.Fatal(got, stderr)
		}
		parts = append([]string{part{i, of}.path("out.csv")}, parts...)
	}
	succeed(t, "join", "out.csv")
	if whole, joined := readFile(t, "whole.csv"), readFile(t, "out.csv"); !bytes.Equal(whole, joined) {
		t.Errorf("%d parts: got\n%s\nwant\n%s", of, joined, whole)
	}
	return parts
}

func TestPartsOfPictures(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	colours(t, filepath.Join(dir, "photos"), 12, 8, 8)
	succeed(t, "train", "photos", "--model", "softmax", "--epochs", "2", "--out", "run", "-q")
	succeed(t, "train", "photos", "--model", "softmax", "--epochs", "1", "--out", "other", "-q")
	writeFile(t, "photos/broken.png", []byte("no picture"))
	parts := inParts(t, 1, 4, "run", "photos")

	// Parts that are complete stay.
	before, err := os.Stat(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"predict", "run", "photos", "--csv", "out.csv"}
	_, stderr, code := onehot(t, append(args, "--part", "3/4")...)
	if after, err := os.Stat(parts[2]); code != 0 || !strings.Contains(stderr, parts[2]+" is complete") || err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Error(code, stderr, err)
	}
	t.Setenv("JOB_COMPLETION_INDEX", "2")
	if _, stderr, code := onehot(t, append(args, "--part", "/4")...); code != 0 || !strings.Contains(stderr, parts[2]+" is complete") {
		t.Error(code, stderr)
	}
	wantError(t, 1, parts[0]+" is of another model: --force does it again", "predict", "other", "photos", "--csv", "out.csv", "--part", "1/4")
	wantError(t, 1, parts[0]+" is of other inputs: --force does it again", "predict", "run", "photos/cat", "--csv", "out.csv", "--part", "1/4")
	wantError(t, 2, "--part is for --csv", "predict", "run", "photos", "--part", "1/4")

	// What does not go together is not joined.
	wantError(t, 2, "join out.csv exists: --force replaces it", "join", "out.csv")
	onehot(t, append(args, "--part", "1/2")...)
	wantError(t, 1, "out.csv: found parts of 2 and of 4, of one number expected: remove the others", "join", "out.csv", "--force")
	os.Remove(part{1, 2}.path("out.csv"))
	one := readFile(t, parts[1])
	writeFile(t, parts[1], append(one, "x,y\n"...))
	if _, stderr, code := onehot(t, "join", "out.csv", "--force"); code != 1 || !strings.Contains(stderr, parts[1]+" has changed since it was written") {
		t.Error(code, stderr)
	}
	if !bytes.Equal(readFile(t, "out.csv"), readFile(t, "whole.csv")) {
		t.Error("what cannot be joined replaces the file")
	}
	os.Remove(parts[1])
	wantError(t, 1, "out.csv: found 3 of 4 parts, all expected; missing: 2", "join", "out.csv", "--force")
	onehot(t, "predict", "other", "photos", "--csv", "out.csv", "--part", "2/4")
	wantError(t, 1, parts[1]+" is of another model than "+parts[0]+": parts of one model and the same inputs expected", "join", "out.csv", "--force")
	onehot(t, append(args, "--part", "2/4", "--force")...)
	if stderr := func() string { _, stderr, _ := onehot(t, "join", "out.csv", "--force"); return stderr }(); !strings.HasPrefix(stderr, "37 rows of 4 parts written to out.csv, 1 of them with errors") {
		t.Error(stderr)
	}
	os.Remove(recordPath(parts[3]))
	wantError(t, 1, parts[3]+": nothing says what it has: "+recordPath(parts[3])+" is missing", "join", "out.csv", "--force")
	wantError(t, 1, "none.csv: found no part of it, such as none.00001-of-00064.csv", "join", "none.csv")
	writeFile(t, "odd.00005-of-00004.csv", nil)
	wantError(t, 1, "odd.00005-of-00004.csv: found part 5 of 4", "join", "odd.csv")
}

// TestPartsOfShards scores pictures in archives: in a folder of them, and by a pattern.
func TestPartsOfShards(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	colours(t, filepath.Join(dir, "photos"), 4, 8, 8)
	succeed(t, "train", "photos", "--model", "softmax", "--epochs", "1", "--out", "run", "-q")
	if err := os.Mkdir("shards", 0o777); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob("photos/*/*.png")
	if err != nil {
		t.Fatal(err)
	}
	var zipped bytes.Buffer
	z := zip.NewWriter(&zipped)
	for k := range 2 {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for i, name := range names {
			data := readFile(t, name)
			if i%2 != k {
				continue
			}
			w.WriteHeader(&tar.Header{Name: fmt.Sprintf("%03d.png", i), Size: int64(len(data)), Mode: 0o644})
			w.Write(data)
			f, err := z.Create(fmt.Sprintf("%d/%03d.png", k, i))
			if err != nil {
				t.Fatal(err)
			}
			f.Write(data)
		}
		w.Close()
		writeFile(t, fmt.Sprintf("shards/s-%d.tar", k), b.Bytes())
	}
	z.Close()
	writeFile(t, "all.zip", zipped.Bytes())
	for _, input := range []string{"shards", "shards/s-{0..1}.tar", "all.zip"} {
		for _, name := range []string{"out.csv", "whole.csv"} {
			os.Remove(name)
		}
		parts := inParts(t, 0, 5, "run", input)
		if text := string(readFile(t, "whole.csv")); strings.Count(text, "\n") != 1+len(names) || strings.Contains(text, "found") {
			t.Errorf("%s: %s", input, text)
		}
		for _, p := range parts {
			os.Remove(p)
		}
	}
	writeFile(t, "one.tar.gz", []byte("\x1f\x8b"))
	if _, stderr, code := onehot(t, "predict", "run", "one.tar.gz"); code != 1 {
		t.Error(code, stderr)
	}
}

func TestPartsOfTables(t *testing.T) {
	path := fruit(t)
	t.Chdir(filepath.Dir(path))
	succeed(t, "train", "fruit.csv", "--label-column", "kind", "--out", "run", "-q")
	text := string(readFile(t, "fruit.csv"))
	writeFile(t, "more.csv", []byte(text+"a,b\nf99,heavy,red,yes,,\n"))
	parts := inParts(t, 1, 3, "run", "more.csv", "--keep", "id")
	for i := range 2 { // a name without an ending
		succeed(t, "predict", "run", "fruit.csv", "--csv", "said", "--part", fmt.Sprintf("%d/2", i+1))
	}
	succeed(t, "join", "said")
	if rows := strings.Count(string(readFile(t, "said")), "\n"); rows != 1+62 {
		t.Errorf("%d rows", rows)
	}
	if rows := strings.Count(string(readFile(t, parts[0])), "\n"); rows != 1+64/3 {
		t.Errorf("%d rows", rows)
	}
	inputs := append(readFile(t, "more.csv"), "f100,9,red,yes,,\n"...)
	writeFile(t, "more.csv", inputs)
	if _, stderr, code := onehot(t, "predict", "run", "more.csv", "--csv", "out.csv", "--part", "2/3", "--keep", "id"); code != 1 || !strings.HasSuffix(stderr, parts[1]+" is of other inputs: --force does it again\n") {
		t.Error(code, stderr)
	}
}
