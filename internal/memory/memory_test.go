package memory

import "testing"

func TestBytes(t *testing.T) {
	for _, n := range []int{0, 1, hugePages - 1, hugePages, hugePages + 1, 3*hugePages + 4097} {
		b := Bytes(n)
		if len(b) != n {
			t.Fatalf("Bytes(%d) has %d", n, len(b))
		}
		for i := range b {
			if b[i] != 0 {
				t.Fatalf("Bytes(%d)[%d] is %d", n, i, b[i])
			}
			b[i] = 1
		}
	}
}
