package classify

import (
	"math"
	"slices"

	"github.com/onehot-go/onehot/internal/kernel"
)

// certainty is how sure a fit without a penalty is of its coefficients: the inverse of the Hessian of the summed losses. Of more
// than two classes the coefficients are differences to those of the first class, since a number that all classes have says
// nothing. Features that others say already have the coefficient 0.
//
// A vector of it has the intercept, and then the features, each by its number from 1; 0 is the intercept.
type certainty struct {
	scaling
	undone     bool        // coefficients of the Fitted are for raw numbers
	values     [][]float64 // (vectors, 1 + columns)
	kept       []int       // what of a vector is not left to others
	covariance []float64   // (vectors · kept) squared
}

// mostCertain is the most coefficients that are asked how sure they are: the work grows with their third power.
const mostCertain = 1000

// dependent is the share of a feature's square that is left when what others say is taken away, at or below which they say all of it.
const dependent = 1e-9

// certainty returns how sure the fit is of what it found, or nil if that is too much work or cannot be told.
func (f *fitter) certainty(found *Fitted) *certainty {
	vectors, size := f.classes-1, f.columns+1
	if vectors*size > mostCertain {
		return nil
	}
	c := &certainty{scaling: f.scaling}
	for k := range vectors {
		v := append([]float64{found.Intercepts[len(found.Intercepts)-vectors+k]}, found.Coefficients[len(found.Coefficients)-vectors+k]...)
		if f.vectors > vectors {
			v[0] -= found.Intercepts[0]
			for j, w := range found.Coefficients[0] {
				v[1+j] -= w
			}
		}
		c.values = append(c.values, v)
	}
	hessian := f.hessian(found)
	n := vectors * size
	gram := make([]float64, size*size) // of the rows, each with a weight above 0
	for k := range vectors {
		for i := range size {
			for j := range size {
				gram[i*size+j] += hessian[(k*size+i)*n+k*size+j]
			}
		}
	}
	c.keep(gram, size)
	var rows []int
	for k := range vectors {
		for _, i := range c.kept {
			rows = append(rows, k*size+i)
		}
	}
	root := cholesky(pick(hessian, n, rows, rows), len(rows))
	if root == nil {
		return nil
	}
	c.covariance = inverse(root, len(rows))
	return c
}

// keep finds which features say what others do not, the last first, and leaves what the others have to them. So the first category of
// a column is the one that the others are compared with.
func (c *certainty) keep(gram []float64, size int) {
	order := []int{0}
	for j := size - 1; j > 0; j-- {
		order = append(order, j)
	}
	var left []int
	root := make([]float64, 0, size*size) // rows of the triangle of those that are kept, each size long
	for _, j := range order {
		row := make([]float64, size)
		rest := gram[j*size+j]
		for a, i := range c.kept {
			v := gram[j*size+i]
			for b := range a {
				v -= row[b] * root[a*size+b]
			}
			row[a] = v / root[a*size+a]
			rest -= row[a] * row[a]
		}
		if !(rest > dependent*gram[j*size+j]) {
			left = append(left, j)
			continue
		}
		row[len(c.kept)] = math.Sqrt(rest)
		root = append(root, row...)
		c.kept = append(c.kept, j)
	}
	triangle := make([]float64, 0, len(c.kept)*len(c.kept))
	for a := range c.kept {
		triangle = append(triangle, root[a*size:][:len(c.kept)]...)
	}
	for _, j := range left {
		shares := make([]float64, len(c.kept))
		for a, i := range c.kept {
			shares[a] = gram[i*size+j]
		}
		solve(triangle, shares)
		for _, v := range c.values {
			for a, i := range c.kept {
				v[i] += shares[a] * v[j]
			}
			v[j] = 0
		}
	}
}

// hessian returns the second derivatives of the summed losses, by the vectors of all classes but the first.
func (f *fitter) hessian(found *Fitted) []float64 {
	vectors, size := f.classes-1, f.columns+1
	n := vectors * size
	out := make([]float64, n*n)
	const rows = 512
	z, scaled := make([]float64, rows*size), make([]float64, rows*size)
	p := make([]float64, rows*f.classes)
	block := make([]float64, size*size)
	at := Fitted{Coefficients: found.Coefficients, Intercepts: found.Intercepts, classes: f.classes} // of standardised rows
	for lo := 0; lo < f.rows; lo += rows {
		n1 := min(rows, f.rows-lo)
		for i := range n1 {
			row := z[i*size:][:size]
			row[0] = 1
			f.read(row[1:], lo+i)
			f.apply(row[1:])
			at.Probabilities(p[i*f.classes:][:f.classes], row[1:])
		}
		for a := range vectors {
			for b := a; b < vectors; b++ {
				for i := range n1 {
					pa, pb := p[i*f.classes+1+a], p[i*f.classes+1+b]
					w := -pa * pb
					if a == b {
						w = pa * (1 - pa)
					}
					if f.weights != nil {
						w *= f.weights[lo+i]
					}
					for j, v := range z[i*size:][:size] {
						scaled[i*size+j] = w * v
					}
				}
				kernel.Gemm(block, kernel.Matrix[float64]{Data: z, Rows: size, Cols: n1, RowStride: 1, ColStride: size},
					kernel.Matrix[float64]{Data: scaled, Rows: n1, Cols: size, RowStride: size, ColStride: 1}, kernel.Epilogue[float64]{})
				for i := range size {
					for j := range size {
						out[(a*size+i)*n+b*size+j] += block[i*size+j]
					}
				}
			}
		}
	}
	for i := range n {
		for j := range i {
			out[i*n+j] = out[j*n+i]
		}
	}
	return out
}

// pick returns the elements of a matrix of n columns in the given rows and columns.
func pick(m []float64, n int, rows, columns []int) []float64 {
	out := make([]float64, 0, len(rows)*len(columns))
	for _, i := range rows {
		for _, j := range columns {
			out = append(out, m[i*n+j])
		}
	}
	return out
}

// cholesky returns the lower triangle L of the symmetric matrix m = L·L' of n rows, or nil unless all its directions curve upwards.
func cholesky(m []float64, n int) []float64 {
	l := make([]float64, n*n)
	for i := range n {
		for j := range i + 1 {
			v := m[i*n+j]
			x, y := l[i*n:][:j], l[j*n:][:j]
			for k, a := range x {
				v -= a * y[k]
			}
			if j < i {
				l[i*n+j] = v / l[j*n+j]
			} else if v > epsilon*float64(n)*m[i*n+i] {
				l[i*n+i] = math.Sqrt(v)
			} else {
				return nil
			}
		}
	}
	return l
}

// solve makes x of b in L·L'·x = b.
func solve(l, b []float64) {
	n := len(b)
	for i := range n {
		for k, v := range l[i*n:][:i] {
			b[i] -= v * b[k]
		}
		b[i] /= l[i*n+i]
	}
	for i := n - 1; i >= 0; i-- {
		b[i] /= l[i*n+i]
		for k, v := range l[i*n:][:i] {
			b[k] -= v * b[i]
		}
	}
}

// inverse returns the inverse of L·L', of n rows.
func inverse(l []float64, n int) []float64 {
	out := make([]float64, n*n)
	for i := range n {
		out[i*n+i] = 1
		solve(l, out[i*n:][:n])
	}
	return out
}

// errors returns the standard errors of a vector that is brought to numbers before they were standardised by s; NaN of features that are
// left to others.
func (c *certainty) errors(vector int, s scaling) []float64 {
	m := len(c.kept)
	at, n := vector*m, len(c.values)*m
	out := slices.Repeat([]float64{math.NaN()}, len(c.values[vector]))
	shares := make([]float64, m) // of all in the intercept
	for a, j := range c.kept {
		shares[a] = 1
		if j > 0 {
			shares[a] = 0
			deviation := 1.0
			if s.mean != nil {
				deviation = s.deviation[j-1]
				shares[a] = -s.mean[j-1] / deviation
			}
			out[j] = math.Sqrt(c.covariance[(at+a)*n+at+a]) / deviation
		}
	}
	variance := 0.0
	for a, v := range shares {
		for b, w := range shares {
			variance += v * w * c.covariance[(at+a)*n+at+b]
		}
	}
	out[0] = math.Sqrt(variance)
	return out
}

// undo returns an intercept and coefficients for numbers before they were standardised.
func (s scaling) undo(vector []float64) []float64 {
	out := slices.Clone(vector)
	for j, m := range s.mean {
		out[1+j] /= s.deviation[j]
		out[0] -= out[1+j] * m
	}
	return out
}

// after returns what standardises at once what before and then s do.
func (s scaling) after(before scaling) scaling {
	if s.mean == nil {
		return before
	}
	if before.mean == nil {
		return s
	}
	out := scaling{slices.Clone(s.mean), slices.Clone(s.deviation)}
	for j, d := range before.deviation {
		out.mean[j] = before.mean[j] + d*s.mean[j]
		out.deviation[j] *= d
	}
	return out
}
