package tensor

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// How tensors are printed: PyTorch's defaults.
const (
	printDecimals  = 4    // digits behind the decimal point
	printWidth     = 80   // columns of a line
	printThreshold = 1000 // elements beyond which the middle is left out
	printEdge      = 3    // elements shown at each end then
)

// String writes t as PyTorch prints it with its default options: four decimals, or
// scientific notation where the range asks for it, columns aligned, lines of 80, the
// middle of long dimensions left out beyond 1000 elements. Booleans and types have Go's
// names, and the result of a recorded operation shows requires_grad=true as a leaf does.
func (t *Tensor) String() string {
	const open = "tensor("
	var b strings.Builder
	b.WriteString(open)
	var suffixes []string // what stands behind the elements
	if t.Numel() > 0 {
		p := printer{short: t.Numel() > printThreshold}
		p.format, p.width = newFormat(t, p.short)
		p.write(&b, t.detached(), len(open))
		if t.dtype == Uint8 || t.dtype == Float64 { // elements show the others
			suffixes = append(suffixes, "dtype="+t.dtype.String())
		}
	} else {
		b.WriteString("[]")
		if t.Dim() != 1 {
			suffixes = append(suffixes, "size="+shapeString(t.shape))
		}
		if t.dtype != Float32 {
			suffixes = append(suffixes, "dtype="+t.dtype.String())
		}
	}
	if t.requiresGrad {
		suffixes = append(suffixes, "requires_grad=true")
	}
	// PyTorch counts two columns more for the elements' last line than it has.
	used := b.Len() - strings.LastIndexByte(b.String(), '\n') + 1
	for _, s := range suffixes {
		if used+len(s)+2 > printWidth {
			b.WriteString(",\n" + strings.Repeat(" ", len(open)) + s)
			used = len(open) + len(s)
			continue
		}
		b.WriteString(", " + s)
		used += len(s) + 2
	}
	b.WriteString(")")
	return b.String()
}

// printer writes the elements of one tensor.
type printer struct {
	short  bool                   // leave the middle of long dimensions out
	format func(e *Tensor) string // of one element
	width  int                    // that format pads numbers to
}

// write writes t, whose opening bracket stands in column indent.
func (p printer) write(b *strings.Builder, t *Tensor, indent int) {
	if t.Dim() == 0 {
		b.WriteString(p.format(t))
		return
	}
	pad := strings.Repeat(" ", indent+1)
	b.WriteString("[")
	defer b.WriteString("]")
	if t.Dim() > 1 {
		for i, row := range p.shown(t.shape[0]) {
			if i > 0 {
				b.WriteString("," + strings.Repeat("\n", t.Dim()-1) + pad)
			}
			if row < 0 {
				b.WriteString("...")
				continue
			}
			p.write(b, t.Select(0, row), indent+1)
		}
		return
	}
	perLine := max(1, (printWidth-indent)/(p.width+2))
	for i, at := range p.shown(t.shape[0]) {
		switch {
		case i > 0 && i%perLine == 0:
			b.WriteString(",\n" + pad)
		case i > 0:
			b.WriteString(", ")
		}
		if at < 0 {
			b.WriteString(" ...")
			continue
		}
		b.WriteString(p.format(t.Select(0, at)))
	}
}

// shown returns which of n indices are written, with -1 for those left out.
func (p printer) shown(n int) []int {
	var out []int
	for i := range n {
		switch {
		case !p.short || n <= 2*printEdge || i < printEdge || i >= n-printEdge:
			out = append(out, i)
		case i == printEdge:
			out = append(out, -1)
		}
	}
	return out
}

// newFormat returns how an element of t is written, and the width that all have.
func newFormat(t *Tensor, short bool) (format func(e *Tensor) string, width int) {
	part := t.shownPart(short).Reshape(-1)
	text := elementText(part)
	width = 1
	for i := range part.Numel() {
		// PyTorch measures what is neither 0 nor special: those fit beside a number.
		e := part.Select(0, i)
		if v := e.Item(); !t.dtype.IsFloat() || v != 0 && !math.IsInf(v, 0) && !math.IsNaN(v) {
			width = max(width, len(text(e)))
		}
	}
	return func(e *Tensor) string { return fmt.Sprintf("%*s", width, text(e)) }, width
}

// elementText returns how an element of t is written, without padding.
func elementText(t *Tensor) func(e *Tensor) string {
	switch t.dtype {
	case Bool:
		return func(e *Tensor) string { return fmt.Sprint(e.Item() != 0) }
	case Uint8, Int64:
		return func(e *Tensor) string { return fmt.Sprint(Values[int64](e)[0]) }
	}
	text := floatText(Values[float64](t))
	return func(e *Tensor) string { return text(e.Item()) }
}

// floatText returns how one of values is written: whole numbers with a bare point,
// others with four decimals, in scientific notation where the range asks for it.
func floatText(values []float64) func(v float64) string {
	low, high, whole := math.Inf(1), 0.0, true
	for _, v := range values {
		if v == 0 || math.IsInf(v, 0) || math.IsNaN(v) {
			continue
		}
		low, high = min(low, math.Abs(v)), max(high, math.Abs(v))
		whole = whole && v == math.Trunc(v)
	}
	scientific := high > 0 && (high/low > 1000 || high > 1e8 || !whole && low < 1e-4)
	return func(v float64) string {
		switch {
		case math.IsNaN(v):
			return "nan"
		case math.IsInf(v, 0):
			return strings.TrimPrefix(strings.ToLower(fmt.Sprint(v)), "+")
		case scientific:
			return fmt.Sprintf("%.*e", printDecimals, v)
		case whole:
			return fmt.Sprintf("%.0f.", v)
		}
		return fmt.Sprintf("%.*f", printDecimals, v)
	}
}

// shownPart returns the elements that are written, those at the ends of every long
// dimension; PyTorch sets the format by them alone.
func (t *Tensor) shownPart(short bool) *Tensor {
	part := t.detached()
	for d, n := range t.shape {
		if !short || n <= 2*printEdge {
			continue
		}
		shape := slices.Clone(part.shape)
		shape[d] = 2 * printEdge
		ends := Zeros(t.dtype, shape...)
		ends.Narrow(d, 0, printEdge).CopyInPlace(part.Narrow(d, 0, printEdge))
		ends.Narrow(d, printEdge, printEdge).CopyInPlace(part.Narrow(d, n-printEdge, printEdge))
		part = ends
	}
	return part
}
