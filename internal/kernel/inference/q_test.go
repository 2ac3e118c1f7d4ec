package inference

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func BenchmarkQ(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []Conv{conv(64, 128, 7, 7, 7, 1, 0), conv(1, 32, 28, 28, 3, 1, 1), conv(32, 64, 14, 14, 3, 1, 1), conv(1, 6, 28, 28, 5, 1, 2), conv(6, 16, 14, 14, 5, 1, 0), conv(16, 120, 5, 5, 5, 1, 0)} {
		c.Activation = ReLU
		for _, n := range []int{3, 7, 14, 28} {
			pitch := Pitch(c.Channels)
			if c.Channels == 1 {
				pitch = 1
			}
			x := newPictures(n, c.Channels, c.Size, c.Border(), pitch, r)
			y := newPictures(n, c.Filters, c.Out(), 0, Pitch(c.Filters), r)
			l := Prepare(c, random(c.weights(), r), nil, 1<<30)
			s := make([]float32, l.Scratch(n))
			b.Run(fmt.Sprint(c.Channels, "x", c.Filters, "/", n), func(b *testing.B) {
				for b.Loop() {
					l.Run(y, x, Pictures{}, s)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n*b.N)/1000, "us/pic")
			})
		}
	}
	for _, n := range []int{1, 3} {
		for _, ch := range []int{32, 64} {
			size := 28 * 32 / ch
			x := newPictures(n, ch, [2]int{size, size}, 0, Pitch(ch), r)
			y := newPictures(n, ch, [2]int{size / 2, size / 2}, 0, Pitch(ch), r)
			p := Pool{Max: true, Rows: Windows(size, 2, 2, 0), Cols: Windows(size, 2, 2, 0)}
			b.Run(fmt.Sprint("pool", ch, "/", n), func(b *testing.B) {
				for b.Loop() {
					p.Run(y, x)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n*b.N)/1000, "us/pic")
			})
		}
	}
}
