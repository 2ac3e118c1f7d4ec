package inference

// Gate computes y = x · gate, where gate has a number for each channel of each picture: gate has as many
// pictures of one pixel. y may be x.
func Gate(y, x, gate Pictures) {
	k := active
	x.checkWritten("what is gated", k.lanes, x.Images, x.Channels, x.Size)
	y.checkWritten("what is written by a gate", k.lanes, x.Images, x.Channels, x.Size)
	gate.checkWritten("a gate", k.lanes, x.Images, x.Channels, [2]int{1, 1})
	w := works.Get().(*work)
	defer w.done()
	w.y, w.x, w.add = y, x, gate
	w.share(doGate, x.Images*x.Size[0], x.Size[1]*x.Pitch)
}

func (w *work) gated(from, to int) {
	for r := from; r < to; r++ {
		n, i := r/w.x.Size[0], r%w.x.Size[0]
		gate := w.add.Data[n*w.add.picture()+w.add.at(0, 0):]
		active.gate(w.y.Data[n*w.y.picture()+w.y.at(i, 0):], w.x.Data[n*w.x.picture()+w.x.at(i, 0):], gate, w.x.Size[1], w.x.Pitch)
	}
}

// Sum computes y = a(x + add), for pictures of one shape. y may be one of them.
func Sum(y, x, add Pictures, a Activation) {
	k := active
	x.checkWritten("what is added", k.lanes, x.Images, x.Channels, x.Size)
	y.checkWritten("a sum", k.lanes, x.Images, x.Channels, x.Size)
	add.checkWritten("what is added", k.lanes, x.Images, x.Channels, x.Size)
	w := works.Get().(*work)
	defer w.done()
	w.y, w.x, w.add, w.act = y, x, add, a
	w.share(doSum, x.Images*x.Size[0], x.Size[1]*x.Pitch)
}

func (w *work) sum(from, to int) {
	lo, hi, all := w.act.limits()
	for r := from; r < to; r++ {
		n, i := r/w.x.Size[0], r%w.x.Size[0]
		length := w.x.Size[1] * w.x.Pitch
		y := w.y.Data[n*w.y.picture()+w.y.at(i, 0):]
		active.sum(y, w.x.Data[n*w.x.picture()+w.x.at(i, 0):], w.add.Data[n*w.add.picture()+w.add.at(i, 0):], length, lo, hi)
		if !all {
			active.activate(w.act, y, 1, length, length)
		}
	}
}

// Activate computes y = a(y).
func Activate(y Pictures, a Activation) {
	y.checkWritten("what an activation is of", active.lanes, y.Images, y.Channels, y.Size)
	if a == Identity {
		return
	}
	w := works.Get().(*work)
	defer w.done()
	w.y, w.act = y, a
	w.share(doActivate, y.Images*y.Size[0], y.Size[1]*y.Pitch)
}

func (w *work) activate(from, to int) {
	for r := from; r < to; r++ {
		n, i := r/w.y.Size[0], r%w.y.Size[0]
		length := w.y.Size[1] * w.y.Pitch
		active.activate(w.act, w.y.Data[n*w.y.picture()+w.y.at(i, 0):], 1, length, length)
	}
}
