package transform

import (
	"fmt"
	"slices"
)

// maxSide is the greatest side, in pixels, that a saved step asks for.
const maxSide = 1 << 12

// The transforms of this package that have a saved form.
func init() {
	Register(Kind[Grayscale]{
		Name: "grayscale",
		Form: func(_ Grayscale, f Form) (Form, error) { return f.channels("grayscale", 1) },
		Idle: func(_ Grayscale, f Form) bool { return f.Shape[0] == 1 },
	})
	Register(Kind[RGB]{
		Name: "rgb",
		Form: func(_ RGB, f Form) (Form, error) { return f.channels("rgb", 3) },
		Idle: func(_ RGB, f Form) bool { return f.Shape[0] == 3 },
	})
	Register(Kind[Resize]{
		Name: "resize",
		Check: func(t Resize) (Resize, error) {
			t.Interpolation = t.Interpolation.unless(Bilinear)
			return t, checkSaved("resize", t.Interpolation, t.Height, t.Width)
		},
		Form: func(t Resize, f Form) (Form, error) { return f.sized("resize", t.Height, t.Width) },
		Idle: func(t Resize, f Form) bool { return f.Shape[1] == t.Height && f.Shape[2] == t.Width },
	})
	Register(Kind[ResizeEdge]{
		Name: "resize-edge",
		Check: func(t ResizeEdge) (ResizeEdge, error) {
			t.Interpolation = t.Interpolation.unless(Bilinear)
			return t, checkSaved("resize edge", t.Interpolation, t.Size)
		},
		Form: func(t ResizeEdge, f Form) (Form, error) {
			if f.Tensor || len(f.Shape) != 3 || min(f.Shape[1], f.Shape[2]) == 0 {
				return f.sized("resize edge", 0, 0)
			}
			width, height := t.size(f.Shape[2], f.Shape[1])
			return f.sized("resize edge", height, width)
		},
		Idle: func(t ResizeEdge, f Form) bool { return min(f.Shape[1], f.Shape[2]) == t.Size },
	})
	Register(Kind[CenterCrop]{
		Name:  "center-crop",
		Check: func(t CenterCrop) (CenterCrop, error) { return t, checkSaved("center crop", 0, t.Height, t.Width) },
		Form:  func(t CenterCrop, f Form) (Form, error) { return f.sized("center crop", t.Height, t.Width) },
		Idle:  func(t CenterCrop, f Form) bool { return f.Shape[1] == t.Height && f.Shape[2] == t.Width },
	})
	Register(Kind[Pad]{
		Name: "pad",
		Check: func(t Pad) (Pad, error) {
			if max(t.Left, t.Top, t.Right, t.Bottom) > maxSide {
				return t, &Error{Op: "pad", Found: fmt.Sprintf("%d, %d, %d and %d pixels", t.Left, t.Top, t.Right, t.Bottom), Expected: fmt.Sprintf("0 to %d", maxSide)}
			}
			return t, t.check()
		},
		Form: func(t Pad, f Form) (Form, error) {
			if f.Tensor || len(f.Shape) != 3 || min(f.Shape[1], f.Shape[2]) == 0 {
				return f.sized("pad", 0, 0)
			}
			return f.sized("pad", t.Top+f.Shape[1]+t.Bottom, t.Left+f.Shape[2]+t.Right)
		},
		Idle: func(t Pad, f Form) bool { return max(t.Left, t.Top, t.Right, t.Bottom) == 0 },
	})
	Register(Kind[Letterbox]{
		Name:  "letterbox",
		Check: func(t Letterbox) (Letterbox, error) { return t, checkSaved("letterbox", 0, t.Height, t.Width) },
		Form:  func(t Letterbox, f Form) (Form, error) { return f.sized("letterbox", t.Height, t.Width) },
		Idle:  func(t Letterbox, f Form) bool { return f.Shape[1] == t.Height && f.Shape[2] == t.Width },
	})
	Register(Kind[Invert]{
		Name: "invert",
		Form: func(_ Invert, f Form) (Form, error) { return f, f.wantImage("invert") },
	})
	Register(Kind[Rotate]{
		Name: "rotate",
		Check: func(t Rotate) (Rotate, error) {
			t.Interpolation = t.Interpolation.unless(Nearest)
			if err := checkFinite("rotate", t.Degrees); err != nil {
				return t, err
			}
			_, err := t.Interpolation.or(Nearest, "rotate")
			return t, err
		},
		Form: func(_ Rotate, f Form) (Form, error) { return f, f.wantImage("rotate") },
	})
	Register(Kind[Affine]{
		Name: "affine",
		Check: func(t Affine) (Affine, error) {
			t.Interpolation = t.Interpolation.unless(Nearest)
			if err := t.check(); err != nil {
				return t, err
			}
			_, err := t.Interpolation.or(Nearest, "affine")
			return t, err
		},
		Form: func(_ Affine, f Form) (Form, error) { return f, f.wantImage("affine") },
	})
	Register(Kind[ToTensor]{
		Name: "to-tensor",
		Form: func(_ ToTensor, f Form) (Form, error) {
			return Form{Tensor: true, Shape: f.Shape}, f.wantImage("to tensor")
		},
	})
	Register(Kind[Normalize]{
		Name: "normalize",
		Check: func(t Normalize) (Normalize, error) {
			for _, per := range [][]float32{t.Mean, t.Std} {
				if len(per) == 0 || len(per) > maxChannels {
					return t, &Error{Op: "normalize", Found: fmt.Sprintf("%d means and %d deviations", len(t.Mean), len(t.Std)),
						Expected: fmt.Sprintf("1 to %d of each", maxChannels)}
				}
				for _, v := range per {
					if err := checkFinite("normalize", float64(v)); err != nil {
						return t, err
					}
				}
			}
			if c := slices.Index(t.Std, 0); c >= 0 {
				return t, zeroDeviation(c)
			}
			return t, nil
		},
		Form: func(t Normalize, f Form) (Form, error) {
			if !f.Tensor || len(f.Shape) != 3 {
				return Form{}, &Error{Op: "normalize", Found: f.String(), Expected: "a tensor of shape [C H W]"}
			}
			if channels := f.Shape[0]; channels > 0 {
				return f, t.fits(channels)
			}
			return f, nil
		},
	})
}

// The step from rows of tables.
func init() {
	Register(Kind[Columns]{
		Name:  "columns",
		Check: func(t Columns) (Columns, error) { return t, t.check() },
		Form: func(t Columns, f Form) (Form, error) {
			if !f.Row {
				return Form{}, &Error{Op: "columns", Found: f.String(), Expected: "a row of a table"}
			}
			return Form{Tensor: true, Shape: []int{t.Width()}}, nil
		},
	})
}

// maxChannels is the greatest number of channels that a saved Normalize has numbers for.
const maxChannels = 1 << 12

// channels returns f with the given number of channels.
func (f Form) channels(op string, n int) (Form, error) {
	if err := f.wantImage(op); err != nil {
		return Form{}, err
	}
	return Form{Shape: []int{n, f.Shape[1], f.Shape[2]}}, nil
}

// sized returns f with the given sides.
func (f Form) sized(op string, height, width int) (Form, error) {
	if err := f.wantImage(op); err != nil {
		return Form{}, err
	}
	return Form{Shape: []int{f.Shape[0], height, width}}, nil
}

// wantImage returns an *Error unless f is of images.
func (f Form) wantImage(op string) error {
	if f.Tensor || f.Row || len(f.Shape) != 3 {
		return &Error{Op: op, Found: f.String(), Expected: "an image"}
	}
	return nil
}

// String says what f is of: "an image of shape [3 0 0]".
func (f Form) String() string {
	if f.Row {
		return "a row of a table"
	}
	if f.Tensor {
		return fmt.Sprintf("a tensor of shape %v", f.Shape)
	}
	return fmt.Sprintf("an image of shape %v", f.Shape)
}

// checkSaved returns an *Error unless a saved step can have the interpolation, 0 for the
// default, and the sides.
func checkSaved(op string, i Interpolation, sides ...int) error {
	if _, err := i.or(Bilinear, op); err != nil {
		return err
	}
	for _, n := range sides {
		if n < 1 || n > maxSide {
			return &Error{Op: op, Found: fmt.Sprintf("a side of %d pixels", n), Expected: fmt.Sprintf("1 to %d", maxSide)}
		}
	}
	return nil
}
