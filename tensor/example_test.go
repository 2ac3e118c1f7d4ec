package tensor_test

import (
	"fmt"

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

func ExampleTensor_NoGrad() {
	w := tensor.New([]float32{2}, 1).SetRequiresGrad(true)
	x := tensor.New([]float32{3}, 1)
	fmt.Println(x.Mul(w).RequiresGrad(), x.NoGrad().Mul(w).RequiresGrad())
	// Output: true false
}

func ExampleTensor_Transpose() {
	x := tensor.Arange(tensor.Int64, 6).Reshape(2, 3)
	fmt.Println(x.Transpose(0, 1)) // a view: no element is copied
	// Output:
	// tensor([[0, 3],
	//         [1, 4],
	//         [2, 5]])
}
