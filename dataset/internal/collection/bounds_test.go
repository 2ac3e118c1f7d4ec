package collection

import (
	"compress/gzip"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/internal/memory"
)

// zeros writes an IDX file of the given sizes, all zeros, compressed: a thousandth of them.
func zeros(t *testing.T, path string, sizes ...uint32) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z, _ := gzip.NewWriterLevel(f, gzip.BestSpeed)
	header, n := []byte{0, 0, 8, byte(len(sizes))}, 1
	for _, s := range sizes {
		header, n = binary.BigEndian.AppendUint32(header, s), n*int(s)
	}
	if _, err := z.Write(header); err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 1<<20); n > 0; n -= len(block) {
		if _, err := z.Write(block[:min(n, len(block))]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// taken returns how many bytes f takes in all, whether they are given back or not.
func taken(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestOpenBounds checks that files which declare many elements take no memory before all that
// their headers say has been compared, and then once.
func TestOpenBounds(t *testing.T) {
	const many = 1 << 17 // pictures: 98 MiB
	c, _ := tiny()
	root := t.TempDir()
	images, labels := filepath.Join(root, "train-images.gz"), filepath.Join(root, "train-labels.gz")
	zeros(t, images, many, Side, Side)
	zeros(t, labels, 3)
	var err error
	if n := taken(func() { _, err = c.Open(root, dataset.Train) }); n > 1<<20 {
		t.Errorf("other labels: %d bytes", n)
	}
	if err == nil || !strings.HasSuffix(err.Error(), "number of labels: found 3, expected 131072, the number of images in "+images) {
		t.Errorf("other labels: %v", err)
	}

	zeros(t, labels, many)
	if n := taken(func() { _, err = c.Open(root, dataset.Train) }); err != nil || n > many*(Side*Side+1+8)+1<<20 {
		t.Errorf("%d bytes, %v", n, err)
	}

	memory.SetLimit(50<<20, "--memory")
	defer memory.SetLimit(1<<62, "")
	if n := taken(func() { _, err = c.Open(root, dataset.Train) }); n > 4<<20 {
		t.Errorf("over the limit: %d bytes", n)
	}
	if want := images + ": its 102760448 elements would take 98.0 MiB of memory, at most 50.0 MiB expected (--memory)"; err == nil || err.Error() != want {
		t.Errorf("over the limit: got %v, want %s", err, want)
	}
}
