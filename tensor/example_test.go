package tensor_test

import (
	"fmt"
	"math"

	"github.com/onehot-go/onehot/tensor"
)

func Example() {
	w := tensor.New([]float32{1, 2, 3}, 3).SetRequiresGrad(true)
	loss := w.Mul(w).Sum()
	loss.Backward()
	fmt.Println(loss.Item())
	fmt.Println(w.Grad())
	// Output:
	// 14
	// tensor([2., 4., 6.])
}

func ExampleTensor_Add() {
	column := tensor.New([]int64{10, 20}, 2, 1)
	row := tensor.New([]float32{1, 2.5, 3}, 3)
	fmt.Println(column.Add(row))
	// Output:
	// tensor([[11.0000, 12.5000, 13.0000],
	//         [21.0000, 22.5000, 23.0000]])
}

func ExampleTensor_MatMul() {
	rotations := tensor.New([]float32{
		0, -1, 1, 0, // by a quarter turn
		-1, 0, 0, -1, // by a half
	}, 2, 2, 2)
	fmt.Println(rotations.MatMul(tensor.New([]float32{3, 1}, 2)))
	// Output:
	// tensor([[-1.,  3.],
	//         [-3., -1.]])
}

func ExampleTensor_Softmax() {
	logits := tensor.New([]float32{101, 102, 1000, 1000}, 2, 2)
	fmt.Println(logits.Softmax(1))
	// Output:
	// tensor([[0.2689, 0.7311],
	//         [0.5000, 0.5000]])
}

func ExampleTensor_MaxWithIndex() {
	scores := tensor.New([]float32{0.1, 0.7, 0.2, 0.5, 0.3, 0.2}, 2, 3)
	values, index := scores.MaxWithIndex(1)
	fmt.Println(values)
	fmt.Println(index)
	// Output:
	// tensor([0.7000, 0.5000])
	// tensor([1, 0])
}

func ExampleTensor_Std() {
	x := tensor.New([]float32{1, 2, 3, 6, 2, 4, 9, 9}, 2, 4)
	fmt.Println(x.Std(1, 1)) // of the rows, as samples
	// Output: tensor([2.1602, 3.5590])
}

// sine returns the sine of every element of x, in radians. It is an operation with its
// gradient, added outside of package tensor.
func sine(x *tensor.Tensor) *tensor.Tensor {
	each := func(f func(float64) float64) *tensor.Tensor {
		v := tensor.Values[float64](x)
		for i := range v {
			v[i] = f(v[i])
		}
		return tensor.New(v, x.Shape()...).To(x.DType())
	}
	return tensor.Record(each(math.Sin), "sine", tensor.Input{Tensor: x, Reads: []*tensor.Tensor{x}, Grad: func(g *tensor.Tensor) *tensor.Tensor {
		return g.Mul(each(math.Cos))
	}})
}

func ExampleRecord() {
	x := tensor.New([]float64{0, math.Pi / 3, math.Pi}, 3).SetRequiresGrad(true)
	y := sine(x).Sum()
	y.Backward()
	fmt.Println(y.Detach())
	fmt.Println(x.Grad())
	// Output:
	// tensor(0.8660, dtype=float64)
	// tensor([ 1.0000,  0.5000, -1.0000], dtype=float64)
}

func ExampleTensor_NoGrad() {
	w := tensor.New([]float32{2}, 1).SetRequiresGrad(true)
	x := tensor.New([]float32{3}, 1)
	fmt.Println(x.Mul(w).RequiresGrad(), x.NoGrad().Mul(w).RequiresGrad())
	// Output: true false
}

func ExampleTensor_Transpose() {
	x := tensor.Arange(tensor.Int64, 0, 6, 1).Reshape(2, 3)
	fmt.Println(x.Transpose(0, 1)) // a view: no element is copied
	// Output:
	// tensor([[0, 3],
	//         [1, 4],
	//         [2, 5]])
}

func ExampleFromNested() {
	x := tensor.FromNested([][]float32{{1, 2, 3}, {4, 5, 6}})
	fmt.Println(x.Shape(), x.DType())
	// Output: [2 3] float32
}

func ExampleArange() {
	fmt.Println(tensor.Arange(tensor.Int64, 5, 0, -2))
	fmt.Println(tensor.Linspace(tensor.Float32, 0, 1, 5))
	// Output:
	// tensor([5, 3, 1])
	// tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
}

func ExampleTensor_Slice() {
	x := tensor.Arange(tensor.Int64, 0, 10, 1)
	fmt.Println(x.Slice(0, 1, -1, 3))           // Python's x[1:-1:3]
	fmt.Println(x.Slice(0, -3, math.MaxInt, 1)) // x[-3:]
	// Output:
	// tensor([1, 4, 7])
	// tensor([7, 8, 9])
}

func ExampleCat() {
	x, y := tensor.New([]int64{1, 2}, 1, 2), tensor.New([]int64{3, 4}, 1, 2)
	fmt.Println(tensor.Cat(0, x, y))
	fmt.Println(tensor.Stack(0, x, y).Shape())
	// Output:
	// tensor([[1, 2],
	//         [3, 4]])
	// [2 1 2]
}

func ExampleTensor_IndexSelect() {
	x := tensor.New([]float32{1, 2, 3, 4, 5, 6}, 3, 2).SetRequiresGrad(true)
	rows := x.IndexSelect(0, tensor.New([]int64{2, 0, 2}, 3))
	rows.Sum().Backward()
	fmt.Println(rows.Detach())
	fmt.Println(x.Grad()) // row 2 was taken twice
	// Output:
	// tensor([[5., 6.],
	//         [1., 2.],
	//         [5., 6.]])
	// tensor([[1., 1.],
	//         [0., 0.],
	//         [2., 2.]])
}

func ExampleWhere() {
	x := tensor.New([]float32{-1, 2, -3}, 3)
	zero := tensor.Scalar[float32](0)
	fmt.Println(tensor.Where(x.Gt(zero), x, zero))
	// Output: tensor([0., 2., 0.])
}

func ExampleOneHot() {
	labels := tensor.New([]int64{2, 0})
	fmt.Println(tensor.OneHot(labels, 3))
	fmt.Println(tensor.OneHot(labels, 3, tensor.Float32))
	// Output:
	// tensor([[0, 0, 1],
	//         [1, 0, 0]])
	// tensor([[0., 0., 1.],
	//         [1., 0., 0.]])
}

func ExampleTensor_TopK() {
	scores := tensor.New([]float32{0.1, 0.6, 0.3}, 1, 3)
	values, classes := scores.TopK(2, 1, true)
	fmt.Println(values, classes)
	// Output: tensor([[0.6000, 0.3000]]) tensor([[1, 2]])
}

func ExampleTensor_MaxPool2d() {
	picture := tensor.Arange(tensor.Float32, 0, 16, 1).Reshape(1, 4, 4)
	fmt.Println(picture.MaxPool2d(tensor.Pool2dOptions{Kernel: [2]int{2, 2}}))
	fmt.Println(picture.AvgPool2d(tensor.Pool2dOptions{Kernel: [2]int{2, 2}}))
	fmt.Println(picture.AdaptiveAvgPool2d(1, 1))
	// Output:
	// tensor([[[ 5.,  7.],
	//          [13., 15.]]])
	// tensor([[[ 2.5000,  4.5000],
	//          [10.5000, 12.5000]]])
	// tensor([[[7.5000]]])
}

func ExampleTensor_BatchNorm() {
	x := tensor.New([]float32{1, 10, 3, 30}, 2, 2) // two samples of two channels
	mean, variance := tensor.Zeros(tensor.Float32, 2), tensor.Ones(tensor.Float32, 2)
	fmt.Println(x.BatchNorm(mean, variance, nil, nil, tensor.BatchNormOptions{Training: true, Momentum: 0.5}))
	fmt.Println("running", mean, variance)
	// Output:
	// tensor([[-1., -1.],
	//         [ 1.,  1.]])
	// running tensor([ 1., 10.]) tensor([  1.5000, 100.5000])
}
