package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/onehot-go/onehot/train"
)

// plainInterval is how often progress is said where there is no terminal to draw on.
const plainInterval = 10 * time.Second

// progress shows how far training is: a bar on a terminal, a line now and then elsewhere.
type progress struct {
	w       io.Writer
	bar     *progressbar.ProgressBar // nil where w is no terminal
	epochs  int                      // the last one's number
	total   int                      // samples to train on, over all epochs that are left
	done    int                      // before the current epoch
	samples int                      // of an epoch
	start   time.Time
	said    time.Time
}

// newProgress returns the progress of a run that has finished some of its epochs, of so
// many samples each.
func newProgress(w io.Writer, finished, epochs, samples int) *progress {
	now := time.Now()
	p := &progress{w: w, epochs: epochs, total: (epochs - finished) * samples, samples: samples, start: now, said: now}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && p.total > 0 {
		p.bar = progressbar.NewOptions(p.total,
			progressbar.OptionSetWriter(w),
			progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("samples"),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetWidth(12),
			progressbar.OptionClearOnFinish(),
		)
	}
	return p
}

// step shows the figures after a training step.
func (p *progress) step(s train.Step) {
	done := p.done + s.Samples
	if s.Step == s.Steps {
		p.done = done
	}
	if p.bar != nil {
		p.bar.Describe(fmt.Sprintf("epoch %d/%d loss %.3f", s.Epoch, p.epochs, s.Loss))
		p.bar.Set(done)
		return
	}
	now := time.Now()
	if s.Step < s.Steps && now.Sub(p.said) < plainInterval {
		return
	}
	p.said = now
	rate := float64(done) / now.Sub(p.start).Seconds()
	left := time.Duration(float64(p.total-done) / rate * float64(time.Second))
	fmt.Fprintf(p.w, "epoch %d/%d: %d of %d samples, loss %.4f, %.0f samples/s, %s left\n",
		s.Epoch, p.epochs, s.Samples, p.samples, s.Loss, rate, left.Round(100*time.Millisecond))
}

// clear takes the bar off the terminal, so that a line can be written.
func (p *progress) clear() {
	if p.bar != nil {
		p.bar.Clear()
	}
}
