package table

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/dataset/files"
)

// LabelSets are the labels of the rows of a table, of which a row may have any number.
type LabelSets struct {
	Classes []string // the labels, byte by byte
	Of      [][]int  // by row: its labels, in rising order; rows share them
	Without int      // rows without one
}

// HasLists reports whether a value of the column of the given name, which Options.Lists named when a table of JSONL was
// read, is a list.
func (t *Table) HasLists(name string) bool {
	c := t.Column(name)
	return c != nil && slices.ContainsFunc(c.words, func(w string) bool { _, ok := t.listed(w); return ok })
}

// listed returns the elements of a word that is a list.
func (t *Table) listed(word string) (list []any, ok bool) {
	if t.Dialect.Format != "JSONL" || !strings.HasPrefix(word, "[") {
		return nil, false
	}
	d := json.NewDecoder(strings.NewReader(word))
	d.UseNumber()
	return list, d.Decode(&list) == nil
}

// LabelSets returns the labels in the column of the given name, which Options.Label and Options.Words named when the
// table was read: those in lists, and those in other words, where the separator is between them, or which are one label
// each if it is "". A missing value is no label. classes are the labels that there may be; nil takes
// those that there are. The error says that there is no such column, that it has no label, or it is a *CellError of a
// field with another label, or of a list with something else.
func (t *Table) LabelSets(name, separator string, classes []string) (*LabelSets, error) {
	c := t.Column(name)
	if c == nil {
		return nil, fmt.Errorf("%s: %w", t.Name, t.noColumn(name))
	}
	labels, wrong := make([][]string, len(c.words)), map[string]string{}
	found := map[string]bool{}
	for i, w := range c.words {
		list, isList := t.listed(w)
		switch {
		case isList:
			var err error
			if labels[i], err = files.ListedLabels(list); err != nil {
				wrong[w] = "a list of texts"
			}
		case t.isMissing(w):
		case separator != "":
			labels[i] = files.SplitLabels(w, separator)
		default:
			labels[i] = []string{files.ClassName(w)}
		}
		for _, label := range labels[i] {
			found[label] = true
		}
	}
	l := &LabelSets{Classes: classes, Of: make([][]int, 0, t.Rows)}
	if classes == nil {
		l.Classes = slices.Sorted(maps.Keys(found))
	}
	at := make(map[string]int, len(l.Classes))
	for i, class := range l.Classes {
		at[class] = i
	}
	sets := make([][]int, len(c.words))
	for i, w := range c.words {
		for _, label := range labels[i] {
			k, ok := at[label]
			if !ok {
				wrong[w] = "labels of the model"
			}
			sets[i] = append(sets[i], k)
		}
		slices.Sort(sets[i])
	}
	for _, b := range t.blocks {
		for row, code := range b.data[c.at].codes {
			w := c.words[code]
			if expected, bad := wrong[w]; bad {
				return nil, t.cellError(b.first+row, c, w, expected)
			}
			if l.Of = append(l.Of, sets[code]); len(sets[code]) == 0 {
				l.Without++
			}
		}
	}
	if len(l.Classes) == 0 {
		return nil, fmt.Errorf("%s: column %.100q: found no label, one at least expected", t.Name, name)
	}
	return l, nil
}
