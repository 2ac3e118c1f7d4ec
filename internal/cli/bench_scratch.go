package cli

import (
	"context"
	"iter"
	"time"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// scratchEpochs trains softmax regression with tensors alone, step by step as
// examples/softmax-scratch does: no layer, loss or optimizer of the library's. It yields the
// seconds of one epoch after the other.
func scratchEpochs(ctx context.Context, data *dataset.Images) iter.Seq2[float64, error] {
	return func(yield func(float64, error) bool) {
		inputs, outputs := data.Height*data.Width, len(data.ClassNames)
		w := tensor.Normal(tensor.Float32, random.New(0).Rand(), 0, 0.01, inputs, outputs).SetRequiresGrad(true)
		b := tensor.Zeros(tensor.Float32, outputs).SetRequiresGrad(true)
		batches := loader.New(data, loader.Options{BatchSize: benchBatch, Shuffle: true})
		for epoch := 0; ; epoch++ {
			start, loss, right := time.Now(), 0.0, 0.0
			for batch, err := range batches.Epoch(epoch) {
				if err != nil {
					yield(0, err)
					return
				}
				o := batch.Inputs.Reshape(-1, inputs).MatMul(w).Add(b)
				o = o.Sub(o.Detach().MaxKeepDim(1))
				o = o.Sub(o.Exp().SumKeepDim(1).Log())
				l := o.Gather(1, batch.Targets.Unsqueeze(1)).Neg().Sum()
				l.Backward()
				for _, p := range []*tensor.Tensor{w, b} {
					p.SubInPlace(p.Grad().MulScalar(0.1 / float64(len(batch.Indices))))
					p.ZeroGrad()
				}
				loss += l.Item()
				right += o.Detach().ArgMax(1).Eq(batch.Targets).Sum().Item()
			}
			if err := ctx.Err(); !yield(time.Since(start).Seconds(), err) || err != nil {
				return
			}
		}
	}
}
