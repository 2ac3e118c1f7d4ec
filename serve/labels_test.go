package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/task"
)

// TestSeveralLabels asks a model of several labels: probabilities are sigmoids, and labels are those that reach their
// thresholds.
func TestSeveralLabels(t *testing.T) {
	m := digits(t, 1)
	m.Task = task.MultiLabel{}.Name()
	by, err := model.NewPredictor(m)
	if err != nil {
		t.Fatal(err)
	}
	x, err := by.Prepare(drawn(3))
	if err != nil {
		t.Fatal(err)
	}
	logits, p := make([]float32, 3), make([]float64, 3)
	if err := by.Run(logits, p, slices.Collect(func(yield func(float32) bool) {
		for i := range x.Numel() {
			yield(float32(x.Reshape(-1).Select(0, i).Item()))
		}
	})); err != nil {
		t.Fatal(err)
	}
	m.Thresholds = []float64{p[0] + 1e-6, p[1], p[2] - 1e-6} // of which the first is not reached
	want := []string{"one", "\"two\"\n"}
	s := newServer(t, Options{Models: []Model{{"tags", always(m)}}})

	var said struct {
		Model       string
		Predictions []model.Prediction
		Labels      []string
	}
	w := ask(s, "POST", "/v1/classify?top_k=2", file(t, drawn(3)))
	if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || w.Code != http.StatusOK || said.Model != "tags" || len(said.Predictions) != 2 || !slices.Equal(said.Labels, want) {
		t.Errorf("status %d: %s (%v)", w.Code, w.Body, err)
	}
	pixels := strings.Trim(strings.ReplaceAll(fmt.Sprint(drawn(3).Pix), " ", ","), "[]")
	request := fmt.Sprintf(`{"inputs":[{"name":"input","datatype":"UINT8","shape":[1,1,4,4],"data":[%s]}]}`, pixels)
	a := read(t, ask(s, "POST", "/v2/models/tags/infer", []byte(request)))
	if len(a.Outputs) != 3 || a.Outputs[2].Name != "labels" || a.Outputs[2].Datatype != "BYTES" || !slices.Equal(a.Outputs[2].Shape, []int{1}) {
		t.Fatalf("outputs %+v", a.Outputs)
	}
	var lists []string
	var labels []string
	if err := json.Unmarshal(a.Outputs[2].Data, &lists); err != nil || json.Unmarshal([]byte(lists[0]), &labels) != nil || !slices.Equal(labels, want) {
		t.Errorf("labels %s", a.Outputs[2].Data)
	}
	var probabilities []float32
	if err := json.Unmarshal(a.Outputs[0].Data, &probabilities); err != nil || probabilities[0] != float32(p[0]) || probabilities[2] != float32(p[2]) {
		t.Errorf("probabilities %v, want %v (%v)", probabilities, p, err)
	}
	if w := ask(s, "POST", "/v2/models/tags/infer", []byte(strings.TrimSuffix(request, "}")+`,"outputs":[{"name":"class"}]}`)); w.Code != http.StatusBadRequest ||
		!bytes.Contains(w.Body.Bytes(), []byte(`outputs: found \"class\", one of [probabilities logits labels] expected`)) {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	about := ask(s, "GET", "/v2/models/tags", nil).Body.String()
	for _, part := range []string{`"outputs":[{"name":"probabilities","datatype":"FP32","shape":[-1,3]},{"name":"logits","datatype":"FP32","shape":[-1,3]},{"name":"labels","datatype":"BYTES","shape":[-1]}]`,
		`"task":"multi-label","thresholds":[`} {
		if !strings.Contains(about, part) {
			t.Errorf("no %s in %s", part, about)
		}
	}
}
