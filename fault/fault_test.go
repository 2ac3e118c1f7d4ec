package fault_test

import (
	"testing"

	"github.com/onehot-go/onehot/fault"
)

func TestErrors(t *testing.T) {
	for want, err := range map[string]error{
		"optim.SGD: momentum -1: at least 0 expected": &fault.OptionError{Op: "optim.SGD", Detail: "momentum -1: at least 0 expected"},
		"loss.CrossEntropy: label 10 at (3, 0): 0 to 9 expected, there are 10 classes": &fault.LabelError{
			Op: "loss.CrossEntropy", Label: 10, Index: []int{3, 0}, Classes: 10},
		"loss.NLL: label -1 at (0): 0 to 9 expected, there are 10 classes: look again": &fault.LabelError{
			Op: "loss.NLL", Label: -1, Index: []int{0}, Classes: 10, Advice: "look again"},
		"a.idx: label 17: found 255, expected 0 to 9": fault.Format("a.idx", "label 17", "255", "0 to 9"),
		"label 17: found 255, expected 0 to 9":        fault.Format("", "label 17", "255", "0 to 9"),
	} {
		if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}

func TestLabel(t *testing.T) {
	defer func() {
		err, ok := recover().(*fault.LabelError)
		if want := "tensor.OneHot: label 7 at (1, 2): 0 to 4 expected, there are 5 classes: look again"; !ok || err.Error() != want {
			t.Errorf("panic with %v, want %q", err, want)
		}
	}()
	fault.Label("tensor.OneHot", 7, 5, []int{2, 3}, 5, "look again")
}

func TestOption(t *testing.T) {
	defer func() {
		err, ok := recover().(*fault.OptionError)
		if want := "nn.Dropout: probability 2: 0 to 1 expected"; !ok || err.Error() != want {
			t.Errorf("panic with %v, want %q", err, want)
		}
	}()
	fault.Option("nn.Dropout", "probability %d: 0 to 1 expected", 2)
}
