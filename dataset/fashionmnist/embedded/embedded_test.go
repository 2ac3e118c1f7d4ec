package embedded_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/fashionmnist"
	"github.com/onehot-go/onehot/dataset/fashionmnist/embedded"
)

// published has the SHA-256 of the four files as Zalando published them, uncompressed.
var published = map[dataset.Split][2]string{
	dataset.Train: {
		"c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
		"bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
	},
	dataset.Test: {
		"5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
		"0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
	},
}

// idxSum returns the SHA-256 of the IDX file with these sizes and elements.
func idxSum(elements []byte, sizes ...int) string {
	header := []byte{0, 0, 8, byte(len(sizes))}
	for _, n := range sizes {
		header = binary.BigEndian.AppendUint32(header, uint32(n))
	}
	hash := sha256.New()
	hash.Write(header)
	hash.Write(elements)
	return hex.EncodeToString(hash.Sum(nil))
}

func TestOpen(t *testing.T) {
	for split, n := range map[dataset.Split]int{dataset.Train: 60000, dataset.Test: 10000} {
		m, err := embedded.Open(split)
		if err != nil {
			t.Fatal(err)
		}
		if m.Len() != n || m.Name != fashionmnist.Name || m.Split != split || !slices.Equal(m.Classes(), fashionmnist.Classes()) {
			t.Errorf("%s: got %d samples, name %q, split %s, classes %q", split, m.Len(), m.Name, m.Split, m.Classes())
		}
		labels := make([]byte, m.Len())
		for i, c := range m.Labels {
			labels[i] = byte(c)
		}
		sums := [2]string{idxSum(m.Pixels, m.Len(), m.Height, m.Width), idxSum(labels, m.Len())}
		for i, f := range m.Files {
			if sums[i] != published[split][i] || f.SHA256 != sums[i] {
				t.Errorf("%s: SHA-256 is %s, recorded %s, want %s", f.Name, sums[i], f.SHA256, published[split][i])
			}
		}
	}
}

// BenchmarkOpen decodes everything.
func BenchmarkOpen(b *testing.B) {
	b.SetBytes(70000 * (28*28 + 1))
	for b.Loop() {
		for _, split := range []dataset.Split{dataset.Train, dataset.Test} {
			if _, err := embedded.Open(split); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func Example() {
	train, err := embedded.Open(dataset.Train)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(train.Len(), "samples of", len(train.Classes()), "classes")
	fmt.Println("the first is an", train.Classes()[train.Labels[0]])
	// Output:
	// 60000 samples of 10 classes
	// the first is an ankle boot
}
