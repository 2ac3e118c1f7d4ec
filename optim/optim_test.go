package optim_test

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/reference"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// settings are those of a group of any optimizer, by PyTorch's names.
type settings struct {
	LR, Momentum, Dampening float64
	WeightDecay             *float64 `json:"weight_decay"`
	Nesterov, Centered      bool
	Maximize                bool
	Betas                   *[2]float64
	Eps, Alpha              *float64
	AMSGrad                 bool
	LRDecay                 float64 `json:"lr_decay"`
	InitialAccumulator      float64 `json:"initial_accumulator_value"`
}

func (s settings) decay() float64 {
	if s.WeightDecay == nil {
		return 0
	}
	return *s.WeightDecay
}

func (s settings) sgd() optim.SGDOptions {
	return optim.SGDOptions{Momentum: s.Momentum, Dampening: s.Dampening, WeightDecay: s.decay(), Nesterov: s.Nesterov, Maximize: s.Maximize}
}

func (s settings) adam() optim.AdamOptions {
	o := optim.AdamOptions{Eps: s.Eps, WeightDecay: s.WeightDecay, AMSGrad: s.AMSGrad, Maximize: s.Maximize}
	if s.Betas != nil {
		o.Beta1, o.Beta2 = &s.Betas[0], &s.Betas[1]
	}
	return o
}

func (s settings) rmsprop() optim.RMSpropOptions {
	return optim.RMSpropOptions{Alpha: s.Alpha, Eps: s.Eps, WeightDecay: s.decay(), Momentum: s.Momentum, Centered: s.Centered,
		Maximize: s.Maximize}
}

func (s settings) adagrad() optim.AdagradOptions {
	return optim.AdagradOptions{LRDecay: s.LRDecay, WeightDecay: s.decay(), InitialAccumulator: s.InitialAccumulator, Eps: s.Eps,
		Maximize: s.Maximize}
}

// newOptimizer returns the optimizer of that name with one group for all of params, or
// one for each.
func newOptimizer(name string, params []*tensor.Tensor, groups []settings) optim.Optimizer {
	switch name {
	case "SGD":
		return grouped(optim.NewSGD, settings.sgd, params, groups)
	case "Adam":
		return grouped(optim.NewAdam, settings.adam, params, groups)
	case "AdamW":
		return grouped(optim.NewAdamW, settings.adam, params, groups)
	case "RMSprop":
		return grouped(optim.NewRMSprop, settings.rmsprop, params, groups)
	case "Adagrad":
		return grouped(optim.NewAdagrad, settings.adagrad, params, groups)
	}
	panic("no optimizer is named " + name)
}

func grouped[O any, P interface {
	optim.Optimizer
	AddGroup([]*tensor.Tensor, float64, O)
}](construct func([]*tensor.Tensor, float64, O) P, options func(settings) O, params []*tensor.Tensor, groups []settings) P {
	if len(groups) == 1 {
		return construct(params, groups[0].LR, options(groups[0]))
	}
	o := construct(params[:1], groups[0].LR, options(groups[0]))
	for i, g := range groups[1:] {
		o.AddGroup(params[i+1:i+2], g.LR, options(g))
	}
	return o
}

// schedule is one, by PyTorch's names.
type schedule struct {
	Name           string
	StepSize       int `json:"step_size"`
	Gamma          float64
	Milestones     []int
	TMax           int     `json:"T_max"`
	EtaMin         float64 `json:"eta_min"`
	StartFactor    float64 `json:"start_factor"`
	EndFactor      float64 `json:"end_factor"`
	TotalIters     int     `json:"total_iters"`
	Schedules      []schedule
	TotalSteps     int      `json:"total_steps"`
	PctStart       *float64 `json:"pct_start"`
	DivFactor      *float64 `json:"div_factor"`
	FinalDivFactor *float64 `json:"final_div_factor"`
	BaseMomentum   *float64 `json:"base_momentum"`
	MaxMomentum    *float64 `json:"max_momentum"`
	AnnealStrategy string   `json:"anneal_strategy"`
	ThreePhase     bool     `json:"three_phase"`
	Mode           string
	Factor         float64
	Patience       int
	Threshold      *float64
	Cooldown       int
	MinLR          float64 `json:"min_lr"`
	ThresholdMode  string  `json:"threshold_mode"`
	Eps            *float64
	Figures        []float64
}

// follow is a schedule at work: the functions that are not nil.
type follow struct {
	lr       optim.Schedule
	momentum func(step int) float64
	plateau  *optim.ReduceLROnPlateau
}

func (s *schedule) follow() follow {
	if s == nil {
		return follow{}
	}
	switch s.Name {
	case "StepLR":
		return follow{lr: optim.StepLR(s.StepSize, s.Gamma)}
	case "MultiStepLR":
		return follow{lr: optim.MultiStepLR(s.Milestones, s.Gamma)}
	case "ExponentialLR":
		return follow{lr: optim.ExponentialLR(s.Gamma)}
	case "CosineAnnealingLR":
		return follow{lr: optim.CosineAnnealingLR(s.TMax, s.EtaMin)}
	case "LinearLR":
		return follow{lr: optim.LinearLR(s.StartFactor, s.EndFactor, s.TotalIters)}
	case "SequentialLR":
		var parts []optim.Schedule
		for _, part := range s.Schedules {
			parts = append(parts, part.follow().lr)
		}
		return follow{lr: optim.SequentialLR(parts, s.Milestones)}
	case "OneCycleLR":
		c := optim.NewOneCycleLR(s.TotalSteps, optim.OneCycleOptions{PctStart: s.PctStart, DivFactor: s.DivFactor,
			FinalDivFactor: s.FinalDivFactor, BaseMomentum: s.BaseMomentum, MaxMomentum: s.MaxMomentum,
			Linear: s.AnnealStrategy == "linear", ThreePhase: s.ThreePhase})
		return follow{lr: c.LR, momentum: c.Momentum}
	case "ReduceLROnPlateau":
		p := optim.NewReduceLROnPlateau(s.Factor, s.Patience, optim.PlateauOptions{Max: s.Mode == "max",
			Threshold: s.Threshold, Absolute: s.ThresholdMode == "abs", Cooldown: s.Cooldown, MinLR: s.MinLR, Eps: s.Eps})
		return follow{lr: p.LR, plateau: p}
	}
	panic("no schedule is named " + s.Name)
}

// file is testdata/reference.json.
type file struct {
	Start, Target, Curvature []reference.Array
	Runs                     []trained
}

// trained is a training of two parameters, the rows of an array, for 20 steps.
type trained struct {
	Optimizer string
	Groups    []settings
	Schedule  *schedule
	Clip      *struct {
		Kind  string // "value", or the norm
		Limit float64
	}
	Late  int             // the second parameter has no gradient before this step
	Steps reference.Array // (20, 2, 2): the parameters after each step
	LRs   reference.Array // (20, groups): in each step
	Norms *reference.Array
}

// never is no step.
const never = -1

// train does r with what this package has, and returns Steps, LRs and Norms. At the step
// named by stop all is thrown away but for what State returns, and made again.
func (r trained) train(t *testing.T, name string, f file, stop int) (steps, lrs, norms *tensor.Tensor) {
	t.Helper()
	const n = 20
	dtype := reference.DType(r.Steps.DType)
	read := func(a []reference.Array) *tensor.Tensor { return a[0].Tensor().To(dtype) }
	start, target, curvature := read(f.Start), read(f.Target), read(f.Curvature)
	rows := func(all *tensor.Tensor) []*tensor.Tensor {
		return []*tensor.Tensor{all.Select(0, 0).Clone().SetRequiresGrad(true), all.Select(0, 1).Clone().SetRequiresGrad(true)}
	}
	params := rows(start)
	o, s := newOptimizer(r.Optimizer, params, r.Groups), r.Schedule.follow()
	steps = tensor.Zeros(dtype, n, 2, 2)
	lrs = tensor.Zeros(tensor.Float64, n, len(r.Groups))
	norms = tensor.Zeros(tensor.Float64, n)
	for step := range n {
		if step == stop {
			oldO, oldS := o, s
			params = rows(steps.Select(0, step-1))
			o, s = newOptimizer(r.Optimizer, params, r.Groups), r.Schedule.follow()
			restore(t, o.State(), oldO.State())
			if s.plateau != nil {
				restore(t, s.plateau.State(), oldS.plateau.State())
			}
		}
		if s.lr != nil {
			o.ScheduleLR(s.lr, step)
		}
		if s.momentum != nil {
			o.(interface{ SetMomentum(float64) }).SetMomentum(s.momentum(step))
		}
		for i, g := range r.Groups {
			lr := g.LR
			if s.lr != nil {
				lr = s.lr(g.LR, step)
			}
			lrs.Select(0, step).Select(0, i).FillInPlace(lr)
		}
		if lr := lrs.At(step, 0); o.LR() != lr {
			t.Fatalf("%s, step %d: LR returns %v, want %v", name, step, o.LR(), lr)
		}

		o.ZeroGrad()
		used := params
		if step < r.Late {
			used = params[:1]
		}
		for i, p := range used {
			d := p.Sub(target.Select(0, i))
			d.Mul(d).Mul(curvature).Sum().Backward()
		}
		if r.Clip != nil {
			if r.Clip.Kind == "value" {
				optim.ClipGradValue(params, r.Clip.Limit)
			} else if norm, err := strconv.ParseFloat(r.Clip.Kind, 64); err != nil {
				t.Fatal(err)
			} else {
				norms.Select(0, step).FillInPlace(optim.ClipGradNorm(params, r.Clip.Limit, norm))
			}
		}
		gradient := params[0].Grad().Clone()
		o.Step()
		if gradient.Ne(params[0].Grad()).Sum().Item() != 0 {
			t.Fatalf("%s, step %d: Step changed the gradient", name, step)
		}
		for i, p := range params {
			steps.Select(0, step).Select(0, i).CopyInPlace(p.Detach())
		}
		if s.plateau != nil {
			s.plateau.Observe(r.Schedule.Figures[step])
		}
	}
	return steps, lrs, norms
}

// restore copies a saved state into another of the same names.
func restore(t *testing.T, into, saved map[string]*tensor.Tensor) {
	t.Helper()
	if a, b := slices.Sorted(maps.Keys(into)), slices.Sorted(maps.Keys(saved)); !slices.Equal(a, b) {
		t.Fatalf("state %v, want %v", a, b)
	}
	for name, v := range saved {
		into[name].CopyInPlace(v)
	}
}

// TestTrainings follows PyTorch for 20 steps through every optimizer, option, schedule
// and way of clipping, and checks that a training that was stopped and continued from
// its state has the same bits.
func TestTrainings(t *testing.T) {
	var f file
	reference.Load(t, "testdata/reference.json", &f)
	seen := map[string]bool{}
	for i, r := range f.Runs {
		name := fmt.Sprintf("run %d: %s %s", i, r.Steps.DType, r.Optimizer)
		seen[r.Optimizer] = true
		if r.Schedule != nil {
			name += " " + r.Schedule.Name
			seen[r.Schedule.Name] = true
		}
		if r.Clip != nil {
			name += " clip " + r.Clip.Kind
			seen["clip "+r.Clip.Kind] = true
		}
		tolerance := 1e-13
		if r.Steps.DType == "float32" {
			tolerance = 2e-6
		}
		steps, lrs, norms := r.train(t, name, f, never)
		if err := reference.Compare(steps, r.Steps, tolerance); err != nil {
			t.Errorf("%s: parameters: %v", name, err)
		}
		if err := reference.Compare(lrs, r.LRs, 1e-13); err != nil {
			t.Errorf("%s: learning rates: %v", name, err)
		}
		if r.Norms != nil {
			if err := reference.Compare(norms.To(steps.DType()), *r.Norms, tolerance); err != nil {
				t.Errorf("%s: norms: %v", name, err)
			}
		}
		for _, stop := range []int{1, 10} {
			if again, _, _ := r.train(t, name, f, stop); !sameBits(again, steps) {
				t.Errorf("%s: stopped at step %d: got %v, want %v", name, stop, again, steps)
			}
		}
	}
	if len(seen) != 5+8+6 {
		t.Errorf("only %v were trained with", slices.Sorted(maps.Keys(seen)))
	}
}

// sameBits reports whether x and y, of one floating-point type, are equal to the bit.
func sameBits(x, y *tensor.Tensor) bool {
	return slices.EqualFunc(tensor.Values[float64](x), tensor.Values[float64](y), func(a, b float64) bool {
		return math.Float64bits(a) == math.Float64bits(b)
	})
}

// all has every optimizer with all that it can keep.
var all = map[string]settings{
	"SGD":     {LR: 0.125, Momentum: 0.5, Dampening: 0.25, WeightDecay: new(0.25)},
	"Adam":    {LR: 0.125, WeightDecay: new(0.25), AMSGrad: true},
	"AdamW":   {LR: 0.125, AMSGrad: true},
	"RMSprop": {LR: 0.125, Momentum: 0.5, WeightDecay: new(0.25), Centered: true},
	"Adagrad": {LR: 0.125, LRDecay: 0.5, WeightDecay: new(0.25)},
}

func TestState(t *testing.T) {
	p, q := tensor.Ones(tensor.Float32, 2, 3), tensor.Ones(tensor.Float64)
	for name, want := range map[string]string{
		"SGD":     "map[0.steps:int64 [] 0.velocity:float32 [2 3] 1.steps:int64 [] 1.velocity:float64 []]",
		"Adam":    "map[0.max_square:float32 [2 3] 0.mean:float32 [2 3] 0.square:float32 [2 3] 0.steps:int64 [] 1.max_square:float64 [] 1.mean:float64 [] 1.square:float64 [] 1.steps:int64 []]",
		"AdamW":   "map[0.max_square:float32 [2 3] 0.mean:float32 [2 3] 0.square:float32 [2 3] 0.steps:int64 [] 1.max_square:float64 [] 1.mean:float64 [] 1.square:float64 [] 1.steps:int64 []]",
		"RMSprop": "map[0.mean:float32 [2 3] 0.square:float32 [2 3] 0.velocity:float32 [2 3] 1.mean:float64 [] 1.square:float64 [] 1.velocity:float64 []]",
		"Adagrad": "map[0.steps:int64 [] 0.sum:float32 [2 3] 1.steps:int64 [] 1.sum:float64 []]",
	} {
		for _, groups := range [][]settings{{all[name]}, {all[name], all[name]}} {
			got := map[string]string{}
			for key, v := range newOptimizer(name, []*tensor.Tensor{p, q}, groups).State() {
				got[key] = fmt.Sprint(v.DType(), " ", v.Shape())
			}
			if got := fmt.Sprint(got); got != want {
				t.Errorf("%s, %d groups: got %s, want %s", name, len(groups), got, want)
			}
		}
	}
	// Nothing is kept that the options have no need for.
	for name, want := range map[string][]string{
		"SGD": nil, "Adam": {"0.mean", "0.square", "0.steps"}, "RMSprop": {"0.square"}, "Adagrad": {"0.steps", "0.sum"},
	} {
		o := newOptimizer(name, []*tensor.Tensor{p}, []settings{{LR: 1}})
		if got := slices.Sorted(maps.Keys(o.State())); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

func TestStepLeavesParametersWithoutGradient(t *testing.T) {
	for name, s := range all {
		used, unused := tensor.Ones(tensor.Float64, 2).SetRequiresGrad(true), tensor.Ones(tensor.Float64, 2).SetRequiresGrad(true)
		o := newOptimizer(name, []*tensor.Tensor{unused, used}, []settings{s})
		used.Sum().Backward()
		o.Step()
		if got := tensor.Values[float64](unused); !slices.Equal(got, []float64{1, 1}) {
			t.Errorf("%s: unused: got %v", name, got)
		}
		for _, v := range tensor.Values[float64](used) {
			if !(v < 1) {
				t.Errorf("%s: used: got %v", name, used)
			}
		}
		for key, v := range o.State() {
			if kept := v.Ne(tensor.Zeros(v.DType())).Sum().Item() != 0; kept != (key[0] == '1') {
				t.Errorf("%s: %s is %v", name, key, v)
			}
		}
		o.ZeroGrad()
		if used.Grad().Sum().Item() != 0 || unused.Grad() != nil {
			t.Errorf("%s: got gradients %v and %v after ZeroGrad", name, used.Grad(), unused.Grad())
		}
	}
}

func TestLearningRates(t *testing.T) {
	p, q := tensor.Ones(tensor.Float64).SetRequiresGrad(true), tensor.Ones(tensor.Float64).SetRequiresGrad(true)
	o := newOptimizer("SGD", []*tensor.Tensor{p, q}, []settings{{LR: 0.5}, {LR: 0.25}})
	step := func(name string, lr, wantP, wantQ float64) {
		t.Helper()
		if o.LR() != lr {
			t.Errorf("%s: LR returns %v, want %v", name, o.LR(), lr)
		}
		p.FillInPlace(1)
		q.FillInPlace(1)
		o.ZeroGrad()
		p.Add(q).Backward()
		o.Step()
		if p.Item() != wantP || q.Item() != wantQ {
			t.Errorf("%s: got %v and %v, want %v and %v", name, p.Item(), q.Item(), wantP, wantQ)
		}
	}
	step("as given", 0.5, 0.5, 0.75)
	o.SetLR(0.125)
	step("SetLR", 0.125, 0.875, 0.875)
	o.ScheduleLR(func(base float64, step int) float64 { return base / float64(step) }, 2)
	step("ScheduleLR", 0.25, 0.75, 0.875)
	o.SetLR(0)
	step("no learning", 0, 1, 1)
}

// A parameter of any memory layout and of no elements can be trained.
func TestLayouts(t *testing.T) {
	for name, s := range all {
		train := func(p *tensor.Tensor) *tensor.Tensor {
			p.SetRequiresGrad(true)
			empty := tensor.Zeros(tensor.Float64, 0, 2).SetRequiresGrad(true)
			o := newOptimizer(name, []*tensor.Tensor{empty, p}, []settings{s})
			for range 3 {
				o.ZeroGrad()
				p.Mul(p).Sum().Add(empty.Sum()).Backward()
				o.Step()
			}
			return p.Detach()
		}
		x := tensor.New([]float64{1, 2, 3, 4, 5, 6}, 2, 3)
		want := train(x.Clone())
		if want.Eq(x).Sum().Item() != 0 {
			t.Errorf("%s: nothing was learnt: %v", name, want)
		}
		if got := train(x.Transpose(0, 1).Clone().Transpose(0, 1)); got.IsContiguous() || !sameBits(got, want) {
			t.Errorf("%s: transposed: got %v, want %v", name, got, want)
		}
		wide := tensor.Zeros(tensor.Float64, 2, 5)
		if got := train(wide.Narrow(1, 1, 3).CopyInPlace(x)); !sameBits(got, want) {
			t.Errorf("%s: part of another tensor: got %v, want %v", name, got, want)
		}
		if wide.Select(1, 0).Ne(wide.Select(1, 4)).Sum().Item() != 0 || wide.At(0, 0) != 0 {
			t.Errorf("%s: what lies beside the parameter was changed: %v", name, wide)
		}
	}
}

// Backward through what was computed from a parameter's old value is refused.
func TestStepIsNoticed(t *testing.T) {
	for name, s := range all {
		p := tensor.Ones(tensor.Float64, 2).SetRequiresGrad(true)
		o := newOptimizer(name, []*tensor.Tensor{p}, []settings{s})
		p.Sum().Backward()
		loss := p.Mul(p).Sum()
		o.Step()
		func() {
			defer func() {
				if err, ok := recover().(*tensor.GradError); !ok {
					t.Errorf("%s: got %v, want a *tensor.GradError", name, err)
				}
			}()
			loss.Backward()
		}()
	}
}

// TestSameBitsForAnyThreads trains parameters that are large enough for the work to be
// split, one of them with a rest.
func TestSameBitsForAnyThreads(t *testing.T) {
	defer tensor.SetThreads(0)
	key := random.New(1)
	for name, s := range all {
		train := func(threads int) []*tensor.Tensor {
			tensor.SetThreads(threads)
			params := []*tensor.Tensor{
				tensor.Normal(tensor.Float32, key.For("a").Rand(), 0, 1, 300, 301).SetRequiresGrad(true),
				tensor.Normal(tensor.Float64, key.For("b").Rand(), 0, 1, 1<<16).SetRequiresGrad(true),
			}
			o := newOptimizer(name, params, []settings{s})
			var norms []float64
			for range 3 {
				o.ZeroGrad()
				for _, p := range params {
					p.Mul(p).Sum().Backward()
				}
				norms = append(norms, optim.ClipGradNorm(params, 300, 2), optim.ClipGradNorm(params, 2, math.Inf(1)))
				optim.ClipGradValue(params, 1)
				o.Step()
			}
			return append(params, tensor.New(norms, len(norms)))
		}
		want := train(1)
		for _, threads := range []int{2, 3, 8} {
			for i, got := range train(threads) {
				if !sameBits(got, want[i]) {
					t.Errorf("%s, %d threads: result %d differs", name, threads, i)
				}
			}
		}
	}
}

// A step must not take memory in proportion to the parameters.
func TestStepAllocatesLittle(t *testing.T) {
	defer tensor.SetThreads(0)
	tensor.SetThreads(2)
	for name, s := range all {
		p := tensor.Ones(tensor.Float32, 512, 512).SetRequiresGrad(true)
		o := newOptimizer(name, []*tensor.Tensor{p}, []settings{s})
		p.Sum().Backward()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const steps = 4
		for range steps {
			optim.ClipGradNorm([]*tensor.Tensor{p}, 1, 2)
			optim.ClipGradValue([]*tensor.Tensor{p}, 1)
			o.Step()
		}
		runtime.ReadMemStats(&after)
		if took := (after.TotalAlloc - before.TotalAlloc) / steps; took > 16<<10 {
			t.Errorf("%s: a step takes %d bytes for parameters of %d", name, took, 4*p.Numel())
		}
	}
}

// In the steady state a step takes no memory, on one thread or several.
func TestStepAllocatesNothing(t *testing.T) {
	defer tensor.SetThreads(0)
	tensor.SetThreads(2)
	for name, s := range map[string]settings{
		"SGD": {LR: 0.125}, "SGD with momentum": {LR: 0.125, Momentum: 0.5, WeightDecay: new(0.25), Nesterov: true},
		"Adam": {LR: 0.125}, "AdamW": {LR: 0.125, AMSGrad: true}, "RMSprop": all["RMSprop"], "Adagrad": all["Adagrad"],
	} {
		for _, dtype := range []tensor.DType{tensor.Float32, tensor.Float64} {
			small, large := tensor.Ones(dtype, 3, 2).SetRequiresGrad(true), tensor.Ones(dtype, 300, 301).SetRequiresGrad(true)
			o := newOptimizer(strings.Fields(name)[0], []*tensor.Tensor{small, large}, []settings{s})
			small.Sum().Add(large.Sum()).Backward()
			if n := testing.AllocsPerRun(10, o.Step); n > 0 {
				t.Errorf("%s, %s: Step allocates %v times", name, dtype, n)
			}
			if n := testing.AllocsPerRun(10, o.ZeroGrad); n > 0 {
				t.Errorf("%s, %s: ZeroGrad allocates %v times", name, dtype, n)
			}
		}
	}
}

func TestOptionErrors(t *testing.T) {
	p := tensor.Ones(tensor.Float32, 2)
	params := []*tensor.Tensor{p}
	nan := math.NaN()
	sgd := func(lr float64, o optim.SGDOptions) func() { return func() { optim.NewSGD(params, lr, o) } }
	adam := func(lr float64, o optim.AdamOptions) func() { return func() { optim.NewAdam(params, lr, o) } }
	adamW := func(lr float64, o optim.AdamOptions) func() { return func() { optim.NewAdamW(params, lr, o) } }
	rmsprop := func(lr float64, o optim.RMSpropOptions) func() { return func() { optim.NewRMSprop(params, lr, o) } }
	adagrad := func(lr float64, o optim.AdagradOptions) func() { return func() { optim.NewAdagrad(params, lr, o) } }
	cycle := func(steps int, o optim.OneCycleOptions) func() { return func() { optim.NewOneCycleLR(steps, o) } }
	plateau := func(factor float64, patience int, o optim.PlateauOptions) func() {
		return func() { optim.NewReduceLROnPlateau(factor, patience, o) }
	}
	for text, f := range map[string]func(){
		"optim.SGD: learning rate -1: at least 0 expected":  sgd(-1, optim.SGDOptions{}),
		"optim.SGD: learning rate NaN: at least 0 expected": sgd(nan, optim.SGDOptions{}),
		"optim.SGD: momentum -0.5: at least 0 expected":     sgd(1, optim.SGDOptions{Momentum: -0.5}),
		"optim.SGD: momentum NaN: at least 0 expected":      sgd(1, optim.SGDOptions{Momentum: nan}),
		"optim.SGD: dampening -1: at least 0 expected":      sgd(1, optim.SGDOptions{Dampening: -1}),
		"optim.SGD: weight decay -1: at least 0 expected":   sgd(1, optim.SGDOptions{WeightDecay: -1}),
		"optim.SGD: Nesterov with momentum 0 and dampening 0: momentum above 0 and no dampening expected": sgd(1,
			optim.SGDOptions{Nesterov: true}),
		"optim.SGD: Nesterov with momentum 0.9 and dampening 0.5: momentum above 0 and no dampening expected": sgd(1,
			optim.SGDOptions{Momentum: 0.9, Dampening: 0.5, Nesterov: true}),
		"optim.SGD: parameter 1 is parameter 0 again": func() {
			optim.NewSGD([]*tensor.Tensor{p, p}, 1, optim.SGDOptions{})
		},
		"optim.SGD: parameter 2 is parameter 1 again": func() {
			optim.NewSGD([]*tensor.Tensor{p.Clone(), p}, 1, optim.SGDOptions{}).AddGroup(params, 1, optim.SGDOptions{})
		},
		"optim.SGD.SetMomentum: momentum -1: at least 0 expected": func() {
			optim.NewSGD(params, 1, optim.SGDOptions{Momentum: 0.5}).SetMomentum(-1)
		},
		"optim.SGD.SetMomentum: group 1 keeps no velocity: it was added without momentum": func() {
			o := optim.NewSGD(params, 1, optim.SGDOptions{Momentum: 0.5})
			o.AddGroup(nil, 1, optim.SGDOptions{})
			o.SetMomentum(0.9)
		},
		"optim.LR: no group of parameters: one at least expected": func() { new(optim.SGD).LR() },
		"optim.SetLR: learning rate -1: at least 0 expected":      func() { optim.NewSGD(params, 1, optim.SGDOptions{}).SetLR(-1) },
		"optim.ScheduleLR: learning rate NaN: at least 0 expected": func() {
			optim.NewSGD(params, 1, optim.SGDOptions{}).ScheduleLR(func(float64, int) float64 { return nan }, 0)
		},

		"optim.Adam: learning rate -1: at least 0 expected":           adam(-1, optim.AdamOptions{}),
		"optim.Adam: beta1 -1: at least 0 and less than 1 expected":   adam(1, optim.AdamOptions{Beta1: new(-1.0)}),
		"optim.Adam: beta1 1: at least 0 and less than 1 expected":    adam(1, optim.AdamOptions{Beta1: new(1.0)}),
		"optim.Adam: beta2 NaN: at least 0 and less than 1 expected":  adam(1, optim.AdamOptions{Beta2: &nan}),
		"optim.AdamW: beta2 1.5: at least 0 and less than 1 expected": adamW(1, optim.AdamOptions{Beta2: new(1.5)}),
		"optim.AdamW: eps -1: at least 0 expected":                    adamW(1, optim.AdamOptions{Eps: new(-1.0)}),
		"optim.Adam: weight decay -1: at least 0 expected":            adam(1, optim.AdamOptions{WeightDecay: new(-1.0)}),
		"optim.Adam.SetMomentum: beta1 1: at least 0 and less than 1 expected": func() {
			optim.NewAdam(params, 1, optim.AdamOptions{}).SetMomentum(1)
		},

		"optim.RMSprop: learning rate NaN: at least 0 expected": rmsprop(nan, optim.RMSpropOptions{}),
		"optim.RMSprop: alpha 1.5: from 0 to 1 expected":        rmsprop(1, optim.RMSpropOptions{Alpha: new(1.5)}),
		"optim.RMSprop: eps -1: at least 0 expected":            rmsprop(1, optim.RMSpropOptions{Eps: new(-1.0)}),
		"optim.RMSprop: weight decay -1: at least 0 expected":   rmsprop(1, optim.RMSpropOptions{WeightDecay: -1}),
		"optim.RMSprop: momentum -1: at least 0 expected":       rmsprop(1, optim.RMSpropOptions{Momentum: -1}),
		"optim.RMSprop.SetMomentum: momentum -1: at least 0 expected": func() {
			optim.NewRMSprop(params, 1, optim.RMSpropOptions{Momentum: 0.5}).SetMomentum(-1)
		},
		"optim.RMSprop.SetMomentum: group 0 keeps no velocity: it was added without momentum": func() {
			optim.NewRMSprop(params, 1, optim.RMSpropOptions{}).SetMomentum(0.5)
		},

		"optim.Adagrad: learning rate -1: at least 0 expected":       adagrad(-1, optim.AdagradOptions{}),
		"optim.Adagrad: lr decay -1: at least 0 expected":            adagrad(1, optim.AdagradOptions{LRDecay: -1}),
		"optim.Adagrad: weight decay -1: at least 0 expected":        adagrad(1, optim.AdagradOptions{WeightDecay: -1}),
		"optim.Adagrad: initial accumulator -1: at least 0 expected": adagrad(1, optim.AdagradOptions{InitialAccumulator: -1}),
		"optim.Adagrad: eps -1: at least 0 expected":                 adagrad(1, optim.AdagradOptions{Eps: new(-1.0)}),

		"optim.ClipGradNorm: limit -1: at least 0 expected":   func() { optim.ClipGradNorm(params, -1, 2) },
		"optim.ClipGradNorm: norm 0.5: at least 1 expected":   func() { optim.ClipGradNorm(params, 1, 0.5) },
		"optim.ClipGradNorm: norm -Inf: at least 1 expected":  func() { optim.ClipGradNorm(params, 1, math.Inf(-1)) },
		"optim.ClipGradValue: limit NaN: at least 0 expected": func() { optim.ClipGradValue(params, nan) },

		"optim.StepLR: size 0: at least 1 expected":                      func() { optim.StepLR(0, 0.5) },
		"optim.StepLR: gamma -1: at least 0 expected":                    func() { optim.StepLR(1, -1) },
		"optim.MultiStepLR: gamma NaN: at least 0 expected":              func() { optim.MultiStepLR([]int{1}, nan) },
		"optim.ExponentialLR: gamma -1: at least 0 expected":             func() { optim.ExponentialLR(-1) },
		"optim.CosineAnnealingLR: 0 steps: at least 1 expected":          func() { optim.CosineAnnealingLR(0, 0) },
		"optim.CosineAnnealingLR: learning rate -1: at least 0 expected": func() { optim.CosineAnnealingLR(1, -1) },
		"optim.LinearLR: start 2: from 0 to 1 expected":                  func() { optim.LinearLR(2, 1, 5) },
		"optim.LinearLR: end -1: from 0 to 1 expected":                   func() { optim.LinearLR(1, -1, 5) },
		"optim.LinearLR: 0 steps: at least 1 expected":                   func() { optim.LinearLR(0, 1, 0) },
		"optim.MultiStepLR: milestones [3 2]: steps from 1 in order expected": func() {
			optim.MultiStepLR([]int{3, 2}, 0.5)
		},
		"optim.SequentialLR: milestones [0]: steps from 1 in order expected": func() {
			optim.SequentialLR(make([]optim.Schedule, 2), []int{0})
		},
		"optim.SequentialLR: 2 schedules and 2 milestones: one schedule more expected": func() {
			optim.SequentialLR(make([]optim.Schedule, 2), []int{1, 2})
		},

		"optim.OneCycleLR: 0 steps: at least 1 expected":                cycle(0, optim.OneCycleOptions{}),
		"optim.OneCycleLR: start 1.5: from 0 to 1 expected":             cycle(1, optim.OneCycleOptions{PctStart: new(1.5)}),
		"optim.OneCycleLR: division factor 0: above 0 expected":         cycle(1, optim.OneCycleOptions{DivFactor: new(0.0)}),
		"optim.OneCycleLR: final division factor NaN: above 0 expected": cycle(1, optim.OneCycleOptions{FinalDivFactor: &nan}),
		"optim.OneCycleLR: base momentum -1: at least 0 expected":       cycle(1, optim.OneCycleOptions{BaseMomentum: new(-1.0)}),
		"optim.OneCycleLR: max momentum -1: at least 0 expected":        cycle(1, optim.OneCycleOptions{MaxMomentum: new(-1.0)}),

		"optim.ReduceLROnPlateau: factor 1: at least 0 and less than 1 expected": plateau(1, 0, optim.PlateauOptions{}),
		"optim.ReduceLROnPlateau: patience -1: at least 0 expected":              plateau(0.5, -1, optim.PlateauOptions{}),
		"optim.ReduceLROnPlateau: threshold -1: at least 0 expected":             plateau(0.5, 0, optim.PlateauOptions{Threshold: new(-1.0)}),
		"optim.ReduceLROnPlateau: cooldown -1: at least 0 expected":              plateau(0.5, 0, optim.PlateauOptions{Cooldown: -1}),
		"optim.ReduceLROnPlateau: least learning rate -1: at least 0 expected":   plateau(0.5, 0, optim.PlateauOptions{MinLR: -1}),
		"optim.ReduceLROnPlateau: eps -1: at least 0 expected":                   plateau(0.5, 0, optim.PlateauOptions{Eps: new(-1.0)}),
	} {
		func() {
			defer func() {
				switch err := recover().(type) {
				case *fault.OptionError:
					if err.Error() != text {
						t.Errorf("got  %s\nwant %s", err, text)
					}
				default:
					t.Errorf("got panic %v, want %v: %s", err, reflect.TypeFor[*fault.OptionError](), text)
				}
			}()
			f()
		}()
	}
}

// BenchmarkStep steps the parameters of a layer of 784 by 256 in float32.
func BenchmarkStep(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		b.Run(name, func(b *testing.B) {
			p := tensor.Ones(tensor.Float32, 256, 784).SetRequiresGrad(true)
			p.Sum().Backward()
			o := newOptimizer(name, []*tensor.Tensor{p}, []settings{all[name]})
			b.ReportAllocs()
			b.SetBytes(int64(4 * p.Numel()))
			for b.Loop() {
				o.Step()
			}
		})
	}
}
