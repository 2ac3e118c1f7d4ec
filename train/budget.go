package train

import "time"

// Budget is the time that a run may take. When it is spent the epoch ends where it is and
// is measured: the last epoch has fewer samples than the others. A run with a budget
// trains as far as the machine gets, so the same seed gives other weights each time.
type Budget struct {
	// Time is for the whole run, measuring and what earlier parts of a continued run took
	// included. Every run trains one step at least.
	Time time.Duration
	// After is how many samples are to be measured once more after the run, within Time.
	After int
	// Steps, if not 0, is how many steps the schedule is made for: it is asked for the
	// step that is as far in them as the run is in its time.
	Steps int
}

// clock is what is known of the time that things take.
type clock struct {
	start     time.Time
	trained   int // samples
	measured  int // samples
	measuring time.Duration
}

// spent returns how much of the budget is.
func (l *loop) spent() time.Duration {
	return time.Duration(l.Start.Seconds*float64(time.Second)) + time.Since(l.clock.start)
}

// share returns how much of the time for training is over, 1 or more at its end. What
// measuring will take is known when something has been measured; before, a sample counts
// as one to train on, which takes longer.
func (l *loop) share() float64 {
	if l.ranks() > 1 {
		return l.agreed
	}
	return l.ownShare()
}

// ownShare is share by this rank's clock.
func (l *loop) ownShare() float64 {
	perSample := 0.0
	switch {
	case l.clock.measured > 0:
		perSample = float64(l.clock.measuring) / float64(l.clock.measured)
	case l.clock.trained > 0:
		perSample = float64(time.Since(l.clock.start)) / float64(l.clock.trained)
	}
	training := float64(l.Budget.Time) - perSample*float64(l.testSamples()+l.Budget.After)
	if training <= 0 {
		return 1
	}
	return float64(l.spent()) / training
}

// planned returns the step to ask the schedule for in place of the given one.
func (l *loop) planned(step int) int {
	if l.Budget == nil || l.Budget.Steps == 0 {
		return step
	}
	return min(int(l.share()*float64(l.Budget.Steps)), l.Budget.Steps-1)
}
