package cli

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// visits writes a table of so many classes that no model tells apart without mistakes into the current folder, and returns its
// name.
func visits(t *testing.T, classes int) string {
	t.Helper()
	chance := rand.New(rand.NewPCG(3, 4))
	var text strings.Builder
	text.WriteString("age,city,member,visits,kind\n")
	for range 300 {
		kind := chance.IntN(classes)
		city := []string{"Oslo", "Paris", "Rome"}[chance.IntN(3)]
		fmt.Fprintf(&text, "%.1f,%s,%v,%d,%c\n", 40+5*float64(kind)+12*chance.NormFloat64(), city, chance.IntN(3) < kind, chance.IntN(9)+2*kind, 'a'+kind)
	}
	if err := os.WriteFile("visits.csv", []byte(text.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	return "visits.csv"
}

// lastWeights returns the weights and biases of the last layer of the model in a file.
func lastWeights(t *testing.T, path string) (weights, biases []float64, c *model.Calibration) {
	t.Helper()
	m, err := model.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	l := m.Net.Layer(m.Layers[len(m.Layers)-1].Name).(*nn.Linear)
	return tensor.Values[float64](l.Weight), tensor.Values[float64](l.Bias), m.Calibration
}

func TestCalibrate(t *testing.T) {
	t.Chdir(t.TempDir())
	data := visits(t, 2)
	for _, args := range [][]string{{"--calibrate", "platt"}, {"--calibrate", "temperature", "--model", "mlp", "--epochs", "4"}} {
		succeed(t, append([]string{"train", data, "--label-column", "kind", "--out", "plain", "--force"}, args[2:]...)...)
		_, stderr, code := onehot(t, append([]string{"train", data, "--label-column", "kind", "--out", "run", "--force"}, args...)...)
		if code != 0 || !strings.Contains(stderr, "\ncalibrated: "+args[1]) || !strings.Contains(stderr, " on 60 validation rows: loss 0.") {
			t.Fatal(stderr)
		}
		before, biases, none := lastWeights(t, "plain/model.safetensors")
		after, shifted, c := lastWeights(t, "run/model.safetensors")
		if none != nil || c == nil || c.Method != args[1] || c.Samples != 60 {
			t.Fatalf("calibration %+v, without the flag %+v", c, none)
		}
		if last, _, c := lastWeights(t, "run/last.safetensors"); c != nil || args[1] == "platt" && !reflect.DeepEqual(last, before) {
			t.Errorf("%s: last.safetensors is not as it was trained", args[1])
		}
		for i, v := range before {
			want := v / c.Temperature
			if c.A != nil {
				want = v * c.A[0]
			}
			if math.Abs(after[i]-want) > 1e-5*math.Abs(want) {
				t.Errorf("%s: weight %d is %v, want %v", args[1], i, after[i], want)
			}
		}
		if c.A != nil {
			if got, want := shifted[1]-shifted[0], c.A[0]*(biases[1]-biases[0])+c.B[0]; math.Abs(got-want) > 1e-5 {
				t.Errorf("biases differ by %v, want %v", got, want)
			}
		}
		// What was printed is what the model does, and the run's figures are those of the calibrated model.
		for _, path := range []string{"run", "run/model.safetensors"} {
			var figures, kept figuresFile
			if err := json.Unmarshal([]byte(succeed(t, "eval", path, "--json")), &figures); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(readFile(t, "run/metrics.json"), &kept); err != nil {
				t.Fatal(err)
			}
			if math.Abs(figures.Loss-c.After.Loss) > 1e-6 || figures.Loss != kept.Loss || c.After.Loss > c.Before.Loss || !reflect.DeepEqual(kept.Calibration, c) {
				t.Errorf("%s: loss %v, in metrics.json %v, calibration %+v and %+v", path, figures.Loss, kept.Loss, c, kept.Calibration)
			}
		}
		for _, args := range [][]string{{"compare", "run", "plain"}, {"report", "run"}, {"predict", "run", data}} {
			succeed(t, args...)
		}
		// A run that goes on without finding a better model keeps the calibrated one.
		model := readFile(t, "run/model.safetensors")
		if args[1] == "platt" {
			succeed(t, "train", "--resume", "--out", "run")
			if string(readFile(t, "run/model.safetensors")) != string(model) {
				t.Error("the calibrated model has changed")
			}
		} else {
			succeed(t, "train", "--resume", "--out", "run", "--epochs", "12")
			if _, _, c := lastWeights(t, "run/model.safetensors"); c == nil {
				t.Error("the model of a run that went on is not calibrated")
			}
		}
	}
}

// TestCalibrateLabels calibrates a model of several labels before thresholds are chosen.
func TestCalibrateLabels(t *testing.T) {
	t.Chdir(t.TempDir())
	chance := rand.New(rand.NewPCG(5, 6))
	var text strings.Builder
	text.WriteString("x,y,tags\n")
	for range 300 {
		x, y := chance.NormFloat64(), chance.NormFloat64()
		var tags []string
		for _, tag := range []struct {
			name  string
			score float64
		}{{"a", x}, {"b", y - 0.5}, {"c", x + y}} {
			if tag.score+chance.NormFloat64() > 0 {
				tags = append(tags, tag.name)
			}
		}
		fmt.Fprintf(&text, "%.3f,%.3f,%s\n", x, y, strings.Join(tags, ";"))
	}
	writeFile(t, "tags.csv", []byte(text.String()))
	for _, method := range []string{"platt", "temperature"} {
		succeed(t, "train", "tags.csv", "--label-column", "tags", "--label-separator", ";", "--calibrate", method, "--model", "mlp", "--epochs", "10", "--out", "run", "--force")
		m, err := model.Load("run/model.safetensors")
		if err != nil {
			t.Fatal(err)
		}
		c := m.Calibration
		if c == nil || c.Method != method || method == "platt" && (len(c.A) != 3 || len(c.B) != 3) || len(m.Thresholds) != 3 {
			t.Fatalf("calibration %+v, thresholds %v", c, m.Thresholds)
		}
		var figures struct{ Loss float64 }
		if err := json.Unmarshal([]byte(succeed(t, "eval", "run", "--json")), &figures); err != nil {
			t.Fatal(err)
		}
		if math.Abs(figures.Loss-c.After.Loss) > 1e-6 {
			t.Errorf("%s: loss %v, %v by the calibration", method, figures.Loss, c.After.Loss)
		}
	}
	wantError(t, 2, "--unknown-below 0.5: it is for models that tell classes apart, and this one has several labels", "predict", "run", "tags.csv", "--unknown-below", "0.5")
	if out := succeed(t, "predict", "run", "tags.csv", "--explain"); !strings.Contains(out, "  score of ") {
		t.Error(out)
	}
	succeed(t, "report", "run")
}

func TestCalibratePictures(t *testing.T) {
	dir := tinyData(t)
	run := filepath.Join(t.TempDir(), "run")
	_, stderr, code := onehot(t, "train", "--data-dir", dir, "--val", "10", "--calibrate", "temperature", "--epochs", "2", "--out", run)
	if _, _, c := lastWeights(t, filepath.Join(run, "model.safetensors")); code != 0 || c == nil || !strings.Contains(stderr, " on 10 validation pictures: ") {
		t.Errorf("%+v, %s", c, stderr)
	}
	succeed(t, "export", run, "--onnx", filepath.Join(dir, "run.onnx"))
	wantError(t, 2, "--calibrate temperature is fitted to pictures that the model is not trained on: --val expected", "train", "--data-dir", dir, "--calibrate", "temperature", "--out", run, "--force")
	wantError(t, 2, "--calibrate platt: platt is for two classes, or several labels: found 10 classes, for which there is temperature",
		"train", "--data-dir", dir, "--val", "10", "--calibrate", "platt", "--out", run, "--force")
	wantError(t, 2, "--tta is for runs without --calibrate, which is for what predict says of one picture", "train", "--data-dir", dir, "--val", "10", "--calibrate", "temperature", "--tta", "--out", run, "--force")
}

// TestCalibrateWithoutMistakes calibrates a model that is right about every row held out.
func TestCalibrateWithoutMistakes(t *testing.T) {
	t.Chdir(t.TempDir())
	var rows strings.Builder
	rows.WriteString("x,kind\n")
	for i := range 200 {
		fmt.Fprintf(&rows, "%d.%d,%c\n", 10*(i%2), i%7, "ab"[i%2])
	}
	writeFile(t, "rows.csv", []byte(rows.String()))
	const said = "\nthe loss grew: platt expects mistakes that these rows do not show; more of them, or --calibrate temperature, fit better\n"
	for method, want := range map[string]bool{"platt": true, "temperature": false} {
		_, stderr, code := onehot(t, "train", "rows.csv", "--label-column", "kind", "--calibrate", method, "--out", method)
		if code != 0 || strings.Contains(stderr, said) != want {
			t.Errorf("%s: status %d, %s", method, code, stderr)
		}
	}
}
