package report

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/onehot-go/onehot/train"
)

func TestLiveHost(t *testing.T) {
	l := NewLive(Page{Title: "a run"}, nil)
	for host, want := range map[string]int{
		"127.0.0.1:8080": 200, "127.0.0.1": 200, "127.4.5.6:1": 200, "localhost:8080": 200, "LocalHost": 200, "[::1]:8080": 200, "[::1]": 200,
		"": 403, "example.com": 403, "example.com:8080": 403, "127.0.0.1.example.com": 403, "localhost.example.com:80": 403, "192.168.0.7:8080": 403,
		"0.0.0.0:8080": 403, "127.0.0.1@example.com": 403, "2130706433": 403,
	} {
		for _, path := range []string{"/", "/events"} {
			r := httptest.NewRequest("GET", path, nil)
			r.Host = host
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // events end at once
			w := httptest.NewRecorder()
			l.ServeHTTP(w, r.WithContext(ctx))
			if w.Code != want {
				t.Errorf("host %q, %s: status %d, %d expected", host, path, w.Code, want)
			}
			if want == 403 && strings.Contains(w.Body.String(), "a run") {
				t.Errorf("host %q: the page is shown", host)
			}
		}
	}
}

func TestLiveRequests(t *testing.T) {
	l := NewLive(Page{Title: "a run"}, nil)
	for request, want := range map[string]int{"GET /": 200, "HEAD /": 200, "POST /": 405, "GET /favicon.ico": 404, "GET /../etc/passwd": 404, "DELETE /events": 405} {
		method, path, _ := strings.Cut(request, " ")
		r := httptest.NewRequest(method, "http://127.0.0.1/", nil)
		r.URL.Path = path
		w := httptest.NewRecorder()
		l.ServeHTTP(w, r)
		if w.Code != want && (want != 404 || w.Code != 307) { // a path is cleaned first
			t.Errorf("%s: status %d, %d expected", request, w.Code, want)
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: header %v", request, w.Header())
		}
	}
}

// event is one of /events.
type event struct {
	name string
	data string // of JSON
}

// reader reads events.
type reader struct{ *bufio.Scanner }

func newReader(r io.Reader) reader {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	return reader{s}
}

// next returns the next event, or one without a name at the end.
func (r reader) next(t *testing.T) (e event) {
	t.Helper()
	for r.Scan() && r.Text() != "" {
		if name, ok := strings.CutPrefix(r.Text(), "event: "); ok {
			e.name = name
		} else if data, ok := strings.CutPrefix(r.Text(), "data: "); ok {
			var text string
			if json.Unmarshal([]byte(data), &text) != nil {
				text = data
			}
			e.data = text
		} else {
			t.Fatalf("found %q", r.Text())
		}
	}
	return e
}

// watcher is a connection to /events.
type watcher struct {
	header http.Header
	io.Writer
}

func (w watcher) Header() http.Header { return w.header }
func (w watcher) WriteHeader(int)     {}
func (w watcher) Flush()              {}

// follow opens /events. The watcher is gone when leave is called.
func follow(t *testing.T, l *Live) (events reader, leave func()) {
	t.Helper()
	in, out := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	r := httptest.NewRequestWithContext(ctx, "GET", "http://localhost/events", nil)
	go func() {
		l.ServeHTTP(watcher{http.Header{}, out}, r)
		out.Close()
	}()
	return newReader(in), func() { cancel(); in.Close() }
}

func (r reader) want(t *testing.T, name, part string) {
	t.Helper()
	if e := r.next(t); e.name != name || !strings.Contains(e.data, part) {
		t.Errorf("got event %q: %.300q, want %q with %q", e.name, e.data, name, part)
	}
}

// TestLiveEvents follows a run, from its beginning and from later on.
func TestLiveEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLive(Page{Title: "a run", LastEpoch: 3, Samples: 3000}, nil)
		first, leave := follow(t, l)
		defer leave()
		l.Observe(train.Step{Epoch: 1, Step: 1, Steps: 2, Samples: 2000, Loss: 2.5, Score: 0.125})
		first.want(t, "step", "epoch 1 of 3: 2,000 of 3,000 samples, loss 2.5000, accuracy 0.125")
		l.Observe(train.Epoch{Epoch: 1, TrainLoss: 2, Test: train.Evaluation{Score: 0.5, Loss: 1.5}, Seconds: 1})
		first.want(t, "curves", "<title>epoch 1: test 0.5000</title>")
		l.Observe(train.Epoch{Epoch: 2, TrainLoss: 2, Test: train.Evaluation{Score: 0.625, Loss: 1.25}, Seconds: 1})
		first.want(t, "curves", "<title>epoch 2: test 0.6250</title>")

		late, leave := follow(t, l)
		defer leave()
		late.want(t, "curves", "<title>epoch 1: test 0.5000</title>")
		late.want(t, "step", "epoch 1 of 3")

		page := httptest.NewRecorder()
		l.ServeHTTP(page, httptest.NewRequest("GET", "http://localhost/", nil))
		if html := page.Body.String(); !strings.Contains(html, "<title>epoch 2: test 0.6250</title>") || !strings.Contains(html, "connect-src &#39;self&#39;") || !strings.Contains(html, "data-live") {
			t.Errorf("page of two epochs: %s", html)
		}

		l.End([]byte("<!doctype html>the end"), "")
		for _, r := range []reader{first, late} {
			r.want(t, "end", `{"html":"\u003c!doctype html\u003ethe end","message":""}`)
			r.want(t, "", "")
		}
		after, leave := follow(t, l)
		defer leave()
		after.want(t, "curves", "epoch 2")
		after.want(t, "step", "epoch 1")
		after.want(t, "end", "the end")
		page = httptest.NewRecorder()
		l.ServeHTTP(page, httptest.NewRequest("GET", "http://localhost/", nil))
		if page.Body.String() != "<!doctype html>the end" {
			t.Errorf("page of the ended run: %s", page.Body)
		}
	})
}

// TestLiveShowsRanks checks the table of ranks at work.
func TestLiveShowsRanks(t *testing.T) {
	l := NewLive(Page{Title: "a run", LastEpoch: 3, Samples: 3000}, nil)
	l.Observe(train.Epoch{Epoch: 1, TrainLoss: 2, Test: train.Evaluation{Score: 0.5, Loss: 1.5}, Seconds: 1,
		Ranks: []train.RankTime{{Samples: 2000, Seconds: 2, Waited: 0.5}, {Samples: 0, Seconds: 2, Waited: 1}}})
	page := httptest.NewRecorder()
	l.ServeHTTP(page, httptest.NewRequest("GET", "http://localhost/", nil))
	for _, want := range []string{
		"<tr><th scope=\"row\">0</th><td>1,333</td><td>25.00\u00a0%</td></tr>", "<tr><th scope=\"row\">1</th><td></td><td>50.00\u00a0%</td></tr>",
	} {
		if !strings.Contains(page.Body.String(), want) {
			t.Errorf("%s is missing in the page", want)
		}
	}
}

// TestLiveEndsWithoutPage checks what is said of a run that was stopped.
func TestLiveEndsWithoutPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLive(Page{Title: "a run"}, nil)
		events, leave := follow(t, l)
		defer leave()
		l.End(nil, "interrupted")
		events.want(t, "end", `{"html":"","message":"interrupted"}`)
	})
}

// TestLiveSlowReader checks that a run does not wait for one who does not read, and that
// the latest is what it gets then.
func TestLiveSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLive(Page{Title: "a run", LastEpoch: 100, Samples: 1}, nil)
		events, leave := follow(t, l)
		synctest.Wait()
		for n := range 100 {
			l.Observe(train.Step{Epoch: n + 1, Step: 1, Samples: 1})
			l.Observe(train.Epoch{Epoch: n + 1})
			synctest.Wait() // the writer is stuck
		}
		events.want(t, "curves", "epoch 1:")
		events.want(t, "step", "epoch 1 of 100")
		events.want(t, "curves", ` 98 99 100" data-values=`)
		events.want(t, "step", "epoch 100 of 100")
		leave()
		synctest.Wait() // it ends, or the test would not
	})
}

// TestLiveKeepsItsEpochs checks that what is observed is not written to the caller's.
func TestLiveKeepsItsEpochs(t *testing.T) {
	mine := make([]train.Epoch, 1, 2)
	l := NewLive(Page{Epochs: mine}, nil)
	l.Observe(train.Epoch{Epoch: 7})
	if mine[:2][1].Epoch != 0 {
		t.Error("an epoch was written behind the caller's")
	}
	var b bytes.Buffer
	if err := l.page.write(&b, true); err != nil || !strings.Contains(b.String(), "epoch 7") {
		t.Errorf("the page lacks it (%v)", err)
	}
}
