package tensor_test

import (
	"testing"

	"github.com/onehot-go/onehot/internal/reference"
)

// printCase is a tensor and how PyTorch prints it.
type printCase struct {
	Name         string
	Tensor       reference.Array
	RequiresGrad bool `json:"requires_grad"`
	Text         string
}

func TestString(t *testing.T) {
	var file struct{ Prints []printCase }
	reference.Load(t, "testdata/printing.json", &file)
	if len(file.Prints) == 0 {
		t.Fatal("nothing to print")
	}
	for _, c := range file.Prints {
		for name, layout := range layouts {
			x := layout(c.Tensor.Tensor()).SetRequiresGrad(c.RequiresGrad)
			if got := x.String(); got != c.Text {
				t.Errorf("%s, %s:\ngot  %s\nwant %s", c.Name, name, got, c.Text)
			}
		}
	}
}
