package tensor_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/onehot-go/onehot/tensor"
)

// vector returns a leaf of Float64 that requires gradients.
func vector(v ...float64) *Tensor { return tensor.New(v, len(v)).SetRequiresGrad(true) }

// wantValues fails unless x holds want.
func wantValues(t *testing.T, name string, x *Tensor, want ...float64) {
	t.Helper()
	if x == nil {
		t.Errorf("%s: got nil, want %v", name, want)
		return
	}
	if got := tensor.Values[float64](x); !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", name, got, want)
	}
}

func TestBackward(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func(x *Tensor) *Tensor // of x = (1, 2, 3)
		want []float64
	}{
		{"leaf", func(x *Tensor) *Tensor { return x }, []float64{1, 1, 1}},
		{"used twice in one operation", func(x *Tensor) *Tensor { return x.Mul(x) }, []float64{2, 4, 6}},
		{"used by several operations", func(x *Tensor) *Tensor { return x.MulScalar(2).Add(x.Mul(x)).Sub(x) }, []float64{3, 5, 7}},
		{"result used by several operations", func(x *Tensor) *Tensor {
			y := x.MulScalar(2) // must have all of its gradient before it goes on
			return y.Mul(y.MulScalar(3).Add(y))
		}, []float64{32, 64, 96}},
		{"views", func(x *Tensor) *Tensor {
			return x.Narrow(0, 1, 2).Mul(x.Select(0, 0)).Add(x.Reshape(3, 1).Transpose(0, 1).Select(0, 0).Narrow(0, 0, 2))
		}, []float64{6, 2, 1}},
		{"broadcast", func(x *Tensor) *Tensor { return x.Mul(tensor.Ones(tensor.Float64, 4, 3)) }, []float64{4, 4, 4}},
		{"broadcast both ways", func(x *Tensor) *Tensor { return x.Mul(x.Reshape(3, 1)) }, []float64{12, 12, 12}},
		{"expanded", func(x *Tensor) *Tensor { return x.Expand(2, 2, 3) }, []float64{4, 4, 4}},
		{"index taken twice", func(x *Tensor) *Tensor { return x.Gather(0, tensor.New([]int64{2, 0, 2}, 3)) }, []float64{1, 0, 2}},
		{"narrowed after an operation that reads its result", func(x *Tensor) *Tensor {
			return x.Log().Exp().Narrow(0, 0, 1).Add(x.Mul(x).Narrow(0, 1, 1))
		}, []float64{1, 4, 0}},
		{"gathered after an operation that reads its inputs", func(x *Tensor) *Tensor {
			return x.Mul(x).Gather(0, tensor.New([]int64{1, 1}, 2))
		}, []float64{0, 8, 0}},
		{"detached", func(x *Tensor) *Tensor { return x.Mul(x.Detach()) }, []float64{1, 2, 3}},
		{"through float32", func(x *Tensor) *Tensor { return x.To(tensor.Float32).Mul(x.To(tensor.Float32)).To(tensor.Float64) }, []float64{2, 4, 6}},
		{"float32 that meets float64", func(x *Tensor) *Tensor {
			y := x.To(tensor.Float32).Reshape(1, 3)
			return y.MatMul(y.Transpose(0, 1)).Mul(tensor.Full(tensor.Float64, 2, 1, 1)) // matmul's own gradient is of float32
		}, []float64{4, 8, 12}},
		{"broadcast matrices", func(x *Tensor) *Tensor {
			return tensor.Ones(tensor.Float64, 4, 2, 3).MatMul(x).Add(x.Reshape(1, 1, 3).MatMul(tensor.Ones(tensor.Float64, 4, 3, 2)).Sum(1))
		}, []float64{16, 16, 16}},
	} {
		x := vector(1, 2, 3)
		y := c.f(x)
		y.Backward(tensor.Ones(y.DType(), y.Shape()...))
		wantValues(t, c.name, x.Grad(), c.want...)
		if g := x.Grad(); g != nil && (g.RequiresGrad() || g.DType() != x.DType() || !slices.Equal(g.Shape(), x.Shape())) {
			t.Errorf("%s: the gradient has type %s, shape %v, requires gradients: %v", c.name, g.DType(), g.Shape(), g.RequiresGrad())
		}
	}
}

func TestBackwardSeed(t *testing.T) {
	x := vector(1, 2)
	x.Mul(x).Backward(tensor.New([]float64{10, -1}, 2))
	wantValues(t, "seeded", x.Grad(), 20, -4)

	x = vector(1, 2)
	seed := vector(10, -1) // its own gradient is no part of the computation
	x.MulScalar(3).Backward(seed)
	wantValues(t, "seed that requires gradients", x.Grad(), 30, -3)
	if seed.Grad() != nil {
		t.Error("the seed has a gradient")
	}

	x = vector(4)
	x.MulScalar(3).Reshape(1, 1).Backward()
	wantValues(t, "one element in two dimensions", x.Grad(), 3)
}

// Gradients may be views of a shared one: each leaf must have its own memory.
func TestGradientsShareNoMemory(t *testing.T) {
	x, y := vector(1, 2), vector(3, 4)
	seed := tensor.New([]float64{1, 1}, 2)
	x.Add(y).Backward(seed)
	x.Grad().FillInPlace(7)
	wantValues(t, "the other gradient", y.Grad(), 1, 1)
	wantValues(t, "the seed", seed, 1, 1)
}

func TestGradientsAccumulate(t *testing.T) {
	x := vector(1, 2)
	x.Mul(x).Sum().Backward()
	g := x.Grad()
	x.MulScalar(10).Sum().Backward()
	wantValues(t, "two graphs", x.Grad(), 12, 14)
	x.ZeroGrad()
	wantValues(t, "after ZeroGrad", x.Grad(), 0, 0)
	x.Sum().Backward()
	wantValues(t, "after ZeroGrad and another", x.Grad(), 1, 1)
	if x.Grad() != g || &tensor.Data[float64](x.Grad())[0] != &tensor.Data[float64](g)[0] {
		t.Error("ZeroGrad or Backward took other memory for the gradient")
	}
	vector(1).ZeroGrad() // without a gradient there is nothing to do
}

func TestOnlyLeavesKeepGradients(t *testing.T) {
	x, constant := vector(1, 2), tensor.New([]float64{3, 4}, 2)
	y := x.Mul(constant)
	y.Sum().Backward()
	if y.Grad() != nil || constant.Grad() != nil {
		t.Errorf("got gradients %v of a result, %v of a constant", y.Grad(), constant.Grad())
	}
}

func TestRequiresGrad(t *testing.T) {
	x, c := vector(1, 2), tensor.New([]float64{3, 4}, 2)
	for _, v := range []struct {
		name string
		x    *Tensor
		want bool
	}{
		{"leaf", x, true},
		{"constant", c, false},
		{"constants", c.Add(c), false},
		{"leaf and constant", c.Add(x), true},
		{"view", x.Narrow(0, 0, 1), true},
		{"detached", x.Detach(), false},
		{"from a detached", x.Detach().Exp().Sum(), false},
		{"NoGrad", x.NoGrad(), false},
		{"from a NoGrad", x.NoGrad().Exp().Sum(), false},
		{"comparison", x.Gt(c), false},
		{"argmax", x.ArgMax(0), false},
		{"integers", x.To(tensor.Int64), false},
		{"turned off", vector(1).SetRequiresGrad(false), false},
		{"any", x.Any(), false},
		{"and", x.And(c), false},
		{"leaf and what a NoGrad's comparison gives", x.NoGrad().Gt(c).To(tensor.Float64).Mul(x), false},
		{"leaf and a NoGrad's index", x.Gather(0, x.NoGrad().ArgMax(0).Reshape(1)).Add(x.NoGrad().ArgMax(0)), false},
		{"leaf and what a NoGrad's truth gives", x.Mul(x.NoGrad().All()), false},
		{"leaf and what a NoGrad's logic gives", x.Mul(x.NoGrad().Not()), false},
	} {
		if v.x.RequiresGrad() != v.want {
			t.Errorf("%s: requires gradients: %v", v.name, v.x.RequiresGrad())
		}
	}
}

func TestNoGrad(t *testing.T) {
	w, b := tensor.Ones(tensor.Float64, 2, 3).SetRequiresGrad(true), vector(1, 2, 3)
	images := tensor.New([]float64{1, 2, 3, 4}, 2, 2)
	net := func(x *Tensor) *Tensor { return x.MatMul(w).Add(b).ReLU().LogSoftmax(1).Transpose(0, 1).Sum() }

	out := net(images.NoGrad())
	if out.RequiresGrad() {
		t.Error("a result computed from NoGrad requires gradients")
	}
	wantPanic[*tensor.GradError](t, "from NoGrad", "backward: shape (): the value was computed from a NoGrad tensor", func() { out.Backward() })
	// Meeting what is recorded it wins, on either side.
	for name, x := range map[string]*Tensor{"left": out.Add(net(images)), "right": net(images).Add(out)} {
		if x.RequiresGrad() {
			t.Errorf("NoGrad on the %s: the sum requires gradients", name)
		}
	}
	wantValues(t, "value", out, net(images).Item())

	// Detach ends it.
	w.Mul(images.NoGrad().Sum().Detach()).Sum().Backward()
	wantValues(t, "gradient with a constant from NoGrad", w.Grad(), 10, 10, 10, 10, 10, 10)
	if b.Grad() != nil {
		t.Error("a gradient reached b")
	}
}

// TestNoGradInSeveralGoroutines has the race detector look at a net that several
// goroutines evaluate at once.
func TestNoGradInSeveralGoroutines(t *testing.T) {
	w := tensor.Ones(tensor.Float64, 3, 3).SetRequiresGrad(true)
	var wg sync.WaitGroup
	results := make([]float64, 4)
	for i := range results {
		wg.Go(func() {
			x := tensor.Full(tensor.Float64, float64(i), 2, 3)
			results[i] = x.NoGrad().MatMul(w.Transpose(0, 1)).Sum().Item()
		})
	}
	wg.Wait()
	if want := []float64{0, 18, 36, 54}; !slices.Equal(results, want) {
		t.Errorf("got %v, want %v", results, want)
	}
}

func TestDetachSharesMemory(t *testing.T) {
	x := vector(1, 2)
	x.Detach().FillInPlace(5)
	wantValues(t, "the original", x, 5, 5)
	if x.Exp().Detach().SetRequiresGrad(true); x.Grad() != nil {
		t.Error("a detached tensor is still connected")
	}
}

func TestBackwardTwice(t *testing.T) {
	x := vector(1, 2)
	y := x.Mul(x).Sum()
	y.Backward()
	wantPanic[*tensor.GradError](t, "same value", "backward: through reshape a second time: its record was released by the first",
		func() { y.Backward() })

	shared := x.Exp()
	first, second := shared.Mul(x), shared.Mul(shared)
	first.Backward(tensor.Ones(tensor.Float64, 2))
	wantPanic[*tensor.GradError](t, "shared part", "backward: through exp a second time: its record was released by the first",
		func() { second.Backward(tensor.Ones(tensor.Float64, 2)) })
}

func TestBackwardAfterInPlaceChange(t *testing.T) {
	for _, c := range []struct {
		name   string
		f      func(x *Tensor) *Tensor
		change func(x *Tensor)
		want   string // nothing where the gradient does not need what was changed
	}{
		{"input of mul", func(x *Tensor) *Tensor { return x.Mul(x) }, func(x *Tensor) { x.AddInPlace(tensor.Scalar(1.0)) },
			"backward: a value of shape (2) that the gradient of mul needs was changed in place (1 changes since)"},
		{"twice", func(x *Tensor) *Tensor { return x.Log() }, func(x *Tensor) { x.FillInPlace(1).FillInPlace(2) },
			"backward: a value of shape (2) that the gradient of log needs was changed in place (2 changes since)"},
		{"through a view", func(x *Tensor) *Tensor { return x.Reshape(2, 1).MatMul(x.Reshape(1, 2)) }, func(x *Tensor) { x.Detach().Narrow(0, 0, 1).FillInPlace(1) },
			"backward: a value of shape (1, 2) that the gradient of matmul needs was changed in place (1 changes since)"},
		{"input of pow", func(x *Tensor) *Tensor { return x.PowScalar(2) }, func(x *Tensor) { x.FillInPlace(1) },
			"backward: a value of shape (2) that the gradient of pow needs was changed in place (1 changes since)"},
		{"divisor", func(x *Tensor) *Tensor { return x.AddScalar(1).Div(x) }, func(x *Tensor) { x.FillInPlace(1) },
			"backward: a value of shape (2) that the gradient of div needs was changed in place (1 changes since)"},
		{"times a constant", func(x *Tensor) *Tensor { return x.MulScalar(2) }, func(x *Tensor) { x.FillInPlace(1) }, ""},
		{"over a constant", func(x *Tensor) *Tensor { return x.DivScalar(2) }, func(x *Tensor) { x.FillInPlace(1) }, ""},
		{"negated", func(x *Tensor) *Tensor { return x.Neg() }, func(x *Tensor) { x.FillInPlace(1) }, ""},
		{"matrix that meets a constant", func(x *Tensor) *Tensor { return x.MatMul(tensor.Ones(tensor.Float64, 2, 3)) }, func(x *Tensor) { x.FillInPlace(1) }, ""},
		{"power of a constant", func(x *Tensor) *Tensor { return tensor.Scalar(2.0).Pow(x.Detach()).Mul(x) }, func(x *Tensor) { x.FillInPlace(1) }, ""},
		{"input of add", func(x *Tensor) *Tensor { return x.Add(x) }, func(x *Tensor) { x.FillInPlace(1) }, ""},
		{"input of exp", func(x *Tensor) *Tensor { return x.Exp() }, func(x *Tensor) { x.FillInPlace(1) }, ""},
	} {
		x := vector(1, 2)
		y := c.f(x)
		c.change(x)
		backward := func() { y.Backward(tensor.Ones(tensor.Float64, y.Shape()...)) }
		if c.want == "" {
			backward()
			continue
		}
		wantPanic[*tensor.GradError](t, c.name, c.want, backward)
	}

	x := vector(1, 2)
	y := x.Exp()
	y.Detach().FillInPlace(0)
	wantPanic[*tensor.GradError](t, "result of exp",
		"backward: a value of shape (2) that the gradient of exp needs was changed in place (1 changes since)", func() { y.Sum().Backward() })

	labels := tensor.New([]int64{0}, 1)
	picked := vector(1, 2).Gather(0, labels)
	wantPanic[*tensor.DTypeError](t, "refused", "add in place: float64 elements, shapes (1) and (): a type that int64 can hold expected",
		func() { labels.AddInPlace(tensor.Scalar(1.0)) }) // is no change
	labels.FillInPlace(1)
	wantPanic[*tensor.GradError](t, "index of gather",
		"backward: a value of shape (1) that the gradient of gather needs was changed in place (1 changes since)", func() { picked.Backward() })

	for _, c := range []struct {
		op string
		f  func(x, index *Tensor) *Tensor
	}{
		{"index-select", func(x, index *Tensor) *Tensor { return x.IndexSelect(0, index) }},
		{"scatter-add", func(x, index *Tensor) *Tensor { return tensor.Zeros(tensor.Float64, 2).ScatterAdd(0, index, x) }},
		{"where", func(x, index *Tensor) *Tensor {
			cond := index.To(tensor.Bool)
			y := tensor.Where(cond, x, x)
			cond.FillInPlace(1)
			return y
		}},
		{"sort", func(x, _ *Tensor) *Tensor {
			y, indices := x.Sort(0, false)
			indices.FillInPlace(0)
			return y
		}},
	} {
		index := tensor.New([]int64{0, 1}, 2)
		y := c.f(vector(1, 2), index)
		index.FillInPlace(1)
		wantPanic[*tensor.GradError](t, c.op,
			"backward: a value of shape (2) that the gradient of "+c.op+" needs was changed in place (1 changes since)", func() { y.Sum().Backward() })
	}
	x = vector(1, 2)
	y = x.ScatterAdd(0, index(0, 0), x.Detach()) // the gradient of what is added to needs no index
	y.Sum().Backward()
	wantValues(t, "gradient of what is added to", x.Grad(), 1, 1)
}

// Each result knows the operation that its caller named, whatever it is made of.
func TestResultsNameTheirOperation(t *testing.T) {
	x := tensor.Ones(tensor.Float64, 2, 3).SetRequiresGrad(true)
	first := func(y, _ *Tensor) *Tensor { return y }
	for op, y := range map[string]*Tensor{
		"view":          x.View(6),
		"reshape":       x.Transpose(0, 1).Reshape(6),
		"flatten":       x.Flatten(0, 1),
		"permute":       x.Permute(1, 0),
		"transpose":     x.Transpose(0, 1),
		"squeeze":       x.Narrow(0, 0, 1).Squeeze(),
		"unsqueeze":     x.Unsqueeze(0),
		"expand":        x.Expand(2, -1, -1),
		"narrow":        x.Narrow(1, 1, 2),
		"slice":         x.Slice(1, 0, 3, 2),
		"select":        x.Select(0, 1),
		"split":         x.Split(2, 1)[1],
		"clone":         x.Clone(),
		"to float32":    x.To(tensor.Float32),
		"cat":           tensor.Cat(0, x, x),
		"stack":         tensor.Stack(0, x, x),
		"gather":        x.Gather(0, tensor.Zeros(tensor.Int64, 1, 1)),
		"scatter-add":   x.ScatterAdd(0, tensor.Zeros(tensor.Int64, 1, 1), x),
		"index-select":  x.IndexSelect(1, index(0)),
		"masked-select": x.MaskedSelect(tensor.Ones(tensor.Bool)),
		"where":         tensor.Where(tensor.Ones(tensor.Bool), x, x),
		"sort":          first(x.Sort(0, true)),
		"topk":          first(x.TopK(1, 0, true)),
	} {
		shape := strings.NewReplacer("[", "(", "]", ")", " ", ", ").Replace(fmt.Sprint(y.Shape()))
		text := "require gradients: shape " + shape + ": the tensor is a result of " + op + ", not a leaf"
		wantPanic[*tensor.GradError](t, op, text, func() { y.SetRequiresGrad(true) })
	}
}

// A Backward that fails has changed no gradient: not those that it would have reached
// before the failure either.
func TestFailedBackwardChangesNothing(t *testing.T) {
	for name, spoil := range map[string]func(y, used *Tensor){
		"changed": func(y, _ *Tensor) { y.FillInPlace(1) },
		"used":    func(_, used *Tensor) { used.Backward() },
	} {
		x, y := vector(1, 2), vector(3, 4)
		x.Sum().Backward()
		used := y.Log().Sum()
		loss := used.Add(x.MulScalar(2).Sum())
		spoil(y, used)
		before := y.Grad()
		wantGradError(t, name, func() { loss.Backward() })
		wantValues(t, name, x.Grad(), 1, 1)
		if y.Grad() != before {
			t.Errorf("%s: the other gradient is %v, want %v", name, y.Grad(), before)
		}
	}
}

func wantGradError(t *testing.T, name string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if _, ok := recover().(*tensor.GradError); !ok {
			t.Errorf("%s: no *GradError", name)
		}
	}()
	f()
}

// A leaf that is turned off after it was used gets no gradient; the others do.
func TestLeafTurnedOff(t *testing.T) {
	x, y := vector(1, 2), vector(3, 4)
	product := x.Mul(y)
	y.SetRequiresGrad(false)
	product.Sum().Backward()
	wantValues(t, "the other gradient", x.Grad(), 3, 4)
	if y.Grad() != nil {
		t.Errorf("got gradient %v of a leaf that was turned off", y.Grad())
	}
}

func TestLongChain(t *testing.T) {
	x := tensor.Scalar(1.0).SetRequiresGrad(true)
	y, one := x, tensor.Scalar(1.0)
	for range 100_000 {
		y = y.Add(one)
	}
	y.Backward()
	wantValues(t, "value", y, 100_001)
	wantValues(t, "gradient", x.Grad(), 1)
}

// Every result feeds two operations: without visiting each once the work would double
// with every step.
func TestLadderOfSharedResults(t *testing.T) {
	x := tensor.Scalar(1.0).SetRequiresGrad(true)
	y := x
	for range 60 {
		y = y.Add(y)
	}
	y.Backward()
	wantValues(t, "gradient", x.Grad(), 1<<60)
}

func TestIsLeaf(t *testing.T) {
	x := tensor.Ones(tensor.Float32, 2).SetRequiresGrad(true)
	if !x.IsLeaf() || x.Exp().IsLeaf() || !x.Exp().Detach().IsLeaf() || !x.Detach().Exp().IsLeaf() {
		t.Error("a parameter, a constant and what is computed from constants are leaves, a recorded result is not")
	}
}
