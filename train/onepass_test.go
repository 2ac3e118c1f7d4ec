package train_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

// bySample hides that a data set can fill batches: steps then go layer by layer.
type bySample struct{ dataset.Dataset }

// threeLines makes of each channel another line of its bytes, one of them falling.
var threeLines = transform.Compose{transform.ToTensor{}, transform.Normalize{Mean: []float32{0.5, 0.4, 0.1}, Std: []float32{0.5, 0.4, -0.8}}}

// coloured returns pictures of three channels, each of which is one of blobs.
func coloured(n, size int, key random.Key) *dataset.Images {
	m := blobs(3*n, size, key)
	m.Channels, m.Labels, m.Transform = 3, m.Labels[:n], threeLines
	return m
}

// TestOnePassIsTheLayers trains softmax regression in one pass over the samples and layer by
// layer: losses and weights agree to rounding. Batches end within a block, a part and both;
// pictures are multiplied as bytes or, cropped, as floats.
func TestOnePassIsTheLayers(t *testing.T) {
	scale := transform.Compose{transform.ToTensor{}, transform.Normalize{Mean: []float32{0.5}, Std: []float32{0.5}}}
	crop := transform.Compose{transform.RandomCrop{Height: 9, Width: 9, Padding: 1}, transform.ToTensor{}}
	for k, batch := range []int{1, 7, 16, 64, 100, 150, 20, 150, 64, 100} {
		of, draw := []transform.Transform{transform.ToTensor{}, scale, crop}[k%3], blobs
		if k >= 8 { // a line a channel
			of, draw = threeLines, coloured
		}
		t.Run(fmt.Sprint(batch, of), func(t *testing.T) {
			var weights [2][]float64
			var got [2][]train.Epoch
			for i := range 2 {
				m, test := draw(150, 9, random.New(1)), draw(31, 9, random.New(2))
				m.Transform, test.Transform = of, of
				c := config(t, settings{batch: batch, lr: 0.1, momentum: 0.5, decay: 0.01}, m, test)
				c.Epochs = 3
				if i == 1 {
					c.Train = loader.New(bySample{m}, loader.Options{BatchSize: batch, Shuffle: true, Seed: 5})
				}
				events, err := run(t.Context(), c)
				if err != nil {
					t.Fatal(err)
				}
				got[i] = epochs(events)
				for _, p := range nn.ParameterList(c.Model.Net) {
					weights[i] = append(weights[i], tensor.Values[float64](p)...)
				}
			}
			for k, w := range weights[0] {
				if d := math.Abs(w - weights[1][k]); !(d <= 2e-6) {
					t.Fatalf("parameter %d: %v in one pass, %v by layers", k, w, weights[1][k])
				}
			}
			for k, e := range got[0] {
				if d := math.Abs(e.TrainLoss - got[1][k].TrainLoss); !(d <= 1e-6*max(1, e.TrainLoss)) || e.TrainScore != got[1][k].TrainScore {
					t.Errorf("epoch %d: loss %v, accuracy %v in one pass, %v and %v by layers", k+1, e.TrainLoss, e.TrainScore, got[1][k].TrainLoss, got[1][k].TrainScore)
				}
			}
		})
	}
}

// TestOnePassOnThreads checks that the weights have the same bits for any number of threads.
func TestOnePassOnThreads(t *testing.T) {
	defer tensor.SetThreads(0)
	var want []float32
	for _, threads := range []int{1, 2, 3, 5, 8} {
		tensor.SetThreads(threads)
		c := config(t, settings{batch: 256, lr: 0.1}, blobs(600, 28, random.New(1)), blobs(31, 28, random.New(2)))
		if _, err := run(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		var got []float32
		for _, p := range nn.ParameterList(c.Model.Net) {
			got = append(got, tensor.Values[float32](p)...)
		}
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d threads: other weights than on 1", threads)
		}
	}
}

// unlabelled hides that a data set knows its labels: they are found wrong when they are used.
type unlabelled struct{ dataset.ByteBatcher }

// TestOnePassNamesLabels checks that a label without a class is the same error on both roads.
func TestOnePassNamesLabels(t *testing.T) {
	m := blobs(8, 4, random.New(1))
	m.TargetTransform = func(label int) int {
		if label == 1 {
			return 7
		}
		return label
	}
	for name, d := range map[string]dataset.Dataset{"in one pass": unlabelled{m}, "layer by layer": bySample{m}} {
		c := config(t, settings{batch: 8, lr: 0.1}, m, blobs(8, 4, random.New(2)))
		c.Train = loader.New(d, loader.Options{BatchSize: 8})
		_, err := run(t.Context(), c)
		wantSetup(t, name, err, "train: Train: classification: found the label 7 of sample 1, 0 to 2 expected, in the batch that begins with sample 0")
	}
}
