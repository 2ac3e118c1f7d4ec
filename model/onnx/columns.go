package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/transform"
)

// Input is an input of a graph that takes rows of a table: (N, 1), a number or a text a row.
type Input struct {
	Name   string               `json:"name"`   // the column's, or one made of it if that is taken or empty
	Column string               `json:"column"` // in the table
	Kind   transform.ColumnKind `json:"kind"`
	Part   string               `json:"part,omitempty"` // of a date: one of transform.DateParts
}

// Text reports whether the input takes texts, as that of a category does. Others take float32: numbers, parts of dates, and
// 1 for true and 0 for false; NaN is a missing value.
func (in Input) Text() bool { return in.Kind == transform.Category }

// Inputs returns the inputs of the graph that Export writes of a model of rows of tables, in their order: one a column
// that the model uses, and one for each part of a date. Of other models, which have one input, it is nil.
func Inputs(m *model.Model) []Input {
	columns, ok := m.Columns()
	if !ok {
		return nil
	}
	var list []Input
	taken := map[string]bool{"": true, inputName: true, logitsName: true, probabilitiesName: true}
	add := func(in Input) {
		for n := 2; taken[in.Name]; n++ {
			in.Name = fmt.Sprintf("%s_%d", in.Column, n)
		}
		taken[in.Name] = true
		list = append(list, in)
	}
	for _, c := range columns.List {
		switch c.Kind {
		case transform.Ignored:
		case transform.Date:
			for _, p := range c.Parts {
				add(Input{Name: c.Name + " " + p.Name, Column: c.Name, Kind: c.Kind, Part: p.Name})
			}
		default:
			add(Input{Name: c.Name, Column: c.Name, Kind: c.Kind})
		}
	}
	return list
}

// unwrittenColumns lists columns that have no form in ONNX.
func unwrittenColumns(c transform.Columns) (list []string) {
	for _, column := range c.List {
		if column.Kind == transform.Date && len(column.Parts) == 0 && column.Indicator {
			list = append(list, fmt.Sprintf("column %.100q, a date of which only it counts whether it is missing", column.Name))
		}
	}
	return list
}

// columns adds the graph's inputs for rows of a table, and what makes features of them as transform.Columns does, but that no spaces are
// taken off texts. Numbers are standardised in float64, all side by side.
func (g *Graph) columns(c transform.Columns, inputs []Input) Value {
	for _, in := range inputs {
		p := port{name: in.Name, kind: float32Kind, shape: []dim{{name: "N"}, {size: 1}}}
		if in.Text() {
			p.kind = stringKind
		}
		g.inputs = append(g.inputs, p)
	}
	// What is known of each number, and which of the features in c's order it is, or says that it is missing.
	var numbers, texts []Value
	var mean, deviation, median []float64
	var plain []bool // numbers of numeric columns
	var order []int64
	number := func(m, d, absent float64, numeric bool) {
		numbers, inputs = append(numbers, Value{Name: inputs[0].Name}), inputs[1:]
		mean, deviation, median, plain = append(mean, m), append(deviation, d), append(median, absent), append(plain, numeric)
	}
	const indicators, categories = 1 << 30, 1 << 40 // behind the numbers, until it is known how many there are
	indicated, width := false, int64(0)
	for _, column := range c.List {
		first := int64(len(numbers))
		switch column.Kind {
		case transform.Numeric, transform.Boolean:
			number(column.Mean, column.Deviation, column.Median, column.Kind == transform.Numeric)
		case transform.Date:
			for _, p := range column.Parts {
				number(p.Mean, p.Deviation, p.Mean, false)
			}
		case transform.Category:
			texts = append(texts, g.category(c, column, Value{Name: inputs[0].Name}))
			inputs = inputs[1:]
			for range column.Width() {
				order = append(order, categories+width)
				width++
			}
		}
		for i := first; i < int64(len(numbers)); i++ {
			order = append(order, i)
		}
		if column.Indicator {
			indicated = true
			order = append(order, indicators+first)
		}
	}

	var pieces []Value
	behind := int64(len(numbers)) // of numbers and indicators
	if len(numbers) > 0 {
		x := g.Node("Cast", Attributes{"to": int64(float64Kind)}, g.Node("Concat", Attributes{"axis": int64(1)}, numbers...))
		missing := g.Node("IsNaN", nil, x)
		for _, v := range missingNumbers(c) {
			only := make([]float64, len(plain)) // v in the columns that are numeric; nothing equals NaN
			for i := range only {
				if only[i] = v; !plain[i] {
					only[i] = math.NaN()
				}
			}
			missing = g.Node("Or", nil, missing, g.Node("Equal", nil, x, g.doubles(only)))
		}
		x = g.Node("Where", nil, missing, g.doubles(median), x)
		x = g.Node("Div", nil, g.Node("Sub", nil, x, g.doubles(mean)), g.doubles(deviation))
		pieces = append(pieces, g.Node("Cast", Attributes{"to": int64(float32Kind)}, x))
		if indicated {
			pieces = append(pieces, g.Node("Cast", Attributes{"to": int64(float32Kind)}, missing))
			behind *= 2
		}
	}
	features := g.Node("Concat", Attributes{"axis": int64(1)}, append(pieces, texts...)...)
	for i, at := range order {
		switch {
		case at >= categories:
			order[i] = at - categories + behind
		case at >= indicators:
			order[i] = at - indicators + int64(len(numbers))
		}
	}
	features = g.Node("Gather", Attributes{"axis": int64(1)}, features, g.Ints(order...))
	features.Shape = []int{len(order)}
	return features
}

// missingNumbers returns the numbers that stand for a missing value in numeric columns.
func missingNumbers(c transform.Columns) (list []float64) {
	for _, text := range c.Missing {
		if v, err := strconv.ParseFloat(text, 64); err == nil && v-v == 0 && !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

// category adds what makes a column's features of its texts: 1 for the category that it is, or behind them for any other text.
func (g *Graph) category(c transform.Columns, column transform.Column, x Value) Value {
	keys, values := slices.Clone(column.Categories), make([]int64, len(column.Categories))
	for i := range values {
		values[i] = int64(i)
	}
	other := int64(len(keys))
	missing, ok := slices.BinarySearch(column.Categories, "")
	if !ok {
		missing = int(other)
	}
	for _, text := range append([]string{""}, c.Missing...) {
		if i := slices.Index(keys, text); i >= 0 {
			values[i] = int64(missing) // a missing value, even if there are rows with the text
		} else {
			keys, values = append(keys, text), append(values, int64(missing))
		}
	}
	at := g.Node("LabelEncoder", Attributes{"keys_strings": keys, "values_int64s": values, "default_int64": other}, x)
	g.nodes[len(g.nodes)-1].domain = learning
	one := g.Node("OneHot", nil, at, g.Ints(other+1), g.Floats([]float32{0, 1}, 2))
	return g.Node("Reshape", nil, one, g.Ints(-1, other+1))
}

// doubles returns a constant row of float64.
func (g *Graph) doubles(v []float64) Value {
	name := g.name(g.at + "/constant")
	raw := make([]byte, 0, 8*len(v))
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(x))
	}
	g.constants = append(g.constants, constant{name: name, kind: float64Kind, shape: []int{1, len(v)}, raw: raw})
	return Value{Name: name}
}
