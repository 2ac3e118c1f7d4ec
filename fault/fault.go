// Package fault has the errors that packages share: what is wrong with a setting, a label
// or a file. Errors about shapes, element types and gradients are in package tensor.
package fault

import (
	"fmt"
	"strings"
)

// OptionError is what a function panics with when it is given a setting that cannot work, or
// is used in a way that cannot, whatever the shapes. It is the caller's mistake, not a condition to handle.
type OptionError struct {
	Op     string // what it was given to: "optim.SGD"
	Detail string // what is wrong, and what was expected
}

// Error names the operation and what is wrong:
// "optim.SGD: momentum -1: at least 0 expected".
func (e *OptionError) Error() string { return e.Op + ": " + e.Detail }

// Option panics with an *OptionError for op, with the described detail.
func Option(op, format string, args ...any) {
	panic(&OptionError{op, fmt.Sprintf(format, args...)})
}

// LabelError is what a function panics with for a label that names no class.
type LabelError struct {
	Op      string // the function: "loss.CrossEntropy"
	Label   int64
	Index   []int  // of the label among the labels
	Classes int    // how many there are
	Advice  string // what else may be done about it, or ""
}

// Error names the operation, the label, its index and the number of classes:
// "loss.CrossEntropy: label 10 at (3): 0 to 9 expected, there are 10 classes".
func (e *LabelError) Error() string {
	at := strings.ReplaceAll(strings.Trim(fmt.Sprint(e.Index), "[]"), " ", ", ")
	text := fmt.Sprintf("%s: label %d at (%s): 0 to %d expected, there are %d classes", e.Op, e.Label, at, e.Classes-1, e.Classes)
	if e.Advice != "" {
		text += ": " + e.Advice
	}
	return text
}

// Label panics with a *LabelError for op and the label at place at, in row-major order, among
// labels of the given shape. advice may be "".
func Label(op string, label int64, at int, shape []int, classes int, advice string) {
	index := make([]int, len(shape))
	for d := len(shape) - 1; d >= 0; d-- {
		index[d] = at % shape[d]
		at /= shape[d]
	}
	panic(&LabelError{op, label, index, classes, advice})
}

// FormatError says that a file is not what it should be, and where.
type FormatError struct {
	File   string // its path, or "" if it has none
	Field  string // the place in it: "magic number", `tensor "linear.bias": shape`
	Detail string // what was found there, and what was expected
}

// Error names the file, the place and what is wrong: "FILE: FIELD: DETAIL".
func (e *FormatError) Error() string {
	text := e.Field + ": " + e.Detail
	if e.File == "" {
		return text
	}
	return e.File + ": " + text
}

// Format returns the *FormatError of a place in a file where one thing was found and another
// expected: "FILE: FIELD: found X, expected Y".
func Format(file, field, found, expected string) error {
	return &FormatError{file, field, fmt.Sprintf("found %s, expected %s", found, expected)}
}
