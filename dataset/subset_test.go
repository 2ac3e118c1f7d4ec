package dataset_test

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// slow hides what a data set has beside the methods of Dataset.
type slow struct{ dataset.Dataset }

// drawn is a transform that makes a tensor of one number, drawn.
var drawn = transform.Compose{transform.ToTensor{}, transform.RandomErasing{P: 0.5, Value: 9}}

func concat(t *testing.T, sets ...dataset.Dataset) dataset.Dataset {
	t.Helper()
	d, err := dataset.Concat(sets...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestViews compares subsets, concatenations and those of each other with the samples of
// the data sets below, on both roads.
func TestViews(t *testing.T) {
	a, b := patches(5), patches(4)
	slices.Reverse(b.Pixels)
	for _, tr := range []transform.Transform{transform.ToTensor{}, drawn} {
		a.Transform, b.Transform = tr, tr
		type place struct {
			d *dataset.Images
			i int
		}
		subset := dataset.Subset{Dataset: a, Indices: []int{4, 0, 0, 3}}
		whole := concat(t, subset, dataset.Subset{Dataset: b}, b)
		for name, test := range map[string]struct {
			d    dataset.Dataset
			want []place
		}{
			"subset":                        {subset, []place{{a, 4}, {a, 0}, {a, 0}, {a, 3}}},
			"empty subset":                  {dataset.Subset{Dataset: a}, nil},
			"subset of a subset":            {dataset.Subset{Dataset: subset, Indices: []int{3, 1}}, []place{{a, 3}, {a, 0}}},
			"concatenation":                 {whole, []place{{a, 4}, {a, 0}, {a, 0}, {a, 3}, {b, 0}, {b, 1}, {b, 2}, {b, 3}}},
			"concatenation of one":          {concat(t, b), []place{{b, 0}, {b, 1}, {b, 2}, {b, 3}}},
			"subset of a concatenation":     {dataset.Subset{Dataset: whole, Indices: []int{4, 3}}, []place{{b, 0}, {a, 3}}},
			"concatenation with a slow one": {concat(t, slow{subset}, b), []place{{a, 4}, {a, 0}, {a, 0}, {a, 3}, {b, 0}, {b, 1}, {b, 2}, {b, 3}}},
		} {
			t.Run(name, func(t *testing.T) {
				if test.d.Len() != len(test.want) || !slices.Equal(test.d.Classes(), a.ClassNames) {
					t.Fatalf("length %d and classes %v, want %d and %v", test.d.Len(), test.d.Classes(), len(test.want), a.ClassNames)
				}
				var images []float32
				var labels []int
				for i, p := range test.want {
					key := random.New(uint64(i))
					got, err := test.d.Sample(i, key)
					if err != nil {
						t.Fatal(err)
					}
					want, err := p.d.Sample(p.i, key)
					if err != nil {
						t.Fatal(err)
					}
					if !reflect.DeepEqual(got, want) {
						t.Errorf("sample %d is %v, want %v", i, got, want)
					}
					images, labels = append(images, tensor.Values[float32](want.Tensor)...), append(labels, class(t, want))
				}
				if got, err := dataset.Labels(test.d); err != nil || !slices.Equal(got, labels) {
					t.Errorf("labels %v, %v, want %v", got, err, labels)
				}
				fill, row := test.d.(dataset.Batcher).Batch()
				if fast := name != "concatenation with a slow one"; (fill != nil) != fast {
					t.Fatalf("a fast road: %t, want %t", fill != nil, fast)
				}
				if fill == nil {
					return
				}
				if !slices.Equal(row.Input, []int{1, 2, 3}) {
					t.Errorf("shape %v", row.Input)
				}
				got := newMemory(len(test.want), row)
				indices := make([]int, len(test.want))
				for i := range indices { // in another order
					indices[i] = len(indices) - 1 - i
				}
				fill(got, indices, dataset.Chance{Of: func(k int) random.Key { return random.New(uint64(indices[k])) }})
				for k, i := range indices {
					if got := got.Rows(k, k+1, row); !slices.Equal(got.Inputs, images[6*i:][:6]) || got.Classes[0] != int64(labels[i]) {
						t.Errorf("sample %d is %v of label %d, want %v of label %d", i, got.Inputs, got.Classes, images[6*i:][:6], labels[i])
					}
				}
			})
		}
	}
}

// TestBytes compares what bytes become with the samples, channel by channel.
func TestBytes(t *testing.T) {
	for _, m := range []*dataset.Images{patches(7), coloured(7)} {
		testBytes(t, m)
	}
}

func testBytes(t *testing.T, m *dataset.Images) {
	channels, size := m.Shape()[0], len(m.Pixels)/m.Len()
	subset := dataset.Subset{Dataset: m, Indices: []int{4, 0, 0, 3}}
	inner := dataset.Subset{Dataset: subset, Indices: []int{3, 0}}
	for name, of := range map[string]transform.Transform{
		"scaled":     transform.ToTensor{},
		"normalized": transform.Compose{transform.ToTensor{}, transform.Normalize{Mean: []float32{0.286, 0.4, 0.5}[:channels], Std: []float32{0.353, 0.2, 0.3}[:channels]}},
		"inverted":   transform.Compose{transform.Invert{}, transform.ToTensor{}},
	} {
		m.Transform = of
		for _, d := range []dataset.ByteBatcher{m, subset, inner} {
			rows, ok := d.Bytes()
			if !ok {
				t.Fatalf("%s: no bytes", name)
			}
			for i := range d.Len() {
				want, err := d.Sample(i, random.Key{})
				if err != nil {
					t.Fatal(err)
				}
				row, label := rows.Sample(i)
				if want := class(t, want); label != want {
					t.Errorf("%s: sample %d has label %d, want %d", name, i, label, want)
				}
				for k, value := range tensor.Values[float64](want.Tensor) {
					line := rows.Lines[k/(size/channels)]
					got := line.Scale*float64(rows.Pixels[size*row+k]) + line.Shift
					if !(math.Abs(got-value) <= 2e-7*max(1, math.Abs(value))) {
						t.Errorf("%s: element %d of sample %d is %v, want %v", name, k, i, got, value)
					}
				}
			}
		}
	}
	for name, of := range map[string]transform.Transform{"none": nil, "by chance": drawn} {
		m.Transform = of
		for _, d := range []dataset.ByteBatcher{m, subset} {
			if _, ok := d.Bytes(); ok {
				t.Errorf("%s: bytes are all that samples are made of", name)
			}
		}
	}
	if _, ok := (dataset.Subset{Dataset: slow{m}}).Bytes(); ok {
		t.Error("a data set that shows no bytes has some")
	}
}

func TestConcatRefuses(t *testing.T) {
	other := patches(2)
	other.ClassNames = []string{"a", "b"}
	for want, sets := range map[string][]dataset.Dataset{
		"dataset.Concat: found no data set, expected at least one":                                        nil,
		`dataset.Concat: data set 2: found classes ["a" "b"], expected those of the first, ["a" "b" "c"]`: {patches(1), patches(3), other},
	} {
		if d, err := dataset.Concat(sets...); d != nil || err == nil || err.Error() != want {
			t.Errorf("got %v, %v, want %q", d, err, want)
		}
	}
	// Pictures of two shapes can stand side by side, but not in a batch.
	small, large := patches(2), patches(2)
	small.Transform, large.Transform = transform.ToTensor{}, transform.ToTensor{}
	small.Height, small.Width = 3, 2
	if fill, row := concat(t, small, large).(dataset.Batcher).Batch(); fill != nil || row.Input != nil {
		t.Errorf("pictures of two shapes have a fast road, of row %v", row)
	}
}

func TestViewsOutOfRange(t *testing.T) {
	m := patches(3)
	m.Transform = transform.ToTensor{}
	subset := dataset.Subset{Dataset: m, Indices: []int{1, 2}}
	astray := dataset.Subset{Dataset: m, Indices: []int{3}}
	whole := concat(t, m, subset)
	fill := func(d dataset.Dataset, i int) func() {
		return func() {
			fill, row := d.(dataset.Batcher).Batch()
			fill(newMemory(1, row), []int{i}, anyKey)
		}
	}
	row := func(d dataset.ByteBatcher, i int) func() {
		return func() {
			rows, _ := d.Bytes()
			rows.Sample(i)
		}
	}
	sample := func(d dataset.Dataset, i int) func() {
		return func() { d.Sample(i, random.Key{}) }
	}
	for _, test := range []struct {
		call func()
		want string
	}{
		{sample(subset, 2), "subset: sample 2 of 2: index out of range"},
		{sample(subset, -1), "subset: sample -1 of 2: index out of range"},
		{fill(subset, 2), "subset: sample 2 of 2: index out of range"},
		{sample(astray, 0), "patches test: sample 3 of 3: index out of range"},
		{row(subset, 2), "subset: sample 2 of 2: index out of range"},
		{row(astray, 0), "patches test: sample 3 of 3: index out of range"},
		{fill(astray, 0), "patches test: sample 3 of 3: index out of range"},
		{func() { dataset.Labels(astray) }, "patches test: sample 3 of 3: index out of range"},
		{sample(whole, 5), "concatenation: sample 5 of 5: index out of range"},
		{sample(whole, -1), "concatenation: sample -1 of 5: index out of range"},
		{fill(whole, 5), "concatenation: sample 5 of 5: index out of range"},
	} {
		func() {
			defer func() {
				if err, _ := recover().(*dataset.IndexError); err == nil || err.Error() != test.want {
					t.Errorf("got %v, want %q", err, test.want)
				}
			}()
			test.call()
		}()
	}
}

// checkSplit fails unless the parts have every one of n samples once, each in order.
func checkSplit(t *testing.T, n int, parts []dataset.Subset) {
	t.Helper()
	var all []int
	for j, p := range parts {
		if !slices.IsSorted(p.Indices) {
			t.Errorf("part %d is not in order: %v", j, p.Indices)
		}
		all = append(all, p.Indices...)
	}
	slices.Sort(all)
	for i, at := range all {
		if at != i {
			t.Fatalf("the parts have samples %v", all)
		}
	}
	if len(all) != n {
		t.Fatalf("the parts have %d samples, want %d", len(all), n)
	}
}

func TestRandomSplit(t *testing.T) {
	d := patches(10)
	counts := make([]int, 10)
	for seed := range uint64(2000) {
		parts := dataset.RandomSplit(d, []int{3, 0, 7}, random.New(seed))
		checkSplit(t, 10, parts)
		if len(parts) != 3 || parts[0].Len() != 3 || parts[1].Len() != 0 || parts[2].Len() != 7 || parts[0].Dataset != dataset.Dataset(d) {
			t.Fatalf("got parts %v", parts)
		}
		for _, i := range parts[0].Indices {
			counts[i]++
		}
		if again := dataset.RandomSplit(d, []int{3, 0, 7}, random.New(seed)); !reflect.DeepEqual(again, parts) {
			t.Fatalf("one key gave %v and %v", parts, again)
		}
	}
	for i, n := range counts { // 600 expected, with the deviation √(2000·0.3·0.7) = 20.5
		if n < 600-82 || n > 600+82 {
			t.Errorf("sample %d was in the first part %d times of 2000", i, n)
		}
	}
}

func TestStratifiedSplit(t *testing.T) {
	d := patches(0)
	sizes := []int{40, 7, 1}
	for c, n := range sizes {
		for range n {
			d.Labels = append(d.Labels, c)
		}
	}
	d.Pixels = make([]byte, 6*len(d.Labels))
	random.New(0).Rand().Shuffle(len(d.Labels), func(i, j int) { d.Labels[i], d.Labels[j] = d.Labels[j], d.Labels[i] })
	counts := make([]int, d.Len())
	for seed := range uint64(500) {
		for _, fractions := range [][]float64{{1}, {0.75, 0.25}, {0.1, 0.2, 0.3, 0.4}, {0, 1, 0}} {
			parts, err := dataset.StratifiedSplit(d, fractions, random.New(seed))
			if err != nil {
				t.Fatal(err)
			}
			checkSplit(t, d.Len(), parts)
			for j, f := range fractions {
				of := make([]int, len(sizes))
				for _, i := range parts[j].Indices {
					of[d.Labels[i]]++
				}
				for c, n := range of {
					if want := f * float64(sizes[c]); math.Abs(float64(n)-want) >= 1 {
						t.Errorf("fractions %v: part %d has %d of class %d, want %v", fractions, j, n, c, want)
					}
				}
			}
			if len(fractions) == 2 {
				for _, i := range parts[0].Indices {
					counts[i]++
				}
			}
			// The labels that Sample has are what counts, read one by one too.
			if again, err := dataset.StratifiedSplit(slow{d}, fractions, random.New(seed)); err != nil || !reflect.DeepEqual(again[0].Indices, parts[0].Indices) {
				t.Fatalf("one key gave %v and %v, %v", parts[0].Indices, again[0].Indices, err)
			}
		}
	}
	for i, n := range counts {
		if d.Labels[i] != 0 {
			continue
		}
		// 375 expected, with the deviation √(500·0.75·0.25) = 9.7
		if n < 375-39 || n > 375+39 {
			t.Errorf("sample %d was in the first part %d times of 500", i, n)
		}
	}
}

// TestStratifiedSplitSizes checks that parts have the sizes asked for, and that among classes
// of one size none has two samples more than another.
func TestStratifiedSplitSizes(t *testing.T) {
	share := func(n, of int) []float64 { return []float64{1 - float64(n)/float64(of), float64(n) / float64(of)} }
	for _, test := range []struct {
		classes, each int
		fractions     []float64
		want          []int
	}{
		{100, 7, []float64{0.8, 0.1, 0.1}, []int{560, 70, 70}},
		{10, 6000, share(15, 60000), []int{59985, 15}},
		{10, 6000, share(55, 60000), []int{59945, 55}},
		{10, 6000, share(1005, 60000), []int{58995, 1005}},
		{10, 6000, share(59999, 60000), []int{1, 59999}},
		{10, 6000, share(10000, 60000), []int{50000, 10000}},
		{3, 1, []float64{0.8, 0.1, 0.1}, []int{3, 0, 0}},
		{2, 3, []float64{0.25, 0.25, 0.25, 0.25}, []int{2, 2, 1, 1}},
		{7, 1, []float64{1.0 / 7, 6.0 / 7, 0}, []int{1, 6, 0}},
		{0, 0, []float64{0.5, 0.5}, []int{0, 0}},
	} {
		d := patches(0)
		for i := range test.classes * test.each {
			d.Labels = append(d.Labels, i%test.classes)
		}
		parts, err := dataset.StratifiedSplit(d, test.fractions, random.New(1))
		if err != nil {
			t.Fatal(err)
		}
		checkSplit(t, d.Len(), parts)
		for j, p := range parts {
			if p.Len() != test.want[j] {
				t.Errorf("%d classes of %d by %v: part %d has %d samples, want %d", test.classes, test.each, test.fractions, j, p.Len(), test.want[j])
			}
			of := make([]int, max(test.classes, 1))
			for _, i := range p.Indices {
				of[d.Labels[i]]++
			}
			if slices.Max(of)-slices.Min(of) > 1 {
				t.Errorf("%d classes of %d by %v: part %d has %v of them", test.classes, test.each, test.fractions, j, of)
			}
		}
	}
}

// TestStratifiedSplitTies checks that no class is the one that always has the sample more.
func TestStratifiedSplitTies(t *testing.T) {
	d := patches(0)
	for i := range 20 {
		d.Labels = append(d.Labels, i%10)
	}
	var of [10]int
	for seed := range uint64(1000) {
		parts, err := dataset.StratifiedSplit(d, []float64{0.85, 0.15}, random.New(seed))
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range parts[1].Indices {
			of[d.Labels[i]]++
		}
	}
	for c, n := range of { // 300 expected, with the deviation √(1000·0.3·0.7) = 14.5
		if n < 300-58 || n > 300+58 {
			t.Errorf("class %d is held out %d times of 1000", c, n)
		}
	}
}

// TestStratifiedSplitStays checks the samples of parts whose sizes rounding class by class met
// as well: they are the same as ever.
func TestStratifiedSplitStays(t *testing.T) {
	d := patches(0)
	for i := range 60 {
		d.Labels = append(d.Labels, i%3)
	}
	parts, err := dataset.StratifiedSplit(d, []float64{0.9, 0.1}, random.New(0).For("validation"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{11, 22, 29, 33, 45, 55}; !slices.Equal(parts[1].Indices, want) {
		t.Errorf("held out are %v, want %v", parts[1].Indices, want)
	}
}

func TestLabelsOfSamples(t *testing.T) {
	d := patches(4)
	d.TargetTransform = func(c int) int { return 10 * c }
	want := []int{0, 10, 20, 0}
	for _, d := range []dataset.Dataset{d, slow{d}} {
		if got, err := dataset.Labels(d); err != nil || !slices.Equal(got, want) {
			t.Errorf("%T: labels %v, %v, want %v", d, got, err, want)
		}
	}
	d.Transform = transform.Normalize{}
	text := "patches test: sample 0: normalize: found an image, expected a tensor: ToTensor comes before it"
	for _, d := range []dataset.Dataset{slow{d}, dataset.Subset{Dataset: slow{d}, Indices: []int{0}}, concat(t, dataset.Subset{Dataset: d}, slow{d})} {
		if got, err := dataset.Labels(d); got != nil || err == nil || err.Error() != text {
			t.Errorf("%T: labels %v, %v, want %q", d, got, err, text)
		}
		if parts, err := dataset.StratifiedSplit(d, []float64{1}, random.New(0)); parts != nil || err == nil || err.Error() != text {
			t.Errorf("%T: split %v, %v, want %q", d, parts, err, text)
		}
	}
}

func TestSplitPanics(t *testing.T) {
	d := patches(3)
	random := random.New(0)
	for _, test := range []struct {
		call func()
		want string
	}{
		{func() { dataset.RandomSplit(d, []int{1, 1}, random) }, "dataset.RandomSplit: lengths [1 1], numbers of the sum 3 expected"},
		{func() { dataset.RandomSplit(d, []int{4, -1}, random) }, "dataset.RandomSplit: lengths [4 -1], numbers of the sum 3 expected"},
		{func() { dataset.RandomSplit(d, nil, random) }, "dataset.RandomSplit: lengths [], numbers of the sum 3 expected"},
		{func() { dataset.StratifiedSplit(d, []float64{0.5, 0.4}, random) }, "dataset.StratifiedSplit: fractions [0.5 0.4], numbers of the sum 1 expected"},
		{func() { dataset.StratifiedSplit(d, []float64{1.5, -0.5}, random) }, "dataset.StratifiedSplit: fractions [1.5 -0.5], numbers of the sum 1 expected"},
		{func() { dataset.StratifiedSplit(d, []float64{math.NaN()}, random) }, "dataset.StratifiedSplit: fractions [NaN], numbers of the sum 1 expected"},
		{func() { dataset.StratifiedSplit(d, nil, random) }, "dataset.StratifiedSplit: fractions [], numbers of the sum 1 expected"},
	} {
		func() {
			defer func() {
				err, _ := recover().(error)
				if _, ok := errors.AsType[*fault.OptionError](err); !ok || err.Error() != test.want {
					t.Errorf("panic with %v, want %q", err, test.want)
				}
			}()
			test.call()
		}()
	}
}

// A tenth of the samples is kept apart, to choose settings by: it is not augmented.
func ExampleStratifiedSplit() {
	var labels []int
	for i := range 60 {
		labels = append(labels, i%3)
	}
	learn := &dataset.Images{
		Name: "dots", ClassNames: []string{"red", "green", "blue"},
		Height: 1, Width: 1,
		Pixels: make([]byte, 60), Labels: labels,
		Transform: transform.Compose{transform.RandomHorizontalFlip{P: 0.5}, transform.ToTensor{}},
	}
	parts, err := dataset.StratifiedSplit(learn, []float64{0.9, 0.1}, random.New(0).For("split"))
	if err != nil {
		fmt.Println(err)
		return
	}
	plain := *learn
	plain.Transform = transform.ToTensor{}
	training := parts[0]
	validation := dataset.Subset{Dataset: &plain, Indices: parts[1].Indices}

	kept, err := dataset.Labels(validation)
	if err != nil {
		fmt.Println(err)
		return
	}
	slices.Sort(kept)
	fmt.Println(training.Len(), validation.Len(), kept)
	// Output: 54 6 [0 0 1 1 2 2]
}
