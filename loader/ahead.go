package loader

import (
	"errors"
	"sync"
)

// batches are the batches of an epoch.
type batches interface {
	// batch prepares batch k in b. The error is errEnd after the last batch. With workers
	// batch is called from several goroutines, each for batches of its own, and may end when
	// done is closed.
	batch(k int, b *buffer, done <-chan struct{}) (Batch, error)
}

// errEnd says that an epoch has no more batches.
var errEnd = errors.New("end of the epoch")

// inTurn prepares batches from the one at index from on, each when it is asked for. It
// reports whether it came to the end.
func inTurn(p batches, from int, yield func(Batch, error) bool) (ended bool) {
	var b buffer
	for k := from; ; k++ {
		batch, err := p.batch(k, &b, nil)
		if err == errEnd {
			return true
		}
		if !yield(batch, err) || err != nil {
			return false
		}
		batch.read()
	}
}

// prepared is what a worker hands over.
type prepared struct {
	batch  Batch
	err    error
	raised any // what the data set panicked with
}

// ahead prepares batches from the one at index from on with the given number of workers and
// yields them in order. Worker w prepares batches from+w, from+w+workers, ...: it writes one
// while its last is in use.
func ahead(p batches, workers, from int, yield func(Batch, error) bool) {
	if workers == 0 { // and so no batches
		return
	}
	done := make(chan struct{})
	out := make([]chan prepared, workers)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(done)
	for w := range workers {
		out[w] = make(chan prepared)
		wg.Go(func() {
			var buffers [2]buffer
			for k, turn := from+w, 0; ; k, turn = k+workers, 1-turn {
				r := prepare(p, k, &buffers[turn], done)
				select {
				case out[w] <- r:
				case <-done:
					return
				}
				if r.err != nil {
					return
				}
			}
		})
	}
	for w := 0; ; w = (w + 1) % workers {
		r := <-out[w]
		if r.raised != nil {
			panic(r.raised)
		}
		if r.err == errEnd || !yield(r.batch, r.err) || r.err != nil {
			return
		}
	}
}

// prepare is batch with a panic caught, to be raised again where the batch is used.
func prepare(p batches, k int, b *buffer, done <-chan struct{}) (r prepared) {
	defer func() {
		if v := recover(); v != nil {
			r = prepared{raised: v}
		}
	}()
	r.batch, r.err = p.batch(k, b, done)
	return r
}
