package cli

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onehot-go/onehot/train"
)

// show goes through a run of so many epochs of 4 steps of 250 samples, a step in the
// given time, and returns what is shown on a terminal of so many columns, or with 0 on
// none.
func show(t *testing.T, epochs, columns int, step time.Duration) string {
	var out bytes.Buffer
	synctest.Test(t, func(*testing.T) {
		p := newProgress(&out, 0, epochs, 1000, "acc")
		if columns > 0 {
			p.interval, p.columns = barInterval, func() int { return columns }
		}
		for epoch := range min(epochs, 3) {
			for i := range 4 {
				time.Sleep(step)
				p.step(train.Step{Epoch: epoch + 1, Step: i + 1, Steps: 4, Samples: 250 * (i + 1), Loss: 0.51249, Score: 0.8765})
			}
		}
		p.clear()
	})
	return out.String()
}

func TestProgressLines(t *testing.T) {
	for name, c := range map[string]struct {
		epochs int
		step   time.Duration
		want   string
	}{
		"a short run has one line": {3, 10 * time.Millisecond,
			"epoch 3/3, batch 4/4, loss 0.512, acc 0.876, 25k samples/s, 0s left\n"},
		"a long one has lines now and then": {3, 2 * time.Second,
			"epoch 1/3, batch 3/4, loss 0.512, acc 0.876, 125 samples/s, 18s left\n" +
				"epoch 2/3, batch 2/4, loss 0.512, acc 0.876, 125 samples/s, 12s left\n" +
				"epoch 3/3, batch 1/4, loss 0.512, acc 0.876, 125 samples/s, 6s left\n" +
				"epoch 3/3, batch 4/4, loss 0.512, acc 0.876, 125 samples/s, 0s left\n"},
		"more epochs than can be counted": {1 << 62, 4 * time.Second,
			"epoch 1/4611686018427387904, batch 2/4, loss 0.512, acc 0.876, 62 samples/s, over 99 days left\n" +
				"epoch 1/4611686018427387904, batch 4/4, loss 0.512, acc 0.876, 62 samples/s, over 99 days left\n" +
				"epoch 2/4611686018427387904, batch 2/4, loss 0.512, acc 0.876, 62 samples/s, over 99 days left\n" +
				"epoch 2/4611686018427387904, batch 4/4, loss 0.512, acc 0.876, 62 samples/s, over 99 days left\n" +
				"epoch 3/4611686018427387904, batch 2/4, loss 0.512, acc 0.876, 62 samples/s, over 99 days left\n" +
				"epoch 3/4611686018427387904, batch 4/4, loss 0.512, acc 0.876, 62 samples/s, over 99 days left\n"},
	} {
		if got := show(t, c.epochs, 0, c.step); got != c.want {
			t.Errorf("%s: got\n%swant\n%s", name, got, c.want)
		}
	}
}

func TestProgressBar(t *testing.T) {
	// A step in 60 ms: every second one is drawn.
	got := strings.Split(show(t, 3, 80, 60*time.Millisecond), "\r")
	want := []string{"",
		"[==           ] epoch 1/3 batch 2/4 loss 0.512 acc 0.876 4167 samples/s 0s left",
		"[====         ] epoch 1/3 batch 4/4 loss 0.512 acc 0.876 4167 samples/s 0s left",
		"[======       ] epoch 2/3 batch 2/4 loss 0.512 acc 0.876 4167 samples/s 0s left",
		"[========     ] epoch 2/3 batch 4/4 loss 0.512 acc 0.876 4167 samples/s 0s left",
		"[==========   ] epoch 3/3 batch 2/4 loss 0.512 acc 0.876 4167 samples/s 0s left",
		"[=============] epoch 3/3 batch 4/4 loss 0.512 acc 0.876 4167 samples/s 0s left",
		strings.Repeat(" ", 79), "",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := show(t, 3, 80, time.Millisecond); got != "" {
		t.Errorf("a run of a moment: got %q, nothing expected", got)
	}
}

func TestProgressFits(t *testing.T) {
	fields := []string{"epoch 2/5", "batch 118/235", "loss 0.512", "acc 0.823", "123456 samples/s", "2m05s left"}
	for width, want := range map[int]string{
		0:  "",
		8:  "",
		9:  "epoch 2/5",
		15: "epoch 2/5",
		16: "[=   ] epoch 2/5",
		20: "epoch 2/5 loss 0.512",
		36: "epoch 2/5 loss 0.512 acc 0.823",
		39: "[==    ] epoch 2/5 loss 0.512 acc 0.823",
		41: "epoch 2/5 loss 0.512 acc 0.823 2m05s left",
		78: "epoch 2/5 batch 118/235 loss 0.512 acc 0.823 123456 samples/s 2m05s left",
		81: "[==    ] epoch 2/5 batch 118/235 loss 0.512 acc 0.823 123456 samples/s 2m05s left",
		// Beyond this the bar is long enough.
		103: "[==========                  ] epoch 2/5 batch 118/235 loss 0.512 acc 0.823 123456 samples/s 2m05s left",
		199: "[==========                  ] epoch 2/5 batch 118/235 loss 0.512 acc 0.823 123456 samples/s 2m05s left",
	} {
		if got := fit(fields, leastOfTraining, 0.367, width); got != want {
			t.Errorf("width %d: got\n%q, want\n%q", width, got, want)
		}
	}
	for width := range 250 {
		for done := range 11 {
			if line := fit(fields, leastOfTraining, float64(done)/10, width); len(line) > width {
				t.Errorf("%q is wider than %d", line, width)
			}
		}
	}
}

// TestCounter counts pictures, 50 a second, on a terminal and elsewhere.
func TestCounter(t *testing.T) {
	for columns, want := range map[int]string{
		0: "picture 250/600, 50 pictures/s, 7s left\npicture 500/600, 50 pictures/s, 2s left\n",
		60: "\r[=======            ] picture 250/600 50 pictures/s 7s left" +
			"\r[===============    ] picture 500/600 50 pictures/s 2s left" + "\r" + strings.Repeat(" ", 59) + "\r",
	} {
		var out bytes.Buffer
		synctest.Test(t, func(*testing.T) {
			c := newCounter(&out, 600)
			if columns > 0 {
				c.columns = func() int { return columns }
			}
			for i := range 600 {
				time.Sleep(20 * time.Millisecond)
				c.count(i + 1)
			}
			c.clear()
		})
		if out.String() != want {
			t.Errorf("%d columns: got\n%q, want\n%q", columns, out.String(), want)
		}
	}
}

func TestShort(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 125.4: "125", 9999: "9999", 10000: "10k", 258_055: "258k", 1_234_567: "1235k"} {
		if got := short(v); got != want {
			t.Errorf("%v: got %s, want %s", v, got, want)
		}
	}
}

func TestRoughly(t *testing.T) {
	for seconds, want := range map[float64]string{
		0: "0s", 0.9: "0s", 59.9: "59s", 60: "1m00s", 125: "2m05s", 3599: "59m59s", 3600: "1h00m",
		86399: "23h59m", 86400: "1d00h", 99.9 * 86400: "99d21h", 100 * 86400: "over 99 days", 1e300: "over 99 days",
	} {
		if got := roughly(seconds); got != want {
			t.Errorf("%v s: got %s, want %s", seconds, got, want)
		}
	}
	if got := roughly(math.NaN()); got != "over 99 days" {
		t.Errorf("NaN: got %s", got)
	}
}

func BenchmarkProgress(b *testing.B) {
	var out bytes.Buffer
	p := newProgress(&out, 0, 1, b.N, "acc")
	p.interval, p.columns = barInterval, func() int { return 80 }
	for b.Loop() {
		p.step(train.Step{Epoch: 1, Step: 1, Steps: 2, Samples: 1, Loss: 0.5, Score: 0.9})
	}
}
