package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/onnx"
	"github.com/onehot-go/onehot/transform"
)

// onnxFlags say how pictures are prepared for an ONNX file that does not say it.
type onnxFlags struct {
	Size int       `default:"0" placeholder:"PIXELS" help:"Sides of the square that a net in an ONNX file takes, if the file does not say how pictures are prepared (default: the size that it declares)."`
	Mean []float32 `placeholder:"NUMBERS" help:"Means of red, green and blue, from 0 to 1, that are subtracted from pictures for such a file, as in 0.485,0.456,0.406 (default: none)."`
	Std  []float32 `placeholder:"NUMBERS" help:"Deviations that the differences are divided by, as in 0.229,0.224,0.225 (default: none)."`
}

// given reports whether one of the flags is.
func (o onnxFlags) given() bool { return o.Size != 0 || o.Mean != nil || o.Std != nil }

// isONNX reports whether a model's path is that of an ONNX file.
func isONNX(path string) bool { return strings.EqualFold(filepath.Ext(path), ".onnx") }

// check returns an error unless the flags make sense for a model at a path.
func (o onnxFlags) check(path string) error {
	switch {
	case o.given() && !isONNX(path):
		return usagef("--size, --mean and --std are for ONNX files: other models know how pictures are prepared")
	case o.Size < 0 || o.Size > maxSize:
		return usagef("--size %d: 1 to %d expected", o.Size, maxSize)
	case len(o.Mean) != len(o.Std):
		return usagef("--mean and --std: as many numbers of each expected, found %d and %d", len(o.Mean), len(o.Std))
	}
	return nil
}

// load reads an ONNX file, and tells remarks how pictures are prepared if the file does not say it.
func (o onnxFlags) load(path string, remarks io.Writer) (*model.Model, error) {
	asked := false
	m, err := onnx.Load(path, func(channels, height, width int) (transform.Compose, error) {
		asked = true
		return o.prepare(channels, height, width)
	})
	if err != nil {
		return nil, err
	}
	if !asked && o.given() {
		return nil, usagef("%s says how inputs are prepared: --size, --mean and --std are for files that do not", path)
	}
	if asked && o.given() {
		fmt.Fprintf(remarks, "%s: pictures are prepared by %v\n", printable.Name(path), m.Preprocess)
	} else if asked {
		fmt.Fprintf(remarks, "%s does not say how pictures are prepared: they are by %v (--size, --mean and --std say otherwise)\n", printable.Name(path), m.Preprocess)
	}
	return m, nil
}

// prepare returns the steps that the flags say, for a net of pictures of the given size, 0 for any.
func (o onnxFlags) prepare(channels, height, width int) (transform.Compose, error) {
	if n := len(o.Mean); n != 0 && n != channels {
		return nil, usagef("--mean and --std: %d numbers expected, one a channel, found %d", channels, n)
	}
	size := o.Size
	if size == 0 {
		size = height
	}
	var steps transform.Compose
	switch {
	case size == 0:
		return nil, usagef("the file takes pictures of any size: --size PIXELS expected")
	case o.Size == 0 && height != width:
		steps = transform.Compose{transform.Resize{Height: height, Width: width}, transform.RGB{}, transform.ToTensor{}}
		if channels == 1 {
			steps[1] = transform.Grayscale{}
		}
	default:
		steps = preparation("crop", size, channels == 1)
	}
	if o.Mean != nil {
		steps = append(steps, transform.Normalize{Mean: o.Mean, Std: o.Std})
	}
	return steps, nil
}
