package cli

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/zoo"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// writeTorch writes the float32 tensors of a net's state to a file as torch.save does: a pickle of a dictionary, and the
// elements of each tensor.
func writeTorch(t *testing.T, m *model.Model, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	archive := zip.NewWriter(f)
	add := func(name string, content []byte) {
		w, err := archive.CreateHeader(&zip.FileHeader{Name: "weights/" + name, Method: zip.Store})
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var p bytes.Buffer
	text := func(s string) {
		p.WriteByte('X')
		binary.Write(&p, binary.LittleEndian, uint32(len(s)))
		p.WriteString(s)
	}
	number := func(n int) {
		p.WriteByte('J')
		binary.Write(&p, binary.LittleEndian, int32(n))
	}
	numbers := func(of []int) {
		p.WriteByte('(')
		for _, n := range of {
			number(n)
		}
		p.WriteByte('t')
	}
	state := maps.Collect(nn.StateDict(m.Net))
	p.WriteString("\x80\x02}(")
	for i, name := range slices.Sorted(maps.Keys(state)) {
		v := state[name]
		if v.DType() != tensor.Float32 {
			continue // how many batches there were, which may be missing
		}
		text(name)
		p.WriteString("ctorch._utils\n_rebuild_tensor_v2\n((")
		text("storage")
		p.WriteString("ctorch\nFloatStorage\n")
		text(fmt.Sprint(i))
		text("cpu")
		number(v.Numel())
		p.WriteString("tQ")
		number(0)
		strides, step := make([]int, v.Dim()), 1
		for d := v.Dim() - 1; d >= 0; d-- {
			strides[d] = step
			step *= v.Size(d)
		}
		numbers(v.Shape())
		numbers(strides)
		p.WriteString("\x89ccollections\nOrderedDict\n)RtR")
		content, err := binary.Append(nil, binary.LittleEndian, tensor.Values[float32](v))
		if err != nil {
			t.Fatal(err)
		}
		add(fmt.Sprint("data/", i), content)
	}
	p.WriteString("u.")
	add("data.pkl", p.Bytes())
	add("version", []byte("3\n"))
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestTorchFile gives the commands weights in a file of torch.save: what they do is what they do with the same weights
// in a file of safetensors.
func TestTorchFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	colours(t, "photos", 4, 40, 30)
	m := drawnNet(t, zoo.ImageNet())
	writeWeights(t, m, "weights.safetensors")
	writeTorch(t, m, "weights.pth")
	said := map[string][2]string{}
	for _, weights := range []string{"weights.safetensors", "weights.pth"} {
		run := weights + "-run"
		said[weights] = [2]string{
			succeed(t, "predict", "--pretrained", smallNet, "--weights", weights, filepath.Join("photos", "red", "000.png")),
			succeed(t, "train", "photos", "--pretrained", smallNet, "--weights", weights, "--l2", "0.01", "-q", "--out", run),
		}
		if c := readRunConfig(t, run); c.Weights == nil || c.Weights.Name != weights {
			t.Errorf("%s: the run has the weights %+v", weights, c.Weights)
		}
	}
	if said["weights.pth"] != said["weights.safetensors"] {
		t.Errorf("got %q", said)
	}
	if !bytes.Equal(weightsOf(t, "weights.pth-run"), weightsOf(t, "weights.safetensors-run")) {
		t.Error("the runs have other weights")
	}
}
