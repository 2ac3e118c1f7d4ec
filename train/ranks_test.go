package train_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

// result is what a run gave on a rank.
type result struct {
	config train.Config
	events []train.Event
	err    error
}

// onRanks runs what prepare returns on each of n ranks. A listener that returns false ends the loop of its rank.
func onRanks(ctx context.Context, n int, prepare func(rank int) train.Config, listen func(rank int, e train.Event) bool) []result {
	results := make([]result, n)
	var wg sync.WaitGroup
	for rank, comm := range dist.Local(n) {
		c := prepare(rank)
		c.Comm = comm
		results[rank].config = c
		wg.Go(func() {
			r := &results[rank]
			for e, err := range train.Run(ctx, c) {
				if r.err = err; err != nil {
					return
				}
				r.events = append(r.events, e)
				if listen != nil && !listen(rank, e) {
					return
				}
			}
		})
	}
	wg.Wait()
	return results
}

// weights returns a hash of all that a net has learnt.
func weights(c train.Config) string {
	h := sha256.New()
	for name, v := range nn.StateDict(c.Model.Net) {
		fmt.Fprint(h, name)
		for _, x := range tensor.Data[float64](v.To(tensor.Float64).Contiguous()) {
			fmt.Fprintf(h, " %x", x)
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}

// kinds are runs of all kinds that ranks share. Each has a short last batch.
var kinds = map[string]struct {
	shards int
	make   func(t *testing.T) train.Config
}{
	"softmax": {16, func(t *testing.T) train.Config {
		return setup(t, func(s *settings) { s.train = 75 })
	}},
	"mlp with dropout, mixup, clipping and an average": {16, func(t *testing.T) train.Config {
		c := setup(t, func(s *settings) { s.train, s.hidden, s.workers = 75, []int{8}, 2 })
		m, err := model.New(c.Model.Definition.WithDropout(0.3), random.New(4))
		if err != nil {
			t.Fatal(err)
		}
		c.Model, c.Optimizer = m, optim.NewSGD(nn.ParameterList(m.Net), 0.1, optim.SGDOptions{Momentum: 0.9})
		c.Key, c.ClipNorm, c.EMA, c.Mixup, c.Epochs = random.New(9), 1, train.NewEMA(m, 0.9), 0.2, 2
		return c
	}},
	"cnn with batch norm and augmentation": {5, banded},
	"more shards than samples":             {16, func(t *testing.T) train.Config { return setup(t, func(s *settings) { s.train = 7 }) }},
	"L-BFGS": {1, func(t *testing.T) train.Config {
		c := setup(t, func(s *settings) { s.train = 4200 })
		f, err := train.NewFullBatch(c.Model.Net.Layer("linear").(*nn.Linear), c.Train.(*loader.Loader).Dataset(), 1, 1e-4)
		if err != nil {
			t.Fatal(err)
		}
		c.Optimizer, c.Epochs = f, 5
		return c
	}},
}

// banded is a run of a small net with a batch norm: 190 samples in batches of 80.
func banded(t *testing.T) train.Config {
	training := blobs(190, 4, random.New(1))
	training.Transform = transform.Compose{transform.RandomCrop{Height: 4, Width: 4, Padding: 1}, transform.ToTensor{}}
	m, err := model.New(model.Definition{
		Name: "tiny", Classes: training.Classes(), InputShape: training.Shape(), Data: "blobs",
		Preprocess: append(model.Softmax(training.Shape(), nil).Preprocess[:2:2], transform.ToTensor{}),
		Layers: []nn.Spec{
			{Name: "conv", Options: nn.Conv2dOptions{In: 1, Out: 3, Kernel: nn.Pair{3, 3}, Padding: nn.Pair{1, 1}}}, {Name: "norm", Options: nn.BatchNorm2dOptions{In: 3}},
			{Name: "relu", Options: nn.ReLU{}}, {Name: "flatten", Options: nn.FlattenOptions{}}, {Name: "linear", Options: nn.LinearOptions{In: 48, Out: 3}},
		},
	}, random.New(4))
	if err != nil {
		t.Fatal(err)
	}
	return train.Config{
		Model: m, Optimizer: optim.NewSGD(nn.ParameterList(m.Net), 0.1, optim.SGDOptions{Momentum: 0.9}),
		Train:  loader.New(training, loader.Options{BatchSize: 80, Shuffle: true, Seed: 5, Workers: 2}),
		Test:   loader.New(blobs(31, 4, random.New(2)), loader.Options{BatchSize: 10}),
		Epochs: 2,
	}
}

// withoutTime returns events without the time that they took.
func withoutTime(events []train.Event) []train.Event {
	var out []train.Event
	for _, e := range events {
		if epoch, ok := e.(train.Epoch); ok {
			epoch.Seconds, epoch.EvalSeconds, epoch.Ranks = 0, 0, nil
			e = epoch
		}
		out = append(out, e)
	}
	return out
}

func TestAnyNumberOfRanksHasTheSameBits(t *testing.T) {
	for name, k := range kinds {
		t.Run(name, func(t *testing.T) {
			alone := k.make(t)
			alone.Shards = k.shards
			events, err := run(t.Context(), alone)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range []int{1, 2, 3, 4, 5, 6, 7, 8, 16} {
				if n > k.shards && k.shards > 1 {
					continue
				}
				for rank, r := range onRanks(t.Context(), n, func(int) train.Config {
					c := k.make(t)
					c.Shards = k.shards
					return c
				}, nil) {
					if r.err != nil {
						t.Fatalf("%d ranks: rank %d: %v", n, rank, r.err)
					}
					if found, want := weights(r.config), weights(alone); found != want {
						t.Errorf("%d ranks: rank %d has the weights %s, %s expected", n, rank, found, want)
					}
					if found, want := withoutTime(r.events), withoutTime(events); !reflect.DeepEqual(found, want) {
						t.Errorf("%d ranks: rank %d has the events %v, %v expected", n, rank, found, want)
					}
				}
			}
		})
	}
}

// What shards make of a batch is what the whole batch makes, up to how sums are rounded, if no layer looks at several samples.
func TestShardsComputeTheGradientOfTheBatch(t *testing.T) {
	whole, shards := kinds["softmax"].make(t), kinds["softmax"].make(t)
	shards.Shards = 16
	for _, c := range []train.Config{whole, shards} {
		if _, err := run(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	x, y := nn.ParameterList(whole.Model.Net), nn.ParameterList(shards.Model.Net)
	for i := range x {
		if far := x[i].Sub(y[i]).Abs().Max().Item(); far > 1e-5 {
			t.Errorf("parameter %d: %g apart", i, far)
		}
	}
}

// A batch norm's running statistics follow the mean of those of the shards, weighted by their samples.
func TestStatisticsOfShards(t *testing.T) {
	c := banded(t)
	c.Shards, c.Epochs = 5, 1
	before := c.Model.Net.Layer("norm").(*nn.BatchNorm2d).RunningMean.Clone()
	var want *tensor.Tensor
	for e, err := range train.Run(t.Context(), c) {
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := e.(train.Step); ok && s.Step == 1 {
			want = c.Model.Net.Layer("norm").(*nn.BatchNorm2d).RunningMean.Clone()
			break
		}
	}
	// One batch norm over the whole batch has the same mean: shards of 16 have equal weights.
	whole := banded(t)
	for e, err := range train.Run(t.Context(), whole) {
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := e.(train.Step); ok {
			break
		}
	}
	found := whole.Model.Net.Layer("norm").(*nn.BatchNorm2d)
	if far := found.RunningMean.Sub(want).Abs().Max().Item(); far > 1e-6 || want.Sub(before).Abs().Max().Item() == 0 {
		t.Errorf("found running means %v, %v expected", want, found.RunningMean)
	}
	if n := c.Model.Net.Layer("norm").(*nn.BatchNorm2d).NumBatchesTracked.Item(); n != 1 {
		t.Errorf("found %v batches tracked, 1 expected", n)
	}
}

func TestRanksGoOnWithFewer(t *testing.T) {
	for _, name := range []string{"mlp with dropout, mixup, clipping and an average", "cnn with batch norm and augmentation"} {
		k := kinds[name]
		whole := k.make(t)
		whole.Shards, whole.Epochs = k.shards, 3
		if _, err := run(t.Context(), whole); err != nil {
			t.Fatal(err)
		}
		files := keep(t)
		var last train.Config
		for stage, ranks := range []int{3, 2, 1} {
			results := onRanks(t.Context(), ranks, func(rank int) train.Config {
				c := k.make(t)
				c.Shards, c.Epochs, c.Keep, c.Run = k.shards, 3, files, "one"
				if stage > 0 && rank == 0 { // whose progress is all ranks'
					var err error
					if c.Start, err = train.Restore(files.Last, c); err != nil {
						t.Fatal(err)
					}
				}
				c.Keep.Within = func(s train.Step) (bool, error) { return s.Step == 2, nil }
				return c
			}, func(rank int, e train.Event) bool { // stopped within epochs 1 and 2
				s, ok := e.(train.Step)
				return !ok || stage == 2 || s.Epoch <= stage || s.Step < 3
			})
			for rank, r := range results {
				if r.err != nil {
					t.Fatalf("%s: %d ranks: rank %d: %v", name, ranks, rank, r.err)
				}
			}
			last = results[0].config
		}
		if found, want := weights(last), weights(whole); found != want {
			t.Errorf("%s: found the weights %s of a run on 3, 2 and 1 ranks, %s expected", name, found, want)
		}
	}
}

func TestOtherShardsAreRefused(t *testing.T) {
	files := keep(t)
	c := kinds["softmax"].make(t)
	c.Shards, c.Keep = 16, files
	if _, err := run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	for shards, want := range map[int]string{4: "found a run of 16 shards, 4 expected", 0: "found a run of 16 shards, 1 expected"} {
		c := kinds["softmax"].make(t)
		c.Shards = shards
		if _, err := train.Restore(files.Last, c); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%d shards: found %v", shards, err)
		}
	}
}

func TestEachRankReadsItsOwn(t *testing.T) {
	const ranks = 3
	var reads [ranks]atomic.Int64
	results := onRanks(t.Context(), ranks, func(rank int) train.Config {
		c := setup(t, func(s *settings) { s.train, s.test = 48, 30 })
		counted := func(s loader.Source, o loader.Options) loader.Source {
			return loader.New(counting{s.(*loader.Loader).Dataset(), &reads[rank]}, o)
		}
		c.Train = counted(c.Train, loader.Options{BatchSize: 16, Shuffle: true, Seed: 5, Workers: rank})
		c.Test = counted(c.Test, loader.Options{BatchSize: 10, Workers: rank})
		c.Shards = 16
		return c
	}, nil)
	// Beside its shards and a batch of the test data, a rank looks at a sample of both to check the setup, and to compare them.
	for rank, shards := range []int{4, 6, 6} {
		if results[rank].err != nil {
			t.Fatal(results[rank].err)
		}
		times := results[rank].events[3].(train.Epoch).Ranks
		if len(times) != ranks || times[rank].Samples != 3*shards || !(times[rank].Seconds >= times[rank].Waited && times[rank].Waited > 0) {
			t.Errorf("rank %d: found the times %+v, %d samples of its own expected", rank, times, 3*shards)
		}
		if found, want := int(reads[rank].Load()), 3*shards+10+2*2; found != want {
			t.Errorf("rank %d read %d samples, %d expected", rank, found, want)
		}
	}
}

// counting counts the samples that are read.
type counting struct {
	dataset.Dataset
	n *atomic.Int64
}

func (d counting) Sample(i int, chance random.Key) (dataset.Sample, error) {
	d.n.Add(1)
	return d.Dataset.Sample(i, chance)
}

// lacking has a sample that cannot be read.
type lacking struct {
	dataset.Dataset
	at int
}

func (d lacking) Sample(i int, chance random.Key) (dataset.Sample, error) {
	if i == d.at {
		return dataset.Sample{}, errors.New("x.jpg: no such file")
	}
	return d.Dataset.Sample(i, chance)
}

// wholeOnly gives whole batches alone.
type wholeOnly struct{ loader.Source }

func TestAllRanksEndTogether(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	full := errors.New("the disk is full")
	base := func() train.Config {
		c := setup(t, func(s *settings) { s.train = 75 })
		c.Shards, c.Epochs = 16, 3
		return c
	}
	for name, k := range map[string]struct {
		change func(rank int, c *train.Config)
		listen func(rank int, e train.Event) bool
		want   string // of every rank but those that stopped themselves
		is     error  // on the rank itself
	}{
		"a file that is missing": {func(rank int, c *train.Config) {
			c.Train = loader.New(lacking{c.Train.(*loader.Loader).Dataset(), 70}, loader.Options{BatchSize: 16})
		}, nil, "rank 2: x.jpg: no such file", nil},
		"a file of the test data": {func(rank int, c *train.Config) {
			c.Test = loader.New(lacking{c.Test.(*loader.Loader).Dataset(), 15}, loader.Options{BatchSize: 10})
		}, nil, "rank 1: x.jpg: no such file", nil},
		"a hook": {func(rank int, c *train.Config) {
			c.OnGradients = func(*train.Gradients) error {
				if rank == 1 {
					return full
				}
				return nil
			}
		}, nil, "rank 1: the disk is full", full},
		"a checkpoint": {func(rank int, c *train.Config) {
			c.Keep.Last = filepath.Join(t.TempDir(), "no", "folder", "last.safetensors")
		}, nil, "rank 0: ", nil},
		"a listener": {nil, func(rank int, e train.Event) bool { return rank != 2 || e.(train.Step).Step < 2 }, "rank 2: the run was stopped by its listener", nil},
		"a listener at the end": {nil, func(rank int, e train.Event) bool {
			epoch, ok := e.(train.Epoch)
			return !ok || rank != 2 || epoch.Epoch < 3
		}, "rank 2: the run was stopped by its listener", nil},
		"an interruption": {nil, func(rank int, e train.Event) bool {
			if rank == 1 {
				cancel()
			}
			return true
		}, "context canceled", context.Canceled},
		"a loss that is no number": {func(rank int, c *train.Config) {
			c.Model.Net.Layer("linear").(*nn.Linear).Bias.FillInPlace(math.Inf(1))
		}, nil, "training diverged: the loss became NaN in epoch 1, step 1", nil},
		"other data": {func(rank int, c *train.Config) {
			if rank == 2 {
				c.Train = loader.New(blobs(74, 4, random.New(1)), loader.Options{BatchSize: 16, Shuffle: true, Seed: 5})
			}
		}, nil, "rank 2: found the training data 74 samples ", nil},
		"another pixel": {func(rank int, c *train.Config) {
			if rank == 1 {
				c.Train = loader.New(blobs(75, 4, random.New(11)), loader.Options{BatchSize: 16, Shuffle: true, Seed: 5})
			}
		}, nil, "rank 1: found the training data 75 samples ", nil},
		"no test data": {func(rank int, c *train.Config) {
			if rank == 1 {
				c.Test = nil
			}
		}, nil, "rank 1: found the test data none, 31 samples ", nil},
		"other settings": {func(rank int, c *train.Config) {
			if rank == 1 {
				c.Settings = map[string]any{"lr": 0.25}
			}
		}, nil, `rank 1: found the settings {"lr":0.25}, {"lr":0.5} as on rank 0 expected`, nil},
		"other shards": {func(rank int, c *train.Config) { c.Shards += rank }, nil, "rank 1: found the number of shards 17, 16 as on rank 0 expected", nil},
		"a setup": {func(rank int, c *train.Config) {
			if rank == 2 {
				c.ClipNorm = -1
			}
		}, nil, "rank 2: train: ClipNorm: found -1, a number of at least 0 expected", nil},
		"too few shards": {func(rank int, c *train.Config) { c.Shards = 2 }, nil, "train: Shards: found 2 for 3 ranks, at least as many shards as ranks expected", nil},
		"whole batches": {func(rank int, c *train.Config) { c.Train = wholeOnly{c.Train} }, nil,
			"train: Train: found a source of whole batches alone, a loader.Parted expected for several shards", nil},
		"whole test batches": {func(rank int, c *train.Config) { c.Test = wholeOnly{c.Test} }, nil,
			"train: Test: found a source of whole batches alone, a loader.Parted expected for several ranks", nil},
	} {
		for rank, r := range onRanks(ctx, 3, func(rank int) train.Config {
			c := base()
			if k.change != nil {
				k.change(rank, &c)
			}
			return c
		}, k.listen) {
			if strings.HasPrefix(name, "a listener") && rank == 2 { // which has heard nothing since
				if r.err != nil {
					t.Errorf("%s: rank %d: found %v", name, rank, r.err)
				}
				continue
			}
			if name == "an interruption" {
				if !errors.Is(r.err, context.Canceled) {
					t.Errorf("%s: rank %d: found %v", name, rank, r.err)
				}
				continue
			}
			if r.err == nil || !strings.HasPrefix(r.err.Error(), k.want) && !(name == "a loss that is no number" && strings.HasSuffix(r.err.Error(), k.want)) {
				t.Errorf("%s: rank %d: found %v, %s expected", name, rank, r.err, k.want)
			}
			if e, ok := errors.AsType[*dist.RankError](r.err); ok && e.Rank == rank && k.is != nil && !errors.Is(r.err, k.is) {
				t.Errorf("%s: rank %d lost its own error: %v", name, rank, r.err)
			}
		}
		if name == "an interruption" {
			ctx, cancel = context.WithCancel(t.Context())
		}
	}
	cancel()
}

func TestInterruptedRanksKeepTheirSteps(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	files := keep(t)
	make := func(int) train.Config {
		c := kinds["softmax"].make(t)
		c.Shards, c.Keep = 16, files
		c.Keep.Within = func(train.Step) (bool, error) { return false, nil }
		return c
	}
	for rank, r := range onRanks(ctx, 3, make, func(rank int, e train.Event) bool {
		if rank == 2 && e.(train.Step).Step == 3 {
			cancel()
		}
		return true
	}) {
		if !errors.Is(r.err, context.Canceled) {
			t.Fatalf("rank %d: found %v", rank, r.err)
		}
	}
	c := make(0)
	progress, err := train.Restore(files.Last, c)
	if err != nil || progress.Part == nil || progress.Part.Steps < 3 || progress.Shards != 16 {
		t.Fatalf("found the progress %+v, %v", progress, err)
	}
	c.Start = progress
	if _, err := run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	whole := kinds["softmax"].make(t)
	whole.Shards = 16
	if _, err := run(t.Context(), whole); err != nil {
		t.Fatal(err)
	}
	if found, want := weights(c), weights(whole); found != want {
		t.Errorf("found the weights %s, %s expected", found, want)
	}
}

// A checkpoint that cannot be written when ranks are interrupted keeps none of them waiting.
func TestInterruptedRanksEndWithoutACheckpoint(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for rank, r := range onRanks(ctx, 3, func(int) train.Config {
		c := kinds["softmax"].make(t)
		c.Shards, c.Keep.Last = 16, filepath.Join(dir, "last.safetensors")
		c.Keep.Within = func(train.Step) (bool, error) { return false, nil }
		return c
	}, func(rank int, e train.Event) bool {
		if rank == 0 && e.(train.Step).Step == 2 {
			if err := os.RemoveAll(dir); err != nil {
				t.Error(err)
			}
			cancel()
		}
		return true
	}) {
		if !errors.Is(r.err, context.Canceled) || rank == 0 && !errors.Is(r.err, fs.ErrNotExist) {
			t.Errorf("rank %d: found %v", rank, r.err)
		}
	}
}

func TestShardsOfABatchNormAreNotTooSmall(t *testing.T) {
	c := banded(t)
	c.Shards = 6
	err := train.Check(c)
	want := `train: Shards: found batches of 80 samples in 6 shards of at least 13, at least 16 a shard expected for layer "norm", a batch norm: larger batches, or at most 5 shards`
	if err == nil || err.Error() != want {
		t.Errorf("found %v, %s expected", err, want)
	}
	c.Shards = 5
	if err := train.Check(c); err != nil {
		t.Error(err)
	}
	c.Shards = -1
	if err := train.Check(c); err == nil {
		t.Error("no error for -1 shards")
	}
}

// streamed is a stream of a data set's samples.
type streamed struct{ dataset.Dataset }

func (s streamed) Samples(int) iter.Seq2[dataset.Make, error] {
	return func(yield func(dataset.Make, error) bool) {
		for i := range s.Len() {
			if !yield(func(chance random.Key) (dataset.Sample, error) { return s.Sample(i, chance) }, nil) {
				return
			}
		}
	}
}

func TestRanksShareStreams(t *testing.T) {
	prepare := func(int) train.Config {
		c := setup(t)
		c.Train = loader.NewStream(streamed{blobs(50, 4, random.New(1))}, loader.Options{BatchSize: 16, Workers: 2})
		c.Test = loader.NewStream(streamed{blobs(31, 4, random.New(2))}, loader.Options{BatchSize: 10})
		c.Shards = 4
		return c
	}
	alone := prepare(0)
	if _, err := run(t.Context(), alone); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{2, 3, 4} {
		for rank, r := range onRanks(t.Context(), n, prepare, nil) {
			if r.err != nil || weights(r.config) != weights(alone) {
				t.Errorf("%d ranks: rank %d: %v, weights %s, %s expected", n, rank, r.err, weights(r.config), weights(alone))
			}
		}
	}
}

// TestRanksWithoutTimeMakeNoStep holds that a run which goes on after its time is over ends on several ranks as on one.
func TestRanksWithoutTimeMakeNoStep(t *testing.T) {
	for _, n := range []int{1, 3} {
		for rank, r := range onRanks(t.Context(), n, func(int) train.Config {
			c := kinds["softmax"].make(t)
			c.Shards, c.Epochs, c.Budget = 16, 0, &train.Budget{Time: time.Minute}
			c.Start = train.Progress{Epoch: 1, BestEpoch: 1, Steps: 3, Seconds: 3600}
			return c
		}, nil) {
			if r.err != nil || len(r.events) > 0 {
				t.Errorf("%d ranks: rank %d: %v, %v; no event expected", n, rank, r.events, r.err)
			}
		}
	}
}
