package transform

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// RandomErasing sets a random rectangle of a tensor to Value, with probability P: random
// erasing (Zhong et al., "Random Erasing Data Augmentation", 2017). It comes after
// ToTensor, and after Normalize if there is one.
type RandomErasing struct {
	P     float64    // torchvision's default is 0.5
	Scale [2]float64 // the rectangle's share of the area, from and to; zero means 0.02 to 0.33
	Ratio [2]float64 // its height to its width, from and to; zero means 0.3 to 3.3
	Value float32    // of all channels
}

// Apply erases part of a copy of p.Tensor, a float32 tensor of shape (C, H, W). As in
// torchvision nothing is erased if ten rectangles drawn do not fit.
func (t RandomErasing) Apply(p Input, chance random.Key) (Input, error) {
	const op = "random erasing"
	if err := p.checkTensor(op); err != nil {
		return Input{}, err
	}
	if err := checkProbability(op, t.P); err != nil {
		return Input{}, err
	}
	t = t.complete()
	if !(t.Scale[0] >= 0 && t.Scale[0] <= t.Scale[1] && t.Scale[1] <= 1) {
		return Input{}, &Error{Op: op, Found: fmt.Sprintf("areas from %v to %v", t.Scale[0], t.Scale[1]), Expected: "0 to 1 in order"}
	}
	if !(t.Ratio[0] > 0 && t.Ratio[0] <= t.Ratio[1]) {
		return Input{}, &Error{Op: op, Found: fmt.Sprintf("ratios from %v to %v", t.Ratio[0], t.Ratio[1]), Expected: "positive numbers in order"}
	}
	channels, height, width := p.Tensor.Size(0), p.Tensor.Size(1), p.Tensor.Size(2)
	at, ok := t.rectangle(chance, height, width)
	if !ok {
		return p, nil
	}
	out := p.Tensor.Detach().Clone()
	pixels := tensor.Data[float32](out)
	for c := range channels {
		at.fill(pixels[c*height*width:], width, t.Value)
	}
	return Input{Tensor: out}, nil
}

// InEvaluation returns nil: nothing is erased.
func (RandomErasing) InEvaluation() Transform { return nil }

// complete returns t with the usual bounds in place of zero ones.
func (t RandomErasing) complete() RandomErasing {
	if t.Scale == [2]float64{} {
		t.Scale = [2]float64{0.02, 0.33}
	}
	if t.Ratio == [2]float64{} {
		t.Ratio = [2]float64{0.3, 3.3}
	}
	return t
}

// rectangle is a part of a picture.
type rectangle struct{ top, left, height, width int }

// fill sets the part of a channel, whose rows are so wide, to v.
func (p rectangle) fill(pixels []float32, width int, v float32) {
	for y := range p.height {
		row := pixels[(p.top+y)*width+p.left:][:p.width]
		for x := range row {
			row[x] = v
		}
	}
}

// rectangle returns what a complete t erases of an image of the given size; ok is false
// if that is nothing.
func (t RandomErasing) rectangle(chance random.Key, height, width int) (at rectangle, ok bool) {
	r := chance.Rand()
	if r.Float64() >= t.P {
		return rectangle{}, false
	}
	at.top, at.left, at.height, at.width, ok = t.draw(r, height, width)
	return at, ok
}

// draw returns the rectangle to erase of an image of the given size; ok is false if
// none was found that is smaller than the image in both directions.
func (t RandomErasing) draw(r *rand.Rand, height, width int) (top, left, h, w int, ok bool) {
	for range 10 {
		area := between(r, t.Scale) * float64(height*width)
		ratio := math.Exp(between(r, [2]float64{math.Log(t.Ratio[0]), math.Log(t.Ratio[1])}))
		tall, wide := math.RoundToEven(math.Sqrt(area*ratio)), math.RoundToEven(math.Sqrt(area/ratio))
		if tall < float64(height) && wide < float64(width) { // and so fit an int
			h, w = int(tall), int(wide)
			return r.IntN(height - h + 1), r.IntN(width - w + 1), h, w, true
		}
	}
	return 0, 0, 0, 0, false
}
