package random_test

import (
	"fmt"

	"github.com/onehot-go/onehot/random"
)

func Example() {
	shuffle := random.New(42).For("shuffle")
	for epoch := range 2 {
		fmt.Println("epoch", epoch, shuffle.At(epoch).Rand().Perm(6))
	}
	// Whoever asks again, in whatever order, gets the same.
	fmt.Println("again  ", shuffle.At(0).Rand().Perm(6))
	// Output:
	// epoch 0 [3 5 0 1 4 2]
	// epoch 1 [5 2 0 1 3 4]
	// again   [3 5 0 1 4 2]
}
