package cli

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// flagsOf returns the flags that the help of each command names.
func flagsOf(t *testing.T) map[string][]string {
	t.Helper()
	flag := regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z0-9-]+)`)
	flags := map[string][]string{}
	_, list, _ := strings.Cut(succeed(t, "help"), "\nCommands:\n")
	for _, command := range regexp.MustCompile(`(?m)^  ([a-z-]+) `).FindAllStringSubmatch(list, -1) {
		for _, f := range flag.FindAllStringSubmatch(succeed(t, command[1], "--help"), -1) {
			flags[command[1]] = append(flags[command[1]], f[1])
		}
	}
	if len(flags) < 12 || len(flags["train"]) < 40 {
		t.Fatalf("commands and flags %v", flags)
	}
	return flags
}

// TestCompletionWords checks that every command and every flag of it is in each script.
func TestCompletionWords(t *testing.T) {
	flags := flagsOf(t)
	bash, zsh, fish := succeed(t, "completion", "bash"), succeed(t, "completion", "zsh"), succeed(t, "completion", "fish")
	for command, names := range flags {
		_, inBash, _ := strings.Cut(bash, "\n    "+command+")\n")
		inBash, _, _ = strings.Cut(inBash, "\n        ;;\n")
		_, inZsh, _ := strings.Cut(zsh, "\n        "+command+")\n")
		inZsh, _, _ = strings.Cut(inZsh, "\n            ;;\n")
		if !strings.Contains(zsh, "\n        '"+command+":") || !strings.Contains(fish, " -n __fish_use_subcommand -f -a "+command+" -d '") {
			t.Errorf("%s is missing", command)
		}
		for _, f := range names {
			if !strings.Contains(inBash, " --"+f+" ") && !strings.Contains(inBash, " --"+f+"'") && !strings.Contains(inBash, "'--"+f) {
				t.Errorf("bash: %s --%s is missing", command, f)
			}
			if !strings.Contains(inZsh, "'--"+f+"[") && !strings.Contains(inZsh, "'--"+f+"=[") {
				t.Errorf("zsh: %s --%s is missing", command, f)
			}
			if !strings.Contains(fish, "__fish_seen_subcommand_from "+command+"' -l "+f+" ") {
				t.Errorf("fish: %s --%s is missing", command, f)
			}
		}
	}
}

// shell returns what a shell prints for a script, and skips the test where there is none.
func shell(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip("no " + name)
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// TestCompletionBash completes command lines in bash.
func TestCompletionBash(t *testing.T) {
	script := `set -u
compopt() { echo -n "$* "; } # which only works while a key is handled
try() { COMP_WORDS=(onehot "$@"); COMP_CWORD=$#; COMPREPLY=(); _onehot; echo "${COMPREPLY[*]-}"; }
` + succeed(t, "completion", "bash")
	var want strings.Builder
	for _, c := range []struct{ words, completed string }{
		{"tr", "train"},
		{"co", "compare completion"},
		{"train --mo", "--model --monitor --momentum"},
		{"train --model ''", "+o default softmax mlp lenet cnn resnet"},
		{"train --schedule = o", "+o default one-cycle"},
		{"train --recipe =", "+o default best fast"},
		{"train --epochs ''", "+o default "},
		{"train --out ''", ""}, // files, by default
		{"train --json --see", "--seed"},
		{"train mn", "mnist"},
		{"predict ''", ""},
		{"completion f", "fish"},
		{"nothing --", ""},
	} {
		script += "try " + c.words + "\n"
		want.WriteString(c.completed + "\n")
	}
	if got := shell(t, "bash", "--norc", "-c", script); got != want.String() {
		t.Errorf("got\n%s\nwant\n%s", got, want.String())
	}
}

// TestCompletionFish completes command lines in fish.
func TestCompletionFish(t *testing.T) {
	script := succeed(t, "completion", "fish")
	var want strings.Builder
	for _, c := range []struct{ line, completed string }{
		{"onehot tr", "train"}, {"onehot train --mo", "--model\n--momentum\n--monitor"}, {"onehot train --model=le", "--model=lenet"}, {"onehot completion f", "fish"},
	} {
		script += fmt.Sprintf("complete -C '%s' | string split -f 1 \\t\n", c.line)
		want.WriteString(c.completed + "\n")
	}
	if got := shell(t, "fish", "--no-config", "-c", script+"true\n"); got != want.String() {
		t.Errorf("got\n%s\nwant\n%s", got, want.String())
	}
}

// TestCompletionZsh checks that zsh reads its script.
func TestCompletionZsh(t *testing.T) {
	file := filepath.Join(t.TempDir(), "_onehot")
	writeFile(t, file, []byte(succeed(t, "completion", "zsh")))
	if got := shell(t, "zsh", "-f", "-n", file); got != "" {
		t.Error(got)
	}
}
