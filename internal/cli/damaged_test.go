package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestVal checks that so many samples are held out as are asked for, to the last but one, and
// that a run is refused that would have nothing to train on.
func TestVal(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	for _, n := range []int{1, 15, 55, 499} {
		run := filepath.Join(dir, fmt.Sprint(n))
		succeed(t, tiny(data, run, "--val", fmt.Sprint(n))...)
		var c config
		if err := json.Unmarshal(readFile(t, run, "config.json"), &c); err != nil || c.Data.Train != 500-n || c.Data.Val != n {
			t.Errorf("--val %d: %+v, %v", n, c.Data, err)
		}
	}
	// A version that rounded class by class held out 10 for 15.
	run := filepath.Join(dir, "15")
	changed := bytes.Replace(readFile(t, run, "config.json"), []byte("\"val\": 15,\n    \"test\""), []byte("\"val\": 10,\n    \"test\""), 1)
	writeFile(t, filepath.Join(run, "config.json"), changed)
	wantError(t, 1, fmt.Sprintf("the run in %s was started with 10 samples held out by --val 15, and now it would hold out 15", run),
		"train", "--resume", "--out", run)
	for _, n := range []string{"500", "501"} {
		wantError(t, 2, "--val "+n+": less than the 500 training samples expected", tiny(data, filepath.Join(dir, n), "--val", n)...)
	}
}

// TestDamagedFiles puts values that make no sense into a run's files. No command ends in an
// internal error, and each that cannot go on names the file.
func TestDamagedFiles(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	run := filepath.Join(dir, "run")
	succeed(t, tiny(data, run, "--epochs", "1")...)
	commands := [][]string{{"compare", run}, {"report", run, "--out", filepath.Join(dir, "out")}, {"train", "--resume", "--out", run, "--epochs", "1", "-q"}}
	try := func(file, content string, must bool) {
		t.Helper()
		path := filepath.Join(run, file)
		whole := contents(t, run)
		for _, args := range commands {
			writeFile(t, path, []byte(content))
			stdout, stderr, code := onehot(t, args...)
			where := fmt.Sprintf("%s with %.60q: onehot %s", file, content, args[0])
			if strings.Contains(stderr, "internal error") || strings.Contains(strings.ReplaceAll(stdout+stderr, `"NaN"`, ""), "NaN") {
				t.Errorf("%s: exit code %d, %s%s", where, code, stderr, stdout)
			}
			if must && (code != 1 || !strings.HasPrefix(stderr, "onehot: "+path+": ")) {
				t.Errorf("%s: exit code %d, %q, an error expected that names the file", where, code, stderr)
			}
			for name, content := range whole {
				writeFile(t, filepath.Join(run, name), []byte(content))
			}
		}
	}

	var c map[string]any
	if err := json.Unmarshal(readFile(t, run, "config.json"), &c); err != nil {
		t.Fatal(err)
	}
	write := func(must bool) {
		t.Helper()
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		try("config.json", string(text), must)
	}
	settings := c["settings"].(map[string]any)
	for name, bad := range map[string][]any{
		"model": {"gpt", ""}, "data": {"cifar"}, "optimizer": {"lion"}, "schedule": {"", "multi-step"}, "init": {"magic"}, "recipe": {"slow"},
		"hidden": {[]int{}, []int{-1}}, "epochs": {-1, 1e18}, "batch_size": {0, -1, 1e18}, "lr": {-1}, "momentum": {-1, 5}, "gamma": {-1},
		"val": {-1, 59999}, "step_size": {0}, "warmup": {-1, 1e18}, "ema": {1}, "max_time": {"-1s", "soon"}, "augment": {[]string{"blur"}}, "class_weights": {"0"},
	} {
		usual := settings[name]
		for _, v := range bad {
			settings[name] = v
			// Data and what is made for them are not looked at by all commands.
			write(!(name == "val" && v == 59999 || name == "augment" || name == "class_weights"))
		}
		settings[name] = usual
	}
	counts := c["data"].(map[string]any)
	for _, v := range []any{0, -1, 1e18} {
		counts["train"] = v
		write(true)
	}

	head := strings.SplitAfter(string(readFile(t, run, "history.csv")), "\n")[0]
	for _, line := range []string{"1,NaN,1,1,1,1,1\n", "1,0,1,1e300,1,1,1\n", "1,0,1,-1,1,1,1\n", "2,0,1,1,1,1,1\n", "1\n", "1,\"\n"} {
		try("history.csv", head+line, false)
	}
	for _, text := range []string{"", "null", "{}", "[]", `{"accuracy":"x"}`, `{"loss":1e999}`, `{"classes":[{"name":"a"}],"confusion":[[1],[1]]}`} {
		try("metrics.json", text, false)
		try("config.json", text, true)
	}
}
