package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/internal/kernel/inference"
	"github.com/onehot-go/onehot/internal/parallel"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// convolutions are layers of known nets, on one picture.
var convolutions = []inference.Conv{
	square(3, 64, 1, 224, 7, 2, 3), // ResNet-18
	square(64, 64, 1, 56, 3, 1, 1),
	square(64, 128, 1, 56, 3, 2, 1),
	square(64, 128, 1, 56, 1, 2, 0),
	square(128, 128, 1, 28, 3, 1, 1),
	square(256, 256, 1, 14, 3, 1, 1),
	square(512, 512, 1, 7, 3, 1, 1),
	square(512, 1000, 1, 1, 1, 1, 0),
	square(3, 32, 1, 224, 3, 2, 1), // MobileNetV2
	square(32, 32, 32, 112, 3, 1, 1),
	square(16, 96, 1, 112, 1, 1, 0),
	square(96, 96, 96, 112, 3, 2, 1),
	square(144, 144, 144, 56, 3, 1, 1),
	square(144, 24, 1, 56, 1, 1, 0),
	square(384, 384, 384, 14, 3, 1, 1),
	square(384, 64, 1, 14, 1, 1, 0),
	square(240, 240, 240, 28, 5, 1, 2), // EfficientNet-B0
	square(128, 128, 32, 56, 3, 1, 1),  // ResNeXt-50
	square(512, 512, 1, 14, 3, 1, 1),   // VGG
	square(1, 32, 1, 28, 3, 1, 1),      // cnn
	square(32, 64, 1, 14, 3, 1, 1),
	square(16, 16, 1, 32, 3, 1, 1), // resnet
	square(64, 64, 1, 8, 3, 1, 1),
	square(784, 256, 1, 1, 1, 1, 0), // mlp
}

// square returns a convolution of square pictures and windows.
func square(channels, filters, groups, size, window, stride, padding int) inference.Conv {
	twice := func(n int) [2]int { return [2]int{n, n} }
	return inference.Conv{
		Channels: channels, Filters: filters, Groups: groups, Size: twice(size), Kernel: twice(window),
		Stride: twice(stride), Padding: twice(padding), Dilation: twice(1),
	}
}

// roadResult is what a convolution of one picture takes on one road.
type roadResult struct {
	Event       string  `json:"event"`
	Convolution string  `json:"convolution"`
	Kernel      string  `json:"kernel"`
	Threads     int     `json:"threads"`
	Road        string  `json:"road"`
	Bytes       int     `json:"bytes"` // of packed filters
	Predicted   float64 `json:"predicted_us"`
	Measured    float64 `json:"measured_us"` // the least of all turns
	Chosen      bool    `json:"chosen"`
}

// choicesResult is how often another road than the chosen one was the fastest.
type choicesResult struct {
	Event   string `json:"event"`
	Choices int    `json:"choices"` // where there is more than one road
	Wrong   int    `json:"wrong"`
}

// wrongBy is how many times as long as the fastest road one may take that is no wrong choice.
const wrongBy = 1.05

// convolve measures each road of known layers beside what is predicted for it, and counts the wrong choices.
func (c *benchCommand) convolve(ctx context.Context, s streams) error {
	if len(c.Work) > 1 {
		return usagef("bench convolve %s: nothing behind it expected", strings.Join(c.Work[1:], " "))
	}
	tensor.SetThreads(c.Threads)
	name, err := kernel.Name()
	if err != nil {
		return err
	}
	print := func(any) error { return nil }
	w := tabwriter.NewWriter(s.out, 0, 8, 2, ' ', tabwriter.AlignRight)
	if c.JSON {
		print = json.NewEncoder(s.out).Encode
	} else {
		fmt.Fprintf(s.out, "%s/%s, kernels %s, %d threads: a convolution of one picture by each road, microseconds, least of %d\n",
			runtime.GOOS, runtime.GOARCH, name, parallel.Threads(), c.Repeat)
		fmt.Fprintln(w, "convolution\troad\tpredicted\tmeasured\tchosen\t")
	}
	choices := choicesResult{Event: "choices"}
	for _, conv := range convolutions {
		roads, chosen := conv.Roads(), conv.Choose(math.MaxInt)
		measured, err := c.measureRoads(ctx, conv, roads)
		if err != nil {
			return err
		}
		least, took := math.Inf(1), 0.0
		for i, road := range roads {
			r := roadResult{"road", describeConvolution(conv), name, parallel.Threads(), road.String(), conv.Packed(road), conv.Predict(road) / 1000, measured[i], road == chosen}
			mark := ""
			if least = min(least, r.Measured); r.Chosen {
				took, mark = r.Measured, "*"
			}
			if err := print(r); err != nil {
				return err
			}
			if !c.JSON {
				fmt.Fprintf(w, "%s\t%s\t%.1f\t%.1f\t%s\t\n", r.Convolution, r.Road, r.Predicted, r.Measured, mark)
			}
		}
		if len(roads) > 1 {
			choices.Choices++
			if took > wrongBy*least {
				choices.Wrong++
			}
		}
	}
	if c.JSON {
		return print(choices)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "of %d choices %d are wrong: another road took less than %.0f%% of the time\n", choices.Choices, choices.Wrong, 100/wrongBy)
	return err
}

// describeConvolution says what there is of it: "64->128 3x3/2 of 56x56".
func describeConvolution(c inference.Conv) string {
	text := fmt.Sprintf("%d->%d %dx%d", c.Channels, c.Filters, c.Kernel[0], c.Kernel[1])
	if c.Stride[0] > 1 {
		text += fmt.Sprintf("/%d", c.Stride[0])
	}
	if c.Groups > 1 {
		text += fmt.Sprintf(", %d groups,", c.Groups)
	}
	return text + fmt.Sprintf(" of %dx%d", c.Size[0], c.Size[1])
}

// measureRoads returns the least microseconds that each road takes, by turns.
func (c *benchCommand) measureRoads(ctx context.Context, conv inference.Conv, roads []inference.Road) ([]float64, error) {
	const turn = 2 * time.Millisecond
	draw := random.New(0).Rand()
	numbers := func(n int) []float32 {
		s := make([]float32, n)
		for i := range s {
			s[i] = draw.Float32() - 0.5
		}
		return s
	}
	pictures := func(channels int, size [2]int, border, pitch int) inference.Pictures {
		p := inference.Pictures{Images: 1, Channels: channels, Size: size, Border: border, Pitch: pitch}
		p.Data = numbers(p.Len())
		p.ClearBorder()
		return p
	}
	pitch := inference.Pitch(conv.Channels)
	if conv.Channels < inference.Lanes() && conv.Groups == 1 {
		pitch = conv.Channels // a first layer
	}
	x, y := pictures(conv.Channels, conv.Size, conv.Border(), pitch), pictures(conv.Filters, conv.Out(), 0, inference.Pitch(conv.Filters))
	weights := numbers(conv.Filters * conv.Channels / conv.Groups * conv.Kernel[0] * conv.Kernel[1])
	layers, scratch := make([]*inference.Layer, len(roads)), make([][]float32, len(roads))
	measured := make([]float64, len(roads))
	for i, road := range roads {
		layers[i] = inference.PrepareOn(conv, road, weights, nil)
		scratch[i], measured[i] = make([]float32, layers[i].Scratch(1)), math.Inf(1)
	}
	for range c.Repeat {
		for i, layer := range layers {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			layer.Run(y, x, inference.Pictures{}, scratch[i])
			start, calls := time.Now(), 0
			for calls == 0 || time.Since(start) < turn {
				layer.Run(y, x, inference.Pictures{}, scratch[i])
				calls++
			}
			measured[i] = min(measured[i], float64(time.Since(start).Nanoseconds())/1000/float64(calls))
		}
	}
	return measured, nil
}
