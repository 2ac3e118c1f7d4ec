package calibrate_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/calibrate"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// reference is what scikit-learn and SciPy say, by testdata/reference.py.
type reference struct {
	Name        string
	Logits      [][]float64
	Labels      []int64
	Truth       [][]float64
	Temperature float64
	Platt       []struct{ A, B, Loss float64 }
}

func (r *reference) tensors() (logits, targets *tensor.Tensor) {
	flat := func(rows [][]float64) (values []float64) {
		for _, row := range rows {
			values = append(values, row...)
		}
		return values
	}
	logits = tensor.New(flat(r.Logits), len(r.Logits), len(r.Logits[0]))
	if r.Truth != nil {
		return logits, tensor.New(flat(r.Truth), logits.Shape()...)
	}
	return logits, tensor.New(r.Labels)
}

func readReference(t *testing.T) (all []reference) {
	text, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// smoothedLoss is what Platt's method minimises.
func smoothedLoss(a, b float64, scores []float64, positive []bool) (sum float64) {
	hits := 0.0
	for _, p := range positive {
		if p {
			hits++
		}
	}
	for i, v := range scores {
		z, target := a*v+b, 1/(float64(len(scores))-hits+2)
		if positive[i] {
			target = (hits + 1) / (hits + 2)
		}
		sum += math.Max(z, 0) - target*z + math.Log1p(math.Exp(-math.Abs(z)))
	}
	return sum
}

func TestReference(t *testing.T) {
	for _, r := range readReference(t) {
		logits, targets := r.tensors()
		c, err := calibrate.Fit(calibrate.Temperature, logits, targets)
		if err != nil {
			t.Fatalf("%s: %v", r.Name, err)
		}
		if math.Abs(c.Temperature/r.Temperature-1) > 1e-6 {
			t.Errorf("%s: temperature %v, want %v", r.Name, c.Temperature, r.Temperature)
		}
		if c.After.Loss > c.Before.Loss || c.Samples != len(r.Logits) {
			t.Errorf("%s: loss %v before, %v after, of %d samples", r.Name, c.Before.Loss, c.After.Loss, c.Samples)
		}
		if r.Platt == nil {
			continue
		}
		if c, err = calibrate.Fit(calibrate.Platt, logits, targets); err != nil {
			t.Fatalf("%s: %v", r.Name, err)
		}
		for k, want := range r.Platt {
			a, b := c.A[k], c.B[k]
			if math.Abs(a-want.A) > 2e-3*math.Abs(want.A) || math.Abs(b-want.B) > 2e-3 {
				t.Errorf("%s: a %v, b %v, want %v and %v", r.Name, a, b, want.A, want.B)
			}
			var scores []float64
			var positive []bool
			for i, row := range r.Logits {
				if r.Truth != nil {
					scores, positive = append(scores, row[k]), append(positive, r.Truth[i][k] == 1)
				} else {
					scores, positive = append(scores, row[1]-row[0]), append(positive, r.Labels[i] == 1)
				}
			}
			got := smoothedLoss(a, b, scores, positive)
			if got > want.Loss+1e-9 || got < want.Loss-1e-4 {
				t.Errorf("%s: the smoothed loss %v, want %v or a little less", r.Name, got, want.Loss)
			}
			for _, d := range []float64{-1e-4, 1e-4} { // there is none lower beside it
				if smoothedLoss(a*(1+d), b, scores, positive) < got-1e-9 || smoothedLoss(a, b+d, scores, positive) < got-1e-9 {
					t.Errorf("%s: a lower loss beside a %v, b %v", r.Name, a, b)
				}
			}
		}
	}
}

// TestBounds has samples for which no temperature is the best.
func TestBounds(t *testing.T) {
	for _, c := range []struct {
		logits []float64
		labels []int64
		want   float64
	}{
		{[]float64{5, 0, 0, 7}, []int64{0, 1}, 1},                       // always right: 1 is as good as any
		{[]float64{5, 0, 0, 7}, []int64{1, 0}, 100},                     // always wrong
		{[]float64{0, 0, 0, 0}, []int64{1, 0}, 1},                       // says nothing
		{[]float64{1e30, 0, 0, 1e30}, []int64{0, 1}, 1},                 // large, and right
		{[]float64{1e-9, 0, 0, 1e-9, 0, 1e-12}, []int64{0, 1, 0}, 0.01}, // small ones
	} {
		got, err := calibrate.Fit(calibrate.Temperature, tensor.New(c.logits, len(c.labels), 2), tensor.New(c.labels))
		if err != nil || got.Temperature != c.want {
			t.Errorf("%v: %+v, %v; want the temperature %v", c.logits, got, err, c.want)
		}
	}
	// One class alone, and scores that are all the same, have finite numbers.
	for _, logits := range [][]float64{{0, 1, 0, 2, 0, 3}, {0, 1, 0, 1, 0, 1}, {0, 0, 0, 0, 0, 0}, {0, 1e300, 0, -1e300, 0, 1}} {
		for _, labels := range [][]int64{{1, 1, 1}, {0, 0, 0}, {0, 1, 1}} {
			c, err := calibrate.Fit(calibrate.Platt, tensor.New(logits, 3, 2), tensor.New(labels))
			if err != nil || c.A[0]-c.A[0] != 0 || c.B[0]-c.B[0] != 0 {
				t.Errorf("%v, %v: %+v, %v", logits, labels, c, err)
			}
		}
	}
}

func TestFitErrors(t *testing.T) {
	three := tensor.New([]float64{1, 2, 3}, 1, 3)
	for _, c := range []struct {
		method          string
		logits, targets *tensor.Tensor
		want            string
	}{
		{"isotonic", three, tensor.New([]int64{0}), `found the method "isotonic", temperature or platt expected`},
		{calibrate.Platt, three, tensor.New([]int64{0}), "found 3 classes, for which there is temperature"},
		{calibrate.Temperature, tensor.Zeros(tensor.Float32, 0, 3), tensor.New([]int64{}, 0), "found no sample"},
		{calibrate.Temperature, tensor.New([]float64{1, math.NaN()}, 1, 2), tensor.New([]int64{0}), "found the logit NaN of sample 0"},
	} {
		if _, err := calibrate.Fit(c.method, c.logits, c.targets); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
	for _, targets := range []*tensor.Tensor{tensor.New([]int64{3}), tensor.New([]int64{0, 1}), tensor.New([]float64{0, 1}, 1, 2)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("targets %v are taken", targets)
				}
			}()
			calibrate.Fit(calibrate.Temperature, three, targets)
		}()
	}
}

// small returns a model of two inputs with a hidden layer.
func small(t *testing.T, classes ...string) *model.Model {
	d := model.MLP([]int{2}, []int{4}, classes)
	m, err := model.New(d, random.New(1).For("init"))
	if err != nil {
		t.Fatal(err)
	}
	nn.SetTraining(m.Net, false)
	return m
}

// TestApply checks that a model says, once it is calibrated, saved and read, what the calibration says of its logits.
func TestApply(t *testing.T) {
	x := tensor.New([]float32{1, 2, -3, 0.5, 0, 4, 2, -2}, 4, 2)
	for _, c := range []*model.Calibration{
		{Method: calibrate.Temperature, Temperature: 2.5, Samples: 4},
		{Method: calibrate.Platt, A: []float64{-1.5}, B: []float64{0.75}},
		{Method: calibrate.Platt, A: []float64{2, 0.5}, B: []float64{-1, 3}},
	} {
		m := small(t, "no", "yes")
		before := tensor.Values[float64](m.Net.Forward(x))
		if err := calibrate.Apply(m, c); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "model.safetensors")
		if err := m.Save(path); err != nil {
			t.Fatal(err)
		}
		back, err := model.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back.Calibration, c) {
			t.Errorf("read back: %+v, want %+v", back.Calibration, c)
		}
		after := tensor.Values[float64](back.Net.Forward(x))
		near := func(got, want float64) {
			if math.Abs(got-want) > 1e-5 {
				t.Errorf("%+v: got %v, want %v", c, got, want)
			}
		}
		for i := 0; i < len(before); i += 2 {
			switch {
			case c.Method == calibrate.Temperature:
				near(after[i], before[i]/2.5)
				near(after[i+1], before[i+1]/2.5)
			case len(c.A) == 1:
				near(after[i+1]-after[i], c.A[0]*(before[i+1]-before[i])+c.B[0])
			default:
				near(after[i], c.A[0]*before[i]+c.B[0])
				near(after[i+1], c.A[1]*before[i+1]+c.B[1])
			}
		}
		if err := calibrate.Apply(back, c); err == nil || !strings.Contains(err.Error(), "calibrated already") {
			t.Errorf("a second time: %v", err)
		}
	}
}

func TestApplyErrors(t *testing.T) {
	half := &model.Calibration{Method: calibrate.Temperature, Temperature: 0.5}
	platt := &model.Calibration{Method: calibrate.Platt, A: []float64{1}, B: []float64{1}}
	linear := func(o nn.LinearOptions, more ...nn.Spec) *model.Model {
		d := model.Definition{Name: "linear", Classes: []string{"a", "b", "c"}[:o.Out], InputShape: []int{2}, Preprocess: small(t, "a", "b").Preprocess,
			Layers: append([]nn.Spec{{Name: "linear", Options: o}}, more...)}
		m, err := model.New(d, random.New(1).For("init"))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	huge := linear(nn.LinearOptions{In: 2, Out: 2})
	tensor.Data[float32](huge.Net.Layer("linear").(*nn.Linear).Weight)[3] = math.MaxFloat32
	for _, c := range []struct {
		model *model.Model
		c     *model.Calibration
		want  string
	}{
		{linear(nn.LinearOptions{In: 2, Out: 2}, nn.Spec{Name: "relu", Options: nn.ReLU{}}), half, "a linear layer expected"},
		{linear(nn.LinearOptions{In: 2, Out: 2, NoBias: true}), platt, "no bias"},
		{linear(nn.LinearOptions{In: 2, Out: 3}), platt, "found 3 classes"},
		{linear(nn.LinearOptions{In: 2, Out: 2}), &model.Calibration{Method: "isotonic"}, "temperature or platt expected"},
		{huge, half, "too large"},
	} {
		before := tensor.Values[float32](c.model.Net.Layer("linear").(*nn.Linear).Weight)
		if err := calibrate.Apply(c.model, c.c); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
		if after := tensor.Values[float32](c.model.Net.Layer("linear").(*nn.Linear).Weight); !reflect.DeepEqual(before, after) || c.model.Calibration != nil {
			t.Errorf("%q: the model has changed", c.want)
		}
	}
	// A bias is not needed to divide by a temperature.
	if err := calibrate.Apply(linear(nn.LinearOptions{In: 2, Out: 2, NoBias: true}), half); err != nil {
		t.Error(err)
	}
}
