package cli

import (
	"bufio"
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/internal/parallel"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/zoo"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

//go:embed bench/ort.js
var ortScript string

//go:embed bench/nets.py
var netsScript string

// netWork are the works that measure how long nets take for a picture: the nets of each, and a
// definition of one.
var netWork = map[string]func() (names []string, define func(name string) model.Definition){
	"zoo": func() ([]string, func(string) model.Definition) {
		return netNames(), func(name string) model.Definition {
			n, err := zoo.Named(name)
			if err != nil {
				panic(err) // of a name that is in the list
			}
			return n.Definition(zoo.ImageNet())
		}
	},
	"classify": func() ([]string, func(string) model.Definition) {
		return []string{"mlp", "lenet", "cnn", "resnet"}, func(name string) model.Definition {
			return architectures[slices.Index(modelNames, name)].define([]int{1, 28, 28}, []int{256}, make([]string, 10))
		}
	},
}

// netBatches are how many pictures nets are given at once.
var netBatches = []int{1, 8}

// leastTurn is how long a turn takes at least: of many pictures if they are small.
const leastTurn = 200 * time.Millisecond

// netResult is how long a net takes for a picture.
type netResult struct {
	Net     string     `json:"net"`
	Batch   int        `json:"batch"`
	Threads int        `json:"threads"`
	CPU     float64    `json:"cpu_ms"` // processor time; 0 if the system does not say it
	Wall    float64    `json:"wall_ms"`
	Others  float64    `json:"others"` // processors that others used before
	ONNX    *netOthers `json:"onnxruntime,omitempty"`
	Torch   *netOthers `json:"torch,omitempty"`
}

// netOthers is how long another side takes for the same, and how many times as long that is: by processor time for one
// thread, by the clock for more, the median of the turns.
type netOthers struct {
	CPU   float64 `json:"cpu_ms"`
	Wall  float64 `json:"wall_ms"`
	Ratio float64 `json:"ratio"`
	Core  string  `json:"kernels,omitempty"` // which of OpenBLAS's it runs
}

// taken is how many milliseconds a picture took in a turn.
type taken struct{ cpu, wall float64 }

// nets measures how long nets take for a picture, with weights that are drawn, by turns with other sides.
func (c *benchCommand) nets(ctx context.Context, s streams) error {
	work := c.Work[0]
	known, define := netWork[work]()
	names := c.Work[1:]
	for _, name := range names {
		if !slices.Contains(known, name) {
			return usagef("bench %s %s: one of %s expected", work, name, strings.Join(known, ", "))
		}
	}
	if len(names) == 0 {
		names = known
	}
	if c.VsONNX != (c.ONNX != "") {
		return usagef("--vs-onnxruntime and --onnx DIR, with NAME.onnx for each net, are for each other")
	}
	tensor.SetThreads(c.Threads)
	kernels, err := kernel.Name()
	if err != nil {
		return err
	}
	if c.others = processorsOfOthers(); !c.JSON {
		fmt.Fprintf(s.out, "%s/%s, kernels %s, %d threads; milliseconds a picture, of processors and of the clock, median of %d\n",
			runtime.GOOS, runtime.GOARCH, kernels, parallel.Threads(), c.Repeat)
	}
	var torch peer
	if c.VsTorch {
		if torch, err = c.findPeer(ctx, s.err); err != nil {
			return err
		}
	}
	for _, name := range names {
		d := define(name)
		m, err := model.New(d, random.New(0).For("init"))
		if err != nil {
			return err
		}
		for _, batch := range netBatches {
			r := netResult{Net: name, Batch: batch, Threads: parallel.Threads(), Others: c.others}
			ours, err := passes(m, batch, work == "classify")
			if err != nil {
				return err
			}
			args := []string{strconv.Itoa(batch), strconv.Itoa(r.Threads), sizes(d.InputShape)}
			sides := []func() (taken, error){ours}
			var ends []*netPeer
			if c.VsONNX {
				file, err := filepath.Abs(filepath.Join(c.ONNX, name+".onnx"))
				if err == nil {
					_, err = os.Stat(file)
				}
				if err != nil {
					return fmt.Errorf("--onnx: %w", err)
				}
				command := exec.CommandContext(ctx, c.Node, slices.Concat([]string{"-e", ortScript, file}, args)...)
				command.Dir = c.Modules
				ends = append(ends, &netPeer{what: "--vs-onnxruntime: " + c.Node, command: command, result: &r.ONNX})
			}
			if torch.trains("torch") {
				command := exec.CommandContext(ctx, c.Python, slices.Concat([]string{"-c", netsScript, name}, args)...)
				command.Env = append(os.Environ(), torch.env...)
				ends = append(ends, &netPeer{what: "--vs-torch: " + c.Python, command: command, result: &r.Torch, core: torch.core})
			}
			for _, p := range ends {
				sides = append(sides, p.turn)
			}
			all, err := netTurns(ctx, c.Repeat, sides)
			for _, p := range ends {
				p.end()
			}
			if err != nil {
				return err
			}
			r.CPU, r.Wall = medians(all[0])
			for i, p := range ends {
				*p.result = compared(all[0], all[i+1], r.Threads, p.core)
			}
			if err := r.write(s.out, c.JSON); err != nil {
				return err
			}
		}
	}
	return nil
}

// sizes writes a shape as the other sides' scripts read it.
func sizes(shape []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", ","), "[]")
}

// passes returns what lets the model classify batches of so many pictures for a turn: prepared ones, or images that it
// prepares.
func passes(m *model.Model, batch int, images bool) (func() (taken, error), error) {
	p, err := model.NewPredictor(m)
	if err != nil {
		return nil, err
	}
	shape, classes := m.InputShape, len(m.Classes)
	pictures := tensor.Normal(tensor.Float32, random.New(1).Rand(), 0, 1, append([]int{batch}, shape...)...)
	inputs, logits, probabilities := tensor.Data[float32](pictures), make([]float32, batch*classes), make([]float64, batch*classes)
	img := image.NewGray(image.Rect(0, 0, shape[2], shape[1]))
	for i := range img.Pix {
		img.Pix[i] = byte(i * i)
	}
	pass := func() error {
		for i := range batch {
			if !images {
				break
			}
			x, err := p.Prepare(img)
			if err != nil {
				return err
			}
			size := x.Numel()
			copy(inputs[i*size:], tensor.Data[float32](x.Contiguous()))
		}
		return p.Run(logits, probabilities, inputs)
	}
	if err := pass(); err != nil {
		return nil, err
	}
	return func() (taken, error) {
		start, used, runs := time.Now(), processorSeconds(), 0
		for ; time.Since(start) < leastTurn; runs++ {
			if err := pass(); err != nil {
				return taken{}, err
			}
		}
		each := 1e3 / float64(runs*batch)
		return taken{each * (processorSeconds() - used), each * time.Since(start).Seconds()}, nil
	}, nil
}

// netTurns lets each of the sides in turn work, as often as is asked for after a turn that warms up, and
// returns what it took by side, by turn.
func netTurns(ctx context.Context, turns int, sides []func() (taken, error)) ([][]taken, error) {
	all := make([][]taken, len(sides))
	for turn := range turns + 1 {
		for i, side := range sides {
			t, err := side()
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				return nil, err
			}
			if turn > 0 {
				all[i] = append(all[i], t)
			}
		}
	}
	return all, nil
}

// medians returns the medians of both times.
func medians(all []taken) (cpu, wall float64) {
	var cpus, walls []float64
	for _, t := range all {
		cpus, walls = append(cpus, t.cpu), append(walls, t.wall)
	}
	return median(cpus), median(walls)
}

// compared returns what another side took beside ours.
func compared(ours, theirs []taken, threads int, core string) *netOthers {
	o := &netOthers{Core: core}
	o.CPU, o.Wall = medians(theirs)
	by := func(all []taken) (times []float64) {
		for _, t := range all {
			if threads == 1 && ours[0].cpu > 0 {
				times = append(times, t.cpu)
			} else {
				times = append(times, t.wall)
			}
		}
		return times
	}
	o.Ratio = timesAsLong(by(theirs), by(ours))
	return o
}

// write writes a line of text, or of JSON.
func (r *netResult) write(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	line := fmt.Sprintf("%-18s batch %d %8.3f %8.3f", r.Net, r.Batch, r.CPU, r.Wall)
	for _, o := range []struct {
		name string
		*netOthers
	}{{"onnxruntime", r.ONNX}, {"PyTorch", r.Torch}} {
		if o.netOthers != nil {
			line += fmt.Sprintf("   %s %.3f %.3f: %.2f times as long", o.name, o.CPU, o.Wall, o.Ratio)
		}
	}
	_, err := fmt.Fprintln(w, line)
	return err
}

// netPeer is another side: a program that waits for a line of input, works for a turn and prints what it took.
type netPeer struct {
	what    string
	command *exec.Cmd
	result  **netOthers
	core    string // OpenBLAS's name of its kernels; "" if it has another library

	in    io.WriteCloser // nil before the first turn
	lines *bufio.Scanner
	said  strings.Builder // its last words on standard error
}

// turn lets it work.
func (p *netPeer) turn() (t taken, err error) {
	if p.in == nil {
		in, inErr := p.command.StdinPipe()
		out, outErr := p.command.StdoutPipe()
		p.command.Stderr = &p.said
		if err := errors.Join(inErr, outErr, p.command.Start()); err != nil {
			return taken{}, fmt.Errorf("%s: %w", p.what, err)
		}
		p.in, p.lines = in, bufio.NewScanner(out)
	}
	io.WriteString(p.in, "\n") // fails where it has ended: Wait says why
	if !p.lines.Scan() {
		err := cmp.Or(p.lines.Err(), p.command.Wait(), errors.New("it ended before its last turn"))
		p.in = nil
		return taken{}, fmt.Errorf("%s: %w: %s", p.what, err, errorLine(p.said.String()))
	}
	if n, _ := fmt.Sscan(p.lines.Text(), &t.cpu, &t.wall); n != 2 || !(t.cpu >= 0 && t.wall > 0) {
		return taken{}, fmt.Errorf("%s printed %q, milliseconds of processor time and of the clock expected", p.what, p.lines.Text())
	}
	return t, nil
}

// end ends it.
func (p *netPeer) end() {
	if p.in != nil {
		p.in.Close()
		p.command.Wait()
	}
}

// errorLine returns the line of a program's complaints that says what is wrong: that of an error, or the last.
func errorLine(said string) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "Error: ") {
			return line
		}
	}
	return lines[len(lines)-1]
}
