// Package answer says what a model makes of the pictures and rows that a page without a server is given. It is
// the part of that page's program that knows nothing of browsers.
package answer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/safetensors"
	"github.com/onehot-go/onehot/picture"
	"github.com/onehot-go/onehot/transform"
)

// Model is a model that answers.
type Model struct {
	definition *model.Definition
	by         *model.Predictor
}

// Load returns the model in the bytes of its file.
func Load(file []byte) (*Model, error) {
	f, err := safetensors.Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, err
	}
	m, err := model.FromState(f)
	if err != nil {
		return nil, err
	}
	by, err := model.NewPredictor(m)
	if err != nil {
		return nil, err
	}
	return &Model{&m.Definition, by}, nil
}

// Description is what a page has to know of a model to ask for what it takes: one of the two.
type Description struct {
	Picture *Picture `json:"picture,omitempty"`
	Columns []Column `json:"columns,omitempty"`
}

// Picture is what a net takes of pictures.
type Picture struct {
	Channels int          `json:"channels"`
	Height   int          `json:"height"`
	Width    int          `json:"width"`
	Ground   model.Ground `json:"ground"` // empty where nobody looked
}

// Column is a column of a table that a model makes use of.
type Column struct {
	Name   string   `json:"name"`
	Number bool     `json:"number"`
	Values []string `json:"values"` // that are known, if it is no number; never nil
}

// Describe says what a model takes. The error says that it takes neither pictures nor rows of tables.
func Describe(d *model.Definition) (Description, error) {
	if columns, ok := d.Columns(); ok {
		made := []Column{}
		for _, c := range columns.List {
			if c.Kind != transform.Ignored {
				made = append(made, Column{c.Name, c.Kind == transform.Numeric, append([]string{}, c.Categories...)})
			}
		}
		return Description{Columns: made}, nil
	}
	form, err := d.Preprocess.Form(transform.Form{Shape: []int{3, 0, 0}}) // of a picture
	if err != nil || !form.Tensor || len(d.InputShape) != 3 {
		return Description{}, fmt.Errorf("the model takes tensors of shape %v, pictures or rows of tables expected", d.InputShape)
	}
	return Description{Picture: &Picture{d.InputShape[0], d.InputShape[1], d.InputShape[2], d.Ground}}, nil
}

// Describe says what the model takes.
func (m *Model) Describe() (Description, error) { return Describe(m.definition) }

// Kinds of Error.
const (
	Broken = "broken" // a file is no picture that can be decoded
	Large  = "large"  // a picture is larger than what is decoded
)

// Error says why there is no answer, and of what kind the reason is.
type Error struct {
	Kind string
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }

// Answer is what a model says of a sample.
type Answer struct {
	Predictions []model.Prediction `json:"predictions"`      // all classes, the likeliest first
	Labels      *[]string          `json:"labels,omitempty"` // those that are predicted, of a model of several labels; else nil
}

// answer returns an answer of all classes.
func (m *Model) answer(predictions []model.Prediction) *Answer {
	a := &Answer{Predictions: predictions}
	if m.definition.SeveralLabels() {
		probabilities := make([]float64, len(predictions))
		for _, p := range predictions {
			probabilities[p.Index] = p.Probability
		}
		a.Labels = new(m.definition.Labels(probabilities))
	}
	return a
}

// Picture returns the answer for the picture in a file's bytes. Of a file that cannot be decoded the error is an
// *Error.
func (m *Model) Picture(file []byte) (*Answer, error) {
	img, err := decode(file)
	if err != nil {
		kind := Broken
		if _, large := errors.AsType[*picture.LimitError](err); large {
			kind = Large
		}
		return nil, &Error{kind, err}
	}
	predictions, err := m.by.Classify(img, len(m.definition.Classes))
	if err != nil {
		return nil, err
	}
	return m.answer(predictions), nil
}

// decode returns the picture in a file's bytes.
func decode(file []byte) (image.Image, error) {
	f, err := picture.Parse(file, picture.Limits{})
	if err != nil {
		return nil, err
	}
	img, _, err := f.Decode(context.Background())
	return img, err
}

// Row returns the answer for a row, a text by the name of its column. A text that is empty stands for a value that is
// missing.
func (m *Model) Row(row map[string]string) (*Answer, error) {
	predictions, err := m.by.ClassifyRecord(row, len(m.definition.Classes))
	if err != nil {
		return nil, err
	}
	return m.answer(predictions), nil
}
