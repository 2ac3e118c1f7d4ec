package transform_test

import (
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// scaled is a transform of rows of numbers, as another package would have one.
type scaled struct {
	By []float32 `json:"by"`
}

func (s scaled) Apply(p transform.Input, _ random.Key) (transform.Input, error) {
	return transform.Input{Tensor: p.Tensor.Mul(tensor.New(s.By, len(s.By)))}, nil
}

func init() {
	transform.Register(transform.Kind[scaled]{
		Name: "test-scaled",
		Check: func(s scaled) (scaled, error) {
			if len(s.By) == 0 {
				return s, fmt.Errorf("found no factors")
			}
			return s, nil
		},
	})
	transform.Register(transform.Kind[plain]{Name: "test-plain"})
}

// plain is a registered transform of which nothing is said.
type plain struct{ transform.Invert }

// jitter is a transform that draws, as another package would have one.
type jitter struct{}

func (jitter) Apply(p transform.Input, _ random.Key) (transform.Input, error) { return p, nil }
func (jitter) InEvaluation() transform.Transform                              { return nil }

// lambda has no saved form.
var lambda = transform.Lambda(func(p transform.Input) (transform.Input, error) { return p, nil })

// saved has steps and the form that they are saved in.
var saved = map[string]transform.Compose{
	`[]`: {},
	`[{"type":"grayscale"},{"type":"resize","height":28,"width":28},{"type":"to-tensor"}]`: { // as of every model so far
		transform.Grayscale{}, transform.Resize{Height: 28, Width: 28}, transform.ToTensor{}},
	`[{"type":"rgb"},{"type":"resize-edge","size":256},{"type":"center-crop","height":224,"width":200},{"type":"to-tensor"},` +
		`{"type":"normalize","mean":[0.485,0.456,0.406],"std":[0.229,0.224,0.225]}]`: {
		transform.RGB{}, transform.ResizeEdge{Size: 256}, transform.CenterCrop{Height: 224, Width: 200}, transform.ToTensor{},
		transform.Normalize{Mean: []float32{0.485, 0.456, 0.406}, Std: []float32{0.229, 0.224, 0.225}}},
	`[{"type":"invert"},{"type":"resize","height":2,"width":3,"interpolation":"nearest"},{"type":"pad","left":1,"top":0,"right":2,"bottom":0,"fill":9}]`: {
		transform.Invert{}, transform.Resize{Height: 2, Width: 3, Interpolation: transform.Nearest}, transform.Pad{Left: 1, Right: 2, Fill: 9}},
	`[{"type":"rotate","degrees":1.5,"interpolation":"bilinear"},{"type":"affine","degrees":0,"x":1,"y":-2,"scale":1,"shear_x":0,"shear_y":3}]`: {
		transform.Rotate{Degrees: 1.5, Interpolation: transform.Bilinear}, transform.Affine{X: 1, Y: -2, Scale: 1, ShearY: 3}},
	`[{"type":"letterbox","height":64,"width":48},{"type":"letterbox","height":2,"width":3,"fill":114}]`: {
		transform.Letterbox{Height: 64, Width: 48}, transform.Letterbox{Height: 2, Width: 3, Fill: 114}},
	`[{"type":"test-scaled","by":[1,0.1]}]`: {scaled{[]float32{1, 0.1}}},
}

// TestSaved checks that steps come back from their saved form as they were.
func TestSaved(t *testing.T) {
	for want, steps := range saved {
		got, err := json.Marshal(steps)
		if err != nil || string(got) != want {
			t.Errorf("%v is saved as %s, %v, want %s", steps, got, err, want)
		}
		var back transform.Compose
		if err := json.Unmarshal([]byte(want), &back); err != nil || !reflect.DeepEqual(back, steps) {
			t.Errorf("%s is read as %#v, %v, want %#v", want, back, err, steps)
		}
	}
	// What is nested is saved in one list, and defaults are left out.
	nested := transform.Compose{transform.Compose{transform.Grayscale{}}, transform.Compose{},
		transform.Resize{Height: 28, Width: 28, Interpolation: transform.Bilinear}, transform.Compose{transform.Compose{transform.ToTensor{}}}}
	got, err := json.Marshal(nested)
	if want := `[{"type":"grayscale"},{"type":"resize","height":28,"width":28},{"type":"to-tensor"}]`; err != nil || string(got) != want {
		t.Errorf("nested steps are saved as %s, %v, want %s", got, err, want)
	}
}

func TestSavedRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`[{"type":"grayscale"},{"type":"sepia"}]`: `step 1: saved transform: found type "sepia", expected one of affine, center-crop, columns, grayscale, `,
		`[{}]`:                            `step 0: saved transform: found type "", expected one of `,
		`[{"type":7}]`:                    "step 0: json: cannot unmarshal number",
		`[{"type":"resize","height":28}]`: "step 0: resize: found a side of 0 pixels, expected 1 to 4096",
		`[{"type":"resize","height":28,"width":-1}]`:                              "step 0: resize: found a side of -1 pixels, expected 1 to 4096",
		`[{"type":"resize","height":4097,"width":1}]`:                             "step 0: resize: found a side of 4097 pixels, expected 1 to 4096",
		`[{"type":"resize","height":28,"width":28,"depth":3}]`:                    `step 0: json: unknown field "depth"`,
		`[{"type":"resize","height":28,"width":28,"interpolation":"lanczos"}]`:    `step 0: interpolation: found "lanczos", expected nearest, bilinear or bicubic`,
		`[{"type":"rotate","degrees":28,"interpolation":"bicubic"}]`:              `step 0: rotate: found interpolation 3, expected Nearest or Bilinear`,
		`[{"type":"affine","scale":1,"interpolation":"bicubic"}]`:                 `step 0: affine: found interpolation 3, expected Nearest or Bilinear`,
		`[{"type":"resize","height":"28","width":28}]`:                            "step 0: json: cannot unmarshal string",
		`[{"type":"resize-edge"}]`:                                                "step 0: resize edge: found a side of 0 pixels, expected 1 to 4096",
		`[{"type":"center-crop","height":1}]`:                                     "step 0: center crop: found a side of 0 pixels, expected 1 to 4096",
		`[{"type":"letterbox","height":1}]`:                                       "step 0: letterbox: found a side of 0 pixels, expected 1 to 4096",
		`[{"type":"pad","left":-1}]`:                                              "step 0: pad: found -1, 0, 0 and 0 pixels, expected 0 or more",
		`[{"type":"pad","left":5000}]`:                                            "step 0: pad: found 5000, 0, 0 and 0 pixels, expected 0 to 4096",
		`[{"type":"pad","fill":256}]`:                                             "step 0: json: cannot unmarshal number 256",
		`[{"type":"affine"}]`:                                                     "step 0: affine: found a scale of 0, expected a positive number",
		`[{"type":"to-tensor"},{"type":"normalize","mean":[],"std":[1]}]`:         "step 1: normalize: found 0 means and 1 deviations, expected 1 to 4096 of each",
		`[{"type":"normalize","mean":[0],"std":[1,0]}]`:                           "step 0: normalize: found a deviation of 0 for channel 1, expected another number",
		`[{"type":"normalize","mean":[1e99],"std":[1]}]`:                          "step 0: json: cannot unmarshal number 1e99",
		`[{"type":"test-scaled"}]`:                                                "step 0: found no factors",
		`{"type":"grayscale"}`:                                                    "json: cannot unmarshal object",
		"[" + strings.Repeat(`{"type":"invert"},`, 100) + `{"type":"to-tensor"}]`: "saved transform: found 101 steps, expected at most 100",
	} {
		var c transform.Compose
		if err := json.Unmarshal([]byte(text), &c); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
		if c != nil {
			t.Errorf("%s: read %v beside the error", text, c)
		}
	}
	for want, steps := range map[string]transform.Compose{
		"transform.Lambda, which has no saved form":     {transform.Grayscale{}, transform.Compose{lambda}},
		"transform.RandomCrop, which has no saved form": {transform.RandomCrop{Height: 2, Width: 2}},
		"rotate: found the number NaN":                  {transform.Rotate{Degrees: math.NaN()}},
		"resize: found interpolation 7":                 {transform.Resize{Height: 2, Width: 2, Interpolation: 7}},
		"rotate: found interpolation 7":                 {transform.Rotate{Interpolation: 7}},
		"normalize: found the number +Inf":              {transform.Normalize{Mean: []float32{float32(math.Inf(1))}, Std: []float32{1}}},
	} {
		if got, err := json.Marshal(steps); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v is saved as %s, %v, want %q", steps, got, err, want)
		}
	}
}

func TestRegisterPanics(t *testing.T) {
	for want, call := range map[string]func(){
		"transform.Register: transform.Lambda has no name": func() { transform.Register(transform.Kind[transform.Lambda]{}) },
		`transform.Register: transform.Lambda as "resize": the name or the type is registered already`: func() {
			transform.Register(transform.Kind[transform.Lambda]{Name: "resize"})
		},
		`transform.Register: transform.Resize as "scale": the name or the type is registered already`: func() {
			transform.Register(transform.Kind[transform.Resize]{Name: "scale"})
		},
	} {
		func() {
			defer func() {
				if err, ok := recover().(*fault.OptionError); !ok || err.Error() != want {
					t.Errorf("panic with %v, want %q", err, want)
				}
			}()
			call()
		}()
	}
}

func TestDeterministic(t *testing.T) {
	for _, test := range []struct {
		of   transform.Transform
		want string
	}{
		{nil, "nothing"},
		{transform.ToTensor{}, "to-tensor"},
		{transform.Compose{}, "nothing"},
		{transform.Compose{
			transform.Compose{transform.Grayscale{}, transform.RandomHorizontalFlip{P: 0.5}}, transform.RandomRotation{Degrees: 9},
			transform.RandomAffine{}, jitter{}, transform.ToTensor{}, transform.Compose{transform.RandomErasing{P: 1}},
		}, "grayscale, to-tensor"},
		{transform.Compose{transform.RandomCrop{Height: 24, Width: 28, Padding: 2}, transform.Resize{Height: 5, Width: 5, Interpolation: transform.Bilinear}},
			`center-crop {"height":24,"width":28}, resize {"height":5,"width":5}`},
		{transform.Compose{transform.ColorJitter{Hue: 0.1}, transform.RandomResizedCrop{Height: 24, Width: 28}, transform.TrivialAugmentWide{}},
			`center-crop {"height":24,"width":28}`},
	} {
		if got, err := transform.Deterministic(test.of); err != nil || got.String() != test.want {
			t.Errorf("%v: got %v, %v, want %s", test.of, got, err, test.want)
		}
	}
	for want, of := range map[string]transform.Transform{
		"saved transform: found transform.Lambda, which has no saved form, expected types that transform.Register was called for": transform.Compose{transform.ToTensor{}, lambda},
		"center crop: found a side of 0 pixels, expected 1 to 4096":                                                               transform.RandomCrop{},
	} {
		if got, err := transform.Deterministic(of); got != nil || err == nil || err.Error() != want {
			t.Errorf("got %v, %v, want %q", got, err, want)
		}
	}
}

func picture(shape ...int) transform.Form { return transform.Form{Shape: shape} }

// TestForm checks what steps say that they make against what they make of pictures.
func TestForm(t *testing.T) {
	unknown := picture(3, 0, 0)
	for _, test := range []struct {
		steps transform.Compose
		of    transform.Form
		want  transform.Form
	}{
		{transform.Compose{}, unknown, unknown},
		{transform.Compose{transform.Grayscale{}, transform.Resize{Height: 28, Width: 20}, transform.ToTensor{}}, unknown, transform.Form{Tensor: true, Shape: []int{1, 28, 20}}},
		{transform.Compose{transform.Invert{}, transform.Rotate{}, transform.Affine{Scale: 1}, transform.ResizeEdge{Size: 9}}, unknown, unknown},
		{transform.Compose{transform.ResizeEdge{Size: 8}, transform.Compose{transform.CenterCrop{Height: 7, Width: 6}}, transform.ToTensor{}}, unknown, transform.Form{Tensor: true, Shape: []int{3, 7, 6}}},
		{transform.Compose{transform.ResizeEdge{Size: 4}}, picture(3, 7, 9), picture(3, 4, 5)},
		{transform.Compose{transform.RGB{}, transform.ResizeEdge{Size: 4}}, picture(1, 9, 7), picture(3, 5, 4)},
		{transform.Compose{transform.Pad{Left: 1, Top: 2, Right: 3, Bottom: 4}}, picture(1, 5, 6), picture(1, 11, 10)},
		{transform.Compose{transform.Pad{Left: 1}}, unknown, unknown},
		{transform.Compose{transform.Letterbox{Height: 7, Width: 4}}, unknown, picture(3, 7, 4)},
		{transform.Compose{transform.ToTensor{}, transform.Normalize{Mean: []float32{0, 0, 0}, Std: []float32{1}}}, picture(3, 5, 6), transform.Form{Tensor: true, Shape: []int{3, 5, 6}}},
		{transform.Compose{scaled{[]float32{1}}}, transform.Form{Tensor: true, Shape: []int{4}}, transform.Form{Tensor: true, Shape: []int{4}}},
	} {
		got, err := test.steps.Form(test.of)
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%v of %v: got %v, %v, want %v", test.steps, test.of, got, err, test.want)
		}
		if test.of.Tensor || slices.Min(test.of.Shape) == 0 {
			continue
		}
		var img image.Image = image.NewGray(image.Rect(0, 0, test.of.Shape[2], test.of.Shape[1]))
		if test.of.Shape[0] == 3 {
			img = image.NewRGBA(img.Bounds())
		}
		p, err := transform.Compose{test.steps, tensorOf{}}.Apply(transform.Input{Image: img}, random.Key{})
		if err != nil || !slices.Equal(p.Tensor.Shape(), got.Shape) {
			t.Errorf("%v of %v: made %v, %v, said %v", test.steps, test.of, p.Tensor, err, got)
		}
	}
	for want, test := range map[string]struct {
		steps transform.Compose
		of    transform.Form
	}{
		"step 1: resize: found a tensor of shape [1 0 0], expected an image":                                                              {transform.Compose{transform.ToTensor{}, transform.Resize{Height: 2, Width: 2}}, picture(1, 0, 0)},
		"step 0: to tensor: found an image of shape [5], expected an image":                                                               {transform.Compose{transform.ToTensor{}}, picture(5)},
		"step 0: resize edge: found an image of shape [], expected an image":                                                              {transform.Compose{transform.ResizeEdge{Size: 2}}, picture()},
		"step 0: pad: found a tensor of shape [1 2 2], expected an image":                                                                 {transform.Compose{transform.Pad{}}, transform.Form{Tensor: true, Shape: []int{1, 2, 2}}},
		"step 0: grayscale: found a tensor of shape [1 2 2], expected an image":                                                           {transform.Compose{transform.Grayscale{}}, transform.Form{Tensor: true, Shape: []int{1, 2, 2}}},
		"step 0: normalize: found an image of shape [3 0 0], expected a tensor of shape [C H W]":                                          {transform.Compose{transform.Normalize{Mean: []float32{0}, Std: []float32{1}}}, unknown},
		"step 1: normalize: found 3 means and 1 deviations, expected 1 or 1, the number of channels":                                      {transform.Compose{transform.ToTensor{}, transform.Normalize{Mean: make([]float32, 3), Std: []float32{1}}}, picture(1, 2, 2)},
		"step 0: saved transform: found transform.Lambda, which has no saved form, expected types that transform.Register was called for": {transform.Compose{lambda}, unknown},
	} {
		if got, err := test.steps.Form(test.of); err == nil || err.Error() != want {
			t.Errorf("%v: got %v, %v, want %q", test.steps, got, err, want)
		}
	}
}

// tensorOf makes a tensor of what is not one yet.
type tensorOf struct{}

func (tensorOf) Apply(p transform.Input, k random.Key) (transform.Input, error) {
	if p.Tensor != nil {
		return p, nil
	}
	return transform.ToTensor{}.Apply(p, k)
}

// TestSame compares steps by what they do to pictures of one form.
func TestSame(t *testing.T) {
	model := transform.Compose{transform.Grayscale{}, transform.Resize{Height: 28, Width: 28}, transform.ToTensor{}}
	normalized := append(model[:3:3], transform.Normalize{Mean: []float32{0.5}, Std: []float32{0.5}})
	for _, test := range []struct {
		a, b transform.Compose
		of   transform.Form
		want bool
	}{
		{model, model, picture(0, 0, 0), true},
		{model, transform.Compose{transform.ToTensor{}}, picture(1, 28, 28), true},
		{model, transform.Compose{transform.ToTensor{}}, picture(3, 28, 28), false},
		{model, transform.Compose{transform.ToTensor{}}, picture(1, 28, 27), false},
		{model, transform.Compose{transform.ToTensor{}}, picture(1, 0, 0), false},
		{model, transform.Compose{transform.CenterCrop{Height: 28, Width: 28}, transform.ResizeEdge{Size: 28}, transform.Letterbox{Height: 28, Width: 28}, transform.Pad{}, transform.ToTensor{}}, picture(1, 28, 28), true},
		{model, transform.Compose{transform.RGB{}, transform.ToTensor{}}, picture(1, 28, 28), false},
		{transform.Compose{transform.RGB{}, transform.ToTensor{}}, transform.Compose{transform.ToTensor{}}, picture(3, 0, 0), true},
		{model, normalized, picture(1, 28, 28), false},
		{normalized, transform.Compose{transform.ToTensor{}, normalized[3]}, picture(1, 28, 28), true},
		{model, transform.Compose{transform.Invert{}, transform.ToTensor{}}, picture(1, 28, 28), false},
		{model, transform.Compose{transform.ToTensor{}, lambda}, picture(1, 28, 28), false},
		{transform.Compose{lambda}, model, picture(1, 28, 28), false},
		{transform.Compose{transform.ToTensor{}, transform.Grayscale{}}, transform.Compose{transform.ToTensor{}}, picture(1, 2, 2), false},
		{transform.Compose{plain{}}, transform.Compose{}, picture(1, 2, 2), false},
	} {
		if got := test.a.Same(test.b, test.of); got != test.want {
			t.Errorf("%v and %v are the same for %v: %t, want %t", test.a, test.b, test.of, got, test.want)
		}
	}
}

func TestComposeString(t *testing.T) {
	c := transform.Compose{transform.Grayscale{}, transform.Compose{transform.RandomHorizontalFlip{}}, transform.Resize{Width: 1}, transform.CenterCrop{Height: 3, Width: 4}}
	want := `grayscale, transform.RandomHorizontalFlip, resize (resize: found a side of 0 pixels, expected 1 to 4096), center-crop {"height":3,"width":4}`
	if c.String() != want {
		t.Errorf("got %s, want %s", c, want)
	}
}

func TestRGB(t *testing.T) {
	grey := image.NewGray(image.Rect(1, 2, 4, 4))
	for i := range grey.Pix {
		grey.Pix[i] = uint8(40 * i)
	}
	p, err := transform.RGB{}.Apply(transform.Input{Image: grey}, random.Key{})
	if err != nil {
		t.Fatal(err)
	}
	img, ok := p.Image.(*image.RGBA)
	if !ok || img.Bounds() != grey.Bounds() {
		t.Fatalf("made %v", p.Image)
	}
	for y := 2; y < 4; y++ {
		for x := 1; x < 4; x++ {
			v := grey.GrayAt(x, y).Y
			if got, want := img.RGBAAt(x, y), (color.RGBA{R: v, G: v, B: v, A: 255}); got != want {
				t.Errorf("pixel (%d, %d) is %v, want %v", x, y, got, want)
			}
		}
	}
	same, err := transform.RGB{}.Apply(p, random.Key{})
	if err != nil || same.Image != p.Image {
		t.Errorf("a colour image became %v, %v", same.Image, err)
	}
	_, err = transform.RGB{}.Apply(transform.Input{}, random.Key{})
	if want := "rgb: found nothing, expected an image"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %q", err, want)
	}
}

// TestStrips holds that no strip makes an image of any size, also on the way to a small one.
func TestStrips(t *testing.T) {
	for want, c := range map[string]struct {
		grow          transform.Transform
		width, height int
	}{
		"resize edge: found an image of 1048576 by 1 pixels that would become one of 234881024 by 224": {transform.ResizeEdge{Size: 224}, 1 << 20, 1},
		"resize: found an image of 1 by 1048576 pixels that would become one of 512 by 1048576":        {transform.Resize{Height: 28, Width: 512}, 1, 1 << 20},
		"center crop: found an image of 1 by 1048576 pixels that would become one of 512 by 1048576":   {transform.CenterCrop{Height: 28, Width: 512}, 1, 1 << 20},
		"random crop: found an image of 1048576 by 1 pixels that would become one of 1049088 by 513":   {transform.RandomCrop{Height: 1, Width: 1, Padding: 256}, 1 << 20, 1},
		"pad: found an image of 1048576 by 1 pixels that would become one of 1048576 by 257":           {transform.Pad{Top: 256}, 1 << 20, 1},
	} {
		strip := image.NewGray(image.Rect(0, 0, c.width, c.height))
		_, err := c.grow.Apply(transform.Input{Image: strip}, random.Key{})
		if want += ", expected at most 268435456 pixels"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// The deterministic steps of a training transform are what a model is saved with.
func ExampleDeterministic() {
	training := transform.Compose{
		transform.Grayscale{}, transform.Resize{Height: 28, Width: 28},
		transform.RandomHorizontalFlip{P: 0.5},
		transform.ToTensor{},
		transform.RandomErasing{P: 0.5},
	}
	steps, err := transform.Deterministic(training)
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := json.Marshal(steps)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(text))
	// Output: [{"type":"grayscale"},{"type":"resize","height":28,"width":28},{"type":"to-tensor"}]
}

// FuzzSaved checks that what can be read can be saved, and is read again as the same, and
// that it says what it makes of pictures or why it makes nothing.
func FuzzSaved(f *testing.F) {
	for text := range saved {
		f.Add(text)
	}
	f.Add(`[{"type":"resize","height":1e3,"width":0.5}]`)
	f.Add(`[null,{"type":null}]`)
	f.Fuzz(func(t *testing.T, text string) {
		var c transform.Compose
		if json.Unmarshal([]byte(text), &c) != nil {
			return
		}
		again, err := json.Marshal(c)
		if err != nil {
			t.Fatalf("%v cannot be saved: %v", c, err)
		}
		var back transform.Compose
		if err := json.Unmarshal(again, &back); err != nil || back.String() != c.String() || !back.Same(c, picture(0, 0, 0)) {
			t.Errorf("%s is read as %v, %v, want %v", again, back, err, c)
		}
		if form, err := c.Form(picture(3, 0, 0)); err == nil && len(form.Shape) != 3 {
			t.Errorf("%v makes %v of pictures", c, form)
		}
	})
}
