package train_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/internal/reference"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/metric"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

// newFullBatch returns one of a layer that is drawn from a seed.
func newFullBatch(t testing.TB, data dataset.Dataset, inputs int, l2 float64) (*nn.Linear, *train.FullBatch) {
	t.Helper()
	layer := nn.NewLinear(inputs, len(data.Classes()), random.New(3).Rand())
	f, err := train.NewFullBatch(layer, data, 1, l2)
	if err != nil {
		t.Fatal(err)
	}
	return layer, f
}

func TestFullBatchAgreesWithScikitLearn(t *testing.T) {
	var file struct {
		Pixels, Labels []reference.Array
		Fits           []struct {
			L2                      float64
			Weight, Bias, Objective reference.Array
		}
	}
	reference.Load(t, "testdata/fullbatch.json", &file)
	var labels []int
	for _, c := range tensor.Values[int64](file.Labels[0].Tensor()) {
		labels = append(labels, int(c))
	}
	data := &dataset.Images{Name: "small", ClassNames: []string{"a", "b", "c"}, Height: 3, Width: 4, Transform: transform.ToTensor{},
		Pixels: tensor.Values[uint8](file.Pixels[0].Tensor()), Labels: labels}
	for _, want := range file.Fits {
		layer, f := newFullBatch(t, data, 12, want.L2)
		layer.Bias.FillInPlace(0) // their sum stays as it is, here as there
		for range 60 {
			f.Step()
		}
		// The losses of samples are float32: what lowers their mean by less than some 1e-7 of it
		// is not seen, and no step is taken for it.
		if err := reference.Compare(tensor.Scalar(f.Objective()), want.Objective, 3e-7); err != nil {
			t.Errorf("l2 %v: objective: %v", want.L2, err)
		}
		// A minimum is flat: that much of the objective is a thousandth of the weights, and some
		// hundredths of the bias, which nothing pulls.
		if d := distance(layer.Weight.Detach(), want.Weight.Tensor()); !(d < 1e-3) {
			t.Errorf("l2 %v: the weight is off by %.1e of it", want.L2, d)
		}
		if d := distance(layer.Bias.Detach(), want.Bias.Tensor()); !(d < 2e-2) {
			t.Errorf("l2 %v: the bias is off by %.1e of it", want.L2, d)
		}
	}
}

// composed returns the objective and its gradients as the library's layers and losses
// give them in float64.
func composed(t *testing.T, layer *nn.Linear, data dataset.Dataset, l2 float64) (value, accuracy float64, weight, bias *tensor.Tensor) {
	t.Helper()
	var all loader.Batch
	for batch, err := range loader.New(data, loader.Options{BatchSize: data.Len()}).Epoch(1) {
		if err != nil {
			t.Fatal(err)
		}
		all = batch
	}
	double := &nn.Linear{Weight: layer.Weight.Detach().To(tensor.Float64), Bias: layer.Bias.Detach().To(tensor.Float64)}
	double.Weight.SetRequiresGrad(true)
	double.Bias.SetRequiresGrad(true)
	logits := double.Forward(all.Inputs.To(tensor.Float64).Flatten(1, -1))
	objective := loss.CrossEntropy{}.Forward(logits, all.Targets).Add(double.Weight.Mul(double.Weight).Sum().MulScalar(l2 / 2))
	objective.Backward()
	var m metric.Accuracy
	m.Update(logits, all.Targets)
	return objective.Item(), m.Result(), double.Weight.Grad(), double.Bias.Grad()
}

// distance is the norm of x - y as a share of y's.
func distance(x, y *tensor.Tensor) float64 {
	d := x.To(y.DType()).Sub(y)
	return math.Sqrt(d.Mul(d).Sum().Item() / y.Mul(y).Sum().Item())
}

// onlySamples hides all but a data set's samples.
type onlySamples struct{ dataset.Dataset }

// TestFullBatchObjective holds value and gradient to the composed form, for lengths about
// those of blocks and parts, for data that is multiplied as bytes, of several transforms, and
// for data that is kept as floats.
func TestFullBatchObjective(t *testing.T) {
	const l2 = 0.25
	normalize := transform.Compose{transform.ToTensor{}, transform.Normalize{Mean: []float32{0.2860}, Std: []float32{0.3530}}}
	for name, of := range map[string]transform.Transform{
		"scaled": transform.ToTensor{}, "normalized": normalize, "inverted": transform.Compose{transform.Invert{}, transform.ToTensor{}},
		"three lines": threeLines,
	} {
		for _, n := range []int{1, 15, 63, 65, 255, 256, 258, 2047, 2048, 2049, 5000} {
			data, inputs := blobs(n, 4, random.New(uint64(n))), 16
			if data.Transform = of; name == "three lines" {
				data, inputs = coloured(n, 4, random.New(uint64(n))), 48
			}
			for road, d := range map[string]dataset.Dataset{"bytes": data, "floats": onlySamples{data}} {
				layer, f := newFullBatch(t, d, inputs, l2)
				value, _, weight, bias := composed(t, layer, d, l2)
				got := f.Objective()
				if math.Abs(got-value) > 1e-7*value {
					t.Errorf("%s, %d samples as %s: objective %v, want %v", name, n, road, got, value)
				}
				if d := distance(layer.Weight.Grad(), weight); !(d < 3e-7) {
					t.Errorf("%s, %d samples as %s: gradient of the weight is off by %.1e of it", name, n, road, d)
				}
				if d := distance(layer.Bias.Grad(), bias); !(d < 3e-7) {
					t.Errorf("%s, %d samples as %s: gradient of the bias is off by %.1e of it", name, n, road, d)
				}
			}
		}
	}
}

func TestFullBatchSameBitsForAnyThreads(t *testing.T) {
	defer tensor.SetThreads(0)
	data := blobs(7000, 4, random.New(1))
	fit := func(threads int) []float32 {
		tensor.SetThreads(threads)
		layer, f := newFullBatch(t, data, 16, 0.01)
		for range 5 {
			f.Step()
		}
		return append(tensor.Values[float32](layer.Weight.Detach()), tensor.Values[float32](layer.Bias.Detach())...)
	}
	want := fit(1)
	for _, threads := range []int{2, 3, 5, 8} {
		if !slices.Equal(fit(threads), want) {
			t.Errorf("%d threads give other weights than 1", threads)
		}
	}
}

// fullBatch is setup with a FullBatch.
func fullBatch(t testing.TB) train.Config {
	t.Helper()
	c := setup(t)
	var err error
	if c.Optimizer, err = train.NewFullBatch(c.Model.Net.Layer("linear").(*nn.Linear), c.Train.(*loader.Loader).Dataset(), 1, 0.001); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFullBatchRun holds the figures of every epoch to those of its weights.
func TestFullBatchRun(t *testing.T) {
	c := fullBatch(t)
	c.Epochs = 4
	layer := c.Model.Net.Layer("linear").(*nn.Linear)
	var step train.Step
	last := math.Inf(1)
	for event, err := range train.Run(t.Context(), c) {
		if err != nil {
			t.Fatal(err)
		}
		switch e := event.(type) {
		case train.Step:
			step = e
		case train.Epoch:
			value, accuracy, _, _ := composed(t, layer, c.Train.(*loader.Loader).Dataset(), 0)
			if math.Abs(e.TrainLoss-value) > 1e-6*value || e.TrainScore != accuracy || e.LR != 1 || !(e.TrainLoss < last) {
				t.Errorf("got %+v, loss %v below %v and accuracy %v expected", e, value, last, accuracy)
			}
			if want := (train.Step{Epoch: e.Epoch, Step: 1, Steps: 1, Samples: 50, Loss: e.TrainLoss, Score: accuracy}); step != want {
				t.Errorf("got %+v, want %+v", step, want)
			}
			value, accuracy, _, _ = composed(t, layer, c.Test.(*loader.Loader).Dataset(), 0)
			if math.Abs(e.Test.Loss-value) > 1e-6*value || e.Test.Score != accuracy {
				t.Errorf("test after epoch %d: loss %v, accuracy %v, want %v, %v", e.Epoch, e.Test.Loss, e.Test.Score, value, accuracy)
			}
			last = e.TrainLoss
		}
	}
	if step.Epoch != 4 || last > 0.05 {
		t.Errorf("%d epochs, loss %v at the end", step.Epoch, last)
	}
}

// TestFullBatchContinues stops a run after each of its epochs: going on gives the bits of
// a run that was not stopped.
func TestFullBatchContinues(t *testing.T) {
	const last = 14 // more than the steps that it remembers
	whole := fullBatch(t)
	whole.Epochs, whole.Keep = last, keep(t)
	want, err := run(t.Context(), whole)
	if err != nil {
		t.Fatal(err)
	}
	stopped := keep(t)
	var got []train.Event
	for epoch := 1; epoch <= last; epoch++ {
		c := fullBatch(t)
		c.Epochs, c.Keep = epoch, stopped
		if epoch > 1 {
			if c.Start, err = train.Restore(stopped.Last, c); err != nil {
				t.Fatal(err)
			}
		}
		events, err := run(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, events...)
	}
	if g, w := fmt.Sprint(epochs(got)), fmt.Sprint(epochs(want)); g != w {
		t.Errorf("got %s, want %s", g, w)
	}
	for _, name := range []string{"model.safetensors", "last.safetensors"} {
		if g, w := content(t, filepath.Join(filepath.Dir(stopped.Last), name)), content(t, filepath.Join(filepath.Dir(whole.Keep.Last), name)); !slices.Equal(g, w) {
			t.Errorf("%s differs", name)
		}
	}

	// The state of another optimizer is refused.
	c := setup(t)
	if _, err := train.Restore(stopped.Last, c); err == nil || !strings.Contains(err.Error(), "does not belong to this optimizer") {
		t.Errorf("got %v", err)
	}
}

// TestFullBatchPutsCheckpointsOff looks at the file of the latest checkpoint after every
// epoch: it follows after a second, and when the run is stopped.
func TestFullBatchPutsCheckpointsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // no time passes but in Sleep
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		c := fullBatch(t)
		c.Epochs, c.Keep = 9, keep(t)
		last := func() int {
			progress, err := train.Restore(c.Keep.Last, fullBatch(t))
			if err != nil {
				t.Fatal(err)
			}
			return progress.Epoch
		}
		var saved []int
		var err error
		for event, e := range train.Run(ctx, c) {
			if err = e; e != nil {
				break
			}
			if e, ok := event.(train.Epoch); ok {
				saved = append(saved, last())
				switch e.Epoch {
				case 3:
					time.Sleep(time.Second)
				case 6:
					cancel()
				}
			}
		}
		if want := []int{0, 0, 0, 3, 3, 3}; !slices.Equal(saved, want) || err != context.Canceled {
			t.Errorf("saved epochs after each: %v, want %v; error %v", saved, want, err)
		}
		if epoch := last(); epoch != 6 {
			t.Errorf("saved in the end: epoch %d, want 6", epoch)
		}
	})
}

func TestFullBatchEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := run(ctx, fullBatch(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: got %v", err)
	}
	c := fullBatch(t)
	c.Model.Net.Layer("linear").(*nn.Linear).Bias.FillInPlace(math.NaN())
	_, err := run(t.Context(), c)
	if d, ok := errors.AsType[*train.DivergedError](err); !ok || d.Epoch != 1 || d.Step != 1 || d.Loss == d.Loss {
		t.Errorf("not a number: got %v", err)
	}
	for step := range train.Run(t.Context(), fullBatch(t)) {
		if _, ok := step.(train.Step); !ok {
			t.Errorf("got %+v first, want a Step", step)
		}
		break
	}
}

func TestFullBatchErrors(t *testing.T) {
	data := blobs(3, 4, random.New(1))
	layer := nn.NewLinear(16, 3, random.New(1).Rand())
	if _, err := train.NewFullBatch(layer, broken{Images: data, at: 1, err: errors.New("torn")}, 1, 0); err == nil || err.Error() != "torn" {
		t.Errorf("got %v", err)
	}
	for want, f := range map[string]func(){
		"train.NewFullBatch: l2 -1, 3 samples: at least 0 and at least 1 expected": func() { train.NewFullBatch(layer, data, 1, -1) },
		"train.NewFullBatch: l2 0, 0 samples: at least 0 and at least 1 expected": func() {
			train.NewFullBatch(layer, dataset.Subset{Dataset: data}, 1, 0)
		},
		"train.NewFullBatch: shape (3, 9): samples of 16 numbers and weight (classes, 16) expected": func() {
			train.NewFullBatch(nn.NewLinear(9, 3, random.New(1).Rand()), data, 1, 0)
		},
		"train.FullBatch: label 2 at (2): 0 to 1 expected, there are 2 classes": func() {
			f, err := train.NewFullBatch(nn.NewLinear(16, 2, random.New(1).Rand()), data, 1, 0)
			if err != nil {
				t.Fatal(err)
			}
			f.Objective()
		},
		"optim.LBFGS: learning rate -1: at least 0 expected": func() { train.NewFullBatch(layer, data, -1, 0) },
	} {
		func() {
			defer func() {
				if err, ok := recover().(error); !ok || err.Error() != want {
					t.Errorf("got  %v\nwant %s", err, want)
				}
			}()
			f()
		}()
	}
}

// Softmax regression is fitted as scikit-learn's LogisticRegression(C=1) fits it.
func ExampleFullBatch() {
	data := &dataset.Images{
		Name: "pairs", ClassNames: []string{"left", "right"},
		Height: 1, Width: 2,
		Pixels:    []byte{255, 0, 200, 10, 30, 250, 0, 190, 90, 20, 60, 220},
		Labels:    []int{0, 0, 1, 1, 0, 1},
		Transform: transform.ToTensor{},
	}
	layer := nn.NewLinear(2, 2, random.New(0).Rand())
	const c = 1
	fit, err := train.NewFullBatch(layer, data, 1, 1/(c*float64(data.Len())))
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 10 {
		fit.Step()
	}
	fmt.Printf("objective %.4f, weights of the right %.3f %.3f\n", fit.Objective(), layer.Weight.At(1, 0), layer.Weight.At(1, 1))
	// Output:
	// objective 0.4778, weights of the right -0.476 0.720
}

// BenchmarkFullBatch evaluates the objective of 60000 pictures of 28 by 28 pixels, with
// ten classes.
func BenchmarkFullBatch(b *testing.B) {
	data := blobs(60000, 28, random.New(1))
	data.ClassNames = strings.Split("0123456789", "")
	layer, f := newFullBatch(b, data, 784, 1e-5)
	for b.Loop() {
		layer.Bias.AddInPlace(tensor.Scalar(float32(1e-3))) // elsewhere each time
		f.Objective()
	}
}
