package fashionmnist_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/fashionmnist"
	"github.com/onehot-go/onehot/dataset/fashionmnist/embedded"
)

// TestOpen compares the files that Debian's package installs with the embedded ones.
func TestOpen(t *testing.T) {
	const root = "/usr/share/datasets/fashion-mnist"
	if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no %s: install the Debian package dataset-fashion-mnist", root)
	}
	for _, split := range []dataset.Split{dataset.Train, dataset.Test} {
		got, err := fashionmnist.Open(root, split)
		if err != nil {
			t.Fatal(err)
		}
		want, err := embedded.Open(split)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Pixels, want.Pixels) || !slices.Equal(got.Labels, want.Labels) {
			t.Errorf("%s: pixels or labels differ from the embedded ones", split)
		}
		for i, f := range got.Files {
			if f.Name != want.Files[i].Name || f.SHA256 != want.Files[i].SHA256 {
				t.Errorf("%s: SHA-256 is %s, want %s", f.Path, f.SHA256, want.Files[i].SHA256)
			}
		}
	}
}

func Example() {
	_, err := fashionmnist.Open("no-such-folder", dataset.Test)
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Println("the files are not there: call Download, or use package embedded")
	}
	// Output: the files are not there: call Download, or use package embedded
}

func ExampleClasses() {
	fmt.Println(fashionmnist.Classes()[9])
	// Output: ankle boot
}

func ExampleLoad() {
	training, test, err := fashionmnist.Load(fashionmnist.Options{Open: embedded.Open, BatchSize: 64, Resize: 32})
	if err != nil {
		fmt.Println(err)
		return
	}
	batch, err := training.First(1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(training.Samples(), test.Samples(), batch.Inputs.Shape(), batch.Targets.Shape())
	// Output: 60000 10000 [64 1 32 32] [64]
}

// TestLoad checks that Load looks for files where Open does, and downloads none unasked.
func TestLoad(t *testing.T) {
	root := t.TempDir()
	if _, _, err := fashionmnist.Load(fashionmnist.Options{Root: root}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want one that wraps fs.ErrNotExist", err)
	}
}
