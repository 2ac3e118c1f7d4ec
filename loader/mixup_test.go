package loader

import (
	"math"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/reference"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// references is what testdata/reference.py wrote.
type references struct {
	Mixtures []struct {
		Images, Labels reference.Array
		Partners       []int
		Lambda         float64
		Classes        int
		Mixed, Targets reference.Array
	}
	Distributions []struct {
		Alpha         float64
		Points, Below []float64
	}
}

// TestMix compares with PyTorch, bit for bit: the same products are rounded and added.
func TestMix(t *testing.T) {
	var file references
	reference.Load(t, "testdata/reference.json", &file)
	for _, c := range file.Mixtures {
		b := Batch{Inputs: c.Images.Tensor(), Targets: c.Labels.Tensor()}
		images, targets := mix(b, c.Classes, c.Lambda, c.Partners)
		for name, x := range map[string]struct {
			got  *tensor.Tensor
			want *tensor.Tensor
		}{"images": {images, c.Mixed.Tensor()}, "targets": {targets, c.Targets.Tensor()}} {
			if !slices.Equal(x.got.Shape(), x.want.Shape()) || !slices.Equal(tensor.Data[float32](x.got), tensor.Data[float32](x.want)) {
				t.Errorf("lambda %v: %s\n%v\nwant\n%v", c.Lambda, name, x.got, x.want)
			}
		}
	}
}

// TestBeta compares how often draws are below some points with SciPy.
func TestBeta(t *testing.T) {
	var file references
	reference.Load(t, "testdata/reference.json", &file)
	const n = 20000
	for _, d := range file.Distributions {
		below := make([]int, len(d.Points))
		for i := range n {
			lambda := beta(random.New(uint64(i)).Rand(), d.Alpha)
			if !(lambda >= 0 && lambda <= 1) {
				t.Fatalf("alpha %v: drew %v", d.Alpha, lambda)
			}
			for j, p := range d.Points {
				if lambda < p {
					below[j]++
				}
			}
		}
		for j, p := range d.Below {
			if off := math.Abs(float64(below[j]) - n*p); off > 4*math.Sqrt(n*p*(1-p)) {
				t.Errorf("alpha %v: %d of %d draws are below %v, want %v", d.Alpha, below[j], n, d.Points[j], n*p)
			}
		}
	}
	if got := beta(random.New(0).Rand(), 1e-9); got != 0 && got != 1 {
		t.Errorf("alpha 1e-9: drew %v, want one of the two", got)
	}
}

func TestMixup(t *testing.T) {
	x := tensor.Uniform(tensor.Float32, random.New(0).Rand(), 0, 1, 6, 1, 2, 2)
	b := Batch{Inputs: x.Clone(), Targets: tensor.New([]int64{0, 1, 2, 0, 1, 2}, 6)}
	for i := range 50 {
		key := random.New(uint64(i))
		images, targets := Mixup(b, 3, 0.4, key)
		again, _ := Mixup(b, 3, 0.4, key)
		if !slices.Equal(tensor.Data[float32](images), tensor.Data[float32](again)) {
			t.Fatal("one key gave two mixtures")
		}
		for k, sum := range tensor.Data[float32](targets.Sum(1)) {
			if math.Abs(float64(sum)-1) > 1e-7 {
				t.Errorf("the targets of sample %d sum to %v", k, sum)
			}
		}
		r := key.Rand()
		lambda := beta(r, 0.4)
		want, _ := mix(b, 3, lambda, r.Perm(6))
		if !slices.Equal(tensor.Data[float32](images), tensor.Data[float32](want)) {
			t.Fatal("images are not mixed by what was drawn")
		}
	}
	if !slices.Equal(tensor.Data[float32](b.Inputs), tensor.Data[float32](x)) {
		t.Error("the batch was changed")
	}
}

// TestMixupOfVectors checks that classes and the one-hot vectors of them give the same, and
// that the vectors of several classes are mixed too.
func TestMixupOfVectors(t *testing.T) {
	x := tensor.Uniform(tensor.Float32, random.New(0).Rand(), 0, 1, 3, 2)
	labels := tensor.New([]int64{2, 0, 0}, 3)
	oneHot := tensor.New([]float32{0, 0, 1, 1, 0, 0, 1, 0, 0}, 3, 3)
	inputs, targets := Mixup(Batch{Inputs: x, Targets: labels}, 3, 1, random.New(1))
	same, vectors := Mixup(Batch{Inputs: x, Targets: oneHot}, 3, 1, random.New(1))
	if !slices.Equal(tensor.Data[float32](inputs), tensor.Data[float32](same)) || !slices.Equal(tensor.Data[float32](targets), tensor.Data[float32](vectors)) {
		t.Errorf("classes give %v, one-hot vectors %v", targets, vectors)
	}
	several := tensor.New([]float32{1, 1, 0, 0}, 2, 2)
	_, targets = mix(Batch{Inputs: x.Narrow(0, 0, 2), Targets: several}, 2, 0.75, []int{1, 0})
	if got, want := tensor.Data[float32](targets), []float32{0.75, 0.75, 0.25, 0.25}; !slices.Equal(got, want) {
		t.Errorf("vectors of several classes give %v, want %v", got, want)
	}
}

func TestMixupPanics(t *testing.T) {
	vectors := Batch{Inputs: tensor.Zeros(tensor.Float32, 2, 1), Targets: tensor.Zeros(tensor.Float32, 2, 3)}
	b := Batch{Inputs: tensor.Zeros(tensor.Float32, 2, 1, 1, 1), Targets: tensor.New([]int64{0, 2}, 2)}
	for _, test := range []struct {
		b       Batch
		classes int
		alpha   float64
		want    string
	}{
		{vectors, 2, 1, "loader.Mixup: 2 classes: targets are vectors of 3"},
		{b, 2, 1, "loader.Mixup: label 2 at (1): 0 to 1 expected, there are 2 classes"},
		{b, 3, 0, "loader.Mixup: alpha 0: a positive number expected"},
		{b, 3, math.NaN(), "loader.Mixup: alpha NaN: a positive number expected"},
		{b, 3, math.Inf(1), "loader.Mixup: alpha +Inf: a positive number expected"},
	} {
		func() {
			defer func() {
				err, _ := recover().(error)
				_, option := err.(*fault.OptionError)
				if _, label := err.(*fault.LabelError); !option && !label || err.Error() != test.want {
					t.Errorf("panic with %v, want %q", err, test.want)
				}
			}()
			Mixup(test.b, test.classes, test.alpha, random.New(0))
		}()
	}
}
