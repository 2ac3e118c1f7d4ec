package tensor

// compare returns a Bool tensor with f of every pair of elements of x and y, broadcast
// and promoted.
func compare(op string, x, y *Tensor, u8 func(a, b uint8) bool, i64 func(a, b int64) bool,
	f32 func(a, b float32) bool, f64 func(a, b float64) bool) *Tensor {
	dtype := max(promote(x, y), Uint8)
	x, y = x.detached().To(dtype), y.detached().To(dtype)
	out := Zeros(Bool, broadcastShape(op, x, y)...)
	switch dtype {
	case Uint8:
		zipInto(out, x, y, u8)
	case Int64:
		zipInto(out, x, y, i64)
	case Float32:
		zipInto(out, x, y, f32)
	case Float64:
		zipInto(out, x, y, f64)
	}
	return out
}

func equal[T Number](a, b T) bool    { return a == b }
func notEqual[T Number](a, b T) bool { return a != b }
func less[T Number](a, b T) bool     { return a < b }
func lessEq[T Number](a, b T) bool   { return a <= b }
func more[T Number](a, b T) bool     { return a > b }
func moreEq[T Number](a, b T) bool   { return a >= b }

// Eq returns where t equals y, element by element and broadcast, as Bool. NaN equals
// nothing.
func (t *Tensor) Eq(y *Tensor) *Tensor {
	return compare("eq", t, y, equal, equal, equal, equal)
}

// Ne returns where t differs from y, as Bool.
func (t *Tensor) Ne(y *Tensor) *Tensor {
	return compare("ne", t, y, notEqual, notEqual, notEqual, notEqual)
}

// Lt returns where t is less than y, as Bool.
func (t *Tensor) Lt(y *Tensor) *Tensor { return compare("lt", t, y, less, less, less, less) }

// Le returns where t is less than y or equal to it, as Bool.
func (t *Tensor) Le(y *Tensor) *Tensor { return compare("le", t, y, lessEq, lessEq, lessEq, lessEq) }

// Gt returns where t is greater than y, as Bool.
func (t *Tensor) Gt(y *Tensor) *Tensor { return compare("gt", t, y, more, more, more, more) }

// Ge returns where t is greater than y or equal to it, as Bool.
func (t *Tensor) Ge(y *Tensor) *Tensor { return compare("ge", t, y, moreEq, moreEq, moreEq, moreEq) }
