package table

import (
	"fmt"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/random"
)

// BenchmarkRead reads and prepares numbers as a CSV file has them.
func BenchmarkRead(b *testing.B) {
	const rows, columns = 20_000, 50
	rand := random.New(1).Rand()
	var text strings.Builder
	for c := range columns {
		fmt.Fprintf(&text, "x%d,", c)
	}
	text.WriteString("y\n")
	for range rows {
		for range columns {
			fmt.Fprintf(&text, "%.6f,", rand.NormFloat64())
		}
		fmt.Fprintf(&text, "%d\n", rand.IntN(5))
	}
	all := make([]int, rows)
	for i := range all {
		all[i] = i
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		t := mustRead(b, text.String(), Options{Label: "y"})
		fitted, err := t.Fit(all, "y")
		if err == nil {
			_, err = t.Features(fitted)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
