package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/zoo"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

// probe is what a run works on that fits the last layer of a pretrained net alone: what the layers
// before it make of the pictures, its features.
type probe struct {
	head  *model.Model                     // the last layer, which is also the whole model's
	parts map[dataset.Split]*loader.Loader // over features
}

// training returns the features to fit to, nil of no probe.
func (p *probe) training() *loader.Loader {
	if p == nil {
		return nil
	}
	return p.parts[dataset.Train]
}

// choosing returns the features that stand for trainRun's choosing.
func (p *probe) choosing() *loader.Loader {
	return cmp.Or(p.parts[dataset.Validation], p.parts[dataset.Test])
}

// outputs is what the model says at the end of the run.
func (r *trainRun) outputs(m *model.Model, _ bool, _ *dataset.Images) (logits, targets *tensor.Tensor, err error) {
	return r.predict(m, r.finalSplit())
}

// featureRows are samples of features.
type featureRows struct {
	classes []string
	width   int
	values  []float32 // (rows, width)
	rows    []int     // by sample
	labels  []int
	sets    [][]int // all labels of each sample, where there are several; then labels are what folds are stratified by
}

// samples returns the rows with all their labels.
func (f *featureRows) samples() dataset.Dataset {
	if f.sets == nil {
		return f
	}
	return dataset.LabelSets{Dataset: f, Of: f.sets}
}

var _ dataset.Batcher = (*featureRows)(nil)

func (f *featureRows) Len() int                 { return len(f.rows) }
func (f *featureRows) Classes() []string        { return f.classes }
func (f *featureRows) Label(i int) (int, error) { return f.labels[i], nil }
func (f *featureRows) row(i int) []float32      { return f.values[f.rows[i]*f.width:][:f.width] }
func (f *featureRows) Sample(i int, _ random.Key) (dataset.Sample, error) {
	return dataset.Sample{Input: transform.Input{Tensor: tensor.New(slices.Clone(f.row(i)), f.width)}, Target: dataset.Class(f.labels[i])}, nil
}

// Batch returns what copies features.
func (f *featureRows) Batch() (dataset.Fill, dataset.Row) {
	return func(to dataset.Memory, indices []int, _ dataset.Chance) {
		for k, i := range indices {
			copy(to.Inputs[k*f.width:], f.row(i))
			to.Classes[k] = int64(f.labels[i])
		}
	}, dataset.Row{Input: []int{f.width}}
}

// picked is a picture that features are made of: the hash of its file's content, and its row of pixels.
type picked struct {
	sum [32]byte
	row int
}

// pick returns the pictures of the parts, each content once, ordered by hash.
func (o *ownParts) pick(parts ...dataset.Split) (all []picked) {
	for i, part := range o.part {
		if part != "" && slices.ContainsFunc(parts, func(p dataset.Split) bool { return p.String() == part }) {
			all = append(all, picked{o.Facts[i].SHA256, o.Set.Rows[i]})
		}
	}
	slices.SortFunc(all, func(a, b picked) int { return bytes.Compare(a.sum[:], b.sum[:]) })
	return slices.CompactFunc(all, func(a, b picked) bool { return a.sum == b.sum })
}

// featureBatch is the most pictures that a pretrained net is given at once: enough to keep the cores busy.
const featureBatch = 32

// fitIterations is the most iterations of L-BFGS of the fit to all features.
const fitIterations = 1000

// prepareProbe sets the run's probe, and returns what fits the last layer of its model. Pictures are
// prepared so, and the net is given so many at once at most.
func (c *trainCommand) prepareProbe(ctx context.Context, r *trainRun, data parts, prepared transform.Compose, most int, remarks io.Writer) (*train.FullBatch, error) {
	data.training.Transform = prepared // features of mirror images stand for what is drawn
	_, head := zoo.Head(r.model.Net)
	head.Weight.FillInPlace(0)
	head.Bias.FillInPlace(0)
	steps, err := json.Marshal(r.model.Preprocess)
	if err != nil {
		return nil, err
	}
	source := featureSource{
		net: zoo.Features(r.model.Net), shape: r.model.InputShape, width: head.Weight.Size(1), head: 4 * head.Weight.Numel(), from: data.own, prepared: prepared, batch: min(most, featureBatch),
		of: []string{c.Pretrained, c.trained.sha256, string(steps)}, limit: int64(c.Cache), comm: c.comm, remarks: remarks,
	}
	all := data.own.pick(dataset.Train, dataset.Validation, dataset.Test)
	values, err := source.features(ctx, all, false)
	if err != nil {
		return nil, err
	}
	at := map[int]int{} // by row of pixels: the row of features
	for k, p := range all {
		at[p.row] = k
	}
	rows := map[dataset.Split]*featureRows{}
	r.probe = &probe{parts: map[dataset.Split]*loader.Loader{}}
	for _, d := range []*dataset.Images{data.training, data.val, data.test} {
		if d == nil {
			continue
		}
		f := &featureRows{classes: d.Classes(), width: source.width, values: values, labels: d.Labels}
		for _, row := range d.Rows {
			f.rows = append(f.rows, at[row])
		}
		if s, ok := data.own.samples(d).(dataset.LabelSets); ok {
			f.sets = s.Of
		}
		rows[d.Split] = f
	}
	training := rows[dataset.Train]
	pictures := training.Len()
	if mirrors(c.Augment) {
		mirrored := data.own.pick(dataset.Train)
		more, err := source.features(ctx, mirrored, true)
		if err != nil {
			return nil, err
		}
		training.add(more, mirrored, data.training.Rows)
	}
	for split, f := range rows {
		r.probe.parts[split] = loader.New(f.samples(), loader.Options{BatchSize: evalBatch})
	}
	r.probe.head = &model.Model{
		Definition: model.Definition{
			Name: "the last layer of " + c.Pretrained, Classes: r.model.Classes, InputShape: []int{source.width}, Preprocess: transform.Compose{}, Task: r.model.Task, Data: c.Data,
			Layers: []nn.Spec{{Name: "linear", Options: nn.LinearOptions{In: source.width, Out: len(r.model.Classes)}}},
		},
		Net: nn.NewSequential(nn.Named("linear", head)),
	}
	if c.chooseL2 {
		if c.L2, err = c.chosenL2(ctx, training, pictures, remarks); err != nil {
			return nil, err
		}
		r.settings.L2 = c.L2
	}
	f, err := train.NewFullBatch(head, training.samples(), c.LR, c.L2)
	if err != nil {
		return nil, err
	}
	f.Iterations = fitIterations
	return f, nil
}

// add adds the features of mirror images, behind those of the pictures, which are these rows of pixels.
func (f *featureRows) add(values []float32, of []picked, pixels []int) {
	at := map[int]int{}
	for k, p := range of {
		at[p.row] = len(f.values)/f.width + k
	}
	f.values = append(slices.Clip(f.values), values...)
	f.labels, f.sets = append(slices.Clip(f.labels), f.labels...), append(slices.Clip(f.sets), f.sets...)
	for _, row := range pixels {
		f.rows = append(f.rows, at[row])
	}
}

// The strengths of L2 that are tried, as scikit-learn's LogisticRegressionCV does: C from 10^-4 to 10^4,
// by folds.
const (
	probeStrengths = 10
	leastC         = -4
	mostC          = 4
	probeFolds     = 5
)

// chosenL2 returns the strength of L2 with which a fit says most about pictures that it was not fitted to: the
// one of the least loss in cross-validation. The features are those of so many pictures, and behind them
// of mirror images, or none.
func (c *trainCommand) chosenL2(ctx context.Context, features *featureRows, pictures int, remarks io.Writer) (float64, error) {
	var tried []float64
	for i := range probeStrengths {
		l2 := math.Pow(10, -leastC-float64(i)*(mostC-leastC)/(probeStrengths-1)) / float64(features.Len())
		short, err := strconv.ParseFloat(strconv.FormatFloat(l2, 'g', 4, 64), 64) // as a command line may have it
		if err != nil {
			return 0, err
		}
		tried = append(tried, short)
	}
	whole := dataset.Subset{Dataset: features}
	for i := range pictures {
		whole.Indices = append(whole.Indices, i)
	}
	n := min(probeFolds, pictures)
	shares := slices.Repeat([]float64{1 / float64(n)}, n)
	drawn, err := dataset.StratifiedSplit(whole, shares, random.New(c.Seed).For("folds"))
	if err != nil {
		return 0, err
	}
	parts := make([]train.Fold, n)
	for k, d := range drawn {
		held := make([]bool, pictures)
		for _, i := range d.Indices {
			held[i] = true
		}
		for i := range features.Len() {
			if !held[i%pictures] { // of a mirror image the picture's
				parts[k].Fit = append(parts[k].Fit, i)
			}
		}
		parts[k].Measure = d.Indices
	}
	shown := newBar(remarks)
	defer shown.clear()
	scores, err := train.CrossValidateL2(ctx, features.samples(), features.width, parts, tried, func(done, total int) {
		if now := time.Now(); now.Sub(shown.said) >= shown.interval {
			shown.draw([]string{fmt.Sprintf("fit %d/%d to choose --l2", done, total)}, []int{0}, float64(done)/float64(total), now)
		}
	})
	if err != nil {
		return 0, err
	}
	best := slices.MinFunc(scores, func(a, b train.Strength) int { return cmp.Compare(a.Loss, b.Loss) })
	shown.clear()
	accuracy := fmt.Sprintf(", accuracy %.4f", best.Accuracy)
	if features.sets != nil {
		best.Loss /= float64(len(features.classes)) // the mean over labels too
		accuracy = ""
	}
	fmt.Fprintf(remarks, "--l2 %g is chosen of %d strengths, by cross-validation of the training pictures in %d folds: loss %.4f%s\n", best.L2, len(tried), n, best.Loss, accuracy)
	return best.L2, nil
}

// fitProbe is fit for a probe of a net of the given definition and costs.
func (s *settings) fitProbe(costs []nn.Cost, d model.Definition, data parts) (measuring int, err error) {
	pictures := data.training.Len()
	if mirrors(s.Augment) {
		pictures *= 2
	}
	for _, part := range []*dataset.Images{data.val, data.test} {
		if part != nil {
			pictures += part.Len()
		}
	}
	head := costs[len(costs)-1].Parameters
	features := pictures * (head/len(d.Classes) - 1)
	// The net, the file of its weights, and at the end a model that is read, twice each while they are
	// looked at; the features and a copy on the way to or from a file; and what two fits of the last layer keep.
	taken := held(data.training, data.val, data.test) + 5*nn.MemoryOf(costs, d.InputShape).State + 2*4*features + 2*4*s.optimizerState()*head
	return measuringBatch(fmt.Sprintf("--pretrained %s: the features of %d pictures, and a sample", s.Pretrained, pictures), false, taken, &d)
}
