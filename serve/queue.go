package serve

import (
	"cmp"
	"context"
	"net/http"
	"sync"
	"time"
)

// job is the samples of a request, on their way through a queue.
type job struct {
	ctx           context.Context
	n             int       // samples
	inputs        []float32 // n prepared samples, one after the other
	logits        []float32 // (n, classes)
	probabilities []float64 // (n, classes)
	done          chan struct{}

	// Guarded by the queue's mutex, and free once done has an element.
	queued time.Time
	taken  int // samples that workers have
	left   int // samples that are not computed
	err    error
}

// piece is samples of a job that a worker has.
type piece struct {
	*job
	from, n int
}

// queue is the jobs that wait for a model.
type queue struct {
	most int // samples

	mu      sync.Mutex
	filled  sync.Cond
	jobs    []*job // those of which no worker has all samples
	samples int    // that no worker has
	closed  bool
}

func newQueue(most int) *queue {
	q := &queue{most: most}
	q.filled.L = &q.mu
	return q
}

// errFull is a queue's that has no place for a job.
var errFull = &Error{Status: http.StatusServiceUnavailable, Message: "too many samples wait: try again later", refused: "queue"}

// add puts a job at the end, unless that is too much.
func (q *queue) add(j *job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.samples+j.n > q.most {
		return errFull
	}
	j.queued, j.taken, j.left, j.err = time.Now(), 0, j.n, nil
	q.jobs = append(q.jobs, j)
	q.samples += j.n
	q.filled.Signal()
	return nil
}

// drop takes what no worker has of a job out of the queue, if its context is done.
func (q *queue) drop(j *job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, other := range q.jobs {
		if other == j {
			q.remove(i)
			return
		}
	}
}

// remove takes the job at i, whose context is done, out of the queue.
func (q *queue) remove(i int) {
	j := q.jobs[i]
	q.jobs = append(q.jobs[:i], q.jobs[i+1:]...)
	rest := j.n - j.taken
	q.samples -= rest
	j.taken = j.n
	q.finish(j, rest, j.ctx.Err())
}

// finish notes that so many samples of a job are computed, or will not be because of err.
func (q *queue) finish(j *job, n int, err error) {
	if j.err == nil {
		j.err = err
	}
	if j.left -= n; j.left == 0 {
		j.done <- struct{}{}
	}
}

// take waits for jobs and appends what a worker is to compute to pieces: so many samples at most.
// It returns nothing when the queue is closed and empty.
func (q *queue) take(pieces []piece, most int, waited func(time.Duration)) []piece {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(pieces) == 0 {
		for len(q.jobs) == 0 {
			if q.closed {
				return nil
			}
			q.filled.Wait()
		}
		for most > 0 && len(q.jobs) > 0 {
			j := q.jobs[0]
			if j.ctx.Err() != nil {
				q.remove(0)
				continue
			}
			if j.taken == 0 {
				waited(time.Since(j.queued))
			}
			n := min(j.n-j.taken, most)
			pieces = append(pieces, piece{j, j.taken, n})
			j.taken += n
			q.samples -= n
			most -= n
			if j.taken == j.n {
				q.jobs = append(q.jobs[:0], q.jobs[1:]...)
			}
		}
	}
	if len(q.jobs) > 0 {
		q.filled.Signal()
	}
	return pieces
}

// waiting returns how many samples wait.
func (q *queue) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.samples
}

// close ends the workers when nothing waits any more.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.filled.Broadcast()
}

// worker computes batches, one after the other, in memory of its own.
type worker struct {
	*served
	batch         int       // samples, at most
	inputs        []float32 // of the largest batch
	logits        []float32
	probabilities []float64
}

// newWorker returns a worker with memory for the largest batch.
func newWorker(v *served, batch int) *worker {
	classes := len(v.model.Classes)
	return &worker{v, batch, make([]float32, batch*v.size), make([]float32, batch*classes), make([]float64, batch*classes)}
}

// warmUp computes batches of one sample and of the most.
func (w *worker) warmUp() error {
	return cmp.Or(w.compute(1), w.compute(w.batch))
}

// work computes what is in the queue until it is closed.
func (w *worker) work() {
	var pieces []piece
	for {
		pieces = w.queue.take(pieces[:0], w.batch, w.metrics.waited.observe)
		if pieces == nil {
			return
		}
		err := w.together(pieces)
		for _, p := range pieces {
			if err != nil && len(pieces) > 1 { // not because of every piece
				w.done(p, w.together([]piece{p}))
			} else {
				w.done(p, err)
			}
		}
		clear(pieces)
	}
}

// together computes pieces as one batch.
func (w *worker) together(pieces []piece) error {
	n := 0
	for _, p := range pieces {
		copy(w.inputs[n*w.size:], p.inputs[p.from*w.size:(p.from+p.n)*w.size])
		n += p.n
	}
	w.metrics.batches.observeNumber(float64(n))
	if err := w.compute(n); err != nil {
		return err
	}
	classes, at := len(w.model.Classes), 0
	for _, p := range pieces {
		copy(p.logits[p.from*classes:], w.logits[at*classes:(at+p.n)*classes])
		copy(p.probabilities[p.from*classes:], w.probabilities[at*classes:(at+p.n)*classes])
		at += p.n
	}
	return nil
}

// compute gives the net the first n samples of the worker's inputs.
func (w *worker) compute(n int) (err error) {
	defer func() {
		if v := recover(); v != nil { // a defect of a layer, which is not to end the server
			err = failf(http.StatusInternalServerError, "internal error: %v", v)
		}
	}()
	classes := len(w.model.Classes)
	return w.by.Run(w.logits[:n*classes], w.probabilities[:n*classes], w.inputs[:n*w.size])
}

// done says that a piece is computed, or is not because of err.
func (w *worker) done(p piece, err error) {
	w.queue.mu.Lock()
	defer w.queue.mu.Unlock()
	w.queue.finish(p.job, p.n, err)
}
