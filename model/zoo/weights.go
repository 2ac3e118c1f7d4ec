package zoo

import (
	"slices"

	"github.com/onehot-go/onehot/transform"
)

// Weights is a row of the table of weights: a file of torchvision's, trained on ImageNet's thousand
// classes.
type Weights struct {
	Net     string  // whose they are: "resnet50"
	Version string  // "v1" or "v2", torchvision's IMAGENET1K_V1 and IMAGENET1K_V2
	File    string  // the file's name, in which the first eight digits of its SHA-256 come last
	MiB     float64 // size of the file, rounded to three decimals, as torchvision says
	// How pictures are prepared: the shorter side scaled to Edge, and Crop×Crop cut from the middle.
	Edge, Crop    int
	Interpolation transform.Interpolation
	Top1          float64 // accuracy on ImageNet's validation pictures, in percent, as torchvision says
}

// Licence says what is known of the licence of the files.
const Licence = "torchvision's code is under the BSD 3-Clause License; whether that is so for weights, which were trained on " +
	"ImageNet, is an open question (https://github.com/pytorch/vision/issues/2597 and 8017)"

// source is the folder that the files lie in.
const source = "https://download.pytorch.org/models/"

// URL returns where torchvision keeps the file.
func (w Weights) URL() string { return source + w.File }

// Weights returns the weights that are known of the net: the first version first.
func (n Net) Weights() []Weights {
	var list []Weights
	for _, w := range weights {
		if w.Net == n.Name {
			list = append(list, w)
		}
	}
	return list
}

// Preprocess returns the steps from a picture to what a net with the weights takes.
func (w Weights) Preprocess() transform.Compose {
	return transform.Compose{
		transform.ResizeEdge{Size: w.Edge, Interpolation: w.Interpolation},
		transform.CenterCrop{Height: w.Crop, Width: w.Crop},
		transform.RGB{},
		transform.ToTensor{},
		transform.Normalize{Mean: slices.Clone(mean), Std: slices.Clone(deviation)},
	}
}

// The mean and the deviation of ImageNet's pictures by channel, that all weights were trained with.
var mean, deviation = []float32{0.485, 0.456, 0.406}, []float32{0.229, 0.224, 0.225}
