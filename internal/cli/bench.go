package cli

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/fashionmnist/embedded"
	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/internal/parallel"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

type benchCommand struct {
	Work    []string `arg:"" optional:"" help:"What is measured: products, softmax, scratch (softmax regression with tensors alone), mlp, lenet, cnn, lbfgs (default: all but cnn)."`
	Threads int      `default:"0" help:"Threads to compute with; 0 takes all cores."`
	Repeat  int      `default:"5" help:"Epochs that a figure is the median of."`
	VsTorch bool     `help:"Also train in PyTorch (lbfgs: scikit-learn) and print the ratios."`
	Python  string   `default:"python3" help:"The Python that has torch."`
	JSON    bool     `help:"Print one JSON object a line instead of text."`
}

// benchWork is what can be measured; the first is about kernels, the others train.
var benchWork = []string{"products", "softmax", "scratch", "mlp", "lenet", "cnn", "lbfgs"}

// lbfgsIterations is how many iterations of L-BFGS are one measurement.
const lbfgsIterations = 100

func (c *benchCommand) Run(ctx context.Context, s streams) error {
	if c.Threads < 0 || c.Repeat < 1 {
		return usagef("--threads %d, --repeat %d: at least 0 and at least 1 expected", c.Threads, c.Repeat)
	}
	for _, work := range c.Work {
		if !slices.Contains(benchWork, work) {
			return usagef("bench %s: one of %s expected", work, strings.Join(benchWork, ", "))
		}
	}
	if len(c.Work) == 0 {
		c.Work = slices.DeleteFunc(slices.Clone(benchWork), func(work string) bool { return work == "cnn" })
	}
	tensor.SetThreads(c.Threads)
	name, err := kernel.Name()
	if err != nil {
		return err
	}
	if !c.JSON {
		fmt.Fprintf(s.out, "%s/%s, kernels %s, %d threads\n", runtime.GOOS, runtime.GOARCH, name, parallel.Threads())
	}
	if slices.Contains(c.Work, "products") {
		if err := c.products(ctx, s, name); err != nil {
			return err
		}
	}
	return c.epochs(ctx, s)
}

// products are the matrix products of training that are measured: (m, k) by (k, n).
var products = []struct {
	name    string
	m, k, n int
	a, b    bool // transposed in memory
}{
	{"2048 x 2048 x 2048", 2048, 2048, 2048, false, false},
	{"hidden layer: 256 x 784 x 256", 256, 784, 256, false, true},
	{"its weight gradient: 256 x 256 x 784", 256, 256, 784, true, false},
	{"its input gradient: 256 x 256 x 784", 256, 256, 784, false, false},
	{"ten classes: 256 x 784 x 10", 256, 784, 10, false, true},
	{"their weight gradient: 10 x 256 x 784", 10, 256, 784, true, false},
	{"one picture: 1 x 784 x 256", 1, 784, 256, false, true},
	{"eight pictures: 8 x 784 x 256", 8, 784, 256, false, true},
}

// productResult is one product's speed.
type productResult struct {
	Event   string  `json:"event"`
	Product string  `json:"product"`
	Kernel  string  `json:"kernel"`
	Threads int     `json:"threads"`
	GFLOPS  float64 `json:"gflops"`
	Ceiling float64 `json:"ceiling_gflops"` // of one thread: multiply-adds that never leave registers
}

// products measures matrix products on one thread, and on all.
func (c *benchCommand) products(ctx context.Context, s streams, name string) error {
	all := parallel.Threads()
	counts := []int{1}
	if all > 1 {
		counts = append(counts, all)
	}
	ceiling := fastest(c.Repeat, func() float64 { return kernel.FMALoop(1 << 20) })
	w := tabwriter.NewWriter(s.out, 0, 8, 2, ' ', tabwriter.AlignRight)
	if !c.JSON {
		fmt.Fprintf(s.out, "\nmatrix products of float32, GFLOP/s; multiply-adds in registers alone: %.0f a thread\n", ceiling)
		header := "\t"
		for _, threads := range counts {
			header += fmt.Sprintf("%d threads\tof ceiling\t", threads)
		}
		fmt.Fprintln(w, strings.Replace(header, "1 threads", "1 thread", 1))
	}
	defer tensor.SetThreads(c.Threads)
	for _, p := range products {
		if err := ctx.Err(); err != nil {
			return err
		}
		row := p.name + "\t"
		for _, threads := range counts {
			tensor.SetThreads(threads)
			speed := productSpeed(p.m, p.k, p.n, p.a, p.b, c.Repeat)
			if c.JSON {
				if err := json.NewEncoder(s.out).Encode(productResult{"product", p.name, name, threads, speed, ceiling}); err != nil {
					return err
				}
			}
			row += fmt.Sprintf("%.0f\t%.0f%%\t", speed, 100*speed/ceiling/float64(threads))
		}
		if !c.JSON {
			fmt.Fprintln(w, row)
		}
	}
	return w.Flush()
}

// productSpeed returns the best of some rounds of products of (m, k) and (k, n), either of
// which may lie transposed in memory, in GFLOP/s.
func productSpeed(m, k, n int, aTransposed, bTransposed bool, rounds int) float64 {
	draw := random.New(0).Rand()
	matrix := func(rows, cols int, transposed bool) kernel.Matrix[float32] {
		data := make([]float32, rows*cols)
		for i := range data {
			data[i] = draw.Float32()
		}
		if transposed {
			return kernel.Matrix[float32]{Data: data, Rows: rows, Cols: cols, RowStride: 1, ColStride: rows}
		}
		return kernel.Matrix[float32]{Data: data, Rows: rows, Cols: cols, RowStride: cols, ColStride: 1}
	}
	a, b, product := matrix(m, k, aTransposed), matrix(k, n, bTransposed), make([]float32, m*n)
	return fastest(rounds, func() float64 {
		kernel.Gemm(product, a, b, kernel.Epilogue[float32]{})
		return 2 * float64(m) * float64(k) * float64(n)
	})
}

// epochResult is what an epoch of training took.
type epochResult struct {
	Event   string    `json:"event"`
	Work    string    `json:"work"`
	Threads int       `json:"threads"`
	Seconds []float64 `json:"seconds"`
	Median  float64   `json:"median"`
	Single  []float64 `json:"single_thread_seconds,omitempty"` // of mlp, where there are several
	Other   []float64 `json:"other_seconds,omitempty"`         // PyTorch's, or scikit-learn's
	Ratio   float64   `json:"ratio,omitempty"`                 // of the medians
}

// epochs measures training.
func (c *benchCommand) epochs(ctx context.Context, s streams) error {
	work := slices.DeleteFunc(slices.Clone(c.Work), func(work string) bool { return work == "products" })
	if len(work) == 0 {
		return nil
	}
	training, err := embedded.Open(dataset.Train)
	if err != nil {
		return err
	}
	test, err := embedded.Open(dataset.Test)
	if err != nil {
		return err
	}
	training.Transform, test.Transform = transform.ToTensor{}, transform.ToTensor{}
	var other string // the folder that the other side reads
	if c.VsTorch {
		if other, err = writeRaw(training); err != nil {
			return err
		}
		defer os.RemoveAll(other)
	}
	if !c.JSON {
		fmt.Fprintf(s.out, "\ntraining on %d images of Fashion-MNIST, an epoch in batches of %d (lbfgs: %d iterations), median of %d\n",
			training.Len(), benchBatch, lbfgsIterations, c.Repeat)
	}
	for _, name := range work {
		r := epochResult{Event: "epoch", Work: name, Threads: parallel.Threads()}
		if r.Seconds, err = c.train(ctx, name, training, test); err != nil {
			return err
		}
		r.Median = median(r.Seconds)
		line := fmt.Sprintf("%-8s %9.1f ms", name, 1e3*r.Median)
		if name != "lbfgs" {
			line += fmt.Sprintf(" %11.0f samples/s", float64(training.Len())/r.Median)
		}
		if name == "mlp" && r.Threads > 1 {
			tensor.SetThreads(1)
			r.Single, err = c.train(ctx, name, training, test)
			tensor.SetThreads(c.Threads)
			if err != nil {
				return err
			}
			line += fmt.Sprintf("   1 thread %.1f ms: %.2f times as long", 1e3*median(r.Single), median(r.Single)/r.Median)
		}
		if c.VsTorch {
			if r.Other, err = c.theirs(ctx, other, name, s.err); err != nil {
				return err
			}
			r.Ratio = median(r.Other) / r.Median
			whose := "PyTorch"
			if name == "lbfgs" {
				whose = "scikit-learn"
			}
			line += fmt.Sprintf("   %s %.1f ms: %.1f times as long", whose, 1e3*median(r.Other), r.Ratio)
		}
		if c.JSON {
			err = json.NewEncoder(s.out).Encode(r)
		} else {
			_, err = fmt.Fprintln(s.out, line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// benchBatch is the batch size of the notebooks.
const benchBatch = 256

// train returns the seconds of as many epochs as are asked for, after one that warms up.
func (c *benchCommand) train(ctx context.Context, name string, training, test *dataset.Images) ([]float64, error) {
	if name == "scratch" {
		return scratchEpochs(ctx, training, c.Repeat)
	}
	r := train.Config{
		Train:  loader.New(training, loader.Options{BatchSize: benchBatch, Shuffle: true}),
		Test:   loader.New(test, loader.Options{BatchSize: evalBatch}),
		Epochs: c.Repeat + 1,
	}
	of := name
	if name == "lbfgs" {
		of, r.Epochs = "softmax", lbfgsIterations
	}
	a := architectures[slices.Index(architectureNames(), of)]
	var err error
	if r.Model, err = model.New(a.define(training.Shape(), []int{256}, training.Classes()), random.New(0).For("init")); err != nil {
		return nil, err
	}
	r.Optimizer = optim.NewSGD(nn.ParameterList(r.Model.Net), 0.1, optim.SGDOptions{})
	if name != "lbfgs" {
		seconds, err := runEpochs(ctx, r)
		if err != nil {
			return nil, err
		}
		return seconds[1:], nil
	}
	var sums []float64
	for range c.Repeat {
		layer, _ := r.Model.Net.Layer("linear").(*nn.Linear)
		layer.Weight.Detach().FillInPlace(0)
		layer.Bias.Detach().FillInPlace(0)
		fit, err := train.NewFullBatch(layer, training, 1, 1/float64(training.Len()))
		if err != nil {
			return nil, err
		}
		r.Optimizer = fit
		seconds, err := runEpochs(ctx, r)
		if err != nil {
			return nil, err
		}
		sum := 0.0
		for _, s := range seconds {
			sum += s
		}
		sums = append(sums, sum)
	}
	return sums, nil
}

// runEpochs trains and returns the seconds that each epoch's training took.
func runEpochs(ctx context.Context, c train.Config) (seconds []float64, err error) {
	for event, err := range train.Run(ctx, c) {
		if err != nil {
			return nil, err
		}
		if e, ok := event.(train.Epoch); ok {
			seconds = append(seconds, e.Seconds)
		}
	}
	return seconds, nil
}

//go:embed bench/torch.py
var torchScript string

// theirs returns the seconds that PyTorch, or for lbfgs scikit-learn, takes for each of as
// many epochs.
func (c *benchCommand) theirs(ctx context.Context, folder, name string, stderr io.Writer) (seconds []float64, err error) {
	if name == "scratch" {
		name = "softmax"
	}
	command := exec.CommandContext(ctx, c.Python, "-c", torchScript, folder, name, strconv.Itoa(c.Repeat), strconv.Itoa(parallel.Threads()))
	command.Stderr = stderr
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("--vs-torch: --python %s: %w", c.Python, err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		v, err := strconv.ParseFloat(lines.Text(), 64)
		if err != nil {
			return nil, fmt.Errorf("--vs-torch: %s printed %q, seconds expected", c.Python, lines.Text())
		}
		seconds = append(seconds, v)
	}
	if err := errors.Join(lines.Err(), command.Wait()); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("--vs-torch: %s could not train %s: %w; it needs numpy and torch, and scikit-learn for lbfgs", c.Python, name, err)
	}
	if len(seconds) != c.Repeat {
		return nil, fmt.Errorf("--vs-torch: %s gave %d figures, %d expected", c.Python, len(seconds), c.Repeat)
	}
	return seconds, nil
}

// writeRaw writes images and labels as bytes into a temporary folder.
func writeRaw(m *dataset.Images) (folder string, err error) {
	if folder, err = os.MkdirTemp("", "onehot-bench-"); err != nil {
		return "", err
	}
	err = errors.Join(
		os.WriteFile(filepath.Join(folder, "images.u8"), m.Pixels, 0o600),
		os.WriteFile(filepath.Join(folder, "labels.u8"), m.Labels, 0o600))
	if err != nil {
		os.RemoveAll(folder)
		return "", err
	}
	return folder, nil
}

// median returns the middle of the figures, of an even number the mean of both.
func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// fastest returns the best speed in GFLOP/s of several rounds of work, each of as many
// calls as take some time; work returns how many operations it was.
func fastest(rounds int, work func() float64) (gflops float64) {
	const least = 20 * time.Millisecond
	calls := 1
	for round := 0; round < rounds; {
		start, flops := time.Now(), 0.0
		for range calls {
			flops += work()
		}
		if took := time.Since(start); took >= least {
			gflops = max(gflops, flops/took.Seconds()/1e9)
			round++
		} else {
			calls *= 2
		}
	}
	return gflops
}
