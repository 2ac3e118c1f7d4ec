package model

import (
	"fmt"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/compiled"
	"github.com/onehot-go/onehot/internal/memory"
	"github.com/onehot-go/onehot/nn"
)

// Compiled computes what a model's net makes of samples, much faster than layer by layer: batch norms
// are folded into filters, which are packed once, and all that passes between layers lies in memory that is
// planned before. Later changes of the model's weights make no difference to it. Many goroutines may use it
// at once.
//
// Its outputs differ from the layers' by at most 1e-5 of the greatest. A sample's have the same bits in a
// batch of any size, and for any number of threads. Layers of other packages, which it does not know, compute by
// their own Forward.
type Compiled struct {
	program *compiled.Program
	input   int // numbers of a sample
	classes int
}

// Compile makes the program of m's net, for batches of at most so many samples at once: larger ones
// are computed in parts. The error says what is wrong with m's definition, how its net differs from that, which layer
// has no statistics but those of a batch, or that there is not enough memory.
func Compile(m *Model, batch int) (*Compiled, error) {
	if batch < 1 {
		fault.Option("model.Compile", "batches of %d samples: at least 1 expected", batch)
	}
	costs, err := m.verify()
	if err != nil {
		return nil, err
	}
	if err := checkStatistics(m.Net); err != nil {
		return nil, err
	}
	if err := memory.Check((1+compiled.MostWeights)*float64(nn.MemoryOf(costs, m.InputShape).State), "its weights, and these packed,"); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	program, err := compiled.Compile(m.Net, m.InputShape, compiled.Options{Batch: batch, Copies: true})
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return &Compiled{program, product(m.InputShape), len(m.Classes)}, nil
}

// checkStatistics returns an error if a batch norm within net has no statistics of its own.
func checkStatistics(net nn.Module) (err error) {
	nn.Apply(net, func(path string, l nn.Module) {
		var b *nn.BatchNorm
		switch l := l.(type) {
		case *nn.BatchNorm1d:
			b = &l.BatchNorm
		case *nn.BatchNorm2d:
			b = &l.BatchNorm
		}
		if b != nil && b.RunningMean == nil {
			err = fmt.Errorf("model: layer %q: found a batch norm without running statistics, one with them expected for single samples", path)
		}
	})
	return err
}

// Run computes outputs, a row of one number a class for each sample, of inputs as the net takes them, one
// behind the other, into the caller's memory. It takes no memory but for the first calls, which leave
// theirs for later ones. It panics with a *fault.OptionError unless inputs are whole samples, with a row of outputs
// for each.
func (c *Compiled) Run(outputs, inputs []float32) {
	if n := len(inputs) / c.input; len(inputs) != n*c.input || len(outputs) != n*c.classes {
		fault.Option("model.Compiled", "%d outputs of %d numbers: inputs of %d numbers each, and %d outputs of each, expected", len(outputs), len(inputs), c.input, c.classes)
	}
	c.program.Run(outputs, inputs)
}

// Bytes returns what the packed weights take, at most twice what they have in a file unless layers are narrower than a
// register, and the memory of one call. There are as many such memories as threads at most: more calls at
// once wait for one.
func (c *Compiled) Bytes() (weights, call int) { return c.program.Bytes() }
