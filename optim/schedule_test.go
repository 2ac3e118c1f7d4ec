package optim_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/optim"
)

// TestSchedules has what PyTorch's trainings in testdata do not reach.
func TestSchedules(t *testing.T) {
	cycle := func(steps int, start float64) optim.Schedule {
		return optim.NewOneCycleLR(steps, optim.OneCycleOptions{PctStart: &start, DivFactor: new(4.0), FinalDivFactor: new(2.0)}).LR
	}
	for name, c := range map[string]struct {
		schedule optim.Schedule
		want     []float64 // of base 1, from step 0 on
	}{
		"cosine beyond its end": {optim.CosineAnnealingLR(2, 0), []float64{1, 0.5, 0, 0.5, 1, 0.5}},
		"cosine up":             {optim.CosineAnnealingLR(2, 3), []float64{1, 2, 3, 2}},
		"warm-up from nothing":  {optim.LinearLR(0, 1, 4), []float64{0, 0.25, 0.5, 0.75, 1, 1}},
		"one schedule":          {optim.SequentialLR([]optim.Schedule{optim.ExponentialLR(0.5)}, nil), []float64{1, 0.5, 0.25}},
		"to nothing":            {optim.LinearLR(1, 0, 4), []float64{1, 0.75, 0.5, 0.25, 0, 0}},
		"a schedule of no steps": {
			optim.SequentialLR([]optim.Schedule{optim.StepLR(1, 1), optim.StepLR(1, 0), optim.ExponentialLR(0.5)}, []int{2, 2}),
			[]float64{1, 1, 1, 0.5},
		},
		"one cycle":                 {cycle(5, 0.6), []float64{0.25, 0.625, 1, 0.5625, 0.125}},
		"one cycle beyond its end":  {cycle(3, 0.5), []float64{0.25, 0.78125, 0.125, 0.125, 0.125}},
		"one cycle that starts up":  {cycle(4, 0.25), []float64{1, 0.78125, 0.34375, 0.125}},
		"one cycle of one step":     {cycle(1, 0.3), []float64{0.125, 0.125}},
		"one cycle of one step up":  {cycle(1, 1), []float64{1, 1}},
		"one cycle that only rises": {cycle(3, 1), []float64{0.25, 0.625, 1, 1}},
	} {
		for step, want := range c.want {
			got := c.schedule(1, step)
			if !(math.Abs(got-want) <= 1e-15) { // the cosine of a right angle is not quite 0

				t.Errorf("%s, step %d: got %v, want %v", name, step, got, want)
			}
		}
	}
}

// A line begins and ends where it should to the bit, and never leaves the span between:
// a learning rate below 0 would be refused.
func TestLinearLRKeepsItsEnds(t *testing.T) {
	for _, ends := range [][2]float64{{1, 0}, {0.3, 0}, {0.1, 0}, {0, 0.7}, {0.1, 1}, {0.9, 0.3}} {
		for steps := 1; steps <= 100; steps++ {
			s := optim.LinearLR(ends[0], ends[1], steps)
			if first, last := s(0.1, 0), s(0.1, steps); first != 0.1*ends[0] || last != 0.1*ends[1] {
				t.Errorf("from %v to %v in %d steps: got %v to %v", ends[0], ends[1], steps, first, last)
			}
			for step := range steps {
				if lr := s(0.1, step); !(lr >= 0) {
					t.Errorf("from %v to %v in %d steps: step %d: got %v", ends[0], ends[1], steps, step, lr)
				}
			}
		}
	}
}

// Schedules keep their own milestones.
func TestMilestonesAreCopied(t *testing.T) {
	milestones, parts := []int{2}, []optim.Schedule{optim.ExponentialLR(1), optim.ExponentialLR(0)}
	multi, sequential := optim.MultiStepLR(milestones, 0.5), optim.SequentialLR(parts, milestones)
	milestones[0], parts[0] = 1, optim.ExponentialLR(0.25)
	if multi(1, 1) != 1 || multi(1, 2) != 0.5 || sequential(1, 1) != 1 || sequential(1, 3) != 0 {
		t.Errorf("got %v, %v, %v and %v", multi(1, 1), multi(1, 2), sequential(1, 1), sequential(1, 3))
	}
}

func TestPlateau(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, c := range map[string]struct {
		options optim.PlateauOptions
		figures []float64
		want    []float64 // of base 1, after each figure
	}{
		"not a number":  {optim.PlateauOptions{}, []float64{1, nan, nan, nan, nan}, []float64{1, 1, 0.5, 0.5, 0.25}},
		"infinite":      {optim.PlateauOptions{}, []float64{inf, inf, 3, inf, 2}, []float64{1, 0.5, 0.5, 0.5, 0.5}},
		"of no account": {optim.PlateauOptions{}, []float64{1, 1 - 1e-5, 1 - 2e-5, 1 - 1e-3}, []float64{1, 1, 0.5, 0.5}},
		"negative":      {optim.PlateauOptions{Max: true}, []float64{-inf, -4, -2, -1}, []float64{1, 1, 1, 1}},
		"above base":    {optim.PlateauOptions{MinLR: 2}, []float64{1, 1, 1, 1, 1}, []float64{1, 1, 1, 1, 1}},
	} {
		p := optim.NewReduceLROnPlateau(0.5, 1, c.options)
		var got []float64
		for _, figure := range c.figures {
			p.Observe(figure)
			got = append(got, p.LR(1, 0))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
	got := map[string]string{}
	for name, v := range optim.NewReduceLROnPlateau(0.5, 1, optim.PlateauOptions{Max: true}).State() {
		got[name] = fmt.Sprint(v.DType(), " ", v.Shape(), " ", v.Item())
	}
	if got, want := fmt.Sprint(got), "map[bad:int64 [] 0 best:float64 [] -Inf cooldown:int64 [] 0 reductions:int64 [] 0]"; got != want {
		t.Errorf("state %v, want %v", got, want)
	}
}
