package cli

import (
	"image"
	"os"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/transform"
)

// TestNamerBatches gives the net smaller batches of larger pictures.
func TestNamerBatches(t *testing.T) {
	for side, want := range map[int]int{28: namedBatch, 1024: 20, 8192: 1} {
		m := &model.Model{Definition: model.Softmax([]int{1, side, side}, []string{"a", "b"})}
		for _, most := range []int{evalBatch, 10} {
			if got := newNamer(m, nil, false, most).batch; got != min(want, most) {
				t.Errorf("pictures of %d by %d: batches of %d, %d expected", side, side, got, min(want, most))
			}
		}
	}
}

// TestNamerPanics holds that a panic of another goroutine is one line of the program.
func TestNamerPanics(t *testing.T) {
	m, err := model.Load(drawingsModel(t, "", 1))
	if err != nil {
		t.Fatal(err)
	}
	by, err := model.NewPredictor(m)
	if err != nil {
		t.Fatal(err)
	}
	n := newNamer(m, by, false, evalBatch)
	m.Preprocess = transform.Compose{transform.Lambda(func(transform.Input) (transform.Input, error) { panic("a defect") })}
	defer func() {
		if v := recover(); v != "a defect" {
			t.Errorf("got the panic %v", v)
		}
	}()
	for o, err := range n.name(t.Context(), []input{{name: greys(t, t.TempDir(), 0)[0]}}) {
		t.Errorf("got %+v, %v", o, err)
	}
}

// TestNamerGathers ends a batch where the next picture takes long.
func TestNamerGathers(t *testing.T) {
	m, err := model.Load(drawingsModel(t, "", 1))
	if err != nil {
		t.Fatal(err)
	}
	by, err := model.NewPredictor(m)
	if err != nil {
		t.Fatal(err)
	}
	file := greys(t, t.TempDir(), 0)[0]
	withStandardInput(t, nil)
	n := newNamer(m, by, false, evalBatch)
	n.batch = 2
	var names []string
	for o, err := range n.name(t.Context(), []input{{name: file}, {name: file}, {name: file}, {name: "-", from: os.Stdin}}) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, o.name)
		if (o.err != nil) != (o.from != nil) {
			t.Errorf("%s: %v", o.name, o.err)
		}
	}
	if got, want := strings.Join(names, " "), strings.Join([]string{file, file, file, "-"}, " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestDescribe checks what is said of a transparent picture that each --fit prepares.
func TestDescribe(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 60, 30))
	for fit, want := range map[string]string{
		"pad":    "scaled from 60x30 to fit 20x20, laid on white",
		"squash": "scaled from 60x30 to 20x20, laid on white",
		"crop":   "scaled from 60x30 to 40x20, cut to 20x20, laid on white",
	} {
		if got := strings.Join(describe(preparation(fit, 20, false), img), ", "); got != want {
			t.Errorf("%s: %s, want %s", fit, got, want)
		}
	}
}
