package loss_test

import (
	"flag"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/gradcheck"
	"github.com/onehot-go/onehot/internal/reference"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"pgregory.net/rapid"
)

// Properties are tried on the same inputs in every run, unless a flag says otherwise.
func init() {
	flag.Set("rapid.seed", "1")
	flag.Set("rapid.nofailfile", "true")
}

var reductions = map[string]loss.Reduction{"mean": loss.Mean, "sum": loss.Sum, "none": loss.None, "batchmean": loss.BatchMean}

// criterion is any loss.
type criterion interface {
	Forward(input, target *tensor.Tensor) *tensor.Tensor
}

// options are those of a case in testdata/reference.json, named as PyTorch's.
type options struct {
	Weight         *reference.Array
	PosWeight      *reference.Array `json:"pos_weight"`
	IgnoreIndex    *int64           `json:"ignore_index"`
	LabelSmoothing float64          `json:"label_smoothing"`
	LogTarget      bool             `json:"log_target"`
}

// losses makes each loss with its options, by its name.
var losses = map[string]func(r loss.Reduction, o options) criterion{
	"CrossEntropy": func(r loss.Reduction, o options) criterion {
		return loss.CrossEntropy{Reduction: r, Weight: weight(o.Weight), IgnoreIndex: o.IgnoreIndex, LabelSmoothing: o.LabelSmoothing}
	},
	"NLL": func(r loss.Reduction, o options) criterion {
		return loss.NLL{Reduction: r, Weight: weight(o.Weight), IgnoreIndex: o.IgnoreIndex}
	},
	"BCEWithLogits": func(r loss.Reduction, o options) criterion {
		return loss.BCEWithLogits{Reduction: r, Weight: weight(o.Weight), PosWeight: weight(o.PosWeight)}
	},
	"MSE":   func(r loss.Reduction, _ options) criterion { return loss.MSE{Reduction: r} },
	"KLDiv": func(r loss.Reduction, o options) criterion { return loss.KLDiv{Reduction: r, LogTarget: o.LogTarget} },
}

func weight(a *reference.Array) *tensor.Tensor {
	if a == nil {
		return nil
	}
	return a.Tensor()
}

// lossCase is one call of a loss, in Float64.
type lossCase struct {
	Loss, Name, Reduction             string
	Options                           options
	Smooth                            bool // differences say something of the derivative
	F64Only                           bool // float32 cannot hold the input
	Input, Target, Output, Seed, Grad reference.Array
	TargetGrad                        *reference.Array `json:"target_grad"` // of targets that are not labels
}

// compareScaled is reference.Compare with the tolerance relative to the greatest finite
// element: gradients of losses are differences, softmax less truth, in which digits of
// the smaller ones cancel. Zeros, NaN and infinities are exact.
func compareScaled(got *tensor.Tensor, want reference.Array, tolerance float64) error {
	if err := reference.Compare(got, want, math.MaxFloat32); err != nil { // types, shapes and special values
		return err
	}
	wants := tensor.Values[float64](want.Tensor().To(tensor.Float64))
	scale := 0.0
	for _, w := range wants {
		if !math.IsInf(w, 0) && w == w {
			scale = max(scale, math.Abs(w))
		}
	}
	for i, v := range tensor.Values[float64](got) {
		if d := math.Abs(v - wants[i]); d > tolerance*scale && !math.IsInf(d, 0) {
			return fmt.Errorf("element %d: got %v, want %v: they differ by %.1e of the greatest, %v", i, v, wants[i], d/scale, scale)
		}
	}
	return nil
}

// TestLosses compares losses and gradients with PyTorch's, for every combination of their
// options, and gradients with differences of the losses.
func TestLosses(t *testing.T) {
	var file struct{ Losses []lossCase }
	reference.Load(t, "testdata/reference.json", &file)
	seen := map[string]int{}
	for i, c := range file.Losses {
		t.Run(fmt.Sprintf("%s/%s/%s/%d", c.Loss, c.Name, c.Reduction, i), func(t *testing.T) {
			seen[c.Loss]++
			criterion := losses[c.Loss](reductions[c.Reduction], c.Options)
			target := c.Target.Tensor()
			for dtype, tolerance := range map[tensor.DType]float64{tensor.Float64: 1e-13, tensor.Float32: 1e-6} {
				if dtype == tensor.Float32 && c.F64Only {
					continue
				}
				input := c.Input.Tensor().To(dtype).SetRequiresGrad(true)
				floats := target
				if target.DType().IsFloat() {
					floats = target.To(dtype).Clone().SetRequiresGrad(true)
				}
				out := criterion.Forward(input, floats)
				c.Output.DType, c.Grad.DType = dtype.String(), dtype.String()
				if err := reference.Compare(out, c.Output, tolerance); err != nil {
					t.Errorf("%s: %v", dtype, err)
				}
				out.Backward(c.Seed.Tensor().To(dtype))
				if err := compareScaled(input.Grad(), c.Grad, tolerance); err != nil {
					t.Errorf("%s: gradient: %v", dtype, err)
				}
				if c.TargetGrad != nil {
					c.TargetGrad.DType = dtype.String()
					if err := compareScaled(floats.Grad(), *c.TargetGrad, tolerance); err != nil {
						t.Errorf("%s: gradient of the target: %v", dtype, err)
					}
				}
			}
			if c.Smooth {
				f := func(x []*tensor.Tensor) *tensor.Tensor { return criterion.Forward(x[0], x[1]) }
				target.SetRequiresGrad(target.DType().IsFloat())
				if err := gradcheck.Check(f, c.Input.Tensor().SetRequiresGrad(true), target); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for name := range losses {
		if seen[name] == 0 {
			t.Errorf("no case of %s", name)
		}
	}
}

// draw returns a batch of logits, some of them extreme, with labels and probabilities of
// the classes.
func draw(t *rapid.T) (logits, labels, probabilities *tensor.Tensor) {
	n, classes := rapid.IntRange(1, 5).Draw(t, "samples"), rapid.IntRange(1, 6).Draw(t, "classes")
	scale := rapid.SampledFrom([]float64{1, 10, 1e4}).Draw(t, "scale")
	matrix := func(name string, low, high float64) *tensor.Tensor {
		return tensor.New(rapid.SliceOfN(rapid.Float64Range(low, high), n*classes, n*classes).Draw(t, name), n, classes)
	}
	picked := rapid.SliceOfN(rapid.Int64Range(0, int64(classes)-1), n, n).Draw(t, "labels")
	return matrix("logits", -scale, scale), tensor.New(picked, n), matrix("target", -5, 5).Softmax(1)
}

// drawWeight returns a weight for each class.
func drawWeight(t *rapid.T, classes int) *tensor.Tensor {
	return tensor.New(rapid.SliceOfN(rapid.Float64Range(0.1, 4), classes, classes).Draw(t, "weight"), classes)
}

// wantClose fails unless got is want within tolerance of the greatest of want and 1.
func wantClose(t *rapid.T, what string, got, want *tensor.Tensor, tolerance float64) {
	t.Helper()
	if !slices.Equal(got.Shape(), want.Shape()) {
		t.Fatalf("%s: got shape %v, want %v", what, got.Shape(), want.Shape())
	}
	wants := tensor.Values[float64](want)
	for i, v := range tensor.Values[float64](got) {
		if !(math.Abs(v-wants[i]) <= tolerance*max(1, math.Abs(slices.Max(wants)), math.Abs(slices.Min(wants)))) {
			t.Fatalf("%s: element %d: got %v, want %v", what, i, v, wants[i])
		}
	}
}

// gradient returns that of the loss with respect to the logits.
func gradient(c criterion, logits, target *tensor.Tensor) *tensor.Tensor {
	x := logits.Clone().SetRequiresGrad(true)
	c.Forward(x, target).Backward()
	return x.Grad()
}

// The gradient of the sum of the losses is what the model believes less the truth, times
// the weight of the truth, and 0 where it is ignored.
func TestCrossEntropyGradientIsSoftmaxLessTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		logits, labels, probabilities := draw(t)
		classes := logits.Size(1)
		believed, truth := logits.Softmax(1), tensor.Zeros(tensor.Float64, logits.Shape()...)
		for i, label := range tensor.Data[int64](labels) {
			truth.Select(0, i).Narrow(0, int(label), 1).FillInPlace(1)
		}
		wantClose(t, "labels", gradient(loss.CrossEntropy{Reduction: loss.Sum}, logits, labels), believed.Sub(truth), 1e-14)
		wantClose(t, "probabilities", gradient(loss.CrossEntropy{Reduction: loss.Sum}, logits, probabilities), believed.Sub(probabilities), 1e-14)

		w, ignored := drawWeight(t, classes), rapid.Int64Range(0, int64(classes)-1).Draw(t, "ignored")
		weights := w.Gather(0, labels).Mul(labels.Ne(tensor.Scalar(ignored)).To(tensor.Float64))
		want := believed.Sub(truth).Mul(weights.Unsqueeze(1))
		weighted := loss.CrossEntropy{Reduction: loss.Sum, Weight: w, IgnoreIndex: &ignored}
		wantClose(t, "weighted", gradient(weighted, logits, labels), want, 1e-14)
		if total := weights.Sum(); total.Item() > 0 {
			weighted.Reduction = loss.Mean
			wantClose(t, "weighted mean", gradient(weighted, logits, labels), want.Div(total), 1e-14)
		}
	})
}

// Whatever the logits, the loss is finite and no less than 0, and it is the same when all
// of them are moved.
func TestCrossEntropyOfMovedLogits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		logits, labels, probabilities := draw(t)
		by := rapid.Float64Range(-1e4, 1e4).Draw(t, "by")
		each := loss.CrossEntropy{Reduction: loss.None}
		for _, target := range []*tensor.Tensor{labels, probabilities} {
			got := each.Forward(logits, target)
			if low, high := got.Min().Item(), got.Max().Item(); !(low >= 0) || math.IsInf(high, 0) {
				t.Fatalf("got %v", got)
			}
			wantClose(t, "moved", each.Forward(logits.AddScalar(by), target), got, 1e-11) // by's rounding
		}
	})
}

// A label is the probability 1 of its class, and smoothing moves probabilities.
func TestCrossEntropyOfLabelsIsThatOfProbabilities(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		logits, labels, _ := draw(t)
		classes := logits.Size(1)
		smoothing := rapid.Float64Range(0, 1).Draw(t, "smoothing")
		w := drawWeight(t, classes)
		truth := tensor.Zeros(tensor.Float64, logits.Shape()...)
		for i, label := range tensor.Data[int64](labels) {
			truth.Select(0, i).Narrow(0, int(label), 1).FillInPlace(1)
		}
		smoothed := truth.MulScalar(1 - smoothing).AddScalar(smoothing / float64(classes))
		for _, r := range []loss.Reduction{loss.Sum, loss.None} { // the mean divides by other weights
			got := loss.CrossEntropy{Reduction: r, Weight: w, LabelSmoothing: smoothing}
			wantClose(t, "smoothing", got.Forward(logits, labels), loss.CrossEntropy{Reduction: r, Weight: w}.Forward(logits, smoothed), 1e-13)
			wantClose(t, "gradient", gradient(sum{got}, logits, labels), gradient(sum{loss.CrossEntropy{Reduction: r, Weight: w}}, logits, smoothed), 1e-13)
		}
		wantClose(t, "NLL", loss.NLL{Weight: w}.Forward(logits.LogSoftmax(1), labels), loss.CrossEntropy{Weight: w}.Forward(logits, labels), 0)
	})
}

// sum makes a scalar of any loss.
type sum struct{ criterion }

func (s sum) Forward(x, target *tensor.Tensor) *tensor.Tensor {
	return s.criterion.Forward(x, target).Sum()
}

// Samples that are ignored, or whose classes weigh nothing, might as well not be there.
func TestCrossEntropyOfIgnoredSamples(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		logits, labels, _ := draw(t)
		n, smoothing := labels.Size(0), rapid.Float64Range(0, 1).Draw(t, "smoothing")
		w := drawWeight(t, logits.Size(1))
		for _, ignore := range []int64{-100, 1000} {
			padded := tensor.New(slices.Concat(tensor.Data[int64](labels), []int64{ignore, ignore}), n+2)
			junk := tensor.Full(tensor.Float64, math.Inf(1), n+2, logits.Size(1)) // NaN after the softmax
			junk.Narrow(0, 0, n).CopyInPlace(logits)
			for _, weight := range []*tensor.Tensor{nil, w} {
				want := loss.CrossEntropy{Weight: weight, LabelSmoothing: smoothing}
				got := want
				got.IgnoreIndex = &ignore
				wantClose(t, "padded", got.Forward(junk, padded), want.Forward(logits, labels), 1e-13)
			}
		}
	})
}

// The mean is that of the samples, and a batch is the sum of its parts.
func TestReductionsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		logits, labels, probabilities := draw(t)
		logp := logits.LogSoftmax(1)
		for name, c := range map[string]struct {
			of            func(loss.Reduction) criterion
			input, target *tensor.Tensor
		}{
			"CrossEntropy": {func(r loss.Reduction) criterion { return loss.CrossEntropy{Reduction: r} }, logits, labels},
			"NLL":          {func(r loss.Reduction) criterion { return loss.NLL{Reduction: r} }, logp, labels},
			"BCE":          {func(r loss.Reduction) criterion { return loss.BCEWithLogits{Reduction: r} }, logits, probabilities},
			"MSE":          {func(r loss.Reduction) criterion { return loss.MSE{Reduction: r} }, logits, probabilities},
			"KLDiv":        {func(r loss.Reduction) criterion { return loss.KLDiv{Reduction: r} }, logp, probabilities},
		} {
			each := c.of(loss.None).Forward(c.input, c.target)
			wantClose(t, name+" sum", c.of(loss.Sum).Forward(c.input, c.target), each.Sum(), 1e-14)
			wantClose(t, name+" mean", c.of(loss.Mean).Forward(c.input, c.target), each.Mean(), 1e-14)
			first := rapid.IntRange(0, labels.Size(0)).Draw(t, "first")
			part := func(from, n int) *tensor.Tensor {
				return c.of(loss.Sum).Forward(c.input.Narrow(0, from, n), c.target.Narrow(0, from, n))
			}
			wantClose(t, name+" parts", part(0, first).Add(part(first, labels.Size(0)-first)), each.Sum(), 1e-13)
		}
	})
}

// A divergence is no less than 0, and 0 from a distribution to itself; with the entropy of
// the truth it is the cross-entropy.
func TestKLDivIsCrossEntropyLessEntropy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		logits, _, q := draw(t)
		kl := loss.KLDiv{Reduction: loss.BatchMean}
		got := kl.Forward(logits.LogSoftmax(1), q)
		if !(got.Item() >= -1e-14) {
			t.Fatalf("got %v", got)
		}
		entropy := q.Mul(q.Log()).Sum().Neg().DivScalar(float64(q.Size(0)))
		wantClose(t, "cross-entropy", got.Add(entropy), loss.CrossEntropy{}.Forward(logits, q), 1e-13)
		wantClose(t, "to itself", kl.Forward(q.Log(), q), tensor.Scalar(0.0), 1e-14)
		kl.LogTarget = true
		wantClose(t, "logarithms", kl.Forward(logits.LogSoftmax(1), q.Log()), got, 1e-13)
	})
}

// Logits that are all the same leave every class as likely: the loss is the logarithm of
// their number, wherever they stand.
func TestCrossEntropyOfIgnorance(t *testing.T) {
	for _, level := range []float64{0, 1e4, -1e4, 1e30, -1e30} {
		logits := tensor.Full(tensor.Float32, level, 3, 10)
		got := loss.CrossEntropy{}.Forward(logits, tensor.New([]int64{0, 5, 9}, 3)).Item()
		if want := math.Log(10); math.Abs(got-want) > 1e-7*want {
			t.Errorf("logits of %v: got %v, want %v", level, got, want)
		}
	}
}

// Where PyTorch 1.13 rounds a small loss away or has NaN, this has the loss.
func TestBCEWithLogitsIsExact(t *testing.T) {
	for _, c := range []struct{ logit, target, want, grad float64 }{
		{30, 1, math.Exp(-30), -math.Exp(-30)}, // exp(-30) squared is beyond the digits
		{-30, 0, math.Exp(-30), math.Exp(-30)},
		{-700, 0, math.Exp(-700), math.Exp(-700)},
		{math.Inf(-1), 1, math.Inf(1), -1},
		{math.Inf(1), 0, math.Inf(1), 1},
		{0, 1, math.Ln2, -0.5}, // where training from zeros begins
		{0, 0, math.Ln2, 0.5},
	} {
		x := tensor.Scalar(c.logit).SetRequiresGrad(true)
		out := loss.BCEWithLogits{}.Forward(x, tensor.Scalar(c.target))
		out.Backward()
		if got := out.Item(); got != c.want && !(math.Abs(got-c.want) <= 1e-12*c.want) {
			t.Errorf("logit %v, target %v: got %v, want %v", c.logit, c.target, got, c.want)
		}
		if got := x.Grad().Item(); !(math.Abs(got-c.grad) <= 1e-12*math.Abs(c.grad)) {
			t.Errorf("logit %v, target %v: got gradient %v, want %v", c.logit, c.target, got, c.grad)
		}
	}
}

// Logistic regression is softmax regression with two classes: one output is the
// difference of two, in the loss and in every gradient.
func TestLogisticRegressionIsSoftmaxOfTwo(t *testing.T) {
	const n, inputs = 7, 4
	r := random.New(4).Rand()
	x := tensor.Normal(tensor.Float64, r, 0, 2, n, inputs)
	labels := tensor.New([]int64{0, 1, 1, 0, 1, 0, 0}, n)

	two := nn.NewLinear(inputs, 2, r)
	two.Weight = tensor.Normal(tensor.Float64, r, 0, 1, 2, inputs).SetRequiresGrad(true)
	two.Bias = tensor.Normal(tensor.Float64, r, 0, 1, 2).SetRequiresGrad(true)
	difference := func(t *tensor.Tensor) *tensor.Tensor {
		return t.Detach().Narrow(0, 1, 1).Sub(t.Detach().Narrow(0, 0, 1))
	}
	one := nn.NewLinear(inputs, 1, r)
	one.Weight = difference(two.Weight).SetRequiresGrad(true)
	one.Bias = difference(two.Bias).SetRequiresGrad(true)

	for name, reduction := range map[string]loss.Reduction{"mean": loss.Mean, "sum": loss.Sum} {
		for _, p := range append(nn.ParameterList(one), nn.ParameterList(two)...) {
			p.ZeroGrad()
		}
		softmax := loss.CrossEntropy{Reduction: reduction}.Forward(two.Forward(x), labels)
		logistic := loss.BCEWithLogits{Reduction: reduction}.Forward(one.Forward(x).Squeeze(1), labels.To(tensor.Float64))
		if got, want := logistic.Item(), softmax.Item(); math.Abs(got-want) > 1e-14*want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
		softmax.Backward()
		logistic.Backward()
		for i, p := range nn.ParameterList(one) {
			whole := nn.ParameterList(two)[i].Grad()
			got := tensor.Values[float64](p.Grad())
			against, towards := tensor.Values[float64](whole.Narrow(0, 0, 1)), tensor.Values[float64](whole.Narrow(0, 1, 1))
			for j := range got {
				if math.Abs(got[j]-towards[j]) > 1e-14 || math.Abs(got[j]+against[j]) > 1e-14 {
					t.Errorf("%s: parameter %d, element %d: got gradient %v, want %v and %v", name, i, j, got[j], towards[j], -against[j])
				}
			}
		}
	}
}

// Gradients flow to targets that are computed, as in distillation.
func TestGradientsOfTargets(t *testing.T) {
	r := random.New(2).Rand()
	leaf := func() *tensor.Tensor { return tensor.Normal(tensor.Float64, r, 0, 1, 3, 4).SetRequiresGrad(true) }
	for name, f := range map[string]func(x []*tensor.Tensor) *tensor.Tensor{
		"CrossEntropy": func(x []*tensor.Tensor) *tensor.Tensor {
			return loss.CrossEntropy{LabelSmoothing: 0.1}.Forward(x[0], x[1].Softmax(1))
		},
		"BCEWithLogits": func(x []*tensor.Tensor) *tensor.Tensor {
			return loss.BCEWithLogits{}.Forward(x[0], x[1].Sigmoid())
		},
		"MSE": func(x []*tensor.Tensor) *tensor.Tensor { return loss.MSE{}.Forward(x[0], x[1]) },
		"KLDiv": func(x []*tensor.Tensor) *tensor.Tensor {
			return loss.KLDiv{}.Forward(x[0].LogSoftmax(1), x[1].Softmax(1))
		},
		"KLDiv of logarithms": func(x []*tensor.Tensor) *tensor.Tensor {
			return loss.KLDiv{LogTarget: true}.Forward(x[0].LogSoftmax(1), x[1].LogSoftmax(1))
		},
	} {
		if err := gradcheck.Check(f, leaf(), leaf()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Weights take the type of what they weigh, and need no gradients.
func TestWeightsTakeTheInputsType(t *testing.T) {
	logits := tensor.Ones(tensor.Float32, 2, 3)
	w := tensor.Ones(tensor.Float64, 3).SetRequiresGrad(true)
	for name, out := range map[string]*tensor.Tensor{
		"CrossEntropy":  loss.CrossEntropy{Weight: w, LabelSmoothing: 0.5}.Forward(logits, tensor.New([]int64{0, 2}, 2)),
		"NLL":           loss.NLL{Weight: w}.Forward(logits, tensor.New([]int64{0, 2}, 2)),
		"BCEWithLogits": loss.BCEWithLogits{Weight: w, PosWeight: w}.Forward(logits, logits),
	} {
		if out.DType() != tensor.Float32 || out.RequiresGrad() {
			t.Errorf("%s: got %v", name, out)
		}
	}
}

// wantPanic fails unless f panics with an error of type E and the given text.
func wantPanic[E error](t *testing.T, text string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		got := recover()
		if err, ok := got.(E); !ok || err.Error() != text {
			t.Errorf("got  %T: %v\nwant %v: %s", got, got, reflect.TypeFor[E](), text)
		}
	}()
	f()
}

func TestShapeErrors(t *testing.T) {
	x := tensor.Zeros(tensor.Float32, 2, 3)
	row := x.Select(0, 0)
	image := tensor.Zeros(tensor.Float32, 2, 3, 4)
	labels := tensor.Zeros(tensor.Int64, 2)
	for want, f := range map[string]func(){
		"loss.CrossEntropy: shapes (3) and (2): logits (N, C, ...) and labels (N, ...), or (C) and (), expected":       func() { loss.CrossEntropy{}.Forward(row, labels) },
		"loss.CrossEntropy: shapes (2, 3) and (3): logits (N, C, ...) and labels (N, ...), or (C) and (), expected":    func() { loss.CrossEntropy{}.Forward(x, tensor.Zeros(tensor.Int64, 3)) },
		"loss.CrossEntropy: shapes (2, 3) and (2, 1): logits (N, C, ...) and labels (N, ...), or (C) and (), expected": func() { loss.CrossEntropy{}.Forward(x, labels.Unsqueeze(1)) },
		"loss.CrossEntropy: shapes (2, 3, 4) and (2): logits (N, C, ...) and labels (N, ...), or (C) and (), expected": func() { loss.CrossEntropy{}.Forward(image, labels) },
		"loss.CrossEntropy: shape (): logits (N, C, ...) or (C) expected":                                              func() { loss.CrossEntropy{}.Forward(tensor.Scalar(1.0), labels) },
		"loss.CrossEntropy: shapes (2, 3) and (3): probabilities of the logits' shape expected":                        func() { loss.CrossEntropy{}.Forward(x, row) },
		"loss.CrossEntropy: shapes (2, 3) and (2): one weight a class expected":                                        func() { loss.CrossEntropy{Weight: tensor.Ones(tensor.Float32, 2)}.Forward(x, labels) },
		"loss.CrossEntropy: shapes (2, 3) and (2, 3): one weight a class expected":                                     func() { loss.CrossEntropy{Weight: x}.Forward(x, x) },
		"loss.NLL: shapes (2, 3) and (): log-probabilities (N, C, ...) and labels (N, ...), or (C) and (), expected":   func() { loss.NLL{}.Forward(x, tensor.Scalar(int64(0))) },
		"loss.NLL: shape (): log-probabilities (N, C, ...) or (C) expected":                                            func() { loss.NLL{}.Forward(tensor.Scalar(1.0), labels) },
		"loss.BCEWithLogits: shapes (2, 3) and (3): logits and targets of one shape expected":                          func() { loss.BCEWithLogits{}.Forward(x, row) },
		"loss.BCEWithLogits: shapes (2, 3) and (2): a weight that broadcasts to the logits expected":                   func() { loss.BCEWithLogits{Weight: tensor.Ones(tensor.Float32, 2)}.Forward(x, x) },
		"loss.BCEWithLogits: shapes (3) and (3, 3): a weight that broadcasts to the logits expected":                   func() { loss.BCEWithLogits{PosWeight: tensor.Ones(tensor.Float32, 3, 3)}.Forward(row, row) },
		"loss.MSE: shapes (2, 3) and (2, 1): predictions and targets of one shape expected":                            func() { loss.MSE{}.Forward(x, x.Narrow(1, 0, 1)) },
		"loss.KLDiv: shapes (2, 3) and (3): log-probabilities and targets of one shape expected":                       func() { loss.KLDiv{}.Forward(x, row) },
		"loss.KLDiv: shape (): a batch expected, for its mean":                                                         func() { loss.KLDiv{Reduction: loss.BatchMean}.Forward(tensor.Scalar(1.0), tensor.Scalar(1.0)) },
	} {
		wantPanic[*tensor.ShapeError](t, want, f)
	}
}

func TestTypeErrors(t *testing.T) {
	x := tensor.Zeros(tensor.Float32, 2, 3)
	ints, labels := tensor.Zeros(tensor.Int64, 2, 3), tensor.Zeros(tensor.Int64, 2)
	for want, f := range map[string]func(){
		"loss.CrossEntropy: int64 elements, shape (2, 3): float32 or float64 probabilities (convert to float32) or labels of one dimension less expected": func() { loss.CrossEntropy{}.Forward(x, ints) },
		"loss.CrossEntropy: bool elements, shape (3): float32 or float64 probabilities (convert to float32) or labels of one dimension less expected":     func() { loss.CrossEntropy{LabelSmoothing: 0.1}.Forward(x.Select(0, 0), tensor.Zeros(tensor.Bool, 3)) },
		"loss.CrossEntropy: int64 elements, shape (2, 3): float32 or float64 logits expected":                                                             func() { loss.CrossEntropy{}.Forward(ints, labels) },
		"loss.CrossEntropy: uint8 elements, shapes (2, 3) and (2): int64 labels expected":                                                                 func() { loss.CrossEntropy{}.Forward(x, labels.To(tensor.Uint8)) },
		"loss.CrossEntropy: bool elements, shapes (2, 3) and (2): int64 labels expected":                                                                  func() { loss.CrossEntropy{}.Forward(x, labels.To(tensor.Bool)) },
		"loss.CrossEntropy: int64 elements, shape (2): float32 or float64 weights expected":                                                               func() { loss.CrossEntropy{Weight: labels}.Forward(x, labels) },
		"loss.NLL: int64 elements, shape (2, 3): float32 or float64 log-probabilities expected":                                                           func() { loss.NLL{}.Forward(ints, labels) },
		"loss.NLL: float32 elements, shapes (2, 3) and (2, 3): int64 labels expected":                                                                     func() { loss.NLL{}.Forward(x, x) },
		"loss.BCEWithLogits: int64 elements, shape (2, 3): float32 or float64 logits expected":                                                            func() { loss.BCEWithLogits{}.Forward(ints, x) },
		"loss.BCEWithLogits: int64 elements, shape (2, 3): float32 or float64 targets (convert to float32) expected":                                      func() { loss.BCEWithLogits{}.Forward(x, ints) },
		"loss.BCEWithLogits: int64 elements, shape (2, 3): float32 or float64 weights expected":                                                           func() { loss.BCEWithLogits{Weight: ints}.Forward(x, x) },
		"loss.MSE: int64 elements, shape (2, 3): float32 or float64 predictions expected":                                                                 func() { loss.MSE{}.Forward(ints, x) },
		"loss.MSE: int64 elements, shape (2, 3): float32 or float64 targets (convert to float32) expected":                                                func() { loss.MSE{}.Forward(x, ints) },
		"loss.KLDiv: int64 elements, shape (2, 3): float32 or float64 log-probabilities expected":                                                         func() { loss.KLDiv{}.Forward(ints, x) },
		"loss.KLDiv: int64 elements, shape (2, 3): float32 or float64 targets (convert to float32) expected":                                              func() { loss.KLDiv{}.Forward(x, ints) },
	} {
		wantPanic[*tensor.DTypeError](t, want, f)
	}
}

func TestLabelErrors(t *testing.T) {
	x := tensor.Zeros(tensor.Float32, 2, 3)
	pictures := tensor.Zeros(tensor.Float32, 2, 3, 1, 2)
	ints := func(v ...int64) *tensor.Tensor { return tensor.New(v, len(v)) }
	for want, f := range map[string]func(){
		"loss.CrossEntropy: label 3 at (1): 0 to 2 expected, there are 3 classes":                                                          func() { loss.CrossEntropy{}.Forward(x, ints(0, 3)) },
		"loss.CrossEntropy: label -1 at (0): 0 to 2 expected, there are 3 classes: IgnoreIndex names a label whose samples do not count":   func() { loss.CrossEntropy{}.Forward(x, ints(-1, 3)) },
		"loss.CrossEntropy: label -100 at (0): 0 to 2 expected, there are 3 classes: IgnoreIndex names a label whose samples do not count": func() { loss.CrossEntropy{}.Forward(x, ints(-100, 0)) },
		"loss.CrossEntropy: label 5 at (): 0 to 2 expected, there are 3 classes":                                                           func() { loss.CrossEntropy{}.Forward(x.Select(0, 0), tensor.Scalar(int64(5))) },
		"loss.CrossEntropy: label 7 at (1, 0, 1): 0 to 2 expected, there are 3 classes":                                                    func() { loss.CrossEntropy{}.Forward(pictures, tensor.New([]int64{0, 1, 2, 7}, 2, 1, 2)) },
		"loss.NLL: label 9 at (1): 0 to 2 expected, there are 3 classes":                                                                   func() { loss.NLL{IgnoreIndex: new(int64(-1))}.Forward(x, ints(-1, 9)) },
	} {
		wantPanic[*fault.LabelError](t, want, f)
	}
}

func TestOptionErrors(t *testing.T) {
	x, labels := tensor.Zeros(tensor.Float32, 2, 3), tensor.Zeros(tensor.Int64, 2)
	for want, f := range map[string]func(){
		"loss.CrossEntropy: reduction Reduction(4): mean, sum or none expected":                func() { loss.CrossEntropy{Reduction: 4}.Forward(x, labels) },
		"loss.CrossEntropy: reduction batchmean: mean, sum or none expected":                   func() { loss.CrossEntropy{Reduction: loss.BatchMean}.Forward(x, x) },
		"loss.NLL: reduction Reduction(-1): mean, sum or none expected":                        func() { loss.NLL{Reduction: -1}.Forward(x, labels) },
		"loss.BCEWithLogits: reduction batchmean: mean, sum or none expected":                  func() { loss.BCEWithLogits{Reduction: loss.BatchMean}.Forward(x, x) },
		"loss.MSE: reduction batchmean: mean, sum or none expected":                            func() { loss.MSE{Reduction: loss.BatchMean}.Forward(x, x) },
		"loss.KLDiv: reduction Reduction(4): mean, batchmean, sum or none expected":            func() { loss.KLDiv{Reduction: 4}.Forward(x, x) },
		"loss.CrossEntropy: label smoothing -0.1: 0 to 1 expected":                             func() { loss.CrossEntropy{LabelSmoothing: -0.1}.Forward(x, labels) },
		"loss.CrossEntropy: label smoothing 1.1: 0 to 1 expected":                              func() { loss.CrossEntropy{LabelSmoothing: 1.1}.Forward(x, labels) },
		"loss.CrossEntropy: label smoothing NaN: 0 to 1 expected":                              func() { loss.CrossEntropy{LabelSmoothing: math.NaN()}.Forward(x, x) },
		"loss.CrossEntropy: ignored label 0, but the target is probabilities: labels expected": func() { loss.CrossEntropy{IgnoreIndex: new(int64(0))}.Forward(x, x) },
	} {
		wantPanic[*fault.OptionError](t, want, f)
	}
	for r, want := range map[loss.Reduction]string{loss.Mean: "mean", loss.Sum: "sum", loss.None: "none"} {
		if r.String() != want {
			t.Errorf("got %s, want %s", r, want)
		}
	}
}
