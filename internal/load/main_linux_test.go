package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// TestLoad asks a server that says no to every tenth request and closes every seventh connection. All
// requests come, each is what it should be, and those that failed are counted.
func TestLoad(t *testing.T) {
	for _, kind := range []string{"binary", "float", "json", "picture"} {
		var mu sync.Mutex
		asked, bodies := 0, map[string]int{}
		mux := http.NewServeMux()
		mux.HandleFunc("GET /v2/models/digits", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, `{"inputs":[{"name":"input","datatype":"UINT8","shape":[-1,1,3,2]},{"name":"image","datatype":"BYTES","shape":[-1]}]}`)
		})
		answer := func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			asked++
			bodies[r.Header.Get("Inference-Header-Content-Length")+" "+string(body)]++
			if asked%7 == 0 {
				w.Header().Set("Connection", "close")
			}
			if asked%10 == 0 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			fmt.Fprint(w, "an answer")
		}
		mux.HandleFunc("POST /v2/models/digits/infer", answer)
		mux.HandleFunc("POST /v1/classify", answer)
		server := httptest.NewServer(mux)
		var out strings.Builder
		if err := run([]string{"-rate", "1000", "-seconds", "0.1", "-connections", "3", "-body", kind, server.URL + "/v2/models/digits"}, &out); err != nil {
			t.Fatal(err)
		}
		server.Close()
		if !strings.Contains(out.String(), "\nfailed          10, the first: HTTP/1.1 503 Service Unavailable\n") || !strings.HasPrefix(out.String(), "100 requests of ") {
			t.Errorf("%s: it printed\n%s", kind, &out)
		}
		if asked != 100 || len(bodies) != 1 {
			t.Fatalf("%s: the server was asked %d times with %d bodies, want 100 times with one", kind, asked, len(bodies))
		}
		for body := range bodies {
			checkBody(t, kind, body)
		}
	}
}

// checkBody holds the length of the JSON in a body, and the body, to a kind.
func checkBody(t *testing.T, kind, body string) {
	header, text, _ := strings.Cut(body, " ")
	length := len(text)
	if header != "" {
		fmt.Sscan(header, &length)
	}
	if kind == "picture" {
		if img, err := png.Decode(strings.NewReader(text)); err != nil || img.Bounds().Dx() != 2 || img.Bounds().Dy() != 3 {
			t.Errorf("picture: got %v, want one of 2 by 3", err)
		}
		return
	}
	var asked struct {
		Inputs []struct {
			Name, Datatype string
			Shape          []int
			Data           []float32
			Parameters     struct {
				Size int `json:"binary_data_size"`
			}
		}
	}
	if err := json.NewDecoder(bytes.NewReader([]byte(text[:length]))).Decode(&asked); err != nil || len(asked.Inputs) != 1 {
		t.Fatalf("%s: %v: %q", kind, err, text)
	}
	in := asked.Inputs[0]
	got := fmt.Sprintln(in.Name, in.Datatype, in.Shape, len(in.Data), in.Parameters.Size, len(text)-length)
	want := map[string]string{"binary": "input UINT8 [1 1 3 2] 0 6 6\n", "float": "input FP32 [1 1 3 2] 0 24 24\n", "json": "input FP32 [1 1 3 2] 6 0 0\n"}[kind]
	if got != want {
		t.Errorf("%s: got %q, want %q", kind, got, want)
	}
}

func TestLoadRefuses(t *testing.T) {
	for _, test := range []struct{ want, args string }{
		{"one address of a model expected", ""},
		{"http://HOST:PORT/v2/models/NAME expected", "http://127.0.0.1/v2/models/m"},
		{"http://HOST:PORT/v2/models/NAME expected", "http://127.0.0.1:1/other"},
		{"is another machine", "http://192.0.2.1:80/v2/models/m"},
		{"is another machine", "http://example.com:80/v2/models/m"},
		{"0 requests", "-rate 0 http://127.0.0.1:1/v2/models/m"},
		{"requests over 64", "-rate 1e9 http://127.0.0.1:1/v2/models/m"},
		{"over 0 connections", "-connections 0 http://127.0.0.1:1/v2/models/m"},
	} {
		if err := run(strings.Fields(test.args), io.Discard); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.args, err, test.want)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"inputs":[{"name":"age","shape":[-1]}]}`)
	}))
	defer server.Close()
	if err := run([]string{server.URL + "/v2/models/m"}, io.Discard); err == nil || !strings.Contains(err.Error(), "a model of pictures expected") {
		t.Errorf("got %v", err)
	}
}
