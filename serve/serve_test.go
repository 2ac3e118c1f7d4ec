package serve

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/transform"
)

// digits returns a small net of grey pictures of 4 by 4 pixels, with normalisation, that a seed makes.
func digits(t testing.TB, seed uint64) *model.Model {
	t.Helper()
	d := model.MLP([]int{1, 4, 4}, []int{8}, []string{"nought", "one", "\"two\"\n"})
	d.Preprocess = append(d.Preprocess, transform.Normalize{Mean: []float32{0.3}, Std: []float32{0.25}})
	m, err := model.New(d, random.New(seed))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// always returns what loads m.
func always(m *model.Model) func(context.Context) (*model.Model, error) {
	return func(context.Context) (*model.Model, error) { return m, nil }
}

// newServer returns a server of digits, under that name.
func newServer(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Models == nil {
		o.Models = []Model{{"digits", always(digits(t, 1))}}
	}
	s, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// drawn returns a grey picture of 4 by 4 pixels that differs by i.
func drawn(i int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, 4, 4))
	for at := range img.Pix {
		img.Pix[at] = uint8(31*at + 101*i*(at+1))
	}
	return img
}

// file returns a picture as a PNG.
func file(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// ask sends a request to the handler, with headers by turns names and values.
func ask(s *Server, method, path string, body []byte, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

// answer is an answer in JSON.
type answer struct {
	ModelName    string `json:"model_name"`
	ModelVersion string `json:"model_version"`
	ID           *string
	Outputs      []struct {
		Name, Datatype string
		Shape          []int
		Data           json.RawMessage
		Parameters     struct {
			Size int `json:"binary_data_size"`
		}
	}
}

// read returns the answer of a request that has one.
func read(t testing.TB, w *httptest.ResponseRecorder) answer {
	t.Helper()
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	text := w.Body.Bytes()
	if n := w.Header().Get(headerLength); n != "" {
		var length int
		fmt.Sscan(n, &length)
		text = text[:length]
	}
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return a
}

// TestThreeWays sends pictures as numbers, as bytes and as files, in JSON and behind it, one by one and
// together. All answers have the bits of the predictor's.
func TestThreeWays(t *testing.T) {
	m := digits(t, 1)
	s := newServer(t, Options{})
	by, err := model.NewPredictor(m)
	if err != nil {
		t.Fatal(err)
	}
	var want [][]float32
	var classes []string
	for i := range 5 {
		all, err := by.Classify(drawn(i), 3)
		if err != nil {
			t.Fatal(err)
		}
		row := make([]float32, 3)
		for _, p := range all {
			row[p.Index] = float32(p.Probability)
		}
		want, classes = append(want, row), append(classes, all[0].Class)
	}
	for _, n := range []int{1, 5} {
		var bytes, numbers, files, raw, rawFloats, rawFiles []byte
		for i := range n {
			img := drawn(i)
			for _, v := range img.Pix {
				bytes = fmt.Appendf(bytes, "%d,", v)
				numbers = fmt.Appendf(numbers, "%v,", float32(v)/255)
				rawFloats = binary.LittleEndian.AppendUint32(rawFloats, math.Float32bits(float32(v)/255))
			}
			raw = append(raw, img.Pix...)
			f := file(t, img)
			files = fmt.Appendf(files, "%q,", base64.StdEncoding.EncodeToString(f))
			rawFiles = append(binary.LittleEndian.AppendUint32(rawFiles, uint32(len(f))), f...)
		}
		shape := fmt.Sprintf("[%d,1,4,4]", n)
		for name, r := range map[string]struct {
			name, datatype, shape string
			data, behind          []byte
		}{
			"bytes":      {"input", "UINT8", shape, bytes, nil},
			"numbers":    {"input", "FP32", shape, numbers, nil},
			"files":      {"image", "BYTES", fmt.Sprintf("[%d]", n), files, nil},
			"raw bytes":  {"input", "UINT8", shape, nil, raw},
			"raw floats": {"input", "FP32", shape, nil, rawFloats},
			"raw files":  {"image", "BYTES", fmt.Sprintf("[%d]", n), nil, rawFiles},
		} {
			head := fmt.Sprintf(`{"id":"7","inputs":[{"name":%q,"datatype":%q,"shape":%s,`, r.name, r.datatype, r.shape)
			var headers []string
			var body []byte
			if r.data != nil {
				body = fmt.Appendf(nil, `%s"data":[%s]}]}`, head, r.data[:len(r.data)-1])
			} else {
				body = fmt.Appendf(nil, `%s"parameters":{"binary_data_size":%d}}]}`, head, len(r.behind))
				headers = []string{headerLength, fmt.Sprint(len(body))}
				body = append(body, r.behind...)
			}
			a := read(t, ask(s, "POST", "/v2/models/digits/infer", body, headers...))
			if a.ID == nil || *a.ID != "7" || a.ModelName != "digits" || len(a.ModelVersion) != 12 || len(a.Outputs) != 3 {
				t.Errorf("%s: got %+v", name, a)
			}
			var got []float32
			var said []string
			if err := json.Unmarshal(a.Outputs[0].Data, &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(a.Outputs[2].Data, &said); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, slices.Concat(want[:n]...)) || !slices.Equal(said, classes[:n]) {
				t.Errorf("%d as %s: got %v %q, want %v %q", n, name, got, said, want[:n], classes[:n])
			}
		}
	}
}

// TestClassify sends a picture in the three ways that curl has.
func TestClassify(t *testing.T) {
	s := newServer(t, Options{})
	by, err := model.NewPredictor(digits(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	all, err := by.Classify(drawn(3), 2)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"model":"digits","predictions":%s}`+"\n", text)
	picture := file(t, drawn(3))
	form := "--x\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhere\r\n--x\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n\r\n" + string(picture) + "\r\n--x--\r\n"
	for name, w := range map[string]*httptest.ResponseRecorder{
		"a file": ask(s, "POST", "/v1/classify?model=digits&top_k=2", picture, "Content-Type", "application/x-www-form-urlencoded"),
		"a form": ask(s, "POST", "/v1/classify?top_k=2", []byte(form), "Content-Type", "multipart/form-data; boundary=x"),
		"JSON":   ask(s, "POST", "/v1/classify?top_k=2", []byte(` {"more":[1],"image":"`+strings.ReplaceAll(base64.StdEncoding.EncodeToString(picture), "/", `\/`)+`"}`)),
	} {
		if got, err := io.ReadAll(w.Body); err != nil || w.Code != http.StatusOK || string(got) != want {
			t.Errorf("%s: status %d, %s, %v, want %s", name, w.Code, got, err, want)
		}
	}
}
