package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/onehot-go/onehot/train"
)

// Live serves the page of a run while it trains: / is the page and /events tells it, as
// server-sent events, what is new. Whoever comes late gets all that has been. It answers
// only requests to a loopback address or localhost by name, so that no page of another
// name that leads to this machine can read it.
type Live struct {
	mux http.ServeMux

	mu      sync.Mutex
	page    Page
	step    train.Step
	batches *Batches
	final   []byte        // the page of a run that has ended
	message string        // why it ended without one
	ended   bool          // no more events
	changed chan struct{} // closed at the next epoch or the end
}

// stepInterval is how often watchers are told of training steps.
const stepInterval = 200 * time.Millisecond

// writeTimeout is how long a watcher may take to read the page or an event.
const writeTimeout = 10 * time.Second

// NewLive returns the live page of a run that begins with p, which has no predictions, and
// with part of an epoch, nil for none.
func NewLive(p Page, part *train.Part) *Live {
	p.Epochs = slices.Clip(p.Epochs) // what is added is not the caller's
	l := &Live{page: p, batches: NewBatches(p.Batches, part), changed: make(chan struct{})}
	l.mux.HandleFunc("GET /{$}", l.servePage)
	l.mux.HandleFunc("GET /events", l.serveEvents)
	return l
}

// Observe takes note of what happened in the run. It never waits for a watcher.
func (l *Live) Observe(event train.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e := event.(type) {
	case train.Step:
		l.step = e
		l.batches.Observe(e)
	case train.Epoch:
		l.page.Epochs = append(l.page.Epochs, e)
		l.page.Batches = l.batches.Losses()
		l.tell()
	}
}

// End says that the run is over: watchers get its final page, or where that is nil the
// message, and /events ends. / shows the final page from then on.
func (l *Live) End(page []byte, message string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.final, l.message, l.ended = page, message, true
	l.tell()
}

// tell wakes those who wait for news.
func (l *Live) tell() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// ServeHTTP answers a request.
func (l *Live) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !loopback(r.Host) {
		http.Error(w, "only this machine is served", http.StatusForbidden)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	l.mux.ServeHTTP(w, r)
}

// loopback reports whether the host of a request is this machine by its own names.
func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && a.IsLoopback()
}

func (l *Live) servePage(w http.ResponseWriter, _ *http.Request) {
	l.mu.Lock()
	p, final := l.page, l.final
	l.mu.Unlock()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout)) // recorders in tests have none
	if final != nil {
		w.Write(final)
		return
	}
	var b bytes.Buffer
	if err := p.write(&b, true); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Write(b.Bytes())
}

// serveEvents writes the events "curves" (the part of the page that moves, as HTML),
// "step" (a line of text) and "end" (html or message), their data as JSON. A reader that
// is slow gets the latest of each.
func (l *Live) serveEvents(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	send := func(name string, v any) error {
		data, err := json.Marshal(v)
		if err != nil {
			return err
		}
		control.SetWriteDeadline(time.Now().Add(writeTimeout)) // recorders in tests have none
		if _, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, data); err != nil {
			return err
		}
		return control.Flush()
	}
	if control.Flush() != nil { // the answer begins before there is news
		return
	}
	tick := time.NewTicker(stepInterval)
	defer tick.Stop()
	epochs, step := 0, train.Step{}
	for {
		l.mu.Lock()
		p, now, changed := l.page, l.step, l.changed
		final, message, ended := l.final, l.message, l.ended
		l.mu.Unlock()
		if len(p.Epochs) > epochs {
			epochs = len(p.Epochs)
			var b bytes.Buffer
			if err := pageTemplate.ExecuteTemplate(&b, "curves", p.progress()); err != nil {
				return
			}
			if send("curves", b.String()) != nil {
				return
			}
		}
		if now != step {
			step = now
			if send("step", p.stepLine(step)) != nil {
				return
			}
		}
		if ended {
			send("end", map[string]string{"html": string(final), "message": message})
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		case <-tick.C:
		}
	}
}

// stepLine says how far training is.
func (p *Page) stepLine(s train.Step) string {
	epoch := fmt.Sprintf("epoch %d", s.Epoch)
	if p.LastEpoch > 0 {
		epoch += fmt.Sprintf(" of %d", p.LastEpoch)
	}
	return fmt.Sprintf("%s: %s of %s samples, loss %.4f, %s %.3f",
		epoch, comma(s.Samples), comma(p.Samples), s.Loss, p.words().Name, s.Score)
}
