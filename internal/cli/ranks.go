package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

// usualShards is how many shards a batch has if several ranks train and nothing is said.
const usualShards = 16

// ranks returns how many train.
func (c *trainCommand) ranks() int {
	if c.comm == nil {
		return 1
	}
	return c.comm.Size()
}

// follows reports whether this is one of the ranks that write and print nothing.
func (c *trainCommand) follows() bool { return c.ranks() > 1 && c.comm.Rank() > 0 }

// meet has all ranks compare what they are, and take the best kernels that all have.
func (c *trainCommand) meet(remarks io.Writer) error {
	if c.ranks() == 1 {
		return nil
	}
	facts := append([]dist.Fact{
		{Name: "version", Value: version()}, {Name: "compiler", Value: runtime.Version() + " for " + runtime.GOOS + "/" + runtime.GOARCH},
	}, c.facts()...)
	if err := dist.Compare(c.comm, facts, nil); err != nil {
		return err
	}
	best := kernel.Names()
	lists, err := dist.Collect(c.comm, best, nil)
	if err != nil {
		return err
	}
	name, err := commonKernels(lists, remarks)
	if err != nil || name == best[0] {
		return err
	}
	return kernel.Use(name)
}

// commonKernels returns the best kernels that all ranks have, of which each lists its own, the best first. Remarks are told of a rank that
// has better ones.
func commonKernels(lists [][]string, remarks io.Writer) (string, error) {
	for _, name := range lists[0] {
		if slices.ContainsFunc(lists, func(list []string) bool { return !slices.Contains(list, name) }) {
			continue
		}
		if rank := slices.IndexFunc(lists, func(list []string) bool { return list[0] != name }); rank >= 0 {
			fmt.Fprintf(remarks, "all ranks compute with the kernels %s, the best that all have: rank %d has %s\n", name, rank, lists[rank][0])
		}
		return name, nil
	}
	return "", fmt.Errorf("the ranks have no set of kernels in common: rank 0 has %s", strings.Join(lists[0], ", "))
}

// share has all ranks make the run r, or end with what is wrong with it on one of them, as err says of this one. One rank alone, or rank 0 of
// several, calls lead.
func (c *trainCommand) share(ctx context.Context, r *trainRun, err error, s streams, lead func() error) error {
	if err := c.compare(r, err); err != nil {
		return err
	}
	if err := c.expect(ctx, r, s); err != nil {
		return err
	}
	if c.follows() {
		return r.follow(ctx)
	}
	return c.lead(r, lead())
}

// compare returns err, or which rank has other settings or data.
func (c *trainCommand) compare(r *trainRun, err error) error {
	if c.ranks() == 1 || dist.Known(err) {
		return err
	}
	var facts []dist.Fact
	if err == nil {
		facts = c.facts()
		data := fmt.Sprintf("%s, %d, %d and %d samples, %s", r.data.Name, r.data.Train, r.data.Val, r.data.Test, r.data.SHA256)
		for _, f := range r.data.Files {
			data += " " + f.SHA256
		}
		facts = append(facts, dist.Fact{Name: "data", Value: data})
	}
	return dist.Compare(c.comm, facts, err)
}

// facts returns the settings, which are the same on all ranks, but for where the data are.
func (c *trainCommand) facts() (all []dist.Fact) {
	values := c.byFlag()
	for _, flag := range slices.Sorted(maps.Keys(values)) {
		if flag != "data" {
			all = append(all, dist.Fact{Name: "setting --" + flag, Value: values[flag]})
		}
	}
	return all
}

// hashShared returns the SHA-256 of the file at path in hexadecimal, which rank 0 of comm, or nil, reads for all ranks.
func hashShared(comm dist.Comm, path string) (sum string, err error) {
	if comm == nil {
		return hashFile(path)
	}
	if comm.Rank() == 0 {
		sum, err = hashFile(path)
	}
	shared, err := dist.Share(comm, []byte(sum), err)
	return string(shared), err
}

// agree returns err of this rank, as all ranks know it then.
func (c *trainCommand) agree(err error) error {
	if c.ranks() == 1 || dist.Known(err) {
		return err
	}
	return dist.Agree(c.comm, err)
}

// lead returns err, which ended the run of rank 0. If the run has not begun, the other ranks wait for it, and are told.
func (c *trainCommand) lead(r *trainRun, err error) error {
	if err != nil && !r.begun {
		_ = c.agree(err) // it is the one
	}
	return err
}

// follow trains on a rank that writes and prints nothing, and then helps rank 0 to measure the best model, as often as that asks.
func (r *trainRun) follow(ctx context.Context) error {
	for _, err := range train.Run(ctx, r.config(train.Progress{})) {
		if err != nil {
			return err
		}
	}
	learnt, err := r.model.Learnt()
	for {
		asked, err := dist.Share(r.comm, nil, err)
		if err != nil || len(asked) == 0 {
			return err
		}
		if err := train.ShareWeights(r.comm, r.model.Net); err != nil {
			return err
		}
		net, of := r.asked(r.model, dataset.Split(asked[0]))
		if _, err := train.EvaluateOn(r.comm, net, of, learnt); err != nil { // which keeps no outputs
			return err
		}
	}
}

// call has the other ranks compute what m says of a part, and returns with which ranks rank 0 does so; nil is alone. Ranks differ if they do not
// do the same next.
func (r *trainRun) call(m *model.Model, part dataset.Split) (dist.Comm, error) {
	if !r.assisted {
		return nil, nil
	}
	if _, err := dist.Share(r.comm, []byte{byte(part)}, nil); err != nil {
		return nil, err
	}
	return r.comm, train.ShareWeights(r.comm, m.Net)
}

// predict returns what m says of a part, by all ranks if they are there.
func (r *trainRun) predict(m *model.Model, part dataset.Split) (outputs, targets *tensor.Tensor, err error) {
	comm, err := r.call(m, part)
	if err != nil {
		return nil, nil, err
	}
	net, of := r.asked(m, part)
	return train.PredictOn(comm, net, of)
}

// dismiss ends what the other ranks do after the training, with err if there is one, and returns it.
func (r *trainRun) dismiss(err error) error {
	if !r.assisted || dist.Known(err) {
		return err
	}
	_, errOther := dist.Share(r.comm, nil, err)
	return cmp.Or(err, errOther)
}

// readOld returns the configuration of the run in f, which rank 0 reads for all.
func (c *trainCommand) readOld(f folder) (old config, err error) {
	if !c.follows() {
		old, err = f.readConfig()
	}
	if c.ranks() == 1 {
		return old, err
	}
	text, errText := json.Marshal(old)
	if err == nil {
		err = errText
	}
	if text, err = dist.Share(c.comm, text, err); err != nil {
		return old, err
	}
	err = json.Unmarshal(text, &old)
	return old, err
}

// expect says what several ranks will bring to the run, where that is measured. The error is known to all ranks.
func (c *trainCommand) expect(ctx context.Context, r *trainRun, s streams) error {
	found, err := train.Expect(ctx, r.config(train.Progress{}))
	if err != nil || found == nil || c.follows() {
		return err
	}
	e := newExpected(found)
	fmt.Fprintln(s.err, e)
	if !c.JSON {
		return nil
	}
	return c.lead(r, writeEvent(s.out, e, r.data.score()))
}

// expected is what several ranks will bring, as it was measured before the first step. It is an event of --json. Times are in seconds.
type expected struct {
	Event    string  `json:"event"`
	Ranks    int     `json:"ranks"`
	Shards   int     `json:"shards"`
	SpeedUp  float64 `json:"speed_up"` // how many times as fast as one rank with as many shards
	Step     float64 `json:"step"`
	Exchange float64 `json:"exchange"` // of a step, the part in which gradients are exchanged, and ranks wait for each other
}

// newExpected returns e as an event.
func newExpected(e *train.Expectation) expected {
	return expected{"expected", e.Ranks, e.Shards, e.SpeedUp(), e.Step, e.Exchange}
}

// String says it in a sentence, and advises one rank where several are no faster.
func (e expected) String() string {
	step, shards, flag := "a step", fmt.Sprintf(" with %d shards", e.Shards), fmt.Sprintf(" --shards %d", e.Shards)
	if e.Shards == 1 {
		step, shards, flag = "an evaluation of all samples", "", ""
	}
	takes := fmt.Sprintf("%s takes %s, of which %s are exchange", step, brief(e.Step), brief(e.Exchange))
	if e.SpeedUp < 1 {
		return fmt.Sprintf("one machine alone is expected to be %.1f times as fast as %d ranks: %s; onehot train%s gives the same bytes there", 1/e.SpeedUp, e.Ranks, takes, flag)
	}
	return fmt.Sprintf("%d ranks are expected to be %.1f times as fast as one%s: %s", e.Ranks, e.SpeedUp, shards, takes)
}

// brief returns so many seconds with two digits: "0.12 ms", "12 ms", "1.2 s".
func brief(seconds float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e-6, "µs"}, {1e-3, "ms"}} {
		if n := seconds / unit.size; n < 999.5 {
			return twoDigits(n) + " " + unit.name
		}
	}
	return twoDigits(seconds) + " s"
}

// twoDigits returns n, rounded to a whole number from 10 on.
func twoDigits(n float64) string {
	if n < 9.95 {
		return fmt.Sprintf("%.1f", n)
	}
	return fmt.Sprintf("%.0f", n)
}

// pace is what several ranks bring, as an epoch has shown. It is an event of --json.
type pace struct {
	Event   string  `json:"event"`
	Ranks   int     `json:"ranks"`
	SpeedUp float64 `json:"speed_up"` // how many times as fast as one rank with as many shards
	Waited  float64 `json:"waited"`   // share of the time of all ranks in which they waited, sent and received
}

// newPace returns what the ranks of an epoch bring, and false of one rank, or of an epoch without steps.
func newPace(e train.Epoch) (p pace, ok bool) {
	var longest, all, waited float64
	for _, r := range e.Ranks {
		longest, all, waited = max(longest, r.Seconds), all+r.Seconds, waited+r.Waited
	}
	if len(e.Ranks) < 2 || longest == 0 {
		return p, false
	}
	return pace{Event: "pace", Ranks: len(e.Ranks), SpeedUp: (all - waited) / longest, Waited: waited / all}, true
}

// String says it in a sentence, and advises one rank where several are no faster.
func (p pace) String() string {
	if p.SpeedUp < 1 {
		return fmt.Sprintf("%d ranks wait for each other %.0f%% of the time: one machine alone would be %.1f times as fast", p.Ranks, 100*p.Waited, 1/p.SpeedUp)
	}
	return fmt.Sprintf("%d ranks are %.1f times as fast as one with as many shards: they wait for each other %.0f%% of the time", p.Ranks, p.SpeedUp, 100*p.Waited)
}
