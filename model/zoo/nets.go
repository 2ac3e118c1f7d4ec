package zoo

import (
	"math"
	"strconv"

	"github.com/onehot-go/onehot/nn"
)

// nets is the table of nets, in the order in which lists show them.
var nets = []Net{
	{Name: "alexnet", layers: alexNet},
	{Name: "vgg11", layers: vgg(false, 1, 1, 2, 2, 2)},
	{Name: "vgg11_bn", layers: vgg(true, 1, 1, 2, 2, 2)},
	{Name: "vgg13", layers: vgg(false, 2, 2, 2, 2, 2)},
	{Name: "vgg13_bn", layers: vgg(true, 2, 2, 2, 2, 2)},
	{Name: "vgg16", layers: vgg(false, 2, 2, 3, 3, 3)},
	{Name: "vgg16_bn", layers: vgg(true, 2, 2, 3, 3, 3)},
	{Name: "vgg19", layers: vgg(false, 2, 2, 4, 4, 4)},
	{Name: "vgg19_bn", layers: vgg(true, 2, 2, 4, 4, 4)},
	{Name: "resnet18", layers: resNet(basicBlock, 1, 2, 2, 2, 2)},
	{Name: "resnet34", layers: resNet(basicBlock, 1, 3, 4, 6, 3)},
	{Name: "resnet50", layers: resNet(bottleneck, 4, 3, 4, 6, 3)},
	{Name: "resnet101", layers: resNet(bottleneck, 4, 3, 4, 23, 3)},
	{Name: "resnet152", layers: resNet(bottleneck, 4, 3, 8, 36, 3)},
	{Name: "mobilenet_v2", layers: mobileNetV2},
	{Name: "mobilenet_v3_small", layers: mobileNetV3(1024, smallV3)},
	{Name: "mobilenet_v3_large", layers: mobileNetV3(1280, largeV3)},
	{Name: "efficientnet_b0", layers: efficientNet(1, 1, 0.2)},
	{Name: "efficientnet_b1", layers: efficientNet(1, 1.1, 0.2)},
	{Name: "efficientnet_b2", layers: efficientNet(1.1, 1.2, 0.3)},
	{Name: "efficientnet_b3", layers: efficientNet(1.2, 1.4, 0.3)},
	{Name: "efficientnet_b4", layers: efficientNet(1.4, 1.8, 0.4)},
}

// alexNet is the net of Krizhevsky (One weird trick for parallelizing convolutional neural
// networks, 2014).
func alexNet(classes int) []nn.Spec {
	threes := nn.MaxPool2dOptions{Kernel: nn.Square(3), Stride: nn.Square(2)}
	return []nn.Spec{
		sequence("features",
			nn.Conv2dOptions{In: 3, Out: 64, Kernel: nn.Square(11), Stride: nn.Square(4), Padding: nn.Square(2)}, nn.ReLU{}, threes,
			nn.Conv2dOptions{In: 64, Out: 192, Kernel: nn.Square(5), Padding: nn.Square(2)}, nn.ReLU{}, threes,
			three(192, 384), nn.ReLU{}, three(384, 256), nn.ReLU{}, three(256, 256), nn.ReLU{}, threes),
		pool(6), flatten,
		sequence("classifier",
			nn.DropoutOptions{P: 0.5}, nn.LinearOptions{In: 256 * 6 * 6, Out: 4096}, nn.ReLU{},
			nn.DropoutOptions{P: 0.5}, nn.LinearOptions{In: 4096, Out: 4096}, nn.ReLU{},
			nn.LinearOptions{In: 4096, Out: classes}),
	}
}

// vgg returns nets of Simonyan and Zisserman (Very deep convolutional networks for large-scale
// image recognition, 2014): convolutions of 3×3, as many in each of five stages as said.
func vgg(norm bool, convolutions ...int) func(classes int) []nn.Spec {
	return func(classes int) []nn.Spec {
		var features []any
		in := 3
		for stage, n := range convolutions {
			out := min(64<<stage, 512)
			for range n {
				features = append(features, three(in, out))
				if norm {
					features = append(features, nn.BatchNorm2dOptions{In: out})
				}
				features = append(features, nn.ReLU{})
				in = out
			}
			features = append(features, nn.MaxPool2dOptions{Kernel: nn.Square(2)})
		}
		return []nn.Spec{
			sequence("features", features...), pool(7), flatten,
			sequence("classifier",
				nn.LinearOptions{In: in * 7 * 7, Out: 4096}, nn.ReLU{}, nn.DropoutOptions{P: 0.5},
				nn.LinearOptions{In: 4096, Out: 4096}, nn.ReLU{}, nn.DropoutOptions{P: 0.5},
				nn.LinearOptions{In: 4096, Out: classes}),
		}
	}
}

// resNet returns nets of He et al. (Deep residual learning for image recognition, 2015): as many
// blocks in each of four stages as said, whose results have so many channels a channel within.
// The convolution of 3×3 has the stride of a bottleneck, as in torchvision's ResNet V1.5.
func resNet(block func(in, width, stride int) []nn.Spec, expansion int, blocks ...int) func(classes int) []nn.Spec {
	return func(classes int) []nn.Spec {
		layers := []nn.Spec{
			conv("conv1", 3, 64, 7, 2), norm("bn1", 64), {Name: "relu", Options: nn.ReLU{}},
			{Name: "maxpool", Options: nn.MaxPool2dOptions{Kernel: nn.Square(3), Stride: nn.Square(2), Padding: nn.Square(1)}},
		}
		in := 64
		for stage, n := range blocks {
			width := 64 << stage
			var list []any
			for i := range n {
				stride := 1
				if stage > 0 && i == 0 {
					stride = 2
				}
				list = append(list, sum(block(in, width, stride), in, width*expansion, stride))
				in = width * expansion
			}
			layers = append(layers, sequence("layer"+strconv.Itoa(stage+1), list...))
		}
		return append(layers, pool(1), flatten, nn.Spec{Name: "fc", Options: nn.LinearOptions{In: in, Out: classes}})
	}
}

// basicBlock is two convolutions of 3×3.
func basicBlock(in, width, stride int) []nn.Spec {
	return []nn.Spec{
		conv("conv1", in, width, 3, stride), norm("bn1", width), {Name: "relu", Options: nn.ReLU{}},
		conv("conv2", width, width, 3, 1), norm("bn2", width),
	}
}

// bottleneck is a convolution of 3×3 between two that change the number of channels.
func bottleneck(in, width, stride int) []nn.Spec {
	return []nn.Spec{
		conv("conv1", in, width, 1, 1), norm("bn1", width), {Name: "relu", Options: nn.ReLU{}},
		conv("conv2", width, width, 3, stride), norm("bn2", width), {Name: "relu2", Options: nn.ReLU{}},
		conv("conv3", width, 4*width, 1, 1), norm("bn3", 4*width),
	}
}

// sum is a body added to its input, and a ReLU. The sum and its body have no names, so that what
// is in them has those of torchvision's block.
func sum(body []nn.Spec, in, out, stride int) nn.SequentialOptions {
	o := nn.ResidualOptions{Body: body, BodyName: new(""), ShortcutName: new("downsample")}
	if stride != 1 || in != out {
		o.Shortcut = []nn.Spec{conv("0", in, out, 1, stride), norm("1", out)}
	}
	return nn.SequentialOptions{Layers: []nn.Spec{{Options: o}, {Name: "relu3", Options: nn.ReLU{}}}}
}

// mobileNetV2 is the net of Sandler et al. (MobileNetV2: inverted residuals and linear
// bottlenecks, 2018).
func mobileNetV2(classes int) []nn.Spec {
	m := mobile{activation: nn.ReLU6{}}
	features := []any{m.convNorm(3, 32, 3, 2, 1, m.activation)}
	in := 32
	for _, stage := range []struct{ expansion, out, blocks, stride int }{
		{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1},
	} {
		for i := range stage.blocks {
			stride := 1
			if i == 0 {
				stride = stage.stride
			}
			var body []any
			hidden := in * stage.expansion
			if hidden != in {
				body = append(body, m.convNorm(in, hidden, 1, 1, 1, m.activation))
			}
			body = append(body, m.convNorm(hidden, hidden, 3, stride, hidden, m.activation),
				nn.Conv2dOptions{In: hidden, Out: stage.out, Kernel: nn.Square(1), NoBias: true}, m.norm(stage.out))
			features = append(features, inverted("conv", numbered(body), in, stage.out, stride, 0))
			in = stage.out
		}
	}
	return []nn.Spec{
		sequence("features", append(features, m.convNorm(in, 1280, 1, 1, 1, m.activation))...), pool(1), flatten,
		sequence("classifier", nn.DropoutOptions{P: 0.2}, nn.LinearOptions{In: 1280, Out: classes}),
	}
}

// blockV3 is a block of a MobileNetV3.
type blockV3 struct {
	kernel, hidden, out int
	squeeze             bool
	activation          any
	stride              int
}

// The blocks of the MobileNetV3s of Howard et al. (Searching for MobileNetV3, 2019, tables 1 and 2).
var (
	smallV3 = []blockV3{
		{3, 16, 16, true, nn.ReLU{}, 2},
		{3, 72, 24, false, nn.ReLU{}, 2}, {3, 88, 24, false, nn.ReLU{}, 1},
		{5, 96, 40, true, nn.Hardswish{}, 2}, {5, 240, 40, true, nn.Hardswish{}, 1}, {5, 240, 40, true, nn.Hardswish{}, 1},
		{5, 120, 48, true, nn.Hardswish{}, 1}, {5, 144, 48, true, nn.Hardswish{}, 1},
		{5, 288, 96, true, nn.Hardswish{}, 2}, {5, 576, 96, true, nn.Hardswish{}, 1}, {5, 576, 96, true, nn.Hardswish{}, 1},
	}
	largeV3 = []blockV3{
		{3, 16, 16, false, nn.ReLU{}, 1},
		{3, 64, 24, false, nn.ReLU{}, 2}, {3, 72, 24, false, nn.ReLU{}, 1},
		{5, 72, 40, true, nn.ReLU{}, 2}, {5, 120, 40, true, nn.ReLU{}, 1}, {5, 120, 40, true, nn.ReLU{}, 1},
		{3, 240, 80, false, nn.Hardswish{}, 2}, {3, 200, 80, false, nn.Hardswish{}, 1}, {3, 184, 80, false, nn.Hardswish{}, 1}, {3, 184, 80, false, nn.Hardswish{}, 1},
		{3, 480, 112, true, nn.Hardswish{}, 1}, {3, 672, 112, true, nn.Hardswish{}, 1},
		{5, 672, 160, true, nn.Hardswish{}, 2}, {5, 960, 160, true, nn.Hardswish{}, 1}, {5, 960, 160, true, nn.Hardswish{}, 1},
	}
)

// mobileNetV3 returns the net of such blocks with so many numbers before the classes.
func mobileNetV3(last int, blocks []blockV3) func(classes int) []nn.Spec {
	m := mobile{eps: 0.001, momentum: 0.01, activation: nn.ReLU{}, scale: nn.Hardsigmoid{}}
	return func(classes int) []nn.Spec {
		features := []any{m.convNorm(3, 16, 3, 2, 1, nn.Hardswish{})}
		in := 16
		for _, b := range blocks {
			var body []any
			if b.hidden != in {
				body = append(body, m.convNorm(in, b.hidden, 1, 1, 1, b.activation))
			}
			body = append(body, m.convNorm(b.hidden, b.hidden, b.kernel, b.stride, b.hidden, b.activation))
			if b.squeeze {
				body = append(body, m.gate(b.hidden, divisible(float64(b.hidden/4))))
			}
			body = append(body, m.convNorm(b.hidden, b.out, 1, 1, 1, nil))
			features = append(features, inverted("block", numbered(body), in, b.out, b.stride, 0))
			in = b.out
		}
		return []nn.Spec{
			sequence("features", append(features, m.convNorm(in, 6*in, 1, 1, 1, nn.Hardswish{}))...), pool(1), flatten,
			sequence("classifier",
				nn.LinearOptions{In: 6 * in, Out: last}, nn.Hardswish{}, nn.DropoutOptions{P: 0.2}, nn.LinearOptions{In: last, Out: classes}),
		}
	}
}

// efficientNet returns a net of Tan and Le (EfficientNet: rethinking model scaling for
// convolutional neural networks, 2019): that of the given width and depth, and so much dropout.
func efficientNet(width, depth, dropout float64) func(classes int) []nn.Spec {
	stages := []struct{ expansion, kernel, stride, out, blocks int }{
		{1, 3, 1, 16, 1}, {6, 3, 2, 24, 2}, {6, 5, 2, 40, 2}, {6, 3, 2, 80, 3}, {6, 5, 1, 112, 3}, {6, 5, 2, 192, 4}, {6, 3, 1, 320, 1},
	}
	total := 0
	for i := range stages {
		s := &stages[i]
		s.out, s.blocks = divisible(float64(s.out)*width), int(math.Ceil(float64(s.blocks)*depth))
		total += s.blocks
	}
	m := mobile{activation: nn.SiLU{}, scale: nn.Sigmoid{}}
	return func(classes int) []nn.Spec {
		in := divisible(32 * width)
		features := []any{m.convNorm(3, in, 3, 2, 1, m.activation)}
		block := 0
		for _, s := range stages {
			var list []any
			for i := range s.blocks {
				stride := 1
				if i == 0 {
					stride = s.stride
				}
				var body []any
				hidden := divisible(float64(in * s.expansion))
				if hidden != in {
					body = append(body, m.convNorm(in, hidden, 1, 1, 1, m.activation))
				}
				body = append(body, m.convNorm(hidden, hidden, s.kernel, stride, hidden, m.activation),
					m.gate(hidden, max(1, in/4)), m.convNorm(hidden, s.out, 1, 1, 1, nil))
				list = append(list, inverted("block", numbered(body), in, s.out, stride, 0.2*float64(block)/float64(total)))
				in = s.out
				block++
			}
			features = append(features, nn.SequentialOptions{Layers: numbered(list)})
		}
		return []nn.Spec{
			sequence("features", append(features, m.convNorm(in, 4*in, 1, 1, 1, m.activation))...), pool(1), flatten,
			sequence("classifier", nn.DropoutOptions{P: dropout}, nn.LinearOptions{In: 4 * in, Out: classes}),
		}
	}
}

// mobile is what the blocks of the nets for phones, and of EfficientNet, have in common.
type mobile struct {
	eps, momentum float64 // of batch norms; 0 for the default
	activation    any     // within gates, and in most nets elsewhere
	scale         any     // what makes factors of a gate's numbers
}

// norm is the batch norm of so many channels.
func (m mobile) norm(channels int) nn.BatchNorm2dOptions {
	o := nn.BatchNorm2dOptions{In: channels}
	if m.eps != 0 {
		o.Eps, o.Momentum = new(m.eps), new(m.momentum)
	}
	return o
}

// convNorm is torchvision's Conv2dNormActivation: a convolution without a bias, a batch norm and
// an activation, or nil for none.
func (m mobile) convNorm(in, out, kernel, stride, groups int, activation any) nn.SequentialOptions {
	conv := nn.Conv2dOptions{In: in, Out: out, Kernel: nn.Square(kernel), Stride: nn.Square(stride), Padding: nn.Square(kernel / 2), Groups: groups, NoBias: true}
	layers := []any{conv, m.norm(out)}
	if activation != nil {
		layers = append(layers, activation)
	}
	return nn.SequentialOptions{Layers: numbered(layers)}
}

// gate is torchvision's SqueezeExcitation: a factor for each channel, made of the means of all by
// way of so few numbers.
func (m mobile) gate(channels, squeezed int) nn.GateOptions {
	one := nn.Square(1)
	return nn.GateOptions{BodyName: new(""), Body: []nn.Spec{
		pool(1),
		{Name: "fc1", Options: nn.Conv2dOptions{In: channels, Out: squeezed, Kernel: one}}, {Name: "activation", Options: m.activation},
		{Name: "fc2", Options: nn.Conv2dOptions{In: squeezed, Out: channels, Kernel: one}}, {Name: "scale_activation", Options: m.scale},
	}}
}

// inverted is an inverted residual: a body of the given name, added to its input where they have
// one shape, then for samples that the body is not dropped for with probability drop.
func inverted(name string, body []nn.Spec, in, out, stride int, drop float64) any {
	layers := []nn.Spec{{Name: name, Options: nn.SequentialOptions{Layers: body}}}
	if stride != 1 || in != out {
		return nn.SequentialOptions{Layers: layers}
	}
	if drop > 0 {
		layers = append(layers, nn.Spec{Name: "stochastic_depth", Options: nn.StochasticDepthOptions{P: drop}})
	}
	return nn.ResidualOptions{Body: layers, BodyName: new("")}
}

// divisible returns the multiple of 8 that is near to a number of channels: at least 8, and at
// least nine tenths.
func divisible(channels float64) int {
	n := max(8, int(channels+4)/8*8)
	if float64(n) < 0.9*channels {
		n += 8
	}
	return n
}

// sequence is a net within a net, of layers that are named by their places.
func sequence(name string, layers ...any) nn.Spec {
	return nn.Spec{Name: name, Options: nn.SequentialOptions{Layers: numbered(layers)}}
}

// numbered returns layers of such options, named by their places.
func numbered(options []any) []nn.Spec {
	var layers []nn.Spec
	for i, o := range options {
		layers = append(layers, nn.Spec{Name: strconv.Itoa(i), Options: o})
	}
	return layers
}

// conv is a convolution without a bias, which leaves the size of pictures but for the stride.
func conv(name string, in, out, kernel, stride int) nn.Spec {
	return nn.Spec{Name: name, Options: nn.Conv2dOptions{
		In: in, Out: out, Kernel: nn.Square(kernel), Stride: nn.Square(stride), Padding: nn.Square(kernel / 2), NoBias: true}}
}

// three is a convolution of 3×3 with a bias.
func three(in, out int) nn.Conv2dOptions {
	return nn.Conv2dOptions{In: in, Out: out, Kernel: nn.Square(3), Padding: nn.Square(1)}
}

func norm(name string, channels int) nn.Spec {
	return nn.Spec{Name: name, Options: nn.BatchNorm2dOptions{In: channels}}
}

// pool is the mean over so many rows and columns of windows.
func pool(size int) nn.Spec {
	return nn.Spec{Name: "avgpool", Options: nn.AdaptiveAvgPool2dOptions{Out: nn.Square(size)}}
}

var flatten = nn.Spec{Name: "flatten", Options: nn.FlattenOptions{}}
