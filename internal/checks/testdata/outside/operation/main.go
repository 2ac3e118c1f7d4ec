// Command operation adds an operation with its gradient: softsign, x/(1+|x|).
package main

import (
	"fmt"
	"io"
	"log"
	"math"
	"os"

	"github.com/onehot-go/onehot/tensor"
)

// softsign returns x/(1+|x|) of every element of x, which is of Float64. Its gradient is
// 1/(1+|x|)² times that of the result.
func softsign(x *tensor.Tensor) *tensor.Tensor {
	y, slope := tensor.Empty(x.DType(), x.Shape()...), tensor.Empty(x.DType(), x.Shape()...)
	ys, slopes := tensor.DataInPlace[float64](y), tensor.DataInPlace[float64](slope)
	for i, v := range tensor.Data[float64](x.Detach().Contiguous()) {
		s := 1 / (1 + math.Abs(v))
		ys[i], slopes[i] = v*s, s*s
	}
	return tensor.Record(y, "softsign", tensor.Input{
		Tensor: x, Reads: []*tensor.Tensor{slope},
		Grad: func(g *tensor.Tensor) *tensor.Tensor { return g.Mul(slope) },
	})
}

func run(out io.Writer) error {
	x := tensor.New([]float64{-3, -1, 0, 0.5, 4}).SetRequiresGrad(true)
	softsign(x).Sum().Backward()
	fmt.Fprintln(out, "softsign", softsign(x.NoGrad()))
	fmt.Fprintln(out, "gradient", x.Grad())

	h := tensor.Scalar(1e-6)
	above, below := softsign(x.Detach().Add(h)), softsign(x.Detach().Sub(h))
	difference := above.Sub(below).Div(h.Add(h))
	fmt.Fprintln(out, "as by differences:", x.Grad().Sub(difference).Abs().Max().Item() < 1e-5)
	return nil
}

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}
