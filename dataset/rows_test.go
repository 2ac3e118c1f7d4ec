package dataset_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/transform"
)

// TestRows compares images that are rows of pixels with a subset of all images, on every road.
func TestRows(t *testing.T) {
	rows := []int{4, 0, 0, 3}
	whole := patches(5)
	subset := dataset.Subset{Dataset: whole, Indices: rows}
	part := *whole
	part.Rows, part.Labels = rows, nil
	for _, r := range rows {
		part.Labels = append(part.Labels, whole.Labels[r])
	}
	for _, tr := range []transform.Transform{transform.ToTensor{}, drawn} {
		whole.Transform, part.Transform = tr, tr
		for i := range rows {
			got, err := part.Sample(i, random.New(7))
			if err != nil {
				t.Fatal(err)
			}
			want, _ := subset.Sample(i, random.New(7))
			if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(part.Image(i), whole.Image(rows[i])) {
				t.Errorf("sample %d: got %v, want %v", i, got, want)
			}
		}
		indices := []int{3, 1, 2, 0, 0}
		chance := dataset.Chance{Of: random.New(3).At}
		fill, row := part.Batch()
		got := newMemory(3, row)
		fill(got, indices[:3], chance) // the others are wanted next
		fill, row = subset.Batch()
		want := newMemory(3, row)
		fill(want, indices[:3], chance)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("batch: got %v, want %v", got, want)
		}
	}
	whole.Transform, part.Transform = transform.ToTensor{}, transform.ToTensor{}
	for name, target := range map[string]func(int) int{"a byte a label": nil, "large labels": func(c int) int { return c + 1000 }} {
		part.TargetTransform, whole.TargetTransform = target, target
		got, ok := part.Bytes()
		want, _ := subset.Bytes()
		if !ok || !slices.Equal(got.Pixels, want.Pixels) {
			t.Fatalf("%s: bytes are not shown, or others", name)
		}
		for i := range rows {
			row, label := got.Sample(i)
			if wantRow, wantLabel := want.Sample(i); row != wantRow || label != wantLabel {
				t.Errorf("%s: sample %d: row %d of class %d, want %d of %d", name, i, row, label, wantRow, wantLabel)
			}
		}
	}
}

// TestWrongRows checks that rows which Pixels do not have are an error before any is used.
func TestWrongRows(t *testing.T) {
	for _, test := range []struct {
		rows   []int
		pixels int
		want   string
	}{
		{[]int{0, 1}, 18, "found 2 Rows, 3 expected, one a label"},
		{[]int{0, 1, 2}, 17, "found 17 bytes in Pixels, a multiple of 6 expected for images of [1 2 3]"},
		{[]int{0, 1, 3}, 18, "found row 3 of sample 2, 0 to 2 expected"},
		{[]int{0, 1, -1}, 18, "found row -1 of sample 2, 0 to 2 expected"},
	} {
		m := patches(3)
		m.Rows, m.Pixels, m.Transform = test.rows, m.Pixels[:test.pixels], transform.ToTensor{}
		if fill, _ := m.Batch(); fill != nil {
			t.Errorf("%s: batches are filled", test.want)
		}
		if _, ok := m.Bytes(); ok {
			t.Errorf("%s: bytes are shown", test.want)
		}
		_, err := m.Sample(2, random.New(0))
		if want := "dataset.Images: patches test: " + test.want; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		if _, ok := errors.AsType[*fault.OptionError](err); !ok {
			t.Errorf("%T", err)
		}
	}
	m := patches(3)
	m.Rows = []int{0, 1, 3}
	defer func() {
		if _, ok := recover().(*fault.OptionError); !ok {
			t.Error("the image of a row that is not there is no fault")
		}
	}()
	m.Image(2)
}
