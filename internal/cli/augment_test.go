package cli

import (
	"maps"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/transform"
)

// TestAugmentationsAreFused holds that all of --augment works on the bytes of a batch, for grey
// and for colour pictures.
func TestAugmentationsAreFused(t *testing.T) {
	s := settings{Augment: slices.Sorted(maps.Keys(augmentations))}
	prepared := transform.Compose{transform.Resize{Height: 9, Width: 7}, transform.ToTensor{}}
	training, err := s.augment(prepared, []int{3, 9, 7})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(training.(transform.Compose)); n != len(augmentations)+len(prepared) {
		t.Errorf("%d steps, want %d", n, len(augmentations)+len(prepared))
	}
	for _, channels := range []int{1, 3} {
		if _, ok := transform.Fuse(training, channels, 9, 7); !ok {
			t.Errorf("%d channels: not fused", channels)
		}
	}
	if steps, err := transform.Deterministic(training); err != nil || !steps.Same(prepared, transform.Form{Shape: []int{1, 9, 7}}) {
		t.Errorf("in evaluation there are %v, %v, want %v", steps, err, prepared)
	}
}
