package cli

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/safetensors"
)

// earlierTolerance is how far a loss may be from the committed one, relative to it. Sets of
// kernels round differently, and the few steps of these runs make less than 1e-6 of it.
const earlierTolerance = 1e-5

// unpackEarlier puts what testdata/earlier/earlier.tar.gz holds into a new folder.
func unpackEarlier(t *testing.T) string {
	t.Helper()
	f, err := os.Open("testdata/earlier/earlier.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if h.FileInfo().IsDir() {
			if err := os.Mkdir(path, 0o777); err != nil {
				t.Fatal(err)
			}
			continue
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, content)
	}
}

// readExpected reads testdata/earlier/expected.json.
func readExpected(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(readFile(t, "testdata/earlier/expected.json"), v); err != nil {
		t.Fatal(err)
	}
}

// near reports whether a loss is the committed one but for what kernels make of it.
func near(got, want float64) bool { return math.Abs(got-want) <= earlierTolerance*want }

// TestEarlierModels holds that models of an earlier version load, measure what they did
// and keep their weights when they are saved again.
func TestEarlierModels(t *testing.T) {
	type evaluated struct {
		Path           string
		Accuracy, Loss float64
	}
	var expected struct{ Models []evaluated }
	readExpected(t, &expected)
	if len(expected.Models) != 6 {
		t.Fatalf("%d models, 6 expected", len(expected.Models))
	}
	dir := unpackEarlier(t)
	for _, want := range expected.Models {
		path := filepath.Join(dir, want.Path)
		var got evaluated
		if err := json.Unmarshal([]byte(succeed(t, "eval", "--json", "--data-dir", filepath.Join(dir, "data"), path)), &got); err != nil {
			t.Fatal(err)
		}
		if got.Accuracy != want.Accuracy || !near(got.Loss, want.Loss) {
			t.Errorf("%s: accuracy %v and loss %v, want %v and %v", want.Path, got.Accuracy, got.Loss, want.Accuracy, want.Loss)
		}

		if info, err := os.Stat(path); err != nil {
			t.Fatal(err)
		} else if info.IsDir() {
			path = folder(path).best()
		}
		m, err := model.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		saved := filepath.Join(t.TempDir(), "saved.safetensors")
		if err := m.Save(saved); err != nil {
			t.Fatal(err)
		}
		if _, err := model.Load(saved); err != nil {
			t.Errorf("%s: saved again: %v", want.Path, err)
		}
		if !bytes.Equal(weights(t, saved), weights(t, path)) {
			t.Errorf("%s: saved again, its tensors differ", want.Path)
		}
	}
}

// weights returns a file without its metadata.
func weights(t *testing.T, path string) []byte {
	t.Helper()
	f, err := safetensors.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f.Metadata = nil
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestEarlierRuns holds that runs of an earlier version are resumed and end as they did.
func TestEarlierRuns(t *testing.T) {
	type epoch struct {
		Path      string
		Prolong   []string
		Event     string
		Epoch     int
		TrainLoss float64 `json:"train_loss"`
		TestLoss  float64 `json:"test_loss"`
		TestAcc   float64 `json:"test_acc"`
	}
	var expected struct{ Runs []epoch }
	readExpected(t, &expected)
	if len(expected.Runs) != 3 {
		t.Fatalf("%d runs, 3 expected", len(expected.Runs))
	}
	dir := unpackEarlier(t)
	for _, want := range expected.Runs {
		args := append([]string{"train", "--resume", "--json", "--data-dir", filepath.Join(dir, "data"),
			"--out", filepath.Join(dir, want.Path)}, want.Prolong...)
		var got epoch
		for line := range bytes.Lines([]byte(succeed(t, args...))) {
			var e epoch
			if err := json.Unmarshal(line, &e); err != nil {
				t.Fatal(err)
			}
			if e.Event == "epoch" {
				got = e
			}
		}
		if got.Epoch != want.Epoch || !near(got.TrainLoss, want.TrainLoss) || !near(got.TestLoss, want.TestLoss) || got.TestAcc != want.TestAcc {
			t.Errorf("%s: ended with %+v, want %+v", want.Path, got, want)
		}
		if _, err := os.Stat(folder(filepath.Join(dir, want.Path)).page()); err != nil {
			t.Errorf("%s: %v", want.Path, err)
		}
	}
}
