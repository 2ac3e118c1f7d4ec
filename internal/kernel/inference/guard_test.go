//go:build linux || darwin

package inference

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"unsafe"
)

// guarded copies s to memory that ends where none may be read or written.
func guarded(t *testing.T, s []float32) []float32 {
	page := syscall.Getpagesize()
	size := (4*len(s) + page - 1) / page * page
	mem, err := syscall.Mmap(-1, 0, size+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(mem); err != nil {
			t.Error(err)
		}
	})
	if err := syscall.Mprotect(mem[size:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	all := unsafe.Slice((*float32)(unsafe.Pointer(&mem[0])), size/4)
	last := all[len(all)-len(s):]
	copy(last, s)
	return last
}

// TestNothingBeyondIsTouched runs the kernels on operands that end at memory which cannot be read or
// written: that would end the program.
func TestNothingBeyondIsTouched(t *testing.T) {
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(11, 12))
		picture := func(images, channels int, size [2]int, border, pitch int) Pictures {
			p := newPictures(images, channels, size, border, pitch, r)
			p.Data = guarded(t, p.Data)
			return p
		}
		for i, c := range convCases() {
			if i%5 != 0 && c.Kernel != [2]int{3, 3} {
				continue
			}
			pitch := Pitch(c.Channels)
			if c.Channels < 4 && c.Groups == 1 {
				pitch = c.Channels
			}
			x, y := picture(c.images, c.Channels, c.Size, c.Border(), pitch), picture(c.images, c.Filters, c.Results(), 0, Pitch(c.Filters))
			add := picture(c.images, c.Filters, c.Results(), 0, Pitch(c.Filters))
			if c.Pairs {
				add = Pictures{}
			}
			for _, road := range c.Roads() {
				l := PrepareOn(c.Conv, road, random(c.weights(), r), nil)
				l.w, l.bias = guarded(t, l.w), guarded(t, l.bias)
				l.Run(y, x, add, guarded(t, make([]float32, l.Scratch(c.images))))
			}
		}
		for _, channels := range []int{1, 17, 40} {
			x, y := picture(2, channels, [2]int{5, 7}, 0, Pitch(channels)), picture(2, channels, [2]int{3, 4}, 0, Pitch(channels))
			for _, p := range []Pool{
				{Max: true, Rows: Windows(5, 3, 2, 1), Cols: Windows(7, 3, 2, 1)}, {Rows: Parts(5, 3), Cols: Parts(7, 4)},
			} {
				p.Run(y, x)
			}
			Gate(x, x, picture(2, channels, [2]int{1, 1}, 0, Pitch(channels)))
			Sum(x, x, x, SiLU)
			for a := ReLU; a <= SiLU; a++ {
				Activate(x, a)
			}
		}
	})
}
