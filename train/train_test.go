package train_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/safetensors"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

// blobs returns n grey pictures of size by size pixels. Those of class c are light in
// one of three bands and dark elsewhere, up to noise: a line tells the classes apart.
func blobs(n, size int, key random.Key) *dataset.Images {
	m := &dataset.Images{Name: "blobs", ClassNames: []string{"top", "middle", "bottom"}, Height: size, Width: size, Transform: transform.ToTensor{}}
	r := key.Rand()
	for i := range n {
		m.Labels = append(m.Labels, i%3)
		for p := range size * size {
			value := r.IntN(100)
			if p*3/(size*size) == i%3 {
				value += 150
			}
			m.Pixels = append(m.Pixels, uint8(value))
		}
	}
	return m
}

type settings struct {
	train, test, batch, workers int
	hidden                      []int // nil for softmax regression
	lr, momentum, decay         float64
}

// setup returns a run of one epoch on blobs of 4 by 4 pixels, with weights, data and
// order that depend on nothing.
func setup(t testing.TB, options ...func(*settings)) train.Config {
	t.Helper()
	s := settings{train: 50, test: 31, batch: 16, lr: 0.5}
	for _, o := range options {
		o(&s)
	}
	training, test := blobs(s.train, 4, random.New(1)), blobs(s.test, 4, random.New(2))
	return config(t, s, training, test)
}

func config(t testing.TB, s settings, training, test dataset.Dataset) train.Config {
	t.Helper()
	shape, pictures := []int{1, 4, 4}, transform.Compose{transform.ToTensor{}}
	if m, ok := training.(*dataset.Images); ok {
		shape = m.Shape()
		var err error
		if pictures, err = transform.Deterministic(m.Transform); err != nil {
			t.Fatal(err)
		}
	}
	d := model.Softmax(shape, training.Classes())
	if s.hidden != nil {
		d = model.MLP(shape, s.hidden, training.Classes())
	}
	d.Preprocess = slices.Concat(d.Preprocess[:2], pictures)
	d.Data = "blobs"
	m, err := model.New(d, random.New(4))
	if err != nil {
		t.Fatal(err)
	}
	return train.Config{
		Model:     m,
		Optimizer: optim.NewSGD(nn.ParameterList(m.Net), s.lr, optim.SGDOptions{Momentum: s.momentum, WeightDecay: s.decay}),
		Train:     loader.New(training, loader.Options{BatchSize: s.batch, Shuffle: true, Seed: 5, Workers: s.workers}),
		Test:      loader.New(test, loader.Options{BatchSize: 10, Workers: s.workers}),
		Epochs:    1,
		Settings:  map[string]any{"lr": s.lr},
	}
}

// run trains to the end and returns the events; the error is nil or the run's.
func run(ctx context.Context, c train.Config) (events []train.Event, err error) {
	for e, err := range train.Run(ctx, c) {
		if err != nil {
			return events, err
		}
		events = append(events, e)
	}
	return events, nil
}

// epochs returns the epochs among events, without the time they took.
func epochs(events []train.Event) []train.Epoch {
	var out []train.Epoch
	for _, e := range events {
		if e, ok := e.(train.Epoch); ok {
			e.Seconds, e.EvalSeconds = 0, 0
			out = append(out, e)
		}
	}
	return out
}

// byClass returns all figures of an evaluation.
func byClass(e train.Evaluation) task.ByClass { return e.Figures.(task.ByClass) }

func content(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// keep returns files in a new folder for c to keep its checkpoints in.
func keep(t *testing.T) train.Keep {
	dir := t.TempDir()
	return train.Keep{Best: filepath.Join(dir, "model.safetensors"), Last: filepath.Join(dir, "last.safetensors")}
}

func TestLearns(t *testing.T) {
	for name, hidden := range map[string][]int{"softmax": nil, "mlp": {12}} {
		t.Run(name, func(t *testing.T) {
			c := setup(t, func(s *settings) { s.hidden = hidden })
			c.Epochs = 10
			events, err := run(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			all := epochs(events)
			if len(all) != 10 {
				t.Fatalf("%d epochs", len(all))
			}
			for i, e := range all[1:] {
				if e.TrainLoss >= all[i].TrainLoss {
					t.Errorf("epoch %d: loss %v after %v", e.Epoch, e.TrainLoss, all[i].TrainLoss)
				}
			}
			if last := all[9]; last.TrainScore != 1 || last.Test.Score != 1 || last.TrainLoss > all[0].TrainLoss/3 {
				t.Errorf("last epoch: %+v, want all samples right and a loss far below %v", last, all[0].TrainLoss)
			}
		})
	}
}

// plain is softmax regression written out in float64: what Run is checked against.
type plain struct {
	weight [3][16]float64
	bias   [3]float64
}

func newPlain(net *nn.Sequential) *plain {
	var p plain
	linear := net.Layer("linear").(*nn.Linear)
	for c := range 3 {
		p.bias[c] = linear.Bias.At(c)
		for j := range 16 {
			p.weight[c][j] = linear.Weight.At(c, j)
		}
	}
	return &p
}

// probabilities returns what p thinks of a picture, and the class it takes it for.
func (p *plain) probabilities(x []float64) (out [3]float64, class int) {
	sum := 0.0
	for c := range 3 {
		z := p.bias[c]
		for j, v := range x {
			z += p.weight[c][j] * v
		}
		out[c] = math.Exp(z)
		sum += out[c]
	}
	for c := range 3 {
		out[c] /= sum
		if out[c] > out[class] {
			class = c
		}
	}
	return out, class
}

// picture returns the pixels and the label of a sample.
func picture(m *dataset.Images, i int) ([]float64, int) {
	x := make([]float64, 16)
	for j := range x {
		x[j] = float64(m.Pixels[16*i+j]) / 255
	}
	return x, m.Labels[i]
}

// TestFigures compares every figure of a run with a plain recomputation over samples.
func TestFigures(t *testing.T) {
	const lr, tolerance = 0.2, 1e-6
	near := func(a, b float64) bool { return math.Abs(a-b) <= tolerance }
	// 19 samples in batches of 16: a mean of batch means would give the last 3 as much
	// weight as the others.
	c := setup(t, func(s *settings) { s.train, s.lr = 19, lr })
	c.Epochs = 3
	training, test := c.Train.(*loader.Loader).Dataset().(*dataset.Images), c.Test.(*loader.Loader).Dataset().(*dataset.Images)
	p := newPlain(c.Model.Net)
	events, err := run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	for epoch := 1; epoch <= 3; epoch++ {
		loss, right, samples, step, batchMeans := 0.0, 0, 0, 0, 0.0
		for batch, err := range c.Train.Batches(epoch, 0) {
			if err != nil {
				t.Fatal(err)
			}
			grad, before := plain{}, loss
			for _, i := range batch.Indices {
				x, label := picture(training, i)
				q, class := p.probabilities(x)
				loss -= math.Log(q[label])
				if class == label {
					right++
				}
				q[label]--
				for c := range 3 {
					grad.bias[c] += q[c]
					for j, v := range x {
						grad.weight[c][j] += q[c] * v
					}
				}
			}
			n := len(batch.Indices)
			for c := range 3 {
				p.bias[c] -= lr / float64(n) * grad.bias[c]
				for j := range 16 {
					p.weight[c][j] -= lr / float64(n) * grad.weight[c][j]
				}
			}
			samples += n
			step++
			batchMeans += (loss - before) / float64(n) / 2

			got, ok := events[0].(train.Step)
			events = events[1:]
			if !ok || got.Epoch != epoch || got.Step != step || got.Steps != 2 || got.Samples != samples {
				t.Fatalf("epoch %d, step %d: got %+v", epoch, step, got)
			}
			if want := loss / float64(samples); !near(got.Loss, want) || got.Score != float64(right)/float64(samples) {
				t.Errorf("%+v: loss %v and %d of %d right expected", got, want, right, samples)
			}
		}
		got, ok := events[0].(train.Epoch)
		events = events[1:]
		want := loss / 19
		if !ok || got.Epoch != epoch || !near(got.TrainLoss, want) || got.TrainScore != float64(right)/19 || got.LR != lr {
			t.Errorf("epoch %d: got %+v, loss %v and %d of 19 right expected", epoch, got, want, right)
		}
		if near(batchMeans, want) {
			t.Errorf("epoch %d: the mean of batch means is %v, too near the mean %v to tell them apart", epoch, batchMeans, want)
		}

		loss, right = 0, 0
		counts := [][]int{make([]int, 3), make([]int, 3), make([]int, 3)}
		for i := range test.Len() {
			x, label := picture(test, i)
			q, class := p.probabilities(x)
			loss -= math.Log(q[label])
			counts[label][class]++
			if class == label {
				right++
			}
		}
		if want := loss / 31; !near(got.Test.Loss, want) || got.Test.Score != float64(right)/31 || !reflect.DeepEqual(byClass(got.Test).Confusion, counts) {
			t.Errorf("test after epoch %d: got %+v, loss %v and counts %v expected", epoch, got.Test, want, counts)
		}
		for c, r := range byClass(got.Test).Classes {
			support := counts[c][0] + counts[c][1] + counts[c][2]
			predicted := max(1, counts[0][c]+counts[1][c]+counts[2][c])
			if r.Support != support || r.Recall != float64(counts[c][c])/float64(support) || r.Precision != float64(counts[c][c])/float64(predicted) {
				t.Errorf("test after epoch %d, class %d: got %+v, want them from %v", epoch, c, r, counts)
			}
		}
	}
	if len(events) != 0 {
		t.Errorf("events after the end: %v", events)
	}

	// Evaluate by itself gives the figures of the last epoch, and leaves no trace.
	c = setup(t)
	before := tensor.Values[float32](c.Model.Net.Layer("linear").(*nn.Linear).Weight)
	first, err := train.Evaluate(c.Model.Net, c.Test, nil)
	if err != nil {
		t.Fatal(err)
	}
	weight := c.Model.Net.Layer("linear").(*nn.Linear).Weight
	if weight.Grad() != nil || !slices.Equal(tensor.Values[float32](weight), before) {
		t.Error("Evaluate changed the model")
	}
	if _, err := train.Evaluate(unrecorded{t, c.Model.Net}, c.Test, nil); err != nil {
		t.Fatal(err)
	}
	c.Test = loader.New(c.Test.(*loader.Loader).Dataset(), loader.Options{BatchSize: 31, Workers: 2})
	if again, err := train.Evaluate(c.Model.Net, c.Test, nil); err != nil || !near(again.Loss, first.Loss) || !reflect.DeepEqual(byClass(again).Confusion, byClass(first).Confusion) {
		t.Errorf("Evaluate in other batches: got %+v (%v), want %+v", again, err, first)
	}
}

// unrecorded is a net whose outputs must not be recorded for gradients.
type unrecorded struct {
	t *testing.T
	nn.Module
}

func (u unrecorded) Forward(x *tensor.Tensor) *tensor.Tensor {
	y := u.Module.Forward(x)
	if y.RequiresGrad() {
		u.t.Error("Evaluate records gradients")
	}
	return y
}

// TestSeconds checks what is timed, on the fake clock of a synctest bubble.
func TestSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := setup(t)
		c.Train.(*loader.Loader).Dataset().(*dataset.Images).Transform = takes(time.Second)
		c.Test.(*loader.Loader).Dataset().(*dataset.Images).Transform = takes(time.Minute)
		for _, c.Epochs = range []int{2, 0} {
			events, err := run(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			for _, event := range events {
				e, ok := event.(train.Epoch)
				if want := float64(50 * min(e.Epoch, 1)); ok && (e.Seconds != want || e.EvalSeconds != 31*60) {
					t.Errorf("epoch %d took %v and %v seconds, want %v and 1860", e.Epoch, e.Seconds, e.EvalSeconds, want)
				}
			}
		}
	})
}

// TestBest checks which epochs are the best so far.
func TestBest(t *testing.T) {
	c := setup(t, func(s *settings) { s.lr = 0 })
	c.Epochs = 3
	c.Keep = keep(t)
	events, err := run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range epochs(events) {
		if e.Best != (e.Epoch == 1) { // of equals the first
			t.Errorf("without learning: epoch %d is the best: %t", e.Epoch, e.Best)
		}
	}

	// The first epoch is the best so far even where nothing is right.
	c = setup(t, func(s *settings) { s.lr, s.test = 0, 1 })
	e, err := train.Evaluate(c.Model.Net, c.Test, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Test.(*loader.Loader).Dataset().(*dataset.Images).TargetTransform = func(int) int { return (slices.Index(byClass(e).Confusion[0], 1) + 1) % 3 }
	if events, err = run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if first := epochs(events)[0]; first.Test.Score != 0 || !first.Best {
		t.Errorf("an epoch with accuracy %v is the best: %t, want 0 and true", first.Test.Score, first.Best)
	}

	c = setup(t, func(s *settings) { s.lr = 0.02 })
	c.Epochs = 12
	c.Keep = keep(t)
	best, worse := 0.0, 0
	for event, err := range train.Run(t.Context(), c) {
		if err != nil {
			t.Fatal(err)
		}
		e, ok := event.(train.Epoch)
		if !ok {
			continue
		}
		if e.Best != (e.Test.Score > best) {
			t.Errorf("epoch %d with accuracy %v after %v is the best: %t", e.Epoch, e.Test.Score, best, e.Best)
		}
		if !e.Best {
			worse++
		}
		best = max(best, e.Test.Score)
	}
	if worse == 0 || worse == 11 {
		t.Fatalf("%d of 12 epochs were no better than one before: the test needs some that are and some that are not", worse)
	}
	m, err := model.Load(c.Keep.Best)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := train.Evaluate(m.Net, c.Test, nil); err != nil || got.Score != best {
		t.Errorf("the best model has accuracy %v (%v), want %v", got.Score, err, best)
	}
}

// progress returns how far the checkpoint in a file had come.
func progress(t *testing.T, path string) train.Progress {
	t.Helper()
	c := setup(t)
	p, err := train.Restore(path, c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestOrderOfEvents checks that a checkpoint is there when training starts, and that an
// epoch's is written after its event.
func TestOrderOfEvents(t *testing.T) {
	c := setup(t)
	c.Epochs = 2
	c.Keep = keep(t)
	var got []string
	for event, err := range train.Run(t.Context(), c) {
		if err != nil {
			t.Fatal(err)
		}
		saved := progress(t, c.Keep.Last).Epoch
		switch e := event.(type) {
		case train.Step:
			got = append(got, fmt.Sprintf("epoch %d, step %d of %d, %d samples; %d saved", e.Epoch, e.Step, e.Steps, e.Samples, saved))
		case train.Epoch:
			got = append(got, fmt.Sprintf("epoch %d; %d saved", e.Epoch, saved))
		}
	}
	want := []string{
		"epoch 1, step 1 of 4, 16 samples; 0 saved", "epoch 1, step 2 of 4, 32 samples; 0 saved",
		"epoch 1, step 3 of 4, 48 samples; 0 saved", "epoch 1, step 4 of 4, 50 samples; 0 saved", "epoch 1; 0 saved",
		"epoch 2, step 1 of 4, 16 samples; 1 saved", "epoch 2, step 2 of 4, 32 samples; 1 saved",
		"epoch 2, step 3 of 4, 48 samples; 1 saved", "epoch 2, step 4 of 4, 50 samples; 1 saved", "epoch 2; 1 saved",
	}
	if !slices.Equal(got, want) {
		t.Errorf("events\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if p := progress(t, c.Keep.Last); p.Epoch != 2 {
		t.Errorf("at the end: %+v saved", p)
	}
}

// TestUnmeasured checks that a run without test data trains the same weights, says of every epoch that
// it was not measured, and keeps the latest model as the best; also in two parts, and without training.
func TestUnmeasured(t *testing.T) {
	measured := setup(t)
	measured.Keep = keep(t)
	want, err := run(t.Context(), measured)
	if err != nil {
		t.Fatal(err)
	}
	c := setup(t)
	c.Test, c.Keep = nil, keep(t)
	events, err := run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range epochs(events) {
		w := epochs(want)[i]
		w.Test, w.Unmeasured, w.Best = train.Evaluation{}, true, true
		if !reflect.DeepEqual(e, w) {
			t.Errorf("got %+v, want %+v", e, w)
		}
	}
	if got := progress(t, c.Keep.Last); got.BestEpoch != c.Epochs || got.BestScore != 0 {
		t.Errorf("saved %+v", got)
	}
	weights := func(path string) []float32 {
		t.Helper()
		m, err := model.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		return tensor.Values[float32](m.Net.Layer("linear").(*nn.Linear).Weight)
	}
	for _, path := range []string{c.Keep.Last, c.Keep.Best} {
		if !slices.Equal(weights(path), weights(measured.Keep.Last)) {
			t.Errorf("%s has other weights than the last epoch of a run that is measured", path)
		}
	}
	if f, err := safetensors.ReadFile(c.Keep.Best); err != nil || strings.Contains(fmt.Sprint(f.Metadata), "test_") {
		t.Errorf("%v, the model has test figures: %v", err, f.Metadata)
	}

	begun := setup(t)
	begun.Test, begun.Keep, begun.Epochs = nil, keep(t), 1
	if _, err := run(t.Context(), begun); err != nil {
		t.Fatal(err)
	}
	next := setup(t)
	next.Test, next.Keep = nil, begun.Keep
	if next.Start, err = train.Restore(begun.Keep.Last, next); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	sameFiles(t, next.Keep, c.Keep)

	c = setup(t)
	c.Test, c.Epochs = nil, 0
	if events, err = run(t.Context(), c); err != nil || !reflect.DeepEqual(epochs(events), []train.Epoch{{Scored: task.Accuracy, Unmeasured: true, LR: 0.5, Best: true}}) {
		t.Errorf("without an epoch: %+v, %v", events, err)
	}
	c = setup(t)
	c.Test, c.Epochs, c.Budget = nil, 2, &train.Budget{Time: time.Hour}
	if events, err = run(t.Context(), c); err != nil || len(epochs(events)) != 2 {
		t.Errorf("within an hour: %+v, %v", events, err)
	}
}

// TestNoEpochs checks that a model is measured and saved without training.
func TestNoEpochs(t *testing.T) {
	c := setup(t)
	c.Epochs = 0
	c.Keep = keep(t)
	before := tensor.Values[float32](c.Model.Net.Layer("linear").(*nn.Linear).Weight)
	want, err := train.Evaluate(c.Model.Net, c.Test, nil)
	if err != nil {
		t.Fatal(err)
	}
	events, err := run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if got := epochs(events); len(events) != 1 || !reflect.DeepEqual(got, []train.Epoch{{Scored: task.Accuracy, Test: want, LR: 0.5, Best: true}}) {
		t.Errorf("events %+v", events)
	}
	for _, path := range []string{c.Keep.Best, c.Keep.Last} {
		m, err := model.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(tensor.Values[float32](m.Net.Layer("linear").(*nn.Linear).Weight), before) {
			t.Errorf("%s has other weights", path)
		}
	}
	if got := progress(t, c.Keep.Last); got != (train.Progress{BestScore: want.Score}) {
		t.Errorf("saved %+v", got)
	}

	// Training may follow, as if it had been meant from the start.
	c = setup(t)
	c.Keep = keep(t)
	if _, err := run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	straight := c.Keep
	c = setup(t)
	c.Epochs = 0
	c.Keep = keep(t)
	if _, err := run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	next := setup(t)
	next.Keep = c.Keep
	if next.Start, err = train.Restore(c.Keep.Last, next); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	sameFiles(t, next.Keep, straight)

	// A listener that has seen enough leaves the start alone saved.
	c = setup(t)
	c.Epochs = 0
	c.Keep = keep(t)
	for range train.Run(t.Context(), c) {
		break
	}
	if _, err := os.Stat(c.Keep.Last); err != nil {
		t.Errorf("after a break: %v", err)
	}
	if _, err := os.Stat(c.Keep.Best); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after a break: %v", err)
	}
}

func sameFiles(t *testing.T, got, want train.Keep) {
	t.Helper()
	if !slices.Equal(content(t, got.Last), content(t, want.Last)) {
		t.Error("last.safetensors has other bytes")
	}
	if !slices.Equal(content(t, got.Best), content(t, want.Best)) {
		t.Error("model.safetensors has other bytes")
	}
}

// TestRecord checks what the files say about their training.
func TestRecord(t *testing.T) {
	c := setup(t, func(s *settings) { s.lr = 0.05 })
	c.Epochs = 12
	c.Keep = keep(t)
	events, err := run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	all := epochs(events)
	best := all[0]
	for _, e := range all {
		if e.Best {
			best = e
		}
	}
	if best.Epoch == 12 {
		t.Fatal("the last epoch is the best: the two files do not differ")
	}
	for path, e := range map[string]train.Epoch{c.Keep.Best: best, c.Keep.Last: all[11]} {
		f, err := safetensors.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf(`"training":{"settings":{"lr":0.05},"epoch":%d,"train_loss":%v,"train_acc":%v,"test_loss":%v,"test_acc":%v}`,
			e.Epoch, e.TrainLoss, e.TrainScore, e.Test.Loss, e.Test.Score)
		if !strings.Contains(f.Metadata["onehot"], want) {
			t.Errorf("%s has the definition %s, want %s in it", path, f.Metadata["onehot"], want)
		}
	}
	if got, want := progress(t, c.Keep.Last), (train.Progress{Epoch: 12, BestEpoch: best.Epoch, BestScore: best.Test.Score, Steps: 48}); got != want {
		t.Errorf("saved %+v, want %+v", got, want)
	}
}

// TestResume stops a run at every point where one can be stopped, continues from its
// last checkpoint, and expects the files and figures of a run that never stopped.
func TestResume(t *testing.T) {
	const all = 6
	options := []func(*settings){func(s *settings) {
		s.hidden, s.lr, s.momentum, s.decay = []int{8}, 0.1, 0.9, 0.01
	}}
	begin := func(workers int) train.Config {
		c := setup(t, append(options, func(s *settings) { s.workers = workers })...)
		c.Epochs = all
		return c
	}
	whole := begin(0)
	whole.Keep = keep(t)
	events, err := run(t.Context(), whole)
	if err != nil {
		t.Fatal(err)
	}
	want := epochs(events)
	if p, best := want[0].Best, want[all-1].Best; !p || best {
		t.Fatal("the last epoch is the best: the test would not notice a lost record of the best")
	}
	// step reports whether e is the given step of the given epoch.
	step := func(e train.Event, epoch, number int) bool {
		s, ok := e.(train.Step)
		return ok && s.Epoch == epoch && s.Step == number
	}
	// Each way of stopping trains c until done epochs are saved.
	for name, stop := range map[string]func(t *testing.T, c train.Config, done int){
		"fewer epochs": func(t *testing.T, c train.Config, done int) {
			if c.Epochs = done; done == 0 {
				t.Skip("no epochs measures only")
			}
			if _, err := run(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		},
		"break at a step": func(t *testing.T, c train.Config, done int) {
			for e, err := range train.Run(t.Context(), c) {
				if err != nil {
					t.Fatal(err)
				}
				if step(e, done+1, 3) {
					break
				}
			}
		},
		"break at the end of an epoch": func(t *testing.T, c train.Config, done int) {
			for e, err := range train.Run(t.Context(), c) {
				if err != nil {
					t.Fatal(err)
				}
				if e, ok := e.(train.Epoch); ok && e.Epoch == done+1 {
					break
				}
			}
		},
		"context": func(t *testing.T, c train.Config, done int) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var last error
			for e, err := range train.Run(ctx, c) {
				if last != nil {
					t.Fatal("events after an error")
				}
				if last = err; err == nil && step(e, done+1, 2) {
					cancel()
				}
			}
			if last != context.Canceled {
				t.Fatalf("error %v, want the context's", last)
			}
		},
	} {
		for done := range all {
			t.Run(fmt.Sprintf("%s, %d epochs saved", name, done), func(t *testing.T) {
				c := begin(2)
				c.Keep = keep(t)
				stop(t, c, done)
				next := begin(3)
				next.Keep = c.Keep
				if next.Start, err = train.Restore(c.Keep.Last, next); err != nil {
					t.Fatal(err)
				}
				if next.Start.Epoch != done {
					t.Fatalf("%d epochs saved, want %d", next.Start.Epoch, done)
				}
				events, err := run(t.Context(), next)
				if err != nil {
					t.Fatal(err)
				}
				if got := epochs(events); !reflect.DeepEqual(got, want[done:]) {
					t.Errorf("epochs %+v, want %+v", got, want[done:])
				}
				sameFiles(t, next.Keep, whole.Keep)
			})
		}
	}

	t.Run("stopped in every epoch", func(t *testing.T) {
		k := keep(t)
		start := train.Progress{}
		for done := range all {
			c := begin(0)
			c.Keep = k
			if done > 0 {
				if start, err = train.Restore(k.Last, c); err != nil {
					t.Fatal(err)
				}
			}
			c.Start = start
			for e, err := range train.Run(t.Context(), c) {
				if err != nil {
					t.Fatal(err)
				}
				if step(e, done+2, 1) { // the epoch after the one that is to be saved
					break
				}
			}
		}
		sameFiles(t, k, whole.Keep)
	})

	// A run that is finished has nothing to do.
	c := begin(0)
	if c.Start, err = train.Restore(whole.Keep.Last, c); err != nil {
		t.Fatal(err)
	}
	if events, err := run(t.Context(), c); err != nil || len(events) != 0 {
		t.Errorf("after the end: events %v, error %v", events, err)
	}
}

// TestThreads checks that the files have the same bytes for any number of threads. The
// tensors are large enough for the work to be split eight ways.
func TestThreads(t *testing.T) {
	t.Cleanup(func() { tensor.SetThreads(0) })
	s := settings{batch: 512, hidden: []int{256}, lr: 0.1, momentum: 0.9, decay: 0.001, workers: 2}
	training, test := blobs(550, 12, random.New(1)), blobs(40, 12, random.New(2))
	var want train.Keep
	for _, threads := range []int{1, 2, 3, 5, 8} {
		tensor.SetThreads(threads)
		c := config(t, s, training, test)
		c.Keep = keep(t)
		if _, err := run(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if threads == 1 {
			want = c.Keep
			continue
		}
		t.Run(fmt.Sprintf("%d threads", threads), func(t *testing.T) { sameFiles(t, c.Keep, want) })
	}
}

func TestDivergedError(t *testing.T) {
	for want, err := range map[string]*train.DivergedError{
		"training diverged: the loss became NaN in epoch 2, step 7":         {Epoch: 2, Step: 7, Loss: math.NaN()},
		"training diverged: the loss became 2.5e+06 in epoch 1, step 1":     {Epoch: 1, Step: 1, Loss: 2.5e6},
		"training diverged: the loss became +Inf in the test after epoch 3": {Epoch: 3, Loss: math.Inf(1)},
		"training diverged: the loss became NaN in the test after epoch 0":  {Loss: math.NaN()},
	} {
		if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}

// TestDiverges raises the learning rate beyond all bounds after two good epochs.
func TestDiverges(t *testing.T) {
	for name, test := range map[string]struct {
		batch int
		lr    float64
		want  string
	}{
		"not a number":   {16, math.MaxFloat64, "training diverged: the loss became NaN in epoch 3, step 2"},
		"in the test":    {50, math.MaxFloat64, "training diverged: the loss became NaN in the test after epoch 3"},
		"a large number": {16, 1e12, "training diverged: the loss became %g in epoch 3, step 2"},
	} {
		t.Run(name, func(t *testing.T) {
			c := setup(t, func(s *settings) { s.batch = test.batch })
			c.Epochs = 5
			c.Keep = keep(t)
			var events []train.Event
			var last error
			for e, err := range train.Run(t.Context(), c) {
				if last != nil {
					t.Fatal("events after an error")
				}
				if last = err; err != nil {
					continue
				}
				events = append(events, e)
				if e, ok := e.(train.Epoch); ok && e.Epoch == 2 {
					c.Optimizer.SetLR(test.lr)
				}
			}
			diverged, ok := last.(*train.DivergedError)
			if !ok {
				t.Fatalf("error %v", last)
			}
			if strings.Contains(test.want, "%g") {
				if math.IsInf(diverged.Loss, 0) || diverged.Loss < 1e6 {
					t.Errorf("the loss is %v, a large number expected", diverged.Loss)
				}
				test.want = fmt.Sprintf(test.want, diverged.Loss)
			}
			if last.Error() != test.want {
				t.Errorf("error %q, want %q", last, test.want)
			}
			if all := epochs(events); len(all) != 2 {
				t.Errorf("epochs %+v, want two", all)
			}

			// The checkpoints are those of a run that ended after two epochs.
			short := setup(t, func(s *settings) { s.batch = test.batch })
			short.Epochs = 2
			short.Keep = keep(t)
			if _, err := run(t.Context(), short); err != nil {
				t.Fatal(err)
			}
			sameFiles(t, c.Keep, short.Keep)
			if p := progress(t, c.Keep.Last); p.Epoch != 2 {
				t.Errorf("%+v saved", p)
			}
		})
	}

	t.Run("untrained", func(t *testing.T) {
		c := setup(t)
		c.Epochs = 0
		c.Keep = keep(t)
		c.Model.Net.Layer("linear").(*nn.Linear).Weight.FillInPlace(math.NaN())
		events, err := run(t.Context(), c)
		if want := "training diverged: the loss became NaN in the test after epoch 0"; err == nil || err.Error() != want || len(events) != 0 {
			t.Errorf("error %v, events %v, want %s", err, events, want)
		}
		if _, err := os.Stat(c.Keep.Best); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("it was saved: %v", err)
		}
	})
}

// broken is blobs of which one sample cannot be read.
type broken struct {
	*dataset.Images
	at  int
	err error
}

// Batch hides the fast road, which knows no errors.
func (broken) Batch() (dataset.Fill, []int) { return nil, nil }

func (b broken) Sample(i int, chance random.Key) (dataset.Sample, error) {
	if i == b.at {
		return dataset.Sample{}, b.err
	}
	return b.Images.Sample(i, chance)
}

func TestDatasetErrors(t *testing.T) {
	wrong := fault.Format("blobs.idx", "label 17", "255", "at most 2")
	for _, workers := range []int{0, 2} {
		s := settings{batch: 16, lr: 0.5, workers: workers}
		whole, torn := blobs(50, 4, random.New(1)), broken{blobs(50, 4, random.New(1)), 17, wrong}
		for name, test := range map[string]struct {
			training, test dataset.Dataset
			epochs, steps  int
		}{
			"training":  {torn, whole, 1, -1},
			"test":      {whole, torn, 1, 4},
			"untrained": {whole, torn, 0, 0},
		} {
			t.Run(fmt.Sprintf("%s, %d workers", name, workers), func(t *testing.T) {
				c := config(t, s, test.training, test.test)
				c.Epochs = test.epochs
				events, err := run(t.Context(), c)
				if err != error(wrong) {
					t.Errorf("error %v, want the data set's", err)
				}
				if len(epochs(events)) > 0 || test.steps >= 0 && len(events) != test.steps {
					t.Errorf("events %v, want %d steps", events, test.steps)
				}
			})
		}
		c := config(t, s, whole, torn)
		if got, err := train.Evaluate(c.Model.Net, c.Test, nil); err != error(wrong) || !reflect.DeepEqual(got, train.Evaluation{}) {
			t.Errorf("Evaluate, %d workers: %v, %v, want the data set's error alone", workers, got, err)
		}
	}
}

func TestDoneContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	c := setup(t)
	c.Keep = keep(t)
	if events, err := run(ctx, c); err != context.Canceled || len(events) != 0 {
		t.Errorf("events %v, error %v, want the context's alone", events, err)
	}
	if p := progress(t, c.Keep.Last); p != (train.Progress{}) {
		t.Errorf("saved %+v, want the start", p)
	}
}
