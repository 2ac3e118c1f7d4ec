// Command pictures trains on a data set that it makes itself: coloured pictures of 64x64
// pixels in memory, with a disc or a square.
package main

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"io"
	"log"
	"os"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

// Shapes is a data set of coloured pictures: a disc or a square on black.
type Shapes struct {
	pictures  []image.Image
	labels    []int
	transform transform.Transform
}

func (s *Shapes) Len() int          { return len(s.pictures) }
func (s *Shapes) Classes() []string { return []string{"disc", "square"} }

// Preparations lets training compare what is done to the pictures with what the model does.
func (s *Shapes) Preparations() []dataset.Preparation {
	return []dataset.Preparation{{Transform: s.transform, Form: transform.Form{Shape: []int{3, 64, 64}}}}
}

func (s *Shapes) Sample(i int, chance random.Key) (dataset.Sample, error) {
	input, err := s.transform.Apply(transform.Input{Image: s.pictures[i]}, chance)
	return dataset.Sample{Input: input, Target: dataset.Class(s.labels[i])}, err
}

// draw returns n pictures, whose shapes have a size, a place and a colour by chance.
func draw(n int, key random.Key, t transform.Transform) *Shapes {
	s, r := &Shapes{transform: t}, key.Rand()
	for i := range n {
		radius := 8 + r.IntN(16)
		x, y := radius+r.IntN(64-2*radius), radius+r.IntN(64-2*radius)
		c := color.RGBA{uint8(100 + r.IntN(156)), uint8(100 + r.IntN(156)), uint8(100 + r.IntN(156)), 255}
		picture := image.NewRGBA(image.Rect(0, 0, 64, 64))
		for at := range 64 * 64 {
			dx, dy := at%64-x, at/64-y
			inside := max(dx, -dx, dy, -dy) <= radius
			if i%2 == 0 {
				inside = dx*dx+dy*dy <= radius*radius
			}
			if picture.SetRGBA(at%64, at/64, color.RGBA{A: 255}); inside {
				picture.SetRGBA(at%64, at/64, c)
			}
		}
		s.pictures, s.labels = append(s.pictures, picture), append(s.labels, i%2)
	}
	return s
}

func run(out io.Writer) error {
	definition := model.LeNet([]int{3, 64, 64}, []string{"disc", "square"})
	definition.Preprocess = append(definition.Preprocess,
		transform.Normalize{Mean: []float32{0.2, 0.2, 0.2}, Std: []float32{0.3, 0.3, 0.3}})
	m, err := model.New(definition, random.New(0))
	if err != nil {
		return err
	}
	training, test := draw(1000, random.New(1), m.Preprocess), draw(100, random.New(2), m.Preprocess)
	for event, err := range train.Run(context.Background(), train.Config{
		Model:     m,
		Train:     loader.New(training, loader.Options{BatchSize: 20, Shuffle: true}),
		Test:      loader.New(test, loader.Options{BatchSize: 100}),
		Epochs:    3,
		Optimizer: optim.NewAdam(nn.ParameterList(m.Net), 0.001, optim.AdamOptions{}),
	}) {
		if err != nil {
			return err
		}
		if e, ok := event.(train.Epoch); ok && e.Epoch == 3 {
			fmt.Fprintf(out, "test accuracy %.2f\n", e.Test.Score)
		}
	}
	return nil
}

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}
