package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// sgdSettings and adamSettings are all combinations of options.
var (
	sgdSettings  []SGD
	adamSettings []Adam
)

func init() {
	for _, decay := range []float64{0, 0.25} {
		for _, maximize := range []bool{false, true} {
			for _, nesterov := range []bool{false, true} {
				sgdSettings = append(sgdSettings, SGD{Scale: -0.3, Decay: decay, Momentum: 0.9, Share: 0.7, Nesterov: nesterov, Maximize: maximize})
			}
			for _, keep := range []float64{1, 0.9} {
				adamSettings = append(adamSettings, Adam{Scale: -0.3, Decay: decay, Keep: keep, Beta1: 0.9, Beta2: 0.999, Root: 3, Eps: 1e-8, Maximize: maximize})
			}
		}
	}
}

// TestSteps compares the steps of optimizers, over several steps, with plain loops to the
// bit, on slices of all small lengths that begin anywhere.
func TestSteps(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("Go's compiler may fuse products with sums, and the steps have no assembly: package optim tests them")
	}
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(31, 32))
		for n := range 70 {
			draw := func() bordered {
				b := newBordered(n)
				copy(b.inner, drawRows(r, 2, (n+1)/2))
				return b
			}
			for _, c := range sgdSettings {
				for _, momentum := range []bool{false, true} {
					p, v := draw(), draw()
					wantP, wantV, velocity := slices.Clone(p.inner), slices.Clone(v.inner), v.inner
					if !momentum {
						velocity = nil
					}
					for range 3 {
						g := draw().inner
						SGDStep(&c, p.inner, g, velocity)
						for i, d := range g {
							if c.Maximize {
								d = -d
							}
							if c.Decay != 0 {
								d += float32(float32(c.Decay) * wantP[i])
							}
							if momentum {
								wantV[i] = float32(float32(c.Momentum)*wantV[i]) + float32(float32(c.Share)*d)
								if c.Nesterov {
									d += float32(float32(c.Momentum) * wantV[i])
								} else {
									d = wantV[i]
								}
							}
							wantP[i] += float32(float32(c.Scale) * d)
						}
					}
					p.check(t)
					v.check(t)
					sameBits(t, p.inner, wantP)
					sameBits(t, v.inner, wantV)
				}
			}
			for _, c := range adamSettings {
				for _, amsgrad := range []bool{false, true} {
					p, m, v, most := draw(), draw(), draw(), draw()
					wantP, wantM, wantV, wantMost, greatest := slices.Clone(p.inner), slices.Clone(m.inner), slices.Clone(v.inner), slices.Clone(most.inner), most.inner
					if !amsgrad {
						greatest = nil
					}
					for range 3 {
						g := draw().inner
						AdamStep(&c, p.inner, g, m.inner, v.inner, greatest)
						for i, d := range g {
							if c.Maximize {
								d = -d
							}
							if c.Decay != 0 {
								d += float32(float32(c.Decay) * wantP[i])
							}
							wantM[i] = float32(float32(c.Beta1)*wantM[i]) + float32(float32(1-c.Beta1)*d)
							wantV[i] = float32(float32(c.Beta2)*wantV[i]) + float32(float32(float32(1-c.Beta2)*d)*d)
							square := wantV[i]
							if amsgrad {
								wantMost[i] = max(wantMost[i], square)
								square = wantMost[i]
							}
							root := float32(math.Sqrt(float64(square))) * float32(c.Root)
							wantP[i] = float32(float32(c.Keep)*wantP[i]) + float32(float32(c.Scale)*(wantM[i]/(root+float32(c.Eps))))
						}
					}
					for _, b := range []bordered{p, m, v, most} {
						b.check(t)
					}
					sameBits(t, p.inner, wantP)
					sameBits(t, m.inner, wantM)
					sameBits(t, v.inner, wantV)
					sameBits(t, most.inner, wantMost)
				}
			}
		}
	})
}

func TestStepsAllocateNothing(t *testing.T) {
	forEach(t, func(t *testing.T) {
		x := make([]float32, 100)
		if n := testing.AllocsPerRun(20, func() {
			SGDStep(&sgdSettings[0], x, x, nil)
			AdamStep(&adamSettings[0], x, x, x, x, nil)
		}); n > 0 {
			t.Errorf("steps allocate %v times", n)
		}
	})
}

// BenchmarkSteps steps the parameters of a layer of 784 by 256; a byte counts as often as
// it is read or written.
func BenchmarkSteps(b *testing.B) {
	defer func(i *implementation) { active = i }(active)
	const n = 784 * 256
	p, g, m, v := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range g {
		g[i] = float32(i%7) - 3
	}
	sgd, adam := SGD{Scale: -1e-9, Share: 1, Momentum: 0.9}, Adam{Scale: -1e-9, Keep: 1, Beta1: 0.9, Beta2: 0.999, Root: 1, Eps: 1e-8}
	for _, c := range []struct {
		name    string
		streams int64
		run     func()
	}{
		{"SGD", 3, func() { SGDStep(&sgd, p, g, nil) }},
		{"Momentum", 5, func() { SGDStep(&sgd, p, g, v) }},
		{"Adam", 7, func() { AdamStep(&adam, p, g, m, v, nil) }},
	} {
		for i := range available {
			active = &available[i]
			b.Run(fmt.Sprintf("%s/%s", c.name, active.name), func(b *testing.B) {
				b.SetBytes(4 * n * c.streams)
				for b.Loop() {
					c.run()
				}
			})
		}
	}
}
