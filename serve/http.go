package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// call is a request that is being answered.
type call struct {
	*Server
	w       http.ResponseWriter
	r       *http.Request
	begun   time.Time
	in      [2]string // what stands in the path for the route's stars
	body    *body
	model   string // that is asked for, for metrics
	status  int
	problem *Error // why there is no answer
}

// route is an address that is answered. A star in the path stands for any segment.
type route struct {
	method string // GET is for HEAD too
	path   string
	serve  func(*call) error
}

var routes = []route{
	{"GET", "/v2/health/live", (*call).live},
	{"GET", "/v2/health/ready", (*call).ready},
	{"GET", "/v2", (*call).metadata},
	{"GET", "/v2/models/*", (*call).modelMetadata},
	{"GET", "/v2/models/*/versions/*", (*call).modelMetadata},
	{"GET", "/v2/models/*/ready", (*call).modelReady},
	{"GET", "/v2/models/*/versions/*/ready", (*call).modelReady},
	{"POST", "/v2/models/*/infer", (*call).answerInfer},
	{"POST", "/v2/models/*/versions/*/infer", (*call).answerInfer},
	{"POST", "/v2/repository/index", (*call).index},
	{"POST", "/v2/repository/models/*/load", (*call).load},
	{"POST", "/v2/repository/models/*/unload", (*call).unload},
	{"POST", "/v1/classify", (*call).classify},
	{"GET", "/metrics", (*call).exposeMetrics},
}

// match reports whether a path is the route's, and what stands for its stars.
func (r *route) match(path string) (in [2]string, ok bool) {
	stars := 0
	pattern := r.path
	for {
		want, restWant, moreWant := strings.Cut(pattern, "/")
		got, rest, more := strings.Cut(path, "/")
		if want == "*" {
			if got == "" {
				return in, false
			}
			in[stars] = got
			stars++
		} else if want != got {
			return in, false
		}
		if !more || !moreWant {
			return in, more == moreWant
		}
		pattern, path = restWant, rest
	}
}

// Handle mounts a handler for whatever Handler does not answer itself, as http.ServeMux does.
// Requests come to it behind the same limits and checks. Handle must be called before Handler
// serves.
func (s *Server) Handle(pattern string, h http.Handler) { s.mounted.Handle(pattern, h) }

// callKey is the key of a *call in the context of requests that mounted handlers answer.
type callKey struct{}

// Handler returns the handler of all requests.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serveHTTP) }

func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{Server: s, w: w, r: r, begun: time.Now(), body: &body{from: r.Body, server: s}}
	defer c.end()
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if s.draining.Load() {
		w.Header().Set("Connection", "close")
	}
	if err := c.serve(); err != nil {
		c.fail(errorOf(err))
	}
}

// serve finds who answers.
func (c *call) serve() error {
	if err := c.guard(); err != nil {
		return err
	}
	var allowed []string
	for i := range routes {
		in, ok := routes[i].match(c.r.URL.Path)
		if !ok {
			continue
		}
		if method := c.r.Method; method == routes[i].method || method == "HEAD" && routes[i].method == "GET" {
			c.in = in
			return routes[i].serve(c)
		}
		allowed = append(allowed, routes[i].method)
	}
	if allowed != nil {
		c.w.Header().Set("Allow", strings.Join(allowed, ", "))
		return failf(http.StatusMethodNotAllowed, "found the method %.20s, %s expected", c.r.Method, strings.Join(allowed, ", "))
	}
	r := c.r.WithContext(context.WithValue(c.r.Context(), callKey{}, c))
	r.Body = c.body
	h, pattern := c.mounted.Handler(r)
	if pattern == "" {
		return failf(http.StatusNotFound, "found nothing at %.200q", c.r.URL.Path)
	}
	h.ServeHTTP(c.w, r)
	return nil
}

// fail answers with an error.
func (c *call) fail(e *Error) {
	c.note(e)
	if e.Status == http.StatusServiceUnavailable {
		c.w.Header().Set("Retry-After", "1")
	}
	c.json(e.Status, map[string]string{"error": e.Message})
}

// note counts an error that is answered.
func (c *call) note(e *Error) {
	c.problem, c.status = e, e.Status
	if e.refused != "" {
		c.metrics.rejected[e.refused].Add(1)
	}
}

// json answers with a value.
func (c *call) json(status int, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "application/json")
	return c.write(status, append(text, '\n'))
}

// write answers with a text whose type is in the header.
func (c *call) write(status int, text []byte) error {
	c.status = status
	c.w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	c.w.WriteHeader(status)
	c.w.Write(text) // who does not read it is gone
	return nil
}

// end counts and logs a request that is answered.
func (c *call) end() {
	if v := recover(); v != nil {
		if v == http.ErrAbortHandler {
			panic(v)
		}
		c.options.Log.Error("request", "error", fmt.Sprint("internal error: ", v))
		c.fail(failf(http.StatusInternalServerError, "internal error"))
	}
	c.body.release()
	protocol := "http"
	if strings.HasPrefix(c.r.Header.Get("Content-Type"), "application/grpc") {
		protocol = "grpc"
	}
	if c.status == 0 {
		c.status = http.StatusOK
	}
	took := time.Since(c.begun)
	c.metrics.model(c.model).count(protocol, strconv.Itoa(c.status), took)
	level := slog.LevelDebug
	if c.problem != nil && c.status >= http.StatusInternalServerError && c.problem.refused == "" {
		level = slog.LevelWarn
	}
	if !c.options.Log.Enabled(c.r.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", c.r.Method), slog.String("path", c.r.URL.Path), slog.String("remote", c.r.RemoteAddr),
		slog.String("protocol", protocol), slog.Int("status", c.status), slog.Duration("took", took),
	}
	if c.problem != nil {
		attrs = append(attrs, slog.String("error", c.problem.Message))
	}
	if trace, span, ok := traceparent(c.r.Header.Get("Traceparent")); ok {
		attrs = append(attrs, slog.String("trace_id", trace), slog.String("span_id", span))
	}
	c.options.Log.LogAttrs(c.r.Context(), level, "request", attrs...)
}

// traceparent returns the identities in a header of W3C Trace Context: "00-", 32 hexadecimal
// digits, "-", 16 of them, "-" and 2, all in lower case.
func traceparent(header string) (trace, span string, ok bool) {
	if len(header) < 55 || header[2] != '-' || header[35] != '-' || header[52] != '-' || header[:2] == "ff" || len(header) > 55 && header[:2] == "00" {
		return "", "", false
	}
	for i := range 55 {
		if c := header[i]; i != 2 && i != 35 && i != 52 && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return "", "", false
		}
	}
	trace, span = header[3:35], header[36:52]
	return trace, span, strings.Trim(trace, "0") != "" && strings.Trim(span, "0") != ""
}

// budget is how many bytes may be held at once.
type budget struct {
	most int64
	held atomic.Int64
}

// take takes n bytes, unless that is too much.
func (b *budget) take(n int64) bool {
	if b.held.Add(n) > b.most {
		b.held.Add(-n)
		return false
	}
	return true
}

// body is a request's body, whose bytes are held to the server's limits.
type body struct {
	from   io.ReadCloser
	server *Server
	read   int64
}

var errBodies = &Error{Status: http.StatusServiceUnavailable, Message: "too many requests are being read: try again later", refused: "bodies"}

func (b *body) tooLarge() error {
	return failf(http.StatusRequestEntityTooLarge, "found a body of more than %d bytes, at most that expected", b.server.options.MaxBody)
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if b.read += int64(n); b.read > int64(b.server.options.MaxBody) {
		b.read -= int64(n)
		return 0, b.tooLarge()
	}
	if !b.server.bodies.take(int64(n)) {
		b.read -= int64(n)
		return 0, errBodies
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = failf(http.StatusRequestTimeout, "the body took too long to arrive")
	}
	return n, err
}

func (b *body) Close() error { return b.from.Close() }

// release gives back what was read.
func (b *body) release() { b.server.bodies.held.Add(-b.read) }

// buffers are memory of bodies and answers, to be used again.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// maxKept is the most bytes of a buffer that is kept.
const maxKept = 1 << 20

func keep(b *[]byte) {
	if cap(*b) <= maxKept {
		*b = (*b)[:0]
		buffers.Put(b)
	}
}

// readAll appends the body to b, which begins as large as the header says.
func (c *call) readAll(b *[]byte) error {
	n := c.r.ContentLength
	if n > int64(c.options.MaxBody) {
		return c.body.tooLarge()
	}
	if n > 0 && int(n) >= cap(*b) {
		*b = make([]byte, 0, n+1)
	}
	for {
		if len(*b) == cap(*b) {
			*b = append(*b, 0)[:len(*b)]
		}
		n, err := c.body.Read((*b)[len(*b):cap(*b)])
		*b = (*b)[:len(*b)+n]
		if err == io.EOF {
			return nil
		}
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				err = badf("the body did not arrive: %v", err)
			}
			return err
		}
	}
}
