package nn_test

import (
	"fmt"
	"iter"
	"os"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// TestTextIsPyTorchs holds what layers and nets print to testdata/printing.txt.
func TestTextIsPyTorchs(t *testing.T) {
	r := random.New(0).Rand()
	made := func(input []int, options any) nn.Module {
		net, err := nn.Build([]nn.Spec{{Name: "a", Options: options}}, input, random.New(0))
		if err != nil {
			t.Fatal(err)
		}
		return net.Layer("a")
	}
	picture := []int{4, 9, 9}
	modules := []nn.Module{
		nn.NewLinear(784, 10, r),
		nn.NewLinearNoBias(3, 2, r),
		nn.NewConv2d(1, 6, [2]int{5, 5}, tensor.Conv2dOptions{}, r),
		made(picture, nn.Conv2dOptions{In: 4, Out: 8, Kernel: nn.Pair{3, 1}, Stride: nn.Square(2), Padding: nn.Pair{1, 0}, Dilation: nn.Pair{2, 1}, Groups: 4, NoBias: true}),
		nn.NewBatchNorm1d(8),
		made([]int{8}, nn.BatchNorm1dOptions{In: 8, Eps: new(0.001), Momentum: new(1.0)}),
		nn.NewBatchNorm2d(6),
		made([]int{6, 2, 2}, nn.BatchNorm2dOptions{In: 6, Cumulative: true, NoAffine: true}),
		nn.NewLayerNorm(10),
		made([]int{2, 3, 4}, nn.LayerNormOptions{Shape: []int{3, 4}, Eps: new(1e-6)}),
		nn.NewGroupNorm(2, 6),
		nn.NewMaxPool2d(2),
		made(picture, nn.MaxPool2dOptions{Kernel: nn.Square(3), Stride: nn.Square(2), Padding: nn.Square(1)}),
		made(picture, nn.MaxPool2dOptions{Kernel: nn.Pair{3, 2}}),
		made(picture, nn.AvgPool2dOptions{Kernel: nn.Square(2), Stride: nn.Square(1)}),
		nn.AdaptiveAvgPool2d{Rows: 1, Cols: 1},
		nn.AdaptiveAvgPool2d{Rows: 2, Cols: 3},
		nn.ZeroPad2d{Left: 1, Right: 1, Top: 1, Bottom: 1},
		nn.ZeroPad2d{Right: 1, Top: 2, Bottom: 3},
		nn.Flatten{},
		nn.FlattenDims(2, 3),
		nn.NewDropout(0.5),
		nn.NewDropout(0),
		nn.NewDropout2d(0.1),
		nn.Softmax{},
		nn.LogSoftmaxDim(-1),
		nn.Identity{},
		nn.ReLU{},
		nn.LeakyReLU{},
		nn.LeakyReLU{Slope: 0.25},
		nn.GELU{},
		nn.Sigmoid{},
		nn.Tanh{},
		nn.SiLU{},
		nn.ReLU6{},
		nn.Hardsigmoid{},
		nn.Hardswish{},
		nn.NewSequential(),
		nn.NewSequential(nn.Named("flatten", nn.Flatten{}), nn.Named("linear", nn.NewLinear(784, 10, r))),
		nn.NewStochasticDepth(0.2),
		nn.NewSequential(nn.NewSequential(nn.NewLinear(2, 3, r), nn.ReLU{}), nn.NewSequential(), nn.NewLinear(3, 1, r)),
	}
	golden, err := os.ReadFile("testdata/printing.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(string(golden), "---\n")[1:]
	if len(want) != len(modules) {
		t.Fatalf("%d modules, PyTorch printed %d", len(modules), len(want))
	}
	for i, m := range modules {
		if got := fmt.Sprintln(m); got != want[i] {
			t.Errorf("got\n%swant\n%s", got, want[i])
		}
	}
}

// times is a layer of another package, as timesOptions define it.
type times struct{ by float64 }

type timesOptions struct {
	By    float64 `json:"by"`
	Names []int   `json:"names,omitempty"`
	Of    string  `json:"of"`
}

func (times) Parameters() iter.Seq2[string, *tensor.Tensor] { return nn.Identity{}.Parameters() }
func (s times) Forward(x *tensor.Tensor) *tensor.Tensor     { return x.MulScalar(s.by) }

// spoken is a layer that is not registered and has a String of its own.
type spoken struct{ nn.Identity }

func (spoken) String() string { return "spoken\nin two lines" }

// silent is one that has none.
type silent struct{ by float64 }

func (silent) Parameters() iter.Seq2[string, *tensor.Tensor] { return nn.Identity{}.Parameters() }
func (silent) Forward(x *tensor.Tensor) *tensor.Tensor       { return x }

// TestTextOfOthers prints layers of other packages, PyTorch having no example.
func TestTextOfOthers(t *testing.T) {
	nn.Register(nn.Type[times, timesOptions]{
		Name:    "test.times",
		Cost:    func(_ timesOptions, in nn.Sample) (nn.Cost, error) { return nn.Cost{Output: in.Shape}, nil },
		Make:    func(o timesOptions, _ nn.Place) times { return times{o.By} },
		Options: func(s times) (timesOptions, error) { return timesOptions{s.by, []int{1, 2}, "x"}, nil },
	})
	r := random.New(0).Rand()
	net := nn.NewSequential(
		nn.Named("body", &nn.Residual{Body: nn.NewPHM(2, 4, 4, r), Shortcut: nn.Named("way", nn.Identity{})}),
		times{2}, spoken{}, silent{3}, nn.Named("own", twoLayers(r)))
	const want = `Sequential(
  (body): Residual(
    (body): PHM(n=2, in=4, out=4)
    (way): Identity()
  )
  (1): times(by=2, names=[1,2], of="x")
  (2): spoken
  in two lines
  (3): silent()
  (own): pair(
    (first): Linear(in_features=2, out_features=2, bias=True)
    (second): Dropout(p=0.5, inplace=False)
  )
)`
	if got := net.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := fmt.Sprint(nn.Named("a", nn.ReLU{})); got != "ReLU()" {
		t.Errorf("a named layer is %s", got)
	}
}
