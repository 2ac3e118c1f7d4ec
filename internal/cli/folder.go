package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/classify"
	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/internal/memory"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/train"
)

// folder is a run's folder.
type folder string

func (f folder) config() string       { return filepath.Join(string(f), "config.json") }
func (f folder) history() string      { return filepath.Join(string(f), "history.csv") }
func (f folder) batches() string      { return filepath.Join(string(f), "batches.csv") }
func (f folder) metrics() string      { return filepath.Join(string(f), "metrics.json") }
func (f folder) coefficients() string { return filepath.Join(string(f), "coefficients.csv") }
func (f folder) best() string         { return filepath.Join(string(f), "model.safetensors") }
func (f folder) tensorboard() string  { return filepath.Join(string(f), "tensorboard") }
func (f folder) page() string         { return filepath.Join(string(f), "report.html") }
func (f folder) last() string         { return filepath.Join(string(f), "last.safetensors") }
func (f folder) before() string       { return filepath.Join(string(f), "last.1.safetensors") }
func (f folder) files() string        { return filepath.Join(string(f), "files.csv") }
func (f folder) badFiles() string     { return filepath.Join(string(f), "bad-files.csv") }
func (f folder) refused() string      { return filepath.Join(string(f), "last.refused.safetensors") }

// String returns the folder's name as it is shown.
func (f folder) String() string { return printable.Name(string(f)) }

// config is what config.json says: enough to run it again.
type config struct {
	Run      string      `json:"run,omitempty"` // the run's identity, which its checkpoints have too; empty of earlier versions
	Settings settings    `json:"settings"`
	Data     dataRecord  `json:"data"`
	Threads  int         `json:"threads"`
	Every    duration    `json:"checkpoint_every,omitzero"`
	Weights  *fileRecord `json:"weights,omitempty"` // that a pretrained net began with
	Onehot   string      `json:"onehot"`            // version of this program
	Go       string      `json:"go"`                // version of the compiler
	Platform string      `json:"platform"`
}

// dataRecord says which data a run was trained and measured on.
type dataRecord struct {
	Name  string       `json:"name"`
	Dir   string       `json:"dir"`   // where its files were looked for; empty for where they always are
	Train int          `json:"train"` // samples
	Val   int          `json:"val,omitempty"`
	Test  int          `json:"test"`
	Files []fileRecord `json:"files"`

	// Of pictures of the user's own.
	Path     string `json:"path,omitempty"`     // as it was given
	Absolute string `json:"absolute,omitempty"` // where that was
	SHA256   string `json:"sha256,omitempty"`   // of the names, contents, classes and parts of all files
	Bad      int    `json:"bad,omitempty"`      // files that could not be read
	Task     string `json:"task,omitempty"`     // what is learnt of them; none is classification
}

type fileRecord struct {
	Name   string `json:"name"`
	Path   string `json:"path"`
	SHA256 string `json:"sha256"` // of the uncompressed bytes
}

func newDataRecord(dir string, training, test *dataset.Images) dataRecord {
	r := dataRecord{Name: training.Name, Dir: dir, Train: training.Len(), Test: test.Len()}
	for _, split := range []*dataset.Images{training, test} {
		for _, file := range split.Files {
			r.Files = append(r.Files, fileRecord(file))
		}
	}
	return r
}

// score returns what the scores of a run on the data are.
func (r dataRecord) score() task.Score {
	if r.several() {
		return task.MicroF1
	}
	return task.Accuracy
}

// several reports whether samples have any number of labels.
func (r dataRecord) several() bool { return r.Task == severalLabels }

// severalLabels is the task of finding several labels a sample.
var severalLabels = task.MultiLabel{}.Name()

// measured reports whether there is anything to measure a model on.
func (r dataRecord) measured() bool { return r.Val > 0 || r.Test > 0 }

// same returns an error if other is not the same data.
func (r dataRecord) same(other dataRecord) error {
	if len(r.Files) != len(other.Files) {
		return fmt.Errorf("%d data files, %d expected", len(other.Files), len(r.Files))
	}
	for i, f := range r.Files {
		if o := other.Files[i]; o.SHA256 != f.SHA256 {
			return fmt.Errorf("%s (%s): found SHA-256 %s, %s expected", o.Name, o.Path, o.SHA256, f.SHA256)
		}
	}
	return nil
}

// check returns what is wrong with a configuration that was read from a file.
func (c *config) check() error {
	if err := c.Settings.checkSaved(); err != nil {
		return err
	}
	if s := &c.Settings; s.isPath() {
		if c.Data.SHA256 == "" {
			return notOneOf("data", s.Data, datasetNames())
		}
		if s.isTable() {
			if s.Model != "softmax" && s.Model != "mlp" {
				return fmt.Errorf("found the model %q for a table, softmax or mlp expected", s.Model)
			}
			if _, err := s.options(); err != nil {
				return fmt.Errorf("%s", err) // of the file, not of the command line
			}
		} else if s.Size < 1 || s.Fit == "" || s.Color != "gray" && s.Color != "rgb" {
			return fmt.Errorf("found pictures of size %d, fit %q and color %q: at least 1, one of %s, and gray or rgb expected", s.Size, s.Fit, s.Color, strings.Join(fitNames, ", "))
		}
	}
	if c.Data.Train < 1 || c.Data.Train > maxCount {
		return fmt.Errorf("data: train: found %d samples, 1 to %d expected", c.Data.Train, maxCount)
	}
	return nil
}

// where returns what to open for the run's data: the path as it was given if something is there, and
// else where that was.
func (c *config) where() string {
	if c.Settings.isPath() && c.Data.Absolute != "" {
		if _, err := os.Stat(c.Settings.Data); errors.Is(err, fs.ErrNotExist) {
			return c.Data.Absolute
		}
	}
	return c.Settings.Data
}

// newConfig returns the configuration of a run that starts, or goes on, now.
func newConfig(run string, s settings, data dataRecord, weights *fileRecord, threads int, every duration) config {
	return config{run, s, data, threads, every, weights, version(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
}

// runName returns what a run's folder is called but for its number.
func (s *settings) runName() string {
	if s.isPath() {
		return dataName(s.Data)
	}
	return s.Model + "-" + s.Data
}

// createFolder makes and locks the folder of a new run: the one named, or the first
// runs/<model>-<data>-<n> that is free, which is runs/<name>-<n> for pictures of the user's own.
func createFolder(name string, force bool, s settings, remarks io.Writer) (f folder, unlock func(), err error) {
	if name != "" {
		f = folder(name).actual()
		unlock, err = f.claim(force, remarks)
		return f, unlock, err
	}
	for n := 1; ; n++ {
		f = folder(filepath.Join("runs", fmt.Sprintf("%s-%d", s.runName(), n)))
		unlock, err = f.claim(false, remarks)
		if _, taken := errors.AsType[usageError](err); !taken {
			return f, unlock, err
		}
	}
}

// claim makes and locks the folder, which must not be there or be empty, unless force
// says to replace the run in it.
func (f folder) claim(force bool, remarks io.Writer) (func(), error) {
	unlock, err := f.lock(remarks)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(string(f), 0o777); err != nil {
			return nil, err
		}
		unlock, err = f.lock(remarks)
	}
	if err != nil {
		return nil, err
	}
	there, err := f.holdsRun()
	if err == nil && there && !force {
		err = usagef("--out %s exists: --resume continues the run in it, --force replaces it", f)
	}
	if err != nil {
		unlock()
		return nil, err
	}
	if !there {
		return unlock, nil
	}
	unlockNew, err := f.putAside()
	if err != nil {
		unlock()
		return nil, err
	}
	fmt.Fprintf(remarks, "%s: the earlier run is kept in %s\n", f, f.replaced())
	return func() { unlockNew(); unlock() }, nil
}

// holdsRun reports whether there is a run in the folder. A folder that is neither empty nor
// a run's is an error.
func (f folder) holdsRun() (bool, error) {
	entries, err := os.ReadDir(string(f))
	if err != nil || len(entries) == 0 {
		return false, err
	}
	if _, err := os.Stat(f.config()); err != nil {
		return false, usagef("--out %s exists and is no run's folder (no config.json in it)", f)
	}
	return true, nil
}

// ownNames are the names of the files, and of the folder, that a run keeps in its folder.
var ownNames = func() []string {
	var f folder
	return append([]string{f.config(), f.history(), f.batches(), f.metrics(), f.coefficients(), f.best(), f.last(), f.before(), f.refused(), f.files(), f.badFiles(), f.page(), f.tensorboard()},
		report.PictureFiles...)
}()

// writeJSON writes v to the file at path, whole or not at all.
func writeJSON(path string, v any) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(v)
	})
}

// figuresFile is what metrics.json has, and eval --json.
type figuresFile struct {
	Part string `json:"part,omitempty"` // "val" of a run without test data, "cv" of cross-validation alone; else they are of test data
	task.ByClass
	Means macroFigures `json:"macro"` // missing in files of earlier versions, as is all that follows

	// Of the second of two classes, and of more the mean over all; nil of a run that was stopped.
	ROCAUC           *float64           `json:"roc_auc,omitempty"`
	AveragePrecision *float64           `json:"average_precision,omitempty"`
	CalibrationError *float64           `json:"calibration_error,omitempty"`
	Areas            []areaFigures      `json:"areas,omitempty"` // of each class against the others
	*Answered                           // of eval alone; nil without --unknown-below
	Calibration      *model.Calibration `json:"calibration,omitempty"`

	// Of tables.
	Importance []classify.Importance `json:"importance,omitempty"` // of columns
	CV         *crossValidation      `json:"cv,omitempty"`

	labels *task.ByLabel // of several labels a sample, in place of all but Part and Calibration; else nil
}

// macroFigures are means over all classes, each of which counts the same.
type macroFigures struct {
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
}

// labelFiguresFile is what a figuresFile of several labels a sample has.
type labelFiguresFile struct {
	Part string `json:"part,omitempty"`
	task.ByLabel
	Calibration *model.Calibration `json:"calibration,omitempty"`
}

// MarshalJSON returns a labelFiguresFile of several labels a sample.
func (f figuresFile) MarshalJSON() ([]byte, error) {
	if f.labels != nil {
		return json.Marshal(labelFiguresFile{f.Part, *f.labels, f.Calibration})
	}
	type ofClasses figuresFile
	return json.Marshal(ofClasses(f))
}

// figures returns those of the task.
func (f figuresFile) figures() task.Figures {
	if f.labels != nil {
		return *f.labels
	}
	return f.ByClass
}

// newFigures returns the figures of an evaluation as files have them.
func newFigures(e train.Evaluation) figuresFile {
	if of, ok := e.Figures.(task.ByLabel); ok {
		return figuresFile{labels: &of}
	}
	f := figuresFile{ByClass: e.Figures.(task.ByClass)}
	f.Means.Precision, f.Means.Recall, f.Means.F1 = f.Macro()
	return f
}

// The most bytes of a run's files. The figures have as many numbers as classes squared.
const (
	maxConfig  = 16 << 20
	maxFigures = 1 << 30
)

// readFigures reads a run's metrics.json: the figures of its best model.
func (f folder) readFigures() (figuresFile, error) {
	var figures figuresFile
	text, err := memory.ReadFile(f.metrics(), maxFigures)
	if errors.Is(err, fs.ErrNotExist) {
		return figures, fmt.Errorf("%s: no figures in it (metrics.json is missing): a run with --val has them when it ends%.0w", f, err)
	}
	if err != nil {
		return figures, err
	}
	if err := json.Unmarshal(text, &figures); err != nil {
		return figures, fmt.Errorf("%s: %w", f.metrics(), err)
	}
	if figures.Classes == nil {
		var labels labelFiguresFile
		if err := json.Unmarshal(text, &labels); err == nil && labels.Labels != nil {
			figures.labels = &labels.ByLabel
		}
	}
	n := len(figures.Classes)
	if len(figures.Confusion) != n || slices.ContainsFunc(figures.Confusion, func(row []int) bool { return len(row) != n }) {
		return figures, fmt.Errorf("%s: confusion: %d rows and columns expected, as many as classes", f.metrics(), n)
	}
	return figures, nil
}

// readConfig reads a run's config.json.
func (f folder) readConfig() (config, error) {
	c, err := readConfig(f.config())
	if errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("%s: no run in it (config.json is missing)%.0w", f, err)
	}
	return c, err
}

// readConfig reads the configuration of a run in the file at path.
func readConfig(path string) (config, error) {
	var c config
	text, err := memory.ReadFile(path, maxConfig)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	if err := c.check(); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}
