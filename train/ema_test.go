package train_test

import (
	"bytes"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

// normed returns a model with batch norm for pictures of 4 by 4 pixels.
func normed(t *testing.T) *model.Model {
	t.Helper()
	d := model.Softmax([]int{1, 4, 4}, []string{"a", "b"})
	d.Layers = append([]nn.Spec{{Name: "bn", Options: nn.BatchNorm2dOptions{In: 1}}}, d.Layers...)
	m, err := model.New(d, random.New(1))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestEMA follows weights that are set by hand.
func TestEMA(t *testing.T) {
	m := normed(t)
	bias := m.Net.Layer("linear").(*nn.Linear).Bias
	norm := m.Net.Layer("bn").(*nn.BatchNorm2d)
	bias.NoGrad().FillInPlace(1)
	e := train.NewEMA(m, 0.5)
	average := e.Model.Net.Layer("linear").(*nn.Linear).Bias
	averageNorm := e.Model.Net.Layer("bn").(*nn.BatchNorm2d)
	if averageNorm.Training() {
		t.Error("the average is in training")
	}
	want, wantMean := 1.0, 0.0
	for n := 1; n <= 20; n++ {
		bias.NoGrad().FillInPlace(float64(n))
		norm.RunningMean.FillInPlace(float64(-n))
		norm.NumBatchesTracked.FillInPlace(float64(n))
		e.Update(n)
		d := min(0.5, (1+float64(n))/(10+float64(n)))
		want, wantMean = d*want+(1-d)*float64(n), d*wantMean-(1-d)*float64(n)
		if got := average.At(0); math.Abs(got-want) > 1e-5*want {
			t.Errorf("step %d: average %v, want %v", n, got, want)
		}
		if got := averageNorm.RunningMean.At(0); math.Abs(got-wantMean) > 1e-5*-wantMean {
			t.Errorf("step %d: average of a running mean %v, want %v", n, got, wantMean)
		}
		if got := averageNorm.NumBatchesTracked.Item(); got != float64(n) {
			t.Errorf("step %d: %v batches counted", n, got)
		}
	}
	for _, decay := range []float64{-0.1, 1, math.NaN()} {
		func() {
			defer func() {
				err, _ := recover().(*fault.OptionError)
				if want := fmt.Sprintf("train.NewEMA: decay %v: from 0 to below 1 expected", decay); err == nil || err.Error() != want {
					t.Errorf("got %v, want %s", err, want)
				}
			}()
			train.NewEMA(m, decay)
		}()
	}
}

// TestEMAIsKept checks that it is the average that is measured and kept, and that a run
// goes on with it exactly.
func TestEMAIsKept(t *testing.T) {
	start := func() train.Config {
		c := setup(t)
		c.EMA, c.Keep, c.Epochs, c.Validation = train.NewEMA(c.Model, 0.9), keep(t), 4, true
		return c
	}
	whole := start()
	events, err := run(t.Context(), whole)
	if err != nil {
		t.Fatal(err)
	}
	all := epochs(events)
	e, err := train.Evaluate(whole.EMA.Model.Net, whole.Test, nil)
	if err != nil {
		t.Fatal(err)
	}
	if last := all[len(all)-1]; e.Loss != last.Test.Loss || !last.Validation {
		t.Errorf("last epoch %+v, the average's loss is %v", last, e.Loss)
	}
	raw, err := train.Evaluate(whole.Model.Net, whole.Test, nil)
	if err != nil {
		t.Fatal(err)
	}
	if raw.Loss == e.Loss {
		t.Error("the average is the model itself")
	}
	best, err := model.Load(whole.Keep.Best)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := train.Evaluate(best.Net, whole.Test, nil)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, e := range all {
		found = found || e.Best && e.Test.Loss == kept.Loss
	}
	if !found {
		t.Errorf("the kept model's loss is %v, which no epoch had", kept.Loss)
	}

	first := start()
	first.Epochs = 2
	if _, err := run(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	second := start()
	second.Keep = first.Keep
	if second.Start, err = train.Restore(first.Keep.Last, second); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	for _, path := range [][2]string{{whole.Keep.Best, first.Keep.Best}, {whole.Keep.Last, first.Keep.Last}} {
		if !bytes.Equal(content(t, path[0]), content(t, path[1])) {
			t.Errorf("%s differs after a stop", path[1])
		}
	}
}

// TestEarlyStop checks how many epochs follow the best one, in a run and in one that goes
// on.
func TestEarlyStop(t *testing.T) {
	for _, patience := range []int{1, 3} {
		c := setup(t)
		c.EarlyStop, c.Epochs, c.Keep = patience, 1000, keep(t)
		events, err := run(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		all := epochs(events)
		best := 0
		for _, e := range all {
			if e.Best {
				best = e.Epoch
			}
		}
		if last := all[len(all)-1].Epoch; last != best+patience || last >= 1000 {
			t.Errorf("the last epoch is %d, the best %d: %d more expected", last, best, patience)
		}
		r := setup(t)
		r.EarlyStop, r.Epochs = patience, 1000
		if r.Start, err = train.Restore(c.Keep.Last, r); err != nil {
			t.Fatal(err)
		}
		if events, err := run(t.Context(), r); err != nil || len(events) != 0 {
			t.Errorf("%d events (%v) after the run has ended, none expected", len(events), err)
		}
	}
}

// takes is ToTensor, for so long.
func takes(d time.Duration) transform.Transform {
	return transform.Compose{transform.ToTensor{}, sleep(d)}
}

// sleep is a transform that takes time. In evaluation it would take none.
type sleep time.Duration

func (s sleep) Apply(p transform.Input, _ random.Key) (transform.Input, error) {
	time.Sleep(time.Duration(s))
	return p, nil
}

func (sleep) InEvaluation() transform.Transform { return nil }

// TestBudget checks, on a fake clock, that a run ends in time and its schedule with it.
func TestBudget(t *testing.T) {
	timed := func() train.Config {
		c := setup(t)
		c.Train.(*loader.Loader).Dataset().(*dataset.Images).Transform = takes(time.Second)
		c.Test.(*loader.Loader).Dataset().(*dataset.Images).Transform = takes(time.Second / 2)
		c.Epochs, c.Keep = 0, keep(t)
		return c
	}
	var asked []int
	budget := func(c *train.Config, seconds int) {
		c.Budget = &train.Budget{Time: time.Duration(seconds) * time.Second, After: 31, Steps: 1000}
		c.Schedule = func(base float64, step int) float64 {
			asked = append(asked, step)
			return base
		}
	}
	synctest.Test(t, func(t *testing.T) {
		c := timed()
		budget(&c, 300)
		start := time.Now()
		events, err := run(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		// An epoch takes 50 s and 15.5 s of measuring, and 15.5 s follow the run: 269 s are
		// for all but the last measuring. That is four epochs and 7 s: a batch of 16 s is
		// begun in time. A sample of each was read first.
		all, took := epochs(events), time.Since(start)
		if want := time.Duration((1.5 + 4*65.5 + 16 + 15.5) * float64(time.Second)); len(all) != 5 || took != want {
			t.Errorf("%d epochs in %v, want 5 in %v", len(all), took, want)
		}
		const guessed = 4 // steps of the first epoch: how long measuring takes is not known before
		for i, step := range asked {
			if i > guessed && step < asked[i-1] || step > 999 {
				t.Errorf("step %d of the schedule after %v", step, asked[:i])
			}
		}
		if last := asked[len(asked)-1]; last < 900 {
			t.Errorf("the schedule ended at step %d of 1000", last)
		}

		// What is left of the time is what a continued run has.
		stopped := timed()
		budget(&stopped, 300)
		stopped.Epochs = 2
		if _, err := run(t.Context(), stopped); err != nil {
			t.Fatal(err)
		}
		more := timed()
		budget(&more, 300)
		if more.Start, err = train.Restore(stopped.Keep.Last, more); err != nil {
			t.Fatal(err)
		}
		if more.Start.Seconds != 132.5 {
			t.Errorf("%v seconds of the budget are spent, want 132.5", more.Start.Seconds)
		}
		start = time.Now()
		if _, err := run(t.Context(), more); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 120*time.Second || took > 169*time.Second+16*time.Second {
			t.Errorf("the rest took %v", took)
		}

		// No time at all is enough for one step.
		c = timed()
		budget(&c, 0)
		if events, err = run(t.Context(), c); err != nil || len(events) != 2 || len(epochs(events)) != 1 {
			t.Errorf("events %v (%v), one step and one epoch expected", events, err)
		}
	})
}
