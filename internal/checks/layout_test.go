// Package checks has tests of the project as a whole: what depends on what, and whether
// the documents show what the code is.
package checks

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/onehot-go/onehot/"

// order is how data flow: a package may import those above it. A name stands for the
// packages below it too, but for those that have a place of their own.
var order = []string{
	"internal/atomicfile",
	"internal/printable",
	"internal/fetch",
	"internal/parallel",
	"fault",
	"internal/kernel",
	"internal/kernel/inference",
	"internal/memory",
	"internal/reuse",
	"dist",
	"picture",
	"random",
	"tensor",
	"internal/shapes",
	"transform",
	"dataset",
	"dataset/internal/reading",
	"dataset/files",
	"dataset/folder",
	"dataset/manifest",
	"dataset/table",
	"dataset/shards",
	"dataset/pixels",
	"dataset/check",
	"dataset/idx",
	"dataset/internal/collection",
	"dataset/fashionmnist/embedded",
	"loader",
	"dataset/internal/loading",
	"dataset/fashionmnist",
	"dataset/mnist",
	"dataset/fashionmnist/embedded/gen",
	"nn",
	"internal/compiled",
	"loss",
	"optim",
	"metric",
	"task",
	"model/safetensors",
	"model/torchfile",
	"model",
	"model/zoo",
	"model/onnx",
	"calibrate",
	"internal/gopackage",
	"train",
	"classify",
	"report",
	"serve",
	"serve/grpc/inference",
	"serve/grpc",
	"internal/web/answer",
	"internal/web",
	"internal/launcher",
	"internal/cli",
	"cmd",
	"examples",
	"internal", // what tests and checks share
}

// place returns where in order a package stands, or -1.
func place(name string) int {
	for {
		if i := slices.Index(order, name); i >= 0 {
			return i
		}
		i := strings.LastIndexByte(name, '/')
		if i < 0 {
			return -1
		}
		name = name[:i]
	}
}

func TestDependenciesPointOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) < 20 {
		t.Fatalf("only %d packages found", len(lines))
	}
	for _, line := range lines {
		fields := strings.Fields(strings.ReplaceAll(line, module, ""))
		name, imports := fields[0], fields[1:]
		if place(name) < 0 {
			t.Errorf("package %s has no place in the order of data", name)
		}
		for _, i := range imports {
			if p := place(i); strings.Contains(line, module+i) && p >= place(name) && !strings.HasPrefix(i, name+"/") {
				t.Errorf("%s imports %s, which stands below it", name, i)
			}
		}
	}
}

// TestRoomsStandInOrder holds the table of packages in architecture.md to that order. A package
// is in the table, or one that it lies below is.
func TestRoomsStandInOrder(t *testing.T) {
	_, table, _ := strings.Cut(read(t, "../../docs/architecture.md"), "\n## Rooms\n")
	table, _, _ = strings.Cut(table, "\n## ")
	listed := map[string]bool{}
	last := -1
	for line := range strings.Lines(table) {
		cell, ok := strings.CutPrefix(line, "| `")
		if !ok {
			continue
		}
		cell, _, _ = strings.Cut(cell, " | ")
		for name := range strings.SplitSeq(strings.TrimSuffix(cell, "`"), "` and `") {
			at := slices.Index(order, name)
			if at <= last {
				t.Errorf("%s stands at place %d of the order, behind one at %d", name, at, last)
			}
			listed[name], last = true, at
		}
	}
	for _, name := range order[:slices.Index(order, "cmd")] {
		above, _, _ := strings.Cut(name, "/")
		if !listed[name] && !listed[above] {
			t.Errorf("the table lacks %s", name)
		}
	}
}

// TestEmbeddedDataStaysApart holds that only who asks for the embedded data carries it.
func TestEmbeddedDataStaysApart(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", module+"dataset/fashionmnist", module+"train", module+"report").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if strings.Contains(string(out), "embedded") {
		t.Error("a package that is no program imports the embedded data")
	}
}

// TestGRPCStaysApart holds that only who asks for gRPC carries it.
func TestGRPCStaysApart(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", module+"model", module+"train", module+"serve").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if strings.Contains(string(out), "connectrpc.com") || strings.Contains(string(out), "google.golang.org") {
		t.Error("models, training or the REST of serve import gRPC")
	}
}

// inference has the packages of this project, and of others, that a program carries which classifies by a model.
var inference = []string{
	"golang.org/x/sys/cpu", "golang.org/x/sys/unix",
	module + "fault", module + "random", module + "tensor", module + "transform", module + "nn",
	module + "loss", module + "metric", module + "task", // a task names its loss and its figures; what nobody calls is not linked
	module + "model", module + "model/safetensors",
	module + "internal/atomicfile", module + "internal/compiled", module + "internal/kernel", module + "internal/kernel/inference",
	module + "internal/memory", module + "internal/parallel", module + "internal/reuse", module + "internal/shapes",
}

// TestInferenceIsSmall holds what a program carries that classifies by a model: no training, no reports, no decoders of
// pictures, no network.
func TestInferenceIsSmall(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if .Standard}}std {{end}}{{.ImportPath}}", module+"model").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		name, standard := strings.CutPrefix(strings.TrimSpace(line), "std ")
		if !standard && !slices.Contains(inference, name) {
			t.Errorf("package model imports %s, which inference does without", name)
		}
		first, _, _ := strings.Cut(name, "/")
		if standard && (slices.Contains([]string{"net", "crypto", "html", "text", "testing", "go", "database"}, first) ||
			slices.Contains([]string{"os/exec", "encoding/gob", "image/gif", "image/jpeg", "image/png"}, name)) {
			t.Errorf("package model imports %s, which makes programs large", name)
		}
	}
}
