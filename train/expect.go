package train

import (
	"context"
	"slices"
	"time"

	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
)

// How long Expect measures: it ends after so many turns, or after the first one that reaches the time.
const (
	expectTurns = 8
	expectTime  = time.Second
)

// Expectation is what several ranks bring in a step, as Expect measured it before a run. Times are in seconds, and medians of a few
// turns. Reading data and measuring epochs, which the ranks share too, are no part of them.
type Expectation struct {
	Ranks  int
	Shards int // of a batch; 1 of a Sharer, whose step is an evaluation of its objective here

	Step     float64 // from the beginning of a step until the slowest rank has made it
	Exchange float64 // what is left of it beyond the work of the rank that has most: to agree, send, receive and wait
	Alone    float64 // what a step would take on one rank with as many shards: the work on all of them, and no exchange
}

// SpeedUp returns how many times as fast the ranks are as one with as many shards. Below 1, one is faster.
func (e *Expectation) SpeedUp() float64 { return e.Alone / e.Step }

// Sharer is an Optimizer of all samples at once, as a FullBatch and a Solver are, whose objective several ranks evaluate together.
type Sharer interface {
	optim.Optimizer
	// Share has the ranks of c evaluate it from now on; nil is one. A Config that it is the Optimizer of calls this.
	Share(c dist.Comm)
	// Rehearse evaluates the objective, and changes nothing that steps depend on. It returns how long this rank took for its share, and
	// how long it took until all ranks had the sum. An error is known to all ranks, or is of the connection.
	Rehearse() (own, all time.Duration, err error)
}

// Expect measures what the ranks of c will bring: they make the step of the run's first batch several times, for about a second, or
// once if it takes longer. All ranks call it with configurations of the same meaning, as they call Run, and all return the same. It
// works on a copy of the net that nn.Clone makes, calls no OnGradients, and changes nothing that Run begins with: a run has the same bits
// with Expect before it and without. The plain step of optim.SGD stands for the optimizer's.
//
// A Sharer evaluates its objective in place of that. Expect returns nil if there is one rank, and for a Solver that is no Sharer. The
// errors are those of Run, and known to all ranks.
func Expect(ctx context.Context, c Config) (*Expectation, error) {
	by, shares := c.Optimizer.(Sharer)
	if _, solves := c.Optimizer.(Solver); solves && !shares || c.ranks() == 1 {
		return nil, nil
	}
	l, err := newLoop(c, false)
	if err := c.compare(l, err); err != nil {
		return nil, err
	}
	if shares {
		return l.evaluations(ctx, by)
	}
	m := *l.Model
	m.Net = nn.Clone(m.Net)
	l.Model, l.OnGradients, l.Budget = &m, nil, nil
	s := l.newSharded()
	l.Optimizer = optim.NewSGD(s.learnt, 0, optim.SGDOptions{})
	batch, err := s.first()
	if err := l.ready(ctx, err); err != nil {
		return nil, err
	}
	var steps, exchanges, alone []float64
	for spent := 0.0; len(steps) < expectTurns && spent < expectTime.Seconds(); {
		all, err := l.rehearse(ctx, s, batch)
		if err != nil {
			return nil, err
		}
		var longest, most, shards, rest float64
		for _, r := range all {
			longest, most = max(longest, r.Took), max(most, r.Took-r.Waited)
			shards, rest = shards+r.Shards, max(rest, r.Took-r.Waited-r.Shards)
		}
		steps, exchanges, alone = append(steps, longest), append(exchanges, longest-most), append(alone, shards+rest)
		spent += longest
	}
	return &Expectation{c.ranks(), l.Shards, typical(steps), typical(exchanges), typical(alone)}, nil
}

// evaluations is Expect for an optimizer of all samples.
func (l *loop) evaluations(ctx context.Context, by Sharer) (*Expectation, error) {
	if err := l.ready(ctx, nil); err != nil {
		return nil, err
	}
	type times struct{ Own, All float64 }
	own, took, err := by.Rehearse()
	all, err := dist.Collect(l.Comm, times{own.Seconds(), took.Seconds()}, err)
	if err != nil {
		return nil, err
	}
	e := &Expectation{Ranks: len(all), Shards: l.shards()}
	most := 0.0
	for _, r := range all {
		e.Step, most = max(e.Step, r.All), max(most, r.Own)
		e.Alone += r.Own
	}
	if e.Step == 0 { // there was nothing to evaluate
		return nil, nil
	}
	e.Exchange = e.Step - most
	return e, nil
}

// rehearsed is what a rank did in a step, in seconds.
type rehearsed struct {
	Took   float64
	Waited float64 // of these, in calls of the Comm
	Shards float64 // of these, for its own shards; the rest is what every rank does for the whole batch
}

// rehearse makes a step as epochs do, and returns what each rank did in it.
func (l *loop) rehearse(ctx context.Context, s *sharded, batch loader.Batch) ([]rehearsed, error) {
	l.timed.spent, s.spent = 0, 0
	start := time.Now()
	if err := l.ready(ctx, nil); err != nil {
		return nil, err
	}
	if _, err := s.step(batch, l.Key); err != nil {
		return nil, err
	}
	return dist.Collect(l.Comm, rehearsed{time.Since(start).Seconds(), l.timed.spent.Seconds(), s.spent.Seconds()}, nil)
}

// first returns this rank's part of the first batch of a run.
func (s *sharded) first() (loader.Batch, error) {
	for batch, err := range s.batches(1, 0) {
		return batch, err
	}
	return loader.Batch{}, emptyEpoch("Train")
}

// typical returns the median of values, the lower one of two, without the first: memory was new then. That counts if it is all.
func typical(values []float64) float64 {
	if len(values) > 1 {
		values = values[1:]
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}
