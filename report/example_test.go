package report_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"

	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/train"
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

func ExampleLine() {
	fmt.Println(report.Line(train.Epoch{
		Epoch: 1, TrainLoss: 0.7851, TrainAccuracy: 0.75, Test: train.Evaluation{Accuracy: 0.791},
	}))
	// Output: epoch 1, loss 0.7851, train acc 0.750, test acc 0.791
}
