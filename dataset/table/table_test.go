package table

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/klauspost/compress/zstd"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/internal/memory"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

func read(text string, o Options) (*Table, error) {
	return Read(context.Background(), strings.NewReader(text), int64(len(text)), "t.csv", o)
}

func mustRead(t testing.TB, text string, o Options) *Table {
	t.Helper()
	got, err := read(text, o)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// kinds writes the kinds of columns: "age numeric, city category".
func kinds(t *Table) string {
	var said []string
	for _, c := range t.Columns {
		said = append(said, fmt.Sprintf("%s %s", c.Name, c.Kind))
	}
	return strings.Join(said, ", ")
}

const customers = `age,city,member,since,id,flat,churn
31,Oslo,yes,2024-01-05,a1,x,no
,Paris,no,2024-02-05,a2,x,yes
 45.5 ," Oslo",yes,2023-02-01,a3,x,no
NA,Paris,no,,a4,x,yes
52,Rome,yes,2022-12-31,a5,x,
29,Oslo,,2024-03-05,a6,x,yes
`

func TestKinds(t *testing.T) {
	got := mustRead(t, customers, Options{Label: "churn"})
	if want := "age numeric, city category, member boolean, since date, id ignored, flat category, churn category"; kinds(got) != want {
		t.Errorf("got %s, want %s", kinds(got), want)
	}
	for name, want := range map[string]int{"age": 2, "city": 0, "member": 1, "since": 1, "churn": 1} {
		if c := got.Column(name); c.Missing != want {
			t.Errorf("%s: %d missing, want %d", name, c.Missing, want)
		}
	}
	if d := got.Dialect.String(); d != "CSV with commas, a header, UTF-8" {
		t.Error(d)
	}
	labels, err := got.Labels("churn", false)
	if err != nil || !slices.Equal(labels.Classes, []string{"no", "yes"}) || !slices.Equal(labels.Of, []int{0, 1, 0, 1, -1, 1}) || labels.Without != 1 {
		t.Errorf("%+v, %v", labels, err)
	}
	fitted, err := got.Fit([]int{0, 1, 2, 3}, "churn")
	if err != nil {
		t.Fatal(err)
	}
	want := "age|age missing|city=Oslo|city=Paris|city other|member|since year|since month|since day|since weekday|since missing"
	if names := strings.Join(fitted.Features(), "|"); names != want {
		t.Errorf("features %s", names)
	}
	age := fitted.List[0]
	if age.Mean != 38.25 || age.Deviation != 7.25 || age.Median != 38.25 || !age.Indicator {
		t.Errorf("age %+v", age)
	}
	if f := fitted.List[5]; f.Kind != transform.Ignored || f.Why != "it is always the same: x" {
		t.Errorf("a constant column: %+v", f)
	}
	// The table's features are those of each row by itself, to the bit.
	features, err := got.Features(fitted)
	if err != nil {
		t.Fatal(err)
	}
	records, err := NewRecords(t.Context(), strings.NewReader(customers), int64(len(customers)), "t.csv", Options{})
	if err != nil {
		t.Fatal(err)
	}
	width := fitted.Width()
	one := make([]float32, width)
	n := 0
	for r, err := range records.All(t.Context()) {
		if err != nil || r.Err != nil {
			t.Fatal(err, r.Err)
		}
		if err := fitted.Fill(one, r.Fields[:6]); err != nil || !slices.Equal(one, features[n*width:][:width]) {
			t.Errorf("row %d: %v, %v, want %v", n, one, err, features[n*width:][:width])
		}
		if n++; r.Row != n || r.Line != n+1 {
			t.Errorf("row %d in line %d", r.Row, r.Line)
		}
	}
	if n != 6 {
		t.Errorf("%d rows", n)
	}
	// A model's columns read a table in another order, with more and fewer columns.
	other := mustRead(t, "since,new,member,city,age\n2024-01-01,1,no,Lima,7\n", Options{Columns: &fitted})
	if kinds(other) != "since date, new ignored, member boolean, city category, age numeric" {
		t.Error(kinds(other))
	}
	if x, err := other.Features(fitted); err != nil || len(x) != width || x[4] != 1 {
		t.Errorf("%v, %v", x, err)
	}
	if _, err := mustRead(t, "age\n1\n", Options{Columns: &fitted}).Features(fitted); err == nil || err.Error() != `t.csv: found no column "city", there are "age"` {
		t.Error(err)
	}
}

// TestErrors checks what tables say that cannot be read.
// TestManyWords holds that a column which shows what it is at the end alone, after more words than are kept, has all its values.
func TestManyWords(t *testing.T) {
	const rows = 3 * maxWords
	text := numbered("late,time,id,asked,y\n", rows, func(i int) string {
		late := ""
		if i > 300 {
			late = strconv.Itoa(i)
		}
		at := time.Unix(1.7e9+int64(i), 0).UTC().Format("2006-01-02 15:04:05")
		return fmt.Sprintf("%s,%s,id%d,c%d,%d\n", late, at, i, i, i%2)
	})
	got := mustRead(t, text, Options{Label: "y", Kinds: map[string]transform.ColumnKind{"asked": transform.Category}})
	if want := "late numeric, time date, id ignored, asked category, y category"; kinds(got) != want {
		t.Fatalf("got %s, want %s", kinds(got), want)
	}
	if c := got.Column("late"); c.Missing != 301 {
		t.Errorf("%d missing", c.Missing)
	}
	for _, i := range []int{0, 301, maxWords + 500, rows - 1} {
		late := ""
		if i > 300 {
			late = strconv.Itoa(i)
		}
		at := time.Unix(1.7e9+int64(i), 0).UTC().Format("2006-01-02 15:04:05")
		if f := got.Fields(i); !slices.Equal(f, []string{late, at, "", fmt.Sprint("c", i), strconv.Itoa(i % 2)}) {
			t.Errorf("row %d: %q", i, f)
		}
	}
	_, err := read(text+"some,2024-01-01 00:00:00,a,b,1\n", Options{Label: "y"})
	if want := fmt.Sprintf(`t.csv: line %d, column "late": found "some", a finite number expected`, rows+2); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "t.csv: found an empty file, a table expected",
		"a,b\n":                               "t.csv: found a header and no rows, a row for each sample expected",
		"a,b\n1,2\n1\n":                       "t.csv: line 3: found 1 columns, 2 expected as in the header",
		"a,b\n1,2\n\n1,2,3\n":                 "t.csv: line 4: found 3 columns, 2 expected as in the header",
		"a,a\n1,2\n":                          `t.csv: found the name "a" for columns 1 and 2, different ones expected`,
		"a,b\n1,x\n2,x\nw,x\n":                `t.csv: line 4, column "a": found "w", a finite number expected`,
		"a;b\n\"1,234.5\";1\n\"2,234.5\";2\n": `t.csv: line 2, column "a": found "1,234.5", a finite number expected`,
		"a,b\n1,x\ninf,x\n":                   `t.csv: line 3, column "a": found "inf", a finite number expected`,
		"a,b\n1,x\n2,x\n1e999,x\n":            `t.csv: line 4, column "a": found "1e999", a finite number expected`,
		"a,b\n1,\"x\n":                        "t.csv: line 2: found a quoted field that nothing ends, a quote expected",
		"a,b\n1,\"x\"y\n":                     `t.csv: line 2: found "y\n" behind a quoted field, ',' or the end of the line expected`,
		"{\"a\":1}\n{\"b\":2}\n{\"a\":[1]}":   `t.csv: line 3: column "a": found a list or an object, a text or a number expected`,
		"{\"a\":1}\nx\n":                      `t.csv: line 2: found "x", an object such as {"age":31,"city":"Oslo"} expected`,
	} {
		if _, err := read(text, Options{}); err == nil || err.Error() != want {
			t.Errorf("%q:\ngot  %v\nwant %s", text, err, want)
		}
	}
	if _, err := read("a,b\n1,x\n", Options{Kinds: map[string]transform.ColumnKind{"c": transform.Numeric}}); err == nil || err.Error() != `t.csv: found no column "c", there are "a", "b"` {
		t.Error(err)
	}
}

// TestLabels checks what a label must not be.
func TestLabels(t *testing.T) {
	var prices, digits strings.Builder
	prices.WriteString("x,y\n")
	digits.WriteString("x,y\n")
	for i := range 300 {
		fmt.Fprintf(&prices, "%d,%d.5\n", i%7, i)
		fmt.Fprintf(&digits, "%d,%d\n", i%7, i%12)
	}
	if _, err := mustRead(t, prices.String(), Options{Label: "y"}).Labels("y", false); err == nil || !strings.Contains(err.Error(), "300 different numbers such as 0.5, classes expected: it is a quantity") {
		t.Error(err)
	}
	if l, err := mustRead(t, prices.String(), Options{Label: "y"}).Labels("y", true); err != nil || len(l.Classes) != 300 {
		t.Error(err)
	}
	if l, err := mustRead(t, digits.String(), Options{Label: "y"}).Labels("y", false); err != nil || strings.Join(l.Classes, " ") != "0 1 2 3 4 5 6 7 8 9 10 11" {
		t.Error(l, err)
	}
	if _, err := mustRead(t, "x,y\n1,a\n2,a\n", Options{Label: "y"}).Labels("y", false); err == nil || err.Error() != `t.csv: column "y": found 1 classes, two at least expected` {
		t.Error(err)
	}
	if _, err := mustRead(t, "x,y\n1,a\n2,a\n", Options{Label: "z"}).Labels("z", false); err == nil || err.Error() != `t.csv: found no column "z", there are "x", "y"` {
		t.Error(err)
	}
}

func TestRemarks(t *testing.T) {
	table := mustRead(t, "a,b,c,d,y\n1,4,1,no,cat\n2,4,2,yes,dog\n1,5,1,no,cat\n3,4,3,yes,dog\n", Options{Label: "y"})
	labels, err := table.Labels("y", false)
	if err != nil {
		t.Fatal(err)
	}
	fitted, err := table.Fit([]int{0, 1, 2, 3}, "y")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`column "c" is column "a" once more`, `column "d" tells "y" without fail: leave it out if it is not known before the label is`}
	if got := table.Remarks(fitted, "y", labels); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// TestDialects reads one table as many programs write it.
func TestDialects(t *testing.T) {
	units := utf16.Encode([]rune("name;größe;y\nÅsa;1.5;a\nJosé;2;b\nÅsa;1.5;a\nJosé;2;b\n"))
	little, big := []byte{0xff, 0xfe}, []byte{0xfe, 0xff}
	for _, u := range units {
		little, big = binary.LittleEndian.AppendUint16(little, u), binary.BigEndian.AppendUint16(big, u)
	}
	const plain = "name,größe,y\nÅsa,1.5,a\nJosé,2,b\nÅsa,1.5,a\nJosé,2,b\n"
	var latin []byte
	for _, r := range plain {
		latin = append(latin, byte(r))
	}
	var gz, zs bytes.Buffer
	g := gzip.NewWriter(&gz)
	g.Write([]byte(plain))
	g.Close()
	z, _ := zstd.NewWriter(&zs)
	z.Write([]byte(plain))
	z.Close()
	for want, text := range map[string]string{
		"CSV with commas, a header, UTF-8":                plain,
		"CSV with commas, a header, UTF-8 ":               "\xef\xbb\xbf" + plain,
		"CSV with commas, a header, UTF-8  ":              strings.ReplaceAll(plain, "\n", "\r\n"),
		"CSV with commas, a header, UTF-8   ":             strings.TrimSpace(plain),
		"CSV with semicolons, a header, UTF-8":            strings.ReplaceAll(plain, ",", ";"),
		"CSV with tabs, a header, UTF-8":                  strings.ReplaceAll(plain, ",", "\t"),
		"CSV with bars, a header, UTF-8":                  strings.ReplaceAll(plain, ",", " | "),
		"CSV with commas, a header, UTF-8    ":            strings.ReplaceAll(strings.ReplaceAll(plain, "Åsa", `"Åsa"`), "José", ` "José" `),
		"CSV with commas, single quotes, a header, UTF-8": strings.ReplaceAll(strings.ReplaceAll(plain, "Åsa", `'Åsa'`), ",a\n", ",'a'\n"),
		"CSV with semicolons, a header, UTF-16LE":         string(little),
		"CSV with semicolons, a header, UTF-16BE":         string(big),
		"CSV with commas, a header, Latin-1":              string(latin),
		"CSV with commas, a header, UTF-8, gzip":          gz.String(),
		"CSV with commas, a header, UTF-8, zstd":          zs.String(),
		"JSONL, UTF-8": `{"name":"Åsa","größe":1.5,"y":"a"}` + "\n" + `{"y":"b","name":"Jos\u00e9","größe":2}` + "\n\n" +
			`{"größe":1.5,"name":" Åsa","y":"a"}` + "\n" + `{"name":"José","größe":"2","y":"b"}`,
	} {
		got, err := read(text, Options{Label: "y"})
		if err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		if d := got.Dialect.String(); d != strings.TrimSpace(want) || got.Rows != 4 || kinds(got) != "name category, größe numeric, y category" {
			t.Errorf("%s: got %s, %d rows, %s", want, d, got.Rows, kinds(got))
			continue
		}
		if n := got.blocks[0].data[1].numbers; !slices.Equal(n, []float64{1.5, 2, 1.5, 2}) || !slices.Equal(got.Columns[0].words, []string{"José", "Åsa"}) {
			t.Errorf("%s: %v, %q", want, n, got.Columns[0].words)
		}
	}
	if got := mustRead(t, "1,2\n3,4\n", Options{}); kinds(got) != "1 numeric, 2 numeric" || got.Rows != 2 || got.Dialect.String() != "CSV with commas, no header, UTF-8" {
		t.Error(kinds(got), got.Rows, got.Dialect)
	}
	if got := mustRead(t, "a,b\nc,d\n", Options{NoHeader: true}); got.Rows != 2 || got.Columns[1].Name != "2" {
		t.Error(kinds(got), got.Rows)
	}
	if got := mustRead(t, "2019,2020\n3,4\n", Options{Label: "2020"}); got.Rows != 1 || got.Columns[0].Name != "2019" {
		t.Error(kinds(got), got.Rows)
	}
	quotes := mustRead(t, "a,b\n\"x\n,\"\"y\"\"\",1\nz,2\n\"x\n,\"\"y\"\"\",3\n", Options{})
	if got := quotes.Columns[0].words; !slices.Equal(got, []string{"x\n,\"y\"", "z"}) || quotes.Line(1) != 4 || quotes.Line(2) != 6 {
		t.Errorf("%q, lines %d, %d", got, quotes.Line(1), quotes.Line(2))
	}
}

// TestBlocks reads a table of many blocks, by every number of workers to the same table.
func TestBlocks(t *testing.T) {
	var text strings.Builder
	text.WriteString("n,word,y\n")
	sum := 0.0
	for i := range 120_000 {
		fmt.Fprintf(&text, "%d.%03d,\"w, %d\",%d\n", i, i%1000, i*7919%5000, i%3)
		sum += float64(i) + float64(i%1000)/1000
	}
	var first *Table
	for _, threads := range []int{1, 3} {
		tensor.SetThreads(threads)
		got := mustRead(t, text.String(), Options{Label: "y"})
		tensor.SetThreads(0)
		if got.Rows != 120_000 || len(got.blocks) < 2 || len(got.Column("word").words) != 5000 || got.Line(119_999) != 120_001 {
			t.Fatalf("%d rows in %d blocks, %d words", got.Rows, len(got.blocks), len(got.Column("word").words))
		}
		if fields := got.Fields(99_998); !slices.Equal(fields, []string{"99998.998", fmt.Sprintf("w, %d", 99_998*7919%5000), "2"}) {
			t.Errorf("fields %q", fields)
		}
		all := make([]int, got.Rows)
		for i := range all {
			all[i] = i
		}
		fitted, err := got.Fit(all, "y")
		if err != nil || math.Abs(fitted.List[0].Mean*120_000-sum) > 1e-3 {
			t.Fatalf("mean %v, %v", fitted.List[0].Mean, err)
		}
		for _, b := range got.blocks { // which worker read a block is chance
			for c := range b.data {
				b.data[c].worker = 0
			}
		}
		if first == nil {
			first = got
		} else if !reflect.DeepEqual(got, first) {
			t.Error("another table with other threads")
		}
	}
	bad := strings.Replace(text.String(), "100000.000", "100000.0x0", 1)
	if _, err := read(bad, Options{Label: "y"}); err == nil || err.Error() != `t.csv: line 100002, column "n": found "100000.0x0", a finite number expected` {
		t.Error(err)
	}
}

// TestParseFloat holds the parser to strconv's bits.
func TestParseFloat(t *testing.T) {
	rand := random.New(1).Rand()
	texts := []string{"0", "-0", "1", "1.", ".5", "-.5e1", "1e22", "1e23", "1e-22", "9007199254740993", "123456789012345678901234567890", "4.9e-324", "2e-324", "1.7976931348623157e308",
		"0.1", "00012", "1E5", "+3", "0e99999", "0.000000000000000000000000000001", "18446744073709551616", "99999999999999999999e-5"}
	for range 20_000 {
		x := math.Float64frombits(rand.Uint64())
		texts = append(texts, strconv.FormatFloat(x, 'g', 1+rand.IntN(19), 64), strconv.FormatFloat(rand.NormFloat64(), 'f', rand.IntN(18), 64))
	}
	for _, s := range texts {
		want, err := strconv.ParseFloat(s, 64)
		good := err == nil && want-want == 0
		got, ok := parseFloat([]byte(s))
		if ok != good || good && math.Float64bits(got) != math.Float64bits(want) {
			t.Fatalf("%s: got %v, %v, want %v", s, got, ok, want)
		}
	}
	for _, s := range []string{"", "-", ".", "e5", "1e", "1e+", "0x10", "1_000", "inf", "nan", "1,5", "1 2", "1-", "--1"} {
		if _, ok := parseFloat([]byte(s)); ok {
			t.Errorf("%q is no number", s)
		}
	}
	for s, want := range map[string]bool{"1,234.5": true, "1,234": true, "-12,345,678": true, "1,23": false, "1234,567": false, ",123": false, "1,234.": false, "12": false, "1,2345": false, "1,234.5x": false} {
		if grouped(s) != want {
			t.Errorf("grouped(%q) is %v", s, !want)
		}
	}
}

func TestCategories(t *testing.T) {
	var text strings.Builder
	text.WriteString("c,y\n")
	for i := range 30_000 {
		fmt.Fprintf(&text, "c%d,%d\n", i%10_000, i%2)
	}
	text.WriteString("once,1\n")
	table := mustRead(t, text.String(), Options{Label: "y"})
	all := make([]int, 30_001)
	for i := range all {
		all[i] = i
	}
	if rareBelow(1000) != 2 || rareBelow(5000) != 5 || rareBelow(1_000_000) != 10 {
		t.Error("what is rare changed")
	}
	fitted, err := table.Fit(all[:1999], "y") // every category once
	if err == nil || err.Error() != "t.csv: found no column that tells rows apart, one at least expected beside the label" {
		t.Errorf("%v, %v", fitted.List[0].Why, err)
	}
	if f, err := mustRead(t, "c,d,y\nb,1,0\na,2,1\nb,3,0\na,4,1\nx,5,1\n", Options{Label: "y"}).Fit([]int{0, 1, 2, 3, 4}, "y"); err != nil || !slices.Equal(f.List[0].Categories, []string{"a", "b"}) || f.List[0].Rare != 1 {
		t.Errorf("%+v, %v", f, err)
	}
}

// npy writes an array as NumPy does.
func npy(descr, shape string, fortran bool, elements any) []byte {
	order := "False"
	if fortran {
		order = "True"
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }\n", descr, order, shape)
	b := append([]byte(npyMagic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	b, _ = binary.Append(append(b, header...), binary.LittleEndian, elements)
	return b
}

func TestSamples(t *testing.T) {
	s := &Samples{Name: "t", ClassNames: []string{"a", "b"}, Features: []float32{1, 2, 3, 4, 5, 6}, Width: 2, Rows: []int{2, 0}, Labels: []int{1, 0},
		Columns: transform.Columns{List: []transform.Column{{Name: "x", Kind: transform.Category, Categories: []string{"c"}}}}}
	fill, row := s.Batch()
	to := dataset.Memory{Inputs: make([]float32, 4), Classes: make([]int64, 2)}
	fill(to, []int{1, 0}, dataset.Chance{})
	if !slices.Equal(to.Inputs, []float32{1, 2, 5, 6}) || !slices.Equal(to.Classes, []int64{0, 1}) || !slices.Equal(row.Input, []int{2}) {
		t.Errorf("%v, %v", to, row)
	}
	one, err := s.Sample(0, random.Key{})
	if c, ok := one.Class(); err != nil || !ok || c != 1 || !slices.Equal(tensor.Values[float32](one.Tensor), []float32{5, 6}) {
		t.Errorf("%v, %v", one, err)
	}
	if got := s.Means(); !slices.Equal(got, []float64{3, 4}) {
		t.Errorf("means %v, want those of the first row and the last", got)
	}
	if s.String() != "t train: 2 rows of 2 features, 2 classes" {
		t.Error(s)
	}
	defer func() {
		if _, ok := recover().(*dataset.IndexError); !ok {
			t.Error("no IndexError")
		}
	}()
	s.Label(2)
}

func TestMedian(t *testing.T) {
	rand := random.New(2).Rand()
	for n := 1; n < 200; n++ {
		values := make([]float64, n)
		for i := range values {
			values[i] = float64(rand.IntN(1 + n/2))
		}
		sorted := slices.Sorted(slices.Values(values))
		if got, want := median(values), sorted[(n-1)/2]/2+sorted[n/2]/2; got != want {
			t.Errorf("%d values: got %v, want %v", n, got, want)
		}
	}
}

// TestWide reads a table whose rows are longer than what a look at its beginning takes.
func TestWide(t *testing.T) {
	const columns = 20_000
	var text strings.Builder
	for i := range columns {
		fmt.Fprintf(&text, "gene%d,", i)
	}
	text.WriteString("kind\n")
	for row := range 6 {
		for i := range columns {
			fmt.Fprintf(&text, "%d.5,", (row*i)%17)
		}
		fmt.Fprintf(&text, "%d\n", row%2)
	}
	got := mustRead(t, text.String(), Options{Label: "kind"})
	if got.Rows != 6 || len(got.Columns) != columns+1 || got.Columns[7].Kind != transform.Numeric || got.blocks[0].data[7].numbers[2] != 14.5 {
		t.Errorf("%d rows, %d columns", got.Rows, len(got.Columns))
	}
	records, err := NewRecords(t.Context(), strings.NewReader(text.String()), int64(text.Len()), "t.csv", Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for r, err := range records.All(t.Context()) {
		if n++; err != nil || len(r.Fields) != columns+1 {
			t.Fatal(err, len(r.Fields))
		}
	}
	if n != 6 {
		t.Errorf("%d records", n)
	}
}

func TestMemory(t *testing.T) {
	memory.SetLimit(1<<20, "--memory")
	defer memory.SetLimit(1<<62, "")
	var numbers, words strings.Builder
	numbers.WriteString("a,b\n")
	words.WriteString("a,b\n")
	for i := range 100_000 {
		fmt.Fprintf(&numbers, "%d,%d\n", i, i)
		fmt.Fprintf(&words, "w%d,1\n", i)
	}
	for _, text := range []string{numbers.String(), words.String()} {
		if _, err := read(text, Options{}); err == nil || !strings.Contains(err.Error(), "its rows would take") {
			t.Error(err)
		}
	}
	if _, err := read(string(npy("<f8", "(99999, 99)", false, []float64{1})), Options{}); err == nil || !strings.Contains(err.Error(), "its elements would take 75.5 MiB") {
		t.Error(err)
	}
}
