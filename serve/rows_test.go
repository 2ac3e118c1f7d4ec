package serve

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/transform"
)

// weather returns a model of a table of four columns, one of them ignored.
func weather(t *testing.T) *model.Model {
	t.Helper()
	columns := transform.Columns{Label: "rain", List: []transform.Column{
		{Name: "degrees", Kind: transform.Numeric, Mean: 12.345678901, Deviation: 7, Median: 11},
		{Name: "id", Kind: transform.Ignored, Why: "each once"},
		{Name: "wind", Kind: transform.Category, Categories: []string{"", "east", "west"}},
		{Name: "sunday", Kind: transform.Boolean, Mean: 0.1, Deviation: 0.3},
	}}
	d := model.MLP([]int{columns.Width()}, []int{4}, []string{"dry", "wet"})
	d.Preprocess = transform.Compose{columns}
	m, err := model.New(d, random.New(5))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestRows sends rows by column, in another order, in JSON and behind it: the answers are the predictor's.
func TestRows(t *testing.T) {
	m := weather(t)
	s := newServer(t, Options{Models: []Model{{"weather", always(m)}}})
	by, err := model.NewPredictor(m)
	if err != nil {
		t.Fatal(err)
	}
	var want []float32
	for _, r := range []map[string]string{{"degrees": "17.123456789012", "wind": "west", "sunday": "true"}, {"degrees": "-3", "wind": "", "sunday": "no"}} {
		all, err := by.ClassifyRecord(r, 2)
		if err != nil {
			t.Fatal(err)
		}
		row := make([]float32, 2)
		for _, p := range all {
			row[p.Index] = float32(p.Probability)
		}
		want = append(want, row...)
	}
	behind := []byte{4, 0, 0, 0, 'w', 'e', 's', 't', 0, 0, 0, 0}
	for _, v := range []float64{17.123456789012, -3} {
		behind = binary.LittleEndian.AppendUint64(behind, math.Float64bits(v))
	}
	behind = append(behind, 1, 0)
	raw := func(name, datatype string, size int) string {
		return fmt.Sprintf(`{"name":%q,"datatype":%q,"shape":[2],"parameters":{"binary_data_size":%d}}`, name, datatype, size)
	}
	head := `{"inputs":[` + raw("wind", "BYTES", 12) + "," + raw("degrees", "FP64", 16) + "," + raw("sunday", "BOOL", 2) + "]}"
	rest := `{"name":"more","datatype":"INT64","shape":[2],"data":[1,2]},{"name":"wind","datatype":"BYTES","shape":[2],"data":["west",""]},{"name":"sunday","datatype":"BYTES","shape":[2,1],"data":["true","no"]}`
	for name, r := range map[string]struct {
		body   string
		header []string
	}{
		"numbers": {`{"inputs":[` + rest + `,{"data":[17.123456789012,-3],"name":"degrees","shape":[2],"datatype":"FP64"}]}`, nil},
		"nested":  {`{"inputs":[` + rest + `,{"data":[[17.123456789012],[-3]],"name":"degrees","shape":[2,1],"datatype":"FP64"}]}`, nil},
		"texts":   {`{"inputs":[{"name":"degrees","datatype":"BYTES","shape":[2],"data":["17.123456789012","-3"]},` + rest + `]}`, nil},
		"raw":     {head + string(behind), []string{headerLength, fmt.Sprint(len(head))}},
	} {
		a := read(t, ask(s, "POST", "/v2/models/weather/infer", []byte(r.body), r.header...))
		var got []float32
		if err := json.Unmarshal(a.Outputs[0].Data, &got); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, want)
		}
	}
	meta, err := s.Metadata("weather", "")
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(meta.Inputs) != "[{degrees FP64 [-1]} {wind BYTES [-1]} {sunday BYTES [-1]}]" {
		t.Errorf("inputs %v", meta.Inputs)
	}
}

func TestBadRows(t *testing.T) {
	s := newServer(t, Options{Models: []Model{{"weather", always(weather(t))}}})
	column := func(name, shape, data string) string {
		return fmt.Sprintf(`{"name":%q,"datatype":"BYTES","shape":[%s],"data":[%s]}`, name, shape, data)
	}
	degrees, wind, sunday := column("degrees", "1", `"1"`), column("wind", "1", `"east"`), column("sunday", "1", `"no"`)
	for want, inputs := range map[string][]string{
		`found no column "degrees"`:     {wind, sunday},
		`found the column "wind" twice`: {degrees, wind, wind, sunday},
		`found 2 rows, 1 expected`:      {degrees, column("wind", "2", `"east","west"`), sunday},
		`found 1 elements, 2 expected`:  {column("degrees", "2", `"1"`)},
		`found the shape [1 2]`:         {column("degrees", "1,2", `"1","2"`)},
		`found the shape [0]`:           {column("degrees", "0", ``)},
		`row 0`:                         {column("degrees", "1", `"warm"`), wind, sunday},
		`row 0: `:                       {degrees, wind, column("sunday", "1", `"maybe"`)},
		`found no column`:               nil,
	} {
		w := ask(s, "POST", "/v2/models/weather/infer", []byte(`{"inputs":[`+strings.Join(inputs, ",")+`]}`))
		if text := strings.ReplaceAll(w.Body.String(), `\"`, `"`); w.Code != http.StatusBadRequest || !strings.Contains(text, want) {
			t.Errorf("status %d, %s, want %s", w.Code, text, want)
		}
	}
	if w := ask(s, "POST", "/v1/classify", file(t, drawn(1))); w.Code != http.StatusBadRequest {
		t.Errorf("a picture: status %d, %s", w.Code, w.Body)
	}
}
