package model

import (
	"fmt"
	"math"

	"github.com/onehot-go/onehot/nn"
)

// LeNet defines LeNet-5 (LeCun et al., 1998) with ReLU and max pooling: two convolutions of
// 5×5, the first with a padding of 2, and dense layers of 120 and 84.
func LeNet(inputShape []int, classes []string) Definition {
	b := builder{Definition{Name: "lenet", Classes: classes, InputShape: inputShape, Preprocess: pictures(inputShape)}}
	five := nn.Square(5)
	for i, conv := range []nn.Conv2dOptions{{Out: 6, Kernel: five, Padding: nn.Square(2)}, {Out: 16, Kernel: five}} {
		b.conv(i+1, conv)
		b.add("relu", i+1, nn.ReLU{})
		b.add("pool", i+1, nn.MaxPool2dOptions{Kernel: nn.Square(2)})
	}
	b.dense(3, 120, 84)
	return b.Definition
}

// CNN defines a small convolutional net: twice a convolution of 3×3, to 32 and to 64
// channels, batch norm, ReLU and max pooling, and a dense layer of 128. Pictures whose shorter
// side is above 35 have more such stages, to 128 channels: as many as leave a side of 8 at most.
func CNN(inputShape []int, classes []string) Definition {
	b := builder{Definition{Name: "cnn", Classes: classes, InputShape: inputShape, Preprocess: pictures(inputShape)}}
	n := b.stages(32, 64, 128)
	b.dense(n+1, 128)
	return b.Definition
}

// ResNet defines a small residual net for pictures of about 28×28 or 32×32: the stages of
// CNN with half as many channels, a block of two more convolutions of 3×3 that is added to
// what it is computed from (He et al., 2015), and a dense layer of 128. Behind two poolings
// a convolution costs little: the whole takes half of CNN's arithmetic. Larger pictures have
// more stages, as CNN's.
func ResNet(inputShape []int, classes []string) Definition {
	b := builder{Definition{Name: "resnet", Classes: classes, InputShape: inputShape, Preprocess: pictures(inputShape)}}
	stages := b.stages(16, 32, 64, 128)
	n := channels(b.shape())
	conv := nn.Conv2dOptions{In: n, Out: n, Kernel: nn.Square(3), Padding: nn.Square(1), NoBias: true}
	norm := nn.BatchNorm2dOptions{In: n}
	b.add("block", 1, nn.ResidualOptions{Body: []nn.Spec{
		{Name: "conv1", Options: conv},
		{Name: "bn1", Options: norm},
		{Name: "relu", Options: nn.ReLU{}},
		{Name: "conv2", Options: conv},
		{Name: "bn2", Options: norm},
	}})
	b.add("relu", stages+1, nn.ReLU{})
	b.dense(stages+2, 128)
	return b.Definition
}

// builder adds layers to a definition.
type builder struct{ Definition }

// add adds a layer of the given name and number.
func (b *builder) add(name string, number int, options any) {
	b.Layers = append(b.Layers, nn.Spec{Name: fmt.Sprint(name, number), Options: options})
}

// conv adds a convolution of what is there.
func (b *builder) conv(number int, o nn.Conv2dOptions) {
	o.In = channels(b.shape())
	b.add("conv", number, o)
}

// smallSide is the greatest shorter side that stages leave of a picture.
const smallSide = 8

// stages adds stages of a convolution of 3×3, batch norm, ReLU and max pooling, and returns how
// many: two, and more until the shorter side is at most smallSide. They have the given numbers of
// channels, and those after them as many as the last.
func (b *builder) stages(channels ...int) int {
	for i, before := 1, math.MaxInt; ; i++ {
		n := channels[min(i, len(channels))-1]
		b.conv(i, nn.Conv2dOptions{Out: n, Kernel: nn.Square(3), Padding: nn.Square(1)})
		b.add("bn", i, nn.BatchNorm2dOptions{In: n})
		b.add("relu", i, nn.ReLU{})
		b.add("pool", i, nn.MaxPool2dOptions{Kernel: nn.Square(2)})
		side := 0
		if shape := b.shape(); len(shape) == 3 {
			side = min(shape[1], shape[2])
		}
		if i >= 2 && (side <= smallSide || side >= before) { // a stage that cannot be makes no side smaller
			return i
		}
		before = side
	}
}

// dense ends the net with linear layers to the given sizes and to the classes, with ReLU
// between them, which are numbered from relu on.
func (b *builder) dense(relu int, hidden ...int) {
	b.Layers = append(b.Layers, nn.Spec{Name: "flatten", Options: nn.FlattenOptions{}})
	in := product(b.shape())
	for i, out := range append(hidden[:len(hidden):len(hidden)], len(b.Classes)) {
		b.add("linear", i+1, nn.LinearOptions{In: in, Out: out})
		if i < len(hidden) {
			b.add("relu", relu+i, nn.ReLU{})
		}
		in = out
	}
}

// shape returns what the layers so far make of a sample, as far as they can. If a
// picture is too small for one of them, New says so.
func (b *builder) shape() []int {
	_, output, _ := nn.Costs(b.Layers, b.InputShape)
	return output
}

// channels returns how many channels a shape has, 0 for none.
func channels(shape []int) int {
	if len(shape) == 0 {
		return 0
	}
	return shape[0]
}
