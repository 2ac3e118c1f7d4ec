package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

type evalCommand struct {
	Models []string `arg:"" name:"model" help:"A model's file, an ONNX file, or a run's folder for the best model in it; of several the probabilities are averaged. What to measure on may follow: a data set's name, or the path of a table, or of pictures in class folders, of which those in test are taken if there are parts (default: what the first model was measured on)."`
	dataFlags
	memoryFlags
	listFlags
	tableFlags
	unknownFlags
	onnxFlags
	TTA     bool `name:"tta" help:"Test-time augmentation: average the probabilities of a picture and its mirror image. It is for classes that stay what they are in a mirror, as clothes do and digits do not, and for models that are trained with --augment flip."`
	Threads int  `default:"0" help:"Threads to compute with; 0 takes all cores."`
	JSON    bool `help:"Print one JSON object."`

	CSV   string `name:"csv" help:"Write what is said of every picture to a file: file, label, class, probability, and the probabilities of all classes." placeholder:"FILE"`
	Force bool   `help:"Replace the file of --csv."`
}

func (c *evalCommand) Run(ctx context.Context, s streams) error {
	if c.Threads < 0 {
		return usagef("--threads %d: at least 0 expected", c.Threads)
	}
	tensor.SetThreads(c.Threads)
	c.limit()
	if err := checkWritten("--csv", c.CSV, c.Force); err != nil {
		return err
	}
	names, data := splitData(c.Models)
	first, err := c.loadModel(names[0], s.err)
	if err != nil {
		return err
	}
	if err := c.unknownFlags.check(first); err != nil {
		return err
	}
	if columns, ok := first.Columns(); ok {
		return c.evalTable(ctx, names, data, first, columns, s)
	}
	models, definitions := []*model.Model{first}, []*model.Definition{&first.Definition}
	ensemble := train.Ensemble{Members: []nn.Module{first.Net}, Mirrored: c.TTA, SeveralLabels: first.SeveralLabels()}
	learnt, err := first.Learnt()
	if err != nil {
		return err
	}
	for _, name := range names[1:] {
		m, err := c.loadModel(name, s.err)
		if err != nil {
			return err
		}
		if !slices.Equal(m.Classes, first.Classes) {
			return fmt.Errorf("%s tells %v apart, but %s %v", name, m.Classes, names[0], first.Classes)
		}
		if m.Task != first.Task {
			return fmt.Errorf("%s learnt the task %q, %s %q: the same expected", name, m.Task, names[0], first.Task)
		}
		if !slices.Equal(m.InputShape, first.InputShape) || m.Preprocess.String() != first.Preprocess.String() {
			return fmt.Errorf("%s prepares pictures by %v, %s by %v: the same expected", name, m.Preprocess, names[0], first.Preprocess)
		}
		models, definitions = append(models, m), append(definitions, &m.Definition)
		ensemble.Members = append(ensemble.Members, m.Net)
	}
	if c.TTA {
		for i, m := range models {
			if augment, known := augmentation(m); known && !mirrors(augment) {
				fmt.Fprintf(s.err, noMirrors, printable.Name(names[i]))
			}
		}
	}
	test, samples, title, err := c.evalData(ctx, data, names[0], first, s.err)
	if err != nil {
		return err
	}
	prepareFor(first, test)
	var net nn.Module = first.Net
	if len(names) > 1 || c.TTA {
		net = &ensemble
	}
	batch, err := measuringBatch(printable.Name(names[0])+": a sample", c.TTA, held(test)+keptBytes(test.Len(), len(first.Classes)), definitions...)
	if err != nil {
		return err
	}
	source := loader.New(samples, loader.Options{BatchSize: batch, Workers: prefetch})
	measured := keeping{Task: learnt}
	e, err := train.Evaluate(net, source, &measured)
	if err != nil {
		return err
	}
	if math.IsNaN(e.Loss) || math.IsInf(e.Loss, 0) {
		return fmt.Errorf("%s: its loss is %g: these weights are no good", strings.Join(names, " + "), e.Loss)
	}
	if c.CSV != "" {
		outputs, _ := measured.kept()
		name := func(i int) string { // pictures without a file have their number
			if test.Names == nil {
				return strconv.Itoa(i)
			}
			return newNamed(test.Names[i]).File
		}
		if err := answersOf(names[0], first, c.unknownFlags).write(c.CSV, "file", name, samples, outputs); err != nil {
			return err
		}
	}
	figures := measured.figures(e, first.Classes, c.UnknownBelow)
	if c.JSON {
		return json.NewEncoder(s.out).Encode(figures)
	}
	mirrored := ""
	if c.TTA {
		mirrored = ", each with its mirror image"
	}
	for i, name := range names {
		names[i] = printable.Name(name)
	}
	fmt.Fprintf(s.out, "%s on %s, %d samples%s\n", strings.Join(names, " + "), printable.Name(title), test.Len(), mirrored)
	return figures.write(s.out, learnt.Score(), test.Names != nil)
}

// noMirrors is the remark on --tta for a model of the given name that is trained without mirror
// images: what it says of them is no more than a guess, and counts half.
const noMirrors = "--tta: %s is trained without mirror images (--augment flip), and does not know them: its figures may well be worse than without --tta\n"

// augmentation returns the --augment that m was trained with, if its file says so.
func augmentation(m *model.Model) (augment []string, known bool) {
	text, ok := m.Training.(*json.RawMessage)
	if !ok {
		return nil, false
	}
	var record struct{ Settings map[string]json.RawMessage }
	if json.Unmarshal(*text, &record) != nil || record.Settings["augment"] == nil {
		return nil, false
	}
	err := json.Unmarshal(record.Settings["augment"], &augment)
	return augment, err == nil
}

// measured returns what a run's figures are of: net itself, or with --tta what counts every
// picture with its mirror image. several says that samples have several labels.
func measured(net nn.Module, mirrored, several bool) nn.Module {
	if mirrored {
		return &train.Ensemble{Members: []nn.Module{net}, Mirrored: true, SeveralLabels: several}
	}
	return net
}

// loadModel reads the model in a file, or the best one in a run's folder. If the run is being
// replaced, it takes the earlier one's, and tells remarks.
func loadModel(path string, remarks io.Writer) (*model.Model, error) {
	return onnxFlags{}.loadModel(path, remarks)
}

// loadModel is loadModel with what the flags say of an ONNX file.
func (o onnxFlags) loadModel(path string, remarks io.Writer) (*model.Model, error) {
	if err := o.check(path); err != nil {
		return nil, err
	}
	f := folder(path).current(remarks)
	if dir, name := filepath.Split(path); own(name) { // perhaps a run's file, named by itself
		if run := folder(filepath.Clean(dir)); run.waiting() {
			f = folder(filepath.Join(string(run.current(remarks)), name))
		}
	}
	info, err := os.Stat(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no such file or folder: a model's file or a run's folder expected", path)
	}
	if err != nil {
		return nil, err
	}
	if isONNX(string(f)) && !info.IsDir() {
		return o.load(string(f), remarks)
	}
	if !info.IsDir() {
		return model.Load(string(f))
	}
	m, err := model.Load(f.best())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no model in it: the folder of a run that has finished an epoch expected", path)
	}
	return m, err
}
