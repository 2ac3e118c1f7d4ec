package report

import (
	"encoding/csv"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/train"
)

const header = "epoch,train_loss,train_acc,test_loss,test_acc,lr,seconds\n"

// epoch returns an epoch with a line of its own.
func epoch(n int) train.Epoch {
	return train.Epoch{Epoch: n, TrainLoss: 1 / float64(n), TrainScore: 0.5, Test: train.Evaluation{Loss: 0.75, Score: 0.25}, LR: 0.1, Seconds: 1.5}
}

// lines are those of epochs 1 to 4.
var lines = []string{
	"1,1.000000,0.500000,0.750000,0.250000,0.1,1.500000\n",
	"2,0.500000,0.500000,0.750000,0.250000,0.1,1.500000\n",
	"3,0.333333,0.500000,0.750000,0.250000,0.1,1.500000\n",
	"4,0.250000,0.500000,0.750000,0.250000,0.1,1.500000\n",
}

func wantContent(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is\n%s\nwant\n%s", filepath.Base(path), got, want)
	}
}

func add(t *testing.T, h *History, epochs ...int) {
	t.Helper()
	for _, n := range epochs {
		if err := h.Add(epoch(n)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHistory checks that every line is in the file as soon as it is added.
func TestHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.csv")
	if err := os.WriteFile(path, []byte("an earlier run's"), 0o666); err != nil {
		t.Fatal(err)
	}
	h, err := CreateHistory(path, task.Accuracy, false)
	if err != nil {
		t.Fatal(err)
	}
	wantContent(t, path, header)
	add(t, h, 1)
	wantContent(t, path, header+lines[0])
	add(t, h, 2)
	wantContent(t, path, header+lines[0]+lines[1])
	e := train.Epoch{Epoch: 3, TrainLoss: 123456.7890123, TrainScore: 1, Test: train.Evaluation{Loss: 1e-9, Score: 1.0 / 3}, LR: 1e-5, Seconds: 3600}
	if err := h.Add(e); err != nil {
		t.Fatal(err)
	}
	wantContent(t, path, header+lines[0]+lines[1]+"3,123456.789012,1.000000,0.000000,0.333333,1e-05,3600.000000\n")
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := h.Add(e); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Add after Close: error %v", err)
	}
}

func TestContinueHistory(t *testing.T) {
	all := strings.Join(lines, "")
	for name, test := range map[string]struct {
		content string
		epoch   int
		kept    int // lines
	}{
		"at the end":                   {header + all, 4, 4},
		"before the last":              {header + all, 3, 3},
		"several later epochs":         {header + all, 1, 1},
		"from the start":               {header + all, 0, 0},
		"the header alone":             {header, 0, 0},
		"last line cut in a field":     {header + lines[0] + lines[1] + lines[2][:9], 2, 2},
		"last line cut after a field":  {header + lines[0] + lines[1] + lines[2][:2], 2, 2},
		"last line cut in the number":  {header + lines[0] + lines[1] + lines[2][:1], 2, 2},
		"last line cut at its end":     {header + lines[0] + lines[1] + strings.TrimSuffix(lines[2], "\n"), 2, 2},
		"last line cut, all dropped":   {header + lines[0] + lines[1] + lines[2][:9], 0, 0},
		"zeros of a file system":       {header + lines[0] + lines[1] + "\x00\x00\x00\x00", 2, 2},
		"end of the last line missing": {header + lines[0] + strings.TrimSuffix(lines[1], "\n"), 2, 2},
		"lines ended as on Windows":    {strings.ReplaceAll(header+lines[0]+lines[1], "\n", "\r\n"), 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "history.csv")
			if err := os.WriteFile(path, []byte(test.content), 0o666); err != nil {
				t.Fatal(err)
			}
			h, err := ContinueHistory(path, task.Accuracy, test.epoch)
			if err != nil {
				t.Fatal(err)
			}
			want := header + strings.Join(lines[:test.kept], "")
			wantContent(t, path, want)
			if test.kept < len(lines) {
				add(t, h, test.kept+1)
				want += lines[test.kept]
			}
			wantContent(t, path, want)
			if err := h.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestContinueHistoryErrors(t *testing.T) {
	const columns = `["epoch" "train_loss" "train_acc" "test_loss" "test_acc" "lr" "seconds"] expected`
	for name, test := range map[string]struct {
		content string
		epoch   int
		want    string
	}{
		"empty":             {"", 0, "found 0 lines, at least 1 expected"},
		"too short":         {header + lines[0], 2, "found 2 lines, at least 3 expected"},
		"cut too early":     {header + lines[0] + lines[1][:9], 2, "record on line 3: wrong number of fields"},
		"text":              {"# History\n", 0, "record on line 1: wrong number of fields"},
		"other columns":     {"a,b,c,d,e,f,g\n" + lines[0], 1, `line 1: found ["a" "b" "c" "d" "e" "f" "g"], ` + columns},
		"no header":         {lines[0], 0, `line 1: found ["1" "1.000000" "0.500000" "0.750000" "0.250000" "0.1" "1.500000"], ` + columns},
		"epoch left out":    {header + lines[0] + lines[2], 2, `line 3: found epoch "3", 2 expected`},
		"epoch twice":       {header + lines[0] + lines[0], 2, `line 3: found epoch "1", 2 expected`},
		"epoch not written": {header + strings.Replace(lines[0], "1", "one", 1), 1, `line 2: found epoch "one", 1 expected`},
		"fields too many":   {header + strings.TrimSuffix(lines[0], "\n") + ",9\n", 1, "record on line 2: wrong number of fields"},
		"stray quote":       {header + `1,"0.5"0,0.500000,0.750000,0.250000,0.1,1.500000` + "\n", 1, `parse error on line 2, column 7: extraneous or missing " in quoted-field`},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "history.csv")
			if err := os.WriteFile(path, []byte(test.content), 0o666); err != nil {
				t.Fatal(err)
			}
			h, err := ContinueHistory(path, task.Accuracy, test.epoch)
			if h != nil || err == nil || err.Error() != path+": "+test.want {
				t.Errorf("got %v, error %v, want %s: %s", h, err, path, test.want)
			}
			wantContent(t, path, test.content) // what is refused stays as it is
		})
	}

	missing := filepath.Join(t.TempDir(), "missing", "history.csv")
	for name, f := range map[string]func() (*History, error){
		"create":   func() (*History, error) { return CreateHistory(missing, task.Accuracy, false) },
		"continue": func() (*History, error) { return ContinueHistory(missing, task.Accuracy, 1) },
	} {
		var at *fs.PathError
		if h, err := f(); h != nil || !errors.As(err, &at) || at.Path != missing || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s in no folder: got %v, error %v", name, h, err)
		}
	}
}

// TestHistoryIsCSV reads a history with another reader.
func TestHistoryIsCSV(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.csv")
	h, err := CreateHistory(path, task.Accuracy, false)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	add(t, h, 1, 2, 3, 4)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil || len(records) != 5 {
		t.Fatalf("%d records (%v), want a header and four", len(records), err)
	}
	if records[0][4] != "test_acc" || records[3][0] != "3" || records[3][1] != "0.333333" {
		t.Errorf("records %q", records)
	}
}
