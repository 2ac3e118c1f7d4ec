package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/internal/parallel"
)

// normalized returns what pictures are normalized to.
func normalized(mean, std float32) *[256]float32 {
	table := new([256]float32)
	for v := range table {
		scaled := float32(v) / 255
		table[v] = (scaled - mean) / std
	}
	return table
}

// tables has functions of bytes, and whether each is a formula.
func tables() map[string]struct {
	values *[256]float32
	affine bool
} {
	r := rand.New(rand.NewPCG(9, 10))
	drawn, inverted, almost := new([256]float32), new([256]float32), normalized(0.2860, 0.3530)
	for i := range drawn {
		drawn[i] = float32(r.NormFloat64())
		inverted[i] = float32(255-i) / 255
	}
	almost[77] += 1e-6
	type table = struct {
		values *[256]float32
		affine bool
	}
	all := map[string]table{
		"scaled": {normalized(0, 1), true}, "Fashion-MNIST": {normalized(0.2860, 0.3530), true},
		"MNIST": {normalized(0.1307, 0.3081), true}, "ImageNet": {normalized(0.485, 0.229), true},
		"halves": {normalized(0.5, 0.5), true}, "drawn": {drawn, false}, "inverted": {inverted, false},
		"almost": {almost, false}, "constant": {new([256]float32), false},
	}
	for i := range 40 {
		mean, std := r.Float32(), 0.05+r.Float32()
		all[fmt.Sprintf("normalized %d", i)] = table{normalized(mean, std), true}
	}
	return all
}

// TestTable compares Gather with plain look-up, bit for bit, for rows of all small sizes.
func TestTable(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	sizes := []int{784, 1024}
	for size := range 71 {
		sizes = append(sizes, size)
	}
	forEach(t, func(t *testing.T) {
		for name, c := range tables() {
			table := NewTable([][256]float32{*c.values})
			if v := active.vectors; v != nil && (table.channels[0].affine != nil) != c.affine {
				t.Errorf("%s: found a formula: %v, want %v", name, !c.affine, c.affine)
			}
			for _, size := range sizes {
				src := make([]byte, 9*size)
				for i := range src {
					src[i] = byte(r.Uint32())
				}
				indices := []int{8, 0, 3, 3, 7, 1, 2}
				got, want := newBordered(len(indices)*size), make([]float32, 0, len(indices)*size)
				for _, i := range indices {
					for _, v := range src[i*size : (i+1)*size] {
						want = append(want, c.values[v])
					}
				}
				table.Gather(got.inner, src, size, indices)
				got.check(t)
				sameBits(t, got.inner, want)
			}
		}
	})
}

// TestTableOfChannels compares rows of three channels with plain look-up, bit for bit.
func TestTableOfChannels(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	forEach(t, func(t *testing.T) {
		all := tables()
		for name, values := range map[string][][256]float32{
			"normalized": {*normalized(0.485, 0.229), *normalized(0.456, 0.224), *normalized(0.406, 0.225)},
			"mixed":      {*all["drawn"].values, *normalized(0, 1), *all["inverted"].values},
			"the same":   {*all["drawn"].values, *all["drawn"].values, *all["drawn"].values},
		} {
			table := NewTable(values)
			if want := map[bool]int{true: 1, false: 3}[name == "the same"]; len(table.channels) != want {
				t.Errorf("%s: %d functions, want %d", name, len(table.channels), want)
			}
			for plane := range 40 {
				size := 3 * plane
				src := make([]byte, 5*size)
				for i := range src {
					src[i] = byte(r.Uint32())
				}
				indices := []int{4, 0, 3, 3}
				got, want := newBordered(len(indices)*size), make([]float32, 0, len(indices)*size)
				for _, i := range indices {
					for at, v := range src[i*size : (i+1)*size] {
						want = append(want, values[at/plane][v])
					}
				}
				table.Gather(got.inner, src, size, indices)
				got.check(t)
				sameBits(t, got.inner, want)
			}
		}
	})
}

// TestConvert compares windows of pictures with plain look-up, bit for bit.
func TestConvert(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	forEach(t, func(t *testing.T) {
		three := [][256]float32{*normalized(0.485, 0.229), *tables()["drawn"].values, *normalized(0.406, 0.225)}
		for _, values := range [][][256]float32{three[:1], three, {three[0], three[0], three[0]}} {
			table := NewTable(values)
			for width := range 40 {
				w := Window{Channels: len(values), Height: 1 + r.IntN(9), Width: width, Stride: width + r.IntN(3)}
				w.Area = w.Height*w.Stride + r.IntN(3)
				src := make([]byte, w.Channels*w.Area)
				for i := range src {
					src[i] = byte(r.Uint32())
				}
				src = src[:(w.Channels-1)*w.Area+(w.Height-1)*w.Stride+width]
				for _, w.Turned = range [][]byte{nil, make([]byte, width)} {
					got := newBordered(w.Channels * w.Height * width)
					var want []float32
					for c := range w.Channels {
						for y := range w.Height {
							row := slices.Clone(src[c*w.Area+y*w.Stride:][:width])
							if w.Turned != nil {
								slices.Reverse(row)
							}
							for _, v := range row {
								want = append(want, values[c][v])
							}
						}
					}
					table.Convert(got.inner, src, w)
					got.check(t)
					sameBits(t, got.inner, want)
				}
			}
		}
	})
}

// TestReverse compares with slices.Reverse.
func TestReverse(t *testing.T) {
	forEach(t, func(t *testing.T) {
		for n := range 200 {
			src, dst := make([]byte, n), make([]byte, n+1)
			for i := range src {
				src[i] = byte(i + 1)
			}
			Reverse(dst[:n], src)
			slices.Reverse(src)
			if !slices.Equal(dst, append(src, 0)) {
				t.Errorf("%d bytes: got %v, want %v", n, dst, src)
			}
		}
	})
}

// BenchmarkTable converts batches of 256 pictures of 784 bytes, which are among 60000 in
// random order.
func BenchmarkTable(b *testing.B) {
	const rows, size, all = 256, 784, 60000
	src := make([]byte, all*size)
	for i := range src {
		src[i] = byte(i * 31)
	}
	order := rand.New(rand.NewPCG(19, 20)).Perm(all)
	dst := make([]float32, rows*size)
	defer func(i *implementation) { active = i }(active)
	for i := range available {
		active = &available[i]
		for name, values := range map[string]*[256]float32{"formula": normalized(0.2860, 0.3530), "look-up": tables()["drawn"].values} {
			table := NewTable([][256]float32{*values})
			for threads := 1; threads <= 2; threads++ {
				b.Run(fmt.Sprintf("%s/%s/%d", active.name, name, threads), func(b *testing.B) {
					parallel.SetThreads(threads)
					defer parallel.SetThreads(0)
					b.SetBytes(rows * size)
					at := 0
					for b.Loop() {
						indices := order[at:][:rows]
						if at += rows; at+rows > all {
							at = 0
						}
						parallel.For(rows, 1, func(lo, hi int) { table.Gather(dst[lo*size:hi*size], src, size, indices[lo:hi]) })
					}
				})
			}
		}
	}
}
