package cli

import (
	"image"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/model"
)

// groundOf returns the ground of a data set's pictures: of a thousand, evenly spread, where there
// are more.
func groundOf(pictures *dataset.Images) model.Ground {
	all := pictures.Len()
	looked := min(all, 1000)
	return model.GroundOf(func(yield func(image.Image) bool) {
		for k := range looked {
			if !yield(pictures.Image(k * all / looked)) {
				return
			}
		}
	})
}
