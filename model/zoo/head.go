package zoo

import (
	"strings"

	"github.com/onehot-go/onehot/nn"
)

// Head returns the path and the layer of a net's last linear layer, which tells the classes apart: "fc".
// They are "" and nil of a net that has none.
func Head(net *nn.Sequential) (path string, layer *nn.Linear) {
	nn.Apply(net, func(at string, m nn.Module) {
		if l, ok := m.(*nn.Linear); ok {
			path, layer = at, l
		}
	})
	return path, layer
}

// Features returns what a net of this package has before its head, a net of the same layers: what it
// makes of pictures is what the head tells apart, (N, features).
func Features(net *nn.Sequential) *nn.Sequential {
	var layers []nn.Module
	var names []string
	for name, m := range net.Layers() {
		layers, names = append(layers, nn.Named(name, m)), append(names, name)
	}
	last := len(layers) - 1
	if inner, ok := net.Layer(names[last]).(*nn.Sequential); ok {
		layers[last] = nn.Named(names[last], Features(inner))
	} else {
		layers = layers[:last]
	}
	return nn.NewSequential(layers...)
}

// Known returns the weights of the net whose file has the given SHA-256, in hexadecimal, as far as names
// of files say; ok is false if none has.
func (n Net) Known(sha256 string) (w Weights, ok bool) {
	for _, w := range n.Weights() {
		if strings.HasPrefix(sha256, w.digits()) {
			return w, true
		}
	}
	return Weights{}, false
}
