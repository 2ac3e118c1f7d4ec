package transform

import (
	"image"
	"math"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// draws is how many samples the tests of what is drawn take. They are the same every
// time, so that no test fails by chance.
const draws = 4000

// spread is what a series of numbers, each of its own key, should look like: uniform from
// low to high.
type spread struct {
	name      string
	low, high float64
	of        func(k random.Key) float64
}

// check fails unless all numbers are within the bounds, come near both, and are in each
// tenth of the range as often as chance has it.
func (s spread) check(t *testing.T) {
	t.Helper()
	var tenths [10]int
	for i := range draws {
		v := s.of(random.New(uint64(i)))
		if !(v >= s.low && v <= s.high) {
			t.Fatalf("%s: drew %v, want %v to %v", s.name, v, s.low, s.high)
		}
		tenths[min(int(10*(v-s.low)/(s.high-s.low)), 9)]++
	}
	// The number in a tenth has the mean n/10 and the deviation √(n·0.1·0.9).
	for i, n := range tenths {
		if off := math.Abs(float64(n) - draws/10); off > 4*math.Sqrt(draws*0.09) {
			t.Errorf("%s: %d of %d draws are in tenth %d", s.name, n, draws, i)
		}
	}
}

func TestDrawnUniformly(t *testing.T) {
	affine := RandomAffine{Degrees: 20, Translate: [2]float64{0.5, 0.25}, Scale: [2]float64{0.5, 3}, Shear: [2]float64{10, 5}}
	of := func(f func(Affine) float64) func(random.Key) float64 {
		return func(k random.Key) float64 { return f(affine.draw(k.Rand(), 4000, 2000)) }
	}
	erase := RandomErasing{Scale: [2]float64{0.1, 0.2}, Ratio: [2]float64{0.5, 2}}
	erased := func(f func(top, left, h, w int) float64) func(random.Key) float64 {
		return func(k random.Key) float64 {
			top, left, h, w, ok := erase.draw(k.Rand(), 3000, 2000)
			if !ok {
				t.Fatal("no rectangle was drawn")
			}
			return f(top, left, h, w)
		}
	}
	resized := RandomResizedCrop{Height: 1, Width: 1, Scale: [2]float64{0.1, 0.2}}.complete()
	cropped := func(f func(r rectangle) float64) func(random.Key) float64 {
		return func(k random.Key) float64 { return f(resized.draw(k.Rand(), 3000, 2000)) }
	}
	jittered := func(t ColorJitter) func(random.Key) float64 {
		return func(k random.Key) float64 { return t.draw(k.Rand())[0].by }
	}
	for _, s := range []spread{
		{"area of a crop", 0.0995, 0.2005, cropped(func(r rectangle) float64 { return float64(r.height*r.width) / (3000 * 2000) })},
		{"logarithm of a crop's ratio", math.Log(0.748), math.Log(1.336), cropped(func(r rectangle) float64 { return math.Log(float64(r.width) / float64(r.height)) })},
		{"top of a crop", 0, 1, cropped(func(r rectangle) float64 { return float64(r.top) / float64(3000-r.height) })},
		{"left of a crop", 0, 1, cropped(func(r rectangle) float64 { return float64(r.left) / float64(2000-r.width) })},
		{"brightness", 0.6, 1.4, jittered(ColorJitter{Brightness: 0.4})},
		{"contrast", 0, 3, jittered(ColorJitter{Contrast: 2})},
		{"saturation", 0.5, 1.5, jittered(ColorJitter{Saturation: 0.5})},
		{"hue", -0.1, 0.1, jittered(ColorJitter{Hue: 0.1})},
		{"place of the hue among four", -0.5, 3.5, func(k random.Key) float64 {
			all := ColorJitter{1, 1, 1, 0.001}.draw(k.Rand())
			return float64(slices.IndexFunc(all, func(a adjustment) bool { return math.Abs(a.by) < 0.001 })) + k.For("spread").Rand().Float64() - 0.5
		}},
		{"angle of a rotation", -30, 30, func(k random.Key) float64 { return RandomRotation{Degrees: 30}.draw(k.Rand()).Degrees }},
		{"angle", -20, 20, of(func(a Affine) float64 { return a.Degrees })},
		{"shift along x", -2000, 2000, of(func(a Affine) float64 { return float64(a.X) })},
		{"shift along y", -500, 500, of(func(a Affine) float64 { return float64(a.Y) })},
		{"scale", 0.5, 3, of(func(a Affine) float64 { return a.Scale })},
		{"shear along x", -10, 10, of(func(a Affine) float64 { return a.ShearX })},
		{"shear along y", -5, 5, of(func(a Affine) float64 { return a.ShearY })},
		// Sides are rounded to pixels, of which there are enough.
		{"area", 0.0995, 0.2005, erased(func(_, _, h, w int) float64 { return float64(h*w) / (3000 * 2000) })},
		{"logarithm of the ratio", math.Log(0.499), math.Log(2.005), erased(func(_, _, h, w int) float64 { return math.Log(float64(h) / float64(w)) })},
		{"top", 0, 1, erased(func(top, _, h, _ int) float64 { return float64(top) / float64(3000-h) })},
		{"left", 0, 1, erased(func(_, left, _, w int) float64 { return float64(left) / float64(2000-w) })},
	} {
		s.check(t)
	}
	if got, want := (RandomAffine{}).draw(random.New(0).Rand(), 9, 9), (Affine{Scale: 1}); got != want {
		t.Errorf("an affine map without bounds is %+v, want %+v", got, want)
	}
}

// TestResizedCropFallback checks what is cut if no part fits: the middle, in the proportions
// that are allowed.
func TestResizedCropFallback(t *testing.T) {
	whole := [2]float64{1, 1}
	for _, test := range []struct {
		ratio         [2]float64
		height, width int
		want          rectangle
	}{
		{[2]float64{2, 2}, 11, 10, rectangle{3, 0, 5, 10}},
		{[2]float64{0.5, 0.5}, 10, 13, rectangle{0, 4, 10, 5}},
		{[2]float64{4, 1e9}, 1, 1, rectangle{0, 0, 1, 1}},
		{[2]float64{1e-300, 1e-200}, 9, 9, rectangle{0, 4, 9, 1}},
		{[2]float64{1e200, 1e300}, 9, 8, rectangle{4, 0, 1, 8}},
	} {
		crop := RandomResizedCrop{Height: 1, Width: 1, Scale: whole, Ratio: test.ratio}.complete()
		if got := crop.draw(random.New(1).Rand(), test.height, test.width); got != test.want {
			t.Errorf("ratio %v of %d by %d: %+v, want %+v", test.ratio, test.height, test.width, got, test.want)
		}
	}
}

// TestTrivialDraws checks that all operations and amounts are as likely, and both signs.
func TestTrivialDraws(t *testing.T) {
	var ops, amounts [40]int
	negative, signed := 0, 0
	for i := range draws {
		op, by := TrivialAugmentWide{}.draw(random.New(uint64(i)).Rand())
		ops[op]++
		if o := trivialOps[op]; o.signed && by != 0 {
			signed++
			if by < 0 {
				negative++
			}
		}
		if trivialOps[op].name == "solarize" {
			amounts[int(by/8.5)]++
		}
	}
	likely := func(what string, n, of int, p float64) {
		if math.Abs(float64(n)-float64(of)*p) > 4*math.Sqrt(float64(of)*p*(1-p)) {
			t.Errorf("%s came %d times of %d, want about %.0f", what, n, of, float64(of)*p)
		}
	}
	for i, o := range trivialOps {
		likely(o.name, ops[i], draws, 1./14)
	}
	likely("a negative amount", negative, signed, 0.5)
	for i := range trivialAmounts {
		likely("an amount", amounts[i], draws/14, 1./31)
	}
}

// TestRandomCropPlaces checks that every place is as likely, the outermost too.
func TestRandomCropPlaces(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 3, 2))
	for i := range img.Pix {
		img.Pix[i] = uint8(10 * (i + 1))
	}
	crop := RandomCrop{Height: 3, Width: 4, Padding: 1, Fill: 7} // in 4 by 5 pixels: 4 places
	counts := map[string]int{}
	for i := range draws {
		p, err := crop.Apply(Input{Image: img}, random.New(uint64(i)))
		if err != nil {
			t.Fatal(err)
		}
		grey := p.Image.(*image.Gray)
		var pix []byte
		for y := range 3 {
			pix = append(pix, grey.Pix[y*grey.Stride:][:4]...)
		}
		counts[string(pix)]++
	}
	for _, want := range [][]byte{
		{7, 7, 7, 7, 7, 10, 20, 30, 7, 40, 50, 60},
		{7, 7, 7, 7, 10, 20, 30, 7, 40, 50, 60, 7},
		{7, 10, 20, 30, 7, 40, 50, 60, 7, 7, 7, 7},
		{10, 20, 30, 7, 40, 50, 60, 7, 7, 7, 7, 7},
	} {
		if n := counts[string(want)]; math.Abs(float64(n)-draws/4) > 4*math.Sqrt(draws*0.25*0.75) {
			t.Errorf("%v came %d times of %d", want, n, draws)
		}
	}
	if len(counts) != 4 {
		t.Errorf("%d crops, want 4", len(counts))
	}
}

// TestProbabilities checks how often the transforms that have a probability do anything.
func TestProbabilities(t *testing.T) {
	grey := Input{Image: &image.Gray{Pix: []uint8{1, 2}, Stride: 2, Rect: image.Rect(0, 0, 2, 1)}}
	ones := Input{Tensor: tensor.Ones(tensor.Float32, 1, 8, 8)}
	for _, p := range []float64{0, 0.25, 1} {
		flips, erased := 0, 0
		for i := range draws {
			k := random.New(uint64(i))
			out, err := RandomHorizontalFlip{p}.Apply(grey, k)
			if err != nil {
				t.Fatal(err)
			}
			if out.Image.(*image.Gray).Pix[0] == 2 {
				flips++
			}
			if out, err = (RandomErasing{P: p}).Apply(ones, k); err != nil {
				t.Fatal(err)
			}
			if out != ones {
				erased++
			}
		}
		for name, n := range map[string]int{"flips": flips, "erased": erased} {
			if math.Abs(float64(n)-draws*p) > 4*math.Sqrt(draws*p*(1-p)) {
				t.Errorf("probability %v: %s %d of %d", p, name, n, draws)
			}
		}
	}
}

func TestRandomErasing(t *testing.T) {
	in := tensor.Uniform(tensor.Float32, random.New(0).Rand(), 0, 1, 2, 6, 7)
	before := tensor.Values[float32](in)
	erase := RandomErasing{P: 1, Value: -3}
	for i := range 50 {
		p, err := erase.Apply(Input{Tensor: in}, random.New(uint64(i)))
		if err != nil {
			t.Fatal(err)
		}
		got := tensor.Values[float32](p.Tensor)
		r := random.New(uint64(i)).Rand()
		r.Float64() // whether to erase
		same := erase
		same.Scale, same.Ratio = [2]float64{0.02, 0.33}, [2]float64{0.3, 3.3}
		top, left, h, w, _ := same.draw(r, 6, 7)
		for at, v := range got {
			y, x := at/7%6, at%7
			want := before[at]
			if y >= top && y < top+h && x >= left && x < left+w {
				want = -3
			}
			if v != want {
				t.Fatalf("key %d: %v with %d by %d erased at (%d, %d)", i, got, h, w, top, left)
			}
		}
	}
	if !slices.Equal(tensor.Values[float32](in), before) {
		t.Error("the input was changed")
	}
	// A square of one pixel is as high or as wide as these.
	for _, shape := range [][]int{{1, 1, 4}, {1, 4, 1}} {
		thin := Input{Tensor: tensor.Ones(tensor.Float32, shape...)}
		square := RandomErasing{P: 1, Scale: [2]float64{0.25, 0.25}, Ratio: [2]float64{1, 1}}
		if p, err := square.Apply(thin, random.New(0)); err != nil || p != thin {
			t.Errorf("shape %v became %v, %v", shape, p, err)
		}
	}
}

// TestDrawnMapsAreApplied compares what is drawn by chance with the same map given.
func TestDrawnMapsAreApplied(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 12, 10))
	for i := range img.Pix {
		img.Pix[i] = uint8(i * 2)
	}
	for _, i := range []Interpolation{Nearest, Bilinear} {
		rotation := RandomRotation{Degrees: 90, Interpolation: i, Fill: 50}
		affine := RandomAffine{Degrees: 20, Translate: [2]float64{0.3, 0.6}, Scale: [2]float64{0.5, 2}, Shear: [2]float64{9, 30}, Interpolation: i, Fill: 60}
		for seed := range uint64(20) {
			key := random.New(seed)
			rotate, move := rotation.draw(key.Rand()), affine.draw(key.Rand(), 12, 10)
			rotate.Interpolation, rotate.Fill = i, 50
			move.Interpolation, move.Fill = i, 60
			for _, pair := range [][2]Transform{{rotation, rotate}, {affine, move}} {
				var pix [2][]uint8
				for k, tr := range pair {
					p, err := tr.Apply(Input{Image: img}, key)
					if err != nil {
						t.Fatal(err)
					}
					pix[k] = p.Image.(*image.Gray).Pix
				}
				if !slices.Equal(pix[0], pix[1]) {
					t.Errorf("%+v gave\n%v\nand %+v\n%v", pair[0], pix[0], pair[1], pix[1])
				}
			}
		}
	}
}

// TestRandomIsAFunctionOfTheKey checks that what is drawn depends on the key, and on
// nothing else.
func TestRandomIsAFunctionOfTheKey(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 12, 10))
	for i := range img.Pix {
		img.Pix[i] = uint8(i * 2)
	}
	before := slices.Clone(img.Pix)
	for name, tr := range map[string]Transform{
		"crop":     Compose{RandomCrop{Height: 5, Width: 5, Padding: 2}, ToTensor{}},
		"flip":     Compose{RandomHorizontalFlip{0.5}, ToTensor{}},
		"rotation": Compose{RandomRotation{Degrees: 40}, ToTensor{}},
		"affine":   Compose{RandomAffine{Degrees: 10, Translate: [2]float64{0.2, 0.2}, Interpolation: Bilinear}, ToTensor{}},
		"erasing":  Compose{ToTensor{}, RandomErasing{P: 0.9}},
		"jitter":   Compose{ColorJitter{Brightness: 0.5, Contrast: 0.5}, ToTensor{}},
		"resized":  Compose{RandomResizedCrop{Height: 6, Width: 7}, ToTensor{}},
		"trivial":  Compose{TrivialAugmentWide{}, ToTensor{}},
	} {
		apply := func(k random.Key) []float32 {
			p, err := tr.Apply(Input{Image: img}, k)
			if err != nil {
				t.Fatal(err)
			}
			return tensor.Values[float32](p.Tensor)
		}
		differ := false
		for i := range 20 {
			k := random.New(uint64(i))
			first := apply(k)
			if !slices.Equal(first, apply(k)) {
				t.Errorf("%s: one key gave two results", name)
			}
			differ = differ || !slices.Equal(first, apply(random.New(100)))
		}
		if !differ {
			t.Errorf("%s: all keys give the same", name)
		}
	}
	if !slices.Equal(img.Pix, before) {
		t.Error("the input was changed")
	}
}
