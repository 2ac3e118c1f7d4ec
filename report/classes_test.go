package report

import (
	"bytes"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// thousand returns predictions for samples of 1,000 classes, of which 997 and 3 are confused
// most, and all others rarely.
func thousand() *Predictions {
	const n = 1000
	labels, logits := make([]int, 2*n), tensor.Zeros(tensor.Float32, 2*n, n)
	for i := range labels {
		labels[i] = i / 2
		predicted := labels[i]
		switch {
		case predicted == 997:
			predicted = 3
		case i%10 == 1:
			predicted = (predicted + 1) % n
		}
		tensor.Data[float32](logits)[i*n+predicted] = 5
	}
	picture := gradient(4, 4)
	return NewPredictions(names(n), logits, truth(labels...), func(int) image.Image { return picture })
}

func TestConfusedClasses(t *testing.T) {
	if got := confusedClasses(counts(maxClasses)); !slices.Equal(got, firsts(maxClasses)) {
		t.Errorf("of %d classes: %v", maxClasses, got)
	}
	few := counts(60)
	few[58][55] = 2
	few[51][59] = 1
	if got, want := confusedClasses(few), append(firsts(46), 51, 55, 58, 59); !slices.Equal(got, want) {
		t.Errorf("of few that are confused: %v, want %v", got, want)
	}
	// Pairs fill 49 places, and a pair that needs two is left for one that needs one.
	full := counts(60)
	for i := 1; i < 49; i++ {
		full[0][i] = 100 - i
	}
	full[55][56], full[0][59], full[0][57] = 3, 2, 1
	if got, want := confusedClasses(full), append(firsts(49), 59); !slices.Equal(got, want) {
		t.Errorf("of many that are confused: %v, want %v", got, want)
	}
}

// counts returns a confusion matrix of n classes that are never confused.
func counts(n int) [][]int {
	out := make([][]int, n)
	for i := range out {
		out[i] = make([]int, n)
		out[i][i] = 7
	}
	return out
}

func TestWorstClasses(t *testing.T) {
	figures := func(c int) (float64, int) {
		if c == 5 {
			return 0, 0
		}
		return float64((c*7)%60) / 60, 1
	}
	got := worstClasses(60, figures)
	if len(got) != maxClasses || slices.Contains(got, 5) || got[0] != 0 || got[1] != 43 {
		t.Errorf("got %v", got)
	}
	if got := worstClasses(maxClasses, figures); !slices.Equal(got, firsts(maxClasses)) {
		t.Errorf("of %d classes: %v", maxClasses, got)
	}
}

// TestManyClasses draws 1,000 classes: all that is drawn can be looked at, says what it leaves
// out, and is bounded.
func TestManyClasses(t *testing.T) {
	p := thousand()
	for _, test := range []struct {
		d    *Drawing
		want []string
	}{
		{ConfusionMatrix(p.Classes, p.Confusion().Counts(), false), []string{">50 of 1,000 classes: those most often confused with each other. What was taken for others is not shown.<", ">class 3<", ">class 997<"}},
		{ConfusionMatrix(p.Classes, p.Confusion().Counts(), true), []string{">50 of 1,000 classes: ", ">class 997<"}},
		{ClassBars(p.Classes, p.Confusion().Result()), []string{">50 of 1,000 classes: those with the lowest F1, the lowest first.<", ">class 997<"}},
	} {
		var svg bytes.Buffer
		if err := test.d.WriteSVG(&svg); err != nil {
			t.Fatal(err)
		}
		checkSVG(t, test.d, svg.String())
		for _, want := range test.want {
			if !strings.Contains(svg.String(), want) {
				t.Errorf("%s: no %s", test.d.title, want)
			}
		}
		if size := test.d.Image().Bounds().Size(); size.X > 2500 || size.Y > 4000 || svg.Len() > 600_000 {
			t.Errorf("%s: %v pixels, an SVG of %d bytes", test.d.title, size, svg.Len())
		}
	}

	m, err := model.New(model.Softmax([]int{1, 4, 4}, p.Classes), random.New(0))
	if err != nil {
		t.Fatal(err)
	}
	page := write(t, &Page{Predictions: p, Model: m})
	for _, want := range []string{"50 of 1,000 classes: those most often", "50 of 1,000 classes: those with the lowest F1",
		"the first 64 of 1,000 classes", `aria-label="2 pictures of class 997, taken for class 3"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if len(page) > 700_000 {
		t.Errorf("the page has %d bytes", len(page))
	}

	dir := t.TempDir()
	if err := Pictures(dir, Run{}, p, m.Net, []int{1, 4, 4}); err != nil {
		t.Fatal(err)
	}
	for _, name := range PictureFiles {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if len(content) > 1_000_000 {
			t.Errorf("%s has %d bytes", name, len(content))
		}
		if filepath.Ext(name) == ".png" {
			c, _, err := image.DecodeConfig(bytes.NewReader(content))
			if err != nil {
				t.Fatal(err)
			}
			if c.Width*c.Height > 10_000_000 {
				t.Errorf("%s has %d by %d pixels", name, c.Width, c.Height)
			}
		}
	}
}
