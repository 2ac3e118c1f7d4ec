package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/train"
)

// byLabel are figures of two labels.
func byLabel() task.ByLabel {
	return task.ByLabel{MicroF1: 0.75, MacroF1: 0.625, SamplesF1: 0.5, SubsetAccuracy: 0.25, HammingLoss: 0.375, MeanAveragePrecision: 0.5, Loss: 0.25, Labels: []task.LabelFigures{
		{Name: "<rain>", Precision: 1, Recall: 0.5, F1: 2.0 / 3, AveragePrecision: 0.75, Threshold: 0.5, Support: 4},
		{Name: "snow", Precision: 0.25, Recall: 1, F1: 0.4, AveragePrecision: 0.25, Threshold: 0.125, Support: 1},
	}}
}

// labelEpochs are two epochs of a run by F1, of which the first is the best.
func labelEpochs() []train.Epoch {
	return []train.Epoch{
		{Epoch: 1, Scored: task.MicroF1, TrainLoss: 0.5, TrainScore: 0.625, Test: train.Evaluation{Loss: 0.5, Score: 0.75}, LR: 0.1, Seconds: 1},
		{Epoch: 2, Scored: task.MicroF1, TrainLoss: 0.375, TrainScore: 0.75, Test: train.Evaluation{Loss: 0.625, Score: 0.5}, LR: 0.1, Seconds: 1},
	}
}

func TestFiguresByLabel(t *testing.T) {
	const want = `micro-f1 0.7500, loss 0.2500

   label  precision  recall     f1  average precision  threshold  support
  <rain>      1.000   0.500  0.667              0.750      0.500        4
    snow      0.250   1.000  0.400              0.250      0.125        1

over all labels
  micro f1  macro f1  samples f1  average precision  all labels right  wrong decisions
     0.750     0.625       0.500              0.500             0.250            0.375
`
	var b strings.Builder
	if err := WriteFigures(&b, task.MicroF1, byLabel()); err != nil {
		t.Fatal(err)
	}
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// TestPageByLabel writes the page of a run whose model tells no classes apart: its figures
// stand in tables, under the names that its task gives them.
func TestPageByLabel(t *testing.T) {
	running := Page{Title: "labels", Score: task.MicroF1, Epochs: labelEpochs(), LastEpoch: 3, Samples: 10}
	done := running
	done.Figures = byLabel()
	both := []string{
		"Micro-f1", `aria-label="Micro-f1 by epoch; after epoch 1: test 0.7500`, "epoch 1 has the best test micro-f1: test micro-f1 0.7500", "training micro-f1",
	}
	for name, c := range map[string]struct {
		page          Page
		with, without []string
	}{
		"running": {running, append([]string{"<title>labels</title>", "test micro-f1</dt><dd>0.7500<small>after epoch 1, the best so far"}, both...),
			[]string{"accuracy", "&lt;rain&gt;", "over all labels"}},
		"done": {done, append([]string{"<title>labels: 0.7500 test micro-f1</title>", `<th scope="row">&lt;rain&gt;</th><td>1.000</td>`,
			"<caption>over all labels</caption>", "test loss</dt><dd>0.2500<small>mean of the samples"}, both...),
			[]string{"accuracy", "<rain>", "Class by class", "What was taken for what", "Mistakes"}},
	} {
		html := write(t, &c.page)
		_, html, _ = strings.Cut(strings.Replace(html, "<style>", "<!--", 1), "<title>")
		html = "<title>" + html
		if i, j := strings.Index(html, "<!--"), strings.Index(html, "</style>"); i >= 0 && j > i {
			html = html[:i] + html[j:]
		}
		html, _, _ = strings.Cut(html, "<script>")
		for _, text := range c.with {
			if !strings.Contains(html, text) {
				t.Errorf("%s: no %q in the page", name, text)
			}
		}
		for _, text := range c.without {
			if strings.Contains(html, text) {
				t.Errorf("%s: %q in the page", name, text)
			}
		}
	}
	if line := running.stepLine(train.Step{Epoch: 3, Step: 1, Samples: 4, Loss: 0.5, Score: 0.25}); line != "epoch 3 of 3: 4 of 10 samples, loss 0.5000, micro-f1 0.250" {
		t.Errorf("step line %q", line)
	}
	if d := Curves(Run{Name: "labels", Epochs: labelEpochs()}); d.title != "Loss and micro-f1 by epoch" {
		t.Errorf("curves %q", d.title)
	}
}

// TestBestOfLower checks that the best epoch of a score that is better when lower is the lowest.
func TestBestOfLower(t *testing.T) {
	epochs := labelEpochs()
	for i := range epochs {
		epochs[i].Scored = task.Score{Name: "error", Short: "err", Lower: true}
	}
	if best := bestEpoch(epochs); best != 1 {
		t.Errorf("best epoch at %d, want 1", best)
	}
	if best := bestEpoch(labelEpochs()); best != 0 {
		t.Errorf("best epoch at %d, want 0", best)
	}
}

// TestHistoryByLabel writes a history of F1 and reads it back; as one of accuracy it is
// refused.
func TestHistoryByLabel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.csv")
	h, err := CreateHistory(path, task.MicroF1, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range labelEpochs() {
		if err := h.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	h.Close()
	const want = "epoch,train_loss,train_micro_f1,val_loss,val_micro_f1,lr,seconds\n" +
		"1,0.500000,0.625000,0.500000,0.750000,0.1,1.000000\n2,0.375000,0.750000,0.625000,0.500000,0.1,1.000000\n"
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("got %s (%v), want %s", got, err, want)
	}
	got, err := ReadHistory(path, task.MicroF1)
	if err != nil || len(got) != 2 || got[1].Scored != task.MicroF1 || got[1].Test.Score != 0.5 || !got[1].Validation {
		t.Errorf("read %+v (%v)", got, err)
	}
	if h, err := ContinueHistory(path, task.MicroF1, 1); err != nil {
		t.Error(err)
	} else {
		h.Close()
	}
	if _, err := ReadHistory(path, task.Accuracy); err == nil || !strings.Contains(err.Error(), `"train_acc"`) {
		t.Errorf("read as accuracy: error %v", err)
	}
	if _, err := ContinueHistory(path, task.Accuracy, 1); err == nil || !strings.Contains(err.Error(), `"train_acc"`) {
		t.Errorf("continued as accuracy: error %v", err)
	}
}
