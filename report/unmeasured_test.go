package report

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/train"
)

// unmeasured are the epochs of a run without anything to measure on.
func unmeasured() []train.Epoch {
	return []train.Epoch{
		{Epoch: 1, Scored: task.Accuracy, TrainLoss: 1.25, TrainScore: 0.5, Unmeasured: true, LR: 0.5, Seconds: 2},
		{Epoch: 2, Scored: task.Accuracy, TrainLoss: 0.75, TrainScore: 0.25, Unmeasured: true, LR: 0.5, Seconds: 2},
	}
}

// TestUnmeasuredHistory checks that epochs that were not measured are read as they were written.
func TestUnmeasuredHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.csv")
	h, err := CreateHistory(path, task.Accuracy, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range unmeasured() {
		if err := h.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	wantContent(t, path, header+"1,1.250000,0.500000,,,0.5,2.000000\n2,0.750000,0.250000,,,0.5,2.000000\n")
	if got, err := ReadHistory(path, task.Accuracy); err != nil || !reflect.DeepEqual(got, unmeasured()) {
		t.Errorf("read %+v, %v", got, err)
	}
	if err := os.WriteFile(path, []byte(header+"1,1,1,,1,0.1,1\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadHistory(path, task.Accuracy); err == nil || err.Error() != path+`: line 2, test_loss: found "", a number from 0 to 3.4e+38 expected` {
		t.Errorf("half of the figures: error %v", err)
	}
}

// TestUnmeasuredPage checks that the page of a run that measured nothing has its training and weights,
// and speaks of no test and of no best epoch.
func TestUnmeasuredPage(t *testing.T) {
	p := smallPage(t, "a", "b", "c")
	p.Epochs, p.Predictions = unmeasured(), nil
	var live bytes.Buffer
	if err := p.write(&live, true); err != nil {
		t.Fatal(err)
	}
	for name, html := range map[string]string{"final": write(t, p), "live": live.String()} {
		_, html, _ := strings.Cut(html, "</style>")
		html, _, _ = strings.Cut(html, "<script>")
		for _, want := range []string{
			"<dt>training accuracy</dt><dd>25.00\u00a0%<small>in epoch 2, the latest; nothing was measured</small></dd>",
			"<dt>training loss</dt><dd>0.7500<small>",
			`aria-label="Accuracy by epoch; after epoch 2: training 0.2500. The arrow`,
			"epoch 2 is the latest: training loss 0.7500</output>",
			`data-name="training" data-epochs="1 2" data-values="1.2500 0.7500"`,
			`<tr><th scope="row">2</th><td>0.7500</td><td>0.250</td><td>0.5</td><td>2</td><td>1,500</td></tr>`,
			`<th scope="col">training accuracy</th><th scope="col">learning rate</th>`,
		} {
			if !strings.Contains(html, want) {
				t.Errorf("%s: no %q in %s", name, want, html)
			}
		}
		for _, not := range []string{" test", ">test", `"test`, "validation", "best", "Mistakes", "taken for"} {
			if strings.Contains(html, not) {
				t.Errorf("%s: %q in %s", name, not, html)
			}
		}
		if weights := strings.Contains(html, "What speaks for each class, by pixel."); weights != (name == "final") {
			t.Errorf("%s: there are weights: %v", name, weights)
		}
	}
	p.Model.InputShape = []int{9}
	if html := write(t, p); strings.Contains(html, "by pixel") {
		t.Error("weights for samples that are no pictures are drawn")
	}
}

// TestUnmeasuredPictures checks which pictures there are of a run that measured nothing, and that
// nothing in its curves is marked as the best.
func TestUnmeasuredPictures(t *testing.T) {
	dir, run := t.TempDir(), Run{Name: "a", Epochs: unmeasured()}
	net := nn.NewSequential(nn.Flatten{}, nn.NewLinear(12, 3, random.New(1).Rand()))
	if err := Pictures(dir, run, nil, net, []int{1, 3, 4}); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	if err != nil || !slices.Equal(names, []string{"curves.png", "curves.svg", "weights.png"}) {
		t.Errorf("there are %q, %v", names, err)
	}
	if best := run.best(); best != -1 {
		t.Errorf("the best epoch is at %d", best)
	}
	if best := bestEpoch(run.Epochs); best != 1 {
		t.Errorf("the epoch of the model is at %d, want the latest", best)
	}
	validated := history("b", 3, 0)
	for i := range validated.Epochs {
		validated.Epochs[i].Validation = true
	}
	if got := splits([]Run{run, validated}); got != "validation" {
		t.Errorf("the curves are of %s data", got)
	}
}
