package transform

import (
	"math"
	"math/rand/v2"

	"github.com/onehot-go/onehot/random"
)

// TrivialAugmentWide changes an image by one of fourteen operations, by an amount of 31 that
// it has, all drawn with the same chance: torchvision's, of Müller and Hutter,
// "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation", 2021. The operations
// are: nothing, shear along x and y, shift along x and y by up to 32 pixels, rotation, other
// brightness, colour, contrast and sharpness, fewer bits, a negative of what is bright, full
// contrast, and equal use of all values. The pixels are PIL's as far as Rotate's are; the
// amounts may differ from torchvision's in the last bit of a float32.
type TrivialAugmentWide struct {
	Interpolation Interpolation // Nearest by default
	Fill          uint8         // what comes from outside
}

// Apply gives an *image.Gray of a grey image and an opaque *image.RGBA of a colour one.
func (t TrivialAugmentWide) Apply(p Input, chance random.Key) (Input, error) {
	return moved("trivial augment", t, p, chance)
}

// InEvaluation returns nil: an image stays as it is.
func (TrivialAugmentWide) InEvaluation() Transform { return nil }

func (t TrivialAugmentWide) fits(_, _ int) error {
	return checkWarp("trivial augment", t.Interpolation)
}

func (t TrivialAugmentWide) move(v view, chance random.Key, m *memory) view {
	op, by := t.draw(chance.Rand())
	return t.do(v, op, by, m)
}

// trivialAmounts is how many amounts an operation has.
const trivialAmounts = 31

// trivialOps are the operations: those that move pixels, and those that change their
// values.
var trivialOps = [...]struct {
	name   string
	amount func(i int) float64 // the i-th; nil where there is none
	signed bool                // either way
	warp   func(by, width, height float64) matrix
	change func(v view, by float64, m *memory) view
}{
	{name: "identity"},
	{name: "shear x", amount: to(0.99), signed: true, warp: func(by, _, _ float64) matrix {
		return Affine{Scale: 1, ShearX: lean(by)}.linear()
	}},
	{name: "shear y", amount: to(0.99), signed: true, warp: func(by, _, _ float64) matrix {
		return Affine{Scale: 1, ShearY: lean(by)}.linear()
	}},
	{name: "translate x", amount: to(32), signed: true, warp: func(by, width, height float64) matrix {
		return Affine{Scale: 1, X: int(by)}.matrix(width, height)
	}},
	{name: "translate y", amount: to(32), signed: true, warp: func(by, width, height float64) matrix {
		return Affine{Scale: 1, Y: int(by)}.matrix(width, height)
	}},
	{name: "rotate", amount: to(135), signed: true, warp: func(by, width, height float64) matrix {
		return Rotate{Degrees: by}.matrix(width, height)
	}},
	{name: "brightness", amount: to(0.99), signed: true, change: beyond(brightness)},
	{name: "color", amount: to(0.99), signed: true, change: beyond(saturation)},
	{name: "contrast", amount: to(0.99), signed: true, change: beyond(contrast)},
	{name: "sharpness", amount: to(0.99), signed: true, change: beyond(sharpness)},
	{name: "posterize", amount: func(i int) float64 { return 8 - math.RoundToEven(float64(i)/5) }, change: posterize},
	{name: "solarize", amount: func(i int) float64 { return 255 - 8.5*float64(i) }, change: solarize},
	{name: "autocontrast", change: autocontrast},
	{name: "equalize", change: equalize},
}

// to returns the amounts from 0 to most, in equal steps. They are float32, as PyTorch's
// linspace has them: but for the last bit, which there depends on the processor.
func to(most float64) func(i int) float64 {
	return func(i int) float64 { return float64(float32(most * float64(i) / (trivialAmounts - 1))) }
}

// lean returns the degrees of a shear that shifts a row or column by so much of its
// distance.
func lean(by float64) float64 { return math.Atan(by) * (180 / math.Pi) }

// beyond returns the change by 1 and so much.
func beyond(change func(v view, by float64, m *memory) view) func(v view, by float64, m *memory) view {
	return func(v view, by float64, m *memory) view { return change(v, 1+by, m) }
}

// draw returns the index of an operation, and the amount.
func (TrivialAugmentWide) draw(r *rand.Rand) (op int, by float64) {
	op = r.IntN(len(trivialOps))
	if o := trivialOps[op]; o.amount != nil {
		by = o.amount(r.IntN(trivialAmounts))
		if o.signed && r.IntN(2) == 1 {
			by = -by
		}
	}
	return op, by
}

// do returns what an operation makes of v.
func (t TrivialAugmentWide) do(v view, op int, by float64, m *memory) view {
	switch o := trivialOps[op]; {
	case o.warp != nil:
		return v.warp(o.warp(by, float64(v.width), float64(v.height)), t.Interpolation, t.Fill, m)
	case o.change != nil:
		return o.change(m.owned(v), by, m)
	}
	return v
}
