package report_test

import (
	"bytes"
	"fmt"
	"image"

	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

func ExamplePage_Write() {
	logits := tensor.New([]float32{2, 0, 1, 3}, 2, 2)
	page := report.Page{
		Title: "softmax on pairs", LastEpoch: 1, Samples: 6,
		Epochs: []train.Epoch{{Epoch: 1, TrainLoss: 0.5, TrainScore: 1, Test: train.Evaluation{Score: 1, Loss: 0.25}, Seconds: 0.01}},
		Predictions: report.NewPredictions([]string{"left", "right"}, logits, tensor.New([]int64{0, 1}), func(int) image.Image {
			return image.NewGray(image.Rect(0, 0, 2, 1))
		}),
	}
	var html bytes.Buffer
	if err := page.Write(&html); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(bytes.Contains(html.Bytes(), []byte("<title>softmax on pairs: 100.00")))
	// Output: true
}
