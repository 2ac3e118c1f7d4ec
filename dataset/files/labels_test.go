package files

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/random"
)

func TestSplitLabels(t *testing.T) {
	for _, c := range []struct {
		text, separator string
		want            []string
	}{
		{"a;b", ";", []string{"a", "b"}}, {" b ;; a; b;", ";", []string{"b", "a"}}, {" ", ";", []string{}}, {"", ",", []string{}},
		{"a, b", ", ", []string{"a", "b"}}, {"a;b", ",", []string{"a;b"}}, {"caf\xe9|x", "|", []string{`caf\xe9`, "x"}},
	} {
		if got := SplitLabels(c.text, c.separator); !slices.Equal(got, c.want) {
			t.Errorf("%q by %q: got %q, want %q", c.text, c.separator, got, c.want)
		}
	}
	got, err := ListedLabels([]any{" b", "a", json.Number("7"), "a", ""})
	if err != nil || !slices.Equal(got, []string{"b", "a", "7"}) {
		t.Errorf("got %q (%v)", got, err)
	}
	if _, err := ListedLabels([]any{"a", nil}); fmt.Sprint(err) != "found <nil> in a list of labels, texts or numbers expected" {
		t.Error(err)
	}
}

func TestLabelSets(t *testing.T) {
	l := &List{Root: "photos", Several: true, Files: []File{{Name: "1", Labels: []string{"c", "a"}}, {Name: "2"}, {Name: "3", Labels: []string{"d"}, Part: Test}}}
	if got := l.Classes(); !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("classes %q", got)
	}
	_, err := l.LabelSets([]string{"a", "c"})
	if want := `photos/3: found the label "d", some of the 2 that there is training data of expected: a, c`; fmt.Sprint(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
	sets, err := l.LabelSets([]string{"a", "c", "d"})
	if err != nil || !slices.EqualFunc(sets, [][]int{{0, 1}, nil, {2}}, slices.Equal) {
		t.Errorf("sets %v (%v)", sets, err)
	}
	if got := Strata([][]int{{0, 1}, nil, {1}, {0, 1, 2}}); !slices.Equal(got, []int{0, 3, 1, 2}) {
		t.Errorf("strata %v", got)
	}
}

// TestDrawSets draws parts of samples with several labels: labels are spread evenly, each keeps a sample for training, and the
// same key draws the same.
func TestDrawSets(t *testing.T) {
	const n = 400
	r := random.New(3).Rand()
	list, sets := make([]File, n), make([][]int, n)
	counts := make([]int, 4)
	for i := range sets {
		for c, share := range []float64{0.5, 0.3, 0.1, 0.05} {
			if r.Float64() < share {
				sets[i] = append(sets[i], c)
				counts[c]++
			}
		}
	}
	sets[17] = append(sets[17], 4) // once
	sets[18] = append(sets[18], 4, 5)
	list[3].Part, list[4].Part = Val, Test
	parts, err := DrawSets(list, sets, nil, Share{Fraction: 0.2}, Share{Fraction: 0.2}, random.New(1))
	if err != nil {
		t.Fatal(err)
	}
	again, err := DrawSets(list, sets, nil, Share{Fraction: 0.2}, Share{Fraction: 0.2}, random.New(1))
	if err != nil || !slices.Equal(parts, again) || parts[3] != Val || parts[4] != Test {
		t.Errorf("parts %v and %v (%v)", parts, again, err)
	}
	trained, held := make([]int, 6), make([]int, 6)
	for i, set := range sets {
		for _, c := range set {
			switch parts[i] {
			case Train:
				trained[c]++
			case Val:
				held[c]++
			}
		}
	}
	for c, all := range counts {
		if share := float64(held[c]) / float64(all); share < 0.12 || share > 0.28 {
			t.Errorf("label %d: %d of %d are held out", c, held[c], all)
		}
	}
	if trained[4] == 0 || trained[5] == 0 {
		t.Errorf("labels without a sample to train on: %v", trained)
	}
}
