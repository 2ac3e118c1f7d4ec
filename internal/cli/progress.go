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

// bar is a line that says how far work is: drawn again and again on a terminal, printed now and
// then elsewhere. It has no colours.
type bar struct {
	w        io.Writer
	columns  func() int // of the terminal; nil where w is none
	interval time.Duration
	said     time.Time
	drawn    int // columns of the bar that stands on the terminal
}

// newBar returns a bar on w, which is first drawn after its interval.
func newBar(w io.Writer) bar {
	b := bar{w: w, interval: lineInterval, said: time.Now()}
	if b.columns = terminal(w); b.columns != nil {
		b.interval = barInterval
	}
	return b
}

// draw says the fields, in ASCII, with the fraction of the work that is done. Where they have no
// room, those are left out that least names, by their indices and the first ones first.
func (b *bar) draw(fields []string, least []int, done float64, now time.Time) {
	b.said = now
	if b.columns == nil {
		fmt.Fprintln(b.w, strings.Join(fields, ", "))
		return
	}
	line := fit(fields, least, done, b.columns()-1) // some terminals wrap what fills the last column
	fmt.Fprintf(b.w, "\r%-*s", b.drawn, line)
	b.drawn = len(line)
}

// clear takes the bar off the terminal, so that a line can be written.
func (b *bar) clear() {
	if b.drawn > 0 {
		fmt.Fprintf(b.w, "\r%*s\r", b.drawn, "")
		b.drawn = 0
	}
}

// progress shows how far training is.
type progress struct {
	bar
	epochs int     // the last one's number
	score  string  // what scores are, in short
	total  float64 // samples to train on, over all epochs that are left: they may be too many for an int
	done   float64 // before the current epoch
	start  time.Time
	end    time.Time // when the run's time is over, whatever the epoch; zero for none
}

// newProgress returns the progress of a run that has finished some of its epochs, of so
// many samples each, with scores that are called so.
func newProgress(w io.Writer, finished, epochs, samples int, score string) *progress {
	b := newBar(w)
	return &progress{bar: b, epochs: epochs, score: score, total: float64(epochs-finished) * float64(samples), start: b.said}
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
	rate := done / now.Sub(p.start).Seconds()
	epoch, left, share := fmt.Sprintf("epoch %d/%d", s.Epoch, p.epochs), (p.total-done)/rate, done/p.total
	if !p.end.IsZero() {
		epoch, left = fmt.Sprintf("epoch %d", s.Epoch), max(p.end.Sub(now).Seconds(), 0)
		share = 1 - left/p.end.Sub(p.start).Seconds()
	}
	p.draw([]string{
		epoch,
		fmt.Sprintf("batch %d/%d", s.Step, s.Steps),
		fmt.Sprintf("loss %.3f", s.Loss),
		fmt.Sprintf("%s %.3f", p.score, s.Score),
		short(rate) + " samples/s",
		roughly(left) + " left",
	}, leastOfTraining, share, now)
}

// leastOfTraining is which fields of step are left out first.
var leastOfTraining = []int{4, 1, 5, 3, 2, 0}

// counter shows how many pictures, of how many, are done.
type counter struct {
	bar
	total int
	start time.Time
}

// newCounter returns the counter of so many pictures, none of which is done.
func newCounter(w io.Writer, total int) *counter {
	b := newBar(w)
	return &counter{bar: b, total: total, start: b.said}
}

// count shows that so many pictures are done. It may be called after each, and costs little more
// than a look at the clock.
func (c *counter) count(done int) {
	now := time.Now()
	if now.Sub(c.said) < c.interval {
		return
	}
	rate := float64(done) / now.Sub(c.start).Seconds()
	c.draw([]string{
		fmt.Sprintf("picture %d/%d", done, c.total),
		short(rate) + " pictures/s",
		roughly(float64(c.total-done)/rate) + " left",
	}, leastOfCounting, float64(done)/float64(c.total), now)
}

// leastOfCounting is which fields of count are left out first.
var leastOfCounting = []int{1, 2, 0}

// fit returns the fields, in ASCII, as one line of at most the given width, with a bar before
// them that shows the fraction done. What has no room is left out: the bar first, then the
// fields, in the order of the indices in least, which has them all.
func fit(fields []string, least []int, done float64, width int) string {
	const shortest, longest = 6, 30 // bars
	fields = slices.Clone(fields)
	for _, i := range least {
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
		fields[i] = ""
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
