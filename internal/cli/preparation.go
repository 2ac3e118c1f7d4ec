package cli

import (
	"math"

	"github.com/onehot-go/onehot/transform"
)

// preparation returns the steps from a picture of any size to what a net takes: a square of size
// pixels, grey or in colour.
func preparation(fit string, size int, grey bool) transform.Compose {
	var steps transform.Compose
	switch fit {
	case "pad":
		steps = append(steps, transform.Letterbox{Height: size, Width: size})
	case "squash":
		steps = append(steps, transform.Resize{Height: size, Width: size})
	default:
		steps = append(steps, transform.ResizeEdge{Size: withMargin(size)}, transform.CenterCrop{Height: size, Width: size})
	}
	if grey {
		steps = append(steps, transform.Grayscale{})
	} else {
		steps = append(steps, transform.RGB{})
	}
	return append(steps, transform.ToTensor{})
}

// largestWhole is the greatest size of pictures that have no margin for crops: of so small ones
// every pixel counts.
const largestWhole = 64

// withMargin returns the shorter side that a picture is scaled to before a square of the given
// size is cut out of it: an eighth more, as 256 is for 224. The margin is a multiple of four, so that
// the middle of the middle is the middle, however halves are rounded. It becomes smaller where the
// side would be greater than what steps are saved for.
func withMargin(size int) int {
	if size <= largestWhole {
		return size
	}
	return size + 4*min(int(math.Round(float64(size)/28)), (maxSize-size)/4)
}

// kept returns the steps of a preparation whose outcome is kept of every file: those on images, with
// the margin around the middle that is cut out of a scaled picture.
func kept(preparation transform.Compose) transform.Compose {
	var steps transform.Compose
	for _, step := range preparation {
		if _, ok := step.(transform.ToTensor); ok {
			break
		}
		if c, ok := step.(transform.CenterCrop); ok && len(steps) > 0 {
			e, ok := steps[len(steps)-1].(transform.ResizeEdge)
			if margin := e.Size - c.Height; ok && c.Height == c.Width && margin > 0 && margin%4 == 0 {
				step = transform.CenterCrop{Height: e.Size, Width: e.Size}
			}
		}
		steps = append(steps, step)
	}
	return steps
}
