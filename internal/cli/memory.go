package cli

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/internal/compiled"
	"github.com/onehot-go/onehot/internal/memory"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
)

// memoryFlags say how much memory a command may take.
type memoryFlags struct {
	Memory byteSize `help:"The most memory to take, as in 8GB (default: half of what the machine or the control group has). What does not fit is an error before it is taken; batches to measure on become smaller." placeholder:"SIZE"`
}

// presumed is how much memory there is where the system does not say.
const presumed = 8 << 30

// limit holds memory to the flag or, if it is not given, to half of what there is.
func (f memoryFlags) limit() {
	there := cmp.Or(memory.Total(), presumed)
	bytes := cmp.Or(int64(f.Memory), there/2)
	memory.SetLimit(bytes, fmt.Sprintf("--memory; there are %s", memory.Size(float64(there))))
	if os.Getenv("GOMEMLIMIT") == "" { // then what is no longer used is given back in time
		debug.SetMemoryLimit(max(bytes-program/2, bytes/2)) // the other half is code and what is embedded
	}
}

// What a process holds beside what is counted, and what a sample's inputs take while batches are
// prepared ahead.
const (
	program      = 64 << 20
	inputBuffers = 2 * prefetch
)

// held returns how many bytes data in memory take.
func held(data ...*dataset.Images) int {
	pixels, n := map[*byte]int{}, 0 // several may share theirs
	for _, d := range data {
		if d != nil && len(d.Pixels) > 0 {
			if d.Names == nil { // else they are mapped from a file
				pixels[&d.Pixels[0]] = len(d.Pixels)
			}
			n += 8 * (len(d.Labels) + len(d.Rows))
		}
	}
	for _, bytes := range pixels {
		n += bytes
	}
	return n
}

// measuringBatch returns how many samples of evalBatch at most are measured at once by nets of
// the given definitions, one after the other, beside so many bytes that are taken already. The
// error says that not even one sample, which is named what, fits.
func measuringBatch(what string, mirrored bool, taken int, definitions ...*model.Definition) (int, error) {
	fixed, sample, work, classes := taken+program, 0, 0, 0
	for _, d := range definitions {
		costs, err := d.Costs()
		if err != nil {
			return 0, err
		}
		m := nn.MemoryOf(costs, d.InputShape)
		fixed += (1 + compiled.MostWeights) * m.State // packed too
		work = max(work, m.Work)
		sample = max(sample, inputBuffers*m.Input+m.Evaluation)
		if mirrored {
			sample = max(sample, (inputBuffers+2)*m.Input+m.Evaluation)
		}
		classes = max(classes, len(d.Classes))
	}
	fixed += work + 8*classes*classes            // of the confusion matrix
	sample += 8 * 4 * classes * len(definitions) // probabilities and what they are computed from
	if err := memory.Check(float64(fixed)+float64(sample), what); err != nil {
		return 0, err
	}
	// The last batch is a smaller one: its memory may come beside that of the others, which waits
	// to be used again.
	return int(min(evalBatch, max(1, (memory.Limit()-int64(fixed))/int64(2*sample)))), nil
}

// optimizerState returns how many numbers the optimizer keeps for each parameter.
func (s *settings) optimizerState() int {
	switch {
	case s.Optimizer == "lbfgs":
		return 50 // steps and changes of gradients of the last twenty, and what a search compares
	case s.Optimizer == "adam" || s.Optimizer == "adamw":
		return 2
	case s.Optimizer == "sgd" && s.Momentum == 0:
		return 0
	case s.Optimizer == "rmsprop" && s.Momentum > 0:
		return 2
	}
	return 1
}

// partSamples is how many samples of a batch share one gradient in softmax regression.
const partSamples = 128

// fit returns how many samples are measured at once in the run of a net of the given definition.
// The error says that a training step or a sample does not fit, before there is a net.
func (s *settings) fit(d model.Definition, data parts) (measuring int, err error) {
	costs, err := d.Costs()
	if err != nil {
		return 0, nil // build says it, and which flag is to blame
	}
	if s.probes() {
		return s.fitProbe(costs, d, data)
	}
	m := nn.MemoryOf(costs, d.InputShape)
	kept := s.optimizerState() // with the parameters, in a checkpoint
	if s.EMA > 0 {
		kept++
	}
	// Beside the parameters there are gradients. When a checkpoint or the best model is read,
	// there are its content, a net of it, and what looks at its numbers.
	copies := 4 + 2*kept
	taken := held(data.training, data.val, data.test) + copies*m.State
	what := "--model " + s.Model
	if s.Pretrained != "" {
		what = "--pretrained " + s.Pretrained
	}
	measuring, err = measuringBatch(what+": a sample", s.TTA, taken, &d)
	if err != nil {
		return 0, err
	}
	batch := min(s.BatchSize, data.training.Len())
	sample := inputBuffers*m.Input + m.Training + 8*4*len(d.Classes)
	switch {
	case s.Optimizer == "lbfgs":
		return measuring, nil // all samples go through a few blocks
	case s.Model == "softmax":
		sample += m.State / partSamples
	}
	fixed := taken + (1+compiled.MostWeights)*m.State + m.Work + program // the latest evaluation may have left its packed weights
	err = memory.Check(float64(fixed)+float64(batch)*float64(sample), fmt.Sprintf("--batch-size %d: a training step", s.BatchSize))
	if most := (memory.Limit() - int64(fixed)) / int64(sample); err != nil && most > 0 {
		return 0, usagef("%w: a batch of %d fits", err, most)
	}
	return measuring, err
}

// pictureMemory returns how many bytes decoding a picture may take, while each core decodes one.
func pictureMemory() int { return int(min(memory.Limit()/int64(runtime.GOMAXPROCS(0)), 512<<20)) }
