package cli

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/train"
)

// FuzzConfig reads configurations and figures of runs, and does with them what commands do.
func FuzzConfig(f *testing.F) {
	const data = `"data":{"name":"mnist","train":500,"test":90,"files":[{"name":"a","path":"b","sha256":"c"}]}`
	const settings = `"settings":{"data":"mnist","model":"mlp","hidden":[8],"epochs":2,"max_time":"0s","batch_size":32,"lr":0.5,"optimizer":"sgd",` +
		`"schedule":"constant","step_size":1,"gamma":0.1,"patience":2,"init":"normal","init_std":0.01}`
	figures := `{"accuracy":0.9,"loss":0.5,"classes":[{"name":"0","precision":1,"recall":1,"f1":1,"support":9}],"confusion":[[9]]}`
	f.Add("{"+settings+","+data+"}", figures)
	f.Add("{"+settings+"}", "{}")
	f.Add(`{"settings":{"model":"gpt"},`+data+`}`, `{"confusion":[[],[1]]}`)
	f.Add(`null`, `null`)
	f.Fuzz(func(t *testing.T, text, figures string) {
		run := folder(t.TempDir())
		for path, content := range map[string]string{run.config(): text, run.metrics(): figures} {
			if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if figures, err := run.readFigures(); err == nil {
			if err := report.WriteFigures(io.Discard, task.Accuracy, figures); err != nil {
				t.Error(err)
			}
		}
		c, err := run.readConfig()
		if err != nil {
			return
		}
		p := newPage(run, c, nil)
		p.Epochs = []train.Epoch{{Epoch: 1, TrainLoss: 0.5, TrainScore: 0.5, Seconds: 1}}
		p.Batches = []report.BatchLoss{{Epoch: 0.5, Loss: 0.5}}
		if err := p.Write(io.Discard); err != nil {
			t.Error(err)
		}
		if err := writeComparison(io.Discard, []comparedRun{{Run: "a", Settings: c.Settings, BestTestAcc: new(0.5)}, {Run: "b", BestTestAcc: new(0.25)}}, 80); err != nil {
			t.Error(err)
		}
		if err := c.Data.same(dataRecord{Files: []fileRecord{{}}}); err != nil && err.Error() == "" {
			t.Error("no message")
		}
		if s := c.Settings.schedule(10); s != nil {
			for step := range 30 {
				s(c.Settings.LR, step)
			}
		}
		if err := writeJSON(filepath.Join(string(run), "again.json"), c); err != nil {
			t.Error(err)
		}
	})
}
