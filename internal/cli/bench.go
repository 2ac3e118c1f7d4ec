package cli

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"os"
	"runtime"
	"slices"
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
	Work    []string `arg:"" optional:"" help:"What is measured: products, softmax, scratch (softmax regression with tensors alone), mlp, lenet, cnn, lbfgs (default: all but cnn); or folder, and its path, how fast pictures are read (default: photographs that are generated); or zoo, and names of nets that --pretrained knows, how long they take for a picture (default: all); or classify, the same of mlp, lenet, cnn and resnet, from an image on; or convolve, what each way to compute a convolution is predicted to take, and takes."`
	Threads int      `default:"0" help:"Threads to compute with; 0 takes all cores."`
	Repeat  int      `default:"5" help:"Turns, or rounds of products, that a figure is the median of (convolve: the least)."`
	VsTorch bool     `help:"Also train in PyTorch (lbfgs: scikit-learn), with the fastest of OpenBLAS's kernels that the processor can run, and print the ratios."`
	Python  string   `default:"python3" help:"The Python that has torch."`
	VsONNX  bool     `name:"vs-onnxruntime" help:"For zoo and classify: also run the nets in --onnx in onnxruntime, by turns, and print the ratios."`
	ONNX    string   `name:"onnx" placeholder:"DIR" help:"The folder with NAME.onnx for each net, for --vs-onnxruntime."`
	Node    string   `default:"node" help:"The Node.js that runs onnxruntime."`
	Modules string   `name:"node-modules" default:"." placeholder:"DIR" help:"The folder in which npm installed onnxruntime-node (default: the current one)."`
	Size    int      `default:"224" help:"Side of the pictures that folder makes, in pixels."`
	JSON    bool     `help:"Print one JSON object a line instead of text."`

	others float64 // processors that others used before it began
}

// benchWork is what can be measured; the first is about kernels, the others train.
var benchWork = []string{"products", "softmax", "scratch", "mlp", "lenet", "cnn", "lbfgs"}

// lbfgsIterations is how many iterations of L-BFGS are one measurement.
const lbfgsIterations = 100

func (c *benchCommand) Run(ctx context.Context, s streams) error {
	if c.Threads < 0 || c.Repeat < 1 {
		return usagef("--threads %d, --repeat %d: at least 0 and at least 1 expected", c.Threads, c.Repeat)
	}
	if len(c.Work) > 0 && c.Work[0] == "folder" {
		return c.folder(ctx, s)
	}
	if len(c.Work) > 0 && c.Work[0] == "convolve" {
		return c.convolve(ctx, s)
	}
	if len(c.Work) > 0 && netWork[c.Work[0]] != nil {
		return c.nets(ctx, s)
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
	if c.others = processorsOfOthers(); !c.JSON {
		fmt.Fprintf(s.out, "%s/%s, kernels %s, %d threads\n", runtime.GOOS, runtime.GOARCH, name, parallel.Threads())
		if c.others > quiet {
			fmt.Fprintf(s.out, "the machine is not quiet: others use %.1f of %d processors, and figures are worse than they could be\n", c.others, runtime.NumCPU())
		}
	}
	if slices.Contains(c.Work, "products") {
		if err := c.products(ctx, s, name); err != nil {
			return err
		}
	}
	return c.epochs(ctx, s)
}

// product is a matrix product of (m, k) by (k, n).
type product struct {
	name    string
	m, k, n int
	a, b    bool // transposed in memory
}

// products are those of training that are measured.
var products = []product{
	{"2048 x 2048 x 2048", 2048, 2048, 2048, false, false},
	{"hidden layer: 256 x 784 x 256", 256, 784, 256, false, true},
	{"its weight gradient: 256 x 256 x 784", 256, 256, 784, true, false},
	{"its input gradient: 256 x 256 x 784", 256, 256, 784, false, false},
	{"ten classes: 256 x 784 x 10", 256, 784, 10, false, true},
	{"their weight gradient: 10 x 256 x 784", 10, 256, 784, true, false},
	{"one picture: 1 x 784 x 256", 1, 784, 256, false, true},
	{"eight pictures: 8 x 784 x 256", 8, 784, 256, false, true},
}

// productResult is one product's speed, and its ceiling: multiply-adds that never leave
// registers, on as many threads. Of each round's ratio, and of either speed, it is the median.
type productResult struct {
	Event   string  `json:"event"`
	Product string  `json:"product"`
	Kernel  string  `json:"kernel"`
	Threads int     `json:"threads"`
	GFLOPS  float64 `json:"gflops"`
	Ceiling float64 `json:"ceiling_gflops"`
	Ratio   float64 `json:"ratio"`
	Others  float64 `json:"others"` // processors that others used before
}

// products measures matrix products on one thread, and on all, by turns with their ceiling: so
// a minute in which the machine has less to give is one for both.
func (c *benchCommand) products(ctx context.Context, s streams, name string) error {
	counts := []int{1}
	if all := parallel.Threads(); all > 1 {
		counts = append(counts, all)
	}
	w := tabwriter.NewWriter(s.out, 0, 8, 2, ' ', tabwriter.AlignRight)
	if !c.JSON {
		fmt.Fprintf(s.out, "\nmatrix products of float32, GFLOP/s, and their share of what multiply-adds in registers alone reach, median of %d\n", c.Repeat)
		header := "\t"
		for _, threads := range counts {
			header += fmt.Sprintf("%d threads\tceiling\tshare\t", threads)
		}
		fmt.Fprintln(w, strings.Replace(header, "1 threads", "1 thread", 1))
	}
	defer tensor.SetThreads(c.Threads)
	for _, p := range products {
		row := p.name + "\t"
		for _, threads := range counts {
			tensor.SetThreads(threads)
			multiply := p.multiply()
			var speeds, ceilings, ratios []float64
			for range c.Repeat {
				if err := ctx.Err(); err != nil {
					return err
				}
				ceiling, speed := gflops(multiplyAdds), gflops(multiply)
				speeds, ceilings, ratios = append(speeds, speed), append(ceilings, ceiling), append(ratios, speed/ceiling)
			}
			r := productResult{"product", p.name, name, threads, median(speeds), median(ceilings), median(ratios), c.others}
			if c.JSON {
				if err := json.NewEncoder(s.out).Encode(r); err != nil {
					return err
				}
			}
			row += fmt.Sprintf("%.0f\t%.0f\t%.0f%%\t", r.GFLOPS, r.Ceiling, 100*r.Ratio)
		}
		if !c.JSON {
			fmt.Fprintln(w, row)
		}
	}
	return w.Flush()
}

// multiply returns a function that computes the product once and returns how many operations
// that is.
func (p product) multiply() func() (flops float64) {
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
	a, b, result := matrix(p.m, p.k, p.a), matrix(p.k, p.n, p.b), make([]float32, p.m*p.n)
	return func() float64 {
		kernel.Gemm(result, a, b, kernel.Epilogue[float32]{})
		return 2 * float64(p.m) * float64(p.k) * float64(p.n)
	}
}

// multiplyAdds multiplies and adds in the registers of every thread.
func multiplyAdds() (flops float64) {
	each := make([]float64, parallel.Threads())
	parallel.For(len(each), 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			each[i] = kernel.FMALoop(1 << 18)
		}
	})
	for _, f := range each {
		flops += f
	}
	return flops
}

// gflops returns the speed of work, which returns how many operations it was, over as many
// calls as take some time.
func gflops(work func() float64) float64 {
	const least = 50 * time.Millisecond
	start, flops := time.Now(), 0.0
	for time.Since(start) < least {
		flops += work()
	}
	return flops / time.Since(start).Seconds() / 1e9
}

// epochResult is what an epoch of training took.
type epochResult struct {
	Event   string    `json:"event"`
	Work    string    `json:"work"`
	Threads int       `json:"threads"`
	Seconds []float64 `json:"seconds"`
	Median  float64   `json:"median"`
	Single  []float64 `json:"single_thread_seconds,omitempty"` // of mlp, where there are several
	Others  float64   `json:"others"`                          // processors that others used before
	Other   []float64 `json:"other_seconds,omitempty"`         // PyTorch's, or scikit-learn's
	Core    string    `json:"other_kernels,omitempty"`         // which of OpenBLAS's they run
	Ratio   float64   `json:"ratio,omitempty"`                 // the median of how many times as long that is, turn by turn
}

// epochs measures training, by turns with the other side.
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
	if !c.JSON {
		fmt.Fprintf(s.out, "\ntraining on %d images of Fashion-MNIST, an epoch in batches of %d (lbfgs: %d iterations), median of %d\n",
			training.Len(), benchBatch, lbfgsIterations, c.Repeat)
	}
	var other peer
	if c.VsTorch {
		if other, err = c.findPeer(ctx, s.err); err != nil {
			return err
		}
		if other.found {
			if other.folder, err = writeRaw(training); err != nil {
				return err
			}
			defer os.RemoveAll(other.folder)
		}
		if other.tried != "" && !c.JSON {
			fmt.Fprintf(s.out, "the other side multiplies with OpenBLAS's kernels for %s (GFLOP/s: %s)\n", other.core, other.tried)
		}
	}
	for _, name := range work {
		r := epochResult{Event: "epoch", Work: name, Threads: parallel.Threads(), Others: c.others}
		sides := []side{{&r.Seconds, 0, c.train(ctx, name, training, test)}}
		if name == "mlp" && r.Threads > 1 {
			sides = append(sides, side{&r.Single, 1, c.train(ctx, name, training, test)})
		}
		if other.trains(name) {
			r.Core = other.core
			sides = append(sides, side{&r.Other, 0, other.epochs(ctx, name, s.err)})
		}
		if err := c.byTurns(sides); err != nil {
			return err
		}
		r.Median = median(r.Seconds)
		line := fmt.Sprintf("%-8s %9.1f ms", name, 1e3*r.Median)
		if name != "lbfgs" {
			line += fmt.Sprintf(" %11.0f samples/s", float64(training.Len())/r.Median)
		}
		if r.Single != nil {
			line += fmt.Sprintf("   1 thread %.1f ms: %.2f times as long", 1e3*median(r.Single), timesAsLong(r.Single, r.Seconds))
		}
		if r.Other != nil {
			r.Ratio = timesAsLong(r.Other, r.Seconds)
			line += fmt.Sprintf("   %s %.1f ms: %.1f times as long", peerOf(name), 1e3*median(r.Other), r.Ratio)
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

// side is one of those that train by turns.
type side struct {
	to      *[]float64                // what the seconds of its turns are added to
	threads int                       // 0 for what the command is given
	epochs  iter.Seq2[float64, error] // trains one epoch after the other and yields its seconds; ends after an error alone
}

// byTurns lets each of the sides in turn train, as often as is asked for after a turn that warms
// up. A turn has at least one epoch, and as many as take turnSeconds, since the first finds the
// caches full of what the other side left there; the median of them counts.
func (c *benchCommand) byTurns(sides []side) error {
	const turnSeconds = 0.5
	defer tensor.SetThreads(c.Threads)
	next := make([]func() (float64, error, bool), len(sides))
	for i, side := range sides {
		var stop func()
		next[i], stop = iter.Pull2(side.epochs)
		defer stop()
	}
	for turn := range c.Repeat + 1 {
		for i, side := range sides {
			tensor.SetThreads(cmp.Or(side.threads, c.Threads))
			var epochs []float64
			for sum := 0.0; sum < turnSeconds; {
				seconds, err, _ := next[i]()
				if err != nil {
					return err
				}
				sum += seconds
				epochs = append(epochs, seconds)
			}
			if turn > 0 {
				*side.to = append(*side.to, median(epochs))
			}
		}
	}
	return nil
}

// timesAsLong returns the median of how many times as long as ours theirs took, turn by turn.
func timesAsLong(theirs, ours []float64) float64 {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = theirs[i] / ours[i]
	}
	return median(ratios)
}

// benchBatch is the batch size of the notebooks.
const benchBatch = 256

// train yields the seconds of one epoch after the other.
func (c *benchCommand) train(ctx context.Context, name string, training, test *dataset.Images) iter.Seq2[float64, error] {
	if name == "scratch" {
		return scratchEpochs(ctx, training)
	}
	return func(yield func(float64, error) bool) {
		r := train.Config{
			Train:  loader.New(training, loader.Options{BatchSize: benchBatch, Shuffle: true}),
			Test:   loader.New(test, loader.Options{BatchSize: evalBatch}),
			Epochs: math.MaxInt,
		}
		of := name
		if name == "lbfgs" {
			of, r.Epochs = "softmax", lbfgsIterations
		}
		a := architectures[slices.Index(architectureNames(), of)]
		var err error
		if r.Model, err = model.New(a.define(training.Shape(), []int{256}, training.Classes()), random.New(0).For("init")); err != nil {
			yield(0, err)
			return
		}
		if name == "lbfgs" {
			fits(ctx, r, training)(yield)
			return
		}
		r.Optimizer = optim.NewSGD(nn.ParameterList(r.Model.Net), 0.1, optim.SGDOptions{})
		epochSeconds(ctx, r)(yield)
	}
}

// fits yields the seconds of one fit of softmax regression by L-BFGS after the other, each from
// zeros.
func fits(ctx context.Context, c train.Config, training *dataset.Images) iter.Seq2[float64, error] {
	return func(yield func(float64, error) bool) {
		layer, _ := c.Model.Net.Layer("linear").(*nn.Linear)
		for {
			layer.Weight.Detach().FillInPlace(0)
			layer.Bias.Detach().FillInPlace(0)
			fit, err := train.NewFullBatch(layer, training, 1, 1/float64(training.Len()))
			if err != nil {
				yield(0, err)
				return
			}
			c.Optimizer = fit
			sum := 0.0
			for seconds, err := range epochSeconds(ctx, c) {
				if err != nil {
					yield(0, err)
					return
				}
				sum += seconds
			}
			if !yield(sum, nil) {
				return
			}
		}
	}
}

// epochSeconds trains and yields the seconds that each epoch's training took.
func epochSeconds(ctx context.Context, c train.Config) iter.Seq2[float64, error] {
	return func(yield func(float64, error) bool) {
		for event, err := range train.Run(ctx, c) {
			if err != nil {
				yield(0, err)
				return
			}
			if e, ok := event.(train.Epoch); ok && !yield(e.Seconds, nil) {
				return
			}
		}
	}
}

// median returns the middle of the figures, of an even number the mean of both.
func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
