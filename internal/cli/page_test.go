package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

func TestCommand(t *testing.T) {
	usual := settings{Data: "mnist", Model: "softmax", Hidden: []int{256}, Epochs: 5, BatchSize: 256, LR: 0.1, Optimizer: "sgd",
		Schedule: "constant", StepSize: 1, Gamma: 0.1, Patience: 2, Init: "normal", InitStd: 0.01}
	for _, test := range []struct {
		change func(c *config)
		folder folder
		want   string
	}{
		{func(*config) {}, "run", "onehot train mnist --lr 0.1 --out run"},
		{func(c *config) {
			c.Settings.Model, c.Settings.Hidden, c.Settings.Nesterov, c.Settings.Augment = "mlp", []int{64, 16}, true, []string{"flip", "crop:2"}
		}, "run", "onehot train mnist --model mlp --hidden 64,16 --lr 0.1 --nesterov --augment flip,crop:2 --out run"},
		{func(c *config) { c.Settings.Optimizer = "adamw" }, "run", "onehot train mnist --lr 0.1 --optimizer adamw --weight-decay 0 --out run"},
		{func(c *config) { c.Settings.Model = "resnet" }, "run", "onehot train mnist --model resnet --lr 0.1 --init normal --out run"},
		{func(c *config) { c.Data.Dir = "my data" }, "it's", `onehot train mnist --lr 0.1 --data-dir 'my data' --out 'it'\''s'`},
		{func(c *config) { c.Settings.Seed = 1 << 63 }, "$(run)", "onehot train mnist --lr 0.1 --seed 9223372036854775808 --out '$(run)'"},
	} {
		c := config{Settings: usual}
		test.change(&c)
		if got := c.command(test.folder); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

// TestSettingLines checks that a page has every setting, and says of which nothing came.
func TestSettingLines(t *testing.T) {
	c := config{Settings: settings{Data: "mnist", Model: "mlp", Hidden: []int{64, 16}, Optimizer: "sgd", Schedule: "step", StepSize: 3, Init: "kaiming", InitStd: 0.01}}
	got := map[string]string{}
	for _, line := range c.lines() {
		got[line.Name] = line.Value
	}
	for name, want := range map[string]string{"hidden": "64,16", "step size": "3", "init std": "not used", "patience": "not used", "milestones": "none", "mixup": "0"} {
		if got[name] != want {
			t.Errorf("%s: got %q, want %q", name, got[name], want)
		}
	}
	n := 0
	for field := range reflect.TypeFor[settings]().Fields() {
		if group := field.Tag.Get("group"); group != ownGroup && group != tableGroup {
			n++
		}
	}
	if len(got) < n || got["size"] != "" {
		t.Errorf("%d lines, at least the %d settings expected that are not for pictures of one's own alone", len(got), n)
	}
	c.Settings.Data, c.Settings.Size, c.Settings.Fit = "photos", 64, "crop"
	got = map[string]string{}
	for _, line := range c.lines() {
		got[line.Name] = line.Value
	}
	if got["size"] != "64" || got["fit"] != "crop" || got["path column"] != "" {
		t.Errorf("of pictures in folders: %v", got)
	}
}

// TestCommandGivesTheRun trains once more with the command that a page shows.
func TestCommandGivesTheRun(t *testing.T) {
	data, first := tinyData(t), filepath.Join(t.TempDir(), "a run")
	succeed(t, tiny(data, first, "--model", "mlp", "--hidden", "8,4", "--optimizer", "adamw", "--weight-decay", "0", "--epochs", "2", "--seed", "3", "-q")...)
	_, text, _ := strings.Cut(string(readFile(t, first, "report.html")), "<code>")
	text, _, _ = strings.Cut(text, "</code>")
	words := regexp.MustCompile(`'[^']*'|[^' ]+`).FindAllString(strings.ReplaceAll(text, "&#39;", "'"), -1)
	for i, word := range words {
		words[i] = strings.Trim(word, "'")
	}
	if len(words) < 3 || words[0] != "onehot" || words[len(words)-1] != first {
		t.Fatalf("command %q", words)
	}
	second := filepath.Join(t.TempDir(), "again")
	succeed(t, append(words[1:len(words)-1], second, "-q")...)
	if !bytes.Equal(anonymous(readFile(t, first, "last.safetensors")), anonymous(readFile(t, second, "last.safetensors"))) {
		t.Errorf("%q gives another run", words)
	}
}

// visitor is a standard error that opens the page that it reads of, before the run goes on.
type visitor struct {
	bytes.Buffer
	t      *testing.T
	events chan string
}

func (v *visitor) Write(p []byte) (int, error) {
	if _, url, ok := strings.Cut(string(p), "watch at "); ok {
		url = strings.TrimSpace(url)
		answer, err := http.Get(url + "events")
		if err != nil {
			v.t.Fatal(err)
		}
		if !strings.HasPrefix(url, "http://127.0.0.1:") {
			v.t.Errorf("served at %s", url)
		}
		go func() {
			defer answer.Body.Close()
			text, err := io.ReadAll(answer.Body)
			if err != nil {
				v.t.Error(err)
			}
			v.events <- string(text)
		}()
	}
	return v.Buffer.Write(p)
}

// TestTrainWatch reads what a run tells those who watch it, to its end.
func TestTrainWatch(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	v := &visitor{t: t, events: make(chan string, 1)}
	if code := run(t.Context(), tiny(tinyData(t), dir, "--epochs", "3", "--watch"), io.Discard, v); code != 0 {
		t.Fatal(v.String())
	}
	events := <-v.events
	if !strings.HasSuffix(events, "\"message\":\"The run has ended.\"}\n\n") || !strings.Contains(events, `data-epochs=\"1 2 3\"`) ||
		strings.Count(events, "event: end\n") != 1 || !strings.Contains(events, "Confusion matrix") {
		t.Errorf("events %.3000s", events)
	}
	if !strings.Contains(string(readFile(t, dir, "report.html")), "Confusion matrix") {
		t.Error("report.html lacks the confusion matrix")
	}
}

// TestTrainWatchInterrupted stops a run that is watched: the server stops with it.
func TestTrainWatchInterrupted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(t.Context())
	v := &visitor{t: t, events: make(chan string, 1)}
	if code := run(ctx, tiny(tinyData(t), dir, "--epochs", "1000000", "--watch"), &interrupt{n: 2, cancel: cancel}, v); code != exitInterrupted {
		t.Fatal(code, v.String())
	}
	if events := <-v.events; !strings.Contains(events, "event: end\ndata: {\"html\":\"\",\"message\":\"The run has ended: interrupted: epoch ") {
		t.Errorf("events %.3000s", events)
	}
	_, url, _ := strings.Cut(v.String(), "watch at ")
	url, _, _ = strings.Cut(url, "\n")
	if answer, err := http.Get(url); err == nil {
		answer.Body.Close()
		t.Errorf("%s is still served", url)
	}
}

func TestTrainWatchErrors(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	wantError(t, 2, "--port is for --watch", tiny(data, filepath.Join(dir, "a"), "--port", "8080")...)
	wantError(t, 1, "listen tcp: address 70000: invalid port", tiny(data, filepath.Join(dir, "b"), "--watch", "--port", "70000")...)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := fmt.Sprint(taken.Addr().(*net.TCPAddr).Port)
	if _, stderr, code := onehot(t, tiny(data, filepath.Join(dir, "c"), "--watch", "--port", port)...); code != 1 || !strings.HasPrefix(stderr, "onehot: listen tcp 127.0.0.1:"+port+": bind: ") {
		t.Errorf("a port that is taken: exit code %d, %q", code, stderr)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v (%v)", entries, err)
	}
}
