package report

import (
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/onehot-go/onehot/task"
)

// FuzzHistory reads histories and losses by batch, and draws what it is given of them.
func FuzzHistory(f *testing.F) {
	const head = "epoch,train_loss,train_acc,test_loss,test_acc,lr,seconds\n"
	f.Add(head+"1,0.6,0.8,0.5,0.9,0.5,1\n2,0.5,0.9,0.5,0.9,0.5,1\n", "epoch,train_loss\n0.5,0.7\n1.0,0.6\n2,0.6\n")
	f.Add("epoch,train_loss,train_acc,val_loss,val_acc,lr,seconds\n1,0,0,0,0,0,0\n", "epoch,train_loss\n")
	f.Add(head+"1,1e38,1e38,1e38,1e38,1e38,1e38\n2,0,0,1,1,1,0\n", "epoch,train_loss\n1,1e38\n1,0\n")
	f.Add(head+"1,123456789012345678,1,1,1,1,1\n2,123456789012345696,1,1,1,1,1e-300\n", "epoch,train_loss\n0,0\n")
	f.Add(head+"1,NaN,1,1,1,1,1\n", "epoch,train_loss\n-1,+Inf\n")
	f.Fuzz(func(t *testing.T, history, batches string) {
		dir := t.TempDir()
		read := func(name, content string) string {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
				t.Fatal(err)
			}
			return path
		}
		epochs, err := ReadHistory(read("history.csv", history), task.Accuracy)
		if err != nil {
			return
		}
		if len(epochs) > 20 {
			return // more say no more, and take longer
		}
		losses, err := ReadBatches(read("batches.csv", batches), float64(len(epochs)))
		if err != nil {
			losses = nil
		}
		for _, e := range epochs {
			for _, v := range []float64{e.TrainLoss, e.TrainScore, e.Test.Loss, e.Test.Score, e.LR, e.Seconds} {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Fatalf("a figure of epoch %d is %g", e.Epoch, v)
				}
			}
		}
		run := Run{Name: "run", Epochs: epochs, Batches: losses}
		if err := Curves(run).WriteSVG(io.Discard); err != nil {
			t.Error(err)
		}
		p := Page{Epochs: epochs, Batches: losses, Samples: 100}
		if err := p.Write(io.Discard); err != nil {
			t.Error(err)
		}
		h, err := ContinueHistory(filepath.Join(dir, "history.csv"), task.Accuracy, len(epochs))
		if err != nil {
			t.Fatalf("it was read, but does not go on: %v", err)
		}
		h.Close()
		NewBatches(losses, nil)
	})
}
