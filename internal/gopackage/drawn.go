package gopackage

import "image"

// drawn returns picture n of those that answers are recorded for.
func drawn(n int) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, 37+11*n, 61-5*n))
	for i := range img.Pix {
		x, y, c := i%img.Stride/4, i/img.Stride, i%4
		img.Pix[i] = uint8(x*(n+3) + y*(5-n)*(c+1) + x*y/(8+4*c))
		if c == 3 {
			img.Pix[i] = 255
		}
	}
	return img
}
