package nn

import (
	"strings"

	"github.com/onehot-go/onehot/internal/parallel"
)

// Memory is what a net takes, in bytes: at most, as far as the costs of its layers tell. It
// grows with the batch alone, so that what a batch takes is known before there is a net.
type Memory struct {
	State int // parameters and buffers
	Work  int // what layers hold while they compute, for a batch of any size
	Input int // a sample, before the first layer
	// Evaluation is what the layers make of one sample. Some of it is used again, how much
	// depends on the net.
	Evaluation int
	// Training is what they make of one sample in a training step, and the gradients of it that
	// are on their way. The gradients of the parameters, and what an optimizer keeps, are not
	// in it.
	Training int
}

const (
	numberBytes = 4       // of a float32
	maxWork     = 1 << 58 // numbers, far beyond what there is
)

// MemoryOf returns what a net of layers of the given costs takes for samples of shape input.
func MemoryOf(costs []Cost, input []int) Memory {
	inputs, _ := product(input)
	state, all, greatest, work := 0, 0, inputs, 0
	for i, c := range costs {
		n, _ := product(c.Output)
		state += c.Parameters + c.Buffers
		if i == 0 || !c.joins(costs[i-1]) {
			all += n + c.Scratch
		}
		greatest = max(greatest, n)
		work = max(work, c.Work)
	}
	// Memory that is used again comes in sizes, of which each is up to an eighth more than what
	// is needed. Three gradients of one size may be there at once: of a result, of what it was
	// computed from, and the sum that the latter goes to.
	all += all / 8
	greatest += greatest / 8
	return Memory{
		State: numberBytes * state, Work: numberBytes * work, Input: numberBytes * inputs,
		Evaluation: numberBytes * all, Training: numberBytes * (all + 3*greatest),
	}
}

// joins reports whether the layer is computed in one pass with the one before it, as some of
// the fusions do that make no other difference to what is kept.
func (c *Cost) joins(before Cost) bool {
	net := func(layer string) string { return layer[:strings.LastIndexByte(layer, '.')+1] }
	return c.Type == "relu" && (before.Type == "linear" || before.Type == "batchnorm2d") && net(c.Layer) == net(before.Layer)
}

// framed returns how many numbers a convolution holds for samples of shape in: each core has a
// copy of a picture with its margins, or of its results, and there is a copy of the weights that
// has up to eight numbers for one.
func (o Conv2dOptions) framed(in Sample, weights int) int {
	groups, side := max(o.Groups, 1), [2]int{}
	for d := range side {
		side[d] = in.Shape[d+1] + 2*o.Padding[d] + max(o.Dilation[d], 1)*(o.Kernel[d]-1) + max(o.Stride[d], 1)
	}
	frames := 2 * float64(parallel.Threads()) * float64((o.In+o.Out)/groups) * float64(side[0]) * float64(side[1])
	return int(min(frames+8*float64(weights), maxWork))
}
