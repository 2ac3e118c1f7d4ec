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

func TestLimit(t *testing.T) {
	t.Cleanup(func() { current.Store(nil) })
	if err := Check(1e30, "all"); err != nil || Limit() != 1<<63-1 {
		t.Errorf("without a limit: %v, %d", err, Limit())
	}
	SetLimit(3<<30, "--memory")
	if err := Check(3<<30, "all"); err != nil || Limit() != 3<<30 {
		t.Errorf("at the limit: %v, %d", err, Limit())
	}
	want := "all would take 64.0 GiB of memory, at most 3.0 GiB expected (--memory)"
	if err := Check(64<<30, "all"); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[float64]string{0: "0 bytes", 1023: "1023 bytes", 1024: "1.0 KiB", 1.5 * (1 << 30): "1.5 GiB", 1 << 62: "4.0 EiB", 1e30: "867361737988.4 EiB"} {
		if got := Size(n); got != want {
			t.Errorf("%v: got %q, want %q", n, got, want)
		}
	}
}
