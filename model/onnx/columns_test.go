package onnx_test

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/onnx"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/transform"
)

// tableColumns are of every kind, with names that a graph has for other things.
var tableColumns = transform.Columns{Label: "class", Missing: []string{"-999", "none"}, List: []transform.Column{
	{Name: "age", Kind: transform.Numeric, Mean: 41.25, Deviation: 12.5, Median: 40, Indicator: true},
	{Name: "city", Kind: transform.Category, Categories: []string{"", "Oslo", "Paris", "none"}},
	{Name: "id", Kind: transform.Ignored, Why: "no value comes again"},
	{Name: "since", Kind: transform.Date, Layout: "2006-01-02", Indicator: true,
		Parts: []transform.DatePart{{Name: "year", Mean: 2020, Deviation: 3}, {Name: "weekday", Mean: 4, Deviation: 2}}},
	{Name: "member", Kind: transform.Boolean, Mean: 0.4, Deviation: 0.5, Median: 1, Indicator: true},
	{Name: "logits", Kind: transform.Numeric, Mean: 1e6 + 0.25, Deviation: 0.5, Median: 1e6},
	{Name: "", Kind: transform.Category, Categories: []string{"x"}},
}}

// tableRows are rows of them as texts, and as a graph takes them.
var tableRows = []struct {
	texts  []string
	inputs []any
}{
	{[]string{"31", "Paris", "2021-03-05", "yes", "1000000.5", "x"}, []any{31, "Paris", 2021, 5, 1, 1000000.5, "x"}},
	{[]string{"-999", "none", "", "no", "1000001", "none"}, []any{-999, "none", nil, nil, 0, 1000001, "none"}},
	{[]string{"NA", "", "2018-12-31", "", "", ""}, []any{nil, "", 2018, 1, nil, nil, ""}},
	{[]string{"-3.5", "Rome", "2024-02-29", "true", "-999", "y"}, []any{-3.5, "Rome", 2024, 4, 1, -999, "y"}},
	{[]string{"1e9", "Oslo", "1999-01-01", "f", "999999", "x"}, []any{1e9, "Oslo", 1999, 5, 0, 999999, "x"}},
}

// tables returns models of rows of tables: softmax regression, an MLP with a batch norm and several labels, one of categories alone, and
// one of numbers alone.
func tables(t testing.TB) []*model.Model {
	classes := []string{"yes", "no", "\"ж\""}
	deep := model.MLP([]int{tableColumns.Width()}, []int{16, 8}, classes)
	deep.Layers = slices.Insert(deep.Layers, 2, nn.Spec{Name: "norm", Options: nn.BatchNorm1dOptions{In: 16}})
	deep.Task = "multi-label"
	definitions := []model.Definition{model.Softmax([]int{tableColumns.Width()}, classes), deep}
	var models []*model.Model
	for _, d := range definitions {
		d.Preprocess, d.Training = transform.Compose{tableColumns}, map[string]any{"epochs": 3}
		models = append(models, trained(t, d))
	}
	for _, kind := range []transform.ColumnKind{transform.Category, transform.Numeric} {
		only := tableColumns
		only.List = slices.Clone(only.List)
		for i := range only.List {
			if only.List[i].Kind != kind {
				only.List[i] = transform.Column{Name: only.List[i].Name, Kind: transform.Ignored}
			}
		}
		d := model.Softmax([]int{only.Width()}, classes)
		d.Name, d.Preprocess, d.Training = string(kind), transform.Compose{only}, map[string]any{"epochs": 3}
		models = append(models, trained(t, d))
	}
	return models
}

func TestInputs(t *testing.T) {
	want := []onnx.Input{
		{Name: "age", Column: "age", Kind: "numeric"}, {Name: "city", Column: "city", Kind: "category"},
		{Name: "since year", Column: "since", Kind: "date", Part: "year"}, {Name: "since weekday", Column: "since", Kind: "date", Part: "weekday"},
		{Name: "member", Column: "member", Kind: "boolean"}, {Name: "logits_2", Column: "logits", Kind: "numeric"}, {Name: "_2", Kind: "category"},
	}
	if got := onnx.Inputs(tables(t)[0]); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	if got := onnx.Inputs(trained(t, nets[0].definition())); got != nil {
		t.Errorf("of a net for pictures: %v", got)
	}
}

// TestTablesComeBack holds that what is written of tables' models is read into what they were.
func TestTablesComeBack(t *testing.T) {
	for _, m := range tables(t) {
		again, err := onnx.Read(exported(t, m, onnx.Options{TrainingForm: true}), nil)
		if err != nil || !bytes.Equal(saved(t, again), saved(t, m)) {
			t.Errorf("%s: %v: its own file is another one behind ONNX", m.Name, err)
		}
		folded := exported(t, m, onnx.Options{})
		if again, err = onnx.Read(folded, nil); err != nil || !bytes.Equal(exported(t, again, onnx.Options{}), folded) {
			t.Errorf("%s, folded: %v", m.Name, err)
		}
	}
}

// TestTablesThatAreRefused holds that what has no form in ONNX is said, and that a graph of rows that others made is no net here.
func TestTablesThatAreRefused(t *testing.T) {
	c := transform.Columns{List: []transform.Column{{Name: "since", Kind: transform.Date, Layout: "2006-01-02", Indicator: true}}}
	d := model.Softmax([]int{1}, []string{"a", "b"})
	d.Preprocess = transform.Compose{c}
	var b bytes.Buffer
	if err := onnx.Export(&b, trained(t, d), onnx.Options{}); err == nil || b.Len() > 0 ||
		err.Error() != `no form in ONNX is known of column "since", a date of which only it counts whether it is missing` {
		t.Errorf("got %v, %d bytes", err, b.Len())
	}
	if err := onnx.Export(&b, tables(t)[0], onnx.Options{}); err != nil {
		t.Fatal(err)
	}
	changed := bytes.ReplaceAll(b.Bytes(), []byte("LabelEncoder"), []byte("LabelDecoder"))
	if _, err := onnx.Read(changed, nil); err == nil || !strings.Contains(err.Error(), "7 inputs") {
		t.Errorf("got %v", err)
	}
}
