package table

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"github.com/onehot-go/onehot/dist"
)

// onRanks reads a table on n ranks, and returns what each has.
func onRanks(n int, text, name string, o Options) (tables []*Table, errs []error) {
	tables, errs = make([]*Table, n), make([]error, n)
	var wg sync.WaitGroup
	for rank, comm := range dist.Local(n) {
		wg.Go(func() {
			of := o
			of.Comm = comm
			tables[rank], errs[rank] = Read(context.Background(), strings.NewReader(text), int64(len(text)), name, of)
		})
	}
	wg.Wait()
	return tables, errs
}

// everything writes all that a table says of its columns, its rows and where they are.
func everything(t *Table) string {
	var b strings.Builder
	fmt.Fprintln(&b, t.Dialect, t.Rows)
	for _, c := range t.Columns {
		fmt.Fprintln(&b, c.Name, c.Kind, c.Why, c.Missing, c.Layout, c.words, c.counts)
	}
	for i := 0; i < t.Rows; i += 1 + t.Rows/500 {
		fmt.Fprintf(&b, "%d %q\n", t.Line(i), t.Fields(i))
	}
	fitted, err := t.Fit(slices.Collect(func(yield func(int) bool) {
		for i := 0; i < t.Rows && yield(i); i += 2 {
		}
	}))
	fmt.Fprintf(&b, "%+v %v\n", fitted, err)
	if err == nil {
		features, err := t.Features(fitted)
		h := sha256.New()
		binary.Write(h, binary.LittleEndian, features)
		fmt.Fprintf(&b, "%x %v\n", h.Sum(nil), err)
	}
	return b.String()
}

// numbered returns a text of so many rows, the row i as f writes it.
func numbered(header string, rows int, f func(i int) string) string {
	var b strings.Builder
	b.WriteString(header)
	for i := range rows {
		b.WriteString(f(i))
	}
	return b.String()
}

// tables are texts by the names of files.
func tables(t testing.TB) map[string]string {
	plain := numbered("x,city,when,label\n", 300, func(i int) string {
		return fmt.Sprintf("%g,%s,2024-01-%02d,%d\n", float64(i)/7, []string{"Oslo", "Rome", "", "Łódź"}[i*i%4], i%28+1, i%3)
	})
	all := map[string]string{
		"plain.csv": plain,
		"mark.csv":  utf8Mark + plain,
		"short.csv": "x,y\n1,a\n2,b",
		"blank.csv": numbered("x,y\n", 100, func(i int) string { return strings.Repeat("\n", i%3) + fmt.Sprintf("%d,%d\r\n", i, i%5) }),
		// Lines within fields look like rows, some of them with as many fields.
		"quoted.csv": numbered("x,text\n", 200, func(i int) string {
			return fmt.Sprintf("%d,\"a \"\"%d\"\"\n1,b\n\n2,\"\"c\nd,%s\"\n", i, i%9, strings.Repeat("e\n", i%5))
		}),
		// A quote within a field that has none around it is a letter.
		"inches.csv": numbered("x,text\n", 200, func(i int) string { return fmt.Sprintf("%d,%d\" wide\n", i, i%7) }),
		"lines.jsonl": numbered("", 200, func(i int) string {
			return fmt.Sprintf("{\"x\":%d,\"text\":\"a\\n%d\",\"label\":\"%c\"}\n", i, i%4, 'a'+i%2)
		}),
		"wide.csv": "x,text\n" + numbered("", 3, func(i int) string { return fmt.Sprintf("%d,%s\n", i, strings.Repeat("w", 3000)) }),
	}
	numbers := make([]float64, 40002)
	letters := make([]int32, len(numbers)/2)
	for i := range numbers {
		numbers[i] = float64(i) / 3
		letters[i/2] = 'a' + int32(i%5)
	}
	all["c.npy"] = string(npy("<f8", "(20001, 2)", false, numbers))
	all["fortran.npy"] = string(npy("<f8", "(20001, 2)", true, numbers))
	all["arrays.npz"] = npz(t, "x", npy("<f8", "(20001, 2)", false, numbers), "label", npy("<U1", "(20001,)", false, letters))
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	long := numbered("x,city,label\n", 120000, func(i int) string { return fmt.Sprintf("%d,city %d,%d\n", i, i%1000, i%3) })
	w.Write([]byte(long))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	all["packed.csv.gz"] = packed.String()
	units := utf16.Encode([]rune("\ufeff" + plain))
	wide := make([]byte, 0, 2*len(units))
	for _, u := range units {
		wide = append(wide, byte(u), byte(u>>8))
	}
	all["utf16.csv"] = string(wide)
	all["latin1.csv"] = "x,city\n" + strings.Repeat("1,M\xfcnchen\n2,K\xf6ln\n", 50)
	return all
}

func TestRanksHaveTheSameTable(t *testing.T) {
	for name, text := range tables(t) {
		o := Options{Words: []string{"label"}}
		alone, err := Read(context.Background(), strings.NewReader(text), int64(len(text)), name, o)
		if err != nil {
			t.Fatal(err)
		}
		want := everything(alone)
		for _, n := range []int{1, 2, 3, 7} {
			if n > 3 && alone.Rows > 1000 {
				continue
			}
			tables, errs := onRanks(n, text, name, o)
			for rank, found := range tables {
				if errs[rank] != nil {
					t.Fatalf("%s: rank %d of %d: %v", name, rank, n, errs[rank])
				}
				if got := everything(found); got != want {
					t.Fatalf("%s: rank %d of %d has another table than one rank:\n%.3000s\nexpected:\n%.3000s", name, rank, n, got, want)
				}
			}
		}
	}
}

// counted counts the bytes that are read of a text.
type counted struct {
	*strings.Reader
	mu   sync.Mutex
	read int
}

func (c *counted) ReadAt(b []byte, at int64) (int, error) {
	n, err := c.Reader.ReadAt(b, at)
	c.mu.Lock()
	c.read += n
	c.mu.Unlock()
	return n, err
}

func TestRanksReadTheirRanges(t *testing.T) {
	text := numbered("x,city,label\n", 400000, func(i int) string { return fmt.Sprintf("%d,city %d,%d\n", i, i%1000, i%3) })
	const n = 4
	files := make([]counted, n)
	var wg sync.WaitGroup
	for rank, comm := range dist.Local(n) {
		files[rank].Reader = strings.NewReader(text)
		wg.Go(func() {
			if _, err := Read(context.Background(), &files[rank], int64(len(text)), "t.csv", Options{Comm: comm}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for rank := range files {
		// The range for its checksum, once more for its rows, the start of the file, and what shows where rows begin.
		most := 2*len(text)/n + 2<<20
		if rank == 0 { // which has the checksums of all
			most += len(text)
		}
		if read := files[rank].read; read > most {
			t.Errorf("rank %d read %d of %d bytes, at most %d expected", rank, read, len(text), most)
		}
	}
}

func TestRanksHaveTheSameError(t *testing.T) {
	rows := func(bad string) string {
		return numbered("x,y\n", 90, func(i int) string { return fmt.Sprintf("%d,%d\n", i, i%2) }) + bad +
			numbered("", 90, func(i int) string { return fmt.Sprintf("%d,%d\n", i, i%2) })
	}
	for name, text := range map[string]string{
		"word.csv":    rows("1,two\n"),
		"fields.csv":  rows("1,2,3\n"),
		"open.csv":    rows("1,\"2\n"),
		"utf8.csv":    rows("1,\xff\n"),
		"empty.csv":   "",
		"header.csv":  "x,y\n",
		"names.csv":   "x,x\n1,2\n",
		"lines.jsonl": strings.Repeat("{\"x\":1}\n", 50) + "{\"x\":\n" + strings.Repeat("{\"x\":1}\n", 50),
		"cut.npy":     "\x93NUMPY\x01\x00\x46\x00{'descr': '<f8', 'fortran_order': False, 'shape': (20000, 1), }          \n12345678",
	} {
		_, want := Read(context.Background(), strings.NewReader(text), int64(len(text)), name, Options{})
		if want == nil {
			t.Fatalf("%s: no error", name)
		}
		for _, n := range []int{2, 3, 5} {
			_, errs := onRanks(n, text, name, Options{})
			for rank, err := range errs {
				if of, ok := errors.AsType[*dist.RankError](err); ok && name == "cut.npy" { // which one rank alone has
					err = of.Err
				}
				if fmt.Sprint(err) != want.Error() {
					t.Errorf("%s: rank %d of %d: %v, expected %v", name, rank, n, err, want)
				}
			}
		}
	}
}

func TestRanksWithOtherFiles(t *testing.T) {
	for name, c := range map[string]struct{ mine, others, want string }{
		"size":    {"x,y\n1,2\n1,2\n", "x,y\n1,2\n", "t.csv: rank 1: found the size of the table, 12 bytes, 8 as on rank 0 expected"},
		"content": {"x,y\n1,2\n1,2\n1,3\n", "x,y\n1,2\n1,2\n1,2\n", "checksum of the table's bytes"},
	} {
		var wg sync.WaitGroup
		for rank, comm := range dist.Local(3) {
			text := c.others
			if rank == 1 {
				text = c.mine
			}
			if name == "content" && rank == 1 { // in the range that it reads
				text = "x,y\n1,3\n1,2\n1,2\n"
			}
			wg.Go(func() {
				_, err := Read(context.Background(), strings.NewReader(text), int64(len(text)), "t.csv", Options{Comm: comm})
				if e, ok := errors.AsType[*dist.DiffersError](err); !ok || e.Rank != 1 || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: rank %d: %v", name, rank, err)
				}
			})
		}
		wg.Wait()
	}
}

func FuzzRanks(f *testing.F) {
	for name, text := range tables(f) {
		if len(text) < 1<<14 {
			f.Add(name, text, 3)
		}
	}
	f.Fuzz(func(t *testing.T, name, text string, n int) {
		if len(text) > 1<<14 || strings.Contains(name, ":") {
			return
		}
		n = 1 + (n%5+5)%5
		alone, want := Read(context.Background(), strings.NewReader(text), int64(len(text)), name, Options{})
		tables, errs := onRanks(n, text, name, Options{})
		for rank, err := range errs {
			if (err == nil) != (want == nil) {
				t.Fatalf("rank %d of %d: %v, expected %v", rank, n, err, want)
			}
			if err == nil && !reflect.DeepEqual(everything(tables[rank]), everything(alone)) {
				t.Fatalf("rank %d of %d has another table than one rank", rank, n)
			}
		}
	})
}
