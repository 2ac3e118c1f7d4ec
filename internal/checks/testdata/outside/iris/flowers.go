package main

import (
	_ "embed"
	"encoding/csv"
	"strconv"
	"strings"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

//go:embed iris.csv
var file string

// Flowers is a data set: a row of numbers and a class for each flower.
type Flowers struct {
	rows      *tensor.Tensor // (N, 4) of Float32, in centimetres
	labels    []int
	classes   []string
	transform transform.Transform
}

func (f *Flowers) Len() int          { return len(f.labels) }
func (f *Flowers) Classes() []string { return f.classes }

// Label lets the flowers be split by class before there is a transform.
func (f *Flowers) Label(i int) (int, error) { return f.labels[i], nil }

// Preparations lets training compare what is done to the rows with what the model does.
func (f *Flowers) Preparations() []dataset.Preparation {
	return []dataset.Preparation{{Transform: f.transform, Form: transform.Form{Tensor: true, Shape: []int{4}}}}
}

func (f *Flowers) Sample(i int, chance random.Key) (dataset.Sample, error) {
	input, err := f.transform.Apply(transform.Input{Tensor: f.rows.Select(0, i)}, chance)
	return dataset.Sample{Input: input, Target: dataset.Class(f.labels[i])}, err
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
