package nn_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// made returns a layer for three channels of each kind that the table of fusions has.
var made = map[string]func() nn.Module{
	"Conv2d": func() nn.Module {
		return nn.NewConv2d(3, 3, [2]int{3, 3}, tensor.Conv2dOptions{Padding: [2]int{1, 1}}, rng())
	},
	"BatchNorm2d":                   func() nn.Module { return nn.NewBatchNorm2d(3) },
	"ReLU":                          func() nn.Module { return nn.ReLU{} },
	"Linear":                        func() nn.Module { return nn.NewLinear(5, 4, rng()) },
	"MaxPool2d":                     func() nn.Module { return nn.MaxPool2d{Pool2dOptions: window} },
	"MaxPool2d of 2×2 side by side": func() nn.Module { return nn.NewMaxPool2d(2) },
}

// TestFusions holds every row of the table of fusions to what its layers give one by one, in
// training and in evaluation: in outputs and running statistics to the bit, and in gradients
// too, but where the row says how they differ.
func TestFusions(t *testing.T) {
	poisoned(t)
	for _, row := range nn.Fusions() {
		name := strings.Join(row.Layers, ", ")
		layers := func() (list []nn.Module) {
			for _, kind := range row.Layers {
				list = append(list, made[kind]())
			}
			return list
		}
		if got := nn.Fused(layers()...); !slices.Equal(got, []string{row.Operation}) {
			t.Errorf("%s: passed through %q, want %s", name, got, row.Operation)
		}
		if _, ok := reflect.TypeFor[*tensor.Tensor]().MethodByName(row.Operation); !ok {
			t.Errorf("%s: a tensor has no method %s", name, row.Operation)
		}
		for _, training := range []bool{true, false} {
			compare(t, name, row.Gradients, training, layers)
		}
	}
}

// compare holds that a Sequential of some layers gives what they give one by one. gradients says
// how those differ, "" for not at all.
func compare(t *testing.T, name, gradients string, training bool, layers func() []nn.Module) {
	t.Helper()
	fused, apart := nn.NewSequential(layers()...), nn.NewSequential(layers()...)
	nn.SetTraining(fused, training)
	nn.SetTraining(apart, training)
	x := tensor.Normal(tensor.Float32, rng(), 0.5, 2, 60, 3, 6, 5).SetRequiresGrad(true)
	z := x.Detach().Clone().SetRequiresGrad(true)
	y, want := fused.Forward(x), z
	for _, l := range apart.Layers() {
		want = l.Forward(want)
	}
	seed := tensor.Normal(tensor.Float32, rng(), 0, 1, y.Shape()...)
	y.Backward(seed)
	want.Backward(seed)
	same := func(what string, got, want *tensor.Tensor) {
		t.Helper()
		if got.Ne(want).Any().Item() != 0 {
			t.Errorf("%s, training %t: %s differs: got %v, want %v", name, training, what, got, want)
		}
	}
	gradient := func(what string, got, want *tensor.Tensor) {
		t.Helper()
		if gradients == "" {
			same(what, got, want)
		} else if off := got.Sub(want).Abs().Max().Item(); !(off <= 1e-6*want.Abs().Max().Item()) {
			t.Errorf("%s, training %t: %s is off by %v: got %v, want %v", name, training, what, off, got, want)
		}
	}
	same("output", y, want)
	gradient("gradient", x.Grad(), z.Grad())
	params := nn.ParameterList(apart)
	for i, p := range nn.ParameterList(fused) {
		want := params[i].Grad()
		if training && strings.Contains(gradients, "bias") && i == 1 { // the filters' bias
			same("gradient of a bias that the mean takes out", p.Grad(), tensor.Zeros(want.DType(), want.Shape()...))
			if size, all := want.Abs().Max().Item(), params[0].Grad().Abs().Max().Item(); !(size <= 1e-6*all) {
				t.Errorf("%s: gradient of a bias that the mean takes out is %v by its layers", name, want)
			}
			continue
		}
		gradient("gradient of a parameter", p.Grad(), want)
	}
	state := map[string]*tensor.Tensor{}
	for path, v := range nn.StateDict(apart) {
		state[path] = v
	}
	for path, v := range nn.StateDict(fused) {
		same(path, v, state[path])
	}
}

// TestWhatIsFused holds which layers are passed through which operation, by what they mean, and
// that those give what the layers give one by one.
func TestWhatIsFused(t *testing.T) {
	poisoned(t)
	make := func(kind string) nn.Module { return made[kind]() }
	pool := func(kernel, stride, padding [2]int) nn.Module {
		return nn.MaxPool2d{Pool2dOptions: tensor.Pool2dOptions{Kernel: kernel, Stride: stride, Padding: padding}}
	}
	two := [2]int{2, 2}
	for _, c := range []struct {
		name   string
		want   string
		layers func() []nn.Module
	}{
		{"conv, relu", "", func() []nn.Module { return []nn.Module{make("Conv2d"), nn.ReLU{}} }},
		{"conv, norm, pool", "Conv2dBatchNorm", func() []nn.Module { return []nn.Module{make("Conv2d"), make("BatchNorm2d"), pool(two, two, [2]int{})} }},
		{"explicit stride", "Conv2dReLUMaxPool", func() []nn.Module { return []nn.Module{make("Conv2d"), nn.ReLU{}, pool(two, two, [2]int{})} }},
		{"stride of columns", "BatchNormReLUMaxPool", func() []nn.Module {
			return []nn.Module{make("BatchNorm2d"), nn.ReLU{}, pool(two, [2]int{0, 2}, [2]int{})}
		}},
		{"stride of 1", "BatchNormReLU", func() []nn.Module {
			return []nn.Module{make("BatchNorm2d"), nn.ReLU{}, pool(two, [2]int{1, 1}, [2]int{})}
		}},
		{"padding", "ReLUMaxPool2d", func() []nn.Module { return []nn.Module{make("Conv2d"), nn.ReLU{}, pool(two, two, [2]int{1, 0})} }},
		{"rows of 2", "ReLUMaxPool2d", func() []nn.Module {
			return []nn.Module{make("Conv2d"), nn.ReLU{}, pool([2]int{2, 1}, [2]int{}, [2]int{})}
		}},
		{"norm, pool", "", func() []nn.Module { return []nn.Module{make("BatchNorm2d"), nn.NewMaxPool2d(2), nn.ReLU{}} }},
		{"relu, relu, pool", "ReLUMaxPool2d", func() []nn.Module { return []nn.Module{nn.ReLU{}, nn.ReLU{}, nn.NewMaxPool2d(2)} }},
		{"linear, linear", "LinearReLU LinearReLU", func() []nn.Module {
			return []nn.Module{nn.NewLinear(5, 4, rng()), nn.ReLU{}, nn.NewLinearNoBias(4, 3, rng()), nn.ReLU{}, nn.ReLU{}}
		}},
		{"another's", "", func() []nn.Module { return []nn.Module{nn.NewLinear(5, 4, rng()), &spy{}, struct{ nn.ReLU }{}} }},
	} {
		if got := strings.Join(nn.Fused(c.layers()...), " "); got != c.want {
			t.Errorf("%s: passed through %q, want %q", c.name, got, c.want)
		}
		gradients := ""
		if strings.HasPrefix(c.want, "Conv2dBatchNorm") {
			gradients = "the bias is 0"
		}
		for _, training := range []bool{true, false} {
			compare(t, c.name, gradients, training, c.layers)
		}
	}
}

// TestForward holds that Forward, given layers with and without names, is what a Sequential of
// them is, and leaves the caller's list as it is.
func TestForward(t *testing.T) {
	layers := []nn.Module{nn.NewLinear(5, 4, rng()), nn.Named("relu", nn.ReLU{}), nn.NewLinear(4, 3, rng())}
	x := tensor.Normal(tensor.Float32, rng(), 0, 1, 7, 5)
	want := nn.NewSequential(layers...).Forward(x)
	list := slices.Clone(layers)
	if got := nn.Forward(x, list...); got.Ne(want).Any().Item() != 0 {
		t.Errorf("got %v, want %v", got, want)
	}
	if !slices.Equal(list, layers) {
		t.Error("the list was changed")
	}
	if got := nn.Forward(x); got != x {
		t.Error("no layers make something else of the input")
	}
}

// TestFusionsAreTested holds that the test which each row of the table names exists.
func TestFusionsAreTested(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var tests []string
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				tests = append(tests, f.Name.Name)
			}
		}
	}
	for _, row := range nn.Fusions() {
		if !slices.Contains(tests, row.Test) {
			t.Errorf("%s: there is no test %s", row.Operation, row.Test)
		}
	}
}
