package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fruit writes a table of two kinds of fruit with columns of every kind, and returns its path.
func fruit(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	text.WriteString("id,weight,colour,ripe,picked,kind\n")
	for i := range 60 {
		kind, weight, colour := "apple", 150+i%9, "green"
		if i%2 == 1 {
			kind, weight = "cherry", 8+i%3
		}
		if i%3 == 0 {
			colour = "red"
		}
		fmt.Fprintf(&text, "f%d,%d,%s,%v,2024-%02d-03,%s\n", i, weight, colour, i%4 == 0, 1+i%12, kind)
	}
	text.WriteString("f60,NA,red,yes,2024-01-03,apple\nf61,9,red,yes,,\n")
	path := filepath.Join(t.TempDir(), "fruit.csv")
	if err := os.WriteFile(path, []byte(text.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTable(t *testing.T) {
	path := fruit(t)
	t.Chdir(filepath.Dir(path))
	stdout, stderr, code := onehot(t, "train", "fruit.csv", "--label-column", "kind", "--out", "run")
	if code != 0 || !strings.HasPrefix(stdout, "epoch 1, loss 0.0") || !strings.HasSuffix(stdout, "train acc 1.000, val acc 1.000\n") {
		t.Fatal(code, stdout, stderr)
	}
	for _, want := range []string{"fruit: CSV with commas, a header, UTF-8: 62 rows, 2 classes\n", "dropped: 1 row without a label\n",
		"\nid      ignored            no text comes again: names of rows, or notes\n", "\nweight  numeric   1        mean ", "\ncolour  category           green, red\n", "\npicked  date      1        2006-01-02: month, weekday\n"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("no %q in %s", want, stderr)
		}
	}
	for _, name := range []string{"config.json", "history.csv", "metrics.json", "model.safetensors", "report.html"} {
		if _, err := os.Stat(filepath.Join("run", name)); err != nil {
			t.Error(err)
		}
	}
	// The same settings again give the same weights, and what was measured is measured again.
	succeed(t, "train", "--config", "run/config.json", "--out", "again")
	one, _ := os.ReadFile("run/model.safetensors")
	if two, err := os.ReadFile("again/model.safetensors"); err != nil || string(one) != string(two) {
		t.Errorf("another model by --config, %v", err)
	}
	if out := succeed(t, "eval", "run"); !strings.HasPrefix(out, "run on fruit val, 12 rows\naccuracy 1.0000, ") {
		t.Error(out)
	}
	if out := succeed(t, "eval", "run", "fruit.csv", "--csv", "said.csv"); !strings.HasPrefix(out, "run on fruit, 61 rows\naccuracy 1.0000, ") {
		t.Error(out)
	}
	if text, err := os.ReadFile("said.csv"); err != nil || !strings.HasPrefix(string(text), "row,label,class,probability,p:apple,p:cherry\n1,apple,apple,0.9") {
		t.Error(string(text), err)
	}
	succeed(t, "report", "run")

	// Another order, other columns, a colour that training never saw, and rows that do not fit.
	if err := os.WriteFile("new.tsv", []byte("kind\tpicked\tripe\tcolour\tweight\tname\n?\t2024-02-03\tno\tblue\t7\ta\n\t2024-02-03\tperhaps\tred\t7\tb\n\tx\n\t\t\t\t160\td\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code = onehot(t, "predict", "run", "new.tsv", "--csv", "out.csv", "--keep", "name", "--json")
	if want := "not used: 2 columns kind, name\n"; code != 1 || !strings.HasPrefix(stderr, want) || !strings.HasSuffix(stderr, "onehot: 2 of 4 rows could not be classified\n") {
		t.Errorf("%d, %s", code, stderr)
	}
	type said struct {
		Row         int
		Error       string
		Predictions []struct {
			Class       string
			Probability float64
		}
	}
	var rows []said
	for line := range strings.Lines(stdout) {
		var row said
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	if len(rows) != 4 || rows[0].Row != 1 || rows[0].Predictions[0].Class != "cherry" || rows[1].Error != `column "ripe": found "perhaps", expected true or false, yes or no` ||
		rows[2].Error != "line 4: found 2 columns, 6 expected" || rows[3].Predictions[0].Class != "apple" {
		t.Errorf("%+v", rows)
	}
	out, err := os.ReadFile("out.csv")
	lines := strings.Split(string(out), "\n")
	if err != nil || len(lines) != 6 || lines[0] != "row,class,probability,error,p:apple,p:cherry,name" || !strings.HasPrefix(lines[1], "1,cherry,0.9") || !strings.HasSuffix(lines[1], ",a") ||
		lines[2] != `2,,,"column ""ripe"": found ""perhaps"", expected true or false, yes or no",,,b` {
		t.Errorf("%q, %v", lines, err)
	}
	if out := succeed(t, "predict", "run", "fruit.csv", "--top-k", "1"); !strings.HasPrefix(out, "row 1: apple 0.9") || strings.Count(out, "\n") != 62 {
		t.Error(out)
	}
	if out := succeed(t, "data", "fruit.csv", "--label-column", "kind"); !strings.Contains(out, "\nclass   rows\napple   31\ncherry  30\n") {
		t.Error(out)
	}
	var facts struct {
		Rows, Dropped int
		Columns       []struct {
			Name, Kind string
			Missing    int
		}
		Classes map[string]int
	}
	if err := json.Unmarshal([]byte(succeed(t, "data", "fruit.csv", "--label-column", "kind", "--json")), &facts); err != nil || facts.Rows != 62 || facts.Dropped != 1 ||
		facts.Columns[1].Kind != "numeric" || facts.Columns[1].Missing != 1 || facts.Classes["cherry"] != 30 {
		t.Errorf("%+v, %v", facts, err)
	}
	if out := succeed(t, "train", "fruit.csv", "--label-column", "kind", "--model", "mlp", "--hidden", "8", "--epochs", "2", "--out", "mlp", "--columns", "weight=category,id=ignored", "--na", "green"); strings.Count(out, "\n") != 2 {
		t.Error(out)
	}
	succeed(t, "train", "--resume", "--out", "mlp", "--epochs", "3")
	succeed(t, "eval", "mlp")

	for want, args := range map[string][]string{
		"--columns id=x: a column's name, =, and numeric, category, date, boolean or ignored expected":                       {"train", "fruit.csv", "--label-column", "kind", "--columns", "id=x"},
		"--model cnn is for pictures: softmax or mlp expected for a table":                                                   {"train", "fruit.csv", "--label-column", "kind", "--model", "cnn"},
		"--size is for pictures of your own":                                                                                 {"train", "fruit.csv", "--label-column", "kind", "--size", "8"},
		"--na is for tables, with --label-column":                                                                            {"train", "--na", "x"},
		"--keep x: the table has no such column, it has id, weight, colour, ripe, picked, kind":                              {"predict", "run", "fruit.csv", "--keep", "x"},
		"the model takes rows of tables: one table expected, without --invert, --grid, --files-from and a file of --explain": {"predict", "run", "fruit.csv", "--invert"},
		"--check, --copy-good and --show are for pictures: fruit.csv is a table":                                             {"data", "fruit.csv", "--check"},
	} {
		wantError(t, 2, want, args...)
	}
	for want, args := range map[string][]string{
		`fruit.csv: found no column "sort", there are "id", "weight", "colour", "ripe", "picked", "kind"`: {"train", "fruit.csv", "--label-column", "sort"},
		`fruit.csv: found no column "x", there are "id", "weight", "colour", "ripe", "picked", "kind"`:    {"train", "fruit.csv", "--label-column", "kind", "--columns", "x=numeric"},
		`new.tsv: line 4: found 2 columns, 6 expected as in the header`:                                   {"train", "new.tsv", "--label-column", "kind"},
	} {
		wantError(t, 1, want, args...)
	}
}

// TestTableParts checks that parts and groups are those of columns, and what is fitted is of the training part alone.
func TestTableParts(t *testing.T) {
	t.Chdir(t.TempDir())
	text := "x,where,who,y\n"
	for i := range 40 {
		text += fmt.Sprintf("%d,%s,w%d,%d\n", i%2*10+i%5, []string{"train", "train", "valid", "test"}[i/2%4], i%8, i%2)
	}
	if err := os.WriteFile("t.csv", []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	_, stderr, code := onehot(t, "train", "t.csv", "--label-column", "y", "--split-column", "where", "--out", "a", "--columns", "who=ignored")
	if code != 0 {
		t.Fatal(stderr)
	}
	c, err := folder("a").readConfig()
	if err != nil || c.Data.Train != 20 || c.Data.Val != 10 || c.Data.Test != 10 {
		t.Errorf("%+v, %v", c.Data, err)
	}
	m, err := loadModel("a", os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	columns, ok := m.Columns()
	if !ok || len(columns.List) != 2 || columns.Label != "y" || columns.List[0].Mean != 7.0 {
		t.Errorf("%+v", columns)
	}
	_, stderr, code = onehot(t, "train", "t.csv", "--label-column", "y", "--group-column", "who", "--out", "b", "--columns", "where=ignored")
	if code != 0 {
		t.Fatal(stderr)
	}
	if c, err = folder("b").readConfig(); err != nil || c.Data.Val%5 != 0 || c.Data.Val == 0 {
		t.Errorf("%+v, %v", c.Data, err)
	}
}
