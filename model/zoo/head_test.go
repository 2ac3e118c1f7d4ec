package zoo

import (
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// TestHead holds that a net is its features and its head, of the same layers.
func TestHead(t *testing.T) {
	for name, want := range map[string]string{"resnet18": "fc", "mobilenet_v3_small": "classifier.3", "efficientnet_b0": "classifier.1"} {
		net := build(t, name, 5, 1)
		path, head := Head(net)
		if path != want || net.Layer(path) != nn.Module(head) {
			t.Errorf("%s: the head is %q, want %q", name, path, want)
		}
		x := tensor.Normal(tensor.Float32, random.New(2).Rand(), 0, 1, 2, 3, 64, 64).NoGrad().Evaluation()
		features := Features(net)
		if got, want := head.Forward(features.Forward(x)), net.Forward(x); got.Ne(want).Any().Item() != 0 {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
		var all []string
		for name := range net.Parameters() {
			all = append(all, name)
		}
		rest := slices.DeleteFunc(all, func(name string) bool { return strings.HasPrefix(name, path+".") })
		var got []string
		for name := range features.Parameters() {
			got = append(got, name)
		}
		if !slices.Equal(got, rest) {
			t.Errorf("%s: the features have %d parameters, want %d", name, len(got), len(rest))
		}
	}
}

// TestKnown finds weights by the hash of their file.
func TestKnown(t *testing.T) {
	n, err := Named("resnet50")
	if err != nil {
		t.Fatal(err)
	}
	if w, ok := n.Known("11ad3fa6" + strings.Repeat("0", 56)); !ok || w.Version != "v2" {
		t.Errorf("got %+v, %v", w, ok)
	}
	if w, ok := n.Known("f37072fd" + strings.Repeat("0", 56)); ok { // of another net
		t.Errorf("got %+v", w)
	}
}
