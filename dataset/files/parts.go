package files

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/random"
)

// Share is how many files a part gets: a number of them, or a share of all. The zero Share is none.
type Share struct {
	Count    int     // used if Fraction is 0
	Fraction float64 // at least 0 and below 1
}

// None reports whether s is no file of any number.
func (s Share) None() bool { return s == Share{} }

// Of returns how many of n files s is: a share is rounded, and halves are rounded up.
func (s Share) Of(n int) int {
	if s.Fraction > 0 {
		return int(math.Floor(s.Fraction*float64(n) + 0.5))
	}
	return s.Count
}

// MarshalText writes s as UnmarshalText reads it.
func (s Share) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String returns "200" of a number and "0.15" of a share.
func (s Share) String() string {
	if s.Fraction > 0 {
		return strconv.FormatFloat(s.Fraction, 'f', -1, 64)
	}
	return strconv.Itoa(s.Count)
}

// UnmarshalText reads a share, which has a dot or a percent sign, "0.15" or "15%", or a number of
// files, "200".
func (s *Share) UnmarshalText(text []byte) error {
	t := string(text)
	expected := func() error {
		return fmt.Errorf("%q: a share such as 0.15 or 15%%, below 1, or a number of files such as 200 expected", t)
	}
	number, percent := strings.CutSuffix(t, "%")
	if strings.Trim(number, "0123456789.") != "" { // no signs, no exponents, no NaN
		return expected()
	}
	if !percent && !strings.Contains(number, ".") {
		n, err := strconv.Atoi(number)
		if err != nil || n > MaxFiles {
			return expected()
		}
		*s = Share{Count: n}
		return nil
	}
	f, err := strconv.ParseFloat(number, 64)
	if percent {
		f /= 100
	}
	if err != nil || f >= 1 {
		return expected()
	}
	*s = Share{Fraction: f}
	return nil
}

// Draw divides the files without a part, and those of the training part, into parts for training,
// validation and test. It returns the parts of all files; those of other parts keep theirs.
// labels are the files' classes, and same are hashes of what files have in them; nil if nobody
// knows them. val and test are numbers, or shares of the files that are divided.
//
// The draw is stratified, as dataset.StratifiedSplit is. Then files of one group, and files of the
// same content, are brought to one side: the largest of such sets first, each to the part that
// lacks most of its classes' files. The other files make the parts' sizes what was asked for, if
// they can. A class keeps a file for training, whatever was asked for. The parts depend on the
// names, labels, groups and contents of the files, and on key. files are in the order of their
// names, as a List has them.
//
// The error says that nothing would be left for a part.
func Draw(files []File, labels []int, same [][32]byte, val, test Share, key random.Key) ([]string, error) {
	var divided []int
	for i, f := range files {
		if f.Part == "" || f.Part == Train {
			divided = append(divided, labels[i])
		}
	}
	return draw(files, nil, divided, same, val, test, key)
}

// draw is Draw, and DrawSets, for labels of those files alone that are divided, and sets of labels if they have several.
func draw(files []File, sets [][]int, labels []int, same [][32]byte, val, test Share, key random.Key) ([]string, error) {
	d := drawing{parts: make([]string, len(files)), labels: labels, sets: sets}
	for i, f := range files {
		if d.parts[i] = f.Part; f.Part == "" || f.Part == Train {
			d.divided = append(d.divided, i)
		}
	}
	n := len(d.divided)
	sizes := []int{0, val.Of(n), test.Of(n)}
	sizes[0] = n - sizes[1] - sizes[2]
	if val.Fraction+test.Fraction >= 1 || sizes[0] <= 0 {
		return nil, fmt.Errorf("found %d samples to divide, more than the %v for validation and the %v for test expected", n, val, test)
	}
	if err := d.stratify(sizes, key); err != nil {
		return nil, err
	}
	d.place(d.together(files, same), key)
	for p, share := range []Share{1: val, 2: test} {
		if !share.None() && !slices.Contains(d.part, p) {
			return nil, fmt.Errorf("found %d samples to divide, of which none is left for %s with %v of them: more samples or groups, or a larger number, expected",
				n, partNames[p], share)
		}
	}
	for k, i := range d.divided {
		d.parts[i] = [...]string{Train, Val, Test}[d.part[k]]
	}
	return d.parts, nil
}

// partNames are the parts' names in errors, by their numbers.
var partNames = [...]string{"training", "validation", "test"}

// drawing is a draw. Parts have the numbers of partNames.
type drawing struct {
	parts   []string
	divided []int          // the files that are divided
	labels  []int          // of each of them
	sets    [][]int        // of each of them all its labels, if there are several
	part    []int          // of each of them
	left    [3]map[int]int // by part and class, how many files are wanted and not placed
}

// labelled is what dataset.StratifiedSplit needs.
type labelled []int

func (l labelled) Len() int                 { return len(l) }
func (l labelled) Label(i int) (int, error) { return l[i], nil }
func (labelled) Classes() []string          { return nil }
func (labelled) Sample(int, random.Key) (dataset.Sample, error) {
	panic("files: labels have no samples")
}

// stratify divides the files class by class into parts of the given sizes.
func (d *drawing) stratify(sizes []int, key random.Key) error {
	n := float64(len(d.divided))
	fractions := make([]float64, len(sizes))
	for p, size := range sizes {
		fractions[p] = float64(size) / n
	}
	parts, err := dataset.StratifiedSplit(labelled(d.labels), fractions, key)
	if err != nil {
		return err
	}
	d.part = make([]int, len(d.divided))
	for p, subset := range parts {
		d.left[p] = map[int]int{}
		for _, k := range subset.Indices {
			d.part[k] = p
			d.left[p][d.labels[k]]++
		}
	}
	return nil
}

// together returns the sets of files that stay on one side, by their places in d.divided: those of a
// group, and of the same content. Sets that share a file are one.
func (d *drawing) together(files []File, same [][32]byte) [][]int {
	above := make([]int, len(d.divided)) // of a file, an earlier one of its set, or itself
	root := func(k int) int {
		for above[k] != k {
			above[k] = above[above[k]]
			k = above[k]
		}
		return k
	}
	groups, contents := map[string]int{}, map[[32]byte]int{}
	for k, i := range d.divided {
		above[k] = k
		join := func(first int, known bool) {
			if known {
				a, b := root(first), root(k)
				above[max(a, b)] = min(a, b)
			}
		}
		if g := files[i].Group; g != "" {
			first, known := groups[g]
			if !known {
				groups[g] = k
			}
			join(first, known)
		}
		if same != nil {
			first, known := contents[same[i]]
			if !known {
				contents[same[i]] = k
			}
			join(first, known)
		}
	}
	sets := make([][]int, len(d.divided))
	for k := range above {
		r := root(k)
		sets[r] = append(sets[r], k)
	}
	return slices.DeleteFunc(sets, func(s []int) bool { return s == nil })
}

// place brings sets of several files to one side, and then divides the others anew as far as
// they have to make up for it.
func (d *drawing) place(sets [][]int, key random.Key) {
	key.For("sets").Rand().Shuffle(len(sets), func(i, j int) { sets[i], sets[j] = sets[j], sets[i] })
	slices.SortStableFunc(sets, func(a, b []int) int { return cmp.Compare(len(b), len(a)) })
	var wanted [3]map[int]int // of all files
	for p, left := range d.left {
		wanted[p] = map[int]int{}
		for c, n := range left {
			wanted[p][c] = n
		}
	}
	var moved []int
	for _, set := range sets {
		if len(set) == 1 {
			// A file by itself stays where it is, if there is room.
			k := set[0]
			if p, c := d.part[k], d.labels[k]; d.left[p][c] > 0 {
				d.left[p][c]--
			} else {
				moved = append(moved, k)
			}
			continue
		}
		counts := map[int]int{}
		for _, k := range set {
			counts[d.labels[k]]++
		}
		best := d.best(counts, wanted)
		for _, k := range set {
			d.part[k] = best
			d.left[best][d.labels[k]]--
		}
	}
	for _, k := range moved {
		c := d.labels[k]
		d.part[k] = 0
		for p := range d.left {
			if d.left[p][c] > 0 {
				d.part[k] = p
				break
			}
		}
		d.left[d.part[k]][c]--
	}
	d.keep(sets)
}

// keep brings sets to the training part that have files of classes, or of labels, of which it has none.
func (d *drawing) keep(sets [][]int) {
	of := func(k int) []int { // all labels of a file
		if d.sets == nil {
			return d.labels[k : k+1]
		}
		return d.sets[k]
	}
	trained := map[int]bool{}
	train := func(k int) {
		for _, c := range of(k) {
			trained[c] = true
		}
	}
	for k, p := range d.part {
		if p == 0 {
			train(k)
		}
	}
	for _, set := range sets {
		if !slices.ContainsFunc(set, func(k int) bool { return slices.ContainsFunc(of(k), func(c int) bool { return !trained[c] }) }) {
			continue
		}
		for _, k := range set {
			d.part[k] = 0
			train(k)
		}
	}
}

// best returns the part for a set with so many files of each class: the one that it overfills
// least, and among equals the one that lacks the greatest share of what it wants of the classes.
func (d *drawing) best(counts map[int]int, wanted [3]map[int]int) int {
	best, over, lack := 0, math.MaxInt, -1.0
	for p := range d.left {
		o, left, all := 0, 0, 0
		for c, n := range counts {
			o += max(0, n-max(0, d.left[p][c]))
			left += d.left[p][c]
			all += wanted[p][c]
		}
		if all == 0 {
			continue
		}
		if l := float64(left) / float64(all); o < over || o == over && l > lack {
			best, over, lack = p, o, l
		}
	}
	return best
}
