package shapes_test

import (
	"testing"

	"github.com/onehot-go/onehot/internal/shapes"
	"github.com/onehot-go/onehot/tensor"
)

func TestFail(t *testing.T) {
	x, scalar := tensor.Zeros(tensor.Float32, 2, 3), tensor.Scalar(1.0)
	for want, operands := range map[string][]*tensor.Tensor{
		"mine: shapes (2, 3) and (): they do not fit": {x, scalar},
		"mine: they do not fit":                       nil,
	} {
		func() {
			defer func() {
				if err, ok := recover().(*tensor.ShapeError); !ok || err.Error() != want {
					t.Errorf("got %v, want %s", err, want)
				}
			}()
			shapes.Fail("mine", "they do not fit", operands...)
		}()
	}
}
