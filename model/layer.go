package model

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// Layer describes one layer of a net.
type Layer struct {
	Name string `json:"name"`
	// Type is "flatten", "linear", "relu", "dropout", "conv2d", "batchnorm1d",
	// "batchnorm2d", "maxpool2d", "avgpool2d", "adaptiveavgpool2d", "dropout2d" or
	// "residual".
	Type     string  `json:"type"`
	In       int     `json:"in,omitempty"`       // inputs of a linear layer, channels of a convolution or a batch norm
	Out      int     `json:"out,omitempty"`      // its outputs or channels; rows and columns that adaptiveavgpool2d makes
	Kernel   int     `json:"kernel,omitempty"`   // rows and columns of a window of a convolution or a pool
	Stride   int     `json:"stride,omitempty"`   // from one window to the next; 0 is 1 for a convolution and the kernel for a pool
	Padding  int     `json:"padding,omitempty"`  // rows and columns added on each side
	NoBias   bool    `json:"no_bias,omitempty"`  // a convolution has no bias
	P        float64 `json:"p,omitempty"`        // probability of dropout
	Body     []Layer `json:"body,omitempty"`     // of a residual layer
	Shortcut []Layer `json:"shortcut,omitempty"` // of a residual layer; none passes its input on
}

// types lists the types of layers, as errors do.
const types = "flatten, linear, relu, dropout, conv2d, batchnorm1d, batchnorm2d, maxpool2d, avgpool2d, adaptiveavgpool2d, dropout2d or residual"

// module makes the layer, which check has accepted. Each layer within it draws from a key
// of its own under key, that of its path.
func (l Layer) module(path string, key random.Key) nn.Module {
	pair := func(n int) [2]int { return [2]int{n, n} }
	pool := tensor.Pool2dOptions{Kernel: pair(l.Kernel), Stride: pair(l.Stride), Padding: pair(l.Padding)}
	switch l.Type {
	case "flatten":
		return nn.Flatten{}
	case "relu":
		return nn.ReLU{}
	case "dropout":
		return nn.NewDropout(l.P)
	case "dropout2d":
		return nn.NewDropout2d(l.P)
	case "linear":
		return nn.NewLinear(l.In, l.Out, key.For(path).Rand())
	case "conv2d":
		o := tensor.Conv2dOptions{Stride: pair(l.Stride), Padding: pair(l.Padding)}
		if l.NoBias {
			return nn.NewConv2dNoBias(l.In, l.Out, pair(l.Kernel), o, key.For(path).Rand())
		}
		return nn.NewConv2d(l.In, l.Out, pair(l.Kernel), o, key.For(path).Rand())
	case "batchnorm1d":
		return nn.NewBatchNorm1d(l.In)
	case "batchnorm2d":
		return nn.NewBatchNorm2d(l.In)
	case "maxpool2d":
		return nn.MaxPool2d{Pool2dOptions: pool}
	case "avgpool2d":
		return nn.AvgPool2d{Pool2dOptions: pool}
	case "adaptiveavgpool2d":
		return nn.AdaptiveAvgPool2d{Rows: l.Out, Cols: l.Out}
	case "residual":
		r := &nn.Residual{Body: net(l.Body, path+".body.", key)}
		if len(l.Shortcut) > 0 {
			r.Shortcut = net(l.Shortcut, path+".shortcut.", key)
		}
		return r
	}
	panic("unreachable: " + l.Type)
}

// net makes the layers, whose paths begin with prefix.
func net(layers []Layer, prefix string, key random.Key) *nn.Sequential {
	var modules []nn.Module
	for _, l := range layers {
		modules = append(modules, nn.Named(l.Name, l.module(prefix+l.Name, key)))
	}
	return nn.NewSequential(modules...)
}

// The most that a definition may ask for: half a gigabyte for what a layer makes of one
// sample, four for the weights, a minute or so of a slow machine for the arithmetic, and
// residual layers within each other, each of which keeps its input.
const (
	maxSide       = 1 << 9
	maxNumbers    = 1 << 27
	maxParameters = 1 << 30
	maxFLOPs      = 1 << 37
	maxDepth      = 4
)

// Cost says what one layer makes of one sample, and what that takes.
type Cost struct {
	Layer      string `json:"layer"`      // its path: "block1.body.conv1"
	Type       string `json:"type"`       // as the definition has it
	Output     []int  `json:"output"`     // shape of what it makes of one sample
	Parameters int    `json:"parameters"` // numbers that training changes
	FLOPs      int    `json:"flops"`      // additions, multiplications and comparisons
}

// Costs returns those of every layer, in order, those within a residual layer before it
// itself. The error says which part of the definition makes no net.
func (d *Definition) Costs() ([]Cost, error) {
	c, err := d.check()
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return c.costs, nil
}

// checker follows a sample through the layers of a definition, which may be wrong: no
// number in it is used before it is looked at.
type checker struct {
	shape      []int // of what the next layer gets: (channels, height, width), or one number behind flatten
	parameters int   // up to here
	buffers    int   // numbers in the file beside them
	flops      int
	costs      []Cost
}

// layers follows the sample through a list of layers, called as given in errors, whose
// paths begin with prefix.
func (c *checker) layers(list []Layer, called, prefix string, depth int) error {
	names := map[string]bool{}
	for i, l := range list {
		err := errors.New("a name of its own without a dot expected")
		if l.Name != "" && !strings.Contains(l.Name, ".") && !names[l.Name] {
			err = c.layer(l, prefix+l.Name, depth)
		}
		if err != nil {
			return fmt.Errorf("%s[%d] %q: %w", called, i, l.Name, err)
		}
		names[l.Name] = true
	}
	return nil
}

// layer follows the sample through one layer.
func (c *checker) layer(l Layer, path string, depth int) error {
	parameters, flops := 0, 0
	picture := len(c.shape) == 3
	if !picture && slices.Contains([]string{"conv2d", "batchnorm2d", "maxpool2d", "avgpool2d", "adaptiveavgpool2d", "dropout2d"}, l.Type) {
		return errors.New("pictures expected, found what is behind a flatten layer")
	}
	switch l.Type {
	case "flatten":
		c.shape = []int{product(c.shape)}
	case "relu":
		flops = product(c.shape)
	case "dropout", "dropout2d":
		if !(l.P >= 0 && l.P <= 1) {
			return fmt.Errorf("found p %g, 0 to 1 expected", l.P)
		}
	case "linear":
		switch {
		case picture:
			return errors.New("a flatten layer before it expected")
		case l.In != c.shape[0]:
			return fmt.Errorf("found %d inputs, %d expected", l.In, c.shape[0])
		case l.Out < 1 || l.Out > maxParameters/(l.In+1):
			return fmt.Errorf("found %d outputs, 1 to %d expected", l.Out, maxParameters/(l.In+1))
		}
		parameters = l.Out * (l.In + 1)
		flops = l.Out * (2*l.In + 1)
		c.shape = []int{l.Out}
	case "batchnorm1d", "batchnorm2d":
		if l.Type == "batchnorm1d" && picture {
			return errors.New("a flatten layer before it expected")
		}
		if l.In != c.shape[0] {
			return fmt.Errorf("found %d channels, %d expected", l.In, c.shape[0])
		}
		parameters = 2 * l.In
		c.buffers += 2*l.In + 1 // the running statistics and how many batches there were
		flops = 2 * product(c.shape)
	case "conv2d":
		if l.In != c.shape[0] {
			return fmt.Errorf("found %d input channels, %d expected", l.In, c.shape[0])
		}
		height, width, err := l.windows(c.shape, max(l.Stride, 1), maxSide)
		if err != nil {
			return err
		}
		weights := l.In * l.Kernel * l.Kernel
		if most := maxParameters / (weights + 1); l.Out < 1 || l.Out > most {
			return fmt.Errorf("found %d output channels, 1 to %d expected", l.Out, most)
		}
		parameters, flops = l.Out*weights, 2*weights
		if !l.NoBias {
			parameters += l.Out
			flops++
		}
		if l.Out > maxNumbers/(height*width) {
			return fmt.Errorf("more than %d numbers for one sample", maxNumbers)
		}
		c.shape = []int{l.Out, height, width}
		if flops > maxFLOPs/product(c.shape) {
			return fmt.Errorf("more than %d operations for one sample", maxFLOPs)
		}
		flops *= product(c.shape)
	case "maxpool2d", "avgpool2d":
		stride := l.Stride
		if stride == 0 {
			stride = l.Kernel
		}
		height, width, err := l.windows(c.shape, stride, l.Kernel/2)
		if err != nil {
			return err
		}
		c.shape = []int{c.shape[0], height, width}
		flops = product(c.shape) * l.Kernel * l.Kernel
	case "adaptiveavgpool2d":
		if most := min(c.shape[1], c.shape[2]); l.Out < 1 || l.Out > most {
			return fmt.Errorf("found %d rows and columns, 1 to %d expected", l.Out, most)
		}
		flops = product(c.shape)
		c.shape = []int{c.shape[0], l.Out, l.Out}
	case "residual":
		if depth == maxDepth {
			return fmt.Errorf("found more than %d residual layers within each other", maxDepth)
		}
		input := c.shape
		if err := c.layers(l.Body, "body", path+".body.", depth+1); err != nil {
			return err
		}
		body := c.shape
		c.shape = input
		if err := c.layers(l.Shortcut, "shortcut", path+".shortcut.", depth+1); err != nil {
			return err
		}
		if !slices.Equal(body, c.shape) {
			return fmt.Errorf("found a body to %v, %v as the shortcut expected", body, c.shape)
		}
		flops = product(c.shape)
	default:
		return fmt.Errorf("found type %q, %s expected", l.Type, types)
	}
	c.parameters += parameters
	c.flops += flops
	switch {
	case c.parameters+c.buffers > maxParameters:
		return fmt.Errorf("more than %d parameters up to here", maxParameters)
	case c.flops > maxFLOPs:
		return fmt.Errorf("more than %d operations for one sample up to here", maxFLOPs)
	}
	c.costs = append(c.costs, Cost{path, l.Type, c.shape, parameters, flops})
	return nil
}

// windows returns how many rows and columns of windows the layer makes of pictures of the
// given shape with that stride.
func (l Layer) windows(shape []int, stride, maxPadding int) (rows, cols int, err error) {
	if l.Kernel < 1 || l.Kernel > maxSide {
		return 0, 0, fmt.Errorf("found kernel %d, 1 to %d expected", l.Kernel, maxSide)
	}
	if stride < 1 || stride > maxSide || l.Stride < 0 {
		return 0, 0, fmt.Errorf("found stride %d, 0 to %d expected", l.Stride, maxSide)
	}
	if l.Padding < 0 || l.Padding > maxPadding {
		return 0, 0, fmt.Errorf("found padding %d, 0 to %d expected", l.Padding, maxPadding)
	}
	rows, cols = shape[1]+2*l.Padding-l.Kernel, shape[2]+2*l.Padding-l.Kernel
	if min(rows, cols) < 0 {
		least := l.Kernel - 2*l.Padding
		return 0, 0, fmt.Errorf("found pictures of %d×%d, at least %d×%d expected", shape[1], shape[2], least, least)
	}
	return rows/stride + 1, cols/stride + 1, nil
}

// check follows a sample through the net, or returns what is wrong with the definition. It
// is called before any memory is taken for the net.
func (d *Definition) check() (*checker, error) {
	if len(d.InputShape) != 3 || slices.Min(d.InputShape) < 1 || slices.Max(d.InputShape) > maxSide {
		return nil, fmt.Errorf("input_shape: found %v, (channels, height, width) of 1 to %d each expected", d.InputShape, maxSide)
	}
	if len(d.Classes) == 0 {
		return nil, errors.New("classes: none found, at least one expected")
	}
	c := &checker{shape: d.InputShape}
	if err := c.layers(d.Layers, "layers", "", 0); err != nil {
		return nil, err
	}
	outputs := 0 // while it is a picture
	if len(c.shape) == 1 {
		outputs = c.shape[0]
	}
	if outputs != len(d.Classes) {
		return nil, fmt.Errorf("layers: found %d outputs, %d expected, one a class", outputs, len(d.Classes))
	}
	_, err := d.Transform()
	return c, err
}
