package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/model/safetensors"
	"github.com/onehot-go/onehot/train"
)

// onRanks runs the program with args on n ranks of this process, and returns what each printed, on both streams, and its exit code.
func onRanks(n int, args ...string) (printed [][2]string, codes []int) {
	printed, codes = make([][2]string, n), make([]int, n)
	var wg sync.WaitGroup
	for rank, comm := range dist.Local(n) {
		wg.Go(func() {
			var out, err bytes.Buffer
			codes[rank] = MainOn(comm, args, &out, &err)
			printed[rank] = [2]string{out.String(), err.String()}
		})
	}
	wg.Wait()
	return printed, codes
}

// trained runs the program on n ranks, and fails the test if one of them does, or one but the first prints anything.
func trained(t *testing.T, n int, args ...string) (stdout, stderr string) {
	t.Helper()
	printed, codes := onRanks(n, args...)
	for rank, p := range printed {
		if codes[rank] != 0 {
			t.Fatalf("%v on %d ranks: rank %d: status %d: %s", args, n, rank, codes[rank], p[1])
		}
		if rank > 0 && p != [2]string{} {
			t.Errorf("%v: rank %d printed %q", args, rank, p)
		}
	}
	return printed[0][0], printed[0][1]
}

// tensorsOf returns all numbers of the file at path.
func tensorsOf(t *testing.T, path string) string {
	t.Helper()
	f, err := safetensors.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, x := range f.Tensors {
		fmt.Fprintf(&b, "%s %v\n", x.Name, x.Value)
	}
	return b.String()
}

// keptOf returns what a run's files say but for the time that it took.
func keptOf(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	for _, name := range []string{"model.safetensors", "metrics.json", "batches.csv"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && name != "batches.csv" { // which L-BFGS has none of
			t.Fatal(err)
		}
		b.Write(text)
	}
	return b.String() + historyOf(t, dir)
}

// historyOf returns history.csv without its seconds.
func historyOf(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "history.csv"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	header := strings.Split(lines[0], ",")
	var b strings.Builder
	for _, line := range lines {
		for i, field := range strings.Split(line, ",") {
			if !strings.Contains(header[i], "seconds") {
				fmt.Fprint(&b, field, " ")
			}
		}
		fmt.Fprintln(&b)
	}
	return b.String()
}

func TestRanksKeepTheSameBytes(t *testing.T) {
	data := tinyData(t)
	for name, args := range map[string][]string{
		"softmax": {"--epochs", "2", "--val", "60"},
		"mlp":     {"--epochs", "2", "--model", "mlp", "--hidden", "8", "--dropout", "0.2", "--momentum", "0.5", "--lr", "0.1"},
		"lbfgs":   {"--optimizer", "lbfgs", "--epochs", "3", "--lr", "1"},
	} {
		dir := filepath.Join(t.TempDir(), "run")
		line := func(dir string) []string {
			l := []string{"train", "mnist", "--data-dir", data, "--out", dir}
			if name != "lbfgs" {
				l = append(l, "--batch-size", "32", "--shards", "16")
			}
			return append(l, args...)
		}
		want, _ := trained(t, 1, line(dir)...)
		for _, n := range []int{2, 3} {
			other := filepath.Join(t.TempDir(), "run")
			if found, _ := trained(t, n, line(other)...); found != want {
				t.Errorf("%s: %d ranks print %q, one %q", name, n, found, want)
			}
			if keptOf(t, other) != keptOf(t, dir) {
				t.Errorf("%s: %d ranks keep other bytes than one", name, n)
			}
		}
		if name == "lbfgs" { // whose bits are those of a program of its own
			alone := filepath.Join(t.TempDir(), "run")
			if _, stderr, code := onehot(t, line(alone)...); code != 0 {
				t.Fatal(stderr)
			}
			if keptOf(t, alone) != keptOf(t, dir) {
				t.Error("lbfgs: a program of its own keeps other bytes")
			}
		}
	}
}

func TestRunsGoOnWithFewerRanks(t *testing.T) {
	data := tinyData(t)
	whole, parts := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "run")
	start := func(dir, epochs string) []string {
		return tiny(data, dir, "--momentum", "0.5", "--epochs", epochs)
	}
	trained(t, 2, start(whole, "3")...) // 16 shards, as nothing is said
	trained(t, 3, start(parts, "1")...)
	out, said := trained(t, 2, "train", "--out", parts, "--resume", "--epochs", "2", "--json")
	if !strings.HasPrefix(out, `{"event":"expected","ranks":2,"shards":16,"speed_up":`) || !strings.Contains(out, `"ranks":[{"samples":250,"seconds":`) {
		t.Errorf("found the events %s, what is expected, and half of 500 samples of each rank", out)
	}
	if strings.Count(said, "expected to be") != 1 {
		t.Errorf("found %s, one line of what is expected", said)
	}
	if _, stderr, code := onehot(t, "train", "--out", parts, "--resume", "--epochs", "3"); code != 0 {
		t.Fatal(stderr)
	}
	if tensorsOf(t, filepath.Join(parts, "last.safetensors")) != tensorsOf(t, filepath.Join(whole, "last.safetensors")) {
		t.Error("a run on 3, 2 and 1 ranks has other weights than one on 2")
	}
	if found, want := historyOf(t, parts), historyOf(t, whole); found != want {
		t.Errorf("found the history %s, %s expected", found, want)
	}
	_, stderr, code := onehot(t, "train", "--out", parts, "--resume", "--epochs", "4", "--shards", "8")
	if code != exitUsage || !strings.Contains(stderr, "--shards 8: the run was started with 16") {
		t.Errorf("status %d: %s", code, stderr)
	}
}

// TestRanksMeasureTogether holds that the best model's outputs are those of one rank where all compute them, and that all end if rank 0 cannot
// keep what was found.
func TestRanksMeasureTogether(t *testing.T) {
	data := tinyData(t)
	dir := func(n int) string { return filepath.Join(t.TempDir(), fmt.Sprint("run", n)) }
	line := func(out string) []string {
		return tiny(data, out, "--epochs", "2", "--val", "90", "--calibrate", "temperature")
	}
	alone := dir(1)
	trained(t, 1, append(line(alone), "--shards", "16")...)
	var out string
	for _, n := range []int{2, 3} {
		out = dir(n)
		trained(t, n, line(out)...)
		if keptOf(t, out) != keptOf(t, alone) {
			t.Errorf("%d ranks keep other bytes than one", n)
		}
		page := func(dir string) string {
			text, err := os.ReadFile(filepath.Join(dir, "report.html"))
			if err != nil {
				t.Fatal(err)
			}
			_, shown, _ := strings.Cut(string(text), `<h2 id="h-confusion">`) // what was said of the pictures
			shown, _, _ = strings.Cut(shown, `<h2 id="h-settings">`)
			return shown
		}
		if page(out) != page(alone) || page(out) == "" {
			t.Errorf("%d ranks show other pictures than one", n)
		}
	}
	page := filepath.Join(out, "report.html")
	if err := errors.Join(os.Remove(page), os.MkdirAll(filepath.Join(page, "full"), 0o777)); err != nil {
		t.Fatal(err)
	}
	printed, codes := onRanks(3, "train", "--out", out, "--resume", "--epochs", "3")
	for rank, p := range printed {
		if codes[rank] != exitFailure || rank == 0 && !strings.Contains(p[1], "report.html") {
			t.Errorf("rank %d: status %d, %q", rank, codes[rank], p)
		}
	}
}

func TestRanksFailTogether(t *testing.T) {
	data := tinyData(t)
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "config.json"), []byte("{}"), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]struct {
		args []string
		code int
		want string
	}{
		"too few shards":      {tiny(data, filepath.Join(t.TempDir(), "run"), "--shards", "2"), exitUsage, "onehot: --shards 2: found 2 for 3 ranks, at least as many shards as ranks expected\n"},
		"small shards":        {tiny(data, filepath.Join(t.TempDir(), "run"), "--model", "resnet"), exitUsage, "onehot: --shards 16: found batches of 32 samples in 16 shards of at least 2, at least 16 a shard expected for layer "},
		"a folder in the way": {tiny(data, full, "--quiet"), exitUsage, "onehot: --out "},
		"no run":              {[]string{"train", "--resume", "--out", filepath.Join(t.TempDir(), "none")}, exitUsage, "onehot: --resume --out "},
		"no data":             {[]string{"train", "mnist", "--data-dir", t.TempDir(), "--out", filepath.Join(t.TempDir(), "run")}, exitFailure, "onehot: "},
	} {
		printed, codes := onRanks(3, k.args...)
		for rank, p := range printed {
			if codes[rank] == 0 || rank == 0 && (codes[0] != k.code || !strings.HasPrefix(p[1], k.want)) || rank > 0 && p != [2]string{} {
				t.Errorf("%s: rank %d: status %d, printed %q; %d and %q expected of the first", name, rank, codes[rank], p, k.code, k.want)
			}
		}
	}
}

func TestRanksFitTablesAndProbes(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	var rows strings.Builder
	rows.WriteString("x,y,z,class\n")
	for i := range 1200 {
		fmt.Fprintf(&rows, "%d,%d,%d,%c\n", i%7, i%11, i%13, "abc"[(i%7+i%11)/6])
	}
	writeFile(t, "rows.csv", []byte(rows.String()))
	colours(t, filepath.Join(dir, "photos"), 9, 40, 30)
	writeWeights(t, drawnNet(t, []string{"a", "b", "c"}), dir, "weights.safetensors")
	for name, args := range map[string][]string{
		"table": {"train", "rows.csv", "--label-column", "class", "--optimizer", "lbfgs"},
		"rows":  {"train", "rows.csv", "--label-column", "class", "--model", "mlp", "--hidden", "4", "--epochs", "2", "--shards", "4"},
		"probe": {"train", "photos", "--pretrained", smallNet, "--weights", "weights.safetensors", "--test", "0.2"},
	} {
		if _, stderr, code := onehot(t, append(args, "--out", name)...); code != 0 {
			t.Fatal(stderr)
		}
		for _, n := range []int{2, 3} {
			if err := os.RemoveAll(filepath.Join(dir, "cache", "onehot", "features")); err != nil {
				t.Fatal(err)
			}
			other := fmt.Sprint(name, n)
			trained(t, n, append(args, "--out", other)...)
			if keptOf(t, other) != keptOf(t, name) {
				t.Errorf("%s: %d ranks keep other bytes than a program of its own", name, n)
			}
		}
	}
}

func TestRanksTakeTheKernelsThatAllHave(t *testing.T) {
	for _, k := range []struct {
		lists      [][]string
		name, said string
	}{
		{[][]string{{"avx2", "generic"}, {"avx2", "generic"}}, "avx2", ""},
		{[][]string{{"avx512", "avx2", "generic"}, {"avx2", "generic"}}, "avx2", "all ranks compute with the kernels avx2, the best that all have: rank 0 has avx512\n"},
		{[][]string{{"avx2", "generic"}, {"avx2", "generic"}, {"generic"}, {"avx2", "generic"}}, "generic", "all ranks compute with the kernels generic, the best that all have: rank 0 has avx2\n"},
		{[][]string{{"generic"}, {"avx2", "generic"}}, "generic", "all ranks compute with the kernels generic, the best that all have: rank 1 has avx2\n"},
		{[][]string{{"neon"}, {"avx2"}}, "", ""},
	} {
		var said bytes.Buffer
		name, err := commonKernels(k.lists, &said)
		if name != k.name || said.String() != k.said || (err != nil) != (k.name == "") {
			t.Errorf("%v: found %q, %q, %v; %q and %q expected", k.lists, name, said.String(), err, k.name, k.said)
		}
	}
}

func TestExpected(t *testing.T) {
	for _, c := range []struct {
		e    train.Expectation
		line string
	}{
		{train.Expectation{Ranks: 2, Shards: 16, Step: 0.012, Exchange: 0.002, Alone: 0.0204}, "2 ranks are expected to be 1.7 times as fast as one with 16 shards: a step takes 12 ms, of which 2.0 ms are exchange"},
		{train.Expectation{Ranks: 8, Shards: 16, Step: 1.25, Exchange: 0.000_0123, Alone: 9.98}, "8 ranks are expected to be 8.0 times as fast as one with 16 shards: a step takes 1.2 s, of which 12 µs are exchange"},
		{train.Expectation{Ranks: 2, Shards: 4, Step: 0.9996, Exchange: 0.9, Alone: 0.25}, "one machine alone is expected to be 4.0 times as fast as 2 ranks: a step takes 1.0 s, of which 900 ms are exchange; onehot train --shards 4 gives the same bytes there"},
		{train.Expectation{Ranks: 3, Shards: 1, Step: 0.01, Exchange: 0.001, Alone: 0.027}, "3 ranks are expected to be 2.7 times as fast as one: an evaluation of all samples takes 10 ms, of which 1.0 ms are exchange"},
		{train.Expectation{Ranks: 2, Shards: 1, Step: 0.0002, Exchange: 0.00015, Alone: 0.0001}, "one machine alone is expected to be 2.0 times as fast as 2 ranks: an evaluation of all samples takes 200 µs, of which 150 µs are exchange; onehot train gives the same bytes there"},
	} {
		if found := newExpected(&c.e).String(); found != c.line {
			t.Errorf("%+v: found %q, %q expected", c.e, found, c.line)
		}
	}
}

func TestPace(t *testing.T) {
	for _, c := range []struct {
		ranks []train.RankTime
		line  string
	}{
		{nil, ""},
		{[]train.RankTime{{Seconds: 2}}, ""},
		{[]train.RankTime{{}, {}}, ""},
		{[]train.RankTime{{Seconds: 2, Waited: 0.2}, {Seconds: 2, Waited: 0.4}}, "2 ranks are 1.7 times as fast as one with as many shards: they wait for each other 15% of the time"},
		{[]train.RankTime{{Seconds: 1, Waited: 0.8}, {Seconds: 1, Waited: 0.8}}, "2 ranks wait for each other 80% of the time: one machine alone would be 2.5 times as fast"},
	} {
		p, ok := newPace(train.Epoch{Ranks: c.ranks})
		if ok != (c.line != "") || ok && p.String() != c.line {
			t.Errorf("%+v: found %v, %q, %q expected", c.ranks, ok, p, c.line)
		}
	}
}
