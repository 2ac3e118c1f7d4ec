package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/table"
	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/train"
)

// newPage returns what is known of a run in folder f before its end.
func newPage(f folder, c config, m *model.Model) report.Page {
	return report.Page{
		Title: c.Settings.Model + " on " + c.Data.Name, Folder: string(f), Command: c.command(f), Settings: c.lines(),
		LastEpoch: c.Settings.Epochs, Samples: c.Data.Train, Model: m, Score: c.Data.score(),
	}
}

// finalPage returns the page of the run in folder f, with what its best model says, as outputs has it,
// of d: the test data, or those that it was chosen by; nil if nothing is measured. own are those of the
// user's own, or nil. That the run's losses by batch cannot be read is told to remarks.
func finalPage(f folder, c config, d *dataset.Images, own *ownParts, outputs outputs, remarks io.Writer) (*report.Page, error) {
	m, err := model.Load(f.best())
	if err != nil {
		return nil, err
	}
	p := newPage(f, c, m)
	p.Time = time.Now()
	if p.Epochs, p.Batches, err = f.readCurves(c.Data.score(), remarks); err != nil {
		return nil, err
	}
	if c.Settings.monitor() != nil {
		p.BestEpoch = recordedEpoch(m)
	}
	if d == nil {
		return &p, nil
	}
	if c.Data.several() {
		return &p, addFigures(&p, f)
	}
	logits, targets, err := outputs(m, c.Settings.TTA, d)
	if err != nil {
		return nil, err
	}
	p.Predictions = newPredictions(m, logits, targets, d)
	if own != nil {
		p.Predictions.Place = own.places(d.Split)
	}
	return &p, nil
}

// recordedEpoch returns the epoch that m is of, as its file says; 0 if it does not.
func recordedEpoch(m *model.Model) int {
	text, ok := m.Training.(*json.RawMessage)
	if !ok {
		return 0
	}
	var record struct{ Epoch int }
	if json.Unmarshal(*text, &record) != nil {
		return 0
	}
	return record.Epoch
}

// addFigures adds the figures that the run in f has kept to its page.
func addFigures(p *report.Page, f folder) error {
	figures, err := f.readFigures()
	if err != nil {
		return err
	}
	p.Figures = figures.figures()
	switch figures.Part {
	case "val":
		p.Of = "validation"
	case "cv":
		p.Of = "cross-validation"
	}
	return nil
}

// readCurves returns what a run has recorded by epoch, with scores of a kind, and by batch.
func (f folder) readCurves(score task.Score, remarks io.Writer) ([]train.Epoch, []report.BatchLoss, error) {
	epochs, err := report.ReadHistory(f.history(), score)
	if err != nil {
		return nil, nil, err
	}
	return epochs, f.readBatches(float64(len(epochs)), remarks), nil
}

// readBatches returns what a run has recorded by batch, of the given number of epochs. It
// is only drawn: if it cannot be read, nothing is drawn, and remarks are told.
func (f folder) readBatches(epochs float64, remarks io.Writer) []report.BatchLoss {
	batches, err := report.ReadBatches(f.batches(), epochs)
	if err != nil {
		fmt.Fprintf(remarks, "%v: the losses by batch are not drawn\n", err)
	}
	return batches
}

// writePage writes the page of a run to its folder and returns it.
func (f folder) writePage(p *report.Page) ([]byte, error) {
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), atomicfile.Write(f.page(), func(w io.Writer) error {
		_, err := w.Write(b.Bytes())
		return err
	})
}

// finalPage returns the page of a run that has ended.
func (r *trainRun) finalPage() (*report.Page, error) {
	c, err := r.folder.readConfig()
	if err != nil {
		return nil, err
	}
	if r.table != nil {
		var measured *table.Samples
		if r.data.measured() && !r.data.several() {
			measured = r.final().Dataset().(*table.Samples)
		}
		return tablePage(r.folder, c, r.table, measured)
	}
	var d *dataset.Images
	if r.data.measured() {
		d = pictures(r.final().Dataset())
	}
	return finalPage(r.folder, c, d, r.own, r.outputs, io.Discard)
}

// pictures returns the pictures of a data set, which may have several labels each.
func pictures(d dataset.Dataset) *dataset.Images {
	if s, ok := d.(dataset.LabelSets); ok {
		d = s.Dataset
	}
	return d.(*dataset.Images)
}

// watch is the page of a run while it trains, and its server. A nil one does nothing.
type watch struct {
	page *report.Live
	stop func()
}

// live serves the page of a run that is about to train from start on, and says where, if that
// is asked for.
func (r *trainRun) live(start train.Progress, s streams) (*watch, error) {
	if r.listener == nil {
		return nil, nil
	}
	c, err := r.folder.readConfig()
	if err != nil {
		return nil, err
	}
	p := newPage(r.folder, c, r.model)
	if p.Epochs, p.Batches, err = r.folder.readCurves(c.Data.score(), io.Discard); err != nil {
		return nil, err
	}
	page := report.NewLive(p, start.Part)
	w := &watch{page: page, stop: serveWatchers(page, r.listener)}
	fmt.Fprintf(s.err, "watch at http://%s/\n", r.listener.Addr())
	return w, nil
}

func (w *watch) observe(e train.Event) {
	if w != nil {
		w.page.Observe(e)
	}
}

// end shows the final page, or what went wrong, and stops serving.
func (w *watch) end(page []byte, err error) {
	if w == nil {
		return
	}
	message := "The run has ended."
	if err != nil {
		message = "The run has ended: " + err.Error()
	}
	w.page.End(page, message)
	w.stop()
}

// command returns the command line that gives the run: what differs from the usual.
func (c config) command(f folder) string {
	words := []string{"onehot", "train", printable.Word(c.Settings.Data)}
	for field, v := range reflect.ValueOf(c.Settings).Fields() {
		if _, argument := field.Tag.Lookup("arg"); argument {
			continue
		}
		value := flagValue(v)
		// What is taken where none is given is not always the flag's usual.
		needed := field.Name == "WeightDecay" && c.Settings.Optimizer == "adamw" ||
			field.Name == "Model" && c.Settings.isPath() ||
			field.Name == "Val" && c.Settings.isPath() && c.Data.Val == 0 ||
			field.Name == "Init" && c.Settings.Pretrained == "" && architectures[slices.Index(modelNames, c.Settings.Model)].init != value
		timed := field.Name == "Epochs" && c.Settings.MaxTime.Duration > 0
		if field.Name == "Recipe" || timed || c.Settings.implied(flagName(field)) { // what a recipe sets is among the others
			continue
		}
		if value == "" || value == "false" || value == field.Tag.Get("default") && !needed {
			continue
		}
		words = append(words, "--"+flagName(field))
		if v.Kind() != reflect.Bool {
			words = append(words, printable.Word(value))
		}
	}
	if c.Data.Dir != "" {
		words = append(words, "--data-dir", printable.Word(c.Data.Dir))
	}
	return strings.Join(append(words, "--out", printable.Word(string(f))), " ")
}

// flagValue writes a setting as its flag takes it.
func flagValue(v reflect.Value) string {
	if v.Kind() != reflect.Slice {
		return fmt.Sprint(v.Interface())
	}
	var values []string
	for i := range v.Len() {
		values = append(values, fmt.Sprint(v.Index(i).Interface()))
	}
	return strings.Join(values, ",")
}

// lines returns everything that config.json has, line by line.
func (c config) lines() []report.Setting {
	values := c.Settings.byFlag()
	for _, u := range c.Settings.unused() {
		values[u[0]] = "not used"
	}
	var out []report.Setting
	for field := range reflect.TypeFor[settings]().Fields() {
		flag := flagName(field)
		if field.Tag.Get("group") == pretrainedGroup && c.Settings.Pretrained == "" {
			continue
		}
		if group := field.Tag.Get("group"); (group == ownGroup || group == tableGroup) && (!c.Settings.isPath() || values[flag] == "none" || values[flag] == "false") {
			continue
		}
		out = append(out, report.Setting{Name: strings.ReplaceAll(flag, "-", " "), Value: values[flag]})
	}
	threads := "all"
	if c.Threads > 0 {
		threads = fmt.Sprint(c.Threads)
	}
	out = append(out,
		report.Setting{Name: "training samples", Value: fmt.Sprint(c.Data.Train)},
		report.Setting{Name: "test samples", Value: fmt.Sprint(c.Data.Test)},
		report.Setting{Name: "threads", Value: threads},
		report.Setting{Name: "onehot", Value: c.Onehot},
		report.Setting{Name: "Go", Value: c.Go},
		report.Setting{Name: "platform", Value: c.Platform})
	for _, f := range c.Data.Files {
		out = append(out, report.Setting{Name: f.Name, Value: "SHA-256 " + f.SHA256})
	}
	return out
}
