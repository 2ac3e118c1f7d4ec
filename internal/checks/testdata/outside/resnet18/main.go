// Command resnet18 defines torchvision's ResNet-18 (He et al., Deep Residual Learning for Image
// Recognition, 2015). Its parameters have torchvision's names and shapes, so that weights made
// there fit.
package main

import (
	"fmt"
	"io"
	"log"
	"os"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/transform"
)

// resNet18 defines the net for pictures in colour, prepared as for ImageNet.
func resNet18(classes []string) model.Definition {
	layers := []nn.Spec{conv("conv1", 3, 64, 7, 2), norm("bn1", 64), relu,
		{Name: "maxpool", Options: nn.MaxPool2dOptions{Kernel: nn.Square(3), Stride: nn.Square(2), Padding: nn.Square(1)}}}
	in := 64
	for i, out := range []int{64, 128, 256, 512} {
		blocks := []nn.Spec{block("0", in, out, min(i+1, 2)), block("1", out, out, 1)}
		layers = append(layers, nn.Spec{Name: fmt.Sprint("layer", i+1), Options: nn.SequentialOptions{Layers: blocks}})
		in = out
	}
	return model.Definition{
		Name: "resnet18", Classes: classes, InputShape: []int{3, 224, 224},
		Preprocess: transform.Compose{
			transform.RGB{}, transform.ResizeEdge{Size: 256}, transform.CenterCrop{Height: 224, Width: 224}, transform.ToTensor{},
			transform.Normalize{Mean: []float32{0.485, 0.456, 0.406}, Std: []float32{0.229, 0.224, 0.225}},
		},
		Layers: append(layers,
			nn.Spec{Name: "avgpool", Options: nn.AdaptiveAvgPool2dOptions{Out: nn.Square(1)}},
			nn.Spec{Name: "flatten", Options: nn.FlattenOptions{}},
			nn.Spec{Name: "fc", Options: nn.LinearOptions{In: in, Out: len(classes)}}),
	}
}

// block defines two convolutions of 3×3, added to what they are computed from, and a ReLU. The
// sum and its body have no names, so that what is in them has those of the block's own layers.
func block(name string, in, out, stride int) nn.Spec {
	sum := nn.ResidualOptions{
		BodyName: new(""),
		Body: []nn.Spec{
			conv("conv1", in, out, 3, stride), norm("bn1", out), relu, conv("conv2", out, out, 3, 1), norm("bn2", out)},
		ShortcutName: new("downsample"),
	}
	if stride != 1 {
		sum.Shortcut = []nn.Spec{conv("0", in, out, 1, stride), norm("1", out)}
	}
	return nn.Spec{Name: name, Options: nn.SequentialOptions{Layers: []nn.Spec{{Options: sum}, {Name: "relu2", Options: nn.ReLU{}}}}}
}

func conv(name string, in, out, kernel, stride int) nn.Spec {
	return nn.Spec{Name: name, Options: nn.Conv2dOptions{
		In: in, Out: out, Kernel: nn.Square(kernel), Stride: nn.Square(stride), Padding: nn.Square(kernel / 2), NoBias: true}}
}

func norm(name string, channels int) nn.Spec {
	return nn.Spec{Name: name, Options: nn.BatchNorm2dOptions{In: channels}}
}

var relu = nn.Spec{Name: "relu", Options: nn.ReLU{}}

// newResNet18 makes the net with a thousand classes, as ImageNet has.
func newResNet18() (*model.Model, error) {
	classes := make([]string, 1000)
	for i := range classes {
		classes[i] = fmt.Sprint("class ", i)
	}
	return model.New(resNet18(classes), random.New(0))
}

func run(out io.Writer) error {
	m, err := newResNet18()
	if err != nil {
		return err
	}
	for name, p := range m.Net.Parameters() {
		fmt.Fprintln(out, name, p.Shape())
	}
	fmt.Fprintln(out, nn.NumParameters(m.Net), "parameters")
	return nil
}

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}
