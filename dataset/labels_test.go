package dataset_test

import (
	"slices"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// TestLabelSets reads samples with several labels one by one and in a batch.
func TestLabelSets(t *testing.T) {
	images := &dataset.Images{Name: "small", ClassNames: []string{"a", "b", "c"}, Height: 1, Width: 2, Pixels: []byte{0, 255, 255, 0, 255, 255}, Labels: make([]int, 3), Transform: transform.ToTensor{}}
	s := dataset.LabelSets{Dataset: images, Of: [][]int{{0, 2}, nil, {1}}}
	want := [][]float32{{1, 0, 1}, {0, 0, 0}, {0, 1, 0}}
	fill, row := s.Batch()
	if row.Vector != 3 || !slices.Equal(row.Input, []int{1, 1, 2}) {
		t.Fatalf("row %+v", row)
	}
	to := dataset.Memory{Inputs: make([]float32, 4), Vectors: []float32{7, 7, 7, 7, 7, 7}}
	fill(to, []int{2, 0}, dataset.Chance{Of: random.New(0).At})
	if !slices.Equal(to.Vectors, []float32{0, 1, 0, 1, 0, 1}) || !slices.Equal(to.Inputs, []float32{1, 1, 0, 1}) {
		t.Errorf("batch %+v", to)
	}
	for i, target := range want {
		sample, err := s.Sample(i, random.Key{})
		if err != nil || !slices.Equal(tensor.Values[float32](sample.Target), target) {
			t.Errorf("sample %d: target %v (%v), want %v", i, sample.Target, err, target)
		}
	}
	if p := s.Preparations(); len(p) != 1 || p[0].Transform != (transform.ToTensor{}) {
		t.Errorf("preparations %v", p)
	}
	images.Transform = nil // which fills no batches
	if fill, _ := s.Batch(); fill != nil {
		t.Error("images are filled")
	}
	if fill, _ := (dataset.LabelSets{Dataset: s, Of: s.Of}).Batch(); fill != nil {
		t.Error("vectors are filled as classes")
	}
}
