// Command iris tells three kinds of iris flowers apart by four measurements: rows of
// numbers, and a net with one hidden layer. The model's file has what the rows are
// standardized by, so that whoever has it gives measurements as they are.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

// Standardize is a transform of rows: it takes each number's mean away, and divides by its
// deviation. Its fields are what a model's file has of it.
type Standardize struct {
	Mean []float32 `json:"mean"`
	Std  []float32 `json:"std"`
}

func init() {
	transform.Register(transform.Kind[Standardize]{
		Name: "example.standardize",
		Check: func(s Standardize) (Standardize, error) {
			if len(s.Mean) != len(s.Std) || slices.Contains(s.Std, 0) {
				return s, fmt.Errorf("found means %v and deviations %v, as many of each and none of 0 expected", s.Mean, s.Std)
			}
			return s, nil
		},
		Form: func(s Standardize, f transform.Form) (transform.Form, error) {
			if !f.Tensor || !slices.Equal(f.Shape, []int{len(s.Mean)}) {
				return f, fmt.Errorf("found %v, a row of %d numbers expected", f, len(s.Mean))
			}
			return f, nil
		},
	})
}

func (s Standardize) Apply(in transform.Input, _ random.Key) (transform.Input, error) {
	if in.Tensor == nil || !slices.Equal(in.Tensor.Shape(), []int{len(s.Mean)}) {
		return in, &transform.Error{Op: "standardize", Found: "another input", Expected: fmt.Sprintf("a row of %d numbers", len(s.Mean))}
	}
	return transform.Input{Tensor: in.Tensor.Sub(tensor.New(s.Mean)).Div(tensor.New(s.Std))}, nil
}

func run(out io.Writer, dir string) error {
	flowers, err := read(file)
	if err != nil {
		return err
	}
	parts, err := dataset.StratifiedSplit(flowers, []float64{0.5, 0.5}, random.New(0))
	if err != nil {
		return err
	}
	// What the numbers are measured against is learnt from the training rows alone.
	var indices []int64
	for _, i := range parts[0].Indices {
		indices = append(indices, int64(i))
	}
	known := flowers.rows.IndexSelect(0, tensor.New(indices))
	definition := model.MLP([]int{4}, []int{16}, flowers.classes)
	definition.Preprocess = transform.Compose{Standardize{tensor.Data[float32](known.Mean(0)), tensor.Data[float32](known.Std(0, 0))}}
	flowers.transform = definition.Preprocess

	m, err := model.New(definition, random.New(1))
	if err != nil {
		return err
	}
	for event, err := range train.Run(context.Background(), train.Config{
		Model: m, Epochs: 30,
		Train:     loader.New(parts[0], loader.Options{BatchSize: 16, Shuffle: true}),
		Test:      loader.New(parts[1], loader.Options{BatchSize: 75}),
		Optimizer: optim.NewAdam(nn.ParameterList(m.Net), 0.01, optim.AdamOptions{}),
	}) {
		if err != nil {
			return err
		}
		if e, ok := event.(train.Epoch); ok && e.Epoch == 30 {
			fmt.Fprintf(out, "test accuracy %.3f\n", e.Test.Score)
		}
	}

	path := filepath.Join(dir, "iris.safetensors")
	if err := m.Save(path); err != nil {
		return err
	}
	return use(out, path, flowers, parts[1].Indices)
}

// use classifies flowers by a model's file, from measurements in centimetres.
func use(out io.Writer, path string, flowers *Flowers, indices []int) error {
	m, err := model.Load(path)
	if err != nil {
		return err
	}
	p, err := model.NewPredictor(m)
	if err != nil {
		return err
	}
	right := 0
	for _, i := range indices {
		likeliest, err := p.ClassifyRow(tensor.Data[float32](flowers.rows.Select(0, i)), 1)
		if err != nil {
			return err
		}
		if likeliest[0].Index == flowers.labels[i] {
			right++
		}
	}
	fmt.Fprintf(out, "from the file: %.3f on %d flowers, prepared by %v\n", float64(right)/float64(len(indices)), len(indices), m.Preprocess)
	return nil
}

func main() {
	dir, err := os.MkdirTemp("", "iris")
	if err != nil {
		log.Fatal(err)
	}
	err = run(os.Stdout, dir)
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}
