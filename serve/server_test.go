package serve

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/random"
)

// jsonOf returns a request for a picture of 4 by 4 pixels.
func jsonOf(i int) []byte {
	var data []string
	for _, v := range drawn(i).Pix {
		data = append(data, fmt.Sprint(v))
	}
	return []byte(`{"inputs":[{"name":"input","datatype":"UINT8","shape":[1,1,4,4],"data":[` + strings.Join(data, ",") + `]}]}`)
}

const inferPath = "/v2/models/digits/infer"

// TestBadRequests sends requests that have no answer. Each has a status of 4xx and one sentence.
func TestBadRequests(t *testing.T) {
	s := newServer(t, Options{MaxBody: 1_000_000, MaxPixels: 10_000})
	input := func(fields string) []byte { return []byte(`{"inputs":[{"name":"input",` + fields + `}]}`) }
	image := func(element string) []byte {
		return []byte(`{"inputs":[{"name":"image","datatype":"BYTES","shape":[1],"data":[` + element + `]}]}`)
	}
	sixteen := strings.TrimSuffix(strings.Repeat("1,", 16), ",")
	fits := `"datatype":"UINT8","shape":[1,1,4,4],"data":[` + sixteen + `]`
	bomb := file(t, drawn(1))
	copy(bomb[16:], "\x00\x01\x00\x00\x00\x01\x00\x00") // it says to have 65536 by 65536 pixels
	binary.BigEndian.PutUint32(bomb[29:], crc32.ChecksumIEEE(bomb[12:29]))
	type bad struct {
		name, method, path string
		body               []byte
		header             []string
		status             int
		says               string
	}
	requests := []bad{
		{"no path", "GET", "/nothing", nil, nil, 404, `found nothing at "/nothing"`},
		{"a name with a slash", "GET", "/v2/models/a/b", nil, nil, 404, "found nothing"},
		{"a name with an escaped slash", "GET", "/v2/models/a%2Fb", nil, nil, 404, "found nothing"},
		{"dots", "GET", "/v2/models/../../etc/passwd", nil, nil, 404, "found nothing"},
		{"two slashes", "POST", "/v2//models/digits/infer", nil, nil, 404, "found nothing"},
		{"an empty name", "GET", "/v2/models//ready", nil, nil, 404, "found nothing"},
		{"another method", "GET", inferPath, nil, nil, 405, "POST expected"},
		{"a method of nobody", "BREW", "/v2", nil, nil, 405, "GET expected"},
		{"another model", "POST", "/v2/models/x/infer", input(fits), nil, 404, `found no model "x", one of digits expected`},
		{"a model with a name of control characters", "GET", "/v2/models/%1b%5b2J", nil, nil, 404, "found no model"},
		{"another version", "POST", "/v2/models/digits/versions/1/infer", input(fits), nil, 404, `found version "1"`},
		{"a wrong index", "POST", "/v2/repository/index", []byte("[1"), nil, 400, "beginning of the request"},
		{"no control", "POST", "/v2/repository/models/digits/unload", nil, nil, 403, "loads and unloads no models"},
		{"a large body", "POST", inferPath, make([]byte, 1_000_001), nil, 413, "at most that expected"},
		{"a bad length", "POST", inferPath, input(fits), []string{headerLength, "x"}, 400, headerLength},
		{"a negative length", "POST", inferPath, input(fits), []string{headerLength, "-1"}, 400, headerLength},
		{"a length beyond the body", "POST", inferPath, input(fits), []string{headerLength, "99999"}, 400, headerLength},
		{"a length that cuts the JSON", "POST", inferPath, input(fits), []string{headerLength, "9"}, 400, "found the end"},
		{"truncated bytes", "POST", inferPath, input(`"datatype":"UINT8","shape":[1,1,4,4],"parameters":{"binary_data_size":16}`), []string{headerLength, "109"}, 400, "expected"},
		{"no top_k", "POST", "/v1/classify?top_k=0", file(t, drawn(1)), nil, 400, "top_k"},
		{"a wrong top_k", "POST", "/v1/classify?top_k=many", file(t, drawn(1)), nil, 400, "top_k"},
		{"classify for nobody", "POST", "/v1/classify?model=x", file(t, drawn(1)), nil, 404, "found no model"},
		{"no picture", "POST", "/v1/classify", nil, nil, 400, "found an empty file"},
		{"text for a picture", "POST", "/v1/classify", []byte("hello"), nil, 400, "no picture"},
		{"a bomb", "POST", "/v1/classify", bomb, nil, 400, "1 to 10000 in all expected"},
		{"a form without a boundary", "POST", "/v1/classify", []byte("x"), []string{"Content-Type", "multipart/form-data"}, 400, "form"},
		{"a form without the field", "POST", "/v1/classify", []byte("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--\r\n"), []string{"Content-Type", "multipart/form-data; boundary=x"}, 400, `no field "image"`},
		{"a form cut short", "POST", "/v1/classify", []byte("--x\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\n1"), []string{"Content-Type", "multipart/form-data; boundary=x"}, 400, "EOF"},
		{"JSON without the field", "POST", "/v1/classify", []byte("{}"), nil, 400, `found no "image"`},
		{"JSON of another type", "POST", "/v1/classify", []byte(`{"image":1}`), nil, 400, "a string expected"},
		{"broken base64", "POST", "/v1/classify", []byte(`{"image":"????"}`), nil, 400, "base64"},
	}
	for name, body := range map[string][]byte{
		"nothing": nil, "a number": []byte("1"), "a list": []byte("[]"), "no inputs": []byte("{}"), "null": []byte("null"),
		"inputs of another type": []byte(`{"inputs":{}}`), "an input of another type": []byte(`{"inputs":[1]}`), "an empty input": []byte(`{"inputs":[{}]}`),
		"two inputs":    []byte(`{"inputs":[{"name":"input",` + fits + `},{"name":"image",` + fits + `}]}`),
		"an id of null": []byte(`{"id":null,"inputs":[{"name":"input",` + fits + `}]}`), "an id of 1": []byte(`{"id":1,"inputs":[{"name":"input",` + fits + `}]}`),
		"another name": []byte(`{"inputs":[{"name":"pixels",` + fits + `}]}`), "another output": []byte(`{"inputs":[{"name":"input",` + fits + `}],"outputs":[{"name":"x"}]}`),
		"something behind": append(input(fits), '}'), "cut": input(fits)[:50],
		"no shape": input(`"datatype":"UINT8","data":[1]`), "an empty shape": input(`"datatype":"UINT8","shape":[],"data":[1]`),
		"no samples": input(`"datatype":"UINT8","shape":[0,1,4,4],"data":[]`), "too many samples": input(`"datatype":"UINT8","shape":[2000000000,1,4,4],"data":[1]`),
		"a negative shape": input(`"datatype":"UINT8","shape":[-1,1,4,4],"data":[1]`), "a broken shape": input(`"datatype":"UINT8","shape":[1.5,1,4,4],"data":[1]`),
		"a huge shape": input(`"datatype":"UINT8","shape":[99999999999999999999,1,4,4],"data":[1]`), "another shape": input(`"datatype":"UINT8","shape":[1,16],"data":[` + sixteen + `]`),
		"many dimensions": input(`"datatype":"UINT8","shape":[` + strings.Repeat("1,", 100) + `1],"data":[1]`),
		"no type":         input(`"shape":[1,1,4,4],"data":[` + sixteen + `]`), "another type": input(`"datatype":"FP64","shape":[1,1,4,4],"data":[` + sixteen + `]`),
		"too few numbers": input(`"datatype":"UINT8","shape":[1,1,4,4],"data":[1,2]`), "too many numbers": input(`"datatype":"UINT8","shape":[1,1,4,4],"data":[1,` + sixteen + `]`),
		"no data": input(`"datatype":"UINT8","shape":[1,1,4,4]`), "both kinds of data": input(fits + `,"parameters":{"binary_data_size":16}`),
		"a fraction": input(strings.Replace(fits, "[1,1,1", "[1,1.5,1", 1)), "a negative byte": input(strings.Replace(fits, ",1]", ",-1]", 1)), "300": input(strings.Replace(fits, ",1]", ",300]", 1)),
		"above 1":       input(strings.Replace(strings.Replace(fits, "UINT8", "FP32", 1), ",1]", ",1.5]", 1)),
		"below 0":       input(strings.Replace(strings.Replace(fits, "UINT8", "FP32", 1), ",1]", ",-0.5]", 1)),
		"beyond floats": input(strings.Replace(strings.Replace(fits, "UINT8", "FP32", 1), ",1]", ",1e99]", 1)),
		"NaN":           input(strings.Replace(fits, ",1]", ",NaN]", 1)), "null among numbers": input(strings.Replace(fits, ",1]", ",null]", 1)), "true among numbers": input(strings.Replace(fits, ",1]", ",true]", 1)),
		"a string among numbers": input(strings.Replace(fits, ",1]", `,"1"]`, 1)), "a number among strings": image(`"x",1`), "strings for numbers": input(`"datatype":"UINT8","shape":[1,1,4,4],"data":["x"]`),
		"a leading zero": input(strings.Replace(fits, ",1]", ",01]", 1)), "a plus": input(strings.Replace(fits, ",1]", ",+1]", 1)), "a dot": input(strings.Replace(fits, ",1]", ",1.]", 1)),
		"two commas": input(strings.Replace(fits, ",1]", ",,1]", 1)), "a comma at the end": input(strings.Replace(fits, ",1]", ",1,]", 1)),
		"ragged": input(`"datatype":"UINT8","shape":[1,1,4,4],"data":[[1,2],[3]]`), "other arrays": input(`"datatype":"UINT8","shape":[1,1,4,4],"data":[[` + sixteen + `]]`),
		"deep arrays": input(`"datatype":"UINT8","shape":[1,1,4,4],"data":` + strings.Repeat("[", 20_000)), "deep objects": []byte(strings.Repeat(`{"a":`, 10_000)),
		"a string without an end": []byte(`{"id":"`), "a broken escape": []byte(`{"id":"\q"}`), "a control character": []byte("{\"id\":\"\x01\"}"), "half an escape": []byte(`{"id":"\`),
		"a file that is none": image(`"aGVsbG8="`), "no base64": image(`"!"`), "too many files": image(`"aGVsbG8=","aGVsbG8="`), "a bomb as a file": image(`"` + base64.StdEncoding.EncodeToString(bomb) + `"`),
		"files of another type": []byte(`{"inputs":[{"name":"image","datatype":"UINT8","shape":[1],"data":[1]}]}`),
		"a size below 0":        input(`"datatype":"UINT8","shape":[1,1,4,4],"parameters":{"binary_data_size":-1}`), "a size beyond the body": input(`"datatype":"UINT8","shape":[1,1,4,4],"parameters":{"binary_data_size":17}`),
		"binary_data of 1": []byte(`{"inputs":[{"name":"input",` + fits + `}],"outputs":[{"name":"class","parameters":{"binary_data":1}}]}`),
	} {
		requests = append(requests, bad{name, "POST", inferPath, body, nil, 0, ""})
	}
	many := strings.Repeat("{},", maxElements) + "{}"
	for name, body := range map[string]string{
		"many inputs": `{"inputs":[` + many + `]}`, "many outputs": `{"outputs":[` + many + `]}`,
		"many strings": `{"inputs":[{"data":[` + strings.ReplaceAll(many, "{}", `""`) + `]}]}`,
	} {
		requests = append(requests, bad{name, "POST", inferPath, []byte(body), nil, 400, "more than 131072"})
	}
	whole := jsonOf(1)
	for n := range whole { // cut anywhere
		requests = append(requests, bad{fmt.Sprintf("the first %d bytes", n), "POST", inferPath, whole[:n], nil, 400, ""})
	}
	files := []byte(`{"inputs":[{"name":"image","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":8}}]}`)
	for name, behind := range map[string]string{"no length": "abc\x00\x00\x00\x00\x00"[:8], "a length beyond": "\xff\xff\xff\xff0000", "an empty file and a half": "\x00\x00\x00\x00\x09000", "two empty files": "\x00\x00\x00\x00\x00\x00\x00\x00"} {
		requests = append(requests, bad{name, "POST", inferPath, append(bytes.Clone(files), behind...), []string{headerLength, fmt.Sprint(len(files))}, 400, ""})
	}
	for _, r := range requests {
		w := ask(s, r.method, r.path, r.body, r.header...)
		text := w.Body.String()
		if w.Code < 400 || w.Code > 499 || r.status != 0 && w.Code != r.status || !strings.Contains(text, strings.ReplaceAll(r.says, `"`, `\"`)) {
			t.Errorf("%s: status %d, %s, want %d and %q", r.name, w.Code, text, r.status, r.says)
		}
		if !strings.HasPrefix(text, `{"error":"`) || strings.Count(text, "\n") != 1 || len(text) > 1000 || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %q is not one sentence", r.name, text)
		}
	}
	if n := s.bodies.held.Load(); n != 0 {
		t.Errorf("%d bytes of bodies are still held", n)
	}
	read(t, ask(s, "POST", inferPath, whole))
}

// TestGuard holds who may ask: from this machine, by a page of the server, with a token.
func TestGuard(t *testing.T) {
	s := newServer(t, Options{Local: true, Tokens: []string{"secret", "other"}})
	const bearer = "Bearer secret"
	for _, c := range []struct {
		host, origin, authorization, path string
		status                            int
	}{
		{"localhost:8080", "", bearer, "/v2", 200},
		{"127.0.0.1", "", "Bearer other", "/v2", 200},
		{"[::1]:8080", "http://[::1]:8080", bearer, "/v2", 200},
		{"localhost", "", "Basic " + base64.StdEncoding.EncodeToString([]byte("me:secret")), "/v2", 200},
		{"localhost", "", "", "/v2/health/live", 200},
		{"localhost", "", "", "/v2/health/ready", 200},
		{"localhost", "", "", "/v2", 401},
		{"localhost", "", "Bearer ", "/metrics", 401},
		{"localhost", "", "Bearer secre", "/v2", 401},
		{"localhost", "", "secret", "/v2", 401},
		{"localhost", "", "", "/", 401},
		{"evil.example", "", bearer, "/v2", 403},
		{"127.0.0.1.evil.example", "", bearer, "/v2/health/live", 403},
		{"10.0.0.1", "", bearer, "/v2", 403},
		{"", "", bearer, "/v2", 403},
		{"localhost", "http://evil.example", bearer, "/v2", 403},
		{"localhost:8080", "http://localhost:9090", bearer, "/v2", 403},
		{"localhost", "null", bearer, "/v2", 403},
		{"localhost", ":", bearer, "/v2", 403},
	} {
		r := httptest.NewRequest("GET", c.path, nil)
		r.Host = c.host
		for name, value := range map[string]string{"Origin": c.origin, "Authorization": c.authorization} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%+v: status %d, %s", c, w.Code, w.Body)
		}
	}
	if n := s.metrics.rejected["token"].Load(); n != 5 {
		t.Errorf("%d rejected for tokens", n)
	}
}

// TestBasicOfOtherPages refuses the password that a browser sends by itself if a page of another
// origin made it ask. A token that a program sends is another matter.
func TestBasicOfOtherPages(t *testing.T) {
	s := newServer(t, Options{Tokens: []string{"secret"}})
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("me:secret"))
	for _, c := range []struct {
		authorization, origin string
		status                int
	}{
		{basic, "", 200},
		{basic, "https://models.example", 200},
		{basic, "https://evil.example", 403},
		{"Bearer secret", "https://evil.example", 200},
	} {
		w := ask(s, "POST", "https://models.example"+inferPath, jsonOf(1), "Authorization", c.authorization, "Origin", c.origin)
		if w.Code != c.status {
			t.Errorf("%+v: status %d, %s", c, w.Code, w.Body)
		}
	}
}

// TestBinary asks for some outputs as bytes.
func TestBinary(t *testing.T) {
	s := newServer(t, Options{})
	body := strings.TrimSuffix(string(jsonOf(2)), "}")
	plain := read(t, ask(s, "POST", inferPath, []byte(body+"}")))
	w := ask(s, "POST", inferPath, []byte(body+`,"parameters":{"binary_data_output":true},"outputs":[{"name":"class"},{"name":"logits","parameters":{"binary_data":false}},{"name":"probabilities"}]}`))
	a := read(t, w)
	if len(a.Outputs) != 3 || string(a.Outputs[1].Data) != string(plain.Outputs[1].Data) || a.Outputs[2].Parameters.Size != 12 {
		t.Errorf("got %+v", a)
	}
	raw := w.Body.Bytes()[w.Body.Len()-a.Outputs[0].Parameters.Size-12:]
	elements, err := split(raw[:len(raw)-12])
	if err != nil || len(elements) != 1 || a.ID == nil || *a.ID != "" {
		t.Errorf("got the class %q, %v, the id %v", elements, err, a.ID)
	}
}

// TestBusy fills a queue: what does not fit is refused at once, what is cancelled is dropped, and what
// waits is computed.
func TestBusy(t *testing.T) {
	q := newQueue(3)
	ctx, cancel := context.WithCancel(t.Context())
	jobOf := func(ctx context.Context, n int) *job { return &job{ctx: ctx, n: n, done: make(chan struct{}, 1)} }
	first, second := jobOf(ctx, 2), jobOf(t.Context(), 1)
	for _, j := range []*job{first, second} {
		if err := q.add(j); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.add(jobOf(t.Context(), 1)); err != errFull {
		t.Errorf("got %v", err)
	}
	cancel()
	waited := 0
	pieces := q.take(nil, 10, func(time.Duration) { waited++ })
	if len(pieces) != 1 || pieces[0].job != second || waited != 1 || q.waiting() != 0 {
		t.Errorf("took %v, %d waited, %d left", pieces, waited, q.waiting())
	}
	<-first.done
	if first.err != context.Canceled {
		t.Errorf("the cancelled job has %v", first.err)
	}
	third := jobOf(t.Context(), 3) // two workers share it
	if err := q.add(third); err != nil {
		t.Fatal(err)
	}
	pieces = append(q.take(nil, 2, func(time.Duration) {}), q.take(nil, 2, func(time.Duration) {})...)
	if len(pieces) != 2 || pieces[0].n != 2 || pieces[1].from != 2 || pieces[1].n != 1 {
		t.Errorf("took %v", pieces)
	}
	for _, p := range pieces {
		select {
		case <-third.done:
			t.Error("done before it is computed")
		default:
		}
		q.finish(third, p.n, nil)
	}
	<-third.done
	q.close()
	if pieces := q.take(nil, 1, nil); pieces != nil {
		t.Errorf("a closed queue gave %v", pieces)
	}
}

// TestFull asks for more than waits: 503 at once, with when to try again.
func TestFull(t *testing.T) {
	s := newServer(t, Options{})
	v, err := s.slots[0].acquire()
	if err != nil {
		t.Fatal(err)
	}
	v.queue.mu.Lock()
	v.queue.samples += v.queue.most // as if they waited
	v.queue.mu.Unlock()
	w := ask(s, "POST", inferPath, jsonOf(1))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" || s.metrics.rejected["queue"].Load() != 1 {
		t.Errorf("status %d, %s", w.Code, w.Body)
	}
	v.queue.mu.Lock()
	v.queue.samples -= v.queue.most
	v.queue.mu.Unlock()
	for range 100 { // requests that fail leave nothing behind
		if w := ask(s, "POST", inferPath, []byte(`{"inputs":[{"name":"input","datatype":"UINT8","shape":[1000,1,4,4],"data":[1]}]}`)); w.Code != http.StatusBadRequest {
			t.Fatalf("status %d, %s", w.Code, w.Body)
		}
	}
	if held := v.samples.held.Load(); held != 0 {
		t.Errorf("%d samples are held", held)
	}
	v.samples.held.Add(v.samples.most) // as if others were prepared
	if w := ask(s, "POST", inferPath, jsonOf(1)); w.Code != http.StatusServiceUnavailable || s.metrics.rejected["queue"].Load() != 2 {
		t.Errorf("status %d, %s", w.Code, w.Body)
	}
	v.samples.held.Add(-v.samples.most)
	v.release()
	s.bodies.held.Add(s.bodies.most)
	if w := ask(s, "POST", inferPath, jsonOf(1)); w.Code != http.StatusServiceUnavailable || s.metrics.rejected["bodies"].Load() != 1 {
		t.Errorf("status %d, %s", w.Code, w.Body)
	}
	s.bodies.held.Add(-s.bodies.most)
	read(t, ask(s, "POST", inferPath, jsonOf(1)))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Infer(ctx, &Request{Model: "digits", Inputs: []Tensor{{Name: "input", Datatype: "UINT8", Shape: []int{1, 1, 4, 4}, Raw: make([]byte, 16)}}}); err == nil || err.(*Error).Status != StatusClosed {
		t.Errorf("cancelled: %v", err)
	}
}

// TestReload exchanges models under load, a hundred times, and then drains: no request fails, and
// every answer is one of the two models'.
func TestReload(t *testing.T) {
	models := []*model.Model{digits(t, 1), digits(t, 2)}
	var now atomic.Int64
	s := newServer(t, Options{Models: []Model{{"digits", func(context.Context) (*model.Model, error) { return models[now.Load()%2], nil }}}})
	known := map[string]bool{}
	for i := range models {
		now.Store(int64(i))
		if err := s.Reload(t.Context(), "digits"); err != nil {
			t.Fatal(err)
		}
		known[ask(s, "POST", inferPath, jsonOf(1)).Body.String()] = true
	}
	if len(known) != 2 {
		t.Fatalf("%d answers of two models", len(known))
	}
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	var answered atomic.Int64
	for range 4 {
		clients.Go(func() {
			for ctx.Err() == nil {
				response, err := http.Post(server.URL+inferPath, "application/json", bytes.NewReader(jsonOf(1)))
				if err != nil {
					t.Error(err)
					return
				}
				text, err := io.ReadAll(response.Body)
				response.Body.Close()
				if err != nil || response.StatusCode != 200 || !known[string(text)] {
					t.Errorf("status %d, %s, %v", response.StatusCode, text, err)
					return
				}
				answered.Add(1)
			}
		})
	}
	for i := range 100 {
		now.Store(int64(i))
		if err := s.Reload(t.Context(), "digits"); err != nil {
			t.Error(err)
		}
	}
	s.Drain()
	for before := answered.Load(); answered.Load() < before+20 && !t.Failed(); {
		runtime.Gosched()
	}
	cancel()
	clients.Wait()
}

// TestKept has loads that go wrong: the model that is served stays.
func TestKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	m := digits(t, 1)
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := false
	s := newServer(t, Options{Admin: true, Models: []Model{{"digits", func(context.Context) (*model.Model, error) {
		if refused { // as the system does it, though not to root
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}
		}
		return model.Load(path)
	}}}})
	want := ask(s, "POST", inferPath, jsonOf(1)).Body.String()
	save := func(change func(*model.Definition)) func() error {
		return func() error {
			d := m.Definition
			change(&d)
			other, err := model.New(d, random.New(3))
			if err != nil {
				return err
			}
			return other.Save(path)
		}
	}
	failed := int64(0)
	for _, c := range []struct {
		name   string
		spoil  func() error
		reason string
	}{
		{"half a file", func() error { return os.WriteFile(path, whole[:len(whole)/2], 0o666) }, "bytes"},
		{"an empty file", func() error { return os.WriteFile(path, nil, 0o666) }, ""},
		{"no file", func() error { return os.Remove(path) }, "no such file"},
		{"a folder", func() error { return os.Mkdir(path, 0o777) }, ""},
		{"no folder", func() error { return os.Rename(filepath.Dir(path), filepath.Dir(path)+".gone") }, ""},
		{"the folder is back", func() error {
			if err := os.Rename(filepath.Dir(path)+".gone", filepath.Dir(path)); err != nil {
				return err
			}
			return os.Remove(path)
		}, ""},
		{"other classes", save(func(d *model.Definition) { d.Classes = []string{"a", "b", "c"} }), "other classes"},
		{"another shape", save(func(d *model.Definition) {
			*d = model.MLP([]int{1, 5, 5}, []int{8}, d.Classes)
		}), "inputs of shape"},
		{"other permissions", func() error { refused = true; return nil }, "permission denied"},
		{"permissions as before", func() error { refused = false; return os.WriteFile(path, nil, 0o666) }, ""},
		{"rows in place of pictures", save(func(d *model.Definition) { d.Preprocess = d.Preprocess[:0] }), "other inputs"},
	} {
		if err := c.spoil(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		w := ask(s, "POST", "/v2/repository/models/digits/load", nil)
		failed++
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), c.reason) {
			t.Errorf("%s: status %d, %s", c.name, w.Code, w.Body)
		}
		if n := s.metrics.models["digits"].reloads[resultFailed].Load(); n != failed {
			t.Errorf("%s: %d failed loads", c.name, n)
		}
		if got := ask(s, "POST", inferPath, jsonOf(1)).Body.String(); got != want {
			t.Errorf("%s: got %s, want %s", c.name, got, want)
		}
	}
	if err := os.WriteFile(path, whole, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path   string
		status int
	}{
		{"/v2/repository/models/digits/unload", 200}, {inferPath, 503}, {"/v2/repository/models/digits/unload", 200},
		{"/v2/repository/models/digits/load", 200}, {inferPath, 200}, {"/v2/repository/models/x/load", 404}, {"/v2/repository/models/x/unload", 404},
	} {
		if w := ask(s, "POST", c.path, jsonOf(1)); w.Code != c.status {
			t.Errorf("%s: status %d, %s, want %d", c.path, w.Code, w.Body, c.status)
		}
	}
	loaded := ask(s, "POST", "/v2/repository/index", []byte(`{"ready":true}`)).Body.String()
	if err := s.Unload("digits"); err != nil {
		t.Fatal(err)
	}
	all := ask(s, "POST", "/v2/repository/index", nil).Body.String()
	none := ask(s, "POST", "/v2/repository/index", []byte(`{"ready":true}`)).Body.String()
	if !strings.Contains(loaded, `"READY"`) || !strings.Contains(all, `"UNAVAILABLE"`) || none != "[]\n" {
		t.Errorf("the index has %s, %s, %s", loaded, all, none)
	}
	if err := s.Reload(t.Context(), "digits"); err != nil {
		t.Fatal(err)
	}
	if got := ask(s, "POST", inferPath, jsonOf(1)).Body.String(); got != want {
		t.Errorf("loaded again: got %s, want %s", got, want)
	}
}

// TestUnloadDuringLoad unloads a model while it is being loaded: the load does not undo it.
func TestUnloadDuringLoad(t *testing.T) {
	models := []*model.Model{digits(t, 1), digits(t, 2)}
	begun, goOn := make(chan bool), make(chan bool)
	loads := 0
	s := newServer(t, Options{Models: []Model{{"digits", func(context.Context) (*model.Model, error) {
		loads++
		if loads == 2 {
			begun <- true
			<-goOn
		}
		return models[loads-1], nil
	}}}})
	var both sync.WaitGroup
	both.Go(func() {
		if err := s.Reload(t.Context(), "digits"); err != nil {
			t.Error(err)
		}
	})
	<-begun
	asked := make(chan bool)
	both.Go(func() {
		close(asked)
		if err := s.Unload("digits"); err != nil {
			t.Error(err)
		}
	})
	<-asked
	for range 100 { // Unload has every chance to end before the load
		runtime.Gosched()
	}
	close(goOn)
	both.Wait()
	if w := ask(s, "POST", inferPath, jsonOf(1)); w.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d, want %d", w.Code, http.StatusServiceUnavailable)
	}
}

// TestLogs reads the line of a request: what was asked and answered, and the trace that it is part of.
func TestLogs(t *testing.T) {
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	var lines bytes.Buffer
	s := newServer(t, Options{Log: slog.New(slog.NewJSONHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	for _, c := range []struct {
		header, trace, span string
	}{
		{"00-" + trace + "-" + span + "-01", trace, span},
		{"cc-" + trace + "-" + span + "-01-more", trace, span}, // of a version to come
		{"00-" + trace + "-" + span + "-01-more", "", ""},
		{"ff-" + trace + "-" + span + "-01", "", ""},
		{"00-" + strings.Repeat("0", 32) + "-" + span + "-01", "", ""},
		{"00-" + strings.ToUpper(trace) + "-" + span + "-01", "", ""},
		{"", "", ""},
	} {
		lines.Reset()
		ask(s, "POST", inferPath, []byte("{"), "Traceparent", c.header)
		var line struct {
			Level, Msg, Method, Path, Error string
			Status                          int
			Trace                           string `json:"trace_id"`
			Span                            string `json:"span_id"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%v: %s", err, lines.Bytes())
		}
		if line.Level != "DEBUG" || line.Msg != "request" || line.Method != "POST" || line.Path != inferPath || line.Status != 400 || line.Error == "" {
			t.Errorf("got the line %s", lines.Bytes())
		}
		if line.Trace != c.trace || line.Span != c.span {
			t.Errorf("%q: found the trace %q and the span %q, want %q and %q", c.header, line.Trace, line.Span, c.trace, c.span)
		}
	}
}

// TestDrain looks at health and connections before and after.
func TestDrain(t *testing.T) {
	s := newServer(t, Options{})
	look := func(path string) (int, string) {
		w := ask(s, "GET", path, nil)
		return w.Code, w.Header().Get("Connection")
	}
	for _, c := range []struct {
		path       string
		status     int
		connection string
		before     func()
	}{
		{"/v2/health/ready", 200, "", nil}, {"/v2/health/live", 200, "", nil},
		{"/v2/health/ready", 503, "close", s.Drain}, {"/v2/health/live", 200, "close", nil}, {"/v2/models/digits/ready", 200, "close", nil},
	} {
		if c.before != nil {
			c.before()
		}
		if status, connection := look(c.path); status != c.status || connection != c.connection {
			t.Errorf("%s: %d, %q, want %d, %q", c.path, status, connection, c.status, c.connection)
		}
	}
	read(t, ask(s, "POST", inferPath, jsonOf(1)))
}

// TestNothingLeft closes servers: no goroutine of theirs is left, and many requests take no more
// memory than some.
func TestNothingLeft(t *testing.T) {
	before := 0
	for i := range 5 {
		s, err := New(t.Context(), Options{Models: []Model{{"digits", always(digits(t, 1))}}})
		if err != nil {
			t.Fatal(err)
		}
		read(t, ask(s, "POST", inferPath, jsonOf(1)))
		s.Close()
		if i == 0 { // the cores' workers are there from now on
			before = runtime.NumGoroutine()
		}
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines, %d before", n, before)
	}
	s := newServer(t, Options{})
	held := func() uint64 {
		for range 3000 {
			ask(s, "POST", inferPath, jsonOf(1))
		}
		runtime.GC()
		runtime.GC() // what a sync.Pool has goes in two
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	held()
	if first, last := held(), held(); last > first+64<<10 {
		t.Errorf("%d bytes after some requests, %d after as many more", first, last)
	}
}

// TestPanics has a mounted handler that panics: 500 for this request, and an answer for the next.
func TestPanics(t *testing.T) {
	s := newServer(t, Options{})
	s.Handle("/broken", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oh") }))
	if w := ask(s, "GET", "/broken", nil); w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "oh") {
		t.Errorf("status %d, %s", w.Code, w.Body)
	}
	read(t, ask(s, "POST", inferPath, jsonOf(1)))
}

func TestNewErrors(t *testing.T) {
	for name, c := range map[string]struct {
		models []Model
		says   string
	}{
		"a bad name":   {[]Model{{"a/b", always(digits(t, 1))}}, `a model called "a/b"`},
		"no model":     {[]Model{{"a", func(context.Context) (*model.Model, error) { return nil, errors.New("it is gone") }}}, "a: it is gone"},
		"the second":   {[]Model{{"a", always(digits(t, 1))}, {"b", func(context.Context) (*model.Model, error) { return nil, errors.New("it is gone") }}}, "b: it is gone"},
		"dots":         {[]Model{{"..", always(digits(t, 1))}}, "a model called"},
		"without name": {[]Model{{"", always(digits(t, 1))}}, "a model called"},
	} {
		if _, err := New(t.Context(), Options{Models: c.models}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %q", name, err, c.says)
		}
	}
}

// TestSlowBody has clients that do not send what they announced, and one with too long a header.
func TestSlowBody(t *testing.T) {
	s := newServer(t, Options{})
	server := httptest.NewUnstartedServer(s.Handler())
	server.Config.ReadTimeout = 100 * time.Millisecond
	server.Config.MaxHeaderBytes = 4 << 10
	server.Start()
	defer server.Close()
	for sent, want := range map[string]string{
		"POST " + inferPath + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"inputs\":":   "HTTP/1.1 408 ",
		"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n": "HTTP/1.1 408 ",
		"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n":      "HTTP/1.1 400 ",
		"GET /v2 HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 20<<10) + "\r\n\r\n":           "HTTP/1.1 431 ",
		"GET /v2 HTTP/1.1\r\nHost: localhost\r\nX: ":                                                      "",
	} {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, sent) // the last of a long header may meet a closed connection
		answer, _ := io.ReadAll(c)
		c.Close()
		if !strings.HasPrefix(string(answer), want) || want == "" && len(answer) > 0 {
			t.Errorf("%.60q: got %.200q, want %q", sent, answer, want)
		}
	}
	if n := s.bodies.held.Load(); n != 0 {
		t.Errorf("%d bytes of bodies are still held", n)
	}
}
