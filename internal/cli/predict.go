package cli

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

type predictCommand struct {
	Model     string   `arg:"" optional:"" help:"A model's file, an ONNX file, or a run's folder for the best model in it. With --pretrained there is none."`
	Files     []string `arg:"" optional:"" name:"file" help:"Pictures of any size (PNG, JPEG, GIF, WebP, BMP or TIFF), folders of them, or - for the bytes of one from standard input; a table for a model of rows."`
	FilesFrom string   `help:"Take the files and folders too that FILE names, one a line, or each with a zero byte behind it as find -print0 has them; - is standard input." placeholder:"FILE"`
	TopK      int      `default:"3" placeholder:"N" help:"Classes to name for each picture, the likeliest first (default 3)."`
	pretrainedFlags
	onnxFlags
	memoryFlags
	tableFlags
	unknownFlags
	Keep   []string `group:"Tables" help:"Columns of a table to write to the file of --csv too, behind what is said, as in id,name." placeholder:"COLUMNS"`
	Invert bool     `help:"Invert the pictures: for dark drawings on a light ground, where the model knows light ones on a dark ground."`
	JSON   bool     `help:"Print one JSON object a picture."`
	CSV    string   `name:"csv" help:"Write a table with a line a picture, in their order, to a file: file, class, probability, error, and the probabilities of all classes. Pictures are not printed then, but for --json." placeholder:"FILE"`

	Part string `help:"Write part I of N of the file of --csv alone, from 1 on, with so many of the inputs, in their order: out.00003-of-00064.csv for 3/64. Without I, as in /64, it is in JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID. A part that is complete stays; onehot join makes one file of all." placeholder:"I/N"`

	Grid    string      `help:"Draw the pictures as the model sees them, with what it says, to a PNG or SVG file: the first 200 of more." placeholder:"FILE"`
	Explain explainFlag `help:"Of one picture: draw which pixels spoke for and against its likeliest classes, to a PNG or SVG file. Of rows of a table: say what each column adds to the score of the likeliest class, in place of the mean row; no file follows." placeholder:"FILE"`
	Force   bool        `help:"Replace the files of --csv, --grid and --explain."`
}

// maxDrawn is how many pictures --grid draws.
const maxDrawn = 200

// fewPictures is the most pictures of which each has a line of its own about its ground.
const fewPictures = 10

func (c *predictCommand) Run(ctx context.Context, parsed *kong.Context, s streams) error {
	if c.TopK < 1 {
		return usagef("--top-k %d: at least 1 expected", c.TopK)
	}
	for _, f := range [][2]string{{"--grid", c.Grid}, {"--explain", c.Explain.File}} {
		if err := checkDrawn(f[0], f[1], c.Force); err != nil {
			return err
		}
	}
	if err := c.checkCSV(); err != nil {
		return err
	}
	if err := c.checkModel(); err != nil {
		return err
	}
	if err := c.checkInputs(); err != nil {
		return err
	}
	c.limit()
	m, name, err := c.load(ctx, s.err)
	if err != nil {
		return err
	}
	if err := c.unknownFlags.check(m); err != nil {
		return err
	}
	most, err := measuringBatch(printable.Name(name)+": a sample", false, 0, &m.Definition)
	if err != nil {
		return err
	}
	if _, table := m.Columns(); c.Invert && !table {
		m = inverting(m)
	}
	by, err := model.NewPredictor(m)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if m.SeveralLabels() && c.JSON && !given(parsed)["top-k"] {
		c.TopK = len(m.Classes)
	}
	if columns, ok := m.Columns(); ok {
		return c.predictTable(ctx, m, by, columns, s)
	}
	if c.NoHeader || c.Delimiter != "" || c.Encoding != "" || len(c.NA) > 0 || len(c.Keep) > 0 {
		return usagef("--delimiter, --encoding, --no-header, --na and --keep are for models of rows of tables")
	}
	if c.Explain.Asked && c.Explain.File == "" {
		return usagef("--explain of a picture is drawn: the name of a PNG or SVG file behind it expected")
	}
	inputs, err := c.inputs(ctx, s.err)
	if err != nil {
		return err
	}
	file, lo, hi, err := c.newCSVFile(m, len(inputs), namesHash(inputs))
	if err != nil {
		return err
	}
	if done, err := file.done(c.Force, s.err); done || err != nil {
		return err
	}
	inputs = inputs[lo:hi]
	if c.Explain.Asked && len(inputs) != 1 {
		return usagef("--explain %s: one picture expected, found %d", c.Explain.File, len(inputs))
	}
	p := &predicting{command: c, streams: s, model: m, by: by, answers: answersOf(name, m, c.unknownFlags), most: most, counter: newCounter(s.err, len(inputs))}
	if err := p.all(ctx, inputs, file); err != nil {
		return err
	}
	return p.end(len(inputs))
}

// checkModel makes the first argument a picture if --pretrained says what the model is.
func (c *predictCommand) checkModel() error {
	switch {
	case c.Pretrained == "" && c.Model == "":
		return usagef("<model> or --pretrained expected (see onehot predict --help)")
	case c.Pretrained == "" && (c.Weights != "" || c.Download):
		return usagef("--weights and --download are for --pretrained")
	case c.Pretrained != "" && c.Model != "":
		c.Model, c.Files = "", append([]string{c.Model}, c.Files...)
	}
	return nil
}

// load returns the model, and what messages call it.
func (c *predictCommand) load(ctx context.Context, remarks io.Writer) (m *model.Model, name string, err error) {
	if c.Pretrained == "" {
		m, err = c.loadModel(c.Model, remarks)
		return m, c.Model, err
	}
	w, err := findWeights(ctx, c.Pretrained, c.Weights, c.Download, remarks)
	if err != nil {
		return nil, "", err
	}
	m, err = w.imageNet()
	return m, c.Pretrained, err
}

// predicting is predict at work.
type predicting struct {
	command *predictCommand
	streams
	model   *model.Model
	by      *model.Predictor
	answers answers
	most    int // samples that there is memory for at once
	counter *counter

	table  *csv.Writer // nil without --csv
	failed int         // inputs
	other  []string    // inputs whose ground is not the model's
	seen   []image.Image
	titles []string
}

// all names what is in the inputs. With --csv the table is there if all of them have a line in
// it.
func (p *predicting) all(ctx context.Context, inputs []input, file csvFile) error {
	if file.path == "" {
		return p.each(ctx, inputs)
	}
	err := file.write(p.answers.header("file", "class", "probability", "error"), func(t *csv.Writer) (int, error) {
		p.table = t
		err := p.each(ctx, inputs)
		return p.failed, err
	})
	if err == nil {
		p.remark("written to %s", printable.Name(file.path))
	}
	return err
}

// each says what is in each input, in their order.
func (p *predicting) each(ctx context.Context, inputs []input) error {
	done := 0
	for o, err := range newNamer(p.model, p.by, p.command.Invert, p.most).name(ctx, inputs) {
		if err == nil {
			err = p.one(o, len(inputs))
		}
		if err != nil {
			p.counter.clear()
			return err
		}
		done++
		p.counter.count(done)
	}
	p.counter.clear()
	return nil
}

// one says what came of one of so many inputs.
func (p *predicting) one(o *outcome, all int) error {
	c := p.command
	if p.table != nil {
		if err := p.table.Write(o.row(p.answers)); err != nil {
			return fmt.Errorf("%s: %w", c.CSV, err)
		}
	}
	var said any = failure{named: newNamed(o.name), Error: o.reason()}
	var found prediction
	if o.err == nil {
		likeliest := p.by.Likeliest(o.probabilities, c.TopK)
		found = prediction{newNamed(o.name), o.steps, c.unknown(likeliest[0].Probability), likeliest, p.answers.predicted(o.probabilities)}
		said = found
	} else { // the other pictures are still worth naming
		p.failed++
		p.counter.clear()
		say(p.err, o.err)
	}
	var text bytes.Buffer
	switch {
	case c.JSON:
		if err := json.NewEncoder(&text).Encode(said); err != nil {
			return err
		}
	case c.CSV == "" && o.err == nil:
		found.write(&text, o.name, p.answers.lines(p.by, o.probabilities, c.TopK))
	}
	if text.Len() > 0 {
		p.counter.clear()
		if _, err := p.out.Write(text.Bytes()); err != nil {
			return err
		}
	}
	if o.err != nil {
		return nil
	}
	if o.otherGround {
		if p.other = append(p.other, o.name); all <= fewPictures {
			p.remark("%s: %s", printable.Name(o.name), p.advice("it"))
		}
	}
	if c.Grid != "" && len(p.seen) < maxDrawn {
		p.seen = append(p.seen, asPicture(o.sample, p.model.Preprocess))
		best := found.Predictions[0]
		title := fmt.Sprintf("%s (%.3f)", printable.Name(c.said(best.Class, best.Probability)), best.Probability)
		if found.Labels != nil {
			title = printable.Name(strings.Join(*found.Labels, p.answers.separator))
		}
		p.titles = append(p.titles, printable.Name(filepath.Base(o.name))+"\n"+title)
	}
	if c.Explain.Asked {
		if err := explain(p.model, o.sample, found.Predictions).Save(c.Explain.File); err != nil {
			return err
		}
		p.remark("drawn to %s", printable.Name(c.Explain.File))
	}
	return nil
}

// end says what there is to say of all of so many inputs, and draws them.
func (p *predicting) end(all int) error {
	if n := len(p.other); n > 0 && all > fewPictures {
		p.remark("%d of %d pictures, %s the first of them: %s", n, all, printable.Name(p.other[0]), p.advice("each"))
	}
	if len(p.seen) > 0 {
		if err := drawPredictions(p.seen, p.titles).Save(p.command.Grid); err != nil {
			return err
		}
		some := ""
		if named := all - p.failed; named > len(p.seen) {
			some = fmt.Sprintf(", the first %d of %d pictures", len(p.seen), named)
		}
		p.remark("drawn to %s%s", printable.Name(p.command.Grid), some)
	}
	if p.failed == 0 {
		return nil
	}
	if all > 1 {
		say(p.err, fmt.Errorf("%d of %d could not be named", p.failed, all))
	}
	return errReported
}

// remark says something beside results.
func (p *predicting) remark(format string, args ...any) {
	p.counter.clear()
	fmt.Fprintf(p.err, format+"\n", args...)
}

// advice says what the ground of pictures, "it" or "each" of them, has to do with --invert.
func (p *predicting) advice(which string) string {
	has := model.LightGround
	if p.model.Ground == has {
		has = model.DarkGround
	}
	learnt := fmt.Sprintf("a %s border, and the model learnt from pictures with %s ones", has, p.model.Ground)
	if p.command.Invert {
		return fmt.Sprintf("inverted, %s has %s: it is likely right without --invert", which, learnt)
	}
	return fmt.Sprintf("%s has %s: --invert is likely needed", which, learnt)
}

// named is an input's name in JSON.
type named struct {
	File  string `json:"file"`
	Bytes []byte `json:"file_bytes,omitempty"` // of a name that is no UTF-8
}

// newNamed returns a name as JSON takes it: as it is, or in quotes with Go's escapes where it is
// no UTF-8.
func newNamed(name string) named {
	if utf8.ValidString(name) {
		return named{File: name}
	}
	return named{strconv.Quote(name), []byte(name)}
}

// failure is what predict says about an input that has no prediction.
type failure struct {
	named
	Error string `json:"error"`
}

// prediction is what predict says about one picture.
type prediction struct {
	named
	Steps       []string           `json:"steps"`             // what was done to the picture
	Unknown     bool               `json:"unknown,omitempty"` // by --unknown-below
	Predictions []model.Prediction `json:"predictions"`
	Labels      *[]string          `json:"labels,omitempty"` // that are predicted, of a model of several labels
}

// write writes the prediction for the file of the given name as text: the given lines.
func (p prediction) write(w io.Writer, name string, lines []string) {
	steps := "as it is"
	if len(p.Steps) > 0 {
		steps = strings.Join(p.Steps, ", ")
	}
	said := ""
	if p.Unknown {
		said = ": " + unknown
	}
	fmt.Fprintf(w, "%s (%s)%s\n", printable.Name(name), steps, said)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range lines {
		fmt.Fprintf(t, "  %s\n", line)
	}
	t.Flush()
}

// row returns the line of the outcome in the table: the name as JSON has it, and what is said.
func (o *outcome) row(a answers) []string {
	name := newNamed(o.name).File
	if o.err != nil {
		return append([]string{name, "", "", o.reason()}, make([]string, len(a.Classes))...)
	}
	class, probability, each := a.columns(o.probabilities)
	return append([]string{name, class, probability, ""}, each...)
}

// reason returns why there is no prediction, without the name and as it can be printed.
func (o *outcome) reason() string {
	if o.err == nil {
		return ""
	}
	return printable.Message(strings.TrimPrefix(o.err.Error(), o.name+": "))
}

// asPicture returns the picture that a sample (C, H, W) is made of, as the net takes it but for
// normalisation.
func asPicture(sample *tensor.Tensor, steps transform.Compose) image.Image {
	for _, step := range slices.Backward(steps) {
		if n, ok := step.(transform.Normalize); ok {
			sample = sample.Mul(tensor.New(n.Std, len(n.Std), 1, 1)).Add(tensor.New(n.Mean, len(n.Mean), 1, 1))
		}
	}
	return report.Images(sample.Unsqueeze(0))[0]
}

// drawPredictions draws pictures with what a model says of them.
func drawPredictions(pictures []image.Image, titles []string) *report.Drawing {
	side := 1
	for _, p := range pictures {
		side = max(side, p.Bounds().Dx(), p.Bounds().Dy())
	}
	return report.Grid(pictures, report.GridOptions{Titles: titles, Columns: 8, Scale: max(1, 112/side)})
}

// explain draws which pixels of a sample spoke for and against the predicted classes.
func explain(m *model.Model, sample *tensor.Tensor, predictions []model.Prediction) *report.Drawing {
	var titles []string
	var evidence []*tensor.Tensor
	for _, c := range predictions {
		titles = append(titles, fmt.Sprintf("%s (%.3f)", printable.Name(c.Class), c.Probability))
		evidence = append(evidence, report.Evidence(m.Net, sample, c.Index))
	}
	return report.Explanation(asPicture(sample, m.Preprocess), titles, evidence)
}

// checkDrawn returns what keeps a picture from being drawn to path, the value of a flag;
// nothing does where it is not given.
func checkDrawn(flag, path string, force bool) error {
	if path == "" {
		return nil
	}
	if err := report.CheckPicture(path); err != nil {
		return usagef("%s %w", flag, err)
	}
	return checkWritten(flag, path, force)
}

// checkWritten returns what keeps a file from being written to path, the value of a flag;
// nothing does where it is not given.
func checkWritten(flag, path string, force bool) error {
	if path == "" {
		return nil
	}
	if info, err := os.Stat(path); err == nil {
		if !info.Mode().IsRegular() { // a device, say, would become a file
			return usagef("%s %s: a file's name expected", flag, path)
		}
		if !force {
			return usagef("%s %s exists: --force replaces it", flag, path)
		}
	}
	return checkParent(flag, path, path)
}

// checkParent returns an error unless there is a folder for what is to be written to path, which flag names as name.
func checkParent(flag, name, path string) error {
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return usagef("%s %s: there is no folder %s", flag, name, dir)
	}
	return nil
}

// inverting returns m with a step that inverts pictures, the last before they become numbers.
func inverting(m *model.Model) *model.Model {
	inverted := *m
	at := max(slices.IndexFunc(m.Preprocess, func(t transform.Transform) bool {
		_, ok := t.(transform.ToTensor)
		return ok
	}), 0)
	inverted.Preprocess = slices.Insert(slices.Clone(m.Preprocess), at, transform.Transform(transform.Invert{}))
	return &inverted
}
