package serve

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"sync"

	"github.com/onehot-go/onehot/internal/memory"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
)

// slot is a name, and the model that it stands for now.
type slot struct {
	Model
	server  *Server
	loading sync.Mutex        // held by the one load or unload that goes on
	first   *model.Definition // that was served; what follows is like it

	mu  sync.RWMutex
	now *served // nil of one that is not loaded
}

// acquire returns the model that is served now, for as long as until release is called.
func (s *slot) acquire() (*served, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.now == nil {
		return nil, failf(http.StatusServiceUnavailable, "the model %q is not loaded", s.Name)
	}
	s.now.users.Add(1)
	return s.now, nil
}

// exchange makes m the model that is served, or none if m is nil. The one before ends when those
// who use it have released it.
func (s *slot) exchange(m *served) {
	s.mu.Lock()
	before := s.now
	s.now = m
	s.mu.Unlock()
	if before != nil {
		before.users.Wait()
		before.close()
	}
}

// unload makes the slot one that is not loaded, also where a load is going on: it ends first.
func (s *slot) unload() {
	s.loading.Lock()
	defer s.loading.Unlock()
	s.exchange(nil)
}

// The results of loading a model, in metrics and the log.
const (
	resultLoaded    = "loaded"
	resultUnchanged = "unchanged"
	resultFailed    = "failed"
)

// reload loads the model and, if it may, lets it take the place of the one that is served.
func (s *slot) reload(ctx context.Context) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	result, version, err := s.tryReload(ctx)
	s.server.metrics.model(s.Name).reloads[result].Add(1)
	log := s.server.options.Log.With("model", s.Name, "result", result)
	if err != nil {
		log.Warn("load", "error", err.Error())
		return err
	}
	log.Info("load", "version", version)
	return nil
}

func (s *slot) tryReload(ctx context.Context) (result, version string, err error) {
	m, err := s.Load(ctx)
	if err != nil {
		return resultFailed, "", err
	}
	if s.first != nil {
		if err := alike(s.first, &m.Definition); err != nil {
			return resultFailed, "", err
		}
	}
	version, err = versionOf(m)
	if err != nil {
		return resultFailed, "", err
	}
	s.mu.RLock()
	unchanged := s.now != nil && s.now.version == version
	s.mu.RUnlock()
	if unchanged {
		return resultUnchanged, version, nil
	}
	next, err := s.server.newServed(s.Name, version, m)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return resultFailed, "", err
	}
	s.first = &m.Definition
	s.exchange(next)
	return resultLoaded, version, nil
}

// alike returns an error if clients of a model would notice another one in its place by more than
// its answers.
func alike(was, is *model.Definition) error {
	switch {
	case !slices.Equal(was.Classes, is.Classes):
		return fmt.Errorf("found other classes than those of the model that is served: %d, %d expected in the same order", len(is.Classes), len(was.Classes))
	case !slices.Equal(was.InputShape, is.InputShape):
		return fmt.Errorf("found inputs of shape %v, %v expected as the model that is served has", is.InputShape, was.InputShape)
	case was.Task != is.Task:
		return fmt.Errorf("found the task %q, %q expected as the model that is served has", is.Task, was.Task)
	case !reflect.DeepEqual(newInputs(was), newInputs(is)):
		return fmt.Errorf("found other inputs than those of the model that is served")
	}
	return nil
}

// versionOf returns what tells a model from others: the first 12 digits of the SHA-256 of the file
// that it makes.
func versionOf(m *model.Model) (string, error) {
	f, err := m.State()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	if err := f.Write(h); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil))[:12], nil
}

// served is a model with what computes its answers.
type served struct {
	name, version string
	model         *model.Model
	by            *model.Predictor
	inputs        inputs
	size          int // numbers of a prepared sample
	queue         *queue
	jobs          sync.Pool
	samples       budget // of jobs that are prepared, wait or are computed
	users         sync.WaitGroup
	workers       sync.WaitGroup
	metrics       *modelMetrics
}

// The most memory that the batches of all workers take, but for one sample each, and that samples in
// a queue do.
const (
	batchMemory = 512 << 20
	queueMemory = 256 << 20
)

// newServed returns m, ready to answer: memory for the largest batch is taken, and every worker
// has computed a batch of one sample and the largest.
func (s *Server) newServed(name, version string, m *model.Model) (*served, error) {
	by, err := model.NewPredictor(m)
	if err != nil {
		return nil, err
	}
	costs, err := m.Costs()
	if err != nil {
		return nil, err
	}
	v := &served{name: name, version: version, model: m, by: by, inputs: newInputs(&m.Definition), size: 1, metrics: s.metrics.model(name)}
	for _, n := range m.InputShape {
		v.size *= n
	}
	cores := runtime.GOMAXPROCS(0)
	needs := nn.MemoryOf(costs, m.InputShape)
	sample := 2*needs.Input + needs.Evaluation
	batch := min(s.options.MaxBatch, max(batchMemory/(cores*sample), 1))
	if err := memory.Check(float64(needs.State)+float64(cores)*(float64(batch)*float64(sample)+float64(needs.Work)), "the model with its batches"); err != nil {
		return nil, err
	}
	v.queue = newQueue(min(s.options.MaxQueue, max(queueMemory/(4*v.size), batch)))
	v.samples.most = int64(2*v.queue.most + cores*batch)
	v.jobs.New = func() any { return &job{done: make(chan struct{}, 1)} }
	ready := make(chan error, cores)
	for range cores {
		v.workers.Go(func() {
			w := newWorker(v, batch)
			err := w.warmUp()
			if ready <- err; err == nil {
				w.work()
			}
		})
	}
	for range cores {
		err = cmp.Or(err, <-ready)
	}
	if err != nil {
		v.close()
		return nil, err
	}
	return v, nil
}

func (v *served) release() { v.users.Done() }

// close ends the workers. Nobody uses v any more.
func (v *served) close() {
	v.queue.close()
	v.workers.Wait()
}
