package tensor

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/internal/parallel"
	"github.com/onehot-go/onehot/internal/reuse"
)

// inPlace prepares t to be overwritten by an operation on y, which may be nil: it
// refuses what gradients could not follow, and counts the change. It returns y to be
// read, a copy where it shares t's memory.
func (t *Tensor) inPlace(op string, y *Tensor) *Tensor {
	if t.node != nil {
		failGrad(op, "the result of "+t.node.op+" is part of a recorded computation: "+insteadOf(op), t)
	}
	if y != nil {
		if y.requiresGrad && !t.noGrad {
			failGrad(op, "in-place operations are not recorded, and the operand requires gradients: Detach it", t, y)
		}
		if !y.broadcastStrides(nil, t.shape) {
			failShape(op, "the second cannot be broadcast to the first", t, y)
		}
	}
	if slices.Contains(t.strides, 0) && t.Numel() > 1 {
		for d, n := range t.shape {
			if n > 1 && t.strides[d] == 0 {
				failShape(op, fmt.Sprintf("dimension %d is expanded: several elements share memory, Clone it first", d), t)
			}
		}
	}
	t.store.version++
	if y == nil {
		return nil
	}
	y = y.detached()
	if y.store == t.store {
		return y.Clone()
	}
	return y
}

// insteadOf says what works on a recorded result where the in-place operation op does not.
func insteadOf(op string) string {
	const change = "change a copy that is not, Detach().Clone()"
	if recorded, ok := map[string]string{
		"add in place": "Add", "sub in place": "Sub", "mul in place": "Mul", "div in place": "Div", "pow in place": "Pow",
		"add scaled in place": "Add of a MulScalar",
	}[op]; ok {
		return "use " + recorded + ", which makes a new tensor and is recorded too, or " + change
	}
	return change
}

// zipInPlace writes the operation on t and y to t. Where they are promoted to a type above
// t's it is computed in that type and converted once, as PyTorch does.
func (t *Tensor) zipInPlace(op string, y *Tensor, fs zipFuncs) *Tensor {
	if t.dtype == Bool || category(y.dtype) > category(t.dtype) {
		failDType(op, y.dtype, "a type that "+t.dtype.String()+" can hold", t, y)
	}
	y = t.inPlace(op, y)
	if promote(t, y) == t.dtype {
		zipTo(t, t, y.To(t.dtype), fs)
	} else {
		t.assign(zip(op, t.detached(), y, fs))
	}
	return t
}

// AddInPlace adds y, broadcast to t's shape, to t and returns t. In-place operations
// are not recorded: they change values, such as a parameter in an optimizer's step. They
// promote as Add does, and convert the result to t's type, which must be of the same
// category or a higher one.
func (t *Tensor) AddInPlace(y *Tensor) *Tensor { return t.zipInPlace("add in place", y, addFuncs) }

// SubInPlace subtracts y, broadcast to t's shape, from t and returns t.
func (t *Tensor) SubInPlace(y *Tensor) *Tensor { return t.zipInPlace("sub in place", y, subFuncs) }

// MulInPlace multiplies t by y, broadcast to t's shape, and returns t.
func (t *Tensor) MulInPlace(y *Tensor) *Tensor { return t.zipInPlace("mul in place", y, mulFuncs) }

// DivInPlace divides t, of floats, by y, broadcast to t's shape, and returns t.
func (t *Tensor) DivInPlace(y *Tensor) *Tensor {
	if !t.dtype.IsFloat() {
		failDType("div in place", t.dtype, "float32 or float64", t, y)
	}
	return t.zipInPlace("div in place", y, divFuncs)
}

// PowInPlace raises t to the power of y, broadcast to t's shape, and returns t.
func (t *Tensor) PowInPlace(y *Tensor) *Tensor { return t.zipInPlace("pow in place", y, powFuncs) }

// AddScaledInPlace adds alpha·y, y broadcast to t's shape, to t and returns t.
func (t *Tensor) AddScaledInPlace(y *Tensor, alpha float64) *Tensor {
	if !t.dtype.IsFloat() {
		failDType("add scaled in place", t.dtype, "float32 or float64", t, y)
	}
	a32 := float32(alpha)
	return t.zipInPlace("add scaled in place", y, zipFuncs{
		f32: func(v, d float32) float32 { return v + float32(a32*d) }, // as the kernel: rounded twice
		f64: func(v, d float64) float64 { return v + alpha*d },

		run32: func(dst, _, y []float32) { kernel.AddScaled(dst, y, a32) }, // dst is t
	})
}

// CopyInPlace overwrites t with the elements of y, broadcast to t's shape and converted
// to its type as To does, and returns t.
func (t *Tensor) CopyInPlace(y *Tensor) *Tensor {
	t.assign(t.inPlace("copy in place", y))
	return t
}

// FillInPlace sets every element to v, converted to t's type, and returns t.
func (t *Tensor) FillInPlace(v float64) *Tensor {
	t.inPlace("fill in place", nil)
	switch {
	case t.dtype == Float32 && t.IsContiguous(): // gradients are zeroed in every step
		fill(Data[float32](t), float32(v))
	case t.dtype == Float64 && t.IsContiguous():
		fill(Data[float64](t), v)
	default:
		t.assign(Scalar(v).To(t.dtype))
	}
	return t
}

func fill[T Float](dst []T, v T) {
	if v == 0 && !math.Signbit(float64(v)) {
		zero(dst)
		return
	}
	for i := range dst {
		dst[i] = v
	}
}

// zero is clear, for float32 on several cores where there are many.
func zero[T Float](dst []T) {
	dst32, ok := any(dst).([]float32)
	if !ok {
		clear(dst)
		return
	}
	c := clearings.Get().(*clearing)
	c.dst = dst32
	parallel.For(len(dst), grain, c.part)
	c.dst = nil
	clearings.Put(c)
}

// clearing is a loop that sets elements to 0. It is kept, so that no memory is taken.
type clearing struct {
	dst  []float32
	part func(lo, hi int)
}

var clearings = sync.Pool{New: func() any {
	c := new(clearing)
	c.part = func(lo, hi int) { clear(c.dst[lo:hi]) }
	return c
}}

// DataInPlace is Data for memory that is about to be changed, by an in-place operation of
// the caller's own: unlike what is written to Data, Backward notices it.
func DataInPlace[T Element](t *Tensor) []T {
	data := Data[T](t)
	t.inPlace("data in place", nil)
	return data
}

// NormalInPlace overwrites t with draws from the normal distribution with the given
// mean and standard deviation, taken from r in row-major order, and returns t.
func (t *Tensor) NormalInPlace(r *rand.Rand, mean, std float64) *Tensor {
	return t.normal("normal in place", r, mean, std)
}

func (t *Tensor) normal(op string, r *rand.Rand, mean, std float64) *Tensor {
	return t.drawInPlace(op, r, func() float64 { return mean + std*r.NormFloat64() })
}

// UniformInPlace overwrites t with draws from the uniform distribution over [low,
// high), taken from r in row-major order, and returns t. All are low if both are equal. It
// panics with a *fault.OptionError if low is above high.
func (t *Tensor) UniformInPlace(r *rand.Rand, low, high float64) *Tensor {
	return t.uniform("uniform in place", r, low, high)
}

func (t *Tensor) uniform(op string, r *rand.Rand, low, high float64) *Tensor {
	if low > high {
		fault.Option(op, "no number is in [%v, %v)", low, high)
	}
	// Rounding, to float32 above all, would give high now and then.
	last := math.Nextafter(high, math.Inf(-1))
	if t.dtype == Float32 {
		last = float64(math.Nextafter32(float32(high), float32(math.Inf(-1))))
	}
	last = max(low, last)
	return t.drawInPlace(op, r, func() float64 { return min(low+(high-low)*r.Float64(), last) })
}

// drawInPlace overwrites t with what draw takes from r, which may be reuse.Blank.
func (t *Tensor) drawInPlace(op string, r *rand.Rand, draw func() float64) *Tensor {
	if !t.dtype.IsFloat() {
		failDType(op, t.dtype, "float32 or float64", t)
	}
	t.inPlace(op, nil)
	if r == reuse.Blank {
		return t
	}
	// On one goroutine: the order of draws is part of the result.
	if t.dtype == Float32 && t.IsContiguous() { // as parameters are: no memory is taken beside theirs
		data := Data[float32](t)
		for i := range data {
			data[i] = float32(draw())
		}
		return t
	}
	drawn := make([]float64, t.Numel())
	for i := range drawn {
		drawn[i] = draw()
	}
	t.assign(wrap(drawn, t.shape))
	return t
}
