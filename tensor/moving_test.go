package tensor_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/tensor"
	"pgregory.net/rapid"
)

// traced is a tensor whose elements come from a vector by moving and adding, and its naive
// twin: for every element, in row-major order, the places in the vector that it is the sum
// of.
type traced struct {
	x     *Tensor
	shape []int
	from  map[string][]int // by index
	leaf  []float64        // the vector's elements
}

// moved returns x with its twin: the element at an index is the sum of those at the places
// that from returns.
func (a traced) moved(x *Tensor, shape []int, from func(index []int) []int) traced {
	b := traced{x: x, shape: shape, from: map[string][]int{}, leaf: a.leaf}
	each(shape, func(index []int) { b.from[fmt.Sprint(index)] = from(slices.Clone(index)) })
	return b
}

func (a traced) at(index []int) []int { return a.from[fmt.Sprint(index)] }

// value returns the element at index by the twin.
func (a traced) value(index []int) (sum float64) {
	for _, i := range a.at(index) {
		sum += a.leaf[i]
	}
	return sum
}

// set returns index with element d replaced.
func set(index []int, d, i int) []int {
	index = slices.Clone(index)
	index[d] = i
	return index
}

// drawDim draws a dimension, counted from either end, and returns it counted from the
// start too.
func drawDim(t *rapid.T, name string, n int) (drawn, dim int) {
	drawn = rapid.IntRange(-n, n-1).Draw(t, name)
	return drawn, (drawn + n) % n
}

// drawPlaces draws an Int64 tensor of indices below n.
func drawPlaces(t *rapid.T, name string, n int, shape []int) *Tensor {
	x := tensor.Zeros(tensor.Int64, shape...)
	data := tensor.Data[int64](x)
	for i := range data {
		data[i] = int64(rapid.IntRange(0, n-1).Draw(t, name))
	}
	return x
}

// drawMask draws a Bool tensor that can be broadcast to shape.
func drawMask(t *rapid.T, shape []int) *Tensor {
	shape = slices.Clone(shape[rapid.IntRange(0, len(shape)).Draw(t, "mask drops"):])
	for d := range shape {
		if rapid.IntRange(0, 2).Draw(t, "mask has 1") == 0 {
			shape[d] = 1
		}
	}
	x := tensor.Zeros(tensor.Bool, shape...)
	data := tensor.Data[bool](x)
	for i := range data {
		data[i] = rapid.Bool().Draw(t, "mask")
	}
	return x
}

// holds reports whether mask, broadcast, is true at index.
func holds(mask *Tensor, index []int) bool {
	return naive{mask.Shape(), func(index []int) float64 { return mask.At(index...) }}.broadcast(index) != 0
}

// moves are the operations that move elements, on a tensor and on its twin. One that a
// tensor of the drawn shape does not allow returns it as it is.
var moves = map[string]func(t *rapid.T, a traced) traced{
	"permute": func(t *rapid.T, a traced) traced {
		order := rapid.Permutation(upTo(len(a.shape))).Draw(t, "order")
		shape := make([]int, len(order))
		for i, d := range order {
			shape[i] = a.shape[d]
		}
		return a.moved(a.x.Permute(order...), shape, func(index []int) []int {
			old := make([]int, len(index))
			for i, d := range order {
				old[d] = index[i]
			}
			return a.at(old)
		})
	},
	"transpose": func(t *rapid.T, a traced) traced {
		if len(a.shape) == 0 {
			return a
		}
		i, from := drawDim(t, "from", len(a.shape))
		j, to := drawDim(t, "to", len(a.shape))
		shape := slices.Clone(a.shape)
		shape[from], shape[to] = shape[to], shape[from]
		return a.moved(a.x.Transpose(i, j), shape, func(index []int) []int {
			index[from], index[to] = index[to], index[from]
			return a.at(index)
		})
	},
	"reshape": func(t *rapid.T, a traced) traced { return a.reshaped(t, (*Tensor).Reshape) },
	"flatten": func(t *rapid.T, a traced) traced {
		if len(a.shape) == 0 {
			return a.inOrder(a.x.Flatten(0, -1), []int{1})
		}
		i, from := drawDim(t, "from", len(a.shape))
		j, to := drawDim(t, "to", len(a.shape))
		if from > to {
			return a
		}
		n := 1
		for _, size := range a.shape[from : to+1] {
			n *= size
		}
		return a.inOrder(a.x.Flatten(i, j), slices.Concat(a.shape[:from], []int{n}, a.shape[to+1:]))
	},
	"unsqueeze": func(t *rapid.T, a traced) traced {
		drawn, dim := drawDim(t, "dim", len(a.shape)+1)
		return a.inOrder(a.x.Unsqueeze(drawn), slices.Insert(slices.Clone(a.shape), dim, 1))
	},
	"squeeze": func(t *rapid.T, a traced) traced {
		named := rapid.SliceOfNDistinct(rapid.IntRange(0, max(len(a.shape), 1)-1), 0, len(a.shape), rapid.ID[int]).Draw(t, "dims")
		var shape []int
		for d, n := range a.shape {
			if n != 1 || len(named) > 0 && !slices.Contains(named, d) {
				shape = append(shape, n)
			}
		}
		for i := range named { // some of them counted from the end
			named[i] -= i % 2 * len(a.shape)
		}
		return a.inOrder(a.x.Squeeze(named...), shape)
	},
	"expand": func(t *rapid.T, a traced) traced {
		sizes := rapid.SampledFrom([]int{2, 3, 1, 0})
		lead := rapid.SliceOfN(sizes, 0, 1).Draw(t, "lead")
		shape := slices.Concat(lead, a.shape)
		said := slices.Clone(shape)
		for d := range shape {
			switch {
			case d >= len(lead) && rapid.Bool().Draw(t, "kept"):
				said[d] = -1
			case d >= len(lead) && shape[d] == 1:
				said[d] = sizes.Draw(t, "size")
				shape[d] = said[d]
			}
		}
		return a.moved(a.x.Expand(said...), shape, func(index []int) []int {
			index = index[len(lead):]
			for d, n := range a.shape {
				if n == 1 {
					index[d] = 0
				}
			}
			return a.at(index)
		})
	},
	"slice": func(t *rapid.T, a traced) traced {
		if len(a.shape) == 0 {
			return a
		}
		drawn, dim := drawDim(t, "dim", len(a.shape))
		n := a.shape[dim]
		bounds := []int{0, -n, n, 1, -1, 2, -2, n + 1, -n - 1, math.MaxInt, math.MinInt}
		start := rapid.SampledFrom(bounds).Draw(t, "start")
		end := rapid.SampledFrom(bounds[2:]).Draw(t, "end")
		step := rapid.SampledFrom([]int{2, 1, 3, math.MaxInt}).Draw(t, "step")
		fromEnd := func(i int) int {
			if i < 0 {
				i += n
			}
			return i
		}
		var kept []int
		for i := range n {
			first := max(fromEnd(start), 0)
			if i >= first && i < fromEnd(end) && (i-first)%step == 0 {
				kept = append(kept, i)
			}
		}
		return a.picked(a.x.Slice(drawn, start, end, step), dim, kept)
	},
	"narrow": func(t *rapid.T, a traced) traced {
		if len(a.shape) == 0 {
			return a
		}
		drawn, dim := drawDim(t, "dim", len(a.shape))
		n := a.shape[dim]
		start := rapid.IntRange(0, n).Draw(t, "start")
		length := n - start - rapid.IntRange(0, n-start).Draw(t, "left")
		said := start
		if start < n && rapid.Bool().Draw(t, "from the end") {
			said -= n
		}
		return a.picked(a.x.Narrow(drawn, said, length), dim, upTo(n)[start:start+length])
	},
	"select": func(t *rapid.T, a traced) traced {
		if len(a.shape) == 0 {
			return a
		}
		drawn, dim := drawDim(t, "dim", len(a.shape))
		if a.shape[dim] == 0 {
			return a
		}
		said, i := drawDim(t, "index", a.shape[dim])
		shape := slices.Delete(slices.Clone(a.shape), dim, dim+1)
		return a.moved(a.x.Select(drawn, said), shape, func(index []int) []int { return a.at(slices.Insert(index, dim, i)) })
	},
	"split": func(t *rapid.T, a traced) traced {
		if len(a.shape) == 0 {
			return a
		}
		drawn, dim := drawDim(t, "dim", len(a.shape))
		n := a.shape[dim]
		size := n + 1 - rapid.IntRange(0, n).Draw(t, "size")
		parts := a.x.Split(size, drawn)
		if want := max(1, (n+size-1)/size); len(parts) != want {
			t.Fatalf("got %d parts, want %d", len(parts), want)
		}
		i := rapid.IntRange(0, len(parts)-1).Draw(t, "part")
		return a.picked(parts[i], dim, upTo(n)[i*size:min((i+1)*size, n)])
	},
	"cat": func(t *rapid.T, a traced) traced {
		if len(a.shape) == 0 {
			return a
		}
		drawn, dim := drawDim(t, "dim", len(a.shape))
		n := a.shape[dim]
		cut := rapid.IntRange(0, n).Draw(t, "cut")
		parts := []*Tensor{a.x.Narrow(dim, cut, n-cut), tensor.Zeros(tensor.Float64, 0), a.x, a.x.Narrow(dim, 0, cut)}
		return a.picked(tensor.Cat(drawn, parts...), dim, slices.Concat(upTo(n)[cut:], upTo(n), upTo(n)[:cut]))
	},
	"stack": func(t *rapid.T, a traced) traced {
		drawn, dim := drawDim(t, "dim", len(a.shape)+1)
		rows := rapid.IntRange(1, 3).Draw(t, "rows")
		y := tensor.Stack(drawn, slices.Repeat([]*Tensor{a.x}, rows)...)
		return a.moved(y, slices.Insert(slices.Clone(a.shape), dim, rows), func(index []int) []int { return a.at(slices.Delete(index, dim, dim+1)) })
	},
	"gather": func(t *rapid.T, a traced) traced {
		drawn, dim, index := a.drawIndex(t)
		if index == nil {
			return a
		}
		return a.moved(a.x.Gather(drawn, index), index.Shape(), func(i []int) []int {
			return a.at(set(i, dim, int(index.At(i...))))
		})
	},
	"scatter-add": func(t *rapid.T, a traced) traced {
		drawn, dim, index := a.drawIndex(t)
		if index == nil {
			return a
		}
		shape := index.Shape()
		for d, n := range shape { // the source may be larger
			shape[d] = min(n+1, a.shape[d])
			if d == dim {
				shape[d] = n
			}
		}
		places := drawPlaces(t, "source", a.shape[dim], shape)
		src := a.x.Gather(dim, places)
		return a.moved(a.x.ScatterAdd(drawn, index, src), a.shape, func(i []int) []int {
			sum := slices.Clone(a.at(i))
			for j := range index.Size(dim) {
				from := set(i, dim, j)
				within := true
				for d := range from {
					within = within && from[d] < index.Size(d)
				}
				if within && int(index.At(from...)) == i[dim] {
					sum = append(sum, a.at(set(i, dim, int(places.At(from...))))...)
				}
			}
			return sum
		})
	},
	"index-select": func(t *rapid.T, a traced) traced {
		if len(a.shape) == 0 {
			return a
		}
		drawn, dim := drawDim(t, "dim", len(a.shape))
		if a.shape[dim] == 0 {
			return a
		}
		index := drawPlaces(t, "index", a.shape[dim], rapid.SampledFrom([][]int{{3}, {2}, {1}, {4}, {0}}).Draw(t, "index shape"))
		kept := make([]int, index.Numel())
		for i := range kept {
			kept[i] = int(index.At(i))
		}
		return a.picked(a.x.IndexSelect(drawn, index), dim, kept)
	},
	"masked-select": func(t *rapid.T, a traced) traced {
		mask := drawMask(t, a.shape)
		var kept [][]int
		each(a.shape, func(index []int) {
			if holds(mask, index) {
				kept = append(kept, a.at(index))
			}
		})
		return a.moved(a.x.MaskedSelect(mask), []int{len(kept)}, func(index []int) []int { return kept[index[0]] })
	},
	"where": func(t *rapid.T, a traced) traced {
		if len(a.shape) == 0 || a.shape[0] == 0 {
			return a
		}
		cond := drawMask(t, a.shape)
		return a.moved(tensor.Where(cond, a.x, a.x.Select(0, 0)), a.shape, func(index []int) []int {
			if holds(cond, index) {
				return a.at(index)
			}
			return a.at(set(index, 0, 0))
		})
	},
	"sort": func(t *rapid.T, a traced) traced {
		if len(a.shape) == 0 {
			return a
		}
		drawn, dim := drawDim(t, "dim", len(a.shape))
		k := a.shape[dim] - rapid.IntRange(0, a.shape[dim]).Draw(t, "left")
		descending := rapid.Bool().Draw(t, "descending")
		values, indices := a.x.TopK(k, drawn, descending)
		if k == a.shape[dim] {
			values, indices = a.x.Sort(drawn, descending)
		}
		// The j-th is the one that j others come before.
		place := func(index []int) int {
			j := index[dim]
			for i := range a.shape[dim] {
				before := 0
				for o := range a.shape[dim] {
					v, w := a.value(set(index, dim, o)), a.value(set(index, dim, i))
					if descending {
						v, w = -v, -w
					}
					if v < w || v == w && o < i {
						before++
					}
				}
				if before == j {
					return i
				}
			}
			panic("no element has that place")
		}
		shape := set(a.shape, dim, k)
		wantNaive(t, "indices", indices, naive{shape, func(index []int) float64 { return float64(place(index)) }}, 0)
		return a.moved(values, shape, func(index []int) []int { return a.at(set(index, dim, place(index))) })
	},
}

// picked returns y, which has the given indices of dimension dim.
func (a traced) picked(y *Tensor, dim int, kept []int) traced {
	return a.moved(y, set(a.shape, dim, len(kept)), func(index []int) []int { return a.at(set(index, dim, kept[index[dim]])) })
}

// inOrder returns y, which has the same elements in another shape.
func (a traced) inOrder(y *Tensor, shape []int) traced {
	var all [][]int
	each(a.shape, func(index []int) { all = append(all, a.at(index)) })
	i := -1
	return a.moved(y, shape, func([]int) []int {
		i++
		return all[i]
	})
}

// reshaped draws a shape and returns what f makes of it.
func (a traced) reshaped(t *rapid.T, f func(x *Tensor, shape ...int) *Tensor) traced {
	left := len(a.from)
	var shape []int
	if left == 0 {
		shape = rapid.Permutation(append([]int{0}, drawShape(t, "shape", 2)...)).Draw(t, "shape")
		return a.inOrder(f(a.x, shape...), shape)
	}
	for left > 1 || rapid.IntRange(0, 2).Draw(t, "more") == 0 {
		divisors := []int{1}
		for n := 2; n <= left; n++ {
			if left%n == 0 {
				divisors = append(divisors, n)
			}
		}
		n := rapid.SampledFrom(divisors).Draw(t, "size")
		shape = append(shape, n)
		left /= n
	}
	said := slices.Clone(shape)
	if len(said) > 0 && rapid.Bool().Draw(t, "worked out") {
		said[rapid.IntRange(0, len(said)-1).Draw(t, "which")] = -1
	}
	return a.inOrder(f(a.x, said...), shape)
}

// drawIndex draws what Gather takes on a, an index of nil where a has no elements for it.
func (a traced) drawIndex(t *rapid.T) (drawn, dim int, index *Tensor) {
	if len(a.shape) == 0 {
		return 0, 0, nil
	}
	drawn, dim = drawDim(t, "dim", len(a.shape))
	if a.shape[dim] == 0 {
		return 0, 0, nil
	}
	shape := slices.Clone(a.shape)
	for d, n := range shape {
		shape[d] = n - rapid.IntRange(0, n).Draw(t, "left")
	}
	shape[dim] = rapid.SampledFrom([]int{3, 2, 1, 4, 0}).Draw(t, "index size")
	return drawn, dim, drawPlaces(t, "index", a.shape[dim], shape)
}

// drawTraced draws the shape of a tensor over a vector of whole numbers, some of them
// equal, that requires gradients.
func drawTraced(t *rapid.T) (leaf *Tensor, a traced) {
	// What stands first is drawn more often.
	shape := make([]int, rapid.SampledFrom([]int{2, 3, 1, 0}).Draw(t, "dimensions"))
	n := 1
	for d := range shape {
		shape[d] = rapid.SampledFrom([]int{3, 2, 4, 1, 5, 0}).Draw(t, "size")
		n *= shape[d]
	}
	values := make([]float64, n)
	for i := range values {
		values[i] = float64(i * 7 % 17)
	}
	leaf = tensor.New(values, n).SetRequiresGrad(true)
	i := -1
	return leaf, traced{leaf: values}.moved(leaf.Reshape(shape...), shape, func([]int) []int {
		i++
		return []int{i}
	})
}

// TestMoves follows every element, and every gradient back, through a few operations that
// move elements.
func TestMoves(t *testing.T) {
	names := make([]string, 0, len(moves))
	for name := range moves {
		names = append(names, name)
	}
	slices.Sort(names)
	tried := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		leaf, a := drawTraced(t)
		for range 4 {
			name := rapid.SampledFrom(names).Draw(t, "operation")
			b := moves[name](t, a)
			if b.x != a.x {
				tried[name]++
			}
			if a = b; len(a.from) > 100 {
				break
			}
		}
		wantNaive(t, "result", a.x, naive{a.shape, a.value}, 0)

		seed := tensor.Zeros(tensor.Float64, a.shape...)
		want := make([]float64, len(a.leaf))
		i := 0
		each(a.shape, func(index []int) {
			v := float64(rapid.IntRange(-4, 4).Draw(t, "seed"))
			tensor.Data[float64](seed)[i] = v
			i++
			for _, from := range a.at(index) {
				want[from] += v
			}
		})
		a.x.Backward(seed)
		if got := tensor.Values[float64](leaf.Grad()); !slices.Equal(got, want) {
			t.Fatalf("gradient of the vector: got %v, want %v", got, want)
		}
	})
	for _, name := range names {
		if tried[name] == 0 {
			t.Errorf("%s was never tried", name)
		}
	}
}

// TestViewNeverCopies has View agree with Reshape where its result's elements lie evenly
// spaced in memory along every dimension, and refuse all other shapes.
func TestViewNeverCopies(t *testing.T) {
	views, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		leaf, a := drawTraced(t)
		for range 3 {
			name := rapid.SampledFrom([]string{"permute", "slice", "expand", "unsqueeze"}).Draw(t, "operation")
			if a = moves[name](t, a); len(a.from) > 100 {
				return
			}
		}
		var said []int
		want := a.reshaped(t, func(x *Tensor, shape ...int) *Tensor {
			said = shape
			return x.Reshape(shape...)
		})
		wantNaive(t, "reshape", want.x, naive{want.shape, want.value}, 0)

		// An element's place in the vector is where it lies in memory. The distance along a
		// dimension is that of its first two, and must be that of all.
		origin := make([]int, len(want.shape))
		even := true
		each(want.shape, func(index []int) {
			at := want.at(origin)[0]
			for d, i := range index {
				if i > 0 {
					at += i * (want.at(set(origin, d, 1))[0] - want.at(origin)[0])
				}
			}
			even = even && at == want.at(index)[0]
		})
		got, err := view(a.x.Detach(), said)
		if (err == nil) != even {
			t.Fatalf("shape %v as %v: got panic %v, evenly spaced: %v", a.shape, want.shape, err, even)
		}
		if err != nil {
			refused++
			return
		}
		views++
		wantNaive(t, "view", got, naive{want.shape, want.value}, 0)
		if len(want.from) > 0 {
			leaf.Detach().Narrow(0, want.at(origin)[0], 1).FillInPlace(9)
			if got.At(origin...) != 9 {
				t.Fatalf("the view shares no memory with what it shows")
			}
		}
	})
	if views == 0 || refused == 0 {
		t.Errorf("%d views and %d refusals", views, refused)
	}
}

// view returns x.View(shape...), or what it panics with.
func view(x *Tensor, shape []int) (y *Tensor, err any) {
	defer func() { err = recover() }()
	return x.View(shape...), nil
}
