package classify_test

import (
	"fmt"

	"github.com/onehot-go/onehot/classify"
)

func ExampleFit() {
	x := [][]float64{{1.0, 5}, {1.2, 4}, {3.1, 4}, {2.9, 6}}
	y := []string{"small", "small", "large", "large"}
	c, err := classify.Fit(x, y, classify.Options{})
	if err != nil {
		panic(err)
	}
	said, err := c.Predict([][]float64{{1.1, 6}, {3.3, 5}})
	if err != nil {
		panic(err)
	}
	fmt.Println(said)
	// Output: [small large]
}
