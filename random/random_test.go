package random

import (
	"fmt"
	"math/bits"
	"testing"
)

// The numbers that a key stands for are part of what a seed means: a change here makes
// every published run another one.
func TestStreamStaysTheSame(t *testing.T) {
	for _, c := range []struct {
		name string
		key  Key
		want [3]uint64
	}{
		{"zero", Key{}, [3]uint64{0x38ffff682123e08a, 0xacfc572dc29cb1fd, 0x57ec35105c35c2db}},
		{"seed 0", New(0), [3]uint64{0x43ef29326a074442, 0x8df07d4f6d9ad403, 0xd7409939e7c272d6}},
		{"seed 1", New(1), [3]uint64{0xf0ca064eb5b5bb9b, 0x73ed18fcef230337, 0x8c6ff30626ef8ca1}},
		{"largest seed", New(1<<64 - 1), [3]uint64{0x697e8fe6dd8e2236, 0x2f7c80c77056d7b8, 0xe1402da5f433b74f}},
		{"purpose", New(0).For("shuffle"), [3]uint64{0xfcf9a37d37a88fdf, 0x47905d7d3c2000f0, 0x4f7ecac900dbb5fb}},
		{"no purpose", New(0).For(""), [3]uint64{0x5f6e69bfccd91bf9, 0x5cb58962e9f8b6ea, 0xffbc30a69658411e}},
		{"purpose and epoch", New(0).For("shuffle").At(3), [3]uint64{0x35f5e9a55d58a390, 0x3db678b08a66817e, 0xa95ed6cd0280d77b}},
		{"purpose, epoch and sample", New(7).For("augment").At(3).At(59999), [3]uint64{0x26fb6bb4fbda157a, 0x221c697107ec8086, 0xcd332b146b8130ba}},
		{"negative", New(0).At(-1), [3]uint64{0x2bf06c67e66df4f1, 0x5f0adf7107eeb8b9, 0xf0e6311bbf6cb7c1}},
	} {
		r := c.key.Rand()
		if got := [3]uint64{r.Uint64(), r.Uint64(), r.Uint64()}; got != c.want {
			t.Errorf("%s: got %#x, want %#x", c.name, got, c.want)
		}
	}
}

func TestKeysDiffer(t *testing.T) {
	seen := map[Key]string{}
	first := map[uint64]string{}
	add := func(k Key, name string) {
		if other, ok := seen[k]; ok {
			t.Errorf("%s and %s have the same key", name, other)
		}
		v := k.Rand().Uint64()
		if other, ok := first[v]; ok {
			t.Errorf("%s and %s draw the same number", name, other)
		}
		seen[k], first[v] = name, name
	}
	for seed := range uint64(8) {
		add(New(seed), fmt.Sprintf("seed %d", seed))
		for _, purpose := range []string{"", "a", "b", "ab", "ba", "init/weight", "init/bias"} {
			k := New(seed).For(purpose)
			add(k, fmt.Sprintf("seed %d, %q", seed, purpose))
			for epoch := range 10 {
				k := k.At(epoch)
				add(k, fmt.Sprintf("seed %d, %q, epoch %d", seed, purpose, epoch))
				for sample := range 50 {
					add(k.At(sample), fmt.Sprintf("seed %d, %q, epoch %d, sample %d", seed, purpose, epoch, sample))
				}
			}
		}
	}
	add(New(0).At(1).For("a"), "a number before a purpose")
	add(New(0).For("a").For("b"), "two purposes")
}

// Neighbouring keys give numbers that agree in no more bits than chance has them do.
func TestNeighboursAreUnrelated(t *testing.T) {
	const n = 4096
	differing := 0
	for i := range n {
		a, b := New(0).For("augment").At(i).Rand().Uint64(), New(0).For("augment").At(i+1).Rand().Uint64()
		differing += bits.OnesCount64(a ^ b)
	}
	// Of 64 bits 32 are expected to differ, with a deviation of 4, of the mean 4/√n.
	if got := float64(differing) / n; got < 32-4*4.0/64 || got > 32+4*4.0/64 {
		t.Errorf("%v bits of 64 differ", got)
	}
}

func TestKeysAreValues(t *testing.T) {
	k := New(3)
	want := k
	k.For("a").At(1).Rand().Uint64()
	if k != want {
		t.Error("deriving a key changed it")
	}
	if a, b := k.Rand(), k.Rand(); a.Uint64() != b.Uint64() {
		t.Error("two generators of one key differ")
	}
}
