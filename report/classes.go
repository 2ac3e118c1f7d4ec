package report

import (
	"cmp"
	"fmt"
	"slices"
)

// maxClasses is how many classes a chart or a table of a page shows: more are too many to
// look at, and a confusion matrix grows with their square.
const maxClasses = 50

// confusedClasses returns the classes that a confusion matrix shows, in order: all of up to
// maxClasses, and of more those of the pairs that are most often confused, filled up with the
// first.
func confusedClasses(counts [][]int) []int {
	n := len(counts)
	if n <= maxClasses {
		return firsts(n)
	}
	type pair struct{ label, predicted, samples int }
	var pairs []pair
	for i, row := range counts {
		for j, v := range row {
			if i != j && v > 0 {
				pairs = append(pairs, pair{i, j, v})
			}
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(b.samples, a.samples) })
	chosen := make([]bool, n)
	room := maxClasses
	choose := func(classes ...int) {
		classes = slices.DeleteFunc(classes, func(c int) bool { return chosen[c] })
		if len(classes) > room { // one class of a pair would show nothing of it
			return
		}
		for _, c := range classes {
			chosen[c] = true
			room--
		}
	}
	for _, p := range pairs {
		choose(p.label, p.predicted)
	}
	for c := range n {
		choose(c)
	}
	return slices.DeleteFunc(firsts(n), func(c int) bool { return !chosen[c] })
}

// confusedNote says which classes confusedClasses has chosen of n; "" if it has all.
func confusedNote(n int) string {
	if n <= maxClasses {
		return ""
	}
	return fmt.Sprintf("%d of %s classes: those most often confused with each other. What was taken for others is not shown.", maxClasses, comma(n))
}

// worstClasses returns the classes that a list of figures shows: all n in order, and of more
// than maxClasses those with the lowest F1, the lowest first. Classes without samples, which
// have none, come last.
func worstClasses(n int, figures func(c int) (f1 float64, support int)) []int {
	classes := firsts(n)
	if n <= maxClasses {
		return classes
	}
	slices.SortStableFunc(classes, func(a, b int) int {
		f, m := figures(a)
		g, n := figures(b)
		return cmp.Or(cmp.Compare(min(n, 1), min(m, 1)), cmp.Compare(f, g))
	})
	return classes[:maxClasses]
}

// worstNote says which classes worstClasses has chosen of n; "" if it has all.
func worstNote(n int) string {
	if n <= maxClasses {
		return ""
	}
	return fmt.Sprintf("%d of %s classes: those with the lowest F1, the lowest first.", maxClasses, comma(n))
}

// firsts returns the first n numbers.
func firsts(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}
