package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestValOfAll checks that a run is refused that would have nothing to train on.
func TestValOfAll(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	for _, n := range []string{"499", "500", "501"} {
		run := filepath.Join(dir, n)
		_, stderr, code := onehot(t, tiny(data, run, "--val", n)...)
		if code == 0 { // what is left trains
			var c config
			if err := json.Unmarshal(readFile(t, run, "config.json"), &c); err != nil || c.Data.Train < 1 || c.Data.Val < 1 {
				t.Errorf("--val %s: %+v, %v", n, c.Data, err)
			}
		} else if code != 2 || !strings.HasPrefix(stderr, "onehot: --val "+n) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("--val %s: exit code %d, %q", n, code, stderr)
		}
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
