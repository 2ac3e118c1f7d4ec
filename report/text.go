package report

import (
	"bufio"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/train"
)

// Line is an epoch as the notebooks print it:
//
//	epoch 1, loss 0.7851, train acc 0.750, test acc 0.791
//
// With validation data it says val in place of test, and the score's own name in place of acc.
// Of a model that was not trained it has that score alone, and of one that was not measured what
// training found alone.
func Line(e train.Epoch) string {
	score := scored([]train.Epoch{e}).Short
	line := fmt.Sprintf("epoch %d", e.Epoch)
	if e.Epoch > 0 {
		line += fmt.Sprintf(", loss %.4f, train %s %.3f", e.TrainLoss, score, e.TrainScore)
	}
	if !e.Unmeasured {
		line += fmt.Sprintf(", %s %s %.3f", split(e), score, e.Test.Score)
	}
	return line
}

// WriteFigures writes figures with scores of a kind as text: score and loss, and all tables.
func WriteFigures(out io.Writer, score task.Score, f task.Figures) error {
	w := bufio.NewWriter(out) // it keeps the first error for the end
	loss, value := f.Summary()
	fmt.Fprintf(w, "%s %.4f, loss %.4f\n", score.Name, value, loss)
	for _, t := range f.Tables() {
		fmt.Fprintln(w)
		WriteTable(w, t)
	}
	return w.Flush()
}

// WriteTable writes a table as text, its columns on the right. Names that cannot be printed
// are quoted.
func WriteTable(out io.Writer, t task.Table) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	if t.Title != "" {
		fmt.Fprintln(out, t.Title)
	}
	for _, row := range append([][]string{t.Header}, t.Rows...) {
		for _, cell := range row {
			fmt.Fprint(w, printable.Name(cell), "\t")
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}
