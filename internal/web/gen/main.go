// Gen makes the program of the page of package web, and the hash of its sources that lies beside it:
//
//	go run ./internal/web/gen
//
// It needs zopfli, which Debian has in a package of that name. With -check it makes nothing, and says whether the program is of the sources that are there. The program's bytes depend on the
// release of Go, so go generate does not make it.
package main

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/internal/atomicfile"
)

const (
	program = "./internal/web/program"
	made    = "internal/web/files"
	record  = "internal/web/program.sources"
	tag     = "onehot_page" // which leaves out what no page needs
)

func main() {
	log.SetFlags(0)
	check := flag.Bool("check", false, "say whether the program is of the sources that are there")
	flag.Parse()
	if err := run(*check); err != nil {
		log.Fatal(err)
	}
}

func run(check bool) error {
	root, err := output("go", "env", "GOMOD")
	if err != nil {
		return err
	}
	if err := os.Chdir(filepath.Dir(strings.TrimSpace(root))); err != nil {
		return err
	}
	sum, err := sources()
	if err != nil {
		return err
	}
	if check {
		text, err := os.ReadFile(record)
		if err != nil {
			return err
		}
		if was, _, _ := strings.Cut(string(text), "\n"); was != sum {
			return fmt.Errorf("the program of the page is of other sources: go run ./internal/web/gen makes it anew")
		}
		return nil
	}
	return write(sum)
}

// sources returns a hash of what the program is made of: the files of this module, and the versions of others.
func sources() (string, error) {
	// A line a file, as if its package's path were its folder, or a module.
	list, err := output("go", "list", "-tags="+tag, "-deps", "-f", `{{if .Standard}}{{else if .Module.Main}}{{$path := .ImportPath}}{{range .GoFiles}}{{$path}}/{{.}}
{{end}}{{range .EmbedFiles}}{{$path}}/{{.}}
{{end}}{{else}}{{.Module.Path}} {{.Module.Version}}{{end}}`, program)
	if err != nil {
		return "", err
	}
	module, err := output("go", "list", "-m")
	if err != nil {
		return "", err
	}
	lines := strings.Split(list, "\n")
	for i, line := range lines {
		if file, ok := strings.CutPrefix(line, strings.TrimSpace(module)+"/"); ok {
			text, err := os.ReadFile(filepath.FromSlash(file))
			if err != nil {
				return "", err
			}
			lines[i] = fmt.Sprintf("%s %x", file, sha256.Sum256(text))
		}
	}
	slices.Sort(lines)
	return fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(slices.Compact(lines), "\n")))), nil
}

// write makes the program, and copies what runs it.
func write(sum string) error {
	dir, err := os.MkdirTemp("", "onehot-web")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "program.wasm")
	// Calls that stay calls make a smaller file, and the time goes to kernels.
	if _, err := output("go", "build", "-tags="+tag, "-trimpath", "-buildvcs=false", "-ldflags=-s -w",
		"-gcflags=all=-l", "-gcflags=github.com/onehot-go/onehot/internal/kernel/...=", "-o", binary, program); err != nil {
		return err
	}
	// Zopfli's gzip files are 5% smaller than others.
	if _, err := output("zopfli", binary); err != nil {
		return err
	}
	packed, err := os.ReadFile(binary + ".gz")
	if err != nil {
		return err
	}
	root, err := output("go", "env", "GOROOT")
	if err != nil {
		return err
	}
	loader, err := os.ReadFile(filepath.Join(strings.TrimSpace(root), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return err
	}
	for path, text := range map[string][]byte{
		filepath.Join(made, "program.wasm.gz"): packed,
		filepath.Join(made, "wasm_exec.js"):    loader,
		record:                                 fmt.Appendf(nil, "%s\n%s\n", sum, runtime.Version()),
	} {
		if err := atomicfile.Write(path, func(w io.Writer) error {
			_, err := w.Write(text)
			return err
		}); err != nil {
			return err
		}
	}
	log.Printf("the program has %d bytes", len(packed))
	return nil
}

// output runs a command for WebAssembly, and returns what it prints.
func output(name string, args ...string) (string, error) {
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, errs.String())
	}
	return string(out), nil
}
