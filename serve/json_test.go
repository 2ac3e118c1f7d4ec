package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/random"
)

// TestNumbers compares numbers with strconv's: as programs write them, with many digits, and in
// the middle between two of 32 bits.
func TestNumbers(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 2))
	texts := []string{"0", "-0", "0.0", "1", "-1", "0.1", "255", "16777217", "16777216.5", "1e0", "1E+2", "1e-7", "1.17549435e-38", "1e-45", "7e-46", "1e-400", "0e999999999999",
		"3.4028235e38", "0.000000000000000000000000001", "18446744073709551615", "18446744073709551616", "9999999999999999999", "123456789012345678901234567890", "1.00000017881393432617187499", "1.00000017881393432617187500", "1.00000017881393432617187501",
		"1.000000178813934326", "1.0000001788139344", "0.30000001192092896", "33554431.5e-3"}
	for range 20_000 {
		v := draw.Float64()
		f := float32(v)
		middle := (float64(f) + float64(math.Nextafter32(f, 2))) / 2
		texts = append(texts, strconv.FormatFloat(v, 'g', -1, 64), strconv.FormatFloat(v, 'f', draw.IntN(25), 64), strconv.FormatFloat(middle, 'f', -1, 64),
			strconv.FormatFloat(middle, 'g', 10+draw.IntN(10), 64), strconv.FormatFloat(math.Ldexp(v, draw.IntN(250)-125), 'g', 1+draw.IntN(19), 64), fmt.Sprint(f), fmt.Sprint(draw.Uint32()))
	}
	for _, text := range texts {
		want, err := strconv.ParseFloat(text, 32)
		if err != nil {
			t.Fatal(err)
		}
		p := &parser{text: []byte(text)}
		d, err := p.number()
		if err != nil || p.at != len(text) {
			t.Fatalf("%s: %v at %d", text, err, p.at)
		}
		if got, err := d.float32(); err != nil || math.Float32bits(got) != math.Float32bits(float32(want)) {
			t.Fatalf("%s: got %v, %v, want %v", text, got, err, float32(want))
		}
	}
}

// TestParse reads what there may be in a request.
func TestParse(t *testing.T) {
	r, err := parseRequest([]byte(` { "id" : "a\u00e9\n" , "parameters" : { "binary_data_output" : true, "x":[{}] } , "more": {"a":[1,"b",null,true,false,-0.5e-3,{"c":[]}]},
		"inputs":[ { "data" : [ [1 ,2.5] , [ -3e1,4]], "shape":[2,2] ,"datatype":"FP32","name":"input", "parameters":null },
		{"name":"\u0069mage","data":["a","b\/c"],"shape":[2],"datatype":"BYTES"}, {"name":"x","parameters":{"binary_data_size":7}} ],
		"outputs":[{"name":"class","parameters":{"binary_data":false}},{"name":"logits"}] } `))
	if err != nil {
		t.Fatal(err)
	}
	in := r.Inputs
	if r.ID != "a\u00e9\n" || !r.Binary || len(in) != 3 || len(r.Outputs) != 2 || *r.Outputs[0].Binary || r.Outputs[1].Binary != nil {
		t.Errorf("got %+v", r)
	}
	if !slices.Equal(in[0].Numbers, []float32{1, 2.5, -30, 4}) || !slices.Equal(in[0].Shape, []int{2, 2}) || in[0].Name != "input" || in[0].Datatype != "FP32" || in[0].binary != -1 {
		t.Errorf("got %+v", in[0])
	}
	if in[1].Name != "image" || len(in[1].Strings) != 2 || string(in[1].Strings[1]) != "b/c" || in[2].binary != 7 || in[2].data {
		t.Errorf("got %+v", in[1:])
	}
}

// FuzzRequest holds what is taken to encoding/json: it is valid there, with the same numbers.
func FuzzRequest(f *testing.F) {
	for _, text := range []string{`{}`, `{"inputs":[{"name":"input","datatype":"UINT8","shape":[1,2],"data":[[1,2]]}]}`, `{"id":"a","outputs":[{"name":"b","parameters":{"binary_data":true}}]}`,
		`{"inputs":[{"data":[1.5,2e3,-0.1]}]}`, `{"inputs":[{"data":["a","\u00e9"],"parameters":{"binary_data_size":3}}]}`, `{"x":[[[null,true]]]}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := parseRequest(text)
		if err != nil {
			return
		}
		if !json.Valid(text) {
			t.Fatalf("%q is no JSON", text)
		}
		for _, in := range r.Inputs {
			for _, v := range in.Numbers {
				if v-v != 0 {
					t.Fatalf("%q became %v", text, v)
				}
			}
		}
	})
}

// FuzzInfer sends any body: no answer is of status 500.
func FuzzInfer(f *testing.F) {
	s := newServer(f, Options{MaxPixels: 1 << 16})
	head := `{"inputs":[{"name":"input","datatype":"UINT8","shape":[1,1,4,4],"parameters":{"binary_data_size":16}}]}`
	f.Add(jsonOf(1), "")
	f.Add([]byte(head+"0123456789abcdef"), fmt.Sprint(len(head)))
	images := `{"inputs":[{"name":"image","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":8}}]}`
	f.Add([]byte(images+"\x04\x00\x00\x00abcd"), fmt.Sprint(len(images)))
	f.Fuzz(func(t *testing.T, body []byte, length string) {
		w := ask(s, "POST", inferPath, body, headerLength, length)
		if w.Code >= 500 || w.Code != 200 && (w.Code < 400 || !strings.HasPrefix(w.Body.String(), `{"error":"`)) {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
	})
}

// pixels returns a request of 784 numbers, as Python writes them.
func pixels(form func(i int) string) []byte {
	var data []string
	for i := range 784 {
		data = append(data, form(i))
	}
	return []byte(`{"inputs": [{"name": "input", "shape": [1, 1, 28, 28], "datatype": "FP32", "data": [` + strings.Join(data, ", ") + `]}]}`)
}

func BenchmarkParse(b *testing.B) {
	for name, form := range map[string]func(int) string{
		"bytes": func(i int) string { return fmt.Sprint(i % 256) }, "floats32": func(i int) string { return fmt.Sprint(float32(i%256) / 255) }, "floats64": func(i int) string { return fmt.Sprint(float64(i%256) / 255) },
	} {
		text := pixels(form)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := parseRequest(text); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/encoding/json", func(b *testing.B) {
			for b.Loop() {
				var r struct {
					Inputs []struct {
						Name, Datatype string
						Shape          []int
						Data           []float32
					}
				}
				if err := json.Unmarshal(text, &r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// nobody takes an answer and forgets it.
type nobody http.Header

func (n nobody) Header() http.Header         { return http.Header(n) }
func (n nobody) Write(p []byte) (int, error) { return len(p), nil }
func (n nobody) WriteHeader(int)             {}

// BenchmarkInfer is requests for a picture of 784 pixels to an MLP 784-256-10, without the network.
func BenchmarkInfer(b *testing.B) {
	m, err := model.New(model.MLP([]int{1, 28, 28}, []int{256}, strings.Split("0123456789", "")), random.New(1))
	if err != nil {
		b.Fatal(err)
	}
	s := newServer(b, Options{Models: []Model{{"digits", always(m)}}})
	head := `{"inputs":[{"name":"input","datatype":"FP32","shape":[1,1,28,28],"parameters":{"binary_data_size":3136}}],"parameters":{"binary_data_output":true}}`
	for name, r := range map[string]struct {
		body   []byte
		length string
	}{
		"binary": {append([]byte(head), make([]byte, 3136)...), fmt.Sprint(len(head))},
		"JSON":   {pixels(func(i int) string { return fmt.Sprint(float32(i%256) / 255) }), ""},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				request := httptest.NewRequest("POST", inferPath, bytes.NewReader(r.body))
				request.Header.Set(headerLength, r.length)
				s.Handler().ServeHTTP(nobody{}, request)
			}
		})
	}
}

// A shape is a promise. Memory is taken for the numbers that are there, whatever it promises.
func TestShapesTakeNoMemory(t *testing.T) {
	inputs := strings.Repeat(`{"name":"input","datatype":"FP32","shape":[1000000],"data":[1]},`, 1000)
	text := []byte(`{"inputs":[` + strings.TrimSuffix(inputs, ",") + `],"padding":"` + strings.Repeat("x", 2<<20) + `"}`)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := parseRequest(text)
	runtime.ReadMemStats(&after)
	if err != nil || len(r.Inputs) != 1000 {
		t.Fatalf("parseRequest: %v", err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 4<<20 {
		t.Errorf("1000 inputs of one number each, whose shapes promise a million, took %d bytes", took)
	}
}
