package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/task"
)

// settleThresholds chooses from which probability on the best model predicts each label, by the validation data, and keeps
// that with the model.
func (r *trainRun) settleThresholds(remarks io.Writer) error {
	if r.val == nil {
		fmt.Fprintln(remarks, "a label is predicted from a probability of 0.5 on: there are no validation data to choose thresholds by")
		return nil
	}
	m, err := model.Load(r.folder.best())
	if err != nil {
		return err
	}
	outputs, targets, err := r.predict(m, dataset.Validation)
	if err != nil {
		return err
	}
	thresholds, missing := task.ChooseThresholds(outputs, targets)
	m.Thresholds = thresholds
	if err := m.Save(r.folder.best()); err != nil {
		return err
	}
	said := fmt.Sprintf("a label is predicted from a threshold on that has the best F1 on the %d validation %ss", r.val.Samples(), r.sample())
	if len(missing) > 0 {
		const most = 5
		var names []string
		for _, c := range missing[:min(most, len(missing))] {
			names = append(names, printable.Name(m.Classes[c]))
		}
		if len(missing) > most {
			names = append(names, "...")
		}
		said += fmt.Sprintf("; 0.5 where none of them has it: %s", strings.Join(names, ", "))
	}
	fmt.Fprintln(remarks, said)
	return nil
}
