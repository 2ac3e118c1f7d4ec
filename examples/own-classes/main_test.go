package main

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// TestRun trains two epochs of 40 batches and looks at all that comes of it.
func TestRun(t *testing.T) {
	folder := t.TempDir()
	var out strings.Builder
	if err := run(&out, folder, options{epochs: 2, batches: 40, every: 20}); err != nil {
		t.Fatal(err)
	}
	const net = "classifier(\n  (flatten): Flatten(start_dim=1, end_dim=-1)\n  (output): linear()\n)\n"
	lines, ok := strings.CutPrefix(out.String(), net)
	if !ok {
		t.Fatalf("got %s", out.String())
	}
	var losses []float64
	for i, line := range strings.Split(strings.TrimSpace(lines), "\n") {
		epoch := i/3 + 1
		var loss, acc, valLoss, valAcc float64
		var err error
		switch {
		case i == 6:
			_, err = fmt.Sscanf(line, "test loss %f, test acc %f", &loss, &acc)
		case i%3 == 2:
			_, err = fmt.Sscanf(line, fmt.Sprintf("epoch %d: loss %%f, acc %%f, val loss %%f, val acc %%f", epoch), &loss, &acc, &valLoss, &valAcc)
			if valLoss > loss || valAcc < 0.6 {
				t.Errorf("%s: nothing is learnt", line)
			}
		default:
			_, err = fmt.Sscanf(line, fmt.Sprintf("epoch %d, batch %3d: loss %%f, acc %%f", epoch, 20*(i%3+1)), &loss, &acc)
		}
		if err != nil || acc < 0.3 || acc > 1 {
			t.Errorf("line %d is %q: %v", i, line, err)
		}
		losses = append(losses, loss)
	}
	if len(losses) != 7 || losses[6] > 0.95 || losses[5] > losses[2] {
		t.Errorf("losses %v", losses)
	}
	for _, name := range []string{"history.png", "predictions.png"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Size() < 1000 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAgreesWithLibrary holds the classes to the library's.
func TestAgreesWithLibrary(t *testing.T) {
	r := random.New(1).Rand()
	logits := tensor.Normal(tensor.Float64, r, 0, 3, 6, 4)
	labels := tensor.New([]int64{0, 3, 1, 1, 2, 0}, 6)
	want := loss.CrossEntropy{}.Forward(logits, labels).Item()
	if got := (softmaxCrossEntropy{}).Forward(logits, labels).Item(); math.Abs(got-want) > 1e-12 {
		t.Errorf("of logits %v, want %v", got, want)
	}
	if got := (crossEntropy{}).Forward(logits.Softmax(1), labels).Item(); math.Abs(got-want) > 1e-12 {
		t.Errorf("of probabilities %v, want %v", got, want)
	}
	ours, theirs := newLinear(4, 3), newLinear(4, 3)
	own := sgd{nn.ParameterList(ours), 0.3}
	library := optim.NewSGD(nn.ParameterList(theirs), 0.3, optim.SGDOptions{})
	x, y := tensor.Normal(tensor.Float32, r, 0, 1, 5, 4), tensor.New([]int64{0, 1, 2, 1, 0}, 5)
	for range 3 {
		own.ZeroGrad()
		softmaxCrossEntropy{}.Forward(ours.Forward(x), y).Backward()
		own.Step()
		library.ZeroGrad()
		loss.CrossEntropy{}.Forward(theirs.Forward(x), y).Backward()
		library.Step()
	}
	state := maps.Collect(nn.StateDict(ours))
	for name, p := range theirs.Parameters() {
		if d := p.Detach().Sub(state[name]).Abs().Max().Item(); d > 1e-6 {
			t.Errorf("%s differs by %v", name, d)
		}
	}
	var a average
	a.Update(1, 3)
	a.Update(2, 1)
	if a.Result() != 1.25 {
		t.Errorf("mean %v, want 1.25", a.Result())
	}
}
