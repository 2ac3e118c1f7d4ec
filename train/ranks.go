package train

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model/safetensors"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// leastNormed is the fewest samples of a full batch that a shard may have if there is a batch norm, whose statistics are
// those of a shard.
const leastNormed = 16

// ranks returns how many work on the run.
func (c *Config) ranks() int {
	if c.Comm == nil {
		return 1
	}
	return c.Comm.Size()
}

// shards returns how many a batch has: 1 of a FullBatch and of a Solver, which see all samples at once.
func (c *Config) shards() int {
	switch c.Optimizer.(type) {
	case *FullBatch, Solver:
		return 1
	}
	return max(c.Shards, 1)
}

// checkRanks returns what is wrong with shards and ranks, and has a Sharer share its work.
func (c *Config) checkRanks() error {
	if c.Shards < 0 {
		return wrong("Shards", "found %d, at least 0 expected", c.Shards)
	}
	if c.Test != nil && c.ranks() > 1 {
		if _, ok := c.Test.(loader.Parted); !ok {
			return wrong("Test", "found a source of whole batches alone, a loader.Parted expected for several ranks")
		}
	}
	switch o := c.Optimizer.(type) {
	case Sharer:
		o.Share(c.Comm)
		return nil
	case Solver:
		return nil
	}
	if c.shards() < c.ranks() {
		return wrong("Shards", "found %d for %d ranks, at least as many shards as ranks expected", c.shards(), c.ranks())
	}
	if c.shards() == 1 {
		return nil
	}
	p, ok := c.Train.(loader.Parted)
	if !ok {
		return wrong("Train", "found a source of whole batches alone, a loader.Parted expected for several shards")
	}
	for _, v := range nn.ParameterList(c.Model.Net) {
		if v.DType() != tensor.Float32 {
			return wrong("Model", "found parameters of %v, float32 expected for several shards", v.DType())
		}
	}
	var err error
	nn.Apply(c.Model.Net, func(name string, m nn.Module) {
		var norm *nn.BatchNorm
		switch m := m.(type) {
		case *nn.BatchNorm1d:
			norm = &m.BatchNorm
		case *nn.BatchNorm2d:
			norm = &m.BatchNorm
		}
		if n := p.BatchSize(); err == nil && norm != nil && norm.Training() && n/c.Shards < leastNormed {
			err = wrong("Shards", "found batches of %d samples in %d shards of at least %d, at least %d a shard expected for layer %q, a batch norm: larger batches, or at most %s",
				n, c.Shards, n/c.Shards, leastNormed, name, plural(n/leastNormed, "shard"))
		}
	})
	return err
}

// plural returns "1 shard" or "3 shards".
func plural(n int, of string) string {
	if n != 1 {
		of += "s"
	}
	return fmt.Sprintf("%d %s", n, of)
}

// meet begins the run of all ranks: it compares what has to be the same, and gives all the state of
// rank 0. The run l is nil on a rank where err says what is wrong.
func (c *Config) meet(l *loop, err error) error {
	if err := c.compare(l, err); err != nil {
		return err
	}
	return l.begins()
}

// compare returns err, or what is not the same on all ranks, as meet says.
func (c *Config) compare(l *loop, err error) error {
	var facts []dist.Fact
	if err == nil {
		facts, err = l.facts()
	}
	return dist.Compare(c.Comm, facts, err)
}

// facts returns what has to be the same on all ranks.
func (l *loop) facts() ([]dist.Fact, error) {
	kernels, err := kernel.Name()
	if err != nil {
		return nil, err
	}
	settings, err := json.Marshal(l.Settings)
	if err != nil {
		return nil, err
	}
	layers, err := json.Marshal(l.Model.Layers)
	if err != nil {
		return nil, err
	}
	batch := 0
	if p, ok := l.Train.(loader.Parted); ok {
		batch = p.BatchSize()
	}
	facts := []dist.Fact{
		{Name: "Go", Value: runtime.Version() + " " + runtime.GOARCH},
		{Name: "kernels", Value: kernels},
		{Name: "number of shards", Value: fmt.Sprint(l.shards())},
		{Name: "batch size", Value: fmt.Sprint(batch)},
		{Name: "number of epochs", Value: fmt.Sprint(l.Epochs)},
		{Name: "key", Value: fmt.Sprint(l.Key)},
		{Name: "settings", Value: string(settings)},
		{Name: "hash of the layers", Value: hash(layers)},
		{Name: "rest of the configuration", Value: fmt.Sprint(l.Task.Name(), l.ClipNorm, l.Mixup, l.EMA != nil, l.Plateau != nil, l.Schedule != nil, l.Budget != nil, l.EarlyStop, l.Mirrored)},
	}
	for epoch, s := range []struct { // tests are epoch 0
		name   string
		source loader.Source
	}{{"test data", l.Test}, {"training data", l.Train}} {
		value := "none"
		if !absent(s.source) {
			if value, err = identity(s.source, epoch); err != nil {
				return nil, err
			}
		}
		facts = append(facts, dist.Fact{Name: s.name, Value: value})
	}
	return facts, nil
}

// identity returns what is known of a source's data without reading them all: how many there are, and a hash
// of their classes, their labels and one sample of an epoch.
func identity(s loader.Source, epoch int) (string, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%q", s.Classes())
	if d, ok := of(s).(dataset.Labelled); ok {
		for i := range d.Len() {
			label, err := d.Label(i)
			if err != nil { // targets are no classes
				break
			}
			b.Write(binary.AppendVarint(nil, int64(label)))
		}
	}
	input, target, err := firstSample("Train", s, epoch)
	if err != nil {
		return "", err
	}
	text, err := pack(named{"input", input}, named{"target", target})
	if err != nil {
		return "", err
	}
	b.Write(text)
	return fmt.Sprintf("%d samples %s", s.Samples(), hash(b.Bytes())), nil
}

// hash returns the beginning of the SHA-256 of b, in hexadecimal.
func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return fmt.Sprintf("%x", sum[:8])
}

// named is a tensor and its name.
type named struct {
	name  string
	value *tensor.Tensor
}

// pack returns tensors as bytes.
func pack(tensors ...named) ([]byte, error) {
	var f safetensors.File
	for _, t := range tensors {
		f.Tensors = append(f.Tensors, safetensors.Tensor{Name: t.name, Value: t.value})
	}
	var b bytes.Buffer
	err := f.Write(&b)
	return b.Bytes(), err
}

// unpack returns the tensors that pack made bytes of, by name.
func unpack(b []byte) (map[string]*tensor.Tensor, error) {
	f, err := safetensors.Read(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	tensors := map[string]*tensor.Tensor{}
	for _, t := range f.Tensors {
		tensors[t.Name] = t.Value
	}
	return tensors, nil
}

// begins gives all ranks what rank 0 begins with: its weights, its optimizer's state, how far it is and how much of its time is over.
func (l *loop) begins() error {
	state := maps.Collect(nn.StateDict(l.Model.Net))
	maps.Copy(state, l.state())
	if err := share(l.Comm, state); err != nil {
		return err
	}
	own := beginning{Progress: l.Start}
	if l.Budget != nil {
		own.Over = l.ownShare()
	}
	all, err := dist.Collect(l.Comm, own, nil)
	if err != nil {
		return err
	}
	l.Start, l.agreed = all[0].Progress, all[0].Over
	return nil
}

// beginning is how far a run is when it begins or goes on.
type beginning struct {
	Progress Progress
	Over     float64 // share of a Budget's time
}

// share gives tensors, of the same names and shapes on all ranks, the values that they have on rank 0.
func share(c dist.Comm, tensors map[string]*tensor.Tensor) error {
	var state []byte
	var err error
	if c.Rank() == 0 {
		var mine []named
		for _, name := range slices.Sorted(maps.Keys(tensors)) {
			mine = append(mine, named{name, tensors[name]})
		}
		state, err = pack(mine...)
	}
	state, err = dist.Share(c, state, err)
	if err != nil || c.Rank() == 0 {
		return err
	}
	from, err := unpack(state)
	if err != nil {
		return err
	}
	for name, t := range tensors {
		if from := from[name]; from == nil || !slices.Equal(from.Shape(), t.Shape()) {
			return fmt.Errorf("rank 0 has no tensor %q of shape %v", name, t.Shape())
		}
		t.CopyInPlace(from[name])
	}
	return nil
}

// ShareWeights gives the parameters and buffers of net the values that they have on rank 0 of c. All ranks call it, with nets of the same layers. The
// error is known to all ranks, or says what rank 0's net does not have.
func ShareWeights(c dist.Comm, net nn.Module) error { return share(c, maps.Collect(nn.StateDict(net))) }

// ready returns what ends the run before its next step, on all ranks the same: err, or that ctx is done. It
// is also where all learn how much time is over.
func (l *loop) ready(ctx context.Context, err error) error {
	err = cmp.Or(err, ctx.Err())
	if l.Comm == nil {
		return err
	}
	if l.Budget == nil || l.ranks() == 1 {
		return dist.Agree(l.Comm, err)
	}
	over, err := dist.Share(l.Comm, binary.LittleEndian.AppendUint64(nil, math.Float64bits(l.ownShare())), err)
	if err == nil {
		l.agreed = math.Float64frombits(binary.LittleEndian.Uint64(over))
	}
	return err
}

// leave returns err, or what ended the run on another rank. Whatever ends the run on one rank alone, such as a
// file that cannot be written or a listener that stopped it, becomes known to the others here: they ask before
// their next step, or are here too.
func (l *loop) leave(err error, stopped bool) error {
	if l.ranks() == 1 {
		return err
	}
	_, diverged := errors.AsType[*DivergedError](err) // by numbers that all have
	if dist.Known(err) || diverged {
		return err
	}
	if err == nil && stopped {
		err = errStopped
	}
	return dist.Agree(l.Comm, err)
}

// both returns the error of a checkpoint that was written because of an interruption, if there is one. Of several ranks it goes
// with the interruption, which all know of, so that leave tells them nothing more.
func (l *loop) both(saving, interruption error) error {
	if l.ranks() == 1 {
		return cmp.Or(saving, interruption)
	}
	return errors.Join(saving, interruption)
}

// timed is a Comm that adds up how long its calls take.
type timed struct {
	dist.Comm
	spent time.Duration
}

// since adds the time since start.
func (t *timed) since(start time.Time) { t.spent += time.Since(start) }

func (t *timed) AllToAll(send, recv [][]byte) error {
	defer t.since(time.Now())
	return t.Comm.AllToAll(send, recv)
}

func (t *timed) AllGather(send []byte, recv [][]byte) error {
	defer t.since(time.Now())
	return t.Comm.AllGather(send, recv)
}

// times returns what all ranks did in the steps of an epoch, which took so long on this one; nil of one rank.
func (l *loop) times(took time.Duration) ([]RankTime, error) {
	if l.timed == nil {
		return nil, nil
	}
	return dist.Collect(l.Comm, RankTime{l.own, took.Seconds(), l.timed.spent.Seconds()}, nil)
}

// errStopped is why other ranks end if the listener of one goes.
var errStopped = errors.New("the run was stopped by its listener")

// interrupted reports whether err is that a context is done.
func interrupted(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
