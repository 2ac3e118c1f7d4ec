// Command handler classifies for many clients at once: an HTTP handler that takes a point as two
// numbers and answers with its class. All requests share one predictor.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"

	"example.com/outside/points"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// parse returns the numbers of "0.5,-1". It takes any number of them, NaN too: what the model
// takes is the predictor's to say.
func parse(text string) ([]float32, error) {
	var row []float32
	for i, cell := range strings.Split(text, ",") {
		v, err := strconv.ParseFloat(cell, 32)
		if err != nil {
			return nil, fmt.Errorf("number %d of the row: found %.20q, a number of 32 bits expected", i, cell)
		}
		row = append(row, float32(v))
	}
	return row, nil
}

// classify returns the handler. It answers ?row=0.5,-1 with the likeliest class, as JSON, and
// what it cannot classify with status 400 and one sentence.
func classify(p *model.Predictor) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		row, err := parse(r.FormValue("row"))
		var likeliest []model.Prediction
		if err == nil {
			likeliest, err = p.ClassifyRow(row, 1)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		json.NewEncoder(w).Encode(likeliest[0])
	}
}

// ask sends a row and returns the status and the answer.
func ask(address, row string) (string, error) {
	response, err := http.Get(address + "?row=" + url.QueryEscape(row))
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return fmt.Sprint(response.StatusCode, " ", string(answer)), err
}

func run(out io.Writer) error {
	const clients, requests = 32, 20
	data := points.Draw(clients, random.New(1))
	m, err := model.New(model.MLP([]int{2}, []int{16}, data.Classes()), random.New(0))
	if err != nil {
		return err
	}
	p, err := model.NewPredictor(m)
	if err != nil {
		return err
	}
	server := httptest.NewServer(classify(p))
	defer server.Close()

	var errs [clients]error
	var wg sync.WaitGroup
	for i, point := range data {
		xy := tensor.Data[float32](point)
		alone, err := p.ClassifyRow(xy, 1)
		if err != nil {
			return err
		}
		text, err := json.Marshal(alone[0])
		if err != nil {
			return err
		}
		want, row := fmt.Sprintf("200 %s\n", text), fmt.Sprintf("%v,%v", xy[0], xy[1])
		wg.Go(func() {
			for range requests {
				answer, err := ask(server.URL, row)
				if err == nil && answer != want {
					err = fmt.Errorf("%q, and %q alone", answer, want)
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
	fmt.Fprintf(out, "%d clients had %d answers each, the same as alone\n", clients, requests)
	for _, row := range []string{"1,2,3", "NaN,1", "1,1e99", "here", ""} {
		refused, err := ask(server.URL, row)
		if err != nil {
			return err
		}
		fmt.Fprint(out, refused)
	}
	return nil
}

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}
