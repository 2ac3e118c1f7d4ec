package table

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestLabelSets reads columns in which rows have several labels.
func TestLabelSets(t *testing.T) {
	options := Options{Label: "tags", Words: []string{"tags"}, Lists: []string{"tags"}}
	const plain = "x,tags\n1,b; a ;;b\n2,\n3,NA\n4,c\n"
	jsonl := `{"x":1,"tags":["b"," a","b"]}` + "\n" + `{"x":2,"tags":[]}` + "\n" + `{"x":3,"tags":null}` + "\n" + `{"x":4,"tags":"c"}` + "\n"
	for name, c := range map[string]struct{ text, separator string }{"CSV": {plain, ";"}, "JSONL": {jsonl, ""}, "JSONL with a separator": {jsonl, ";"}} {
		table := mustRead(t, c.text, options)
		if lists := name != "CSV"; table.HasLists("tags") != lists || table.HasLists("x") || table.HasLists("y") {
			t.Errorf("%s: has lists: %v", name, table.HasLists("tags"))
		}
		l, err := table.LabelSets("tags", c.separator, nil)
		if err != nil || !slices.Equal(l.Classes, []string{"a", "b", "c"}) || l.Without != 2 || !slices.EqualFunc(l.Of, [][]int{{0, 1}, nil, nil, {2}}, slices.Equal) {
			t.Errorf("%s: %+v (%v)", name, l, err)
		}
		l, err = table.LabelSets("tags", c.separator, []string{"c", "b", "a", "z"})
		if err != nil || !slices.EqualFunc(l.Of, [][]int{{1, 2}, nil, nil, {0}}, slices.Equal) {
			t.Errorf("%s: %+v (%v)", name, l, err)
		}
	}
	for _, c := range []struct {
		text, column string
		classes      []string
		want         string
	}{
		{plain, "tags", []string{"a", "b"}, `t.csv: line 5, column "tags": found "c", labels of the model expected`},
		{plain, "y", nil, `t.csv: found no column "y", there are "x", "tags"`},
		{"x,tags\n1,;\n2,\n", "tags", nil, `t.csv: column "tags": found no label, one at least expected`},
		{`{"x":1,"tags":["a"]}` + "\n" + `{"x":2,"tags":["b",{}]}`, "tags", nil, `t.csv: line 2, column "tags": found "[\"b\",{}]", a list of texts expected`},
	} {
		if _, err := mustRead(t, c.text, options).LabelSets(c.column, ";", c.classes); fmt.Sprint(err) != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
	for text, want := range map[string]string{
		`{"x":[1],"tags":["a"]}`:           `t.csv: line 1: column "x": found a list or an object, a text or a number expected`,
		`{"x":1,"tags":{"a":["b]}"]}}`:     `t.csv: line 1: column "tags": found a list or an object, a text or a number expected`,
		`{"x":1,"tags":["a"],"y":[{}, 1]}`: `t.csv: line 1: column "y": found a list or an object, a text or a number expected`,
	} {
		if _, err := read(text, options); fmt.Sprint(err) != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// TestListsInRecords gives lists as they are written.
func TestListsInRecords(t *testing.T) {
	text := `{"x":1,"tags":["a]","b"]}`
	r, err := NewRecords(context.Background(), strings.NewReader(text), int64(len(text)), "t.jsonl", Options{Lists: []string{"tags"}})
	if err != nil {
		t.Fatal(err)
	}
	for record, err := range r.All(context.Background()) {
		if err != nil || !slices.Equal(record.Fields, []string{"1", `["a]","b"]`}) {
			t.Errorf("%q (%v)", record.Fields, err)
		}
	}
}
