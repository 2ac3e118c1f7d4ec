package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/task"
)

type compareCommand struct {
	Runs  []string `arg:"" name:"run" help:"Runs' folders."`
	Plot  string   `help:"Draw loss and accuracy by epoch of all runs to a PNG or SVG file." placeholder:"FILE"`
	Force bool     `help:"Replace the file of --plot."`
	JSON  bool     `help:"Print one JSON object a run."`
}

// comparedRun is what compare says of a run.
type comparedRun struct {
	Run         string   `json:"run"`
	Settings    settings `json:"settings"`
	Epochs      int      `json:"epochs"`             // finished
	TestAcc     *float64 `json:"test_acc,omitempty"` // of a run with test data
	TestLoss    *float64 `json:"test_loss,omitempty"`
	BestTestAcc *float64 `json:"best_test_acc,omitempty"` // of a run without validation data, if anything was measured
	BestValAcc  *float64 `json:"best_val_acc,omitempty"`  // of a run with them
	BestEpoch   int      `json:"best_epoch"`
	Seconds     float64  `json:"seconds"` // of the training steps
	Parameters  int      `json:"parameters"`

	score   task.Score
	history report.Run
}

func (c *compareCommand) Run(s streams) error {
	if err := checkDrawn("--plot", c.Plot, c.Force); err != nil {
		return err
	}
	var runs []comparedRun
	var histories []report.Run
	for _, name := range c.Runs {
		r, err := folder(name).compared(s.err)
		if err != nil { // the other runs are still worth comparing
			say(s.err, fmt.Errorf("%w; left out", err))
			continue
		}
		if len(runs) > 0 && r.score != runs[0].score {
			say(s.err, fmt.Errorf("%s: its score is %s, and that of %s %s: they cannot be compared; left out", name, r.score.Name, runs[0].Run, runs[0].score.Name))
			continue
		}
		runs, histories = append(runs, r), append(histories, r.history)
	}
	if len(runs) == 0 {
		return errReported
	}
	if c.JSON {
		for _, r := range runs {
			if err := writeEvent(s.out, r, r.score); err != nil {
				return err
			}
		}
	} else {
		width := math.MaxInt
		if columns := terminal(s.out); columns != nil {
			width = columns()
		}
		if err := writeComparison(s.out, runs, width); err != nil {
			return err
		}
	}
	if c.Plot == "" {
		return nil
	}
	if err := report.Curves(histories...).Save(c.Plot); err != nil {
		return err
	}
	fmt.Fprintf(s.err, "drawn to %s\n", printable.Name(c.Plot))
	return nil
}

// compared returns what the folder has of its run. It tells remarks what the run lacks but can
// do without, and whether it is the earlier run.
func (f folder) compared(remarks io.Writer) (r comparedRun, err error) {
	name := string(f)
	f = f.current(remarks)
	c, err := f.readConfig()
	if err != nil {
		return r, err
	}
	m, err := loadModel(string(f), remarks)
	if err != nil {
		return r, err
	}
	epochs, batches, err := f.readCurves(c.Data.score(), remarks)
	if err != nil {
		return r, err
	}
	r = comparedRun{
		Run: name, Settings: c.Settings, Epochs: len(epochs), Parameters: nn.NumParameters(m.Net),
		score: c.Data.score(), history: report.Run{Name: name, Epochs: epochs, Batches: batches},
	}
	for _, e := range epochs {
		r.Seconds += e.Seconds
	}
	if !c.Data.measured() {
		r.BestEpoch = len(epochs)
		return r, nil
	}
	best, err := f.readFigures()
	if err != nil {
		return r, err
	}
	loss, chosen := best.figures().Summary() // of a model that was not trained
	if best.Part != "val" {
		value := chosen
		r.TestAcc, r.TestLoss = &value, &loss
	}
	by := 0 // the epoch, if it was not chosen by accuracy
	if c.Settings.monitor() != nil {
		by = recordedEpoch(m)
	}
	for i, e := range epochs {
		if by == 0 && (i == 0 || e.Test.Score > chosen) || by == e.Epoch {
			chosen, r.BestEpoch = e.Test.Score, e.Epoch
		}
		if !e.Validation { // else the figures are those of the end
			r.TestAcc, r.TestLoss = &e.Test.Score, &e.Test.Loss
		}
	}
	if c.Data.Val > 0 {
		r.BestValAcc = &chosen
	} else {
		r.BestTestAcc = &chosen
	}
	return r, nil
}

// chosen returns the accuracy by which the run's best epoch was chosen, below all others if nothing
// was measured.
func (r comparedRun) chosen() float64 {
	if best := cmp.Or(r.BestTestAcc, r.BestValAcc); best != nil {
		return *best
	}
	return -1
}

// validated reports whether that is of validation data.
func (r comparedRun) validated() bool { return r.BestTestAcc == nil && r.BestValAcc != nil }

// tested returns the run's accuracy on test data, below all others if there are none.
func (r comparedRun) tested() float64 {
	if r.TestAcc == nil {
		return -1
	}
	return *r.TestAcc
}

// writeComparison writes a table of the runs, with the settings that are not the same in all of
// them. "-" stands for a setting that a run makes no use of. The best run comes first, and its
// figure is marked. Runs are compared by the accuracies that chose their epochs, or by test
// accuracy if those are not all of the same data. A table that is wider than width is written in
// parts, each with the runs' names.
func writeComparison(w io.Writer, runs []comparedRun, width int) error {
	validated := slices.ContainsFunc(runs, comparedRun.validated)
	mixed := validated && slices.ContainsFunc(runs, func(r comparedRun) bool { return r.BestTestAcc != nil })
	by := comparedRun.chosen
	if mixed {
		by = comparedRun.tested
	}
	runs = slices.Clone(runs)
	slices.SortStableFunc(runs, func(x, y comparedRun) int { return cmp.Compare(by(y), by(x)) })
	values := make([]map[string]string, len(runs))
	for i, r := range runs {
		values[i] = r.Settings.byFlag()
		for _, u := range r.Settings.unused() {
			values[i][u[0]] = "-"
		}
	}
	var differ []string
	for _, flag := range slices.Sorted(maps.Keys(values[0])) {
		if flag == "epochs" { // those that were finished have a column of their own
			continue
		}
		if slices.ContainsFunc(values, func(v map[string]string) bool { return v[flag] != values[0][flag] }) {
			differ = append(differ, flag)
		}
	}
	score := cmp.Or(runs[0].score, task.Accuracy).Short
	best := []string{"best test " + score}
	switch {
	case mixed:
		best = append(best, "best val "+score)
	case validated:
		best[0] = "best val " + score
	}
	header := append([]string{"run"}, differ...)
	header = append(append(header, "epochs", "test loss", "test "+score), best...)
	rows := [][]string{append(header, "in epoch", "seconds", "parameters")}
	for i, r := range runs {
		mark := func(sorted bool) string { // of a figure that may be what runs are sorted by
			switch {
			case !sorted || len(runs) == 1 || by(runs[0]) < 0:
				return ""
			case by(r) == by(runs[0]):
				return "*"
			}
			return " "
		}
		cells := []string{printable.Name(r.Run)}
		for _, flag := range differ {
			cells = append(cells, printable.Name(values[i][flag]))
		}
		cells = append(cells, strconv.Itoa(r.Epochs))
		if r.TestAcc != nil {
			cells = append(cells, fmt.Sprintf("%.4f", *r.TestLoss), fmt.Sprintf("%.4f%s", *r.TestAcc, mark(mixed)))
		} else {
			cells = append(cells, "-", "-"+mark(mixed))
		}
		chosen := "-" + mark(!mixed)
		if r.chosen() >= 0 {
			chosen = fmt.Sprintf("%.4f%s", r.chosen(), mark(!mixed))
		}
		switch {
		case !mixed:
			cells = append(cells, chosen)
		case r.validated():
			cells = append(cells, "-", chosen)
		default:
			cells = append(cells, chosen, "-")
		}
		cells = append(cells, strconv.Itoa(r.BestEpoch), fmt.Sprintf("%.2f", r.Seconds), strconv.Itoa(r.Parameters))
		rows = append(rows, cells)
	}
	return writeParts(w, rows, width)
}

// writeParts writes rows as a table aligned to the right, or where that is wider than width as
// several, one above the other, that have the first column in common. Of that, the ends of long
// cells are written.
func writeParts(w io.Writer, rows [][]string, width int) error {
	const gap = 2 // before a column
	for _, row := range rows {
		row[0] = ending(row[0], width/3)
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], gap+utf8.RuneCountInString(cell))
		}
	}
	for from := 1; from < len(widths); {
		to := from + 1
		for used := widths[0] + widths[from]; to < len(widths) && used+widths[to] <= width; to++ {
			used += widths[to]
		}
		t := tabwriter.NewWriter(w, 0, 0, gap, ' ', tabwriter.AlignRight)
		if from > 1 {
			fmt.Fprintln(t)
		}
		for _, row := range rows {
			fmt.Fprintln(t, row[0]+"\t"+strings.Join(row[from:to], "\t")+"\t")
		}
		if err := t.Flush(); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// ending returns s, or what of its end there is room for, as that tells runs apart.
func ending(s string, room int) string {
	const cut = "..."
	letters := []rune(s)
	if len(letters) <= room {
		return s
	}
	return cut + string(letters[len(letters)-max(1, room-len(cut)):])
}
