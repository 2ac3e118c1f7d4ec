package onnx_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/onehot-go/onehot/model/onnx"
)

var update = flag.Bool("update", false, "have onnxruntime write testdata/onnxruntime.json again")

// TestReferences holds the files of small nets, by their hashes, to those that onnxruntime ran, and what
// the models do to what it made of them. With -update onnxruntime runs them again.
func TestReferences(t *testing.T) {
	type reference struct {
		SHA256        string
		Probabilities []float64
	}
	const path = "testdata/onnxruntime.json"
	var o *onnxruntime
	references := map[string]reference{}
	if *update {
		o = start(t)
	} else {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &references); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range nets {
		m := trained(t, n.definition())
		file, err := onnx.FileOf(m)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(file)
		pixels, numbers, prepared := batch(t, m, 3)
		if *update {
			at := filepath.Join(t.TempDir(), "model.onnx")
			if err := os.WriteFile(at, file, 0o666); err != nil {
				t.Fatal(err)
			}
			shape := append([]int{3}, m.InputShape...)
			if pixels != nil {
				shape = []int{3, m.InputShape[1], m.InputShape[2], m.InputShape[0]}
			}
			a := o.run(at, shape, pixels, numbers)
			references[n.name] = reference{hex.EncodeToString(sum[:]), a.Outputs["probabilities"].Data}
		}
		want := references[n.name]
		if got := hex.EncodeToString(sum[:]); got != want.SHA256 {
			t.Errorf("%s: the file is another one than onnxruntime ran: see -update", n.name)
		}
		if got, _ := answers(t, m, prepared); !(furthest(got, want.Probabilities) <= 1e-5) {
			t.Errorf("%s: probabilities %v, onnxruntime has %v", n.name, got, want.Probabilities)
		}
	}
	if *update {
		text, err := json.MarshalIndent(references, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(text, '\n'), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}
