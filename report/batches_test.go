package report

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/train"
)

// stepThrough tells b of epochs from the given one on, of batches of 4 samples and a last
// one of 2. A batch's loss is its number in the run, from 1.
func stepThrough(b *Batches, from, epochs, batches int) {
	for e := from; e < from+epochs; e++ {
		sum, samples := 0.0, 0
		for i := 1; i <= batches; i++ {
			n := 4
			if i == batches {
				n = 2
			}
			sum, samples = sum+float64(n*((e-1)*batches+i)), samples+n
			b.Observe(train.Step{Epoch: e, Step: i, Steps: batches, Samples: samples, Loss: sum / float64(samples)})
		}
	}
}

func TestBatches(t *testing.T) {
	b := NewBatches(nil, nil)
	stepThrough(b, 1, 3, 4)
	got := b.Losses()
	if len(got) != 12 {
		t.Fatalf("%d losses of 12 batches", len(got))
	}
	for i, l := range got { // means that are taken apart again are exact to rounding
		if n := float64(i + 1); l.Epoch != n/4 || math.Abs(l.Loss-n) > 1e-13*n {
			t.Errorf("batch %d: got %v", i+1, l)
		}
	}
	b.Losses()[0].Loss = -1
	if b.Losses()[0].Loss == -1 {
		t.Error("the record can be changed from outside")
	}
}

// TestBatchesWithoutLoss begins an epoch with batches of which no sample counts.
func TestBatchesWithoutLoss(t *testing.T) {
	b := NewBatches(nil, nil)
	for i, loss := range []float64{math.NaN(), math.NaN(), 2, 2} {
		b.Observe(train.Step{Epoch: 1, Step: i + 1, Steps: 4, Samples: 4 * (i + 1), Loss: loss})
	}
	if got, want := b.Losses(), []BatchLoss{{0.75, 2}, {1, 2}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestBatchesOfLongRuns checks that losses stay between half of the most and the most, that
// each is the mean of as many batches, and that a run that goes on has the same ones.
func TestBatchesOfLongRuns(t *testing.T) {
	whole := NewBatches(nil, nil)
	stepThrough(whole, 1, 5, 240)
	want := whole.Losses()
	if n := len(want); n < maxBatchLosses/2 || n >= maxBatchLosses {
		t.Fatalf("%d losses", n)
	}
	every := 1200 / len(want)
	for i, l := range want {
		// The mean of neighbouring numbers is that of the ends; an epoch's last batch has half the weight.
		if mean := float64(i*every) + float64(every+1)/2; math.Abs(l.Epoch-float64((i+1)*every)/240) > 1e-12 || math.Abs(l.Loss-mean) > 0.5 {
			t.Errorf("loss %d: got %v, about %g at epoch %g expected", i, l, mean, float64((i+1)*every)/240)
		}
	}

	stopped := NewBatches(nil, nil)
	stepThrough(stopped, 1, 2, 240)
	path := filepath.Join(t.TempDir(), "batches.csv")
	stepThrough(stopped, 3, 1, 100) // of an epoch that is done again
	if err := WriteBatches(path, stopped.Losses()); err != nil {
		t.Fatal(err)
	}
	earlier, err := ReadBatches(path, 2)
	if err != nil {
		t.Fatal(err)
	}
	resumed := NewBatches(earlier, nil)
	stepThrough(resumed, 3, 3, 240)
	same := func(a, b BatchLoss) bool { return math.Abs(a.Epoch-b.Epoch) < 1e-6 && math.Abs(a.Loss-b.Loss) < 1e-6 } // as the file has them
	if got := resumed.Losses(); !slices.EqualFunc(got, want, same) {
		t.Errorf("a resumed run has %d losses, %d expected\n%v\n%v", len(got), len(want), got, want)
	}
}

func TestBatchesOfOneStep(t *testing.T) {
	b := NewBatches(nil, nil)
	stepThrough(b, 1, 5, 1)
	if got := b.Losses(); len(got) != 0 {
		t.Errorf("epochs of one step: got %v", got)
	}
}

func TestReadBatchesErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "batches.csv")
	if got, err := ReadBatches(path, 1); got != nil || err != nil {
		t.Errorf("no file: got %v, error %v", got, err)
	}
	for content, want := range map[string]string{
		"":                        `["epoch" "train_loss"] expected in line 1`,
		"a,b\n":                   `["epoch" "train_loss"] expected in line 1`,
		"epoch,train_loss\n1\n":   "record on line 2: wrong number of fields",
		"epoch,train_loss\nx,1\n": `line 2, epoch: found "x", a number from 0 to 3.4e+38 expected`,
		"epoch,train_loss\n1,x\n": `line 2, train_loss: found "x", a number from 0 to 3.4e+38 expected`,
	} {
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadBatches(path, 1); got != nil || err == nil || err.Error() != path+": "+want {
			t.Errorf("%q: got %v, error %v, want %s", content, got, err, want)
		}
	}
}

// TestPageBatches checks that the loss alone has a line by batch, from epoch 0 on.
func TestPageBatches(t *testing.T) {
	p := smallPage(t, "a", "b", "c")
	html := write(t, p)
	if strings.Count(html, `<polyline class="batch"`) != 1 || strings.Count(html, "by batch</span>") != 1 {
		t.Error("not one line by batch")
	}
	p.Batches = nil
	if html := write(t, p); strings.Contains(html, `<polyline class="batch"`) || strings.Contains(html, "by batch</span>") {
		t.Error("a line by batch where none was recorded")
	}
}

// TestClipBatches checks that a line begins where it comes into a chart and stays in it.
func TestClipBatches(t *testing.T) {
	got := span{1, 3}.clip([]BatchLoss{{1, 7}, {2, 5}, {3, 1}, {4, 9}, {5, 2}, {6, 0}})
	want := []BatchLoss{{2.5, 3}, {3, 1}, {4, 3}, {5, 2}, {6, 1}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := (span{1, 3}).clip([]BatchLoss{{1, 4}}); got != nil {
		t.Errorf("all outside: got %v", got)
	}
}

func BenchmarkBatches(b *testing.B) {
	r := NewBatches(nil, nil)
	i := 0
	for b.Loop() {
		r.Observe(train.Step{Epoch: i/235 + 1, Step: i%235 + 1, Steps: 235, Samples: 256 * (i%235 + 1), Loss: 0.5})
		i++
	}
}
