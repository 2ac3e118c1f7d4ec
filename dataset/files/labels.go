package files

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/random"
)

// LabelNames returns the class of a file, or all its labels; none where none is known.
func (f *File) LabelNames() []string {
	if f.Class != "" {
		return []string{f.Class}
	}
	return f.Labels
}

// LabelText returns LabelNames as a text.
func (f *File) LabelText() string { return strings.Join(f.LabelNames(), ";") }

// SplitLabels returns the labels in a text, in which a separator is between them, each once and without
// spaces around it. What is empty is none.
func SplitLabels(text, separator string) []string { return distinct(strings.Split(text, separator)) }

// ListedLabels returns the labels in a list of JSON, texts or numbers as json.Decoder.UseNumber has
// them, each once and without spaces around it. What is empty is none. The error says what else there is.
func ListedLabels(list []any) ([]string, error) {
	texts := make([]string, len(list))
	for i, v := range list {
		switch v := v.(type) {
		case string:
			texts[i] = v
		case json.Number:
			texts[i] = v.String()
		default:
			return nil, fmt.Errorf("found %v in a list of labels, texts or numbers expected", v)
		}
	}
	return distinct(texts), nil
}

// distinct returns texts that are labels, each once.
func distinct(texts []string) []string {
	labels := []string{}
	for _, text := range texts {
		label := ClassName(strings.TrimSpace(text))
		if label != "" && !slices.Contains(labels, label) {
			labels = append(labels, label)
		}
	}
	return labels
}

// LabelSets returns for each file of a List of Several which of classes its labels are, in rising order. The error
// names the first file that has a label which is none of them, and the label.
func (l *List) LabelSets(classes []string) ([][]int, error) {
	at := make(map[string]int, len(classes))
	for i, c := range classes {
		at[c] = i
	}
	sets := make([][]int, len(l.Files))
	for i, f := range l.Files {
		for _, label := range f.Labels {
			c, ok := at[label]
			if !ok {
				return nil, fmt.Errorf("%s: found the label %q, some of the %d that there is training data of expected: %s",
					printable.Name(l.Place(i)), label, len(classes), some(classes))
			}
			sets[i] = append(sets[i], c)
		}
		slices.Sort(sets[i])
	}
	return sets, nil
}

// Strata returns for each set of labels the rarest of them, the first of equals; of sets without a label, a number
// above all labels. They are what a draw is stratified by.
func Strata(sets [][]int) []int {
	counts := map[int]int{}
	none := 0
	for _, set := range sets {
		for _, c := range set {
			counts[c]++
			none = max(none, c+1)
		}
	}
	strata := make([]int, len(sets))
	for i, set := range sets {
		strata[i] = none
		least := math.MaxInt
		for _, c := range set {
			if counts[c] < least {
				strata[i], least = c, counts[c]
			}
		}
	}
	return strata
}

// DrawSets is Draw for files that have any number of labels, sets of them. The draw is stratified by Strata. Every label
// keeps a file for training.
func DrawSets(files []File, sets [][]int, same [][32]byte, val, test Share, key random.Key) ([]string, error) {
	var divided [][]int
	for i, f := range files {
		if f.Part == "" || f.Part == Train {
			divided = append(divided, sets[i])
		}
	}
	return draw(files, divided, Strata(divided), same, val, test, key)
}
