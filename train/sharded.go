package train

import (
	"encoding/binary"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/internal/parallel"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// sharded makes a step of a batch in fixed shards: each goes through the net by itself, on the rank that has it. The gradients
// of the shards are sums over their samples. They, and the changes of buffers, are added up over a tree, and divided by the batch's
// weight at the end. So they have the same bits for any number of ranks.
type sharded struct {
	*layered
	comm    dist.Comm
	tree    *dist.Tree
	sum     *dist.Sum[float32]
	learnt  []*tensor.Tensor // the parameters that have gradients
	buffers []*tensor.Tensor // such as the statistics of batch norms
	before  []*tensor.Tensor // what buffers were before the step, of Float64
	least   int              // samples of a shard of a full batch
	spent   time.Duration    // on its own shards

	// Of every rank, beside the sums: what it found of its samples.
	notes [][]byte
}

// newSharded returns the stepper of a run of several shards.
func (l *loop) newSharded() *sharded {
	var learnt []*tensor.Tensor
	for _, p := range nn.ParameterList(l.Model.Net) {
		if p.RequiresGrad() {
			learnt = append(learnt, p)
		}
	}
	if s := l.sharded; s != nil && slices.Equal(s.learnt, learnt) {
		return s
	}
	comm := l.Comm
	if comm == nil {
		comm = dist.Local(1)[0]
	}
	s := &sharded{layered: &layered{l, nn.ParameterList(l.Model.Net)}, comm: comm, tree: dist.NewTree(l.Shards, comm.Size()), learnt: learnt}
	s.least = max(1, l.Train.(loader.Parted).BatchSize()/l.Shards)
	s.notes = make([][]byte, comm.Size())
	n := 0
	for _, p := range learnt {
		p.Sum().Backward() // which makes the gradients: a rank may have no sample of a batch
		n += p.Numel()
	}
	nn.Apply(l.Model.Net, func(_ string, m nn.Module) {
		if m, ok := m.(nn.Buffered); ok {
			for _, b := range m.Buffers() {
				s.buffers, s.before = append(s.buffers, b), append(s.before, tensor.Zeros(tensor.Float64, b.Shape()...))
				n += b.Numel()
			}
		}
	})
	s.sum = dist.NewSum[float32](comm, s.tree, n)
	l.sharded = s
	return s
}

// bound returns where the samples of a shard begin, of a batch of n. A shard has as many as those of a full batch have, at
// least: of a short batch some shards are empty.
func (s *sharded) bound(shard, n int) int {
	shards := s.tree.Shards()
	filled := min(max(1, n/s.least), shards)
	return shard * filled / shards * n / filled
}

// samples returns which samples of a batch of n are a rank's.
func (s *sharded) samples(rank, n int) (lo, hi int) {
	first, end := s.tree.Range(rank)
	return s.bound(first, n), s.bound(end, n)
}

func (s *sharded) batches(epoch, from int) iter.Seq2[loader.Batch, error] {
	return s.Train.(loader.Parted).Parts(epoch, from, func(_, n int) (lo, hi int) { return s.samples(s.comm.Rank(), n) })
}

// What a note has of a shard: the mean loss, and its weight. Outputs and targets of all samples follow.
const shardBytes = 16

// noteBytes returns how long the note of a rank is: whether it failed, its shards, and of each of its samples the outputs and the target.
func (s *sharded) noteBytes(rank, n int) int {
	first, end := s.tree.Range(rank)
	lo, hi := s.samples(rank, n)
	return 1 + (end-first)*shardBytes + (hi-lo)*(4*s.said.outputs.Numel()+s.targetBytes()*s.said.target.Numel())
}

// targetBytes returns the length of an element of targets.
func (s *sharded) targetBytes() int {
	if s.said.target.DType() == tensor.Int64 {
		return 8
	}
	return 4
}

func (s *sharded) step(batch loader.Batch, key random.Key) (taken, error) {
	for i, b := range s.buffers {
		s.before[i].CopyInPlace(b)
	}
	rank, n := s.comm.Rank(), batch.Whole
	s.own += len(batch.Indices)
	for i := range s.notes {
		s.notes[i] = slices.Grow(s.notes[i][:0], s.noteBytes(i, n))[:s.noteBytes(i, n)]
	}
	note := make([]byte, 1, s.noteBytes(rank, n))
	var samples []byte
	var failed error
	start := time.Now()
	for shard, end := s.tree.Range(rank); shard < end; shard++ {
		into := s.sum.Shard()
		lo, hi := s.bound(shard, n)-batch.Before, s.bound(shard+1, n)-batch.Before
		var found verdict
		if lo < hi && failed == nil {
			part := loader.Batch{Inputs: batch.Inputs.Narrow(0, lo, hi-lo), Targets: batch.Targets.Narrow(0, lo, hi-lo), Indices: batch.Indices[lo:hi]}
			if found, failed = s.shard(part, key, shard, into); failed == nil {
				samples = appendTensor(appendTensor(samples, found.outputs), part.Targets)
			}
		}
		note = binary.LittleEndian.AppendUint64(note, math.Float64bits(found.mean))
		note = binary.LittleEndian.AppendUint64(note, math.Float64bits(found.weight))
	}
	s.spent += time.Since(start)
	note = append(note, samples...)[:cap(note)]
	if failed != nil {
		note[0] = 1
	}
	sums, err := s.sum.Finish(note, s.notes)
	if err != nil {
		return taken{}, err
	}
	for _, note := range s.notes {
		if note[0] != 0 {
			return taken{}, dist.Agree(s.comm, failed)
		}
	}
	loss, weight := s.fold(n)
	scale := 1 / weight
	for _, p := range s.learnt {
		g := tensor.DataInPlace[float32](p.Grad())
		from := sums[:len(g)]
		parallel.For(len(g), 1<<14, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				g[i] = float32(float64(from[i]) * scale)
			}
		})
		sums = sums[len(g):]
	}
	for i, b := range s.buffers {
		after := tensor.Data[float64](s.before[i].Clone())
		for k := range after {
			after[k] += float64(sums[k]) / float64(n)
			if !b.DType().IsFloat() {
				after[k] = math.Round(after[k])
			}
		}
		b.CopyInPlace(tensor.New(after, b.Shape()...))
		sums = sums[len(after):]
	}
	if weight == 0 { // the mean is 0/0
		return taken{samples: n}, nil
	}
	return s.finish(loss, weight, n)
}

// shard evaluates a shard of a batch, and writes what it adds to the sums.
func (s *sharded) shard(part loader.Batch, key random.Key, shard int, into []float32) (verdict, error) {
	for i, b := range s.buffers {
		b.CopyInPlace(s.before[i])
	}
	found, err := s.evaluate(part, key.For("layers").At(shard), key.For("mixup").At(shard))
	if err != nil {
		return verdict{}, err
	}
	for _, p := range s.learnt {
		p.ZeroGrad()
	}
	if found.weight > 0 {
		found.value.MulScalar(found.weight).Backward()
	}
	for _, p := range s.learnt {
		into = into[copy(into, tensor.Data[float32](p.Grad().Contiguous())):]
	}
	n := float64(part.Targets.Size(0))
	for i, b := range s.buffers {
		before := tensor.Data[float64](s.before[i])
		for k, v := range tensor.Data[float64](b.To(tensor.Float64).Contiguous()) {
			into[k] = float32((v - before[k]) * n)
		}
		into = into[len(before):]
	}
	return found, nil
}

// fold adds the outputs of a batch of n samples to the running score, and returns the mean loss and its weight: by
// all ranks' notes, in the order of shards and samples.
func (s *sharded) fold(n int) (loss, weight float64) {
	outputs := tensor.Zeros(tensor.Float32, append([]int{n}, s.said.outputs.Shape()[1:]...)...)
	targets := tensor.Zeros(s.said.target.DType(), append([]int{n}, s.said.target.Shape()[1:]...)...)
	for rank, note := range s.notes {
		note = note[1:]
		first, end := s.tree.Range(rank)
		for range end - first {
			if w := math.Float64frombits(binary.LittleEndian.Uint64(note[8:])); w > 0 {
				loss += math.Float64frombits(binary.LittleEndian.Uint64(note)) * w
				weight += w
			}
			note = note[shardBytes:]
		}
		for shard := first; shard < end; shard++ {
			lo, hi := s.bound(shard, n), s.bound(shard+1, n)
			if lo < hi {
				note = readTensor(readTensor(note, outputs.Narrow(0, lo, hi-lo)), targets.Narrow(0, lo, hi-lo))
			}
		}
	}
	s.running.Update(outputs, targets)
	return loss / weight, weight
}

// appendTensor appends the elements of t, of Float32 or Int64, to b.
func appendTensor(b []byte, t *tensor.Tensor) []byte {
	var elements any
	if t = t.Detach().Contiguous(); t.DType() == tensor.Int64 {
		elements = tensor.Data[int64](t)
	} else {
		elements = tensor.Data[float32](t)
	}
	b, _ = binary.Append(b, binary.LittleEndian, elements) // whose type it knows
	return b
}

// readTensor reads the elements of t, which is contiguous, and returns the bytes behind them.
func readTensor(b []byte, t *tensor.Tensor) []byte {
	var elements any
	if t.DType() == tensor.Int64 {
		elements = tensor.Data[int64](t)
	} else {
		elements = tensor.Data[float32](t)
	}
	n, _ := binary.Decode(b, binary.LittleEndian, elements) // whose length is known
	return b[n:]
}
