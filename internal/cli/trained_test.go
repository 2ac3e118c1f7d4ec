package cli

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/fashionmnist/embedded"
)

// TestProbeOfTrainedWeights holds a probe to what torchvision and scikit-learn made of the same pictures and weights
// (testdata/probe.py): a tenth of a point of accuracy, which is one of the thousand pictures. The weights are those of
// internal/trainedtest/trained.js, in the folder that ONEHOT_TRAINED names.
func TestProbeOfTrainedWeights(t *testing.T) {
	weights := os.Getenv("ONEHOT_TRAINED")
	if weights == "" {
		t.Skip("ONEHOT_TRAINED names no folder with the files of internal/trainedtest/trained.js")
	}
	var fits []struct{ L2, Accuracy, Loss float64 }
	if err := json.Unmarshal(readFile(t, "testdata", "probe.json"), &fits); err != nil {
		t.Fatal(err)
	}
	weights, err := filepath.Abs(filepath.Join(weights, "weights.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	writeFashion(t, dataset.Train, "train", 500)
	writeFashion(t, dataset.Test, "test", 1000)
	for _, want := range fits {
		succeed(t, "train", "clothes", "--pretrained", "mobilenet_v2", "--weights", weights, "--val", "0", "--l2", fmt.Sprint(want.L2), "-q", "--force", "--out", "run")
		var got struct{ Accuracy, Loss float64 }
		if err := json.Unmarshal(readFile(t, "run", "metrics.json"), &got); err != nil {
			t.Fatal(err)
		}
		t.Logf("--l2 %g: accuracy %g, loss %g, scikit-learn's %g and %g", want.L2, got.Accuracy, got.Loss, want.Accuracy, want.Loss)
		if math.Abs(got.Accuracy-want.Accuracy) > 0.00101 || math.Abs(got.Loss-want.Loss) > 0.001*want.Loss {
			t.Errorf("--l2 %g: got %+v, want %+v", want.L2, got, want)
		}
	}
}

// writeFashion writes the first pictures of a split of Fashion-MNIST as files, to clothes/part/class.
func writeFashion(t *testing.T, split dataset.Split, part string, n int) {
	t.Helper()
	images, err := embedded.Open(split)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		class := images.Labels[i]
		folder := filepath.Join("clothes", part, fmt.Sprint(class))
		if err := os.MkdirAll(folder, 0o777); err != nil {
			t.Fatal(err)
		}
		writePNG(t, filepath.Join(folder, fmt.Sprintf("%04d.png", i)), images.Image(i))
	}
}
