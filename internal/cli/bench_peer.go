package cli

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/internal/parallel"
)

//go:embed bench/torch.py
var torchScript string

// peer is the other side of bench --vs-torch.
type peer struct {
	python  string
	found   bool     // whether there is a Python
	folder  string   // with the training split
	missing []string // modules that it needs and has not
	env     []string // beside the program's own
	core    string   // OpenBLAS's name of its kernels; "" if it has another library
	tried   string   // the speeds that core was chosen by; "" if there is no choice
}

// coreTypes are OpenBLAS's kernels for x86 with AVX2 or AVX-512, by its names, and what they need
// of the processor, by the names of /proc/cpuinfo. Old versions do not know new processors and run
// kernels with SSE3 on them, unless they are told.
var coreTypes = []struct{ name, flags string }{
	{"SapphireRapids", "avx512f avx512bw avx512dq avx512vl avx512cd avx512_bf16 amx_tile"},
	{"Cooperlake", "avx512f avx512bw avx512dq avx512vl avx512cd avx512_bf16"},
	{"SkylakeX", "avx512f avx512bw avx512dq avx512vl avx512cd"},
	{"Zen", "avx2 fma"},
	{"Haswell", "avx2 fma"},
}

// runnable returns the core types that a processor with the given flags can run.
func runnable(flags []string) (names []string) {
	for _, t := range coreTypes {
		if !slices.ContainsFunc(strings.Fields(t.flags), func(flag string) bool { return !slices.Contains(flags, flag) }) {
			names = append(names, t.name)
		}
	}
	return names
}

// processorFlags returns what the processor can do, as Linux names it.
func processorFlags() []string {
	info, _ := os.ReadFile("/proc/cpuinfo") // none elsewhere
	m := regexp.MustCompile(`(?m)^flags\s*: (.*)$`).FindSubmatch(info)
	if m == nil {
		return nil
	}
	return strings.Fields(string(m[1]))
}

// findPeer returns the other side at its best: with the fastest of OpenBLAS's kernels that the
// processor has, unless OPENBLAS_CORETYPE chooses. What it lacks is said on stderr, and no error.
func (c *benchCommand) findPeer(ctx context.Context, stderr io.Writer) (peer, error) {
	p := peer{python: c.Python}
	best, err := p.probe(ctx)
	if ctx.Err() != nil {
		return p, ctx.Err()
	}
	if err != nil {
		say(stderr, fmt.Errorf("--vs-torch: --python %s: %w: only onehot is measured", c.Python, err))
		return p, nil
	}
	p.found, p.missing, p.core = true, best.Missing, best.core
	if len(p.missing) > 0 {
		say(stderr, fmt.Errorf("--vs-torch: --python %s has no %s: only onehot is measured where they are needed", c.Python, strings.Join(p.missing, ", ")))
	}
	if p.core != "" && os.Getenv("OPENBLAS_CORETYPE") == "" {
		speeds := map[string]float64{best.core: best.GFLOPS}
		p.tried = fmt.Sprintf("%s, its own choice, %.0f", best.core, best.GFLOPS)
		for _, name := range runnable(processorFlags()) {
			env := []string{"OPENBLAS_CORETYPE=" + name}
			found, err := p.probe(ctx, env...)
			if err != nil {
				return p, err
			}
			if _, known := speeds[found.core]; known { // it does not know that name
				continue
			}
			speeds[found.core] = found.GFLOPS
			p.tried += fmt.Sprintf("; %s %.0f", found.core, found.GFLOPS)
			if found.GFLOPS > best.GFLOPS {
				best, p.core, p.env = found, found.core, env
			}
		}
	}
	return p, nil
}

// probed is what the script says of the modules that there are, and of numpy's products.
type probed struct {
	Missing []string `json:"missing"`
	GFLOPS  float64  `json:"gflops"`

	core string
}

// coreLine is how OpenBLAS says which kernels it runs.
var coreLine = regexp.MustCompile(`(?m)^Core: (\w+)\s*$`)

// probe asks the script.
func (p *peer) probe(ctx context.Context, env ...string) (found probed, err error) {
	command := p.command(ctx, "product", append(env, "OPENBLAS_VERBOSE=2"))
	var said bytes.Buffer
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		return found, err
	}
	if err := json.Unmarshal(out, &found); err != nil {
		return found, fmt.Errorf("it printed %q", out)
	}
	if m := coreLine.FindAllSubmatch(said.Bytes(), -1); m != nil {
		found.core = string(m[len(m)-1][1])
	}
	return found, nil
}

// command returns the script's call.
func (p *peer) command(ctx context.Context, name string, env []string) *exec.Cmd {
	command := exec.CommandContext(ctx, p.python, "-c", torchScript, p.folder, name, strconv.Itoa(parallel.Threads()))
	command.Env = append(os.Environ(), env...)
	return command
}

// peerOf returns who trains the other side's model.
func peerOf(work string) string {
	if work == "lbfgs" {
		return "scikit-learn"
	}
	return "PyTorch"
}

// trains reports whether it has what the work takes.
func (p *peer) trains(work string) bool {
	module := map[string]string{"PyTorch": "torch", "scikit-learn": "sklearn"}[peerOf(work)]
	return p.found && !slices.Contains(p.missing, "numpy") && !slices.Contains(p.missing, module)
}

// epochs yields the seconds of one epoch after the other in PyTorch, or for lbfgs of one fit after
// the other in scikit-learn: the script trains whenever it gets a line, and ends with its input.
func (p *peer) epochs(ctx context.Context, name string, stderr io.Writer) iter.Seq2[float64, error] {
	if name == "scratch" {
		name = "softmax"
	}
	return func(yield func(float64, error) bool) {
		command := p.command(ctx, name, p.env)
		command.Stderr = stderr
		in, inErr := command.StdinPipe()
		out, outErr := command.StdoutPipe()
		if err := errors.Join(inErr, outErr, command.Start()); err != nil {
			yield(0, fmt.Errorf("--vs-torch: --python %s: %w", p.python, err))
			return
		}
		lines := bufio.NewScanner(out)
		for {
			io.WriteString(in, "\n") // fails where the script has ended: Wait says why
			if !lines.Scan() {
				break
			}
			seconds, err := strconv.ParseFloat(lines.Text(), 64)
			if err != nil {
				err = fmt.Errorf("--vs-torch: %s printed %q, seconds expected", p.python, lines.Text())
			}
			if !yield(seconds, err) || err != nil {
				in.Close()
				command.Wait()
				return
			}
		}
		err := errors.Join(lines.Err(), command.Wait())
		switch {
		case ctx.Err() != nil:
			err = ctx.Err()
		case err == nil:
			err = fmt.Errorf("--vs-torch: %s ended before its last epoch", p.python)
		default:
			err = fmt.Errorf("--vs-torch: %s could not train %s: %w", p.python, name, err)
		}
		yield(0, err)
	}
}

// writeRaw writes images and labels as bytes into a temporary folder.
func writeRaw(m *dataset.Images) (folder string, err error) {
	if folder, err = os.MkdirTemp("", "onehot-bench-"); err != nil {
		return "", err
	}
	labels := make([]byte, len(m.Labels))
	for i, c := range m.Labels {
		labels[i] = byte(c)
	}
	err = errors.Join(
		os.WriteFile(filepath.Join(folder, "images.u8"), m.Pixels, 0o600),
		os.WriteFile(filepath.Join(folder, "labels.u8"), labels, 0o600))
	if err != nil {
		os.RemoveAll(folder)
		return "", err
	}
	return folder, nil
}
