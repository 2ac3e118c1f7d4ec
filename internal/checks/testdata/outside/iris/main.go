// Command iris tells three kinds of iris flowers apart by four measurements: rows of
// numbers, standardized, and a net with one hidden layer.
package main

import (
	"context"
	_ "embed"
	"encoding/csv"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"strings"

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

//go:embed iris.csv
var file string

// Flowers is a data set: a row of numbers and a class for each flower.
type Flowers struct {
	rows    *tensor.Tensor // (N, 4) of Float32, in centimetres
	labels  []int
	classes []string
}

func (f *Flowers) Len() int          { return len(f.labels) }
func (f *Flowers) Classes() []string { return f.classes }

func (f *Flowers) Sample(i int, _ random.Key) (dataset.Sample, error) {
	return dataset.Sample{Input: transform.Input{Tensor: f.rows.Select(0, i)}, Target: dataset.Class(f.labels[i])}, nil
}

// read returns the flowers of a file whose first line has the counts of rows and columns,
// and the classes.
func read(file string) (*Flowers, error) {
	lines, err := csv.NewReader(strings.NewReader(file)).ReadAll()
	if err != nil {
		return nil, err
	}
	f := &Flowers{classes: lines[0][2:]}
	var numbers []float32
	for _, line := range lines[1:] {
		for _, text := range line {
			number, err := strconv.ParseFloat(text, 32)
			if err != nil {
				return nil, err
			}
			numbers = append(numbers, float32(number))
		}
	}
	table := tensor.New(numbers, len(lines)-1, len(lines[1]))
	f.rows = table.Narrow(1, 0, 4)
	for _, class := range tensor.Data[float32](table.Select(1, 4).Contiguous()) {
		f.labels = append(f.labels, int(class))
	}
	return f, nil
}

func run(out io.Writer) error {
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
	flowers.rows = flowers.rows.Sub(known.Mean(0)).Div(known.Std(0))

	training := loader.New(parts[0], loader.Options{BatchSize: 16, Shuffle: true})
	test := loader.New(parts[1], loader.Options{BatchSize: 75})
	m, err := model.New(model.MLP([]int{4}, []int{16}, flowers.classes), random.New(1))
	if err != nil {
		return err
	}
	for event, err := range train.Run(context.Background(), train.Config{
		Model: m, Train: training, Test: test, Epochs: 30,
		Optimizer: optim.NewAdam(nn.ParameterList(m.Net), 0.01, optim.AdamOptions{}),
	}) {
		if err != nil {
			return err
		}
		if e, ok := event.(train.Epoch); ok && e.Epoch == 30 {
			fmt.Fprintf(out, "test accuracy %.3f on %d flowers\n", e.Test.Score, test.Samples())
		}
	}
	return nil
}

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}
