package transform_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// customers has a column of each kind.
func customers() transform.Columns {
	return transform.Columns{Label: "churn", Missing: []string{"-"}, List: []transform.Column{
		{Name: "age", Kind: transform.Numeric, Mean: 40, Deviation: 10, Median: 38, Indicator: true},
		{Name: "id", Kind: transform.Ignored, Why: "no value comes again"},
		{Name: "city", Kind: transform.Category, Categories: []string{"", "Oslo", "Paris"}, Rare: 2},
		{Name: "member", Kind: transform.Boolean, Mean: 0.5, Deviation: 0.5, Median: 1},
		{Name: "since", Kind: transform.Date, Layout: "2006-01-02", Indicator: true, Parts: []transform.DatePart{
			{Name: "year", Mean: 2020, Deviation: 2}, {Name: "weekday", Mean: 4, Deviation: 2}}},
	}}
}

// TestMeanRow has what a row is explained against.
func TestMeanRow(t *testing.T) {
	c := customers()
	third := float32(1) / 3
	if got, want := c.MeanRow(), []float32{0, 0, third, third, third, 0, 0, 0, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	c.Means = []float64{0.25, 0.5, 0.1, 0.2, 0.3, 0.4, 0, 0, 0, 0.125}
	if got, want := c.MeanRow(), []float32{0.25, 0.5, 0.1, 0.2, 0.3, 0.4, 0, 0, 0, 0.125}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	text, err := json.Marshal(transform.Compose{c})
	if err != nil {
		t.Fatal(err)
	}
	var back transform.Compose
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back[0].(transform.Columns).Means, c.Means) {
		t.Errorf("read back: %v, %v", back, err)
	}
	c.Means = c.Means[:9]
	if _, err := json.Marshal(transform.Compose{c}); err == nil || !strings.Contains(err.Error(), "found 9 means, expected 10 finite ones, one a feature") {
		t.Error(err)
	}
}

func TestColumns(t *testing.T) {
	c := customers()
	const names = "age|age missing|city=|city=Oslo|city=Paris|city other|member|since year|since weekday|since missing"
	if got := strings.Join(c.Features(), "|"); got != names || c.Width() != 10 {
		t.Errorf("got %d features, %s", c.Width(), got)
	}
	mean, deviation := c.Scales()
	if len(mean) != 10 || !slices.Equal(mean[1:8], []float64{0, 0, 0, 0, 0, 0.5, 2020}) || !slices.Equal(deviation[1:9], []float64{1, 1, 1, 1, 1, 0.5, 2, 2}) || mean[0] != c.List[0].Mean {
		t.Errorf("means %v and deviations %v", mean, deviation)
	}
	for _, test := range []struct {
		fields []string
		want   []float32
	}{
		{[]string{"50", "7", "Paris", "yes", "2024-01-01"}, []float32{1, 0, 0, 0, 1, 0, 1, 2, -1.5, 0}},
		{[]string{" 4.5e1 ", "", " Oslo", "FALSE", "2020-02-02 "}, []float32{0.5, 0, 0, 1, 0, 0, -1, 0, 1.5, 0}},
		{[]string{"", "", "", "", ""}, []float32{-0.2, 1, 1, 0, 0, 0, 1, 0, 0, 1}},
		{[]string{"-", "-", "-", "-", "-"}, []float32{-0.2, 1, 1, 0, 0, 0, 1, 0, 0, 1}},
		{[]string{"NaN", "", "NA", "null", "?"}, []float32{-0.2, 1, 0, 0, 0, 1, 1, 0, 0, 1}},
	} {
		got, err := c.Apply(transform.Input{Row: &transform.Row{Fields: test.fields}}, random.Key{})
		if err != nil || !slices.Equal(tensor.Values[float32](got.Tensor), test.want) {
			t.Errorf("%q: got %v, %v, want %v", test.fields, got, err, test.want)
		}
	}
	for _, test := range []struct {
		fields []string
		want   string
	}{
		{[]string{"old", "", "", "", ""}, `column "age": found "old", expected a finite number`},
		{[]string{"1,234.5", "", "", "", ""}, `column "age": found "1,234.5", expected a finite number`},
		{[]string{"inf", "", "", "", ""}, `column "age": found "inf", expected a finite number`},
		{[]string{"1e999", "", "", "", ""}, `column "age": found "1e999", expected a finite number`},
		{[]string{"", "", "", "maybe", ""}, `column "member": found "maybe", expected true or false, yes or no`},
		{[]string{"", "", "", "", "2024-13-01"}, `column "since": found "2024-13-01", expected a date such as 2006-01-02`},
		{[]string{"1"}, "columns: found a row of 1 fields, expected 5"},
	} {
		if _, err := c.Apply(transform.Input{Row: &transform.Row{Fields: test.fields}}, random.Key{}); err == nil || err.Error() != test.want {
			t.Errorf("%q: got %v, want %s", test.fields, err, test.want)
		}
	}
	for name, p := range map[string]transform.Input{"nothing": {}, "a tensor": {Tensor: tensor.Zeros(tensor.Float32, 2)}} {
		if _, err := c.Apply(p, random.Key{}); err == nil || err.Error() != "columns: found "+name+", expected a row of a table" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (transform.Compose{transform.ToTensor{}}).Apply(transform.Input{Row: &transform.Row{}}, random.Key{}); err == nil || err.Error() != "to tensor: found a row of a table, expected an image" {
		t.Errorf("a row for pictures: %v", err)
	}
}

// TestColumnsSaved checks the saved form, which people read, and what is refused of it.
func TestColumnsSaved(t *testing.T) {
	const want = `[{"type":"columns","columns":[` +
		`{"name":"age","kind":"numeric","mean":40,"deviation":10,"median":38,"indicator":true},` +
		`{"name":"id","kind":"ignored","why":"no value comes again"},` +
		`{"name":"city","kind":"category","categories":["","Oslo","Paris"],"rare":2},` +
		`{"name":"member","kind":"boolean","mean":0.5,"deviation":0.5,"median":1},` +
		`{"name":"since","kind":"date","layout":"2006-01-02","parts":[{"part":"year","mean":2020,"deviation":2},{"part":"weekday","mean":4,"deviation":2}],"indicator":true}],` +
		`"label":"churn","missing":["-"]}]`
	c := transform.Compose{customers()}
	text, err := json.Marshal(c)
	var got, wanted any
	if err != nil || json.Unmarshal(text, &got) != nil || json.Unmarshal([]byte(want), &wanted) != nil || !reflect.DeepEqual(got, wanted) {
		t.Errorf("got  %s, %v\nwant %s", text, err, want)
	}
	var read transform.Compose
	if err := json.Unmarshal(text, &read); err != nil || !read.Same(c, transform.Form{Row: true}) {
		t.Errorf("read %v, %v", read, err)
	}
	f, err := read.Form(transform.Form{Row: true})
	if err != nil || !f.Tensor || !slices.Equal(f.Shape, []int{10}) {
		t.Errorf("form %v, %v", f, err)
	}
	if _, err := read.Form(transform.Form{Shape: []int{3, 0, 0}}); err == nil || err.Error() != "step 0: columns: found an image of shape [3 0 0], expected a row of a table" {
		t.Errorf("of a picture: %v", err)
	}
	for columns, want := range map[string]string{
		``:                              "columns: found 0 features, expected 1 to 1048576",
		`{"name":"a","kind":"magic"}`:   `column "a": found the kind "magic", expected numeric, category, date, boolean or ignored`,
		`{"name":"a","kind":"numeric"}`: `column "a": found a mean of 0 and a deviation of 0, expected finite numbers, the second greater than 0`,
		`{"name":"a","kind":"boolean","deviation":-1}`:                                        `column "a": found a mean of 0 and a deviation of -1, expected finite numbers, the second greater than 0`,
		`{"name":"a","kind":"category"},{"name":"a","kind":"category"}`:                       `columns: found the column "a" twice, expected it once`,
		`{"name":"a","kind":"category","categories":["b","a"]}`:                               `column "a": found the category "b" before "a", expected sorted ones`,
		`{"name":"a","kind":"category","categories":["b","b"]}`:                               `column "a": found the category "b" before "b", expected sorted ones`,
		`{"name":"a","kind":"category","indicator":true}`:                                     `column "a": found categories with an indicator of what is missing, expected a category for it`,
		`{"name":"a","kind":"date","layout":"2006"}`:                                          `column "a": found the layout "2006", expected one such as "2006-01-02"`,
		`{"name":"a","kind":"date","layout":"2006-01-02","parts":[{"part":"era"}]}`:           `column "a": found the part "era", expected one of year, month, day, weekday, hour`,
		`{"name":"a","kind":"date","layout":"2006-01-02","parts":[{"part":"day"}]}`:           `column "a": found a mean of 0 and a deviation of 0, expected finite numbers, the second greater than 0`,
		`{"name":"a","kind":"date","layout":"2006-01-02","parts":[{},{},{},{},{},{}]}`:        `column "a": found 6 parts, expected at most 5`,
		`{"name":"a","kind":"date","layout":"2006-01-02","parts":[]},{"name":"b","kind":"x"}`: `column "b": found the kind "x", expected numeric, category, date, boolean or ignored`,
	} {
		if err := json.Unmarshal([]byte(`[{"type":"columns","columns":[`+columns+`]}]`), &read); err == nil || err.Error() != "step 0: "+want {
			t.Errorf("%s: got  %v\nwant step 0: %s", columns, err, want)
		}
	}
}

func TestDateParts(t *testing.T) {
	at := time.Date(2024, 2, 4, 18, 30, 0, 0, time.UTC) // a Sunday
	if got, want := transform.PartsOf(at), [5]float64{2024, 2, 4, 7, 18.5}; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, layout := range transform.DateLayouts {
		if _, err := time.Parse(layout, at.Format(layout)); err != nil {
			t.Errorf("%s: %v", layout, err)
		}
	}
}

func TestColumnsAllocate(t *testing.T) {
	c := customers()
	out, fields := make([]float32, c.Width()), []string{"50", "7", "Paris", "yes", "2024-01-01"}
	if n := testing.AllocsPerRun(100, func() {
		if err := c.Fill(out, fields); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("a row takes %v allocations, none expected", n)
	}
}
