package files

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/random"
)

func TestShare(t *testing.T) {
	for text, want := range map[string]struct {
		share Share
		of200 int
		again string
	}{
		"0.15":  {Share{Fraction: 0.15}, 30, "0.15"},
		"15%":   {Share{Fraction: 0.15}, 30, "0.15"},
		"12.5%": {Share{Fraction: 0.125}, 25, "0.125"},
		".0025": {Share{Fraction: 0.0025}, 1, "0.0025"},
		"0.002": {Share{Fraction: 0.002}, 0, "0.002"},
		"200":   {Share{Count: 200}, 200, "200"},
		"1":     {Share{Count: 1}, 1, "1"},
		"0":     {Share{}, 0, "0"},
		"0.0":   {Share{}, 0, "0"},
		"0%":    {Share{}, 0, "0"},
	} {
		var s Share
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want.share {
			t.Errorf("%s: %+v, %v", text, s, err)
		}
		if got := s.Of(200); got != want.of200 {
			t.Errorf("%s of 200: %d, want %d", text, got, want.of200)
		}
		if again, _ := s.MarshalText(); string(again) != want.again {
			t.Errorf("%s is written as %s, want %s", text, again, want.again)
		}
		if s.None() != (want.share == Share{}) {
			t.Errorf("%s: None is %v", text, s.None())
		}
	}
	for _, text := range []string{"", ".", "%", "1.0", "100%", "-1", "-0.1", "1e-1", "NaN", "0,15", "1.5", "0.1.5", " 1", "99999999999999999999", "16777217", "0x10", "1_0"} {
		var s Share
		err := s.UnmarshalText([]byte(text))
		want := fmt.Sprintf("%q: a share such as 0.15 or 15%%, below 1, or a number of files such as 200 expected", text)
		if err == nil || err.Error() != want {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
}

// numbered returns files of the given labels, named by letter and number.
func numbered(labels ...int) []File {
	all := make([]File, len(labels))
	for i, c := range labels {
		all[i] = File{Name: fmt.Sprintf("%c/%03d.jpg", 'a'+c, i)}
	}
	return all
}

// repeated returns n labels of each class.
func repeated(n ...int) []int {
	var labels []int
	for c, n := range n {
		labels = append(labels, slices.Repeat([]int{c}, n)...)
	}
	return labels
}

// sizes counts the files by part and class.
func sizes(parts []string, labels []int) string {
	var b strings.Builder
	for _, p := range []string{Train, Val, Test} {
		counts := make([]int, slices.Max(labels)+1)
		for i, part := range parts {
			if part == p {
				counts[labels[i]]++
			}
		}
		fmt.Fprintf(&b, "%s %v ", p, counts)
	}
	return strings.TrimSpace(b.String())
}

func TestDraw(t *testing.T) {
	tests := []struct {
		name      string
		labels    []int
		val, test Share
		want      string
	}{
		{"shares", repeated(100, 60, 40), Share{Fraction: 0.15}, Share{Fraction: 0.1}, "train [75 45 30] val [15 9 6] test [10 6 4]"},
		{"numbers", repeated(100, 60, 40), Share{Count: 20}, Share{Count: 1}, "train [89 54 36] val [10 6 4] test [1 0 0]"},
		{"no test", repeated(5, 5), Share{Fraction: 0.2}, Share{}, "train [4 4] val [1 1] test [0 0]"},
		{"neither", repeated(2, 1), Share{}, Share{}, "train [2 1] val [0 0] test [0 0]"},
		// Rounded class by class there would be no validation file, or as many as training files.
		{"small classes", repeated(3, 3, 3, 3), Share{Fraction: 0.25}, Share{}, "train [3 2 2 2] val [0 1 1 1] test [0 0 0 0]"},
		{"single files", repeated(1, 1, 1, 17), Share{Fraction: 0.2}, Share{}, "train [1 1 1 13] val [0 0 0 4] test [0 0 0 0]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			parts, err := Draw(numbered(test.labels...), test.labels, nil, test.val, test.test, random.New(1))
			if err != nil {
				t.Fatal(err)
			}
			if got := sizes(parts, test.labels); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestDrawDependsOnTheSeed(t *testing.T) {
	labels := repeated(50, 50)
	draw := func(seed uint64) string {
		parts, err := Draw(numbered(labels...), labels, nil, Share{Fraction: 0.2}, Share{}, random.New(seed))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(parts, " ")
	}
	first := draw(1)
	if draw(1) != first {
		t.Error("one seed gives two draws")
	}
	if draw(2) == first {
		t.Error("two seeds give one draw")
	}
}

func TestDrawKeepsParts(t *testing.T) {
	labels := repeated(10, 10)
	all := numbered(labels...)
	for i := range all {
		all[i].Part = []string{Train, Test}[i%2]
	}
	parts, err := Draw(all, labels, nil, Share{Fraction: 0.2}, Share{}, random.New(1))
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range parts {
		if (p == Test) != (i%2 == 1) {
			t.Errorf("file %d of %s is in %s", i, all[i].Part, p)
		}
	}
	if got, want := sizes(parts, labels), "train [4 4] val [1 1] test [5 5]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestDrawKeepsSetsTogether has groups of many sizes, and contents that come several times, also
// in several groups and classes.
func TestDrawKeepsSetsTogether(t *testing.T) {
	labels := repeated(120, 60, 20)
	for seed := range uint64(50) {
		r := random.New(seed).For("test").Rand()
		all, same := numbered(labels...), make([][32]byte, len(labels))
		for i := range all {
			if r.IntN(2) == 0 {
				all[i].Group = fmt.Sprint(r.IntN(20))
			}
			same[i] = [32]byte{byte(i), byte(i >> 8), 1}
			if r.IntN(10) == 0 {
				same[i] = [32]byte{byte(r.IntN(5))}
			}
		}
		parts, err := Draw(all, labels, same, Share{Fraction: 0.2}, Share{Fraction: 0.1}, random.New(seed))
		if err != nil {
			t.Fatal(err)
		}
		of, by := map[string]string{}, map[[32]byte]string{}
		count := map[string]int{}
		for i, p := range parts {
			count[p]++
			if g := all[i].Group; g != "" {
				if of[g] != "" && of[g] != p {
					t.Fatalf("seed %d: group %s is in %s and %s", seed, g, of[g], p)
				}
				of[g] = p
			}
			if by[same[i]] != "" && by[same[i]] != p {
				t.Fatalf("seed %d: a content is in %s and %s", seed, by[same[i]], p)
			}
			by[same[i]] = p
		}
		// The files by themselves are enough to make the parts' sizes right.
		if count[Val] != 40 || count[Test] != 20 {
			t.Errorf("seed %d: parts of %v, want 40 for validation and 20 for test", seed, count)
		}
	}
}

// TestDrawOfGroupsAlone has no file that could make up for the sizes of groups.
func TestDrawOfGroupsAlone(t *testing.T) {
	labels := make([]int, 100)
	all := make([]File, 100)
	for i := range all {
		labels[i] = i % 2
		all[i] = File{Name: fmt.Sprintf("%03d.jpg", i), Group: fmt.Sprint(i / 5)} // 20 people
	}
	parts, err := Draw(all, labels, nil, Share{Fraction: 0.2}, Share{Fraction: 0.2}, random.New(3))
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for i, p := range parts {
		count[p]++
		if p != parts[i/5*5] {
			t.Errorf("group %s is in %s and %s", all[i].Group, p, parts[i/5*5])
		}
	}
	if count[Val] != 20 || count[Test] != 20 {
		t.Errorf("parts of %v, want 20 for validation and for test", count)
	}
	// A class that is one group stays for training.
	for i := range all {
		labels[i], all[i].Group = i%2, []string{"even", "odd"}[i%2]
	}
	_, err = Draw(all, labels, nil, Share{Fraction: 0.2}, Share{}, random.New(3))
	want := "found 100 samples to divide, of which none is left for validation with 0.2 of them: more samples or groups, or a larger number, expected"
	if err == nil || err.Error() != want {
		t.Errorf("error %v\nwant %s", err, want)
	}
}

func TestDrawErrors(t *testing.T) {
	labels := repeated(5, 5)
	for want, shares := range map[string][2]Share{
		"found 10 samples to divide, more than the 6 for validation and the 4 for test expected":                                             {{Count: 6}, {Count: 4}},
		"found 10 samples to divide, more than the 0.6 for validation and the 0.4 for test expected":                                         {{Fraction: 0.6}, {Fraction: 0.4}},
		"found 10 samples to divide, more than the 1000 for validation and the 0 for test expected":                                          {{Count: 1000}, {}},
		"found 10 samples to divide, of which none is left for test with 0.01 of them: more samples or groups, or a larger number, expected": {{Count: 1}, {Fraction: 0.01}},
	} {
		if _, err := Draw(numbered(labels...), labels, nil, shares[0], shares[1], random.New(1)); err == nil || err.Error() != want {
			t.Errorf("error %v\nwant %s", err, want)
		}
	}
	if _, err := Draw(nil, nil, nil, Share{}, Share{}, random.New(1)); err == nil {
		t.Error("no error of no files")
	}
}
