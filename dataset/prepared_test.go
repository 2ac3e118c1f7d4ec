package dataset_test

import (
	"reflect"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/transform"
)

func TestPreparations(t *testing.T) {
	a, b := patches(3), patches(2)
	a.Transform = transform.ToTensor{}
	form := transform.Form{Shape: []int{1, 2, 3}}
	first, second := dataset.Preparation{Transform: transform.ToTensor{}, Form: form}, dataset.Preparation{Form: form}
	for _, test := range []struct {
		d    dataset.Prepared
		want []dataset.Preparation
	}{
		{a, []dataset.Preparation{first}},
		{dataset.Subset{Dataset: b, Indices: []int{1}}, []dataset.Preparation{second}},
		{dataset.Subset{Dataset: slow{a}}, nil},
		{concat(t, dataset.Subset{Dataset: a}, slow{b}, b).(dataset.Prepared), []dataset.Preparation{first, second}},
	} {
		if got := test.d.Preparations(); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%T: got %v, want %v", test.d, got, test.want)
		}
	}
}
