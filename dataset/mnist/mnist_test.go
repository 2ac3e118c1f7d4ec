package mnist_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/mnist"
)

func TestOpen(t *testing.T) {
	root := os.Getenv("ONEHOT_MNIST")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data", "mnist")
	}
	if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("MNIST is not in %s: set ONEHOT_MNIST to the folder that has its files", root)
	}
	for _, test := range []struct {
		split  dataset.Split
		labels []int // the first five
		sums   []string
		pixels string // SHA-256 of the pixels without the file's header
	}{
		{dataset.Train, []int{5, 0, 4, 1, 9}, []string{
			"ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
			"65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
		}, "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757"},
		{dataset.Test, []int{7, 2, 1, 0, 4}, []string{
			"0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
			"ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
		}, "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161"},
	} {
		m, err := mnist.Open(root, test.split)
		if err != nil {
			t.Fatal(err)
		}
		if n := map[dataset.Split]int{dataset.Train: 60000, dataset.Test: 10000}[test.split]; m.Len() != n || len(m.Pixels) != n*28*28 {
			t.Errorf("%s: got %d labels and %d pixels", test.split, m.Len(), len(m.Pixels))
		}
		if !slices.Equal(m.Labels[:5], test.labels) {
			t.Errorf("%s: labels begin %v, want %v", test.split, m.Labels[:5], test.labels)
		}
		if sum := sha256.Sum256(m.Pixels); hex.EncodeToString(sum[:]) != test.pixels {
			t.Errorf("%s: SHA-256 of the pixels is %x, want %s", test.split, sum, test.pixels)
		}
		for i, f := range m.Files {
			if f.SHA256 != test.sums[i] {
				t.Errorf("%s: SHA-256 is %s, want %s", f.Path, f.SHA256, test.sums[i])
			}
		}
	}
}

func Example() {
	_, err := mnist.Open("no-such-folder", dataset.Test)
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Println("the files are not there: call Download")
	}
	// Output: the files are not there: call Download
}

func ExampleClasses() {
	fmt.Println(mnist.Classes())
	// Output: [0 1 2 3 4 5 6 7 8 9]
}

// TestLoad loads files of three and two pictures.
func TestLoad(t *testing.T) {
	root := t.TempDir()
	if _, _, err := mnist.Load(mnist.Options{Root: root}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want one that wraps fs.ErrNotExist", err)
	}
	for name, n := range map[string]byte{"train": 3, "t10k": 2} {
		images := append([]byte{0, 0, 8, 3, 0, 0, 0, n, 0, 0, 0, 28, 0, 0, 0, 28}, make([]byte, int(n)*28*28)...)
		labels := append([]byte{0, 0, 8, 1, 0, 0, 0, n}, make([]byte, n)...)
		for file, content := range map[string][]byte{name + "-images-idx3-ubyte": images, name + "-labels-idx1-ubyte": labels} {
			if err := os.WriteFile(filepath.Join(root, file), content, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	train, test, err := mnist.Load(mnist.Options{Root: root, BatchSize: 2, Resize: 14})
	if err != nil {
		t.Fatal(err)
	}
	batch, err := train.First(1)
	if err != nil || !slices.Equal(batch.Inputs.Shape(), []int{2, 1, 14, 14}) || train.Samples() != 3 || test.Samples() != 2 {
		t.Errorf("%d and %d samples, a batch of %v, %v", train.Samples(), test.Samples(), batch.Inputs, err)
	}
}
