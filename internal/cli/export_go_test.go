package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/dataset/fashionmnist"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/random"
)

// packagesProgram prints what two packages say, as predict --json does: of a picture, and of three rows.
const packagesProgram = `package main

import (
	"context"
	"encoding/json"
	"log"
	"math"
	"os"
	"time"

	"example.com/empty/clothes"
	"example.com/empty/grades"
	"github.com/onehot-go/onehot/picture"
)

func main() {
	img, _, err := picture.Open(context.Background(), "photo.jpg", picture.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	predictions, err := clothes.Classify(img)
	say(predictions, err)
	since := time.Date(2021, 3, 4, 0, 0, 0, 0, time.UTC)
	predictions, err = grades.Predict(grades.Row{Age: 31.7, CityName: "Rome", Since: since, Member: new(true)})
	say(predictions, err)
	predictions, err = grades.Predict(grades.Row{Age: math.NaN(), CityName: "Bern"})
	say(predictions, err)
	_, err = grades.Predict(grades.Row{Age: math.Inf(1)})
	log.Print(err)
}

func say(predictions any, err error) {
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(predictions); err != nil {
		log.Fatal(err)
	}
}
`

// TestExportGo holds that a program with packages says what predict does, to the bit.
func TestExportGo(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	m, err := model.New(model.MLP([]int{1, 28, 28}, []int{5}, fashionmnist.Classes()), random.New(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Save("model"); err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("age,city name,since,member,grade\n")
	for i := range 40 {
		fmt.Fprintf(&table, "%d,%s,20%02d-%02d-0%d,%s,%s\n", 20+i, []string{"Paris", "Rome", "Oslo"}[i%3], i%24, 1+i%12, 1+i%9, []string{"yes", "no"}[i/7%2], []string{"good", "bad"}[i/20])
	}
	writeFile(t, "grades.csv", []byte(table.String()))
	succeed(t, "train", "grades.csv", "--label-column", "grade", "--quiet", "--out", "run")
	photo := image.NewYCbCr(image.Rect(0, 0, 61, 47), image.YCbCrSubsampleRatio420)
	for i := range photo.Y {
		photo.Y[i] = uint8(i * i / 50)
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, photo, nil); err != nil {
		t.Fatal(err)
	}
	writeFile(t, "photo.jpg", file.Bytes())
	writeFile(t, "rows.csv", []byte("age,city name,since,member\n31.7,Rome,2021-03-04,yes\nNA,Bern,,\n"))

	const want = `written to clothes
function: clothes.Classify(image.Image) ([]clothes.Prediction, error)
README.md in it says how it is used; go test in it compares it with the model
`
	if out := succeed(t, "export", "model", "--go", "clothes"); out != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	succeed(t, "export", "run", "--go", "grades")
	writeFile(t, "go.mod", fmt.Appendf(nil, "module example.com/empty\n\ngo 1.26\n\nrequire github.com/onehot-go/onehot v0.0.0\n\nreplace github.com/onehot-go/onehot => %q\n", root))
	writeFile(t, "main.go", []byte(packagesProgram))
	c := exec.Command("go", "run", ".")
	c.Env = append(os.Environ(), "GOPROXY=off", "GOSUMDB=off", "GOFLAGS=-mod=mod "+os.Getenv("GOFLAGS"), "GOWORK=off")
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil || !strings.Contains(errs.String(), `column "age": found "+Inf", expected a finite number`) {
		t.Fatalf("%v: %s", err, errs.String())
	}
	said := json.NewDecoder(bytes.NewReader(out))
	expected := json.NewDecoder(strings.NewReader(succeed(t, "predict", "model", "photo.jpg", "--json", "--top-k", "10") + succeed(t, "predict", "run", "rows.csv", "--json", "--top-k", "2")))
	for i := range 3 {
		var got []model.Prediction
		var want struct{ Predictions []model.Prediction }
		if err := said.Decode(&got); err != nil {
			t.Fatal(err)
		}
		if err := expected.Decode(&want); err != nil {
			t.Fatal(err)
		}
		if len(got) != []int{10, 2, 2}[i] || len(got) != len(want.Predictions) {
			t.Fatalf("answer %d: got %v, predict says %v", i, got, want.Predictions)
		}
		for k, p := range got {
			if w := want.Predictions[k]; p.Class != w.Class || math.Float64bits(p.Probability) != math.Float64bits(w.Probability) {
				t.Errorf("answer %d: got %v, predict says %v", i, p, w)
			}
		}
	}
}

// TestExportGoErrors holds what --go takes, and that nothing is lost.
func TestExportGoErrors(t *testing.T) {
	path := drawingsModel(t, "", 1)
	t.Chdir(t.TempDir())
	succeed(t, "export", path, "--go", "drawings")
	wantError(t, exitUsage, "--go drawings exists: --force replaces it", "export", path, "--go", "drawings")
	succeed(t, "export", path, "--go", "drawings", "--force")
	writeFile(t, "drawings/mine.go", []byte("package drawings\n"))
	wantError(t, exitUsage, `--go drawings: found "mine.go" in it, which is of no package that export wrote: export replaces packages of its own, and nothing else`, "export", path, "--go", "drawings", "--force")
	for _, c := range []struct {
		args, want string
		code       int
	}{
		{"--go no/drawings", "--go no/drawings: there is no folder no", exitUsage},
		{"--go _old", `--go _old: found a folder called "_old", a name of letters, digits, "-", "_" and "." expected`, exitUsage},
		{"--go other --onnx other.onnx", "one of --onnx FILE, --go DIR and --web DIR expected", exitUsage},
		{"--go other --training-form", "--training-form is for --onnx", exitUsage},
	} {
		_, errs, code := onehot(t, append([]string{"export", path}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%s: exit code %d, stderr %q, want %d and %q", c.args, code, errs, c.code, c.want)
		}
	}
	if left, _ := filepath.Glob("*"); len(left) != 1 {
		t.Errorf("found %v, the package alone expected", left)
	}
	if _, err := os.Stat("drawings/mine.go"); err != nil {
		t.Error(err)
	}
}
