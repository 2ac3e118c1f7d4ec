//go:build !race

// Under the race detector pools drop at random what they are given, so that memory is not used again.

package model_test

import (
	"testing"

	"github.com/onehot-go/onehot/model"
)

// TestRowsAllocate holds that the probabilities of a row take no memory.
func TestRowsAllocate(t *testing.T) {
	p, err := model.NewPredictor(animals(t))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := p.Rows([]string{"says", "weight"})
	if err != nil {
		t.Fatal(err)
	}
	probabilities, row := make([]float64, 2), []string{"woof", "7.5"}
	if n := testing.AllocsPerRun(100, func() {
		if err := rows.Probabilities(probabilities, row); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("a row takes %v allocations, none expected", n)
	}
	want, err := rows.Classify(row, 1)
	if err != nil || probabilities[1] != want[0].Probability || want[0].Class != "dog" {
		t.Errorf("got %v, want %v, %v", probabilities, want, err)
	}
}
