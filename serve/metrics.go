package serve

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// metrics are what a server counts.
type metrics struct {
	models   map[string]*modelMetrics // by name; "" has requests for no model
	names    []string
	rejected map[string]*atomic.Int64 // by the reason
}

// modelMetrics are what is counted of a model.
type modelMetrics struct {
	reloads map[string]*atomic.Int64 // by the result
	waited  histogram                // seconds in the queue
	batches histogram                // samples

	mu       sync.Mutex
	requests map[protocolCode]*atomic.Int64
	took     map[string]*histogram // seconds, by the protocol
}

// protocolCode is how a request came, and what it was answered.
type protocolCode struct{ protocol, code string }

// The reasons for which requests are refused before anybody looks at them.
var rejections = []string{"host", "origin", "token", "bodies", "queue"}

// The upper bounds of histograms.
var (
	seconds = []float64{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
	samples = []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}
)

func (m *metrics) init(slots []*slot) {
	m.models, m.rejected = map[string]*modelMetrics{}, map[string]*atomic.Int64{}
	for _, slot := range slots {
		m.names = append(m.names, slot.Name)
	}
	for _, name := range append(slices.Clone(m.names), "") {
		one := &modelMetrics{reloads: map[string]*atomic.Int64{}, requests: map[protocolCode]*atomic.Int64{}, took: map[string]*histogram{}}
		for _, result := range []string{resultLoaded, resultUnchanged, resultFailed} {
			one.reloads[result] = new(atomic.Int64)
		}
		one.waited.init(seconds)
		one.batches.init(samples)
		m.models[name] = one
	}
	for _, reason := range rejections {
		m.rejected[reason] = new(atomic.Int64)
	}
}

// model returns the metrics of a model, or of requests for none if nobody has the name.
func (m *metrics) model(name string) *modelMetrics {
	if one := m.models[name]; one != nil {
		return one
	}
	return m.models[""]
}

// count counts a request that was answered.
func (m *modelMetrics) count(protocol, code string, took time.Duration) {
	m.mu.Lock()
	key := protocolCode{protocol, code}
	n := m.requests[key]
	if n == nil {
		n = new(atomic.Int64)
		m.requests[key] = n
	}
	h := m.took[protocol]
	if h == nil {
		h = new(histogram)
		h.init(seconds)
		m.took[protocol] = h
	}
	m.mu.Unlock()
	n.Add(1)
	h.observe(took)
}

// histogram counts values by their size.
type histogram struct {
	bounds []float64
	counts []atomic.Int64 // of each bound, and of greater values
	sum    atomic.Uint64  // the bits of a float64
}

func (h *histogram) init(bounds []float64) {
	h.bounds, h.counts = bounds, make([]atomic.Int64, len(bounds)+1)
}

func (h *histogram) observe(d time.Duration) { h.observeNumber(d.Seconds()) }

func (h *histogram) observeNumber(v float64) {
	i, _ := slices.BinarySearch(h.bounds, v)
	h.counts[i].Add(1)
	for {
		old := h.sum.Load()
		if h.sum.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return
		}
	}
}

// exposition writes metrics in Prometheus' text format.
type exposition struct{ bytes.Buffer }

// family begins the metrics of a name.
func (e *exposition) family(name, kind, help string) {
	fmt.Fprintf(e, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// number writes a metric. labels are names and values by turns.
func (e *exposition) number(name string, v float64, labels ...string) {
	e.WriteString(name)
	for i := 0; i < len(labels); i += 2 {
		e.WriteByte("{,"[min(i, 1)])
		fmt.Fprintf(e, `%s="%s"`, labels[i], escape.Replace(labels[i+1]))
	}
	if len(labels) > 0 {
		e.WriteByte('}')
	}
	e.WriteString(" " + strconv.FormatFloat(v, 'g', -1, 64) + "\n")
}

var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// histogram writes a histogram.
func (e *exposition) histogram(name string, h *histogram, labels ...string) {
	all := int64(0)
	for i := range h.counts {
		all += h.counts[i].Load()
		bound := "+Inf"
		if i < len(h.bounds) {
			bound = strconv.FormatFloat(h.bounds[i], 'g', -1, 64)
		}
		e.number(name+"_bucket", float64(all), append(slices.Clone(labels), "le", bound)...)
	}
	e.number(name+"_sum", math.Float64frombits(h.sum.Load()), labels...)
	e.number(name+"_count", float64(all), labels...)
}

// exposeMetrics answers with all metrics.
func (c *call) exposeMetrics() error {
	var e exposition
	m := &c.metrics
	all := append(slices.Clone(m.names), "")
	e.family("onehot_requests_total", "counter", "Requests by what they were answered.")
	for _, name := range all {
		one := m.models[name]
		one.mu.Lock()
		for _, key := range slices.SortedFunc(maps.Keys(one.requests), compareCodes) {
			e.number("onehot_requests_total", float64(one.requests[key].Load()), "model", name, "protocol", key.protocol, "code", key.code)
		}
		one.mu.Unlock()
	}
	e.family("onehot_request_duration_seconds", "histogram", "Time from a request's header to its answer.")
	for _, name := range all {
		one := m.models[name]
		one.mu.Lock()
		for _, protocol := range slices.Sorted(maps.Keys(one.took)) {
			e.histogram("onehot_request_duration_seconds", one.took[protocol], "model", name, "protocol", protocol)
		}
		one.mu.Unlock()
	}
	e.family("onehot_queue_duration_seconds", "histogram", "Time that requests wait for a worker.")
	for _, name := range m.names {
		e.histogram("onehot_queue_duration_seconds", &m.models[name].waited, "model", name)
	}
	e.family("onehot_batch_samples", "histogram", "Samples that a net was given at once.")
	for _, name := range m.names {
		e.histogram("onehot_batch_samples", &m.models[name].batches, "model", name)
	}
	e.family("onehot_queue_samples", "gauge", "Samples that wait for a worker.")
	for _, slot := range c.slots {
		waiting := 0
		if v, err := slot.acquire(); err == nil {
			waiting = v.queue.waiting()
			v.release()
		}
		e.number("onehot_queue_samples", float64(waiting), "model", slot.Name)
	}
	e.family("onehot_rejected_total", "counter", "Requests that were refused, by the reason.")
	for _, reason := range rejections {
		e.number("onehot_rejected_total", float64(m.rejected[reason].Load()), "reason", reason)
	}
	e.family("onehot_reloads_total", "counter", "Loads of models by their result.")
	for _, name := range m.names {
		for _, result := range []string{resultLoaded, resultUnchanged, resultFailed} {
			e.number("onehot_reloads_total", float64(m.models[name].reloads[result].Load()), "model", name, "result", result)
		}
	}
	e.family("onehot_model_info", "gauge", "1 for each model that is loaded.")
	for _, slot := range c.slots {
		if v, err := slot.acquire(); err == nil {
			e.number("onehot_model_info", 1, "model", slot.Name, "version", v.version, "name", v.model.Name, "classes", strconv.Itoa(len(v.model.Classes)))
			v.release()
		}
	}
	c.w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	return c.write(http.StatusOK, e.Bytes())
}

func compareCodes(a, b protocolCode) int {
	return strings.Compare(a.protocol+" "+a.code, b.protocol+" "+b.code)
}
