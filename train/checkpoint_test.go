package train_test

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/safetensors"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

// TestSaveErrors checks that a checkpoint that cannot be written ends the run, with an
// error that names the file.
func TestSaveErrors(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing", "a.safetensors")
	for name, test := range map[string]struct {
		keep          train.Keep
		epochs, steps int // to train, and trained before the error
	}{
		"last":            {train.Keep{Last: missing}, 2, 0},
		"last, untrained": {train.Keep{Last: missing}, 0, 0},
		"best":            {train.Keep{Best: missing, Last: filepath.Join(dir, "last.safetensors")}, 2, 4},
	} {
		t.Run(name, func(t *testing.T) {
			c := setup(t)
			c.Epochs, c.Keep = test.epochs, test.keep
			events, err := run(t.Context(), c)
			var at *fs.PathError
			if !errors.As(err, &at) || at.Path != missing || !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("error %v, want one that names %s", err, missing)
			}
			if steps := len(events) - len(epochs(events)); steps != test.steps {
				t.Errorf("%d steps before the error, want %d", steps, test.steps)
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) > 1 {
				t.Errorf("files left behind: %v (%v)", entries, err)
			}
		})
	}

	c := setup(t)
	c.Keep, c.Settings = keep(t), math.NaN()
	if _, err := run(t.Context(), c); err == nil || !strings.HasPrefix(err.Error(), "model: training record: ") || !strings.HasSuffix(err.Error(), "json: unsupported value: NaN") {
		t.Errorf("settings that are not JSON: error %v", err)
	}
}

// TestKeepNothing checks that no file is written where none is asked for.
func TestKeepNothing(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	c := setup(t)
	if _, err := run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("files %v (%v)", entries, err)
	}
	c = setup(t)
	c.Keep.Best = "best.safetensors"
	if _, err := run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("files %v (%v), want the best model alone", entries, err)
	}
}

func momentum(s *settings) { s.momentum = 0.9 }
func mlp(s *settings)      { s.hidden = []int{8} }
func otherMLP(s *settings) { s.hidden = []int{9} }

func TestRestoreErrors(t *testing.T) {
	type option = func(*settings)
	for name, test := range map[string]struct {
		saved, restored []option
		change          func(f *safetensors.File)
		want            string
	}{
		"a model alone": {change: func(f *safetensors.File) { delete(f.Metadata, "onehot.progress") },
			want: `metadata: no "onehot.progress" in it: this is no checkpoint to continue from`},
		"no metadata": {change: func(f *safetensors.File) { f.Metadata = nil },
			want: `metadata: no "onehot.progress" in it: this is no checkpoint to continue from`},
		"bad JSON": {change: func(f *safetensors.File) { f.Metadata["onehot.progress"] = `{"epoch":` },
			want: `metadata "onehot.progress": unexpected end of JSON input`},
		"fraction of an epoch": {change: func(f *safetensors.File) { f.Metadata["onehot.progress"] = `{"epoch":1.5}` },
			want: `metadata "onehot.progress": json: cannot unmarshal number 1.5 into Go struct field Progress.epoch of type int`},
		"epoch below 0": {change: func(f *safetensors.File) { f.Metadata["onehot.progress"] = `{"epoch":-1}` },
			want: `metadata "onehot.progress": found {"epoch":-1}, epochs in order expected`},
		"best below 0": {change: func(f *safetensors.File) { f.Metadata["onehot.progress"] = `{"epoch":1,"best_epoch":-1}` },
			want: `metadata "onehot.progress": found {"epoch":1,"best_epoch":-1}, epochs in order expected`},
		"best yet to come": {change: func(f *safetensors.File) { f.Metadata["onehot.progress"] = `{"epoch":1,"best_epoch":2}` },
			want: `metadata "onehot.progress": found {"epoch":1,"best_epoch":2}, epochs in order expected`},
		"no definition": {change: func(f *safetensors.File) { delete(f.Metadata, "onehot") },
			want: `metadata: no "onehot" in it: these are weights without a definition, or not of a model that onehot saved`},
		"no weights": {change: func(f *safetensors.File) { f.Tensors = nil }, want: `0 weights found, 51 expected by the definition`},
		"optimizer without state": {restored: []option{momentum},
			want: `tensor ".optimizer.0.velocity": missing: the optimizer cannot go on without it`},
		"part of the state missing": {saved: []option{momentum}, restored: []option{momentum},
			change: func(f *safetensors.File) { f.Tensors = without(f, ".optimizer.1.velocity") },
			want:   `tensor ".optimizer.1.velocity": missing: the optimizer cannot go on without it`},
		"optimizer with state": {saved: []option{momentum},
			want: `tensor ".optimizer.0.velocity": float32 [3 16] does not belong to this optimizer`},
		"state of another shape": {saved: []option{momentum, mlp}, restored: []option{momentum, otherMLP},
			want: `tensor ".optimizer.0.velocity": float32 [8 16] does not belong to this optimizer`},
		"state of another type": {saved: []option{momentum}, restored: []option{momentum},
			change: func(f *safetensors.File) {
				f.Tensors = append(without(f, ".optimizer.0.velocity"),
					safetensors.Tensor{Name: ".optimizer.0.velocity", Value: tensor.Zeros(tensor.Float64, 3, 16)})
			},
			want: `tensor ".optimizer.0.velocity": float64 [3 16] does not belong to this optimizer`},
		"state of more": {saved: []option{momentum}, restored: []option{momentum},
			change: func(f *safetensors.File) {
				f.Tensors = append(f.Tensors, safetensors.Tensor{Name: ".optimizer.2.velocity", Value: tensor.Zeros(tensor.Float32, 3)})
			},
			want: `tensor ".optimizer.2.velocity": float32 [3] does not belong to this optimizer`},
		"another model": {restored: []option{mlp},
			want: `missing linear1.weight, linear1.bias, linear2.weight, linear2.bias; unexpected linear.bias, linear.weight`},
		"a model of another size": {saved: []option{mlp}, restored: []option{otherMLP},
			want: `linear1.weight: float32 (9, 16) expected, got float32 (8, 16); ` +
				`linear1.bias: float32 (9) expected, got float32 (8); linear2.weight: float32 (3, 9) expected, got float32 (3, 8)`},
	} {
		t.Run(name, func(t *testing.T) {
			c := setup(t, test.saved...)
			c.Keep = keep(t)
			if _, err := run(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			path := c.Keep.Last
			if test.change != nil {
				f, err := safetensors.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				test.change(f)
				delete(f.Metadata, "onehot.run") // and that it was sealed, else the checksum would be what is wrong
				delete(f.Metadata, "onehot.sha256")
				var b strings.Builder
				if err := f.Write(&b); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			r := setup(t, test.restored...)
			got, err := train.Restore(path, train.Config{Model: r.Model, Optimizer: r.Optimizer})
			if err == nil || err.Error() != path+": "+test.want {
				t.Errorf("error %v, want %s: %s", err, path, test.want)
			}
			if got != (train.Progress{}) {
				t.Errorf("progress %+v beside the error", got)
			}
		})
	}

	c := setup(t)
	path := filepath.Join(t.TempDir(), "last.safetensors")
	if _, err := train.Restore(path, c); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: error %v", err)
	}
	if err := os.WriteFile(path, []byte("PNG"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := train.Restore(path, c); err == nil || err.Error() != path+": header length: a file of 3 bytes, at least 8 expected" {
		t.Errorf("no safetensors file: error %v", err)
	}
	if err := c.Model.Save(path); err != nil {
		t.Fatal(err)
	}
	if _, err := train.Restore(path, c); err == nil || err.Error() != path+`: metadata: no "onehot.progress" in it: this is no checkpoint to continue from` {
		t.Errorf("a saved model: error %v", err)
	}
}

// without returns the tensors of f but for the one of that name.
func without(f *safetensors.File, name string) []safetensors.Tensor {
	var out []safetensors.Tensor
	for _, t := range f.Tensors {
		if t.Name != name {
			out = append(out, t)
		}
	}
	return out
}

// TestCheckpointIsModel checks that a checkpoint can be used as the model that it is of.
func TestCheckpointIsModel(t *testing.T) {
	c := setup(t, momentum)
	c.Keep = keep(t)
	if _, err := run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	m, err := model.Load(c.Keep.Last)
	if err != nil {
		t.Fatal(err)
	}
	want, err := train.Evaluate(c.Model.Net, c.Test, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := train.Evaluate(m.Net, c.Test, nil); err != nil || got.Loss != want.Loss || got.Score != want.Score {
		t.Errorf("measured %+v (%v), want %+v", got, err, want)
	}
}
