package cli

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/internal/memory"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/model"
)

// maxParts is the most parts that a file of --csv is written in: their names have so many digits.
const maxParts = 99999

// part is a part of what predict says: a range of its inputs, in their order.
type part struct {
	index, of int // from 1
}

// The variables that say which part a process has: that of Kubernetes' indexed jobs, which count from 0, and that of Slurm's arrays.
const (
	kubernetesIndex = "JOB_COMPLETION_INDEX"
	slurmIndex      = "SLURM_ARRAY_TASK_ID"
)

// parsePart returns the part that --part names: "3/64", or "/64" with the index in a variable of the environment.
func parsePart(text string, environment func(string) string) (p part, err error) {
	wrong := usagef("--part %s: as in 3/64, from 1 on, or /64 with the index in %s or %s expected, and at most %d parts", text, kubernetesIndex, slurmIndex, maxParts)
	index, of, ok := strings.Cut(text, "/")
	if p.of, err = strconv.Atoi(of); !ok || err != nil || p.of < 1 || p.of > maxParts {
		return p, wrong
	}
	if index != "" {
		if p.index, err = strconv.Atoi(index); err != nil || p.index < 1 || p.index > p.of {
			return p, wrong
		}
		return p, nil
	}
	for name, first := range map[string]int{kubernetesIndex: 0, slurmIndex: 1} {
		value := environment(name)
		if value == "" || name == slurmIndex && environment(kubernetesIndex) != "" {
			continue
		}
		n, err := strconv.Atoi(value)
		if p.index = n - first + 1; err != nil || p.index < 1 || p.index > p.of {
			return p, usagef("--part %s: %s is %s, %d to %d expected", text, name, printable.Message(value), first, first+p.of-1)
		}
		return p, nil
	}
	return p, wrong
}

// path returns the file of the part of a file of --csv: out.00003-of-00064.csv.
func (p part) path(file string) string {
	ext := filepath.Ext(file)
	return fmt.Sprintf("%s.%05d-of-%05d%s", strings.TrimSuffix(file, ext), p.index, p.of, ext)
}

// bounds returns the range of n inputs that the part has.
func (p part) bounds(n int) (lo, hi int) { return (p.index - 1) * n / p.of, p.index * n / p.of }

// partRecord says what the file of a part has. It lies in a file of JSON beside it, which is there before the part's file is.
type partRecord struct {
	Part   int     `json:"part"`
	Parts  int     `json:"parts"`
	First  int     `json:"first"`  // inputs before it
	Inputs int     `json:"inputs"` // of the part, a row each
	All    int     `json:"all"`    // inputs of all parts
	Model  string  `json:"model"`  // SHA-256 of the model as a file, with --invert
	Of     string  `json:"of"`     // SHA-256 of the inputs' names, or of the table
	Below  float64 `json:"unknown_below,omitempty"`
	Failed int     `json:"failed"` // rows that have an error
	Header int     `json:"header"` // bytes of the first row
	SHA256 string  `json:"sha256"` // of the part's file
}

// maxPartRecord is the most bytes of a part's record.
const maxPartRecord = 1 << 16

// recordPath returns where the record of a part's file is.
func recordPath(file string) string { return file + ".json" }

// readPartRecord returns the record of a part's file.
func readPartRecord(file string) (r partRecord, err error) {
	text, err := memory.ReadFile(recordPath(file), maxPartRecord)
	if errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("%s: nothing says what it has: %s is missing", file, recordPath(file))
	}
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("%s: %w", recordPath(file), err)
	}
	if r.Parts < 1 || r.Part < 1 || r.Part > r.Parts || r.First < 0 || r.Inputs < 0 || r.Failed < 0 || r.All < r.Inputs || r.First > r.All-r.Inputs || r.Header < 0 {
		return r, fmt.Errorf("%s: found part %d of %d with %d of %d inputs from %d on, numbers that go together expected", recordPath(file), r.Part, r.Parts, r.Inputs, r.All, r.First)
	}
	return r, nil
}

// differs says in what another part's record is of something else; "" if it is not.
func (r partRecord) differs(other partRecord) string {
	switch {
	case r.Below != other.Below:
		return "another --unknown-below"
	case r.Model != other.Model:
		return "another model"
	case r.Of != other.Of || r.All != other.All:
		return "other inputs"
	case r.Parts != other.Parts:
		return "another number of parts"
	}
	return ""
}

// csvFile is a file of --csv: the whole, or a part of it.
type csvFile struct {
	path   string
	record *partRecord // of a part; nil of the whole
}

// done reports whether the part's file is there, whole, and of the same model and inputs, so that there is nothing to do.
func (f csvFile) done(force bool, remarks io.Writer) (bool, error) {
	if f.record == nil || force {
		return false, nil
	}
	if _, err := os.Stat(f.path); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	before, err := readPartRecord(f.path)
	if err != nil {
		return false, fmt.Errorf("%w; --force does it again", err)
	}
	if what := f.record.differs(before); what != "" {
		return false, fmt.Errorf("%s is of %s: --force does it again", f.path, what)
	}
	failed := ""
	if before.Failed > 0 {
		failed = fmt.Sprintf(", of %s with errors", counted(before.Failed, "row"))
	}
	fmt.Fprintf(remarks, "%s is complete%s, and stays; --force does it again\n", printable.Name(f.path), failed)
	return true, nil
}

// write writes the file, whole or not at all: a header, and the rows that each writes, of which so many have errors. An
// error of each is returned as it is.
func (f csvFile) write(header []string, each func(t *csv.Writer) (failed int, err error)) error {
	var stopped error
	err := atomicfile.Write(f.path, func(w io.Writer) error {
		counting := &countingWriter{to: w, hash: sha256.New()}
		t := csv.NewWriter(counting)
		t.Write(header) // an error stays, and is what the next Write or Flush meets
		t.Flush()
		n := counting.n
		failed := 0
		if failed, stopped = each(t); stopped != nil {
			return stopped
		}
		t.Flush()
		if err := t.Error(); err != nil || f.record == nil {
			return err
		}
		f.record.Failed, f.record.Header, f.record.SHA256 = failed, n, hex.EncodeToString(counting.hash.Sum(nil))
		return writeJSON(recordPath(f.path), f.record)
	})
	if stopped != nil {
		return stopped
	}
	return err
}

// countingWriter counts and hashes what is written.
type countingWriter struct {
	to   io.Writer
	hash hash.Hash
	n    int
}

func (c *countingWriter) Write(b []byte) (int, error) {
	n, err := c.to.Write(b)
	c.hash.Write(b[:n])
	c.n += n
	return n, err
}

// newCSVFile returns the file of --csv, of which --part may name a part, for so many inputs that the hash tells from others; and which
// of them it has.
func (c *predictCommand) newCSVFile(m *model.Model, inputs int, of string) (f csvFile, lo, hi int, err error) {
	if c.Part == "" {
		return csvFile{path: c.CSV}, 0, inputs, nil
	}
	p, err := parsePart(c.Part, os.Getenv)
	if err != nil {
		return f, 0, 0, err
	}
	lo, hi = p.bounds(inputs)
	r := &partRecord{Part: p.index, Parts: p.of, First: lo, Inputs: hi - lo, All: inputs, Of: of, Below: c.UnknownBelow}
	state, err := m.State()
	if err != nil {
		return f, 0, 0, err
	}
	h := sha256.New()
	if err := state.Write(h); err != nil {
		return f, 0, 0, err
	}
	r.Model = hex.EncodeToString(h.Sum(nil))
	return csvFile{p.path(c.CSV), r}, lo, hi, nil
}

// checkCSV returns what is wrong with --csv and --part.
func (c *predictCommand) checkCSV() error {
	if c.Part == "" {
		return checkWritten("--csv", c.CSV, c.Force)
	}
	if c.CSV == "" {
		return usagef("--part is for --csv")
	}
	p, err := parsePart(c.Part, os.Getenv)
	if err != nil {
		return err
	}
	return checkWritten("--csv", p.path(c.CSV), true) // one that is complete stays
}

// namesHash returns a hash of the names of inputs, in their order, in hexadecimal.
func namesHash(inputs []input) string {
	h := sha256.New()
	for _, in := range inputs {
		writeFields(h, in.name)
	}
	return hex.EncodeToString(h.Sum(nil))
}
