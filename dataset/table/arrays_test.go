package table

import (
	"archive/zip"
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/transform"
)

func TestNPY(t *testing.T) {
	for name, text := range map[string][]byte{
		"float64": npy("<f8", "(3, 2)", false, []float64{1, 2, 3, 4, math.NaN(), 6}),
		"float32": npy("<f4", "(3, 2)", false, []float32{1, 2, 3, 4, float32(math.NaN()), 6}),
		"fortran": npy("<f8", "(3, 2)", true, []float64{1, 3, math.NaN(), 2, 4, 6}),
		"float16": npy("<f2", "(3, 2)", false, []uint16{0x3c00, 0x4000, 0x4200, 0x4400, 0x7e00, 0x4600}),
	} {
		got, err := read(string(text), Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if kinds(got) != "0 numeric, 1 numeric" || got.Rows != 3 || got.Columns[0].Missing != 1 || !slices.Equal(got.blocks[0].data[1].numbers, []float64{2, 4, 6}) || got.blocks[0].data[0].numbers[1] != 3 {
			t.Errorf("%s: %s, %v", name, kinds(got), got.blocks[0].data)
		}
	}
	signed := mustRead(t, string(npy("|i1", "(2,)", false, []int8{-1, 5})), Options{})
	if n := signed.blocks[0].data[0].numbers; !slices.Equal(n, []float64{-1, 5}) {
		t.Error(n)
	}
	if l, err := mustRead(t, string(npy("<U2", "(2,)", false, []int32{'Å', 0, 'b', 'c'})), Options{Label: "0"}).Labels("0", false); err != nil || !slices.Equal(l.Classes, []string{"bc", "Å"}) {
		t.Error(l, err)
	}
	for want, text := range map[string][]byte{
		`found elements of type "O", numbers, truths or texts of one length expected`:                  npy("|O", "(3,)", false, []byte{}),
		"found the shape (99999999999, 99999999999), at most 8589934592 elements expected":             npy("<f8", "(99999999999, 99999999999)", false, []byte{}),
		"element at (0, 1): unexpected EOF":                                                            npy("<f8", "(1000, 2)", false, []float64{1}),
		"found more bytes behind the last element, none expected":                                      npy("<f8", "(1,)", false, []float64{1, 2}),
		`row 2, column "0": found "+Inf", a finite number expected`:                                    npy("<f8", "(2,)", false, []float64{1, math.Inf(1)}),
		"found no rows, a row for each sample expected":                                                npy("<f8", "(0, 3)", false, []byte{}),
		"found the shape (2, 2, 2) in Fortran's order, C's order expected of more than two dimensions": npy("<f8", "(2, 2, 2)", true, make([]float64, 8)),
		"header: unexpected EOF": []byte(npyMagic + "\x01\x00\xff\x00{"),
	} {
		if _, err := read(string(text), Options{}); err == nil || err.Error() != "t.csv: "+want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// npz writes arrays as NumPy does.
func npz(t testing.TB, arrays ...any) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(arrays); i += 2 {
		w, err := z.Create(arrays[i].(string) + ".npy")
		if err == nil {
			_, err = w.Write(arrays[i+1].([]byte))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestNPZ(t *testing.T) {
	text := npz(t, "x", npy("<f4", "(4, 1, 2)", false, []float32{1, 2, 3, 4, 5, 6, 7, 8}), "y", npy("<i8", "(4,)", false, []int64{2, 0, 2, 10}))
	got := mustRead(t, text, Options{Label: "y"})
	if kinds(got) != "x.0 numeric, x.1 numeric, y category" || got.Dialect.String() != "NPZ" {
		t.Error(kinds(got), got.Dialect)
	}
	l, err := got.Labels("y", false)
	if err != nil || !slices.Equal(l.Classes, []string{"0", "2", "10"}) || !slices.Equal(l.Of, []int{1, 0, 1, 2}) {
		t.Error(l, err)
	}
	records, err := NewRecords(t.Context(), strings.NewReader(text), int64(len(text)), "t.npz", Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for r, err := range records.All(t.Context()) {
		if n++; err != nil || r.Row != n || r.Line != 0 || n == 4 && !slices.Equal(r.Fields, []string{"7", "8", "10"}) {
			t.Errorf("%+v, %v", r, err)
		}
	}
	for want, text := range map[string]string{
		`t.csv: array "y": found 1 rows, 2 expected as of the arrays before`: npz(t, "x", npy("|u1", "(2,)", false, []byte{1, 2}), "y", npy("|u1", "(1,)", false, []byte{1})),
		"t.csv: found a zip file without arrays, an NPZ file expected":       strings.ReplaceAll(npz(t, "x", npy("|u1", "(2,)", false, []byte{1, 2})), "x.npy", "x.txt"),
	} {
		if _, err := read(text, Options{}); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	huge := npz(t, "x", npy("<f8", "(99999999, 9)", false, []float64{1}))
	if _, err := read(huge, Options{}); err == nil || !strings.Contains(err.Error(), "899999991 elements of 8 bytes expected") {
		t.Error(err)
	}
}

// FuzzRead reads whatever there is as a table, in each of its formats. Nothing may panic or go on for ever, and
// what is read has the rows that it says.
func FuzzRead(f *testing.F) {
	f.Add([]byte(customers))
	f.Add([]byte("a;b\r\n\"1\";'x'\r\n"))
	f.Add([]byte("\xff\xfea\x00,\x00b\x00\n\x001\x00"))
	f.Add([]byte(`{"a":1,"b":"\u00e9"}` + "\n" + `{"a":null}`))
	f.Add([]byte(`{"a":["x"," y",1],"b":[]}` + "\n" + `{"a":[[null,"]"]],"b":"z;y"}`))
	f.Add(npy("<f8", "(3, 2)", true, []float64{1, 2, 3, 4, 5, 6}))
	f.Add([]byte(npz(f, "x", npy("<U2", "(1,)", false, []int32{'a', 0}), "y", npy("|b1", "(1,)", false, []byte{1}))))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, o := range []Options{{}, {Label: "a", Words: []string{"b"}}, {NoHeader: true}, {Label: "a", Words: []string{"a", "b"}, Lists: []string{"a", "b"}}} {
			table, err := read(string(text), o)
			if err != nil {
				continue
			}
			if o.Lists != nil {
				table.HasLists("a")
				if l, err := table.LabelSets("a", ";", nil); err == nil && len(l.Of) != table.Rows {
					t.Errorf("labels of %d rows, %d expected", len(l.Of), table.Rows)
				}
			}
			rows := make([]int, table.Rows)
			for i := range rows {
				rows[i] = i
				table.Line(i)
			}
			columns, err := table.Fit(rows)
			if err != nil {
				continue
			}
			if _, err := (transform.Compose{columns}).MarshalJSON(); err != nil {
				t.Errorf("what was fitted cannot be saved: %v", err)
			}
			x, err := table.Features(columns)
			if err != nil {
				t.Fatal(err)
			}
			if len(x) != table.Rows*columns.Width() {
				t.Errorf("%d numbers for %d rows of %d", len(x), table.Rows, columns.Width())
			}
			records, err := NewRecords(t.Context(), bytes.NewReader(text), int64(len(text)), "t.csv", o)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, err := range records.All(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				n++
			}
			if n != table.Rows {
				t.Errorf("%d records of %d rows", n, table.Rows)
			}
		}
	})
}
