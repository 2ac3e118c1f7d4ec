package zoo

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/onehot-go/onehot/model/safetensors"
	"github.com/onehot-go/onehot/model/torchfile"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// ReadState returns the tensors of a state dict in a file of safetensors or of torch.save, which
// its content tells apart. A model's file is one of safetensors too. The error names the file.
func ReadState(path string) (map[string]*tensor.Tensor, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	begin := make([]byte, 9)
	_, err = io.ReadFull(f, begin)
	f.Close()
	if err != nil || !bytes.HasSuffix(begin, []byte("{")) { // the JSON of safetensors is behind its length
		return torchfile.ReadFile(path)
	}
	file, err := safetensors.ReadFile(path)
	if err != nil {
		return nil, err
	}
	state := map[string]*tensor.Tensor{}
	for _, t := range file.Tensors {
		if !strings.HasPrefix(t.Name, ".") { // what a training run needs beside the weights
			state[t.Name] = t.Value
		}
	}
	return state, nil
}

// Loaded says what Load left as it was.
type Loaded struct {
	// Head is the path of the last linear layer if that kept its own numbers, since the state is for
	// other classes: "fc". It is "" if the layer was loaded.
	Head string
	// Classes is how many the state is for, 0 if it has no last layer.
	Classes int
}

// StateError says why a state does not fit a net.
type StateError struct{ nn.StateError }

// Error names some of what does not fit, and how much there is.
func (e *StateError) Error() string {
	var parts []string
	for _, p := range []struct {
		what string
		list []string
	}{{"missing", e.Missing}, {"unexpected", e.Unexpected}, {"of another kind", e.Mismatched}} {
		if n := len(p.list); n > 0 {
			names := strings.Join(p.list[:min(n, 3)], ", ")
			if n > 3 {
				names += ", and so on"
			}
			parts = append(parts, fmt.Sprintf("%d tensors %s (%s)", n, p.what, names))
		}
	}
	return "weights of another net: " + strings.Join(parts, "; ")
}

// Unwrap returns the error with all names.
func (e *StateError) Unwrap() error { return &e.StateError }

// Load copies the tensors of a state dict into a net. Its names are torchvision's, or those that
// timm has for ResNet, EfficientNet, MobileNetV3 and VGG. Those of timm's nets called tf_ are the same, and
// their layers are not: they pad pictures in another way. Numbers of 64 bits are rounded to the net's 32. If
// the state is for other classes, or none, the net's last linear layer stays as it is, as Loaded
// says. Batch norms may lack the number of batches, which PyTorch has since 0.4.1.
//
// If anything else is missing, unexpected, of another shape or not finite, nothing is changed.
// The error is a *StateError that says what.
func Load(net *nn.Sequential, state map[string]*tensor.Tensor) (Loaded, error) {
	state = renamed(state)
	head, last := Head(net)
	var loaded Loaded
	if last != nil {
		weight := state[head+".weight"]
		switch {
		case weight == nil:
			loaded.Head = head
		case weight.Dim() == 2 && weight.Size(0) != last.Weight.Size(0) && weight.Size(1) == last.Weight.Size(1):
			loaded = Loaded{head, weight.Size(0)}
		}
		if loaded.Head != "" {
			delete(state, head+".weight")
			delete(state, head+".bias")
		}
	}
	wrong := StateError{}
	for name, v := range nn.StateDict(net) {
		w := state[name]
		switch {
		case w == nil && !strings.HasSuffix(name, ".num_batches_tracked") && (loaded.Head == "" || !strings.HasPrefix(name, head+".")):
			wrong.Missing = append(wrong.Missing, name)
		case w == nil:
		case !slices.Equal(w.Shape(), v.Shape()) || w.DType() != v.DType() && !(w.DType().IsFloat() && v.DType().IsFloat()):
			wrong.Mismatched = append(wrong.Mismatched, fmt.Sprintf("%s: %s %v expected, found %s %v", name, v.DType(), v.Shape(), w.DType(), w.Shape()))
		default:
			if state[name] = w.To(v.DType()); !finite(state[name]) {
				wrong.Mismatched = append(wrong.Mismatched, name+": finite numbers expected, found NaN or an infinity")
			}
		}
	}
	known := maps.Collect(nn.StateDict(net))
	for _, name := range slices.Sorted(maps.Keys(state)) {
		if known[name] == nil {
			wrong.Unexpected = append(wrong.Unexpected, fmt.Sprintf("%.100q", name))
		}
	}
	if wrong.Missing != nil || wrong.Unexpected != nil || wrong.Mismatched != nil {
		return Loaded{}, &wrong
	}
	if _, _, err := nn.LoadStateDict(net, state, false); err != nil {
		return Loaded{}, err
	}
	return loaded, nil
}

// finite reports whether all elements are finite numbers.
func finite(v *tensor.Tensor) bool {
	if v.DType() != tensor.Float32 {
		return true
	}
	for _, x := range tensor.Data[float32](v.Contiguous()) {
		if x-x != 0 {
			return false
		}
	}
	return true
}

// renamed returns a copy of a state with torchvision's names: without the "module." before those of
// nets that several devices trained, and in place of timm's.
func renamed(state map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	const parallel = "module."
	wrapped := len(state) > 0
	for name := range state {
		wrapped = wrapped && strings.HasPrefix(name, parallel)
	}
	out := make(map[string]*tensor.Tensor, len(state))
	for name, v := range state {
		if wrapped {
			name = name[len(parallel):]
		}
		out[name] = v
	}
	switch {
	case out["conv_stem.weight"] != nil && out["bn2.weight"] != nil:
		return rename(out, efficientNetName)
	case out["conv_stem.weight"] != nil:
		for name, v := range out {
			switch {
			case strings.HasSuffix(name, ".running_var") && v.DType().IsFloat():
				out[name] = v.Add(tensor.Scalar(timmEps - mobileNetV3Eps).To(v.DType())) // so that the sum of both stays
			case name == "conv_head.weight" && v.Dim() == 4: // a convolution of single pixels
				out[name] = v.Flatten(1, -1)
			}
		}
		return rename(out, mobileNetV3Names(out))
	case out["pre_logits.fc1.weight"] != nil:
		for _, name := range []string{"pre_logits.fc1.weight", "pre_logits.fc2.weight"} {
			if v := out[name]; v != nil && v.Dim() == 4 { // convolutions that are laid over all of a picture
				out[name] = v.Flatten(1, -1)
			}
		}
		return rename(out, func(layer string) string { return cmp.Or(timmVGG[layer], layer) })
	}
	return out
}

// rename changes the names of layers, which are those of tensors without their last part.
func rename(state map[string]*tensor.Tensor, change func(layer string) string) map[string]*tensor.Tensor {
	out := make(map[string]*tensor.Tensor, len(state))
	for name, v := range state {
		if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
			name = change(name[:dot]) + name[dot:]
		}
		out[name] = v
	}
	return out
}

// timm's names of layers, and torchvision's.
var (
	timmVGG          = map[string]string{"pre_logits.fc1": "classifier.0", "pre_logits.fc2": "classifier.3", "head.fc": "classifier.6"}
	timmEfficientNet = map[string]string{
		"conv_stem": "features.0.0", "bn1": "features.0.1", "conv_head": "features.8.0", "bn2": "features.8.1", "classifier": "classifier.1",
	}
	timmFirst = map[string]string{ // in blocks of the first stage
		"conv_dw": "block.0.0", "bn1": "block.0.1", "se.conv_reduce": "block.1.fc1", "se.conv_expand": "block.1.fc2",
		"conv_pw": "block.2.0", "bn2": "block.2.1",
	}
	timmBlock = map[string]string{
		"conv_pw": "block.0.0", "bn1": "block.0.1", "conv_dw": "block.1.0", "bn2": "block.1.1",
		"se.conv_reduce": "block.2.fc1", "se.conv_expand": "block.2.fc2", "conv_pwl": "block.3.0", "bn3": "block.3.1",
	}
)

// What batch norms add to variances in timm's MobileNetV3, and in torchvision's.
const timmEps, mobileNetV3Eps = 1e-5, 1e-3

// mobileNetV3Names returns what torchvision calls the layers of a state that timm's MobileNetV3 has: in torchvision's all
// blocks are in one row, and what a block has is counted.
func mobileNetV3Names(state map[string]*tensor.Tensor) func(layer string) string {
	const stages = 7 // at most
	block := func(layer string) (stage, at int, part string) {
		parts := strings.SplitN(layer, ".", 4)
		if len(parts) < 4 || parts[0] != "blocks" {
			return 0, 0, ""
		}
		stage, err1 := strconv.Atoi(parts[1])
		at, err2 := strconv.Atoi(parts[2])
		if err1 != nil || err2 != nil || stage < 0 || stage >= stages {
			return 0, 0, ""
		}
		return stage, at, parts[3]
	}
	var blocks [stages]int
	for name := range state {
		if stage, at, part := block(name); part != "" {
			blocks[stage] = max(blocks[stage], at+1)
		}
	}
	return func(layer string) string {
		stage, at, part := block(layer)
		if part == "" {
			return cmp.Or(map[string]string{"conv_stem": "features.0.0", "bn1": "features.0.1", "conv_head": "classifier.0", "classifier": "classifier.3"}[layer], layer)
		}
		has := func(part string) bool { return state[fmt.Sprintf("blocks.%d.%d.%s.weight", stage, at, part)] != nil }
		feature := 1 + at
		for _, n := range blocks[:stage] {
			feature += n
		}
		if has("conv") {
			return fmt.Sprintf("features.%d.%s", feature, cmp.Or(map[string]string{"conv": "0", "bn1": "1"}[part], part))
		}
		names, last := timmFirst, 2
		if has("conv_pwl") {
			names, last = timmBlock, 3
		}
		name := cmp.Or(names[part], part)
		if rest, ok := strings.CutPrefix(name, fmt.Sprintf("block.%d.", last)); ok && !has("se.conv_reduce") {
			name = fmt.Sprintf("block.%d.%s", last-1, rest) // it takes the gate's place
		}
		return fmt.Sprintf("features.%d.%s", feature, name)
	}
}

// efficientNetName returns torchvision's name of a layer that timm calls so, such as
// "blocks.1.0.conv_pw".
func efficientNetName(layer string) string {
	rest, inBlock := strings.CutPrefix(layer, "blocks.")
	if !inBlock {
		return cmp.Or(timmEfficientNet[layer], layer)
	}
	parts := strings.SplitN(rest, ".", 3)
	stage, err := strconv.Atoi(parts[0])
	if err != nil || len(parts) < 3 {
		return layer
	}
	names := timmBlock
	if stage == 0 {
		names = timmFirst
	}
	return fmt.Sprintf("features.%d.%s.%s", stage+1, parts[1], cmp.Or(names[parts[2]], parts[2]))
}
