package cli

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestAreas compares what eval and metrics.json say with pairs that are counted in what eval --csv writes.
func TestAreas(t *testing.T) {
	t.Chdir(t.TempDir())
	for classes := 2; classes <= 3; classes++ {
		data := visits(t, classes)
		succeed(t, "train", data, "--label-column", "kind", "--out", "run", "--force")
		var said, kept figuresFile
		if err := json.Unmarshal([]byte(succeed(t, "eval", "run", "--json", "--csv", "said.csv", "--force")), &said); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(readFile(t, "run/metrics.json"), &kept); err != nil {
			t.Fatal(err)
		}
		lines := readTable(t, "said.csv")[1:]
		var areas []float64
		for c := range classes {
			pairs, wins := 0.0, 0.0
			for _, one := range lines {
				for _, other := range lines {
					if class := string(rune('a' + c)); one[1] == class && other[1] != class {
						x, _ := strconv.ParseFloat(one[4+c], 64)
						y, _ := strconv.ParseFloat(other[4+c], 64)
						pairs++
						switch {
						case x > y:
							wins++
						case x == y:
							wins += 0.5
						}
					}
				}
			}
			areas = append(areas, wins/pairs)
			if got := said.Areas[c]; got.Name != string(rune('a'+c)) || math.Abs(*got.ROCAUC-wins/pairs) > 1e-9 {
				t.Errorf("class %d: %v, want %v", c, *got.ROCAUC, wins/pairs)
			}
		}
		want := areas[1]
		if classes == 3 {
			want = (areas[0] + areas[1] + areas[2]) / 3
		}
		if math.Abs(*said.ROCAUC-want) > 1e-9 || *kept.ROCAUC != *said.ROCAUC || *kept.AveragePrecision != *said.AveragePrecision || *kept.CalibrationError != *said.CalibrationError || len(kept.Areas) != classes {
			t.Errorf("%d classes: area %v, in metrics.json %v; want %v", classes, *said.ROCAUC, *kept.ROCAUC, want)
		}
		of := ", of b\n"
		if classes == 3 {
			of = ", mean of the classes, each against the others\n"
		}
		if out := succeed(t, "eval", "run"); !strings.Contains(out, fmt.Sprintf("\narea under the ROC curve %.4f, average precision %.4f", want, *said.AveragePrecision)+of) {
			t.Error(out)
		}
	}
}

func TestUnknownBelow(t *testing.T) {
	t.Chdir(t.TempDir())
	data := visits(t, 2)
	succeed(t, "train", data, "--label-column", "kind", "--out", "run")
	succeed(t, "eval", "run", data, "--csv", "all.csv")
	const below = 0.8
	var answers, right, n int
	for _, line := range readTable(t, "all.csv")[1:] {
		n++
		if p, _ := strconv.ParseFloat(line[3], 64); p >= below {
			answers++
			if line[1] == line[2] {
				right++
			}
		}
	}
	if answers == 0 || answers == n {
		t.Fatalf("%d of %d answered", answers, n)
	}
	out := succeed(t, "eval", "run", data, "--json", "--unknown-below", "0.8", "--csv", "sure.csv")
	if want := fmt.Sprintf(`"unknown_below":0.8,"coverage":%v,"answered_accuracy":%v`, float64(answers)/float64(n), float64(right)/float64(answers)); !strings.Contains(out, want) {
		t.Errorf("no %s in %s", want, out)
	}
	if out := succeed(t, "eval", "run", data, "--unknown-below", "0.8"); !strings.HasSuffix(out, fmt.Sprintf("\nanswered: %.4f of the samples, those with a probability of 0.8 or more: accuracy %.4f\n", float64(answers)/float64(n), float64(right)/float64(answers))) {
		t.Error(out)
	}
	if out := succeed(t, "eval", "run", data, "--unknown-below", "1"); !strings.HasSuffix(out, "of 1 or more: none is left\n") {
		t.Error(out)
	}

	succeed(t, "predict", "run", data, "--unknown-below", "0.8", "--csv", "predicted.csv")
	rows := strings.Split(succeed(t, "predict", "run", data, "--unknown-below", "0.8"), "\n")
	objects := strings.Split(succeed(t, "predict", "run", data, "--unknown-below", "0.8", "--json"), "\n")
	predicted, sure := readTable(t, "predicted.csv")[1:], readTable(t, "sure.csv")[1:]
	for i, line := range readTable(t, "all.csv")[1:] {
		p, _ := strconv.ParseFloat(line[3], 64)
		class, text, field := line[2], fmt.Sprintf("row %d: %s 0.", i+1, line[2]), fmt.Sprintf(`{"row":%d,"predictions"`, i+1)
		if p < below {
			class, text, field = "unknown", fmt.Sprintf("row %d: unknown (%s 0.", i+1, line[2]), fmt.Sprintf(`{"row":%d,"unknown":true,"predictions":[{"class":"%s"`, i+1, line[2])
		}
		if predicted[i][1] != class || sure[i][2] != class || sure[i][3] != line[3] || !strings.HasPrefix(rows[i], text) || !strings.HasPrefix(objects[i], field) {
			t.Errorf("row %d, probability %v: %q, %q, %q, %q", i+1, p, predicted[i], sure[i], rows[i], objects[i])
		}
	}

	wantError(t, 2, "--unknown-below 1.5: a probability from 0 to 1 expected", "predict", "run", data, "--unknown-below", "1.5")
	wantError(t, 2, "--unknown-below NaN: a probability from 0 to 1 expected", "eval", "run", "--unknown-below", "NaN")
	writeFile(t, "named.csv", []byte(strings.ReplaceAll(string(readFile(t, data)), ",a\n", ",unknown\n")))
	succeed(t, "train", "named.csv", "--label-column", "kind", "--out", "named")
	wantError(t, 2, `--unknown-below 0.5: the model has a class that is called "unknown"`, "predict", "named", data, "--unknown-below", "0.5")
}

func TestUnknownPictures(t *testing.T) {
	dir := tinyData(t)
	run := filepath.Join(t.TempDir(), "run")
	succeed(t, "train", "--data-dir", dir, "--epochs", "0", "--init-std", "0.0001", "--out", run)
	files := greys(t, dir, 10, 200)
	said := filepath.Join(dir, "said.csv")
	out := succeed(t, append([]string{"predict", run, "--unknown-below", "0.9", "--csv", said, "--json"}, files...)...)
	if strings.Count(out, `"unknown":true,"predictions":[{"class":"`) != 2 {
		t.Error(out)
	}
	for _, line := range readTable(t, said)[1:] {
		if p, err := strconv.ParseFloat(line[2], 64); line[1] != "unknown" || err != nil || p > 0.2 || len(line) != 14 {
			t.Errorf("%q", line)
		}
	}
	if out := succeed(t, append([]string{"predict", run, "--unknown-below", "0.9", "--grid", filepath.Join(dir, "grid.svg")}, files...)...); strings.Count(out, ": unknown\n") != 2 {
		t.Error(out)
	}
	if grid := string(readFile(t, dir, "grid.svg")); !strings.Contains(grid, "unknown (0.1") {
		t.Error("the grid does not say what is unknown")
	}
	if out := succeed(t, "eval", run, "--data-dir", dir, "--unknown-below", "0.9", "--csv", said, "--force"); !strings.HasSuffix(out, "none is left\n") || readTable(t, said)[1:][0][2] != "unknown" {
		t.Error(out)
	}
}
