package cli

import (
	"math"
	"testing"

	"github.com/onehot-go/onehot/classify"
	"github.com/onehot-go/onehot/internal/reference"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// TestLabelFit compares a fit to several labels with scikit-learn's OneVsRestClassifier. A fourth label is every row's, and a fifth
// none's: they are always, and never, predicted.
func TestLabelFit(t *testing.T) {
	var file struct {
		Rows, Labels []reference.Array
		Fits         []struct {
			L2                      float64
			Weight, Bias, Objective reference.Array
		}
	}
	reference.Load(t, "../../train/testdata/onevsrest.json", &file)
	x, labels := file.Rows[0].Tensor(), tensor.Values[int64](file.Labels[0].Tensor())
	n := x.Size(0)
	sets := make([][]int, n)
	for i := range sets {
		for c := range 3 {
			if labels[3*i+c] == 1 {
				sets[i] = append(sets[i], c)
			}
		}
		sets[i] = append(sets[i], 3)
	}
	for _, want := range file.Fits {
		layer := nn.NewLinear(5, 5, random.New(1).Rand())
		like := &tableFit{x: x, options: classify.Options{Raw: true, C: 1 / (want.L2 * float64(n)), Iterations: tableIterations}}
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			like.columns.List = append(like.columns.List, transform.Column{Name: name, Kind: transform.Numeric, Deviation: 1})
		}
		f := newLabelFit(layer, like, sets, []string{"one", "two", "three", "all", "none"})
		loss, _, samples, err := f.Solve()
		if err != nil || samples != n || !f.fitted() {
			t.Fatal(loss, samples, err)
		}
		weight, bias := tensor.Values[float64](layer.Weight), tensor.Values[float64](layer.Bias)
		squares := 0.0
		for i, w := range tensor.Values[float64](want.Weight.Tensor()) {
			squares += weight[i] * weight[i]
			if math.Abs(weight[i]-w) > 1e-4 {
				t.Errorf("l2 %v: weight %d is %v, want %v", want.L2, i, weight[i], w)
			}
		}
		for k, b := range tensor.Values[float64](want.Bias.Tensor()) {
			if math.Abs(bias[k]-b) > 1e-4 {
				t.Errorf("l2 %v: bias %d is %v, want %v", want.L2, k, bias[k], b)
			}
		}
		if bias[3] != always || bias[4] != -always {
			t.Errorf("biases %v", bias)
		}
		// The loss is the mean over all five labels, of which two have none to speak of.
		if got := 5*loss + want.L2/2*squares; math.Abs(got-want.Objective.Tensor().Item()) > 1e-6 {
			t.Errorf("l2 %v: objective %v, want %v", want.L2, got, want.Objective.Tensor().Item())
		}
		if all := f.coefficients(); len(all) != 3*6 || all[0].Class != "one" || f.remark() != "" {
			t.Errorf("%d coefficients, remark %q", len(all), f.remark())
		}
	}
}
