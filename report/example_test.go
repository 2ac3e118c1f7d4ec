package report_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"

	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

func ExampleGrid() {
	pictures := []image.Image{
		image.NewGray(image.Rect(0, 0, 28, 28)),
		image.NewGray(image.Rect(0, 0, 28, 28)),
	}
	grid := report.Grid(pictures, report.GridOptions{Titles: []string{"pullover", "coat"}, Columns: 2, Scale: 3}).Image()
	var file bytes.Buffer
	if err := png.Encode(&file, grid); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(grid.Bounds().Size())
	// Output: (204,128)
}

func ExampleNewPredictions() {
	logits := tensor.New([]float32{
		3, 1, 0,
		0, 2, 1,
		4, 0, 1,
		5, 1, 0,
	}, 4, 3)
	p := report.NewPredictions([]string{"shirt", "coat", "bag"}, logits, tensor.New([]int64{0, 1, 1, 2}), nil)
	for _, i := range p.Wrong() {
		fmt.Printf("sample %d: %s taken for %s with %.3f, loss %.2f\n",
			i, p.Classes[p.Labels[i]], p.Classes[p.Predicted(i)], p.Confidence(i), p.Loss(i))
	}
	matrix := report.ConfusionMatrix(p.Classes, p.Confusion().Counts(), false)
	fmt.Println(matrix.Image().Bounds().Size())
	// Output:
	// sample 3: bag taken for shirt with 0.976, loss 5.02
	// sample 2: coat taken for shirt with 0.936, loss 4.07
	// (460,492)
}

func ExampleCurves() {
	run := report.Run{Name: "runs/softmax-fashion-mnist-1", Epochs: []train.Epoch{
		{Epoch: 1, TrainLoss: 0.7851, TrainScore: 0.750, Test: train.Evaluation{Loss: 0.6322, Score: 0.791}},
		{Epoch: 2, TrainLoss: 0.5716, TrainScore: 0.813, Test: train.Evaluation{Loss: 0.5783, Score: 0.803}},
	}}
	err := report.Curves(run).Save("curves.jpg")
	fmt.Println(err)
	// Output: curves.jpg: found the ending ".jpg", .png or .svg expected
}

func ExampleLine() {
	fmt.Println(report.Line(train.Epoch{
		Epoch: 1, TrainLoss: 0.7851, TrainScore: 0.75, Test: train.Evaluation{Score: 0.791},
	}))
	// Output: epoch 1, loss 0.7851, train acc 0.750, test acc 0.791
}

func ExampleLines() {
	epochs := []float64{1, 2, 3}
	err := report.Lines("Training", "epoch",
		report.Series{Name: "training loss / its maximum", X: epochs, Y: []float64{1, 0.72, 0.67}},
		report.Series{Name: "training accuracy", X: epochs, Y: []float64{0.749, 0.814, 0.826}},
		report.Series{Name: "validation accuracy", X: epochs, Y: []float64{0.774, 0.803, 0.813}},
	).Save("training.svg")
	if err != nil {
		fmt.Println(err)
	}
}
