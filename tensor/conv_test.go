package tensor_test

import (
	"fmt"
	"testing"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

func TestConv2dErrors(t *testing.T) {
	x, w := zeros(2, 4, 5, 6), zeros(6, 4, 3, 3)
	type options = tensor.Conv2dOptions
	for text, f := range map[string]func(){
		"conv2d: shapes (4, 5, 6) and (6, 4, 3, 3): pictures (N, C, H, W) and filters (O, C, h, w) expected":                        func() { zeros(4, 5, 6).Conv2d(w, nil, options{}) },
		"conv2d: shapes (2, 4, 5, 6) and (6, 4): pictures (N, C, H, W) and filters (O, C, h, w) expected":                           func() { x.Conv2d(zeros(6, 4), nil, options{}) },
		"conv2d: shapes (2, 4, 0, 6) and (6, 4, 3, 3): pictures and filters of at least one element expected":                       func() { zeros(2, 4, 0, 6).Conv2d(w, nil, options{Padding: [2]int{2, 2}}) },
		"conv2d: shapes (2, 4, 5, 6) and (6, 4, 0, 3): pictures and filters of at least one element expected":                       func() { x.Conv2d(zeros(6, 4, 0, 3), nil, options{}) },
		"conv2d: shapes (2, 3, 5, 6) and (6, 4, 3, 3): 3 channels and 6 filters of 4 channels in 1 groups":                          func() { zeros(2, 3, 5, 6).Conv2d(w, nil, options{}) },
		"conv2d: shapes (2, 4, 5, 6) and (6, 4, 3, 3) and (6): 4 channels and 6 filters of 4 channels in 2 groups":                  func() { x.Conv2d(w, zeros(6), options{Groups: 2}) },
		"conv2d: shapes (2, 4, 5, 6) and (5, 2, 3, 3): 4 channels and 5 filters of 2 channels in 2 groups":                          func() { x.Conv2d(zeros(5, 2, 3, 3), nil, options{Groups: 2}) },
		"conv2d: shapes (2, 4, 5, 6) and (6, 4, 3, 3) and (5): a bias of 6 elements expected":                                       func() { x.Conv2d(w, zeros(5), options{}) },
		"conv2d: shapes (2, 4, 5, 6) and (6, 4, 3, 3) and (6, 1): a bias of 6 elements expected":                                    func() { x.Conv2d(w, zeros(6, 1), options{}) },
		"conv2d: shapes (2, 4, 5, 6) and (6, 4, 6, 3): filters with dilation [1 1] are larger than the pictures with padding [0 0]": func() { x.Conv2d(zeros(6, 4, 6, 3), nil, options{}) },
		"conv2d: shapes (2, 4, 5, 6) and (6, 4, 3, 3): filters with dilation [1 5] are larger than the pictures with padding [0 2]": func() {
			x.Conv2d(w, nil, options{Dilation: [2]int{1, 5}, Padding: [2]int{0, 2}})
		},
		"conv2d: shapes (2, 4, 5, 6) and (6, 4, 3, 3): stride [1 -1], padding [0 0], dilation [1 1] and 1 groups: a padding of at least 0, and the others at least 1, expected": func() {
			x.Conv2d(w, nil, options{Stride: [2]int{1, -1}})
		},
		"conv2d: shapes (2, 4, 5, 6) and (6, 4, 3, 3): stride [1 1], padding [-1 0], dilation [1 2] and 1 groups: a padding of at least 0, and the others at least 1, expected": func() {
			x.Conv2d(w, nil, options{Padding: [2]int{-1, 0}, Dilation: [2]int{0, 2}})
		},
		"conv2d: shapes (2, 4, 5, 6) and (6, 4, 3, 3): stride [1 1], padding [0 0], dilation [1 1] and -2 groups: a padding of at least 0, and the others at least 1, expected": func() {
			x.Conv2d(w, nil, options{Groups: -2})
		},
	} {
		wantPanic[*tensor.ShapeError](t, text, text, f)
	}
	for text, f := range map[string]func(){
		"conv2d: int64 elements, shapes (2, 4, 5, 6) and (6, 4, 3, 3): float32, or float64, for all expected": func() {
			x.To(tensor.Int64).Conv2d(w, nil, options{})
		},
		"conv2d: float64 elements, shapes (2, 4, 5, 6) and (6, 4, 3, 3): float32, or float64, for all expected": func() {
			x.Conv2d(w.To(tensor.Float64), nil, options{})
		},
		"conv2d: float64 elements, shapes (2, 4, 5, 6) and (6, 4, 3, 3) and (6): float32, or float64, for all expected": func() {
			x.Conv2d(w, zeros(6).To(tensor.Float64), options{})
		},
	} {
		wantPanic[*tensor.DTypeError](t, text, text, f)
	}
}

// TestConv2dThreads holds that results and gradients have the same bits for any number of
// threads.
func TestConv2dThreads(t *testing.T) {
	defer tensor.SetThreads(0)
	run := func(threads int) []*Tensor {
		tensor.SetThreads(threads)
		leaf := func(at int, shape ...int) *Tensor {
			return tensor.Normal(tensor.Float32, random.New(7).At(at).Rand(), 0, 1, shape...).SetRequiresGrad(true)
		}
		x, w, b := leaf(0, 41, 3, 14, 14), leaf(1, 20, 3, 3, 3), leaf(2, 20)
		y := x.Conv2d(w, b, tensor.Conv2dOptions{Padding: [2]int{1, 1}})
		y.Mul(y).Sum().Backward()
		return []*Tensor{y, x.Grad(), w.Grad(), b.Grad()}
	}
	want := run(1)
	for _, threads := range []int{2, 3, 5, 8} {
		for i, got := range run(threads) {
			wantSame(t, fmt.Sprintf("%d threads, tensor %d", threads, i), got, want[i])
		}
	}
}

// TestConv2dKeepsNothing holds that pictures which need no gradient get none, and that
// nothing is recorded from NoGrad.
func TestConv2dKeepsNothing(t *testing.T) {
	x, w := tensor.Ones(tensor.Float64, 1, 1, 2, 2), tensor.Ones(tensor.Float64, 1, 1, 2, 2).SetRequiresGrad(true)
	x.Conv2d(w, nil, tensor.Conv2dOptions{}).Sum().Backward()
	if x.Grad() != nil || w.Grad() == nil {
		t.Errorf("got gradients %v and %v, want one of the filters alone", x.Grad(), w.Grad())
	}
	if x.NoGrad().Conv2d(w, nil, tensor.Conv2dOptions{}).RequiresGrad() {
		t.Error("a result of a NoGrad tensor requires gradients")
	}
}

func ExampleTensor_Conv2d() {
	picture := tensor.New([]float32{
		0, 0, 9, 9,
		0, 0, 9, 9,
		0, 0, 9, 9,
	}, 1, 1, 3, 4)
	edges := tensor.New([]float32{-1, 1}, 1, 1, 1, 2)
	fmt.Println(picture.Conv2d(edges, nil, tensor.Conv2dOptions{}).Select(0, 0).Select(0, 0))
	// Output:
	// tensor([[0., 9., 0.],
	//         [0., 9., 0.],
	//         [0., 9., 0.]])
}

func BenchmarkConv2d(b *testing.B) {
	for _, c := range []struct {
		name                                     string
		channels, filters, size, kernel, padding int
	}{
		{"cnn1", 1, 32, 28, 3, 1}, {"cnn2", 32, 64, 14, 3, 1},
		{"lenet1", 1, 6, 28, 5, 2}, {"lenet2", 6, 16, 14, 5, 0},
	} {
		leaf := func(shape ...int) *Tensor {
			return tensor.Normal(tensor.Float32, random.New(1).Rand(), 0, 1, shape...).SetRequiresGrad(true)
		}
		x := leaf(256, c.channels, c.size, c.size).SetRequiresGrad(c.channels > 1)
		w, bias := leaf(c.filters, c.channels, c.kernel, c.kernel), leaf(c.filters)
		o := tensor.Conv2dOptions{Padding: [2]int{c.padding, c.padding}}
		seed := x.NoGrad().Conv2d(w, bias, o)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.Conv2d(w, bias, o).Backward(seed)
			}
		})
	}
}
