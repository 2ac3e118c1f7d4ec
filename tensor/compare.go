package tensor

// compare returns a Bool tensor with f of every pair of elements of x and y, broadcast
// and promoted.
func compare(op string, x, y *Tensor, u8 func(a, b uint8) bool, i64 func(a, b int64) bool,
	f32 func(a, b float32) bool, f64 func(a, b float64) bool) *Tensor {
	dtype := max(promote(x, y), Uint8)
	a, b := x.detached().To(dtype), y.detached().To(dtype)
	out := Zeros(Bool, broadcastShape(op, x, y)...)
	switch dtype {
	case Uint8:
		zipInto(out, a, b, u8, nil)
	case Int64:
		zipInto(out, a, b, i64, nil)
	case Float32:
		zipInto(out, a, b, f32, nil)
	case Float64:
		zipInto(out, a, b, f64, nil)
	}
	return Record(out, op, Input{Tensor: x}, Input{Tensor: y})
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

// And returns where both t and y are true, element by element and broadcast, as Bool. Any
// number but 0 is true, as for torch.logical_and.
func (t *Tensor) And(y *Tensor) *Tensor {
	return logic("and", t, y, func(a, b bool) bool { return a && b })
}

// Or returns where t or y or both are true, as Bool.
func (t *Tensor) Or(y *Tensor) *Tensor {
	return logic("or", t, y, func(a, b bool) bool { return a || b })
}

// Not returns where t is not true, as Bool.
func (t *Tensor) Not() *Tensor { return logic("not", t, t, func(a, _ bool) bool { return !a }) }

// logic returns a Bool tensor with f of every pair of elements of x and y, broadcast.
func logic(op string, x, y *Tensor, f func(a, b bool) bool) *Tensor {
	out := Zeros(Bool, broadcastShape(op, x, y)...)
	zipInto(out, x.detached().To(Bool), y.detached().To(Bool), f, nil)
	return Record(out, op, Input{Tensor: x}, Input{Tensor: y})
}
