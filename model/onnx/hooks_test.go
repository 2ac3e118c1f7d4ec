package onnx

import (
	"bytes"

	"github.com/onehot-go/onehot/model"
)

// FileOf returns what Export writes in training form, whatever the version of the program.
func FileOf(m *model.Model) ([]byte, error) {
	f, err := newFile(m)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = f.encode("").writeTo(&b)
	return b.Bytes(), err
}
