package serve

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"strconv"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// typeFP64 is what columns of numbers are said to be.
const typeFP64 = "FP64"

// columnsOf returns the inputs of a model that takes rows of tables, one a column; nil if it does not.
func columnsOf(d *model.Definition) []TensorMetadata {
	columns, ok := d.Columns()
	if !ok {
		return nil
	}
	made := []TensorMetadata{}
	for _, c := range columns.List {
		t := TensorMetadata{c.Name, typeBytes, []int{-1}}
		switch c.Kind {
		case transform.Ignored:
			continue
		case transform.Numeric:
			t.Datatype = typeFP64
		}
		made = append(made, t)
	}
	return made
}

// prepareRows returns a job of the rows of a table, whose columns are given.
func (s *Server) prepareRows(ctx context.Context, v *served, given []Tensor) (*job, error) {
	names, texts, n := make([]string, len(given)), make([][]string, len(given)), 0
	for i := range given {
		t := &given[i]
		if len(t.Shape) == 0 || len(t.Shape) > 2 || len(t.Shape) == 2 && t.Shape[1] != 1 || t.Shape[0] < 1 {
			return nil, badf("%.40q: found the shape %v, [-1] expected, with at least one row", t.Name, t.Shape)
		}
		if i > 0 && t.Shape[0] != n {
			return nil, badf("%.40q: found %d rows, %d expected as in %.40q", t.Name, t.Shape[0], n, given[0].Name)
		}
		if n = t.Shape[0]; n > v.queue.most {
			return nil, failf(http.StatusRequestEntityTooLarge, "%.40q: found %d rows, at most %d expected", t.Name, n, v.queue.most)
		}
		var err error
		if texts[i], err = t.texts(); err != nil {
			return nil, badf("%.40q: %v", t.Name, err)
		}
		if len(texts[i]) != n {
			return nil, badf("%.40q: found %d elements, %d expected", t.Name, len(texts[i]), n)
		}
		names[i] = t.Name
	}
	rows, err := v.by.Rows(names)
	if err != nil {
		return nil, err
	}
	j, err := v.newJob(ctx, n)
	if err != nil {
		return nil, err
	}
	fields := make([]string, len(given))
	for k := range n {
		for i := range fields {
			fields[i] = texts[i][k]
		}
		x, err := rows.Prepare(fields)
		if err != nil {
			v.free(j)
			return nil, fmt.Errorf("row %d: %w", k, err)
		}
		copy(j.inputs[k*v.size:], tensor.Values[float32](x))
	}
	return j, nil
}

// widths are the bytes of an element by its type.
var widths = map[string]int{"BOOL": 1, "INT8": 1, typeUINT8: 1, "INT16": 2, "INT32": 4, typeFP32: 4, "INT64": 8, typeFP64: 8}

// texts returns the elements of a column as a table has them.
func (t *Tensor) texts() ([]string, error) {
	var made []string
	switch {
	case len(t.Numbers) > 0:
		for _, v := range t.Numbers {
			made = append(made, strconv.FormatFloat(float64(v), 'g', -1, 32))
		}
	case t.Datatype == typeBytes && t.Raw != nil:
		elements, err := split(t.Raw)
		if err != nil {
			return nil, err
		}
		for _, s := range elements {
			made = append(made, string(s))
		}
	case t.Raw != nil:
		size := widths[t.Datatype]
		if size == 0 || len(t.Raw)%size != 0 {
			return nil, fmt.Errorf("found %d bytes of the type %.40q, whole elements of %s, INT64 or %s expected", len(t.Raw), t.Datatype, typeFP64, typeBytes)
		}
		for at := 0; at < len(t.Raw); at += size {
			made = append(made, textOf(t.Datatype, t.Raw[at:at+size]))
		}
	default:
		for _, s := range t.Strings {
			made = append(made, string(s))
		}
	}
	return made, nil
}

// textOf returns an element that lies in bytes as a table has it.
func textOf(datatype string, b []byte) string {
	var wide [8]byte
	copy(wide[:], b)
	v := binary.LittleEndian.Uint64(wide[:])
	switch datatype {
	case "BOOL":
		return strconv.FormatBool(v != 0)
	case typeUINT8:
		return strconv.FormatUint(v, 10)
	case typeFP32:
		return strconv.FormatFloat(float64(math.Float32frombits(uint32(v))), 'g', -1, 32)
	case typeFP64:
		return strconv.FormatFloat(math.Float64frombits(v), 'g', -1, 64)
	}
	unused := 64 - 8*len(b)
	return strconv.FormatInt(int64(v)<<unused>>unused, 10) // with its sign
}

// numbersIn returns the numbers in JSON's arrays of them, as they are written.
func numbersIn(text []byte) [][]byte {
	return bytes.FieldsFunc(text, func(r rune) bool { return r == '[' || r == ']' || r == ',' || r <= ' ' })
}
