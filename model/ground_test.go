package model_test

import (
	"image"
	"image/color"
	"image/draw"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/random"
)

// framed returns a picture of width×height pixels of one colour, with a border of another.
func framed(width, height, border int, edge, inner color.Color) image.Image {
	p := image.NewNRGBA(image.Rect(-3, 5, width-3, height+5))
	draw.Draw(p, p.Rect, image.NewUniform(edge), image.Point{}, draw.Src)
	draw.Draw(p, p.Rect.Inset(border), image.NewUniform(inner), image.Point{}, draw.Src)
	return p
}

func TestGroundOf(t *testing.T) {
	dark, light, middle := framed(28, 28, 1, color.Gray{80}, color.White), framed(28, 28, 1, color.Gray{175}, color.Black), framed(28, 28, 1, color.Gray{128}, color.Black)
	for name, c := range map[string]struct {
		pictures []image.Image
		want     model.Ground
	}{
		"none":           {nil, ""},
		"dark":           {[]image.Image{dark}, model.DarkGround},
		"light":          {[]image.Image{light}, model.LightGround},
		"neither":        {[]image.Image{middle}, model.MixedGround},
		"19 in 20":       {append(slices.Repeat([]image.Image{dark}, 19), light), model.DarkGround},
		"18 in 19":       {append(slices.Repeat([]image.Image{light}, 18), dark), model.MixedGround},
		"transparent":    {[]image.Image{framed(28, 28, 3, color.Transparent, color.Black)}, model.LightGround},
		"green is light": {[]image.Image{framed(28, 28, 1, color.RGBA{130, 255, 80, 255}, color.Black)}, model.LightGround},
		"blue is dark":   {[]image.Image{framed(28, 28, 1, color.RGBA{0, 0, 255, 255}, color.White)}, model.DarkGround},
		"a pixel":        {[]image.Image{framed(1, 1, 0, color.White, color.White)}, model.LightGround},
		"an empty one":   {[]image.Image{image.NewGray(image.Rectangle{})}, model.DarkGround},
		// A line at the edge of a large picture, as scanners leave one, is not its ground.
		"a black edge": {[]image.Image{framed(1000, 700, 2, color.Black, color.White)}, model.LightGround},
		"a wide edge":  {[]image.Image{framed(1000, 700, 25, color.Black, color.White)}, model.DarkGround},
	} {
		if got := model.GroundOf(slices.Values(c.pictures)); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// TestGroundIsSaved holds that a model's file has its ground, and that one without is as it was.
func TestGroundIsSaved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model")
	for _, ground := range []model.Ground{"", model.LightGround} {
		d := model.Softmax([]int{1, 2, 2}, []string{"a", "b"})
		d.Ground = ground
		m, err := model.New(d, random.Key{})
		if err != nil {
			t.Fatal(err)
		}
		f, err := m.State()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(f.Metadata["onehot"], "ground") != (ground != "") {
			t.Errorf("%q: saved as %s", ground, f.Metadata["onehot"])
		}
		if err := m.Save(path); err != nil {
			t.Fatal(err)
		}
		if m, err = model.Load(path); err != nil || m.Ground != ground {
			t.Errorf("saved %q, loaded %q, %v", ground, m.Ground, err)
		}
	}
	d := model.Softmax([]int{1, 2, 2}, []string{"a", "b"})
	d.Ground = "green"
	if _, err := model.New(d, random.Key{}); err == nil || err.Error() != `model: ground: found "green", dark, light or mixed expected` {
		t.Errorf("got %v", err)
	}
}
