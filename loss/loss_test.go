package loss_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/onehot-go/onehot/internal/gradcheck"
	"github.com/onehot-go/onehot/internal/reference"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

var reductions = map[string]loss.Reduction{"mean": loss.Mean, "sum": loss.Sum, "none": loss.None}

// TestCrossEntropy compares losses and gradients with PyTorch's.
func TestCrossEntropy(t *testing.T) {
	var file struct {
		Losses []struct {
			Name, Reduction                    string
			Logits, Labels, Output, Seed, Grad reference.Array
		}
	}
	reference.Load(t, "testdata/reference.json", &file)
	seen := map[loss.Reduction]int{}
	for _, c := range file.Losses {
		reduction, ok := reductions[c.Reduction]
		if !ok {
			t.Fatalf("no reduction is named %s", c.Reduction)
		}
		seen[reduction]++
		name := c.Name + ", " + c.Reduction
		criterion := loss.CrossEntropy{Reduction: reduction}
		logits, labels := c.Logits.Tensor().SetRequiresGrad(true), c.Labels.Tensor()
		out := criterion.Forward(logits, labels)
		if err := reference.Compare(out, c.Output, 1e-14); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		out.Backward(c.Seed.Tensor())
		if err := reference.Compare(logits.Grad(), c.Grad, 1e-14); err != nil {
			t.Errorf("%s: gradient: %v", name, err)
		}
	}
	if len(seen) != 3 {
		t.Errorf("only %d reductions were tested", len(seen))
	}
}

// batch returns random logits of some classes, with random labels.
func batch(n, classes int) (logits, labels *tensor.Tensor) {
	r := random.New(2).Rand()
	picked := make([]int64, n)
	for i := range picked {
		picked[i] = int64(r.IntN(classes))
	}
	return tensor.Normal(tensor.Float64, r, 0, 2, n, classes).SetRequiresGrad(true), tensor.New(picked, n)
}

func TestCrossEntropyGradients(t *testing.T) {
	for name, reduction := range reductions {
		logits, labels := batch(5, 4)
		f := func(x []*tensor.Tensor) *tensor.Tensor {
			return loss.CrossEntropy{Reduction: reduction}.Forward(x[0], labels)
		}
		if err := gradcheck.Check(f, logits); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The gradient of the sum of the losses is what the model believes less the truth.
func TestCrossEntropyGradientIsSoftmaxLessOneHot(t *testing.T) {
	const n, classes = 6, 5
	logits, labels := batch(n, classes)
	loss.CrossEntropy{Reduction: loss.Sum}.Forward(logits, labels).Backward()
	softmax := logits.Detach().Softmax(1)
	for i := range n {
		for j := range classes {
			want := softmax.At(i, j)
			if j == int(labels.At(i)) {
				want--
			}
			if got := logits.Grad().At(i, j); math.Abs(got-want) > 1e-15 {
				t.Errorf("(%d, %d): got %v, want %v", i, j, got, want)
			}
		}
	}
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

func TestCrossEntropyPanics(t *testing.T) {
	logits := tensor.Zeros(tensor.Float32, 2, 3)
	ints := func(v ...int64) *tensor.Tensor { return tensor.New(v, len(v)) }
	for want, f := range map[string]func(){
		"loss.CrossEntropy: shapes (3) and (2): logits (N, C) and labels (N) expected":       func() { loss.CrossEntropy{}.Forward(logits.Select(0, 0), ints(0, 1)) },
		"loss.CrossEntropy: shapes (2, 3) and (3): logits (N, C) and labels (N) expected":    func() { loss.CrossEntropy{}.Forward(logits, ints(0, 1, 2)) },
		"loss.CrossEntropy: shapes (2, 3) and (2, 1): logits (N, C) and labels (N) expected": func() { loss.CrossEntropy{}.Forward(logits, ints(0, 1).Unsqueeze(1)) },
		"gather: shapes (2, 3) and (2, 1): index 3 is outside dimension 1 of size 3":         func() { loss.CrossEntropy{}.Forward(logits, ints(0, 3)) },
		"gather: shapes (2, 3) and (2, 1): index -1 is outside dimension 1 of size 3":        func() { loss.CrossEntropy{}.Forward(logits, ints(-1, 0)) },
		"gather: uint8 elements: int64 indices expected":                                     func() { loss.CrossEntropy{}.Forward(logits, ints(0, 1).To(tensor.Uint8)) },
		"loss: unknown reduction 3": func() { loss.CrossEntropy{Reduction: 3}.Forward(logits, ints(0, 1)) },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			}()
			f()
		}()
	}
}
