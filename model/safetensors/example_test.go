package safetensors_test

import (
	"bytes"
	"fmt"

	"github.com/onehot-go/onehot/model/safetensors"
	"github.com/onehot-go/onehot/tensor"
)

func Example() {
	f := &safetensors.File{
		Metadata: map[string]string{"architecture": "softmax"},
		Tensors: []safetensors.Tensor{
			{Name: "linear.weight", Value: tensor.New([]float32{1, 2, 3, 4, 5, 6}, 2, 3)},
			{Name: "linear.bias", Value: tensor.New([]float32{0.5, -0.5}, 2)},
		},
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		fmt.Println(err)
		return
	}

	f, err := safetensors.Read(&b, int64(b.Len()))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f.Metadata["architecture"])
	for _, t := range f.Tensors {
		fmt.Println(t.Name, t.Value.DType(), t.Value.Shape())
	}
	bias, _ := f.Lookup("linear.bias")
	fmt.Println(tensor.Data[float32](bias))
	// Output:
	// softmax
	// linear.bias float32 [2]
	// linear.weight float32 [2 3]
	// [0.5 -0.5]
}
