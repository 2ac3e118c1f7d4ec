package transform

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/onehot-go/onehot/random"
)

// Rotate turns an image about its middle, within its own frame: torchvision's
// functional.rotate of an image. What comes from outside has the value Fill in every
// channel. Pixels are the same as PIL's, but where a place is a whole number or not by
// the last bit of a sine: there Bilinear, which cuts fractions off, may differ by one
// level.
type Rotate struct {
	Degrees       float64       `json:"degrees"`                 // counter-clockwise
	Interpolation Interpolation `json:"interpolation,omitempty"` // Nearest by default
	Fill          uint8         `json:"fill,omitempty"`
}

// Apply gives an *image.Gray of a grey image and an opaque *image.RGBA of a colour one.
func (t Rotate) Apply(p Input, chance random.Key) (Input, error) {
	return moved("rotate", t, p, chance)
}

func (t Rotate) fits(_, _ int) error {
	if err := checkFinite("rotate", t.Degrees); err != nil {
		return err
	}
	return checkWarp("rotate", t.Interpolation)
}

func (t Rotate) move(v view, _ random.Key, m *memory) view {
	return v.warp(t.matrix(float64(v.width), float64(v.height)), t.Interpolation, t.Fill, m)
}

// matrix returns the way from the rotated image back, for one of the given size.
func (t Rotate) matrix(width, height float64) matrix {
	turn := math.Mod(t.Degrees, 360)
	// Rounded to 15 places, as PIL has it, a quarter turn is one exactly.
	exact := func(v float64) float64 { return math.Round(v*1e15) / 1e15 }
	sin, cos := math.Sincos(-turn * (math.Pi / 180))
	m := matrix{a: exact(cos), b: exact(sin), d: exact(-sin), e: exact(cos)}
	return m.about(width/2, height/2, 0, 0)
}

// RandomRotation turns an image by a random angle from -Degrees to Degrees, every one as
// likely. Everything else is as in Rotate.
type RandomRotation struct {
	Degrees       float64       // at least 0
	Interpolation Interpolation // Nearest by default
	Fill          uint8
}

// Apply gives an *image.Gray of a grey image and an opaque *image.RGBA of a colour one.
func (t RandomRotation) Apply(p Input, chance random.Key) (Input, error) {
	return moved("random rotation", t, p, chance)
}

func (t RandomRotation) fits(_, _ int) error {
	if err := checkDegrees("random rotation", t.Degrees); err != nil {
		return err
	}
	return checkWarp("random rotation", t.Interpolation)
}

func (t RandomRotation) move(v view, chance random.Key, m *memory) view {
	return t.draw(chance.Rand()).move(v, chance, m)
}

// InEvaluation returns nil: an image stays as it is.
func (RandomRotation) InEvaluation() Transform { return nil }

// draw returns the rotation.
func (t RandomRotation) draw(r *rand.Rand) Rotate {
	return Rotate{around(r, t.Degrees), t.Interpolation, t.Fill}
}

// Affine shears, turns and scales an image about its middle and then shifts it, within
// its own frame: torchvision's functional.affine of an image. What comes from outside has
// the value Fill in every channel. Pixels are PIL's as far as Rotate's are.
type Affine struct {
	Degrees       float64       `json:"degrees"`                 // clockwise: as in torchvision, not Rotate's way
	X             int           `json:"x"`                       // the shift to the right, in pixels
	Y             int           `json:"y"`                       // the shift down
	Scale         float64       `json:"scale"`                   // positive; 1 keeps the size
	ShearX        float64       `json:"shear_x"`                 // degrees from which columns lean
	ShearY        float64       `json:"shear_y"`                 // degrees from which rows lean
	Interpolation Interpolation `json:"interpolation,omitempty"` // Nearest by default
	Fill          uint8         `json:"fill,omitempty"`
}

// Apply gives an *image.Gray of a grey image and an opaque *image.RGBA of a colour one.
func (t Affine) Apply(p Input, chance random.Key) (Input, error) {
	return moved("affine", t, p, chance)
}

func (t Affine) fits(_, _ int) error {
	if err := t.check(); err != nil {
		return err
	}
	return checkWarp("affine", t.Interpolation)
}

func (t Affine) move(v view, _ random.Key, m *memory) view {
	return v.warp(t.matrix(float64(v.width), float64(v.height)), t.Interpolation, t.Fill, m)
}

// check returns an *Error if a number is not finite or the scale not positive.
func (t Affine) check() error {
	if err := checkFinite("affine", t.Degrees, t.Scale, t.ShearX, t.ShearY); err != nil {
		return err
	}
	if t.Scale <= 0 {
		return &Error{Op: "affine", Found: fmt.Sprintf("a scale of %v", t.Scale), Expected: "a positive number"}
	}
	return nil
}

// matrix returns the way from the changed image back, for one of the given size. The way
// there is R·Y·X about the middle, with
//
//	X = 1  -tan ShearX    Y =      1       0    R = Scale · cos  -sin
//	    0       1             -tan ShearY  1                sin   cos
//
// and the determinant of R/Scale·Y·X is 1.
func (t Affine) matrix(width, height float64) matrix {
	return t.linear().about(width/2, height/2, float64(t.X), float64(t.Y))
}

// linear returns the matrix about the first pixel, without the shift.
func (t Affine) linear() matrix {
	const radian = math.Pi / 180
	turn, x, y := t.Degrees*radian, t.ShearX*radian, t.ShearY*radian
	sin, cos := math.Sincos(turn)
	leanSin, leanCos := math.Sincos(turn - y)
	a := leanCos / math.Cos(y)
	b := float64(-leanCos*math.Tan(x)/math.Cos(y)) - sin
	c := leanSin / math.Cos(y)
	d := float64(-leanSin*math.Tan(x)/math.Cos(y)) + cos
	return matrix{a: d / t.Scale, b: -b / t.Scale, d: -c / t.Scale, e: a / t.Scale}
}

// RandomAffine changes an image by a random Affine. Every number is drawn by itself, each
// between its bounds as likely as any other; those left zero change nothing.
type RandomAffine struct {
	Degrees       float64    // turns by -Degrees to Degrees
	Translate     [2]float64 // shifts along x and y by up to these fractions of width and height, rounded to pixels
	Scale         [2]float64 // scales by the first to the second
	Shear         [2]float64 // shears along x and y by up to these degrees, either way
	Interpolation Interpolation
	Fill          uint8
}

// Apply gives an *image.Gray of a grey image and an opaque *image.RGBA of a colour one.
func (t RandomAffine) Apply(p Input, chance random.Key) (Input, error) {
	return moved("random affine", t, p, chance)
}

func (t RandomAffine) fits(_, _ int) error {
	const op = "random affine"
	if err := checkFinite(op, t.Scale[:]...); err != nil {
		return err
	}
	for _, d := range []float64{t.Degrees, t.Shear[0], t.Shear[1]} {
		if err := checkDegrees(op, d); err != nil {
			return err
		}
	}
	for _, f := range t.Translate {
		if !(f >= 0 && f <= 1) {
			return &Error{Op: op, Found: fmt.Sprintf("a shift by %v of the image", f), Expected: "0 to 1"}
		}
	}
	if t.Scale != [2]float64{} && !(t.Scale[0] > 0 && t.Scale[0] <= t.Scale[1]) {
		return &Error{Op: op, Found: fmt.Sprintf("scales from %v to %v", t.Scale[0], t.Scale[1]), Expected: "positive numbers in order"}
	}
	return checkWarp(op, t.Interpolation)
}

func (t RandomAffine) move(v view, chance random.Key, m *memory) view {
	return t.draw(chance.Rand(), float64(v.width), float64(v.height)).move(v, chance, m)
}

// InEvaluation returns nil: an image stays as it is.
func (RandomAffine) InEvaluation() Transform { return nil }

// draw returns the map for an image of the given size.
func (t RandomAffine) draw(r *rand.Rand, width, height float64) Affine {
	a := Affine{
		Degrees: around(r, t.Degrees),
		X:       int(math.RoundToEven(around(r, t.Translate[0]*width))),
		Y:       int(math.RoundToEven(around(r, t.Translate[1]*height))),
		Scale:   between(r, t.Scale),
		ShearX:  around(r, t.Shear[0]),
		ShearY:  around(r, t.Shear[1]),

		Interpolation: t.Interpolation, Fill: t.Fill,
	}
	if t.Scale == [2]float64{} {
		a.Scale = 1
	}
	return a
}

// between returns a number drawn from the uniform distribution between two bounds.
func between(r *rand.Rand, bounds [2]float64) float64 {
	return bounds[0] + float64((bounds[1]-bounds[0])*r.Float64())
}

// around returns a number drawn from the uniform distribution from -most to most.
func around(r *rand.Rand, most float64) float64 { return between(r, [2]float64{-most, most}) }

// checkFinite returns an *Error unless all numbers are finite.
func checkFinite(op string, numbers ...float64) error {
	for _, v := range numbers {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return &Error{Op: op, Found: fmt.Sprintf("the number %v", v), Expected: "a finite one"}
		}
	}
	return nil
}

// checkDegrees returns an *Error unless d is the greatest angle of a range about 0.
func checkDegrees(op string, d float64) error {
	if err := checkFinite(op, d); err != nil {
		return err
	}
	if d < 0 {
		return &Error{Op: op, Found: fmt.Sprintf("%v degrees", d), Expected: "0 or more"}
	}
	return nil
}

// checkWarp returns an *Error unless pixels can be made by i.
func checkWarp(op string, i Interpolation) error {
	_, err := i.or(Nearest, op)
	return err
}

// warp returns a picture of v's size whose pixels are made of the places in v to which back
// takes their middles. What comes from outside has the value fill.
func (v view) warp(back matrix, i Interpolation, fill uint8, m *memory) view {
	out := m.filled(v.channels, v.height, v.width, fill)
	if i == Bilinear {
		out.bilinear(v, back)
	} else {
		out.nearest(v, back)
	}
	return out
}

// matrix takes (x, y) to (a·x + b·y + c, d·x + e·y + f). Products are rounded by
// themselves wherever it is computed or used, so that all machines give the same pixels.
type matrix struct{ a, b, c, d, e, f float64 }

// about returns m with its origin at (x, y), after a shift back by (dx, dy).
func (m matrix) about(x, y, dx, dy float64) matrix {
	m.c = float64(m.a*(-x-dx)) + float64(m.b*(-y-dy)) + x
	m.f = float64(m.d*(-x-dx)) + float64(m.e*(-y-dy)) + y
	return m
}

// nearest sets each pixel of v to that of in where m takes its middle, if that is inside.
// It goes from pixel to pixel as PIL does, with places rounded to 1/65536 of a pixel
// where rows do not stay rows.
func (v view) nearest(in view, m matrix) {
	if m.b == 0 && m.d == 0 {
		columns := steps(v.width, m.a, m.c)
		for y, from := range steps(v.height, m.e, m.f) {
			if from < 0 || from >= in.height {
				continue
			}
			to, row := v.at+y*v.stride, in.at+from*in.stride
			for x, at := range columns {
				if at >= 0 && at < in.width {
					for c := range v.channels {
						v.pix[to+c*v.area+x*v.step] = in.pix[row+c*in.area+at*in.step]
					}
				}
			}
		}
		return
	}
	fixed := func(v float64) int { return int(math.Floor(float64(v*65536) + 0.5)) }
	startX := fixed(m.c + float64(m.a*0.5) + float64(m.b*0.5))
	startY := fixed(m.f + float64(m.d*0.5) + float64(m.e*0.5))
	a, b, d, e := fixed(m.a), fixed(m.b), fixed(m.d), fixed(m.e)
	for y := range v.height {
		to := v.at + y*v.stride
		atX, atY := startX+y*b, startY+y*e
		for x := range v.width {
			if fx, fy := atX>>16, atY>>16; fx >= 0 && fx < in.width && fy >= 0 && fy < in.height {
				from := in.at + fy*in.stride + fx*in.step
				for c := range v.channels {
					v.pix[to+c*v.area+x*v.step] = in.pix[from+c*in.area]
				}
			}
			atX += a
			atY += d
		}
	}
}

// steps returns where the middles of n pixels come from along one axis, -1 before the
// first pixel.
func steps(n int, scale, shift float64) []int {
	out := make([]int, n)
	at := shift + float64(scale*0.5)
	for i := range out {
		out[i] = -1
		if at >= 0 {
			out[i] = int(at)
		}
		at += scale
	}
	return out
}

// bilinear sets each pixel of v to the value of in where m takes its middle, if that is
// inside: between the four middles around, of which those outside are the nearest ones
// inside. Fractions are cut off, as PIL does.
func (v view) bilinear(in view, m matrix) {
	for y := range v.height {
		to := v.at + y*v.stride
		for x := range v.width {
			cx, cy := float64(x)+0.5, float64(y)+0.5
			fx := float64(m.a*cx) + float64(m.b*cy) + m.c
			fy := float64(m.d*cx) + float64(m.e*cy) + m.f
			if !(fx >= 0 && fx < float64(in.width) && fy >= 0 && fy < float64(in.height)) {
				continue
			}
			left, top := math.Floor(fx-0.5), math.Floor(fy-0.5)
			dx, dy := fx-0.5-left, fy-0.5-top
			x0, x1 := max(int(left), 0)*in.step, min(int(left)+1, in.width-1)*in.step
			upper, lower := in.at+max(int(top), 0)*in.stride, in.at+min(int(top)+1, in.height-1)*in.stride
			for c := range v.channels {
				pix := in.pix[c*in.area:]
				above := mix(float64(pix[upper+x0]), float64(pix[upper+x1]), dx)
				below := mix(float64(pix[lower+x0]), float64(pix[lower+x1]), dx)
				v.pix[to+c*v.area+x*v.step] = uint8(mix(above, below, dy))
			}
		}
	}
}

// mix returns the value at d, from 0 to 1, on the way from v to w.
func mix(v, w, d float64) float64 { return v + float64((w-v)*d) }
