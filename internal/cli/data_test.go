package cli

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/dataset/mnist"
)

func TestData(t *testing.T) {
	out := succeed(t, "data")
	for _, want := range []string{
		"fashion-mnist: 10 classes, pictures 28x28 of 8-bit grey, as tensors [1 28 28]\n",
		"      9  ankle boot   6000   1000\n",
		"                all  60000  10000\n",
		"c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888  train-images-idx3-ubyte  (embedded)\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in %s", want, out)
		}
	}
}

func TestDataShow(t *testing.T) {
	data, file := tinyData(t), filepath.Join(t.TempDir(), "grid.png")
	succeed(t, "data", "mnist", "--data-dir", data, "--show", file)
	img, err := png.Decode(bytes.NewReader(readFile(t, file)))
	if err != nil {
		t.Fatal(err)
	}
	if size := img.Bounds().Size(); size.X < 10*56 || size.Y < 10*56 {
		t.Errorf("ten by ten pictures at double size in %v", size)
	}
	wantError(t, 2, "--show "+file+" exists: --force replaces it", "data", "mnist", "--data-dir", data, "--show", file)
	succeed(t, "data", "mnist", "--data-dir", data, "--show", file, "--force")

	vector := filepath.Join(t.TempDir(), "grid.svg")
	succeed(t, "data", "mnist", "--data-dir", data, "--show", vector)
	if svg := string(readFile(t, vector)); strings.Count(svg, "<image ") != 100 || strings.Count(svg, ">7</text>") != 10 {
		t.Errorf("no ten by ten pictures with names in %s", svg)
	}
	other := filepath.Join(t.TempDir(), "grid.jpg")
	wantError(t, 2, "--show "+other+`: found the ending ".jpg", .png or .svg expected`, "data", "mnist", "--data-dir", data, "--show", other)
}

// TestDataMNIST reads the real MNIST where it is.
func TestDataMNIST(t *testing.T) {
	dir := os.Getenv("ONEHOT_MNIST")
	if dir == "" {
		dir = filepath.FromSlash("../../../shared/data/mnist")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("MNIST is not here: %v (ONEHOT_MNIST names its folder)", err)
	}
	out := succeed(t, "data", mnist.Name, "--data-dir", dir)
	if !strings.Contains(out, "      1      1   6742   1135\n") {
		t.Errorf("got %s", out)
	}
}

func TestDataErrors(t *testing.T) {
	dir := t.TempDir()
	wantError(t, 1, "mnist: train-images-idx3-ubyte (or .gz): file does not exist in "+filepath.Join(dir, "MNIST", "raw")+", "+dir+
		": fetch it with --download (mnist.Download in Go)", "data", "mnist", "--data-dir", dir)
}
