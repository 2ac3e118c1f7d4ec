package cli

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

// keeping is a task whose meter keeps what it measures.
type keeping struct {
	task.Task
	outputs, targets []*tensor.Tensor
}

// NewMeter returns the task's meter, which also keeps what it is given.
func (k *keeping) NewMeter(classes []string) task.Meter {
	return &keptMeter{k.Task.NewMeter(classes), k}
}

// kept returns the outputs (N, C) that were measured, and their targets.
func (k *keeping) kept() (outputs, targets *tensor.Tensor) {
	return tensor.Cat(0, k.outputs...), tensor.Cat(0, k.targets...)
}

type keptMeter struct {
	task.Meter
	by *keeping
}

// Update measures a batch, whose memory others use again.
func (m *keptMeter) Update(outputs, targets *tensor.Tensor) {
	m.by.outputs, m.by.targets = append(m.by.outputs, outputs.Clone()), append(m.by.targets, targets.Clone())
	m.Meter.Update(outputs, targets)
}

// keptBytes is about how many bytes it takes to keep the outputs of so many samples, and to look into them.
func keptBytes(samples, classes int) int { return samples * (5*4*classes + 64) }

// areaFigures are the areas under the curves of one class against the others.
type areaFigures struct {
	Name             string   `json:"name"`
	ROCAUC           *float64 `json:"roc_auc"`           // nil without samples of the class, or of others
	AveragePrecision *float64 `json:"average_precision"` // nil without samples of the class
}

// figures returns those of an evaluation of a model of the given classes by this task. Of one class a sample they have what is known beside how
// often it is right.
func (k *keeping) figures(e train.Evaluation, classes []string, below float64) figuresFile {
	f := newFigures(e)
	if f.labels == nil {
		logits, targets := k.kept()
		f.look(report.NewPredictions(classes, logits, targets, nil), below)
	}
	return f
}

// look adds what is known of a model's predictions beside how often they are right.
func (f *figuresFile) look(p *report.Predictions, below float64) {
	number := func(v float64) *float64 {
		if math.IsNaN(v) { // which JSON does not have
			return nil
		}
		return &v
	}
	a := p.Areas()
	f.ROCAUC, f.AveragePrecision, f.CalibrationError = number(a.ROC), number(a.Precision), number(p.Calibration(calibrationBins).Error)
	f.Areas = nil
	for c, of := range a.ByClass {
		f.Areas = append(f.Areas, areaFigures{p.Classes[c], number(of.ROC), number(of.Precision)})
	}
	if below > 0 {
		coverage, accuracy := p.Answered(below)
		f.Answered = &Answered{below, coverage, number(accuracy)}
	}
}

// write writes the figures as text, with their means over all classes if those are wanted; over all labels they are among the
// tables.
func (f *figuresFile) write(w io.Writer, score task.Score, means bool) error {
	if err := report.WriteFigures(w, score, f.figures()); err != nil || f.labels != nil {
		return err
	}
	var lines []string
	if means {
		lines = append(lines, macroLine(f.ByClass))
	}
	if f.ROCAUC != nil && f.AveragePrecision != nil {
		of := "mean of the classes, each against the others"
		if len(f.Classes) == 2 {
			of = "of " + printable.Name(f.Classes[1].Name)
		}
		lines = append(lines, fmt.Sprintf("area under the ROC curve %.4f, average precision %.4f, %s", *f.ROCAUC, *f.AveragePrecision, of))
	}
	if f.CalibrationError != nil {
		lines = append(lines, fmt.Sprintf("calibration error %.4f", *f.CalibrationError))
	}
	if f.Answered != nil {
		lines = append(lines, f.line())
	}
	_, err := fmt.Fprintf(w, "\n%s\n", strings.Join(lines, "\n"))
	return err
}

// calibrationBins is in how many bins the calibration error is found, as metric.Calibration has it where nothing else is said.
const calibrationBins = 15
