package train

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/internal/compiled"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/tensor"
)

// Evaluation is how well a model does on a data set.
type Evaluation struct {
	Loss    float64      // the task's, mean over the samples
	Score   float64      // the task's
	Figures task.Figures // all of the task's: of Classification a task.ByClass; nil if only the two are known
}

// Evaluate measures net by t, nil for task.Classification, on the samples of s in its epoch 0.
// Layers compute as in evaluation, whatever their modes. The error is a *SetupError or that of
// the data.
func Evaluate(net nn.Module, s loader.Source, t task.Task) (Evaluation, error) {
	return EvaluateOn(nil, net, s, t)
}

// EvaluateOn is Evaluate by the ranks of c, nil for one: each computes a batch in turn, and all return the same. They have the same net and
// the same data, which a loader.Parted divides. The error is known to all ranks.
func EvaluateOn(c dist.Comm, net nn.Module, s loader.Source, t task.Task) (Evaluation, error) {
	return evaluate(context.Background(), c, net, s, t)
}

// evaluate is EvaluateOn until ctx is done: then the error is ctx's.
func evaluate(ctx context.Context, comm dist.Comm, net nn.Module, s loader.Source, t task.Task) (Evaluation, error) {
	if t == nil {
		t = task.Classification{}
	}
	var meter task.Meter
	err := forEach(ctx, comm, net, s, func(outputs *tensor.Tensor, batch loader.Batch) error {
		if err := checkBatch("Test", t, batch, outputs, s.Classes()); err != nil {
			return err
		}
		if meter == nil {
			meter = t.NewMeter(s.Classes())
		}
		meter.Update(outputs, batch.Targets)
		return nil
	})
	if err != nil {
		return Evaluation{}, err
	}
	figures := meter.Figures()
	loss, score := figures.Summary()
	return Evaluation{loss, score, figures}, nil
}

// forEach calls f with net's outputs for each batch of s in its epoch 0, and the batch, in their order. It
// is called once at least, or there is an error. Of several ranks, each computes a batch in turn, and all call f for all batches.
func forEach(ctx context.Context, comm dist.Comm, net nn.Module, s loader.Source, f func(outputs *tensor.Tensor, batch loader.Batch) error) error {
	if absent(net) {
		return wrong("Model", "found none, a net expected")
	}
	if absent(s) {
		return wrong("Test", "found none, a source of batches expected")
	}
	m := measurer{net: net}
	if comm != nil && comm.Size() > 1 {
		return m.inTurn(ctx, comm, s.(loader.Parted), f)
	}
	batches := 0
	for batch, err := range s.Batches(0, 0) {
		if err != nil {
			return err
		}
		outputs, err := m.outputs(&batch)
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f(outputs, batch); err != nil {
			return err
		}
		batches++
	}
	if batches == 0 {
		return emptyEpoch("Test")
	}
	return nil
}

// inTurn is forEach for several ranks.
func (m *measurer) inTurn(ctx context.Context, comm dist.Comm, s loader.Parted, f func(outputs *tensor.Tensor, batch loader.Batch) error) error {
	batches := 0
	var mine []byte
	// exchange gives all ranks what each found of its batch of the turn.
	exchange := func(err error) error {
		all, err := dist.Gather(comm, mine, cmp.Or(err, ctx.Err()))
		if err != nil {
			return err
		}
		mine = nil
		for _, text := range all {
			if len(text) == 0 { // the last batch was another's
				continue
			}
			tensors, err := unpack(text)
			if err != nil {
				return err
			}
			if err := f(tensors["outputs"], loader.Batch{Targets: tensors["targets"]}); err != nil {
				return err
			}
		}
		return nil
	}
	own := func(k, n int) (lo, hi int) {
		if k%comm.Size() != comm.Rank() {
			return 0, 0
		}
		return 0, n
	}
	for batch, err := range s.Parts(0, 0, own) {
		if err == nil && batch.Inputs != nil {
			var outputs *tensor.Tensor
			if outputs, err = m.outputs(&batch); err == nil {
				mine, err = pack(named{"outputs", outputs}, named{"targets", batch.Targets})
			}
		}
		if batches++; err != nil || batches%comm.Size() == 0 {
			if err := exchange(err); err != nil {
				return err
			}
		}
	}
	if batches == 0 {
		return emptyEpoch("Test")
	}
	if batches%comm.Size() != 0 {
		return exchange(nil)
	}
	return nil
}

// measurer computes what a net says of batches in evaluation, by a program that is made for the first of
// them. So a model that is measured says what it says when it is saved, loaded and asked.
type measurer struct {
	net   nn.Module
	shape []int     // of the samples that run is for
	run   nn.Module // computes batches of them
}

// outputs returns what the net says of a batch. Samples that are written when they are read go through the
// program a few at a time; the batch then has targets of its own.
func (m *measurer) outputs(batch *loader.Batch) (*tensor.Tensor, error) {
	if shape := batch.Inputs.Shape()[1:]; m.run == nil || !slices.Equal(shape, m.shape) {
		m.shape, m.run = shape, programOf(m.net, shape, batch.Inputs.Size(0))
	}
	if p, ok := m.run.(program); ok && p.Parts() {
		if fill, ok := batch.Pieces(); ok {
			return m.filled(batch, p, fill), nil
		}
	}
	return evaluated(m.run, batch.Inputs)
}

// filled is outputs for samples that fill writes.
func (m *measurer) filled(batch *loader.Batch, p program, fill loader.Fill) *tensor.Tensor {
	n := batch.Inputs.Size(0)
	targets, vector := tensor.Zeros(batch.Targets.DType(), batch.Targets.Shape()...), 0
	var memory dataset.Memory
	if targets.DType() == tensor.Int64 {
		memory.Classes = tensor.Data[int64](targets)
	} else {
		memory.Vectors, vector = tensor.Data[float32](targets), targets.Size(1)
	}
	batch.Targets = targets
	outputs := tensor.Empty(tensor.Float32, append([]int{n}, p.Output()...)...)
	p.Fill(tensor.Data[float32](outputs), n, func(to []float32, lo, hi int) {
		part := dataset.Memory{Inputs: to}
		if vector > 0 {
			part.Vectors = memory.Vectors[lo*vector : hi*vector]
		} else {
			part.Classes = memory.Classes[lo:hi]
		}
		fill(part, lo, hi)
	})
	return outputs
}

// program is a compiled net.
type program struct{ *compiled.Program }

// Forward returns what the program makes of a batch of its samples.
func (p program) Forward(x *tensor.Tensor) *tensor.Tensor {
	y := tensor.Empty(tensor.Float32, append([]int{x.Size(0)}, p.Output()...)...)
	p.Run(tensor.Data[float32](y), tensor.Data[float32](x.Contiguous()))
	return y
}

// Parameters yields nothing: they are packed.
func (program) Parameters() iter.Seq2[string, *tensor.Tensor] {
	return func(func(string, *tensor.Tensor) bool) {}
}

// programOf returns a program of net for samples of a shape, so many at once at most; of an Ensemble, one of programs.
// It is net itself if that cannot take such samples, which its Forward says, or is not of float32.
func programOf(net nn.Module, shape []int, batch int) nn.Module {
	if e, ok := net.(*Ensemble); ok {
		all := &Ensemble{Mirrored: e.Mirrored, SeveralLabels: e.SeveralLabels}
		for _, m := range e.Members {
			all.Members = append(all.Members, programOf(m, shape, batch))
		}
		return all
	}
	p, err := compiled.Compile(net, shape, compiled.Options{Batch: max(batch, 1)})
	if err != nil {
		return net
	}
	return program{p}
}
