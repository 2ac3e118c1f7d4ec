package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/onehot-go/onehot/train"
)

// How often progress is said: on a terminal, where a bar is drawn again, and elsewhere,
// where a line is printed.
const (
	barInterval  = 100 * time.Millisecond
	lineInterval = 5 * time.Second
)

// progress shows how far training is: a bar on a terminal, a line now and then elsewhere.
// It has no colours.
type progress struct {
	w        io.Writer
	columns  func() int // of the terminal; nil where w is none
	interval time.Duration
	epochs   int     // the last one's number
	total    float64 // samples to train on, over all epochs that are left: they may be too many for an int
	done     float64 // before the current epoch
	start    time.Time
	end      time.Time // when the run's time is over, whatever the epoch; zero for none
	said     time.Time
	drawn    int // columns of the bar that stands on the terminal
}

// newProgress returns the progress of a run that has finished some of its epochs, of so
// many samples each.
func newProgress(w io.Writer, finished, epochs, samples int) *progress {
	now := time.Now()
	p := &progress{w: w, interval: lineInterval, epochs: epochs, total: float64(epochs-finished) * float64(samples), start: now, said: now}
	if p.columns = terminal(w); p.columns != nil {
		p.interval = barInterval
	}
	return p
}

// terminal returns what tells the width of the terminal that w is, which may change; nil if w is
// none, or a dumb one.
func terminal(w io.Writer) (columns func() int) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return nil
	}
	return func() int {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
		return 80
	}
}

// step shows the figures after a training step. It is called after each, and costs little
// more than a look at the clock.
func (p *progress) step(s train.Step) {
	done := p.done + float64(s.Samples)
	if s.Step == s.Steps {
		p.done = done
	}
	now := time.Now()
	last := s.Step == s.Steps && s.Epoch == p.epochs && p.columns == nil // a short run has one line
	if now.Sub(p.said) < p.interval && !last {
		return
	}
	p.said = now
	rate := done / now.Sub(p.start).Seconds()
	epoch, left, share := fmt.Sprintf("epoch %d/%d", s.Epoch, p.epochs), (p.total-done)/rate, done/p.total
	if !p.end.IsZero() {
		epoch, left = fmt.Sprintf("epoch %d", s.Epoch), max(p.end.Sub(now).Seconds(), 0)
		share = 1 - left/p.end.Sub(p.start).Seconds()
	}
	fields := []string{
		epoch,
		fmt.Sprintf("batch %d/%d", s.Step, s.Steps),
		fmt.Sprintf("loss %.3f", s.Loss),
		fmt.Sprintf("acc %.3f", s.Score),
		short(rate) + " samples/s",
		roughly(left) + " left",
	}
	if p.columns == nil {
		fmt.Fprintln(p.w, strings.Join(fields, ", "))
		return
	}
	line := fit(fields, share, p.columns()-1) // some terminals wrap what fills the last column
	fmt.Fprintf(p.w, "\r%-*s", p.drawn, line)
	p.drawn = len(line)
}

// clear takes the bar off the terminal, so that a line can be written.
func (p *progress) clear() {
	if p.drawn > 0 {
		fmt.Fprintf(p.w, "\r%*s\r", p.drawn, "")
		p.drawn = 0
	}
}

// fit returns the fields of step, in ASCII, as one line of at most the given width, with a
// bar before them that shows the fraction done. What has no room is left out: the bar
// first, then the fields, the least telling one first.
func fit(fields []string, done float64, width int) string {
	const shortest, longest = 6, 30 // bars
	fields = slices.Clone(fields)
	for _, least := range []int{4, 1, 5, 3, 2, 0} {
		line := strings.Join(slices.DeleteFunc(slices.Clone(fields), func(f string) bool { return f == "" }), " ")
		if len(line) <= width {
			bar := min(width-len(line)-1, longest)
			if bar < shortest {
				return line
			}
			inner := bar - len("[]")
			full := int(done * float64(inner))
			return "[" + strings.Repeat("=", full) + strings.Repeat(" ", inner-full) + "] " + line
		}
		fields[least] = ""
	}
	return ""
}

// short returns a number of at least 0 in few digits, as in 258k.
func short(v float64) string {
	if v < 10_000 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.0fk", v/1000)
}

// roughly returns a time in its two greatest units, as in 2m05s.
func roughly(seconds float64) string {
	const minute, hour, day = 60, 60 * 60, 24 * 60 * 60
	if !(seconds < 100*day) { // NaN too
		return "over 99 days"
	}
	switch s := int(seconds); {
	case s >= day:
		return fmt.Sprintf("%dd%02dh", s/day, s%day/hour)
	case s >= hour:
		return fmt.Sprintf("%dh%02dm", s/hour, s%hour/minute)
	case s >= minute:
		return fmt.Sprintf("%dm%02ds", s/minute, s%minute)
	default:
		return fmt.Sprintf("%ds", s)
	}
}
