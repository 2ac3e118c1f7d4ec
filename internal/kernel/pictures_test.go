package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestInverseCosine compares the kernels with the plain transform: of blocks with few and with many
// coefficients, and of such as no encoder writes.
func TestInverseCosine(t *testing.T) {
	forEach(t, func(t *testing.T) {
		draw := rand.New(rand.NewPCG(1, 2))
		plain, used := &implementation{}, active
		for i := range 3000 {
			var b, other [64]int32
			rows := uint(0)
			for range draw.IntN(64) {
				at := draw.IntN(64)
				b[at] = draw.Int32N(1<<(1+i%18)) - 1<<(i%18)
				rows |= 1 << (at % 8)
			}
			other = b
			got, want := make([]byte, 7*11+8), make([]byte, 7*11+8)
			InverseCosine(got, 11, &b, rows)
			active = plain
			InverseCosine(want, 11, &other, rows)
			active = used
			if !slices.Equal(got, want) {
				t.Fatalf("block %d: got %v, want %v", i, got, want)
			}
		}
	})
}

// weighed is WeighRows, byte by byte.
func weighed(n int, src []byte, stride int, weights []uint32) []byte {
	dst := make([]byte, n)
	for x := range dst {
		sum := int32(1 << 21)
		for k, w := range weights {
			sum += int32(w) * int32(src[x+k*stride])
		}
		dst[x] = uint8(min(max(sum>>22, 0), 255))
	}
	return dst
}

func TestWeighRows(t *testing.T) {
	forEach(t, func(t *testing.T) {
		if !HaveWeighRows() {
			t.Skip("none of them")
		}
		draw := rand.New(rand.NewPCG(1, 2))
		for n := WeighLeast; n < 100; n++ {
			for taps := 1; taps < 7; taps++ {
				stride := n + draw.IntN(5)
				src := make([]byte, (taps-1)*stride+n)
				for i := range src {
					src[i] = byte(draw.IntN(256))
				}
				weights := make([]uint32, taps)
				for k := range weights {
					weights[k] = uint32(draw.Int32N(3<<21) - 1<<21) // below 0 too
				}
				got := make([]byte, n)
				WeighRows(got, src, stride, weights)
				if want := weighed(n, src, stride, weights); !slices.Equal(got, want) {
					t.Fatalf("%d bytes of %d rows: got %v, want %v", n, taps, got, want)
				}
			}
		}
	})
}

func TestTurnBlocks(t *testing.T) {
	forEach(t, func(t *testing.T) {
		if !HaveWeighRows() {
			t.Skip("none of them")
		}
		for blocks := 1; blocks < 4; blocks++ {
			stride := blocks*TurnBlock + 3
			src, dst := make([]byte, TurnBlock*stride-3), make([]byte, blocks*TurnBlock*TurnBlock)
			for i := range src {
				src[i] = byte(i * 7)
			}
			TurnBlocks(dst, src, stride, blocks)
			for i, v := range dst {
				if want := src[i%TurnBlock*stride+i/TurnBlock]; v != want {
					t.Fatalf("%d blocks: byte %d is %d, want %d", blocks, i, v, want)
				}
			}
		}
	})
}
