package report_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"

	"github.com/onehot-go/onehot/report"
)

func ExampleGrid() {
	pictures := []image.Image{
		image.NewGray(image.Rect(0, 0, 28, 28)),
		image.NewGray(image.Rect(0, 0, 28, 28)),
	}
	grid := report.Grid(pictures, []string{"pullover", "coat"}, 2, 3)
	var file bytes.Buffer
	if err := png.Encode(&file, grid); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(grid.Bounds().Size())
	// Output: (204,128)
}
