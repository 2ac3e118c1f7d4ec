package dist_test

import (
	"fmt"
	"sync"

	"github.com/onehot-go/onehot/dist"
)

// Three ranks add up what five shards have. Each sends the others a slice of its sums, and all have the total.
func ExampleSum() {
	tree := dist.NewTree(5, 3)
	totals := make([][]float32, 3)
	var wg sync.WaitGroup
	for rank, comm := range dist.Local(3) {
		wg.Go(func() {
			sum := dist.NewSum[float32](comm, tree, 2)
			for shard, end := tree.Range(rank); shard < end; shard++ {
				copy(sum.Shard(), []float32{float32(shard), 1})
			}
			total, err := sum.Finish(nil, make([][]byte, 3))
			if err != nil {
				panic(err)
			}
			totals[rank] = total
		})
	}
	wg.Wait()
	fmt.Println(totals)
	// Output: [[10 5] [10 5] [10 5]]
}
