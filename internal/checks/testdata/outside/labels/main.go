// Command labels finds labels, any number of which a point may have. The model's file names its
// task, so that whoever has it gets a probability for each label.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"example.com/outside/points"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

// Labelled are points with labels.
type Labelled struct{ points.Points }

func (Labelled) Classes() []string { return []string{"north", "east", "far out"} }

func (l Labelled) Sample(i int, chance random.Key) (dataset.Sample, error) {
	s, err := l.Points.Sample(i, chance)
	xy := tensor.Data[float32](s.Tensor)
	labels := make([]float32, 3)
	for k, holds := range []bool{xy[1] > 0, xy[0] > 0, xy[0]*xy[0]+xy[1]*xy[1] > 0.6} {
		if holds {
			labels[k] = 1
		}
	}
	s.Target = tensor.New(labels)
	return s, err
}

func run(out io.Writer, dir string) error {
	training, test := Labelled{points.Draw(500, random.New(1))}, Labelled{points.Draw(200, random.New(2))}
	m, err := model.New(model.MLP([]int{2}, []int{32}, training.Classes()), random.New(0))
	if err != nil {
		return err
	}
	for event, err := range train.Run(context.Background(), train.Config{
		Model: m, Task: task.MultiLabel{}, Epochs: 30,
		Train:     loader.New(training, loader.Options{BatchSize: 10, Shuffle: true}),
		Test:      loader.New(test, loader.Options{BatchSize: 200}),
		Optimizer: optim.NewAdam(nn.ParameterList(m.Net), 0.01, optim.AdamOptions{}),
	}) {
		if err != nil {
			return err
		}
		if e, ok := event.(train.Epoch); ok && e.Epoch == 30 {
			f := e.Test.Figures.(task.ByLabel)
			fmt.Fprintf(out, "micro F1 %.2f, macro F1 %.2f, mean average precision %.2f\n", f.MicroF1, f.MacroF1, f.MeanAveragePrecision)
		}
	}

	path := filepath.Join(dir, "labels.safetensors")
	if err := m.Save(path); err != nil {
		return err
	}
	loaded, err := model.Load(path)
	if err != nil {
		return err
	}
	p, err := model.NewPredictor(loaded)
	if err != nil {
		return err
	}
	labels, err := p.ClassifyRow([]float32{-0.8, 0.8}, 3)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "the file's task is %s; (-0.8, 0.8) is", loaded.Task)
	for _, l := range labels {
		if l.Probability > 0.5 {
			fmt.Fprintf(out, " %q", l.Class)
		}
	}
	fmt.Fprintln(out)
	return nil
}

func main() {
	dir, err := os.MkdirTemp("", "labels")
	if err != nil {
		log.Fatal(err)
	}
	err = run(os.Stdout, dir)
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}
