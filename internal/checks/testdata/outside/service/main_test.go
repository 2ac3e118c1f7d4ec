package main

import (
	"context"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	prommodel "github.com/prometheus/common/model"

	"github.com/onehot-go/onehot/serve"
)

func Test(t *testing.T) {
	var out strings.Builder
	if err := run(&out); err != nil {
		t.Fatal(err)
	}
	const want = `200 hello

200 {"ready":true}

200 {"model_name":"sky","model_version":"V","id":"","outputs":[{"name":"class","datatype":"BYTES","shape":[1],"data":["night"]}]}
400 {"error":"inputs: found 0, [], one of [input image] expected"}

`
	got := regexp.MustCompile(`"[0-9a-f]{12}"`).ReplaceAllString(out.String(), `"V"`)
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestMetrics reads the metrics with Prometheus' own parser.
func TestMetrics(t *testing.T) {
	s, err := serve.New(t.Context(), serve.Options{Models: []serve.Model{{Name: "sky", Load: load}}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	server := httptest.NewServer(handler(s))
	defer server.Close()
	for range 3 {
		if _, err := ask("POST", server.URL+"/v2/models/sky/infer", `{"inputs":[{"name":"input","datatype":"UINT8","shape":[2,1,2,2],"data":[0,0,0,0,1,2,3,4]}]}`); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Reload(context.Background(), "sky"); err != nil {
		t.Fatal(err)
	}
	text, err := ask("GET", server.URL+"/metrics", "")
	if err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(prommodel.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(strings.TrimPrefix(text, "200 ")))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range families {
		names = append(names, name)
	}
	slices.Sort(names)
	want := []string{"onehot_batch_samples", "onehot_model_info", "onehot_queue_duration_seconds", "onehot_queue_samples", "onehot_rejected_total", "onehot_reloads_total", "onehot_request_duration_seconds", "onehot_requests_total"}
	if !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
	for _, m := range families["onehot_requests_total"].Metric {
		if v := m.GetCounter().GetValue(); m.Label[0].GetValue() != "sky" || m.Label[2].GetValue() != "200" || v != 3 {
			t.Errorf("got %v", m)
		}
	}
	h := families["onehot_batch_samples"].Metric[0].GetHistogram()
	if h.GetSampleCount() != 3 || h.GetSampleSum() != 6 || h.Bucket[0].GetCumulativeCount() != 0 || h.Bucket[1].GetCumulativeCount() != 3 {
		t.Errorf("got %v", h)
	}
	reloads := map[string]float64{}
	for _, m := range families["onehot_reloads_total"].Metric {
		reloads[m.Label[1].GetValue()] = m.GetCounter().GetValue()
	}
	if reloads["loaded"] != 1 || reloads["unchanged"] != 1 || reloads["failed"] != 0 {
		t.Errorf("got %v", reloads)
	}
}
