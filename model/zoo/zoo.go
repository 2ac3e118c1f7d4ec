// Package zoo has torchvision's nets for pictures, AlexNet to EfficientNet, as definitions: with
// its names and shapes of parameters, so that weights trained there fit, and with the
// preparation that these weights were trained with.
//
// The table of weights says where torchvision's own are. The package has none of them, and
// fetches none unless Download is called.
package zoo

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
)

// Net is a row of the table of nets.
type Net struct {
	Name string // torchvision's: "resnet18"

	layers func(classes int) []nn.Spec
}

// Nets returns all nets, those of one family side by side.
func Nets() []Net { return slices.Clone(nets) }

// Named returns the net of the given name. The error says which there are.
func Named(name string) (Net, error) {
	for _, n := range nets {
		if n.Name == name {
			return n, nil
		}
	}
	var names []string
	for _, n := range nets {
		names = append(names, n.Name)
	}
	last := len(names) - 1
	return Net{}, fmt.Errorf("found net %q, %s or %s expected", name, strings.Join(names[:last], ", "), names[last])
}

// Definition defines the net for the given classes: for pictures of the size that its first
// weights were trained with, prepared as those were. All nets take other sizes too. Of most, the
// least is a single pixel; of alexnet it is 63×63, and of the vggs 32×32.
func (n Net) Definition(classes []string) model.Definition {
	w := n.Weights()[0]
	return model.Definition{
		Name: n.Name, Classes: classes, InputShape: []int{3, w.Crop, w.Crop}, Preprocess: w.Preprocess(), Layers: n.layers(len(classes)),
	}
}

// ImageNet returns the names of the thousand classes that all known weights tell apart, in the
// order of their outputs, as torchvision has them.
func ImageNet() []string { return strings.Split(strings.TrimSuffix(imageNet, "\n"), "\n") }

//go:embed imagenet.txt
var imageNet string
