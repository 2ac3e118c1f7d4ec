package serve

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"

	"github.com/onehot-go/onehot/model"
)

// Classified is what a model says of a picture.
type Classified struct {
	Model       string             `json:"model"`
	Predictions []model.Prediction `json:"predictions"`      // the likeliest classes, the likeliest first
	Labels      *[]string          `json:"labels,omitempty"` // those that are predicted, of a model of several labels; else nil
}

// Classify returns the k likeliest classes of the picture in a file's bytes, and its labels. The error is an
// *Error.
func (s *Server) Classify(ctx context.Context, name string, file []byte, k int) (*Classified, error) {
	v, err := s.find(name, "")
	if err != nil {
		return nil, err
	}
	defer v.release()
	if !v.inputs.pictures {
		return nil, badf("the model %q takes rows, and no pictures", name)
	}
	if k < 1 {
		return nil, badf("top_k: found %d, at least 1 expected", k)
	}
	j, err := s.prepareFiles(ctx, v, [][]byte{file})
	if err != nil {
		return nil, errorOf(err)
	}
	defer v.free(j)
	if err := v.run(j); err != nil {
		return nil, errorOf(err)
	}
	said := &Classified{Model: name, Predictions: v.by.Likeliest(j.probabilities, k)}
	if v.model.SeveralLabels() {
		said.Labels = new(v.model.Labels(j.probabilities))
	}
	return said, nil
}

// classes is how many classes classify names if nobody says it, as the command predict.
const classes = 3

// classify answers a picture with its likeliest classes.
func (c *call) classify() error {
	query := c.r.URL.Query()
	c.model = query.Get("model")
	if c.model == "" {
		if len(c.slots) > 1 {
			return badf("found no model, ?model=%s or another one expected", c.slots[0].Name)
		}
		c.model = c.slots[0].Name
	}
	k := classes
	if text := query.Get("top_k"); text != "" {
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil || n == 0 {
			return badf("top_k: found %.40q, a whole number from 1 on expected", text)
		}
		k = int(n)
	}
	b := buffers.Get().(*[]byte)
	defer keep(b)
	if err := c.readAll(b); err != nil {
		return err
	}
	file, err := pictureIn(c.r.Header.Get("Content-Type"), *b)
	if err != nil {
		return badf("%v", err)
	}
	said, err := c.Classify(c.r.Context(), c.model, file, k)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, said)
}

// pictureIn returns the file in a body: the body itself, the field "image" of a form of several parts,
// or of a JSON object. No file of a picture begins with a brace.
func pictureIn(contentType string, body []byte) ([]byte, error) {
	if kind, parameters, err := mime.ParseMediaType(contentType); err == nil && strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(bytes.NewReader(body), parameters["boundary"])
		for {
			part, err := parts.NextRawPart()
			if err == io.EOF {
				return nil, fmt.Errorf("the form has no field %q", imageName)
			}
			if err != nil {
				return nil, fmt.Errorf("the form: %w", err)
			}
			if part.FormName() == imageName {
				return io.ReadAll(part)
			}
		}
	}
	text := bytes.TrimLeft(body, " \t\r\n")
	if len(text) == 0 || text[0] != '{' {
		return body, nil
	}
	var encoded string
	found := false
	p := &parser{text: text}
	err := p.whole(func(key string) error {
		if key == imageName {
			found = true
			return p.stringTo(&encoded, key)
		}
		return p.skip()
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("request: found no %q", imageName)
	}
	file, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", imageName, err)
	}
	return file, nil
}
