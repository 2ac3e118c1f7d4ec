package transform

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// Columns makes a row of features of a row of a table, which is a text a column. It knows what was
// fitted to the training rows: means and deviations, what stands for what is missing, and
// categories. The features of a column stand side by side, in the order of List:
//
//	numeric   (value - mean) / deviation
//	boolean   the same of 1 for true and 0 for false
//	date      the same of each of its parts
//	category  1 for the category that it is and 0 for the others, then 1 for any other text
//	ignored   none
//
// In a numeric or boolean column the median stands for a missing value, and in a date the mean
// of each part. With Indicator one more feature, behind them, is 1 where the value is missing and 0
// elsewhere.
type Columns struct {
	Label   string   `json:"label,omitempty"`   // the column that has the class, which is no input; "" if nobody knows it
	Missing []string `json:"missing,omitempty"` // texts that are missing values in every column, beside those of IsMissing
	List    []Column `json:"columns"`
	// Means has the mean of each feature among the rows that the columns were fitted to, by which rows are explained; nil where
	// nobody knows.
	Means []float64 `json:"means,omitempty"`
}

// Column is what is known of a column of a table. Numbers that are 0 and lists without elements
// are left out of the saved form.
type Column struct {
	Name       string     `json:"name"`
	Kind       ColumnKind `json:"kind"`
	Why        string     `json:"why,omitempty"`        // what an ignored column is ignored for
	Mean       float64    `json:"mean,omitzero"`        // of a numeric or boolean column
	Deviation  float64    `json:"deviation,omitzero"`   // of it; greater than 0
	Median     float64    `json:"median,omitzero"`      // of it; stands for what is missing
	Layout     string     `json:"layout,omitempty"`     // of dates, as package time writes it: "2006-01-02"
	Parts      []DatePart `json:"parts,omitempty"`      // of dates
	Indicator  bool       `json:"indicator,omitempty"`  // whether a feature says what is missing; not of categories
	Categories []string   `json:"categories,omitempty"` // sorted, byte by byte; "" is a missing value
	Rare       int        `json:"rare,omitzero"`        // how many more were too rare to have a place, and count as any other text
}

// DatePart is a part of dates that is a feature.
type DatePart struct {
	Name      string  `json:"part"` // one of DateParts
	Mean      float64 `json:"mean,omitzero"`
	Deviation float64 `json:"deviation"` // greater than 0
}

// ColumnKind says how a column becomes features.
type ColumnKind string

// The kinds of columns.
const (
	Numeric  ColumnKind = "numeric"
	Category ColumnKind = "category"
	Date     ColumnKind = "date"
	Boolean  ColumnKind = "boolean"
	Ignored  ColumnKind = "ignored"
)

// ColumnKinds has all kinds.
var ColumnKinds = []ColumnKind{Numeric, Category, Date, Boolean, Ignored}

// DateParts has the parts of a date. A week begins with Monday, which is 1. The hour has the minutes
// and seconds as its fraction.
var DateParts = []string{"year", "month", "day", "weekday", "hour"}

// DateLayouts has the layouts of dates that are read, as package time writes them. Texts of the last two
// cannot be told apart where no day is above 12.
var DateLayouts = []string{
	"2006-01-02", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04",
	"2006/01/02", "2006/01/02 15:04:05", "02.01.2006", "02.01.2006 15:04", "02.01.2006 15:04:05", "2 Jan 2006", "Jan 2, 2006", "02/01/2006", "01/02/2006",
}

// The most that Columns may have: columns, features, and categories of a column.
const (
	maxColumns  = 1 << 17
	maxFeatures = 1 << 20
)

// IsMissing reports whether a field of a column that is no category stands for a missing value: an
// empty field, NA, NaN, null and ?, in letters of any case.
func IsMissing(field string) bool {
	switch len(field) {
	case 0:
		return true
	case 1:
		return field == "?"
	case 2:
		return strings.EqualFold(field, "na")
	case 3:
		return strings.EqualFold(field, "nan")
	case 4:
		return strings.EqualFold(field, "null")
	}
	return false
}

// ParseBool returns the truth that a field of a boolean column says: true and false, t and f, yes and no, y
// and n, in letters of any case. ok is false for other texts.
func ParseBool(field string) (value, ok bool) {
	if len(field) > len("false") {
		return false, false
	}
	for _, w := range [...]string{"true", "t", "yes", "y"} {
		if strings.EqualFold(field, w) {
			return true, true
		}
	}
	for _, w := range [...]string{"false", "f", "no", "n"} {
		if strings.EqualFold(field, w) {
			return false, true
		}
	}
	return false, false
}

// PartsOf returns the parts of t, in the order of DateParts.
func PartsOf(t time.Time) [5]float64 {
	weekday := (int(t.Weekday()) + 6) % 7
	return [5]float64{
		float64(t.Year()), float64(t.Month()), float64(t.Day()), float64(weekday + 1),
		float64(t.Hour()) + float64(t.Minute())/60 + float64(t.Second())/3600,
	}
}

// Width returns how many features a row has.
func (c Columns) Width() int {
	n := 0
	for i := range c.List {
		n += c.List[i].Width()
	}
	return n
}

// Width returns how many features the column has.
func (c *Column) Width() int {
	n := 0
	switch c.Kind {
	case Numeric, Boolean:
		n = 1
	case Date:
		n = len(c.Parts)
	case Category:
		return len(c.Categories) + 1
	}
	if c.Indicator {
		n++
	}
	return n
}

// Features returns the names of the features: "age", "age missing", "city=Paris", "city other",
// "since month".
func (c Columns) Features() []string {
	var names []string
	for _, column := range c.List {
		switch column.Kind {
		case Numeric, Boolean:
			names = append(names, column.Name)
		case Date:
			for _, p := range column.Parts {
				names = append(names, column.Name+" "+p.Name)
			}
		case Category:
			for _, category := range column.Categories {
				names = append(names, column.Name+"="+category)
			}
			names = append(names, column.Name+" other")
		}
		if column.Indicator {
			names = append(names, column.Name+" missing")
		}
	}
	return names
}

// Scales returns what each feature was brought to mean 0 and deviation 1 by, in the order of Features. Features that are 1 or 0, such as
// those of categories, are as they are: they have the mean 0 and the deviation 1 here.
func (c Columns) Scales() (mean, deviation []float64) {
	for i := range c.List {
		column := &c.List[i]
		end := len(mean) + column.Width()
		switch column.Kind {
		case Numeric, Boolean:
			mean, deviation = append(mean, column.Mean), append(deviation, column.Deviation)
		case Date:
			for _, p := range column.Parts {
				mean, deviation = append(mean, p.Mean), append(deviation, p.Deviation)
			}
		}
		for len(mean) < end {
			mean, deviation = append(mean, 0), append(deviation, 1)
		}
	}
	return mean, deviation
}

// MeanRow returns the features of a row of means. Without Means numbers have that which they were brought to 0 by, nothing is missing, and
// the categories of a column come as often as each other.
func (c Columns) MeanRow() []float32 {
	row := make([]float32, c.Width())
	for i, v := range c.Means {
		row[i] = float32(v)
	}
	if c.Means != nil {
		return row
	}
	at := 0
	for i := range c.List {
		if n := len(c.List[i].Categories); n > 0 {
			for k := range n {
				row[at+k] = 1 / float32(n)
			}
		}
		at += c.List[i].Width()
	}
	return row
}

// Apply gives the features of p.Row, a Float32 tensor of shape (c.Width()).
func (c Columns) Apply(p Input, _ random.Key) (Input, error) {
	if p.Row == nil || p.Image != nil || p.Tensor != nil {
		return Input{}, &Error{Op: "columns", Found: p.kind(), Expected: "a row of a table"}
	}
	out := make([]float32, c.Width())
	if err := c.Fill(out, p.Row.Fields); err != nil {
		return Input{}, err
	}
	return Input{Tensor: tensor.New(out, len(out))}, nil
}

// Fill writes the features of a row to out, which has c.Width() elements. fields has one text for each
// of c.List; that of an ignored column may be anything. The error is an *Error that names the column and
// the field.
func (c Columns) Fill(out []float32, fields []string) error {
	if len(fields) != len(c.List) {
		return &Error{Op: "columns", Found: fmt.Sprintf("a row of %d fields", len(fields)), Expected: fmt.Sprintf("%d", len(c.List))}
	}
	at := 0
	for i := range c.List {
		column := &c.List[i]
		field := strings.TrimSpace(fields[i])
		if slices.Contains(c.Missing, field) {
			field = ""
		}
		n := column.Width()
		if err := column.Text(out[at:at+n], field); err != nil {
			return err
		}
		at += n
	}
	return nil
}

// Text writes the features of a field to out, which has c.Width() elements. A field has no spaces around
// it. The error is an *Error that names the column and the field.
func (c *Column) Text(out []float32, field string) error {
	switch c.Kind {
	case Category:
		clear(out)
		if i, ok := slices.BinarySearch(c.Categories, field); ok {
			out[i] = 1
		} else {
			out[len(c.Categories)] = 1
		}
		return nil
	case Ignored:
		return nil
	}
	if IsMissing(field) {
		c.Absent(out)
		return nil
	}
	switch c.Kind {
	case Boolean:
		v, ok := ParseBool(field)
		if !ok {
			return c.wrong(field, "true or false, yes or no")
		}
		x := 0.0
		if v {
			x = 1
		}
		c.Number(out, x)
	case Date:
		t, err := time.Parse(c.Layout, field)
		if err != nil {
			return c.wrong(field, "a date such as "+c.Layout)
		}
		c.parts(out, t)
	default:
		x, err := strconv.ParseFloat(field, 64)
		if err != nil || x-x != 0 {
			return c.wrong(field, "a finite number")
		}
		c.Number(out, x)
	}
	return nil
}

// Number writes the features of a number, which is finite, in a numeric or boolean column.
func (c *Column) Number(out []float32, x float64) {
	out[0] = float32((x - c.Mean) / c.Deviation)
	if c.Indicator {
		out[1] = 0
	}
}

// Absent writes the features of a missing value in a column that is no category.
func (c *Column) Absent(out []float32) {
	clear(out)
	if c.Kind != Date {
		c.Number(out, c.Median)
	}
	if c.Indicator {
		out[len(out)-1] = 1
	}
}

// parts writes the features of a date.
func (c *Column) parts(out []float32, t time.Time) {
	values := PartsOf(t)
	for i, p := range c.Parts {
		out[i] = float32((values[slices.Index(DateParts, p.Name)] - p.Mean) / p.Deviation)
	}
	if c.Indicator {
		out[len(c.Parts)] = 0
	}
}

func (c *Column) wrong(field, expected string) error {
	return &Error{Op: fmt.Sprintf("column %.100q", c.Name), Found: fmt.Sprintf("%.100q", field), Expected: expected}
}

// check returns what keeps c from being saved, or used.
func (c Columns) check() error {
	if len(c.List) > maxColumns {
		return &Error{Op: "columns", Found: fmt.Sprintf("%d columns", len(c.List)), Expected: fmt.Sprintf("at most %d", maxColumns)}
	}
	names := make(map[string]bool, len(c.List))
	for i := range c.List {
		column := &c.List[i]
		if names[column.Name] {
			return &Error{Op: "columns", Found: fmt.Sprintf("the column %.100q twice", column.Name), Expected: "it once"}
		}
		names[column.Name] = true
		if err := column.check(); err != nil {
			return err
		}
	}
	n := c.Width()
	if n < 1 || n > maxFeatures {
		return &Error{Op: "columns", Found: fmt.Sprintf("%d features", n), Expected: fmt.Sprintf("1 to %d", maxFeatures)}
	}
	if c.Means != nil && (len(c.Means) != n || slices.ContainsFunc(c.Means, func(v float64) bool { return v-v != 0 })) {
		return &Error{Op: "columns", Found: fmt.Sprintf("%d means", len(c.Means)), Expected: fmt.Sprintf("%d finite ones, one a feature", n)}
	}
	return nil
}

func (c *Column) check() error {
	wrong := func(found, expected string) error {
		return &Error{Op: fmt.Sprintf("column %.100q", c.Name), Found: found, Expected: expected}
	}
	deviation := func(mean, deviation float64) error {
		if mean-mean != 0 || !(deviation > 0) || math.IsInf(deviation, 1) {
			return wrong(fmt.Sprintf("a mean of %v and a deviation of %v", mean, deviation), "finite numbers, the second greater than 0")
		}
		return nil
	}
	switch c.Kind {
	case Ignored:
	case Numeric, Boolean:
		if c.Median-c.Median != 0 {
			return wrong(fmt.Sprintf("a median of %v", c.Median), "a finite number")
		}
		return deviation(c.Mean, c.Deviation)
	case Category:
		for i := 1; i < len(c.Categories); i++ {
			if c.Categories[i-1] >= c.Categories[i] {
				return wrong(fmt.Sprintf("the category %.100q before %.100q", c.Categories[i-1], c.Categories[i]), "sorted ones")
			}
		}
		if c.Indicator {
			return wrong("categories with an indicator of what is missing", "a category for it")
		}
	case Date:
		if !slices.Contains(DateLayouts, c.Layout) {
			return wrong(fmt.Sprintf("the layout %.100q", c.Layout), `one such as "2006-01-02"`)
		}
		if len(c.Parts) > len(DateParts) {
			return wrong(fmt.Sprintf("%d parts", len(c.Parts)), fmt.Sprintf("at most %d", len(DateParts)))
		}
		for _, p := range c.Parts {
			if !slices.Contains(DateParts, p.Name) {
				return wrong(fmt.Sprintf("the part %.100q", p.Name), "one of "+strings.Join(DateParts, ", "))
			}
			if err := deviation(p.Mean, p.Deviation); err != nil {
				return err
			}
		}
	default:
		return wrong(fmt.Sprintf("the kind %.100q", c.Kind), "numeric, category, date, boolean or ignored")
	}
	return nil
}
