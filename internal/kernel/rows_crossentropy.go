package kernel

import "math"

// CrossEntropyRows computes the softmax of every row of x,
//
//	exp(x - max(x)) / sum(exp(x - max(x)))
//
// to p, which may be x, and to losses the negative logarithm of what it has for the row's
// label. x and p are (rows, cols) without gaps; labels are in [0, cols). The differences
// from the maximum are rounded, as float32; the sum and its logarithm are float64, and
// the loss is rounded once. A row that has NaN or +Inf, or nothing but -Inf, becomes NaN,
// and so does its loss.
func CrossEntropyRows(losses, p, x []float32, labels []int64, rows, cols int) {
	losses, labels, p, x = losses[:rows], labels[:rows], p[:rows*cols], x[:rows*cols]
	if v := active.vectors; v != nil && v.softmax != nil && len(x) > 0 {
		each := perRows.Get().(*perRow)
		defer perRows.Put(each)
		for i := 0; i < rows; i += atATime {
			n := min(atATime, rows-i)
			truths := pickLabels(x[i*cols:], labels[i:i+n], cols) // before p is written
			v.softmax(n, cols, &p[i*cols], &x[i*cols], &each.peaks[0], &each.sums[0])
			v.logs(each.sums[:n])
			for k, truth := range truths[:n] {
				losses[i+k] = float32(each.sums[k] - float64(truth-each.peaks[k]))
			}
		}
		return
	}
	for i, label := range labels {
		x, p := x[i*cols:][:cols], p[i*cols:][:cols]
		most := x[0]
		for _, v := range x {
			most = max(most, v)
		}
		truth, sum := x[label]-most, 0.0
		for j, v := range x {
			e := math.Exp(float64(v - most))
			sum += e
			p[j] = float32(e)
		}
		for j, e := range p {
			p[j] = float32(float64(e) / sum)
		}
		losses[i] = float32(math.Log(sum) - float64(truth))
	}
}

// CrossEntropyGradRows computes the gradient of scale times the sum of the losses that
// CrossEntropyRows gives, with respect to its x, from p: scale·(p - 1) for a row's label
// and scale·p for the others. dst may be p.
func CrossEntropyGradRows(dst, p []float32, labels []int64, scale float32, rows, cols int) {
	dst, p = dst[:rows*cols], p[:rows*cols]
	for i := 0; i < rows; i += atATime {
		n := min(atATime, rows-i)
		from, to := i*cols, (i+n)*cols
		truths := pickLabels(p[from:to], labels[i:i+n], cols)
		Scale(dst[from:to], p[from:to], scale)
		for k, label := range labels[i : i+n] {
			dst[from+k*cols+int(label)] = scale * (truths[k] - 1)
		}
	}
}

// pickLabels returns what each row of x, at most atATime, has for its label.
func pickLabels(x []float32, labels []int64, cols int) (picked [atATime]float32) {
	for k, label := range labels {
		picked[k] = x[k*cols:][:cols][label]
	}
	return picked
}
