package nn

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/onehot-go/onehot/tensor"
)

// Summary returns a table of m's layers: path, type, output shape and number of
// parameters, then how many there are in all and how many of them are trained. Output
// shapes are those of an evaluation of zeros of inputShape, a batch's: (N, C, H, W) for
// pictures. The layers of a Sequential have a row each; any other module has one for all
// that it is made of. Parameters that layers share count once in the totals.
func Summary(m Module, inputShape ...int) string {
	dtype := tensor.Float32
	total, trained := 0, 0
	for _, p := range ParameterList(m) {
		dtype = p.DType()
		total += p.Numel()
		if p.RequiresGrad() {
			trained += p.Numel()
		}
	}
	rows := [][4]string{{"layer", "type", "output", "parameters"}}
	summarize("", m, tensor.Zeros(dtype, inputShape...).NoGrad().Evaluation(), &rows)
	rows = append(rows, [4]string{"total", "", "", strconv.Itoa(total)}, [4]string{"trained", "", "", strconv.Itoa(trained)})

	var width [4]int
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], len(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		fmt.Fprintf(&b, "%-*s  %-*s  %-*s  %*s\n", width[0], row[0], width[1], row[1], width[2], row[2], width[3], row[3])
	}
	return b.String()
}

// summarize adds the rows of m, at path, and returns its output.
func summarize(path string, m Module, x *tensor.Tensor, rows *[][4]string) *tensor.Tensor {
	m = bare(m)
	if net, ok := m.(*Sequential); ok {
		for name, layer := range net.Layers() {
			x = summarize(join(path, name), layer, x, rows)
		}
		return x
	}
	y := m.Forward(x)
	kind := strings.TrimPrefix(strings.TrimPrefix(fmt.Sprintf("%T", m), "*"), "nn.")
	*rows = append(*rows, [4]string{path, kind, shapeText(y), strconv.Itoa(NumParameters(m))})
	return y
}
