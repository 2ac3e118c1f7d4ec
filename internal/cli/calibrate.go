package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/onehot-go/onehot/calibrate"
	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/model"
)

// checkCalibration returns what keeps the run's model from being calibrated.
func (r *trainRun) checkCalibration() error {
	method := r.settings.Calibrate
	if r.val == nil {
		return usagef("--calibrate %s is fitted to %ss that the model is not trained on: --val expected", method, r.sample())
	}
	if err := calibrate.Check(method, r.model); err != nil {
		return usagef("--calibrate %s: %s", method, strings.TrimPrefix(err.Error(), "calibration: "))
	}
	return nil
}

// calibrate calibrates the best model on the data held out, and tells remarks. One that is calibrated already, since the run went on
// and found no better one, stays.
func (r *trainRun) calibrate(remarks io.Writer) error {
	m, err := model.Load(r.folder.best())
	if err != nil || m.Calibration != nil {
		return err
	}
	logits, targets, err := r.predict(m, dataset.Validation)
	if err != nil {
		return err
	}
	c, err := calibrate.Fit(r.settings.Calibrate, logits, targets)
	if err != nil {
		return err
	}
	if err := calibrate.Apply(m, c); err != nil {
		return err
	}
	if err := m.Save(r.folder.best()); err != nil {
		return err
	}
	fmt.Fprintf(remarks, "calibrated: %s on %s: loss %.4f, before %.4f; calibration error %.4f, before %.4f\n",
		calibrationNumbers(c), counted(c.Samples, "validation "+r.sample()), c.After.Loss, c.Before.Loss, c.After.Error, c.Before.Error)
	if c.After.Loss > c.Before.Loss { // of rows that the model tells apart without a fault: Platt's targets doubt them
		fmt.Fprintf(remarks, "the loss grew: %s expects mistakes that these %ss do not show; more of them, or --calibrate %s, fit better\n", c.Method, r.sample(), calibrate.Temperature)
	}
	return nil
}

// calibrationNumbers says what a calibration does.
func calibrationNumbers(c *model.Calibration) string {
	switch {
	case c.Method == calibrate.Temperature:
		return fmt.Sprintf("temperature %.4g", c.Temperature)
	case len(c.A) == 1:
		return fmt.Sprintf("platt %.4g z %+.4g", c.A[0], c.B[0])
	}
	return "platt, by label"
}
