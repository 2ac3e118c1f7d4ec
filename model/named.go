package model

import "fmt"

// LeNet defines LeNet-5 (LeCun et al., 1998) with ReLU and max pooling: two convolutions of
// 5×5, the first with a padding of 2, and dense layers of 120 and 84.
func LeNet(inputShape []int, classes []string) Definition {
	b := builder{Definition{Name: "lenet", Classes: classes, InputShape: inputShape, Preprocess: picture(inputShape)}}
	for i, conv := range []Layer{{Out: 6, Kernel: 5, Padding: 2}, {Out: 16, Kernel: 5}} {
		b.conv(i+1, conv)
		b.add("relu", i+1, Layer{Type: "relu"})
		b.add("pool", i+1, Layer{Type: "maxpool2d", Kernel: 2})
	}
	b.dense(3, 120, 84)
	return b.Definition
}

// CNN defines a small convolutional net: twice a convolution of 3×3, to 32 and to 64
// channels, batch norm, ReLU and max pooling, and a dense layer of 128.
func CNN(inputShape []int, classes []string) Definition {
	b := builder{Definition{Name: "cnn", Classes: classes, InputShape: inputShape, Preprocess: picture(inputShape)}}
	b.stages(32, 64)
	b.dense(3, 128)
	return b.Definition
}

// ResNet defines a small residual net for pictures of about 28×28 or 32×32: the stages of
// CNN with half as many channels, a block of two more convolutions of 3×3 that is added to
// what it is computed from (He et al., 2015), and a dense layer of 128. Behind two poolings
// a convolution costs little: the whole takes half of CNN's arithmetic.
func ResNet(inputShape []int, classes []string) Definition {
	b := builder{Definition{Name: "resnet", Classes: classes, InputShape: inputShape, Preprocess: picture(inputShape)}}
	b.stages(16, 32)
	n := channels(b.shape())
	convolution := func(number int) []Layer {
		return []Layer{
			{Name: fmt.Sprint("conv", number), Type: "conv2d", In: n, Out: n, Kernel: 3, Padding: 1, NoBias: true},
			{Name: fmt.Sprint("bn", number), Type: "batchnorm2d", In: n},
		}
	}
	body := append(convolution(1), Layer{Name: "relu", Type: "relu"})
	b.add("block", 1, Layer{Type: "residual", Body: append(body, convolution(2)...)})
	b.add("relu", 3, Layer{Type: "relu"})
	b.dense(4, 128)
	return b.Definition
}

// builder adds layers to a definition.
type builder struct{ Definition }

// add adds a layer of the given name and number.
func (b *builder) add(name string, number int, l Layer) {
	l.Name = fmt.Sprint(name, number)
	b.Layers = append(b.Layers, l)
}

// conv adds a convolution of what is there.
func (b *builder) conv(number int, l Layer) {
	l.Type, l.In = "conv2d", channels(b.shape())
	b.add("conv", number, l)
}

// stages adds, for each number of channels, a convolution of 3×3, batch norm, ReLU and max
// pooling.
func (b *builder) stages(channels ...int) {
	for i, n := range channels {
		b.conv(i+1, Layer{Out: n, Kernel: 3, Padding: 1})
		b.add("bn", i+1, Layer{Type: "batchnorm2d", In: n})
		b.add("relu", i+1, Layer{Type: "relu"})
		b.add("pool", i+1, Layer{Type: "maxpool2d", Kernel: 2})
	}
}

// dense ends the net with linear layers to the given sizes and to the classes, with ReLU
// between them, which are numbered from relu on.
func (b *builder) dense(relu int, hidden ...int) {
	b.Layers = append(b.Layers, Layer{Name: "flatten", Type: "flatten"})
	in := product(b.shape())
	for i, out := range append(hidden[:len(hidden):len(hidden)], len(b.Classes)) {
		b.add("linear", i+1, Layer{Type: "linear", In: in, Out: out})
		if i < len(hidden) {
			b.add("relu", relu+i, Layer{Type: "relu"})
		}
		in = out
	}
}

// shape returns what the layers so far make of a sample, as far as they can: where a
// picture is too small for one of them, it is New that says so.
func (b *builder) shape() []int {
	c := checker{shape: b.InputShape}
	if len(b.InputShape) == 3 {
		_ = c.layers(b.Layers, "layers", "", 0)
	}
	return c.shape
}

// channels returns how many channels a shape has, 0 for none.
func channels(shape []int) int {
	if len(shape) == 0 {
		return 0
	}
	return shape[0]
}
