// Command service is a program of one's own that also answers what a model says: it mounts the handler of
// package serve beside what it has, asks for a picture of four pixels, and prints its answers.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/serve"
)

// load returns the model: where it is kept is the program's to say.
func load(context.Context) (*model.Model, error) {
	return model.New(model.Softmax([]int{1, 2, 2}, []string{"day", "night"}), random.New(0))
}

// handler returns the program's own page, and everything of serve behind it.
func handler(s *serve.Server) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") })
	mux.Handle("/", s.Handler())
	return mux
}

// ask sends a request and returns the status and the answer.
func ask(method, address string, body string) (string, error) {
	r, err := http.NewRequest(method, address, bytes.NewReader([]byte(body)))
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return fmt.Sprint(response.StatusCode, " ", string(answer)), err
}

func run(out io.Writer) error {
	s, err := serve.New(context.Background(), serve.Options{Models: []serve.Model{{Name: "sky", Load: load}}})
	if err != nil {
		return err
	}
	defer s.Close()
	server := httptest.NewServer(handler(s))
	defer server.Close()
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/hello", ""},
		{"GET", "/v2/health/ready", ""},
		{"POST", "/v2/models/sky/infer", `{"inputs":[{"name":"input","datatype":"UINT8","shape":[1,1,2,2],"data":[0,0,0,0]}],"outputs":[{"name":"class"}]}`},
		{"POST", "/v2/models/sky/infer", `{"inputs":[]}`},
	} {
		answer, err := ask(c.method, server.URL+c.path, c.body)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, answer)
	}
	return nil
}

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}
