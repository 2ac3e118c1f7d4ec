package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/internal/atomicfile"
)

// killAt names the variable that makes the test's binary the program, which is killed at the
// change to the disk of that number, from 1. With 0 it lists the changes on standard error. With
// noKill it ends with a line on how many KiB of memory it had at most, on Linux.
const killAt, noKill = "ONEHOT_TEST_KILL_AT", -1

func TestMain(m *testing.M) {
	text, ok := os.LookupEnv(killAt)
	if !ok {
		os.Exit(m.Run())
	}
	at, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	n := 0
	atomicfile.Before = func(change, path string) error {
		if at == 0 {
			fmt.Fprintf(os.Stderr, "change: %s %s\n", change, path)
		}
		if n++; n == at {
			kill()
		}
		return nil
	}
	code := Main(os.Args[1:], io.Discard, os.Stderr)
	if at == noKill {
		if status, err := os.ReadFile("/proc/self/status"); err == nil { // of Linux
			_, peak, _ := strings.Cut(string(status), "VmHWM:")
			peak, _, _ = strings.Cut(peak, "kB")
			fmt.Fprintln(os.Stderr, "peak:", strings.TrimSpace(peak))
		}
	}
	os.Exit(code)
}

// kill ends the process as a crash does: nothing is tidied up.
func kill() {
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {}
}

// child runs the program in a process of its own, to be killed at a change to the disk. It
// returns standard error.
func child(t *testing.T, at int, args ...string) (stderr string, err error) {
	t.Helper()
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), killAt+"="+strconv.Itoa(at))
	out, err := c.CombinedOutput()
	return string(out), err
}

// changes returns which changes to the disk a call of the program makes.
func changes(t *testing.T, args ...string) (list []string) {
	t.Helper()
	stderr, err := child(t, 0, args...)
	if err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	for line := range strings.Lines(stderr) {
		if change, ok := strings.CutPrefix(line, "change: "); ok {
			list = append(list, strings.TrimSpace(change))
		}
	}
	return list
}

// contents returns the files under dir by their paths in it; nil for none.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	var files map[string]string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if files == nil {
			files = map[string]string{}
		}
		files[name] = string(readFile(t, path))
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return files
}

// copied returns a copy of the folder with a run in it, under the name run.
func copied(t *testing.T, dir string) string {
	t.Helper()
	run := filepath.Join(t.TempDir(), "run")
	if err := os.CopyFS(run, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return run
}

// TestForceKilled kills a run that replaces another at every change to the disk that it
// makes: readers find a whole run, and train goes on with it; the earlier one is whole, in its
// place or where it was put aside.
func TestForceKilled(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	old := filepath.Join(dir, "old")
	succeed(t, tiny(data, old, "--epochs", "1", "--seed", "1", "--tensorboard")...)
	writeFile(t, filepath.Join(old, "notes.txt"), []byte("mine"))
	earlier := contents(t, old)
	withoutNotes := maps.Clone(earlier)
	delete(withoutNotes, "notes.txt")

	force := func(run string) []string { return tiny(data, run, "--epochs", "2", "--seed", "2", "--force", "-q") }
	whole := copied(t, old)
	list := changes(t, force(whole)...)
	counts := map[string]int{}
	for _, c := range list {
		kind, _, _ := strings.Cut(c, " /")
		counts[kind]++
	}
	for kind, least := range map[string]int{"create": 10, "write": 20, "sync": 10, "rename": 12, "sync folder": 12} {
		if counts[kind] < least {
			t.Errorf("%d changes to the disk of kind %s, at least %d expected: %v", counts[kind], kind, least, counts)
		}
	}
	t.Logf("%d changes to the disk: %v", len(list), counts)
	newModel := readFile(t, whole, "model.safetensors")

	for at := 1; at <= len(list); at++ {
		run := copied(t, old)
		where := fmt.Sprintf("killed at change %d, %s", at, strings.ReplaceAll(list[at-1], filepath.Dir(whole), ""))
		if stderr, err := child(t, at, force(run)...); err == nil {
			t.Fatalf("%s: it was not: %s", where, stderr)
		}
		aside := filepath.Join(filepath.Dir(run), ".run.replaced")
		before := contents(t, run)
		waits := before["model.safetensors"] == "" // for the new run to begin
		if !waits && maps.Equal(before, earlier) {
			// Nothing has happened yet.
		} else if kept := contents(t, aside); !maps.Equal(kept, earlier) && !maps.Equal(kept, withoutNotes) {
			t.Errorf("%s: the earlier run is neither in its place nor aside: %v", where, slices.Sorted(maps.Keys(kept)))
		}

		// Readers take a whole run, and change nothing.
		stdout, stderr, code := onehot(t, "compare", "--json", run)
		said := strings.Contains(stderr, run+": the run that replaces the one in it has finished no epoch: this is the earlier one, in "+aside+"\n")
		if code != 0 || said != waits || waits && !strings.Contains(stdout, `"seed":1,`) {
			t.Errorf("%s: compare: exit code %d, %s%s", where, code, stderr, stdout)
		}
		if _, stderr, code := onehot(t, "eval", run, "--data-dir", data); code != 0 {
			t.Errorf("%s: eval: exit code %d, %s", where, code, stderr)
		}

		// So does train, which goes on with it to what it would have come to.
		_, stderr, code = onehot(t, "train", "--resume", "--out", run)
		if back := strings.HasPrefix(stderr, run+": the run that replaced the one in it had finished no epoch: the earlier one is back\n"); code != 0 || back != waits {
			t.Errorf("%s: --resume: exit code %d, %s", where, code, stderr)
		}
		after := contents(t, run)
		isOld := after["model.safetensors"] == earlier["model.safetensors"] && after["last.safetensors"] == earlier["last.safetensors"]
		if isNew := after["model.safetensors"] == string(newModel); isOld == isNew || isNew && waits {
			t.Errorf("%s: what --resume leaves is the earlier run: %t, the new one: %t", where, isOld, isNew)
		}
		if after["notes.txt"] != "mine" {
			t.Errorf("%s: notes.txt, which is no run's, is not in its place", where)
		}
		for name := range after {
			if _, ok := atomicfile.Temporary(name); ok {
				t.Errorf("%s: left behind: %s", where, name)
			}
		}
	}
}

// TestBringBackKilled kills the program at every change to the disk by which it brings an
// earlier run back.
func TestBringBackKilled(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	old := filepath.Join(dir, "old")
	succeed(t, tiny(data, old, "--epochs", "1", "--seed", "1")...)
	writeFile(t, filepath.Join(old, "notes.txt"), []byte("mine"))
	earlier := contents(t, old)

	force := func(run string) []string { return tiny(data, run, "--epochs", "1", "--seed", "2", "--force", "-q") }
	whole := copied(t, old)
	begins := slices.IndexFunc(changes(t, force(whole)...), func(c string) bool { return strings.HasSuffix(c, "model.safetensors") })
	half := func() string {
		run := copied(t, old)
		if stderr, err := child(t, begins+1, force(run)...); err == nil {
			t.Fatalf("it was not killed: %s", stderr)
		}
		return run
	}
	resume := func(run string) []string { return []string{"train", "--resume", "--out", run, "-q"} }
	list := changes(t, resume(half())...)
	if len(list) < 10 {
		t.Fatalf("changes %q", list)
	}
	for at := 1; at <= len(list); at++ {
		run := half()
		if stderr, err := child(t, at, resume(run)...); err == nil {
			t.Fatalf("change %d: it was not killed: %s", at, stderr)
		}
		if out := succeed(t, "compare", "--json", run); !strings.Contains(out, `"seed":1,`) {
			t.Errorf("killed at change %d, %s: compare: %s", at, list[at-1], out)
		}
		succeed(t, resume(run)...)
		after := contents(t, run)
		for _, name := range []string{"config.json", "model.safetensors", "last.safetensors", "metrics.json", "notes.txt"} {
			if after[name] != earlier[name] {
				t.Errorf("killed at change %d, %s: %s is another", at, list[at-1], name)
			}
		}
	}
}

// TestForceTwiceKilled kills a run that replaces one which has replaced another, while that
// one is removed and until the new one begins.
func TestForceTwiceKilled(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	old := filepath.Join(dir, "old")
	succeed(t, tiny(data, old, "--epochs", "0", "--seed", "1")...)
	twice := func() string {
		run := copied(t, old)
		succeed(t, tiny(data, run, "--epochs", "1", "--seed", "2", "--force")...)
		return run
	}
	force := func(run string) []string { return tiny(data, run, "--epochs", "1", "--seed", "3", "--force", "-q") }
	list := changes(t, force(twice())...)
	begins := slices.IndexFunc(list, func(c string) bool { return strings.HasSuffix(c, "model.safetensors") })
	for at := 1; at <= begins; at++ {
		run := twice()
		earlier := contents(t, run)
		if stderr, err := child(t, at, force(run)...); err == nil {
			t.Fatalf("change %d: it was not killed: %s", at, stderr)
		}
		if out := succeed(t, "compare", "--json", run); !strings.Contains(out, `"seed":2,`) {
			t.Errorf("killed at change %d, %s: compare: %s", at, list[at-1], out)
		}
		_, _, code := onehot(t, tiny(data, run)...) // is refused, when it has tidied up
		if after := contents(t, run); code != 2 || !maps.Equal(after, earlier) {
			t.Errorf("killed at change %d, %s: exit code %d, and the earlier run is another: %v", at, list[at-1], code, slices.Sorted(maps.Keys(after)))
		}
	}
}

// TestForceTwice replaces a run that has replaced another: that one goes.
func TestForceTwice(t *testing.T) {
	data, run := tinyData(t), filepath.Join(t.TempDir(), "run")
	aside := filepath.Join(filepath.Dir(run), ".run.replaced")
	var models []string
	for seed := range 3 {
		_, stderr, code := onehot(t, tiny(data, run, "--epochs", "1", "--seed", fmt.Sprint(seed), "--force")...)
		if told := strings.HasPrefix(stderr, run+": the earlier run is kept in "+aside+"\n"); code != 0 || told != (seed > 0) {
			t.Errorf("seed %d: exit code %d, %q", seed, code, stderr)
		}
		models = append(models, string(readFile(t, run, "model.safetensors")))
		if seed > 0 && contents(t, aside)["model.safetensors"] != models[seed-1] {
			t.Errorf("seed %d: the run before it is not kept", seed)
		}
	}
	// A file of the user's there is not removed.
	letter := filepath.Join(aside, "letter.txt")
	writeFile(t, letter, []byte("dear"))
	writeFile(t, filepath.Join(run, "letter.txt"), []byte("other"))
	wantError(t, 2, fmt.Sprintf(`%s has to go, and holds what is no run's: move ["letter.txt"] elsewhere`, aside), tiny(data, run, "--force")...)
	if string(readFile(t, letter)) != "dear" || string(readFile(t, run, "model.safetensors")) != models[2] {
		t.Error("a refused --force changed something")
	}
	// One that is not in the way comes over.
	if err := os.Remove(filepath.Join(run, "letter.txt")); err != nil {
		t.Fatal(err)
	}
	succeed(t, tiny(data, run, "--epochs", "0", "--force")...)
	if string(readFile(t, run, "letter.txt")) != "dear" {
		t.Error("letter.txt did not come over")
	}
}

// TestForceThroughLink replaces a run behind a link, and one in the current folder.
func TestForceThroughLink(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	run, link := filepath.Join(dir, "run"), filepath.Join(dir, "link")
	succeed(t, tiny(data, run, "--epochs", "1")...)
	if err := os.Symlink("run", link); err != nil {
		t.Skip(err)
	}
	interrupted(t, 0, tiny(data, link, "--force")...)
	succeed(t, tiny(data, link, "--epochs", "1", "--force", "--seed", "3")...)
	if !bytes.Equal(readFile(t, run, "model.safetensors"), readFile(t, link, "model.safetensors")) {
		t.Error("the link no longer leads to the run")
	}
	t.Chdir(run)
	succeed(t, tiny(data, ".", "--epochs", "1", "--force", "--seed", "4")...)
	if out := succeed(t, "compare", "--json", run); !strings.Contains(out, `"seed":4,`) {
		t.Errorf("got %s", out)
	}
}

// TestTemporaryFiles checks that files that a kill left are no run, and go, and that others'
// stay.
func TestTemporaryFiles(t *testing.T) {
	data, run := tinyData(t), t.TempDir()
	stale := []string{".config.json.1a2b.tmp", ".report.html.zz.tmp", ".confusion.png.0.tmp"}
	leave := func() {
		for _, name := range stale {
			writeFile(t, filepath.Join(run, name), []byte("{"))
		}
	}
	leave()
	succeed(t, tiny(data, run, "--epochs", "1")...)
	leave()
	mine := ".config.json.mine!.tmp"
	writeFile(t, filepath.Join(run, mine), nil)
	succeed(t, "train", "--resume", "--out", run)
	for _, name := range stale {
		if _, err := os.Stat(filepath.Join(run, name)); err == nil {
			t.Errorf("%s is left", name)
		}
	}
	readFile(t, run, mine)
}
