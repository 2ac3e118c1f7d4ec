package inference

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/onehot-go/onehot/internal/parallel"
)

func BenchmarkConv(b *testing.B) {
	parallel.SetThreads(1)
	batch := 8
	fmt.Sscan(os.Getenv("BATCH"), &batch)
	for _, c := range []struct {
		name string
		Conv
		times int
	}{
		{"first", conv(3, 64, 224, 224, 7, 2, 3), 1},
		{"layer1", conv(64, 64, 56, 56, 3, 1, 1), 4},
		{"layer2s2", conv(64, 128, 56, 56, 3, 2, 1), 1},
		{"layer2", conv(128, 128, 28, 28, 3, 1, 1), 3},
		{"layer2d", conv(64, 128, 56, 56, 1, 2, 0), 1},
		{"layer3s2", conv(128, 256, 28, 28, 3, 2, 1), 1},
		{"layer3", conv(256, 256, 14, 14, 3, 1, 1), 3},
		{"layer4s2", conv(256, 512, 14, 14, 3, 2, 1), 1},
		{"layer4", conv(512, 512, 7, 7, 3, 1, 1), 3},
		{"fc", conv(512, 1000, 1, 1, 1, 1, 0), 1},
		{"mlp", conv(784, 256, 1, 1, 1, 1, 0), 1},
		{"mb-expand", conv(16, 96, 112, 112, 1, 1, 0), 1},
		{"mb-dw96s2", conv(96, 96, 112, 112, 3, 2, 1).grouped(96), 1},
		{"mb-dw144", conv(144, 144, 56, 56, 3, 1, 1).grouped(144), 1},
		{"mb-proj", conv(144, 24, 56, 56, 1, 1, 0), 1},
		{"mb-dw384", conv(384, 384, 14, 14, 3, 1, 1).grouped(384), 1},
		{"mb-384x64", conv(384, 64, 14, 14, 1, 1, 0), 1},
		{"mb-320x1280", conv(320, 1280, 7, 7, 1, 1, 0), 1},
	} {
		r := rand.New(rand.NewPCG(1, 2))
		pitch := Pitch(c.Channels)
		if c.Channels == 3 {
			pitch = 3
		}
		x := newPictures(batch, c.Channels, c.Size, c.Border(), pitch, r)
		y := newPictures(batch, c.Filters, c.Out(), 1, Pitch(c.Filters), nil)
		for _, road := range c.roads(active) {
			if c.Groups > 1 && road == Direct {
				continue
			}
			l := prepare(c.Conv, road, active, random(c.weights(), r), nil)
			scratch := make([]float32, l.Scratch(batch))
			b.Run(c.name+"/"+road.String(), func(b *testing.B) {
				for b.Loop() {
					l.Run(y, x, Pictures{}, scratch)
				}
				ns := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / float64(batch)
				b.ReportMetric(2*float64(c.Multiplications())/ns, "GFLOP/s")
				b.ReportMetric(ns/1000, "us/picture")
				b.ReportMetric(ns/1000*float64(c.times), "us/net")
			})
		}
	}
}
