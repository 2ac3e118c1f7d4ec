package loader_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/transform"
)

func TestSplits(t *testing.T) {
	open := func(s dataset.Split) (*dataset.Images, error) {
		d := patches([]int{23, 7}[s], nil)
		d.Split = s
		return d, nil
	}
	o := loader.Options{BatchSize: 5, Seed: 9, DropLast: true}
	train, test, err := loader.Splits(open, transform.ToTensor{}, o)
	if err != nil {
		t.Fatal(err)
	}
	o.Shuffle = true
	for _, c := range []struct {
		got  *loader.Loader
		want []copied
	}{
		{train, epoch(t, patches(23, transform.ToTensor{}), o, 2)},
		{test, epoch(t, patches(7, transform.ToTensor{}), loader.Options{BatchSize: 5}, 2)},
	} {
		var got []copied
		for b, err := range c.got.Epoch(2) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, copyOf(b))
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("batches %v, want %v", got, c.want)
		}
	}

	train, _, err = loader.Splits(open, transform.ToTensor{}, loader.Options{BatchSize: 5, Sampler: fixed{3, 1}})
	if err != nil || train.Samples() != 2 {
		t.Errorf("with a sampler: %d samples, %v", train.Samples(), err)
	}

	for _, missing := range []dataset.Split{dataset.Train, dataset.Test} {
		broken := errors.New("no file of " + missing.String())
		_, _, err := loader.Splits(func(s dataset.Split) (*dataset.Images, error) {
			if s == missing {
				return nil, broken
			}
			return open(s)
		}, transform.ToTensor{}, o)
		if err != broken {
			t.Errorf("got %v, want %v", err, broken)
		}
	}
}
