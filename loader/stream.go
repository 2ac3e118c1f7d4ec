package loader

import (
	"iter"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/random"
)

// Stream makes batches of the samples of a dataset.Stream: it is a Source whose length nobody
// knows. Batches depend on the stream, the options but Workers, and the epoch. It may be used
// from several goroutines at once.
//
// Samples are read from the stream one after the other and made by the workers, one batch
// each, while earlier batches are in use. What transforms draw for a sample depends on its
// place in the epoch. The Indices of a batch are these places, and it has no Next.
type Stream struct {
	stream  dataset.Stream
	options Options
}

var (
	_ Parted           = (*Stream)(nil)
	_ dataset.Prepared = (*Stream)(nil)
)

// NewStream returns a source of batches of a stream. It panics with a *fault.OptionError
// if New does for the batch size and the workers, and if options have Shuffle or a
// Sampler: a stream has an order of its own.
func NewStream(stream dataset.Stream, options Options) *Stream {
	options.check("loader.NewStream")
	if options.Shuffle || options.Sampler != nil {
		fault.Option("loader.NewStream", "Shuffle or a Sampler: none expected, a stream has an order of its own")
	}
	return &Stream{stream, options}
}

// Len returns -1: nobody knows the number of batches.
func (s *Stream) Len() int { return -1 }

// Samples returns -1: nobody knows the number of samples.
func (s *Stream) Samples() int { return -1 }

// BatchSize returns the number of samples of a batch. The last one of an epoch may have fewer.
func (s *Stream) BatchSize() int { return s.options.BatchSize }

// Classes returns the names of the stream's classes.
func (s *Stream) Classes() []string { return s.stream.Classes() }

// Preparations returns what the stream says of how it prepares its inputs.
func (s *Stream) Preparations() []dataset.Preparation { return dataset.PreparationsOf(s.stream) }

// Batches returns the batches of an epoch from the one at index from on, as Source says. The
// samples before are read, and not made. The errors are the stream's.
func (s *Stream) Batches(epoch, from int) iter.Seq2[Batch, error] { return s.Parts(epoch, from, nil) }

// Parts returns parts of the batches of an epoch from the one at index from on, as Parted says. All samples
// are read, and those of the parts made. The errors are the stream's.
func (s *Stream) Parts(epoch, from int, part func(batch, samples int) (lo, hi int)) iter.Seq2[Batch, error] {
	checkFrom("loader.Stream", from)
	return func(yield func(Batch, error) bool) {
		next, stop := iter.Pull2(s.stream.Samples(epoch))
		defer stop()
		for range from * s.options.BatchSize {
			_, err, ok := next()
			if !ok {
				return
			}
			if err != nil {
				yield(Batch{}, err)
				return
			}
		}
		r := &reading{next: next, options: s.options, from: from, key: random.New(s.options.Seed).For("transform").At(epoch), part: part}
		if s.options.Workers == 0 {
			inTurn(r, from, yield)
			return
		}
		for range s.options.Workers {
			r.turns = append(r.turns, make(chan struct{}, 1))
		}
		r.turns[0] <- struct{}{}
		ahead(r, s.options.Workers, from, yield)
	}
}

// reading is an epoch of a stream. Its workers read from the stream in turn.
type reading struct {
	next    func() (dataset.Make, error, bool)
	ended   bool // next is not to be called any more
	options Options
	from    int // the first batch
	key     random.Key
	part    part
	turns   []chan struct{} // one a worker, which has an element when the worker may read; none without workers
}

// batch makes the samples of batch k in b.
func (r *reading) batch(k int, b *buffer, done <-chan struct{}) (Batch, error) {
	samples, err := r.read(k, done)
	if err != nil {
		return Batch{}, err
	}
	lo, hi := r.part.of(k, len(samples))
	batch := Batch{Indices: make([]int, hi-lo), Whole: len(samples), Before: lo}
	for at := range batch.Indices {
		batch.Indices[at] = k*r.options.BatchSize + lo + at
	}
	return stack(b, batch, hi-lo, func(at int) (dataset.Sample, error) { return samples[lo+at](r.key.At(batch.Indices[at])) })
}

// read reads the samples of batch k when the batches before have been read.
func (r *reading) read(k int, done <-chan struct{}) ([]dataset.Make, error) {
	if n := len(r.turns); n > 0 {
		turn := (k - r.from) % n
		select {
		case <-r.turns[turn]:
		case <-done:
			return nil, errEnd
		}
		defer func() { r.turns[(turn+1)%n] <- struct{}{} }()
	}
	var samples []dataset.Make
	for !r.ended && len(samples) < r.options.BatchSize {
		sample, err, ok := r.next()
		if r.ended = !ok || err != nil; err != nil {
			return nil, err
		}
		if ok {
			samples = append(samples, sample)
		}
	}
	if len(samples) == 0 || r.options.DropLast && len(samples) < r.options.BatchSize {
		return nil, errEnd
	}
	return samples, nil
}
