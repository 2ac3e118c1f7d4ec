package answer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/internal/web/answer"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/picture"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/transform"
)

// people is a model of rows: a number, a category, and a column that it ignores.
func people() model.Definition {
	columns := transform.Columns{List: []transform.Column{
		{Name: "age", Kind: transform.Numeric, Mean: 40, Deviation: 10},
		{Name: "colour", Kind: transform.Category, Categories: []string{"blue", "red"}},
		{Name: "id", Kind: transform.Ignored},
	}}
	return model.Definition{Name: "rows", Classes: []string{"old", "young"}, InputShape: []int{columns.Width()}, Preprocess: transform.Compose{columns},
		Layers: []nn.Spec{{Name: "linear", Options: nn.LinearOptions{In: columns.Width(), Out: 2}}}}
}

// load returns a model of a definition, as it answers and as it is.
func load(t *testing.T, d model.Definition) (*answer.Model, *model.Model) {
	t.Helper()
	m, err := model.New(d, random.New(1))
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.State()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	a, err := answer.Load(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return a, m
}

// TestPicture holds that nets of pictures say of files what a Predictor says of the pictures in them: all classes,
// upright, whatever the format.
func TestPicture(t *testing.T) {
	classes := []string{"a", "b", "c"}
	labels := model.CNN([]int{3, 16, 16}, classes)
	labels.Task, labels.Thresholds = task.MultiLabel{}.Name(), []float64{0, 0.5, 1}
	for _, d := range []model.Definition{model.Softmax([]int{1, 8, 8}, classes), model.ResNet([]int{3, 28, 28}, classes), labels} {
		a, m := load(t, d)
		by, err := model.NewPredictor(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"subsampled.jpg", "rgb16.png", "animated.gif", "alpha.webp", "alpha.bmp", "alpha.tiff"} {
			path := filepath.Join("../../../picture/testdata", name)
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			img, _, err := picture.Open(context.Background(), path, picture.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			want, err := by.Classify(img, len(classes))
			if err != nil {
				t.Fatal(err)
			}
			got, err := a.Picture(file)
			if err != nil || !slices.Equal(got.Predictions, want) {
				t.Fatalf("%s, %s: got %v (%v), want %v", d.Name, name, got, err, want)
			}
			if d.Task == "" {
				if got.Labels != nil {
					t.Errorf("%s: found the labels %v", name, *got.Labels)
				}
				continue
			}
			reach := []string{}
			for _, p := range want {
				if p.Probability >= d.Thresholds[p.Index] {
					reach = append(reach, p.Class)
				}
			}
			slices.Sort(reach)
			if got.Labels == nil || !slices.Equal(*got.Labels, reach) {
				t.Errorf("%s: got the labels %v, want %v of %v", name, got.Labels, reach, want)
			}
		}
		for name, kind := range map[string]string{"bomb.png": answer.Large, "bomb.gif": answer.Large, "zero-wide.png": answer.Broken, "checksum.png": answer.Broken} {
			file, err := os.ReadFile(filepath.Join("../../../picture/testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			_, err = a.Picture(file)
			if e, ok := errors.AsType[*answer.Error](err); !ok || e.Kind != kind {
				t.Errorf("%s: got the error %v, one of the kind %s expected", name, err, kind)
			}
		}
		if _, err := a.Row(map[string]string{}); err == nil {
			t.Errorf("%s: a row has an answer", d.Name)
		}
	}
}

// TestRow holds that rows have a Predictor's answers, whose errors name the column.
func TestRow(t *testing.T) {
	a, m := load(t, people())
	by, err := model.NewPredictor(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []map[string]string{{"age": "33.5", "colour": "red"}, {"age": "33", "colour": "green"}} {
		want, err := by.ClassifyRecord(row, 2)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := a.Row(row); err != nil || !slices.Equal(got.Predictions, want) || got.Labels != nil {
			t.Errorf("%v: got %v (%v), want %v", row, got, err, want)
		}
	}
	for want, row := range map[string]map[string]string{`"age"`: {"age": "many", "colour": "red"}, `no column "colour"`: {"age": "33"}} {
		if _, err := a.Row(row); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got the error %v, %s expected in it", row, err, want)
		}
	}
	if _, err := a.Picture(nil); err == nil {
		t.Error("a picture has an answer")
	}
}

// TestDescribe holds what a page is told of models, as it reads it.
func TestDescribe(t *testing.T) {
	drawings := model.Softmax([]int{1, 28, 20}, []string{"a", "b"})
	drawings.Ground = model.DarkGround
	for _, c := range []struct {
		definition model.Definition
		want       string
	}{
		{drawings, `{"picture":{"channels":1,"height":28,"width":20,"ground":"dark"}}`},
		{model.CNN([]int{3, 32, 32}, []string{"a", "b"}), `{"picture":{"channels":3,"height":32,"width":32,"ground":""}}`},
		{people(), `{"columns":[{"name":"age","number":true,"values":[]},{"name":"colour","number":false,"values":["blue","red"]}]}`},
	} {
		a, _ := load(t, c.definition)
		d, err := a.Describe()
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(d)
		if err != nil || string(got) != c.want {
			t.Errorf("got %s (%v), want %s", got, err, c.want)
		}
	}
	numbers := model.MLP([]int{5}, []int{3}, []string{"a", "b"})
	if d, err := answer.Describe(&numbers); err == nil || !strings.Contains(err.Error(), "tensors of shape [5]") {
		t.Errorf("got %v (%v), an error expected", reflect.ValueOf(d), err)
	}
}

// TestLoad holds that what is no model is an error.
func TestLoad(t *testing.T) {
	for _, file := range []string{"", "<!doctype html>", strings.Repeat("\xff", 100), "\x02\x00\x00\x00\x00\x00\x00\x00{}"} {
		if _, err := answer.Load([]byte(file)); err == nil {
			t.Errorf("%q is a model", file)
		}
	}
}
