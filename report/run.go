package report

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"

	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// How much of a run's results its pictures show.
const (
	calibrationBins = 15 // as metric.Calibration has where nothing else is said
	histogramBins   = 25
	mistakesShown   = 40
	pairsShown      = 8
	unitsShown      = 256 // of a hidden layer
)

// PictureFiles are the names of the files that Pictures writes: charts as PNG and SVG,
// pictures of samples and weights as PNG.
var PictureFiles = []string{
	"classes.png", "classes.svg",
	"confidence.png", "confidence.svg",
	"confused.png",
	"confusion-percent.png", "confusion-percent.svg",
	"confusion.png", "confusion.svg",
	"curves.png", "curves.svg",
	"label-errors.png",
	"mistakes.png",
	"precision-recall.png", "precision-recall.svg",
	"reliability.png", "reliability.svg",
	"roc.png", "roc.svg",
	"weights.png",
}

// Pictures writes what there is to see of a run to files in dir, those of PictureFiles.
// Predictions are those of net, for samples of the given shape (C, H, W); nil of a run that was not
// measured, which has curves and weights alone. There is no
// weights.png of a net whose first layer is not linear or whose samples are rows, and no pictures of samples of rows. Of many
// classes the pictures show 50.
func Pictures(dir string, run Run, p *Predictions, net nn.Module, shape []int) error {
	files := map[string]*Drawing{"curves.png": Curves(run)}
	files["curves.svg"] = files["curves.png"]
	var classes []string
	if p != nil {
		classes = p.Classes
		p.draw(files)
	}
	var w *tensor.Tensor
	if len(shape) == 3 {
		w = FirstWeights(net, shape[0]*shape[1]*shape[2])
	}
	if w != nil {
		shown, names := min(w.Size(0), unitsShown), rowNames(net, classes)
		if names != nil {
			shown = min(len(names), maxClasses)
			names = names[:shown]
		}
		files["weights.png"] = Weights(w.Narrow(0, 0, shown), shape, names)
	}

	names := slices.Sorted(maps.Keys(files))
	errs := make([]error, len(names))
	var wg sync.WaitGroup
	for i, name := range names { // most of the time goes to compressing them
		wg.Go(func() { errs[i] = files[name].Save(filepath.Join(dir, name)) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// draw adds what there is to see of the predictions to files.
func (p *Predictions) draw(files map[string]*Drawing) {
	figures, counts := p.Confusion().Result(), p.Confusion().Counts()
	chart := func(name string, d *Drawing) { files[name+".png"], files[name+".svg"] = d, d }
	chart("confusion", ConfusionMatrix(p.Classes, counts, false))
	chart("confusion-percent", ConfusionMatrix(p.Classes, counts, true))
	chart("classes", ClassBars(p.Classes, figures))
	chart("reliability", Reliability(p.Calibration(calibrationBins)))
	chart("confidence", ConfidenceHistogram(p, histogramBins))
	chart("roc", ROCCurves(p))
	chart("precision-recall", PrecisionRecallCurves(p))

	if p.Image == nil {
		return
	}
	wrong, suspects := p.Wrong(), p.LabelErrors()
	files["mistakes.png"] = Mistakes(p, fmt.Sprintf("The highest losses among %d wrong predictions: the true class, → the predicted one, and their probabilities",
		len(wrong)), wrong, mistakesShown)
	files["label-errors.png"] = Mistakes(p, fmt.Sprintf("The likeliest of %d suspected label errors: the label, → the predicted class, and their probabilities",
		len(suspects)), suspects, mistakesShown)
	files["confused.png"] = ConfusedPairs(p, pairsShown)
}
