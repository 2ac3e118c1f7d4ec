// Package loader makes batches of the samples of data sets and streams. The batches of an epoch
// depend on the samples, the options and the epoch's number, and never on the number of workers.
package loader

import (
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/reuse"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// Source gives the batches of an epoch. A Loader is one, over samples by index, and a
// Stream another, over samples whose number nobody knows.
type Source interface {
	// Batches returns the batches of an epoch from the one at index from on. They are those
	// that the whole epoch has from there. No sample of the batches before them is prepared.
	// It panics with a *fault.OptionError if from is below 0. A batch's tensors are overwritten
	// when the next one is asked for: Clone what is to be kept. An error ends the epoch.
	Batches(epoch, from int) iter.Seq2[Batch, error]
	// Len returns the number of batches in an epoch, or -1 if nobody knows it.
	Len() int
	// Samples returns the number of samples in an epoch, or -1 if nobody knows it.
	Samples() int
	// Classes returns the names of the classes: the class c of a target means Classes()[c].
	// The caller must not change them.
	Classes() []string
}

// Parted is a Source for those who share the work on each batch. A Loader is one, and a Stream.
type Parted interface {
	Source
	// BatchSize returns the most samples of a batch.
	BatchSize() int
	// Parts returns the batches as Batches does, of each the samples that part says, from lo up to hi: it is
	// asked for the batch at an index, of so many samples. No other sample is prepared. It may be asked from several
	// goroutines at once. A nil part is all of every batch.
	Parts(epoch, from int, part func(batch, samples int) (lo, hi int)) iter.Seq2[Batch, error]
}

// Batch is some samples side by side.
type Batch struct {
	Inputs  *tensor.Tensor // (N, ...) of Float32; (N, C, H, W) for pictures; nil of a part without samples
	Targets *tensor.Tensor // (N) of Int64, the classes; or (N, V) of Float32, if targets are vectors; nil as Inputs is
	Indices []int          // (N), of the samples in the data set; of a stream, their places in the epoch
	Next    []int          // the Indices of the next batch, or none: memory that they lie in may be fetched ahead

	// Of a Parted: how many samples the batch has, and how many of them are before those that are here.
	Whole, Before int

	from *filler // of a dataset.Batcher, or nil
}

// String returns the inputs and the targets as they print.
func (b Batch) String() string { return fmt.Sprintf("[%v, %v]", b.Inputs, b.Targets) }

// Fill writes samples lo up to hi of a batch to memory, which has a row for each. Several
// calls may run at once.
type Fill func(to dataset.Memory, lo, hi int)

// Pieces returns what writes some samples of the batch at a time. ok is false if the data set is
// no dataset.Batcher. It is for a caller that reads samples by this function or by Indices:
// after a call, Inputs and Targets are filled only if somebody reads them.
func (b Batch) Pieces() (fill Fill, ok bool) {
	if b.from == nil {
		return nil, false
	}
	b.from.inPieces.Store(true)
	return b.from.fill, true
}

// read fills Inputs and Targets, unless they are filled or somebody asked for Pieces.
func (b Batch) read() {
	if b.from != nil && !b.from.inPieces.Load() {
		b.from.now()
	}
}

// Options say how samples become batches.
type Options struct {
	BatchSize int    // samples of a batch, at least 1
	Shuffle   bool   // in another order every epoch, a function of Seed and the epoch
	Seed      uint64 // of the order and of what transforms draw
	Workers   int    // goroutines that prepare batches ahead, but see Loader; 0 prepares each when it is asked for
	DropLast  bool   // leave out a last batch that is not full

	// Sampler, if not nil, chooses the samples of an epoch and their order, in place
	// of Shuffle.
	Sampler Sampler
}

// Sampler chooses the samples of an epoch. It may be used from several goroutines at
// once.
type Sampler interface {
	// Len returns the number of samples of every epoch.
	Len() int
	// Order returns the indices of an epoch's samples in their order, Len of them: a
	// function of the epoch. An index may come more than once; transforms draw anew for it
	// each time. The loader does not change the list.
	Order(epoch int) []int
}

// Loader goes over a data set in batches: it is a Source. Batches depend on the data set,
// the options but Workers, and the epoch. It may be used from several goroutines at once.
//
// The workers prepare batches ahead, while earlier ones are in use. Batches of a
// dataset.Batcher take some microseconds: workers would take longer to hand them over. So all
// cores fill such a batch when it is first read, whatever the number of workers. Each core then
// finds the samples that it wrote in its own cache. A batch that nobody has read is filled when
// the next one is asked for, so that a loop over an epoch prepares all that it has.
type Loader struct {
	data    dataset.Dataset
	options Options

	mu   sync.Mutex
	next *shuffled // what the next epoch is likely to need, or nil
}

// shuffled is an epoch's order that is drawn before it is asked for, while the model is
// measured between two epochs.
type shuffled struct {
	epoch int
	order chan []int
}

var (
	_ Parted           = (*Loader)(nil)
	_ dataset.Prepared = (*Loader)(nil)
)

// New returns a loader over data. It panics with a *fault.OptionError if data is nil, the
// batch size is below 1 or the number of workers below 0, and if both Shuffle and a Sampler
// are given.
func New(data dataset.Dataset, options Options) *Loader {
	if data == nil {
		fault.Option("loader.New", "no data set: one expected")
	}
	options.check("loader.New")
	if options.Shuffle && options.Sampler != nil {
		fault.Option("loader.New", "Shuffle and a Sampler: one of them expected")
	}
	return &Loader{data: data, options: options}
}

// check panics unless the batch size and the number of workers can work.
func (o Options) check(op string) {
	if o.BatchSize < 1 || o.Workers < 0 {
		fault.Option(op, "batch size %d, workers %d: at least 1 and at least 0 expected", o.BatchSize, o.Workers)
	}
}

// checkFrom panics unless an epoch can start at batch from.
func checkFrom(op string, from int) {
	if from < 0 {
		fault.Option(op, "batches from %d on: at least 0 expected", from)
	}
}

// Dataset returns what the loader goes over.
func (l *Loader) Dataset() dataset.Dataset { return l.data }

// Classes returns the names of the data set's classes.
func (l *Loader) Classes() []string { return l.data.Classes() }

// Preparations returns what the data set says of how it prepares its inputs.
func (l *Loader) Preparations() []dataset.Preparation { return dataset.PreparationsOf(l.data) }

// BatchSize returns the number of samples of a batch. The last one of an epoch may have fewer.
func (l *Loader) BatchSize() int { return l.options.BatchSize }

// Samples returns the number of samples in an epoch.
func (l *Loader) Samples() int {
	n := l.data.Len()
	if l.options.Sampler != nil {
		n = l.options.Sampler.Len()
	}
	if l.options.DropLast {
		n -= n % l.options.BatchSize
	}
	return n
}

// Len returns the number of batches in an epoch.
func (l *Loader) Len() int {
	n, size := l.Samples(), l.options.BatchSize
	return n/size + min(n%size, 1)
}

// Epoch returns the batches of an epoch, all of them: Batches(epoch, 0).
func (l *Loader) Epoch(epoch int) iter.Seq2[Batch, error] { return l.Batches(epoch, 0) }

// First returns the first batch of an epoch, in memory of its own: it stays as it is. The
// errors are the data set's, and one says that the epoch has no samples.
func (l *Loader) First(epoch int) (Batch, error) {
	batch, err := l.plan(epoch).batch(0, &buffer{}, nil)
	if err == errEnd {
		return Batch{}, fmt.Errorf("loader: epoch %d has no samples", epoch)
	}
	if err != nil {
		return Batch{}, err
	}
	batch.read()
	return batch, nil
}

// Batches returns the batches of an epoch from the one at index from on, as Source says.
// The errors are the data set's.
func (l *Loader) Batches(epoch, from int) iter.Seq2[Batch, error] { return l.Parts(epoch, from, nil) }

// Parts returns parts of the batches of an epoch from the one at index from on, as Parted says.
// The errors are the data set's.
func (l *Loader) Parts(epoch, from int, part func(batch, samples int) (lo, hi int)) iter.Seq2[Batch, error] {
	checkFrom("loader.Loader", from)
	return func(yield func(Batch, error) bool) {
		p := l.plan(epoch)
		p.part = part
		if l.options.Workers > 0 && p.fill == nil {
			ahead(p, min(l.options.Workers, max(l.Len()-from, 0)), from, yield)
			return
		}
		if inTurn(p, from, yield) && l.options.Shuffle {
			l.shuffleAhead(epoch + 1)
		}
	}
}

// shuffled returns the samples in the epoch's order.
func (l *Loader) shuffled(epoch int) []int {
	l.mu.Lock()
	next := l.next
	l.next = nil
	l.mu.Unlock()
	if next != nil && next.epoch == epoch {
		return <-next.order
	}
	return l.shuffle(epoch)
}

func (l *Loader) shuffle(epoch int) []int {
	return random.New(l.options.Seed).For("permutation").At(epoch).Rand().Perm(l.data.Len())
}

// shuffleAhead draws the order of an epoch in the background.
func (l *Loader) shuffleAhead(epoch int) {
	next := &shuffled{epoch, make(chan []int, 1)}
	go func() { next.order <- l.shuffle(epoch) }()
	l.mu.Lock()
	l.next = next
	l.mu.Unlock()
}

// plan is one epoch: which samples, in which order, under which chance.
type plan struct {
	data  dataset.Dataset
	order []int
	turns []int // how often each of order came before in it; nil if none comes twice
	size  int
	key   random.Key // of the epoch's transforms
	fill  dataset.Fill
	row   dataset.Row // of a batch, if fill is set
	part  part
}

// part says which samples of a batch are prepared; nil for all.
type part func(batch, samples int) (lo, hi int)

// of returns which of batch k, of n samples, are prepared.
func (p part) of(k, n int) (lo, hi int) {
	if p == nil {
		return 0, n
	}
	if lo, hi = p(k, n); lo < 0 || hi < lo || hi > n {
		fault.Option("loader.Parted", "samples %d to %d of batch %d, which has %d: a range of them expected", lo, hi, k, n)
	}
	return lo, hi
}

func (l *Loader) plan(epoch int) *plan {
	seed := random.New(l.options.Seed)
	p := &plan{data: l.data, size: l.options.BatchSize, key: seed.For("transform").At(epoch)}
	if s := l.options.Sampler; s != nil {
		if p.order = s.Order(epoch); len(p.order) != s.Len() {
			fault.Option("loader.Loader", "the sampler's order of epoch %d has %d samples, expected its Len, %d", epoch, len(p.order), s.Len())
		}
		p.turns = make([]int, len(p.order))
		times := map[int]int{}
		for k, i := range p.order {
			p.turns[k] = times[i]
			times[i]++
		}
	} else if l.options.Shuffle {
		p.order = l.shuffled(epoch)
	} else {
		p.order = make([]int, l.data.Len())
		for i := range p.order {
			p.order[i] = i
		}
	}
	p.order = p.order[:l.Samples()]
	if b, ok := l.data.(dataset.Batcher); ok {
		p.fill, p.row = b.Batch()
	}
	return p
}

// buffer is the memory of one batch, reused for others.
type buffer struct {
	inputs, targets *tensor.Tensor
	row             dataset.Row
	memory          dataset.Memory // the elements of inputs and targets
}

// reserve returns tensors for n samples, views of what b has. The memory of b is made for
// size samples, the first time, if a row is another one and if there are more samples.
func (b *buffer) reserve(n, size int, row dataset.Row) (inputs, targets *tensor.Tensor) {
	if b.inputs == nil || n > b.inputs.Size(0) || !slices.Equal(b.row.Input, row.Input) || b.row.Vector != row.Vector {
		b.row = row
		b.inputs = tensor.Zeros(tensor.Float32, append([]int{size}, row.Input...)...)
		b.memory = dataset.Memory{Inputs: tensor.Data[float32](b.inputs)}
		if row.Vector > 0 {
			b.targets = tensor.Zeros(tensor.Float32, size, row.Vector)
			b.memory.Vectors = tensor.Data[float32](b.targets)
		} else {
			b.targets = tensor.Zeros(tensor.Int64, size)
			b.memory.Classes = tensor.Data[int64](b.targets)
		}
	}
	if n == b.inputs.Size(0) { // a view even so: what a user does to a batch's tensor ends with the batch
		return b.inputs.Detach(), b.targets.Detach()
	}
	return b.inputs.Narrow(0, 0, n), b.targets.Narrow(0, 0, n)
}

// indices returns the samples of batch k, and of the one after it.
func (p *plan) indices(k int) (these, next []int) {
	rest := p.order[k*p.size:]
	these, rest = rest[:min(p.size, len(rest))], rest[min(p.size, len(rest)):]
	return slices.Clip(these), slices.Clip(rest[:min(p.size, len(rest))])
}

// chance returns the key of the sample that is the at-th of the epoch.
func (p *plan) chance(at int) random.Key {
	key := p.key.At(p.order[at])
	if p.turns != nil && p.turns[at] > 0 {
		key = key.At(p.turns[at])
	}
	return key
}

// fillBatch returns a batch in the memory of b. Its first sample is at the given place in the epoch. It is filled when it
// is first read: the first layer then finds each sample in the cache that it was written to.
func (p *plan) fillBatch(batch Batch, first int, b *buffer) Batch {
	batch.Inputs, batch.Targets = b.reserve(len(batch.Indices), p.room(batch), p.row)
	f := &filler{plan: p, first: first}
	memory := b.memory
	f.now = reuse.Later(func(lo, hi int) { f.fill(memory.Rows(lo, hi, p.row), lo, hi) }, batch.Inputs, batch.Targets)
	batch.from = f
	return batch
}

// room returns for how many samples memory is made for a batch.
func (p *plan) room(b Batch) int {
	if len(b.Indices) < b.Whole {
		return len(b.Indices)
	}
	return min(p.size, len(p.order))
}

// filler fills a batch of a dataset.Batcher.
type filler struct {
	plan     *plan
	first    int         // place in the epoch of the batch's first sample
	now      func()      // fills the batch, unless it is filled
	inPieces atomic.Bool // somebody has another way to the samples
}

// fill is a Fill.
func (f *filler) fill(to dataset.Memory, lo, hi int) {
	lo, hi = f.first+lo, f.first+hi
	f.plan.fill(to, f.plan.order[lo:hi], dataset.Chance{Of: f.plan.chance, First: lo})
}

// batch prepares batch k in b.
func (p *plan) batch(k int, b *buffer, _ <-chan struct{}) (Batch, error) {
	if k > (len(p.order)-1)/p.size || len(p.order) == 0 {
		return Batch{}, errEnd
	}
	indices, next := p.indices(k)
	lo, hi := p.part.of(k, len(indices))
	batch := Batch{Indices: indices[lo:hi:hi], Whole: len(indices), Before: lo}
	if hi-lo == len(indices) {
		batch.Next = next
	}
	first := k*p.size + lo
	switch {
	case lo == hi:
		return batch, nil
	case p.fill != nil:
		return p.fillBatch(batch, first, b), nil
	}
	return stack(b, batch, p.room(batch), func(at int) (dataset.Sample, error) {
		return p.data.Sample(batch.Indices[at], p.chance(first+at))
	})
}

// stack returns a batch with its samples, in the memory of b, which is made for
// size samples if there is none. The at-th sample is sample(at).
func stack(b *buffer, batch Batch, size int, sample func(at int) (dataset.Sample, error)) (Batch, error) {
	for at, i := range batch.Indices {
		s, err := sample(at)
		if err != nil {
			return Batch{}, err
		}
		row, err := rowOf(s, i)
		if err != nil {
			return Batch{}, err
		}
		if at == 0 {
			batch.Inputs, batch.Targets = b.reserve(len(batch.Indices), size, row)
		}
		if !slices.Equal(row.Input, b.row.Input) {
			return Batch{}, fmt.Errorf("loader: sample %d has shape %v, the first of its batch %v: one shape expected", i, row.Input, b.row.Input)
		}
		if row.Vector != b.row.Vector {
			return Batch{}, fmt.Errorf("loader: sample %d has %s as its target, the first of its batch %s: one kind expected",
				i, kindOf(row), kindOf(b.row))
		}
		batch.Inputs.Select(0, at).CopyInPlace(s.Tensor)
		batch.Targets.Select(0, at).CopyInPlace(s.Target)
	}
	return batch, nil
}

// rowOf returns what a batch has of sample i. The error says that it fits no batch.
func rowOf(s dataset.Sample, i int) (dataset.Row, error) {
	if s.Tensor == nil {
		return dataset.Row{}, fmt.Errorf("loader: sample %d is an image: a transform that ends in a tensor expected", i)
	}
	row := dataset.Row{Input: s.Tensor.Shape()}
	if _, ok := s.Class(); ok {
		return row, nil
	}
	switch t := s.Target; {
	case t == nil:
		return row, fmt.Errorf("loader: sample %d has no target: a class or a vector expected", i)
	case t.DType() != tensor.Float32 || t.Dim() != 1 || t.Size(0) == 0:
		return row, fmt.Errorf("loader: sample %d has %s elements of shape %v as its target: a class, an int64 scalar, or a float32 vector expected",
			i, t.DType(), t.Shape())
	}
	row.Vector = s.Target.Size(0)
	return row, nil
}

// kindOf names the kind of target that a row has.
func kindOf(row dataset.Row) string {
	if row.Vector > 0 {
		return fmt.Sprintf("a vector of %d", row.Vector)
	}
	return "a class"
}
