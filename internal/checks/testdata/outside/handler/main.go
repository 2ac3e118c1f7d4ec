// Command handler classifies for many clients at once: an HTTP handler that takes a point as
// JSON and answers with its class. All of them share one net.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"

	"example.com/outside/points"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// classify returns the handler: it takes [x, y] and gives {"class": "north-east"}.
func classify(m *model.Model) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var point []float32
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1000)).Decode(&point)
		if err == nil && len(point) != 2 {
			err = fmt.Errorf("found %d numbers, 2 expected", len(point))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		logits := m.Net.Forward(tensor.New(point, 1, 2).NoGrad().Evaluation())
		class := m.Classes[int(logits.ArgMax(1).Item())]
		json.NewEncoder(w).Encode(map[string]string{"class": class})
	}
}

// ask sends a point and returns the answer.
func ask(address string, point []float32) (string, error) {
	body, err := json.Marshal(point)
	if err != nil {
		return "", err
	}
	response, err := http.Post(address, "application/json", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return string(answer), err
}

func run(out io.Writer) error {
	const clients, requests = 32, 20
	data := points.Draw(clients, random.New(1))
	m, err := model.New(model.MLP([]int{2}, []int{16}, data.Classes()), random.New(0))
	if err != nil {
		return err
	}
	server := httptest.NewServer(classify(m))
	defer server.Close()

	var errs [clients]error
	var wg sync.WaitGroup
	for i, point := range data {
		alone, err := ask(server.URL, tensor.Data[float32](point))
		if err != nil {
			return err
		}
		wg.Go(func() {
			for range requests {
				answer, err := ask(server.URL, tensor.Data[float32](point))
				if err == nil && answer != alone {
					err = fmt.Errorf("%q, and %q alone", answer, alone)
				}
				if err != nil {
					errs[i] = err
					return
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	refused, err := ask(server.URL, []float32{1, 2, 3})
	fmt.Fprintf(out, "%d clients had %d answers each, the same as alone\n%s", clients, requests, refused)
	return err
}

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}
