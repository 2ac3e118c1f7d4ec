package report

import (
	"image"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// TestEvidence compares it with weight times pixel of softmax regression, and checks that
// with the bias it sums to the logit.
func TestEvidence(t *testing.T) {
	r := random.New(1).Rand()
	layer := nn.NewLinear(2*3*4, 5, r)
	net := nn.NewSequential(nn.Flatten{}, layer)
	x := tensor.Zeros(tensor.Float32, 2, 3, 4).NormalInPlace(r, 0, 1)
	logits := net.Forward(x.Unsqueeze(0).NoGrad())
	for class := range 5 {
		got := Evidence(net, x, class)
		if !slices.Equal(got.Shape(), x.Shape()) {
			t.Fatalf("evidence of shape %v for a sample of %v", got.Shape(), x.Shape())
		}
		want := layer.Weight.NoGrad().Select(0, class).Reshape(2, 3, 4).Mul(x)
		if !slices.Equal(tensor.Values[float32](got), tensor.Values[float32](want)) {
			t.Errorf("class %d: evidence %v, want %v", class, got, want)
		}
		sum, logit := got.Sum().Item()+layer.Bias.NoGrad().At(class), logits.At(0, class)
		if math.Abs(sum-logit) > 1e-5*max(1, math.Abs(logit)) {
			t.Errorf("class %d: evidence and bias sum to %g, the logit is %g", class, sum, logit)
		}
	}
	if x.RequiresGrad() || x.Grad() != nil {
		t.Error("the sample was changed")
	}
}

// TestEvidenceOfMLP compares it with what a net without biases says: one of ReLU is linear
// where no unit changes its sign, so that the evidence sums to the logit.
func TestEvidenceOfMLP(t *testing.T) {
	r := random.New(1).Rand()
	a, b := nn.NewLinear(12, 9, r), nn.NewLinear(9, 3, r)
	a.Bias.FillInPlace(0)
	b.Bias.FillInPlace(0)
	dropout := nn.NewDropout(0.5)
	net := nn.NewSequential(nn.Flatten{}, a, nn.ReLU{}, dropout, b)
	x := tensor.Zeros(tensor.Float32, 1, 3, 4).NormalInPlace(r, 0, 1)
	sum := Evidence(net, x, 2).Sum().Item()
	if !dropout.Training() {
		t.Error("the net is no longer in training")
	}
	if logit := net.Forward(x.Unsqueeze(0).NoGrad().Evaluation()).At(0, 2); math.Abs(sum-logit) > 1e-5*max(1, math.Abs(logit)) {
		t.Errorf("evidence sums to %g, the logit is %g", sum, logit)
	}
}

// TestExplanationOfColour adds up what the channels of a pixel say: twice 1 and -2 are white, and
// 3 is twice as dark as -1.5.
func TestExplanationOfColour(t *testing.T) {
	evidence := tensor.New([]float32{1, 1, -0.5, 1, 1, -0.5, -2, 1, -0.5}, 3, 1, 3)
	d := Explanation(gradient(3, 1), []string{"a class"}, []*tensor.Tensor{evidence})
	var pictures []image.Image
	for _, m := range d.marks {
		if b, ok := m.(bitmap); ok {
			pictures = append(pictures, b.picture)
		}
	}
	if len(pictures) != 2 || !strings.Contains(d.title, "the darkest are ±3 of its logit") {
		t.Fatalf("%d pictures, titled %q", len(pictures), d.title)
	}
	width := pictures[1].Bounds().Dx()
	for i, v := range []float64{0, 1, -0.5} {
		if got, want := pictures[1].At(width*(2*i+1)/6, 0), heatColour(v); got != want {
			t.Errorf("pixel %d is %v, want %v", i, got, want)
		}
	}
}

func TestFirstWeights(t *testing.T) {
	r := random.New(1).Rand()
	a, b := nn.NewLinear(12, 9, r), nn.NewLinear(9, 3, r)
	net := nn.NewSequential(nn.Flatten{}, a, nn.ReLU{}, b)
	if got := FirstWeights(net, 12); got == nil || !slices.Equal(tensor.Values[float32](got), tensor.Values[float32](a.Weight)) {
		t.Errorf("got %v, want the first layer's", got)
	}
	if got := FirstWeights(net, 9); got != nil {
		t.Errorf("got %v of a layer that does not see the samples", got)
	}
	if got := FirstWeights(nn.ReLU{}, 9); got != nil {
		t.Errorf("got %v of a net without weights", got)
	}
}

// TestRowNames checks that a hidden layer of as many units as there are classes does not
// get their names.
func TestRowNames(t *testing.T) {
	r := random.New(1).Rand()
	classes := names(3)
	first := nn.NewLinear(12, 3, r)
	if got := rowNames(nn.NewSequential(nn.Flatten{}, first), classes); !slices.Equal(got, classes) {
		t.Errorf("rows of the only layer are named %q", got)
	}
	if got := rowNames(nn.NewSequential(nn.Flatten{}, first, nn.ReLU{}, nn.NewLinear(3, 3, r)), classes); got != nil {
		t.Errorf("units are named %q", got)
	}
}

func TestPictures(t *testing.T) {
	p := guesses(names(3), 60)
	r := random.New(1).Rand()
	for name, test := range map[string]struct {
		net     nn.Module
		weights bool
	}{
		"softmax": {nn.NewSequential(nn.Flatten{}, nn.NewLinear(12, 3, r)), true},
		"mlp":     {nn.NewSequential(nn.Flatten{}, nn.NewLinear(12, 300, r), nn.ReLU{}, nn.NewLinear(300, 3, r)), true},
		"other":   {nn.ReLU{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := Pictures(dir, history("a", 3, 0), p, test.net, []int{1, 3, 4}); err != nil {
				t.Fatal(err)
			}
			want := PictureFiles
			if !test.weights {
				want = slices.DeleteFunc(slices.Clone(want), func(name string) bool { return name == "weights.png" })
			}
			files, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range files {
				got = append(got, f.Name())
			}
			if !slices.Equal(got, want) {
				t.Errorf("files %v, want %v", got, want)
			}
		})
	}
	if err := Pictures(filepath.Join(t.TempDir(), "missing"), Run{}, p, nn.ReLU{}, []int{1, 3, 4}); err == nil {
		t.Error("pictures in no folder")
	}
}
