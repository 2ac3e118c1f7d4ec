package check

import (
	"cmp"
	"math/bits"
	"slices"
)

const (
	// maxDistance is how many bits of the difference hashes of two pictures that look alike may
	// differ.
	maxDistance = 2
	// maxCompared is how many earlier pictures of those that share two bands a picture is compared
	// with. Only among pictures made to have such hashes are there more.
	maxCompared = 256
)

// like is an earlier picture that one looks like.
type like struct {
	other, distance int
	crosses         bool // it is of another part or class
}

// before compares what there is to say of one picture: first what crosses, then the nearest.
func (l like) before(m like) bool {
	if l.crosses != m.crosses {
		return l.crosses
	}
	return cmp.Or(cmp.Compare(l.distance, m.distance), cmp.Compare(l.other, m.other)) < 0
}

// alike notes the pictures that look like an earlier one and are not the same, each once. Of
// those with the same hash the first stands for all.
//
// The 64 bits are four bands of 16, each all over the picture. Two bits that differ lie in two
// bands at most, so that the other two are the same: among the pictures sorted by each pair of
// bands, those that look alike are in one run.
func (c *checker) alike() {
	found := map[int]like{}
	compare := func(a, b int) {
		distance := bits.OnesCount64(c.facts[a].Hash ^ c.facts[b].Hash)
		if distance > maxDistance {
			return
		}
		x, y := c.list.Files[a], c.list.Files[b]
		l := like{a, distance, partOf(x) != partOf(y) || x.LabelText() != y.LabelText()}
		if before, ok := found[b]; !ok || l.before(before) {
			found[b] = l
		}
	}
	var distinct []int
	all := c.telling()
	c.runs(all, ^uint64(0), func(run []int) {
		distinct = append(distinct, run[0])
		for _, i := range run[1:] {
			compare(run[0], i)
		}
	})
	const band = 0x1111111111111111
	for _, pair := range []uint64{0b0011, 0b0101, 0b1001, 0b0110, 0b1010, 0b1100} {
		c.runs(distinct, band*pair, func(run []int) {
			for k, i := range run {
				for _, earlier := range run[max(0, k-maxCompared):k] {
					compare(earlier, i)
				}
			}
		})
	}
	for _, i := range all {
		l, ok := found[i]
		if !ok {
			continue
		}
		f, other := c.list.Files[i], c.list.Files[l.other]
		detail := "looks like " + other.Name
		if partOf(f) != partOf(other) {
			detail += ", of the part " + partOf(other)
		}
		if f.LabelText() != other.LabelText() {
			detail += ", of the class " + other.LabelText()
		}
		c.add(NearDuplicate, i, l.other, "%s (%d of 64 bits of their difference hashes differ)", detail, l.distance)
	}
	sortByIndex(c.found[NearDuplicate])
}

// telling returns the pictures whose hash says something, one of each that are the same: a tiny
// picture has too few pixels for it, and one that is brighter from field to field nowhere, or
// everywhere, is of one colour or a mere shade.
func (c *checker) telling() (indices []int) {
	for _, i := range c.first {
		if f := c.facts[i]; min(f.Width, f.Height) >= TinySide && f.Hash != 0 && ^f.Hash != 0 {
			indices = append(indices, i)
		}
	}
	return indices
}

// runs calls f for each run of pictures whose hashes have the same bits in mask, each run in the
// order of the files. It leaves indices in another order.
func (c *checker) runs(indices []int, mask uint64, f func(run []int)) {
	slices.SortFunc(indices, func(a, b int) int {
		return cmp.Or(cmp.Compare(c.facts[a].Hash&mask, c.facts[b].Hash&mask), cmp.Compare(a, b))
	})
	for begin := 0; begin < len(indices); {
		end := begin + 1
		for end < len(indices) && (c.facts[indices[end]].Hash^c.facts[indices[begin]].Hash)&mask == 0 {
			end++
		}
		f(indices[begin:end])
		begin = end
	}
}

// sortByIndex brings problems into the order of their files.
func sortByIndex(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Compare(a.Index, b.Index) })
}
