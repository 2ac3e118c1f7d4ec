package train_test

import (
	"context"
	"fmt"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/metric"
	"github.com/onehot-go/onehot/model/safetensors"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

// marks is a source of which every sample has the labels of its bands that are light, any
// number of three.
type marks struct{ n, batch int }

func (m marks) Len() int          { return (m.n + m.batch - 1) / m.batch }
func (m marks) Samples() int      { return m.n }
func (m marks) Classes() []string { return []string{"top", "middle", "bottom"} }

func (m marks) Batches(epoch, from int) iter.Seq2[loader.Batch, error] {
	return func(yield func(loader.Batch, error) bool) {
		for at := from * m.batch; at < m.n; at += m.batch {
			n := min(m.batch, m.n-at)
			b := loader.Batch{Inputs: tensor.Zeros(tensor.Float32, n, 1, 4, 4), Targets: tensor.Zeros(tensor.Float32, n, 3)}
			x, y := tensor.Data[float32](b.Inputs), tensor.Data[float32](b.Targets)
			for k := range n {
				r := random.New(7).At(epoch).At(at + k).Rand()
				b.Indices = append(b.Indices, at+k)
				for c := range 3 {
					y[3*k+c] = float32(r.IntN(2))
				}
				for p := range 16 {
					x[16*k+p] = 0.3*r.Float32() + 0.5*y[3*k+p*3/16]
				}
			}
			if !yield(b, nil) {
				return
			}
		}
	}
}

// multiLabel is a run that finds the labels of marks.
func multiLabel(t *testing.T) train.Config {
	c := setup(t)
	c.Task, c.Train, c.Test = task.MultiLabel{}, marks{50, 16}, marks{31, 10}
	return c
}

func TestMultiLabel(t *testing.T) {
	c := multiLabel(t)
	c.Epochs, c.Keep, c.Validation = 30, keep(t), true
	events, err := run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	all := epochs(events)
	first, last := all[0], all[len(all)-1]
	f := last.Test.Figures.(task.ByLabel)
	if last.Scored != task.MicroF1 || last.Test.Score != f.MicroF1 || last.Test.Loss != f.Loss || !(last.TrainLoss < first.TrainLoss/2) || !(f.MicroF1 > 0.95) {
		t.Errorf("first epoch %+v, last %+v", first, last)
	}
	// The figures are those of what the model says.
	logits, targets, err := train.Predict(c.Model.Net, c.Test)
	if err != nil {
		t.Fatal(err)
	}
	m := metric.NewMultiLabel(3, 0.5)
	m.Update(logits.Sigmoid(), targets)
	if got := m.Average(metric.Micro).F1; got != f.MicroF1 {
		t.Errorf("micro F1 %v, of the predictions %v", f.MicroF1, got)
	}
	if want := (loss.BCEWithLogits{}).Forward(logits, targets).Item(); math.Abs(f.Loss-want) > 1e-6 {
		t.Errorf("loss %v, of the predictions %v", f.Loss, want)
	}

	// What files say of it.
	file, err := safetensors.ReadFile(c.Keep.Last)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`"training":{"settings":{"lr":0.5},"task":"multi-label","epoch":30,"train_loss":%v,"train_micro_f1":%v,"val_loss":%v,"val_micro_f1":%v}`,
		last.TrainLoss, last.TrainScore, last.Test.Loss, last.Test.Score)
	if got := file.Metadata["onehot"]; !strings.Contains(got, want) {
		t.Errorf("the definition is %s, want %s in it", got, want)
	}
	if p, err := train.Restore(c.Keep.Last, multiLabel(t)); err != nil || p.Score != "micro-f1" || p.Epoch != 30 {
		t.Errorf("restored %+v (%v)", p, err)
	}
	if _, err := train.Restore(c.Keep.Last, setup(t)); err == nil || !strings.Contains(err.Error(), "found a run by micro-f1, one by accuracy expected") {
		t.Errorf("restored as another task: error %v", err)
	}
}

// hinge is a loss of the reader's own: each sample's, of which training takes the mean.
type hinge struct{}

func (hinge) Forward(outputs, targets *tensor.Tensor) *tensor.Tensor {
	right := targets.MulScalar(2).SubScalar(1) // 1 or -1
	return outputs.Mul(right).Neg().AddScalar(1).ReLU().Mean(1)
}

// byLoss is a task of the reader's own: several labels, of which the least loss is best.
type byLoss struct{ task.MultiLabel }

func init() { task.Register(byLoss{}) }

func (byLoss) Name() string      { return "by-loss" }
func (byLoss) Loss() loss.Loss   { return hinge{} }
func (byLoss) Score() task.Score { return task.Score{Name: "hinge", Short: "hinge", Lower: true} }

func (byLoss) NewRunning([]string) task.Running { return new(meanHinge) }

func (byLoss) NewMeter([]string) task.Meter { return new(meanHinge) }

// meanHinge is the mean loss, as score and as all figures.
type meanHinge struct{ metric.Mean }

func (m *meanHinge) Update(outputs, targets *tensor.Tensor) {
	m.Mean.Update(hinge{}.Forward(outputs, targets).Mean().Item(), targets.Size(0))
}

// Figures returns the mean, all that there is.
func (m *meanHinge) Figures() task.Figures { return meanFigures{m.Result()} }

type meanFigures struct {
	Hinge float64 `json:"hinge"`
}

func (f meanFigures) Summary() (loss, score float64) { return f.Hinge, f.Hinge }
func (f meanFigures) Tables() []task.Table           { return nil }

// TestOwnTask trains by a task and a loss from outside, whose score is better when it is lower.
func TestOwnTask(t *testing.T) {
	c := multiLabel(t)
	c.Task, c.Epochs, c.Keep = byLoss{}, 4, keep(t)
	events, err := run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	best := math.Inf(1)
	for _, e := range epochs(events) {
		if e.Scored.Name != "hinge" || e.Test.Score != e.Test.Loss || e.Best != (e.Test.Score < best) {
			t.Errorf("%+v after %v", e, best)
		}
		best = min(best, e.Test.Score)
		if math.Abs(e.TrainLoss-e.TrainScore) > 1e-6 {
			t.Errorf("epoch %d: loss %v, but as a score %v", e.Epoch, e.TrainLoss, e.TrainScore)
		}
	}
	if p, err := train.Restore(c.Keep.Last, c); err != nil || p.BestScore != best || p.Score != "hinge" {
		t.Errorf("saved %+v (%v), want the best score %v", p, err, best)
	}
}

// TestCriterionReductions checks that a loss is reported as its mean, and an epoch's as the
// mean of its samples, whatever the reduction and the weights.
func TestCriterionReductions(t *testing.T) {
	weights := tensor.New([]float32{1, 5, 0.5})
	for name, of := range map[string]func(r loss.Reduction) loss.Loss{
		"plain":    func(r loss.Reduction) loss.Loss { return loss.CrossEntropy{Reduction: r} },
		"weighted": func(r loss.Reduction) loss.Loss { return loss.CrossEntropy{Reduction: r, Weight: weights} },
	} {
		for _, r := range []loss.Reduction{loss.Mean, loss.Sum, loss.None} {
			c := setup(t, func(s *settings) { s.lr, s.train = 0, 19 })
			c.Criterion = of(r)
			events, err := run(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			outputs, targets, err := train.Predict(c.Model.Net, c.Train)
			if err != nil {
				t.Fatal(err)
			}
			want := of(loss.Mean).Forward(outputs, targets).Item()
			if got := epochs(events)[0].TrainLoss; math.Abs(got-want) > 1e-6 {
				t.Errorf("%s, %v: loss %v, want %v", name, r, got, want)
			}
		}
	}
}

// everyStep is a Keep.Within.
func everyStep(train.Step) (bool, error) { return true, nil }

// TestResumeWithinEpoch stops a run after each of its steps and goes on from its last
// checkpoint, within an epoch: figures and weights are those of a run that never stopped.
func TestResumeWithinEpoch(t *testing.T) {
	for name, of := range map[string]func() train.Config{
		"in one pass": func() train.Config { return setup(t, momentum) },
		"layer by layer": func() train.Config {
			return setup(t, momentum, func(s *settings) { s.hidden, s.workers = []int{5}, 2 })
		},
		"averaged": func() train.Config {
			c := setup(t, momentum, func(s *settings) { s.hidden = []int{5} })
			c.EMA, c.Mixup = train.NewEMA(c.Model, 0.9), 0.2
			return c
		},
		"several labels": func() train.Config { return multiLabel(t) },
	} {
		t.Run(name, func(t *testing.T) {
			const last = 2
			whole := of()
			whole.Epochs, whole.Keep = last, keep(t)
			whole.Keep.Within = everyStep
			want, err := run(t.Context(), whole)
			if err != nil {
				t.Fatal(err)
			}
			for _, stop := range []int{1, 3, 4, 6} { // steps that are handled, of four an epoch; the next is not
				c := of()
				c.Epochs, c.Keep = last, keep(t)
				c.Keep.Within = everyStep
				var got []train.Event
				for event, err := range train.Run(t.Context(), c) {
					if err != nil {
						t.Fatal(err)
					}
					if _, ok := event.(train.Step); ok && len(got)-len(epochs(got)) == stop {
						break
					}
					got = append(got, event)
				}
				more := of()
				more.Epochs, more.Keep = last, c.Keep
				if more.Start, err = train.Restore(c.Keep.Last, more); err != nil {
					t.Fatal(err)
				}
				rest, err := run(t.Context(), more)
				if err != nil {
					t.Fatal(err)
				}
				if more.Start.Steps != stop {
					t.Errorf("after %d steps: %+v was saved", stop, more.Start)
				}
				got = append(got, rest...)
				if g, w := timeless(got), timeless(want); !slices.Equal(g, w) {
					t.Fatalf("after %d steps: got\n%s\nwant\n%s", stop, strings.Join(g, "\n"), strings.Join(w, "\n"))
				}
				if !slices.Equal(parameters(more), parameters(whole)) {
					t.Errorf("after %d steps: other weights", stop)
				}
				for _, f := range []string{"model.safetensors", "last.safetensors"} {
					dir, wholes := filepath.Dir(c.Keep.Last), filepath.Dir(whole.Keep.Last)
					if !slices.Equal(content(t, filepath.Join(dir, f)), content(t, filepath.Join(wholes, f))) {
						t.Errorf("after %d steps: %s differs", stop, f)
					}
				}
			}
		})
	}
}

// interrupted is a source that calls end when it is read for the second time: the first is a
// look at a sample before the run.
type interrupted struct {
	loader.Source
	end   func()
	reads int
}

func (s *interrupted) Batches(epoch, from int) iter.Seq2[loader.Batch, error] {
	if s.reads++; s.reads == 2 {
		s.end()
	}
	return s.Source.Batches(epoch, from)
}

// TestInterruptedWhileMeasured ends a run while it is measured, and one within an epoch. The
// steps that were made are not lost, and the run goes on to the same bits.
func TestInterruptedWhileMeasured(t *testing.T) {
	of := func() train.Config {
		c := setup(t, momentum, func(s *settings) { s.hidden = []int{5} })
		c.Epochs, c.Keep = 2, keep(t)
		return c
	}
	whole := of()
	want, err := run(t.Context(), whole)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		stop  func(c *train.Config, end func()) func(train.Event)
		steps int // that are saved of the first epoch
	}{
		"measured": {func(c *train.Config, end func()) func(train.Event) {
			c.Test = &interrupted{Source: c.Test, end: end}
			return func(train.Event) {}
		}, 4},
		"within an epoch": {func(c *train.Config, end func()) func(train.Event) {
			c.Keep.Within = func(train.Step) (bool, error) { return false, nil }
			return func(e train.Event) {
				if s, ok := e.(train.Step); ok && s.Step == 3 {
					end()
				}
			}
		}, 3},
	} {
		c := of()
		ctx, end := context.WithCancel(t.Context())
		handle := test.stop(&c, end)
		var got []train.Event
		var last error
		for event, err := range train.Run(ctx, c) {
			if last = err; err == nil {
				handle(event)
				got = append(got, event)
			}
		}
		end()
		if last != context.Canceled {
			t.Fatalf("%s: %v", name, last)
		}
		more := of()
		more.Keep = c.Keep
		if more.Start, err = train.Restore(c.Keep.Last, more); err != nil {
			t.Fatal(err)
		}
		if p := more.Start; p.Epoch != 0 || p.Part == nil || p.Part.Steps != test.steps {
			t.Errorf("%s: saved is %+v", name, p)
		}
		more.Keep.Within = nil
		rest, err := run(t.Context(), more)
		if err != nil {
			t.Fatal(err)
		}
		if g, w := timeless(append(got, rest...)), timeless(want); !slices.Equal(g, w) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(g, "\n"), strings.Join(w, "\n"))
		}
		sameFiles(t, more.Keep, whole.Keep)
	}
}

// timeless returns events as text, without the time that they took.
func timeless(events []train.Event) (all []string) {
	for _, e := range events {
		if e, ok := e.(train.Epoch); ok {
			all = append(all, fmt.Sprint(epochs([]train.Event{e})))
			continue
		}
		all = append(all, fmt.Sprint(e))
	}
	return all
}

// TestRestorePartErrors checks that the sums of an epoch are looked at.
func TestRestorePartErrors(t *testing.T) {
	c := setup(t)
	c.Keep = keep(t)
	c.Keep.Within = everyStep
	for range train.Run(t.Context(), c) {
	}
	f, err := safetensors.ReadFile(c.Keep.Last)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`{"epoch":0,"best_epoch":0,"best_accuracy":0,"part":{"steps":0,"samples":0,"loss":{},"score":{}}}`:          "the sums of a part of an epoch expected",
		`{"epoch":0,"best_epoch":0,"best_accuracy":0,"part":{"steps":1,"samples":1,"score":{}}}`:                    "the sums of a part of an epoch expected",
		`{"epoch":0,"best_epoch":0,"best_accuracy":0,"part":{"steps":1,"samples":1,"loss":{}}}`:                     "the sums of a part of an epoch expected",
		`{"epoch":0,"best_epoch":0,"best_accuracy":0,"part":{"steps":1,"samples":1,"loss":{},"score":{"total":1}}}`: "",
	} {
		delete(f.Metadata, "onehot.run")
		delete(f.Metadata, "onehot.sha256")
		f.Metadata["onehot.progress"] = text
		path := filepath.Join(t.TempDir(), "last.safetensors")
		var b strings.Builder
		if err := f.Write(&b); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := train.Restore(path, setup(t))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}
