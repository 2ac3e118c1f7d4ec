package report

import (
	"fmt"
	"math"

	"github.com/onehot-go/onehot/train"
)

// LRCurve draws the training loss over learning rates, as train.FindLR finds it, with the
// one that is suggested marked. What is not finite is left out.
func LRCurve(found []train.LRLoss, suggested float64) *Drawing {
	d := newDrawing("Training loss by learning rate", 640, 360, 2)
	curve := line{width: 2, colour: blue}
	rates, losses := span{math.Inf(1), math.Inf(-1)}, span{math.Inf(1), math.Inf(-1)}
	for _, f := range found {
		if !finite(f.Loss) {
			continue
		}
		p := point{math.Log10(f.LR), f.Loss}
		curve.points = append(curve.points, p)
		rates = span{min(rates.low, p.x), max(rates.high, p.x)}
		losses = span{min(losses.low, p.y), max(losses.high, p.y)}
	}
	at := math.Log10(suggested)
	rates = span{min(rates.low, at), max(rates.high, at)}
	p := panel{d: d, x: 70, y: 40, w: 540, h: 260, xs: rates.widened(), ys: losses.widened()}
	p.axes("Training loss by learning rate, smoothed", "learning rate", "mean cross-entropy (nats)", p.xs.powers())
	p.curve(curve)
	x := p.at(point{at, 0}).x
	d.add(box{x - 0.75, p.y, 1.5, p.h, vermillion})
	d.text(p.x+p.w, p.y-12, fmt.Sprintf("suggested: %.2g", suggested), labelSize, right, ink, false)
	return d
}
