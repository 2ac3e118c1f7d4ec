package tensorboard_test

import (
	"fmt"
	"image"
	"os"
	"path/filepath"

	"github.com/onehot-go/onehot/report/tensorboard"
)

func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	w, err := tensorboard.Create(dir) // `tensorboard --logdir` with the folder shows it
	if err != nil {
		fmt.Println(err)
		return
	}
	for epoch, loss := range []float64{0.79, 0.57, 0.53} {
		w.AddScalar("loss/train", loss, epoch+1) // Close tells of errors
	}
	w.AddImage("samples", image.NewGray(image.Rect(0, 0, 28, 28)), 3)
	if err := w.Close(); err != nil {
		fmt.Println(err)
		return
	}
	files, _ := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*"))
	fmt.Println(len(files), "event file")
	// Output: 1 event file
}
