package classify

import (
	"math"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/shapes"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// Importance is how much of its accuracy a net loses where a column says nothing.
type Importance struct {
	Column    string  `json:"column"`
	Mean      float64 `json:"mean"`      // of the losses of all draws
	Deviation float64 `json:"deviation"` // of them, the population's
}

// Group is a column of a table, whose features are those from From up to To.
type Group struct {
	Name     string
	From, To int
}

// Importances returns what a net loses of its accuracy on rows (N, D) of Float32, with classes (N) of Int64, when a group's
// features are drawn from the rows in another order, which key draws, so many times: scikit-learn's
// permutation_importance. The features of a group stay together. It panics with a *fault.OptionError if draws is below 1 or a
// group is not within the rows, and with a *tensor.ShapeError if rows and classes are not as many.
func Importances(net nn.Module, x, y *tensor.Tensor, groups []Group, draws int, key random.Key) []Importance {
	const op = "classify.Importances"
	if x.Dim() != 2 || y.Dim() != 1 || x.Size(0) != y.Size(0) {
		shapes.Fail(op, "rows (N, D) and classes (N) expected", x, y)
	}
	rows, columns := x.Size(0), x.Size(1)
	if draws < 1 {
		fault.Option(op, "%d draws: at least 1 expected", draws)
	}
	accuracy := func(x *tensor.Tensor) float64 {
		right := net.Forward(x.NoGrad().Evaluation()).ArgMax(1).Eq(y)
		return right.To(tensor.Float64).Mean().Item()
	}
	before := accuracy(x)
	values, mixed := tensor.Values[float32](x), x.Detach().Clone()
	to := tensor.Data[float32](mixed)
	out := make([]Importance, len(groups))
	for g, group := range groups {
		if group.From < 0 || group.From > group.To || group.To > columns {
			fault.Option(op, "group %q from %d to %d: within %d features expected", group.Name, group.From, group.To, columns)
		}
		put := func(from func(row int) int) {
			for i := range rows {
				copy(to[i*columns+group.From:i*columns+group.To], values[from(i)*columns+group.From:])
			}
		}
		lost := make([]float64, draws)
		for d := range draws {
			order := key.At(g).At(d).Rand().Perm(rows)
			put(func(row int) int { return order[row] })
			lost[d] = before - accuracy(mixed)
			out[g].Mean += lost[d] / float64(draws)
		}
		put(func(row int) int { return row })
		for _, v := range lost {
			out[g].Deviation += (v - out[g].Mean) * (v - out[g].Mean) / float64(draws)
		}
		out[g].Column, out[g].Deviation = group.Name, math.Sqrt(out[g].Deviation)
	}
	return out
}
