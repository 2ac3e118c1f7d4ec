package report

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/onehot-go/onehot/train"
)

// Line is an epoch as the notebooks print it:
//
//	epoch 1, loss 0.7851, train acc 0.750, test acc 0.791
//
// With validation data it says val in place of test. Of a model that was not trained it
// has that accuracy alone.
func Line(e train.Epoch) string {
	split := Split(e)
	if e.Epoch == 0 {
		return fmt.Sprintf("epoch 0, %s acc %.3f", split, e.Test.Accuracy)
	}
	return fmt.Sprintf("epoch %d, loss %.4f, train acc %.3f, %s acc %.3f", e.Epoch, e.TrainLoss, e.TrainAccuracy, split, e.Test.Accuracy)
}

// Split names the data that an epoch was measured on: "test", or "val".
func Split(e train.Epoch) string {
	if e.Validation {
		return "val"
	}
	return "test"
}

// Figures is how well a model does on a data set, as programs read it.
type Figures struct {
	Accuracy  float64        `json:"accuracy"`
	Loss      float64        `json:"loss"`
	Classes   []ClassFigures `json:"classes"`
	Confusion [][]int        `json:"confusion"` // samples by true class (row) and predicted class (column)
}

// ClassFigures is how well one class is told from the others.
type ClassFigures struct {
	Name      string  `json:"name"`
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
	Support   int     `json:"support"` // samples of the class
}

// NewFigures returns e with the names of its classes.
func NewFigures(e train.Evaluation, classes []string) Figures {
	f := Figures{Accuracy: e.Accuracy, Loss: e.Loss, Confusion: e.Counts}
	for i, c := range e.Classes {
		f.Classes = append(f.Classes, ClassFigures{classes[i], c.Precision, c.Recall, c.F1, c.Support})
	}
	return f
}

// WriteClasses writes the figures of every class as a table.
func (f Figures) WriteClasses(out io.Writer) error {
	t := newTable(out)
	fmt.Fprintln(t, "class\tprecision\trecall\tf1\tsupport\t")
	for _, c := range f.Classes {
		fmt.Fprintf(t, "%s\t%.3f\t%.3f\t%.3f\t%d\t\n", c.Name, c.Precision, c.Recall, c.F1, c.Support)
	}
	return t.Flush()
}

// newTable returns a writer of tables with their columns on the right.
func newTable(w io.Writer) *tabwriter.Writer {
	return tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
}

// WriteText writes the figures as two tables: by class, and the confusion matrix.
func (f Figures) WriteText(out io.Writer) error {
	w := bufio.NewWriter(out) // it keeps the first error for the end
	fmt.Fprintf(w, "accuracy %.4f, loss %.4f\n\n", f.Accuracy, f.Loss)
	f.WriteClasses(w)
	t := newTable(w)
	fmt.Fprintln(w, "\nconfusion: true class in rows, predicted class in columns")
	fmt.Fprint(t, "\t")
	for i := range f.Confusion {
		fmt.Fprint(t, strconv.Itoa(i)+"\t")
	}
	fmt.Fprintln(t)
	for i, row := range f.Confusion {
		fmt.Fprintf(t, "%s %d\t", f.Classes[i].Name, i)
		for _, n := range row {
			fmt.Fprint(t, strconv.Itoa(n)+"\t")
		}
		fmt.Fprintln(t)
	}
	t.Flush()
	return w.Flush()
}
