package model_test

import (
	"fmt"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// animals is a model of rows with three columns, one of them ignored. Heavy things are dogs, and so are
// those that bark.
func animals(t testing.TB) *model.Model {
	t.Helper()
	d := model.Softmax([]int{4}, []string{"cat", "dog"})
	d.Preprocess = transform.Compose{transform.Columns{Label: "animal", List: []transform.Column{
		{Name: "weight", Kind: transform.Numeric, Mean: 10, Deviation: 5, Median: 10},
		{Name: "name", Kind: transform.Ignored, Why: "no value comes again"},
		{Name: "says", Kind: transform.Category, Categories: []string{"meow", "woof"}},
	}}}
	m, err := model.New(d, random.New(1))
	if err != nil {
		t.Fatal(err)
	}
	linear := m.Net.Layer("linear").(*nn.Linear)
	copy(tensor.Data[float32](linear.Weight), []float32{0, 0, 0, 0, 1, -2, 2, 0})
	copy(tensor.Data[float32](linear.Bias), []float32{0, 0})
	return m
}

func TestRowsOfTables(t *testing.T) {
	m := animals(t)
	path := filepath.Join(t.TempDir(), "m.safetensors")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	m, err := model.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := m.Columns(); !ok || c.Label != "animal" || len(c.List) != 3 {
		t.Errorf("columns %v, %v", c, ok)
	}
	p, err := model.NewPredictor(m)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := p.Rows([]string{"says", "owner", "weight"})
	if err != nil || !reflect.DeepEqual(rows.Unused(), []string{"owner"}) {
		t.Fatal(rows, err)
	}
	for _, test := range []struct {
		says, weight, class string
	}{{"woof", "10", "dog"}, {"meow", "10", "cat"}, {"moo", "15", "dog"}, {"moo", "5", "cat"}, {"meow", "25", "dog"}, {"woof", "", "dog"}} {
		got, err := rows.Classify([]string{test.says, "Ada", test.weight}, 1)
		if err != nil || got[0].Class != test.class {
			t.Errorf("%v: %v, %v", test, got, err)
		}
		same, err := p.ClassifyRecord(map[string]string{"weight": test.weight, "says": test.says, "name": "x"}, 1)
		if err != nil || !reflect.DeepEqual(same, got) {
			t.Errorf("%v as a record: %v, %v, want %v", test, same, err, got)
		}
	}
	for want, call := range map[string]func() error{
		`found no column "weight", and no column "says", which the model needs`: func() error { _, err := p.Rows([]string{"name"}); return err },
		`found the column "says" twice, once expected`:                          func() error { _, err := p.Rows([]string{"says", "weight", "says"}); return err },
		`found a row of 2 fields, 3 expected`:                                   func() error { _, err := rows.Classify([]string{"woof", ""}, 1); return err },
		`column "weight": found "heavy", expected a finite number`:              func() error { _, err := rows.Classify([]string{"woof", "", "heavy"}, 1); return err },
		`found no column "says", which the model needs`:                         func() error { _, err := p.ClassifyRecord(map[string]string{"weight": "1"}, 1); return err },
		`found a row of 4 numbers, a row of a table expected by the model`:      func() error { _, err := p.ClassifyRow(make([]float32, 4), 1); return err },
		`found a picture, a row of a table expected by the model`:               func() error { _, err := p.Classify(drawn(0), 1); return err },
	} {
		if err := call(); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	pictures, err := model.NewPredictor(small(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pictures.Rows([]string{"a"}); err == nil || err.Error() != "found a row of a table, an image of shape [3 0 0] expected by the model" {
		t.Errorf("of a model of pictures: %v", err)
	}
	wrong := m.Definition
	wrong.InputShape = []int{7}
	wrong.Layers = model.Softmax([]int{7}, wrong.Classes).Layers
	if _, err := model.New(wrong, random.Key{}); err == nil || err.Error() != "model: preprocess: it makes [4] of a row of a table, [7] expected as input_shape says" {
		t.Errorf("another shape: %v", err)
	}
}

// BenchmarkRow classifies one row of ten columns.
func BenchmarkRow(b *testing.B) {
	var columns transform.Columns
	var names, row []string
	for i := range 10 {
		names, row = append(names, fmt.Sprint("x", i)), append(row, "12.5")
		columns.List = append(columns.List, transform.Column{Name: names[i], Kind: transform.Numeric, Mean: 10, Deviation: 5})
	}
	d := model.Softmax([]int{10}, []string{"a", "b", "c", "d", "e"})
	d.Preprocess = transform.Compose{columns}
	m, err := model.New(d, random.New(1))
	if err != nil {
		b.Fatal(err)
	}
	p, err := model.NewPredictor(m)
	if err != nil {
		b.Fatal(err)
	}
	rows, err := p.Rows(names)
	if err != nil {
		b.Fatal(err)
	}
	probabilities := make([]float64, 5)
	b.ReportAllocs()
	for b.Loop() {
		if err := rows.Probabilities(probabilities, row); err != nil {
			b.Fatal(err)
		}
	}
}
