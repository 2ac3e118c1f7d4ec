// Package serve answers what classifiers say, over HTTP: a Server has models by name, and its
// Handler is mounted by whoever listens. It speaks the Open Inference Protocol over REST, with
// tensors as JSON or as bytes behind it, and POST /v1/classify takes a picture as it is.
//
// Requests for a model wait in one queue, and a worker a core gives the net what waits there, up
// to the largest batch. Nobody waits for others to come. An answer has the same bits in a batch
// of any size.
//
// # Inputs and outputs
//
// A model of pictures has two inputs, and a request has one of them. "input", of shape
// (-1, C, H, W), is pictures of the net's own size: UINT8 from 0 to 255, or FP32 from 0 to 1. What
// the model does to values, such as normalisation, is done here. "image", BYTES of shape (-1), is
// files of pictures of any size. A model of rows of numbers has one input, "input", FP32 of shape
// (-1, ...): rows before they are prepared. A model of a table has an input a column, of shape (-1):
// FP64 of numbers and BYTES of others. Each may also come as BYTES, as it stands in a table; that of a
// missing value is empty. Columns that the model does not know are ignored.
//
// The outputs are "probabilities" and "logits", FP32 of shape (-1, classes), and "class", BYTES of
// shape (-1), the name of the likeliest class. A model of several labels has "labels" in place of that, BYTES of
// shape (-1), a list of JSON of the labels that are predicted.
package serve

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime"
	"sync/atomic"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/model"
)

// Options says what a Server serves. A field that is 0 stands for its default.
type Options struct {
	Models []Model // at least one

	MaxBatch  int // samples that a net is given at once (64, or fewer of a net that takes much memory)
	MaxQueue  int // samples that wait for a model (1024, or fewer of large ones), and the most of a request
	MaxBody   int // bytes of a request's body (16 MiB)
	MaxBodies int // bytes of the bodies of all requests at once (256 MiB)
	MaxPixels int // pixels of a picture (64 Mi)

	Local  bool     // only requests to this machine's own names are answered, and of no page but the server's own
	Tokens []string // one of them is needed for everything but health, if there are any
	Admin  bool     // requests may load and unload models

	Version string       // of the program, for the server's metadata
	Log     *slog.Logger // none logs nothing
}

// Model is a model that is served.
type Model struct {
	Name string // in addresses: letters, digits, '.', '_' and '-'
	// Load returns the model as it is now, wherever it is kept. New calls it, and Reload again.
	// It must return what no earlier call has returned.
	Load func(context.Context) (*model.Model, error)
}

// withDefaults returns o with its defaults.
func (o Options) withDefaults() Options {
	o.MaxBatch = cmp.Or(o.MaxBatch, 64)
	o.MaxQueue = cmp.Or(o.MaxQueue, 1024)
	o.MaxBody = cmp.Or(o.MaxBody, 16<<20)
	o.MaxBodies = cmp.Or(o.MaxBodies, 256<<20)
	o.MaxPixels = cmp.Or(o.MaxPixels, 64<<20)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Server has models and answers requests for them.
type Server struct {
	options  Options
	slots    []*slot // in the order of Options.Models
	mounted  *http.ServeMux
	bodies   budget
	decoding chan struct{} // has an element for each picture that is being decoded
	metrics  metrics
	draining atomic.Bool
}

// names are what models may be called.
var names = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

// CheckName returns an error unless a model may be called name.
func CheckName(name string) error {
	if !names.MatchString(name) || name == "." || name == ".." {
		return fmt.Errorf("a model called %q: letters, digits, '.', '_' and '-' expected, 128 at most", name)
	}
	return nil
}

// New returns a server whose models are loaded and have computed once: it is ready. The error
// names the model that cannot be served. When ctx is done the error is ctx's. New panics with a
// *fault.OptionError if there is no model, two have one name, or a limit is negative.
func New(ctx context.Context, o Options) (*Server, error) {
	o = o.withDefaults()
	if len(o.Models) == 0 {
		fault.Option("serve.New", "no model: at least one expected")
	}
	for _, n := range []int{o.MaxBatch, o.MaxQueue, o.MaxBody, o.MaxBodies, o.MaxPixels} {
		if n < 0 {
			fault.Option("serve.New", "a limit of %d: a positive one expected", n)
		}
	}
	s := &Server{options: o, mounted: http.NewServeMux(), bodies: budget{most: int64(o.MaxBodies)}, decoding: make(chan struct{}, runtime.GOMAXPROCS(0))}
	for _, m := range o.Models {
		if err := CheckName(m.Name); err != nil {
			return nil, err
		}
		if s.slot(m.Name) != nil {
			fault.Option("serve.New", "two models called %q: one expected", m.Name)
		}
		s.slots = append(s.slots, &slot{Model: m, server: s})
	}
	s.metrics.init(s.slots)
	for _, slot := range s.slots {
		if err := slot.reload(ctx); err != nil {
			s.Close()
			return nil, fmt.Errorf("%s: %w", slot.Name, err)
		}
	}
	return s, nil
}

// slot returns the model of the given name, or nil.
func (s *Server) slot(name string) *slot {
	for _, slot := range s.slots {
		if slot.Name == name {
			return slot
		}
	}
	return nil
}

// Reload loads a model anew, or one that was unloaded again: it is loaded, checked and has
// computed before it takes the place of the one that is served. Requests that came before are
// answered by that one. It stays if there is an error: the model cannot be loaded, or it has other
// classes, another task or other inputs than the one that New has loaded.
func (s *Server) Reload(ctx context.Context, name string) error {
	slot := s.slot(name)
	if slot == nil {
		return s.unknown(name)
	}
	return slot.reload(ctx)
}

// Unload stops serving a model. Requests that came before are answered. A load that is going on ends
// before it.
func (s *Server) Unload(name string) error {
	slot := s.slot(name)
	if slot == nil {
		return s.unknown(name)
	}
	slot.unload()
	return nil
}

// MaxBody returns the most bytes of a request's body.
func (s *Server) MaxBody() int { return s.options.MaxBody }

// Drain makes the server say that it is not ready, and close each connection behind its next answer.
// It goes on answering.
func (s *Server) Drain() { s.draining.Store(true) }

// Close unloads all models, once requests that came before are answered.
func (s *Server) Close() {
	for _, slot := range s.slots {
		slot.unload()
	}
}
