package cli

import (
	"context"
	"fmt"
	"image"
	"iter"
	"runtime"
	"slices"
	"time"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// outcome is what comes of an input.
type outcome struct {
	input
	steps         []string       // what was done to the picture
	sample        *tensor.Tensor // (C, H, W), the picture as the net takes it
	otherGround   bool           // the picture is light at its border and the model's are dark, or the other way round
	probabilities []float64      // by class
	err           error          // why there are none; it has the input's name

	prepared chan struct{} // closed when the picture is a sample, or there is an error
	raised   any           // what a panic said
}

// namer names what is in pictures: all cores decode and prepare them, and the net takes them in
// batches.
type namer struct {
	model    *model.Model
	by       *model.Predictor
	inverted bool // by a step that the model was not trained with
	batch    int
}

// The most samples that the net is given at once, and the most memory that it takes for them.
// Fewer are given at once if others are not prepared within patience.
const (
	namedBatch  = 256
	namedMemory = 256 << 20
	patience    = 100 * time.Millisecond
)

// newNamer returns a namer for m, whose predictor is by. inverted says that m prepares pictures
// as it was trained to, but for an inversion. The net is given so many samples at most.
func newNamer(m *model.Model, by *model.Predictor, inverted bool, most int) *namer {
	costs, _ := m.Costs() // a predictor has found no error
	memory := nn.MemoryOf(costs, m.InputShape)
	return &namer{m, by, inverted, min(max(namedMemory/(2*memory.Input+memory.Evaluation), 1), namedBatch, most)}
}

// name yields what comes of each input, in their order. It holds few of them at once, and ends
// with ctx's error as soon as ctx is done, whatever is being decoded.
func (n *namer) name(ctx context.Context, inputs []input) iter.Seq2[*outcome, error] {
	return func(yield func(*outcome, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		workers := runtime.GOMAXPROCS(0)
		held := 2*n.batch + 2*workers
		raw := make(chan *outcome, held)   // to be prepared
		queue := make(chan *outcome, held) // the same, in order, prepared or not
		ready := make(chan *outcome, n.batch)
		go func() {
			defer close(raw)
			defer close(queue)
			for _, in := range inputs {
				o := &outcome{input: in, prepared: make(chan struct{})}
				for _, to := range []chan *outcome{queue, raw} {
					select {
					case to <- o:
					case <-ctx.Done():
						return
					}
				}
			}
		}()
		for range min(workers, len(inputs)) {
			go func() {
				for o := range raw {
					n.prepare(ctx, o)
				}
			}()
		}
		go n.classifyAll(ctx, queue, ready)
		for {
			select {
			case o, ok := <-ready:
				if err := ctx.Err(); err != nil { // which what was being decoded has for an error
					yield(nil, err)
					return
				}
				if !ok {
					return
				}
				if o.raised != nil {
					panic(o.raised)
				}
				if !yield(o, nil) {
					return
				}
			case <-ctx.Done():
				yield(nil, ctx.Err())
				return
			}
		}
	}
}

// prepare decodes an input and makes a sample of it.
func (n *namer) prepare(ctx context.Context, o *outcome) {
	defer close(o.prepared)
	defer func() { o.raised = recover() }()
	img, info, err := o.decode(ctx)
	if err != nil {
		o.err = err
		return
	}
	o.steps = []string{}
	if info.Animated {
		o.steps = append(o.steps, "first of several pictures")
	}
	if info.Orientation > 1 {
		o.steps = append(o.steps, "turned upright")
	}
	o.steps = append(o.steps, describe(n.model.Preprocess, img)...)
	if o.sample, err = n.by.Prepare(img); err != nil {
		o.err = fmt.Errorf("%s: %w", o.name, err)
		return
	}
	o.otherGround = n.otherGround(img)
}

// otherGround reports whether the model takes a picture for one on a dark ground that it knows
// on light ones, or the other way round.
func (n *namer) otherGround(img image.Image) bool {
	opposite := map[model.Ground]model.Ground{model.DarkGround: model.LightGround, model.LightGround: model.DarkGround}
	known := n.model.Ground
	if opposite[known] == "" { // it knows both, or nobody looked
		return false
	}
	has := model.GroundOf(slices.Values([]image.Image{img}))
	if n.inverted {
		has = opposite[has]
	}
	return has == opposite[known]
}

// classifyAll sends the outcomes of a queue on as soon as the net has seen them.
func (n *namer) classifyAll(ctx context.Context, queue <-chan *outcome, ready chan<- *outcome) {
	defer close(ready)
	first := <-queue
	for first != nil {
		var batch []*outcome
		if batch, first = n.gather(ctx, queue, first); batch == nil {
			return
		}
		n.classify(batch)
		for _, o := range batch {
			select {
			case ready <- o:
			case <-ctx.Done():
				return
			}
		}
		if first == nil {
			first = <-queue
		}
	}
}

// gather waits until first is prepared and returns it with those behind it in the queue that are
// prepared soon after, and one that was taken from the queue and is not. It returns nothing when
// ctx is done.
func (n *namer) gather(ctx context.Context, queue <-chan *outcome, first *outcome) (batch []*outcome, next *outcome) {
	var late <-chan time.Time
	for o := first; ; {
		select {
		case <-o.prepared:
			batch = append(batch, o)
		case <-late:
			return batch, o
		case <-ctx.Done():
			return nil, nil
		}
		if late == nil {
			late = time.After(patience)
		}
		if len(batch) == n.batch {
			return batch, nil
		}
		select {
		case o = <-queue:
			if o == nil {
				return batch, nil
			}
		case <-late:
			return batch, nil
		}
	}
}

// classify gives the samples of outcomes to the net.
func (n *namer) classify(batch []*outcome) {
	batch = slices.DeleteFunc(slices.Clone(batch), func(o *outcome) bool { return o.err != nil || o.raised != nil })
	if len(batch) == 0 {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			batch[0].raised = v
		}
	}()
	var samples []*tensor.Tensor
	for _, o := range batch {
		samples = append(samples, o.sample)
	}
	classes := len(n.model.Classes)
	if all, err := n.by.Probabilities(tensor.Stack(0, samples...)); err == nil {
		values := tensor.Values[float64](all)
		for i, o := range batch {
			o.probabilities = values[i*classes:][:classes]
		}
		return
	}
	for _, o := range batch { // there is one without numbers, and the others have them
		found, err := n.by.ClassifyPrepared(o.sample, classes)
		if err != nil {
			o.err = fmt.Errorf("%s: %w", o.name, err)
			continue
		}
		o.probabilities = make([]float64, classes)
		for _, p := range found {
			o.probabilities[p.Index] = p.Probability
		}
	}
}

// describe says what the steps do to a picture, or nothing if they leave it as it is.
func describe(steps transform.Compose, img image.Image) (said []string) {
	form := transform.Form{Shape: []int{3, img.Bounds().Dy(), img.Bounds().Dx()}}
	switch img.(type) {
	case *image.Gray, *image.Gray16:
		form.Shape[0] = 1
	}
	for _, step := range steps {
		next, err := transform.Compose{step}.Form(form)
		if err != nil {
			return said // Prepare will say it
		}
		switch step.(type) {
		case transform.Grayscale, transform.RGB:
			if o, ok := img.(interface{ Opaque() bool }); ok && !o.Opaque() {
				said = append(said, "laid on white")
			}
			if _, grey := step.(transform.Grayscale); grey && form.Shape[0] != 1 {
				said = append(said, "made grey")
			}
		case transform.Invert:
			said = append(said, "inverted")
		case transform.Resize, transform.ResizeEdge:
			if !slices.Equal(form.Shape, next.Shape) {
				said = append(said, fmt.Sprintf("scaled from %dx%d to %dx%d", form.Shape[2], form.Shape[1], next.Shape[2], next.Shape[1]))
			}
		case transform.Letterbox:
			if !slices.Equal(form.Shape, next.Shape) {
				said = append(said, fmt.Sprintf("scaled from %dx%d to fit %dx%d", form.Shape[2], form.Shape[1], next.Shape[2], next.Shape[1]))
			}
		case transform.CenterCrop:
			if !slices.Equal(form.Shape, next.Shape) {
				said = append(said, fmt.Sprintf("cut to %dx%d", next.Shape[2], next.Shape[1]))
			}
		}
		form = next
	}
	return said
}
