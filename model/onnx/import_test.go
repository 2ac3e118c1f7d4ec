package onnx_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/onnx"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// plain prepares pictures of the size that a file declares, or of 8×8.
func plain(channels, height, width int) (transform.Compose, error) {
	if height == 0 {
		height, width = 8, 8
	}
	steps := transform.Compose{transform.RGB{}, transform.Resize{Height: height, Width: width}, transform.ToTensor{}}
	if channels == 1 {
		steps[0] = transform.Grayscale{}
	}
	return steps, nil
}

// exported returns the file of a model.
func exported(t testing.TB, m *model.Model, o onnx.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := onnx.Export(&b, m, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// saved returns a model's own file.
func saved(t testing.TB, m *model.Model) []byte {
	t.Helper()
	f, err := m.State()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestRoundTrip holds that a model in training form comes back to the bit, and one without it as
// what the file has, which comes back to the bit too.
func TestRoundTrip(t *testing.T) {
	for _, n := range nets {
		m := trained(t, n.definition())
		back, err := onnx.Read(exported(t, m, onnx.Options{TrainingForm: true}), nil)
		if err != nil {
			t.Errorf("%s: %v", n.name, err)
			continue
		}
		if !bytes.Equal(saved(t, back), saved(t, m)) {
			t.Errorf("%s: its own file is another one behind ONNX", n.name)
		}
		folded := exported(t, m, onnx.Options{})
		if back, err = onnx.Read(folded, nil); err != nil {
			t.Errorf("%s: %v", n.name, err)
			continue
		}
		if !bytes.Equal(exported(t, back, onnx.Options{}), folded) {
			t.Errorf("%s: the file without batch norms is another one behind ONNX", n.name)
		}
		_, _, prepared := batch(t, m, 3)
		want, _ := answers(t, m, prepared)
		got, _ := answers(t, back, prepared)
		if d := furthest(got, want); d > 1e-6 {
			t.Errorf("%s: probabilities differ by %g", n.name, d)
		}
	}
}

// npy reads a file of float32 that NumPy wrote.
func npy(t *testing.T, path string) *tensor.Tensor {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head := 10 + int(binary.LittleEndian.Uint16(b[8:]))
	var shape []int
	for _, n := range regexp.MustCompile(`\d+`).FindAllString(regexp.MustCompile(`\(.*\)`).FindString(string(b[10:head])), -1) {
		size, _ := strconv.Atoi(n)
		shape = append(shape, size)
	}
	data := make([]float32, (len(b)-head)/4)
	if _, err := binary.Decode(b[head:], binary.LittleEndian, data); err != nil {
		t.Fatal(err)
	}
	return tensor.New(data, shape...)
}

// TestPyTorchsExports holds what PyTorch's exports of torchvision's nets become to what PyTorch makes
// of them. ONEHOT_TORCH_ONNX names the folder that testdata/torch_zoo.py wrote.
func TestPyTorchsExports(t *testing.T) {
	folder := os.Getenv("ONEHOT_TORCH_ONNX")
	if folder == "" {
		t.Skip("ONEHOT_TORCH_ONNX names no folder")
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.onnx"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %d files", err, len(files))
	}
	for _, path := range files {
		name := strings.TrimSuffix(path, ".onnx")
		m, err := onnx.Load(path, plain)
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := m.State(); err != nil {
			t.Errorf("%s cannot be saved: %v", path, err)
		}
		want := tensor.Values[float64](npy(t, name+".logits.npy"))
		got := tensor.Values[float64](m.Net.Forward(npy(t, name+".input.npy").NoGrad().Evaluation()))
		largest := 0.0
		for _, v := range want {
			largest = max(largest, math.Abs(v))
		}
		d := furthest(got, want)
		p := furthest(tensor.Values[float64](tensor.New(got, 2, len(m.Classes)).Softmax(1)), tensor.Values[float64](tensor.New(want, 2, len(m.Classes)).Softmax(1)))
		t.Logf("%s: logits of up to %.3g differ by %.2g, probabilities by %.2g, %d layers", path, largest, d, p, layers(m.Net))
		if !(d <= 1e-3*max(1, largest)) || !(p <= 1e-4) {
			t.Errorf("%s: logits differ by %.2g, probabilities by %.2g", path, d, p)
		}
	}
}

// layers counts the layers of a net.
func layers(net nn.Module) (n int) {
	nn.Apply(net, func(string, nn.Module) { n++ })
	return n
}

// TestPyTorchsForms holds what exports of small nets become to what PyTorch makes of them, as
// testdata/torch_nets.py wrote both.
func TestPyTorchsForms(t *testing.T) {
	text, err := os.ReadFile("testdata/torch/answers.json")
	if err != nil {
		t.Fatal(err)
	}
	var answers map[string]struct {
		Shape          []int
		Input, Outputs []float64
	}
	if err := json.Unmarshal(text, &answers); err != nil {
		t.Fatal(err)
	}
	for name, a := range answers {
		m, err := onnx.Load("testdata/torch/"+name+".onnx", plain)
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := m.State(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		x := tensor.New(a.Input, a.Shape...).To(tensor.Float32)
		if name == "last" { // its pictures have their channels last
			x = x.Permute(0, 3, 1, 2).Contiguous()
		}
		if n := len(m.Preprocess); n > 0 {
			if s, ok := m.Preprocess[n-1].(transform.Normalize); ok { // the net's own
				x = x.Sub(tensor.New(s.Mean, 3, 1, 1)).Div(tensor.New(s.Std, 3, 1, 1))
			}
		}
		y := m.Net.Forward(x.NoGrad().Evaluation())
		switch name {
		case "softmax":
			y = y.Softmax(1)
		case "sigmoid":
			if y = y.Sigmoid(); m.Task != "multi-label" {
				t.Errorf("a net that ends in sigmoids has task %q", m.Task)
			}
		}
		if d := furthest(tensor.Values[float64](y), a.Outputs); !(d <= 2e-6) {
			t.Errorf("%s: outputs differ by %g\n%v", name, d, m)
		}
	}
}

// foreignFile returns a file without a definition, as another program writes one.
func foreignFile(t testing.TB, m *model.Model) []byte {
	t.Helper()
	return bytes.ReplaceAll(exported(t, m, onnx.Options{}), []byte("\x06onehot\x12"), []byte("\x06other1\x12"))
}

// TestGraphsAlone holds that the graph makes the model where there is no definition: layers,
// normalisation and the names of the classes.
func TestGraphsAlone(t *testing.T) {
	for _, name := range []string{"regression", "labels", "blocks", "lenet", "cnn"} {
		d := map[string]model.Definition{
			"lenet": model.LeNet([]int{1, 28, 28}, []string{"a", "b"}), "cnn": model.CNN([]int{1, 28, 28}, []string{"a", "b"}),
		}[name]
		for _, n := range nets {
			if n.name == name {
				d = n.definition()
			}
		}
		m := trained(t, d)
		back, err := onnx.Read(foreignFile(t, m), plain)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(back.Classes, m.Classes) || back.Task != m.Task {
			t.Errorf("%s: classes %q of task %q", name, back.Classes, back.Task)
		}
		if m.InputShape[0] == 1 && len(m.Preprocess) == 5 {
			if got, want := fmt.Sprint(back.Preprocess[3]), fmt.Sprint(m.Preprocess[4]); got != want {
				t.Errorf("%s: normalizes by %s, want %s", name, got, want)
			}
		}
		_, _, prepared := batch(t, m, 3)
		want, _ := answers(t, m, prepared)
		got, _ := answers(t, back, prepared)
		if d := furthest(got, want); d > 1e-6 {
			t.Errorf("%s: probabilities differ by %g", name, d)
		}
	}
}

// TestReadRefuses holds what is said of files that are no classifiers of known layers.
func TestReadRefuses(t *testing.T) {
	file := foreignFile(t, trained(t, nets[0].definition()))
	for want, data := range map[string][]byte{
		"model: found 0 graphs and version 0 of the operators": {},
		"no protocol buffer": []byte("PK\x03\x04 this is a zip archive"),
		"found version 99 of the operators, 7 to 22 expected":                bytes.Replace(file, []byte("\x0a\x00\x10\x11"), []byte("\x0a\x00\x10\x63"), 1),
		`no layers are known for operation "Tranxxxxe", operation "Flatxxx"`: bytes.ReplaceAll(bytes.ReplaceAll(file, []byte("\x09Transpose"), []byte("\x09Tranxxxxe")), []byte("\x07Flatten"), []byte("\x07Flatxxx")),
		"found no steps that prepare pictures":                               file,
	} {
		_, err := onnx.Read(data, nil)
		if _, ok := err.(*fault.FormatError); !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// message returns an encoded protocol buffer of fields: numbers, texts, and messages.
func message(fields ...any) (b []byte) {
	for i := 0; i < len(fields); i += 2 {
		number := protowire.Number(fields[i].(int))
		switch v := fields[i+1].(type) {
		case int:
			b = protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), uint64(v))
		case string:
			b = protowire.AppendString(protowire.AppendTag(b, number, protowire.BytesType), v)
		case []byte:
			b = protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), v)
		}
	}
	return b
}

// TestReadRefusesAtOnce holds that one error has all operations that are not known, such as those of graphs with several paths that
// are put side by side, and that weights are in another file.
func TestReadRefusesAtOnce(t *testing.T) {
	port := func(name string, sizes ...int) []byte {
		var shape []any
		for _, n := range sizes {
			shape = append(shape, 1, message(1, n))
		}
		return message(1, name, 2, message(1, message(1, 1, 2, message(shape...))))
	}
	graph := message(
		1, message(1, "x", 2, "a", 4, "Frobnicate"), 1, message(1, "x", 2, "b", 4, "Relu"), 1, message(1, "a", 1, "b", 2, "c", 4, "Concat"),
		1, message(1, "c", 1, "w", 2, "d", 4, "Gemm"), 1, message(1, "d", 2, "y", 4, "Quux", 7, "com.example"), 1, message(1, "x", 2, "unused", 4, "Other"),
		5, message(1, 4, 1, 2, 2, 1, 8, "w", 13, message(1, "location", 2, "../../etc/passwd"), 14, 1), 11, port("x", 1, 2), 12, port("y", 1, 2))
	_, err := onnx.Read(message(1, 8, 7, graph, 8, message(1, "", 2, 17)), nil)
	const want = `graph: no layers are known for operation "Frobnicate", operation "Concat", operation "Quux" of "com.example", elements in another file`
	if _, ok := err.(*fault.FormatError); !ok || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// hostile returns files that are wrong in many ways: cut, and with bytes that were changed.
func hostile(t testing.TB) (files [][]byte) {
	t.Helper()
	var good [][]byte
	for _, name := range []string{"mobile", "pools", "reshape", "matmul"} {
		b, err := os.ReadFile("testdata/torch/" + name + ".onnx")
		if err != nil {
			t.Fatal(err)
		}
		good = append(good, b)
	}
	good = append(good, foreignFile(t, trained(t, nets[0].definition())), exported(t, trained(t, nets[1].definition()), onnx.Options{}),
		exported(t, tables(t)[0], onnx.Options{}))
	r := random.New(3).Rand()
	for _, b := range good {
		for range 100 {
			changed := bytes.Clone(b)
			for range 1 + r.IntN(3) {
				changed[r.IntN(min(len(changed), 2000))] = byte(r.IntN(256))
			}
			files = append(files, changed, b[:r.IntN(len(b))])
		}
	}
	return files
}

// TestHostileFiles holds that wrong files are an error or a model that works, and take little
// memory.
func TestHostileFiles(t *testing.T) {
	errors, models := 0, 0
	for _, b := range hostile(t) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m, err := onnx.Read(b, plain)
		runtime.ReadMemStats(&after)
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 64<<20 {
			t.Errorf("a file of %d bytes took %d", len(b), taken)
		}
		if err != nil {
			errors++
			continue
		}
		models++
		if _, err := m.State(); err != nil {
			t.Errorf("a model that cannot be saved: %v", err)
		}
	}
	t.Logf("%d errors, %d models", errors, models)
	if errors < 100 {
		t.Errorf("%d errors", errors)
	}
}

// TestReadTakesLittleMemory holds what reading takes to 2.2 times the file, where weights lie as
// layers have them and where they are transposed.
func TestReadTakesLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("a file of 20 MB")
	}
	d := model.MLP([]int{1, 28, 28}, []int{2500, 1200}, []string{"a", "b"})
	m := trained(t, d)
	for called, file := range map[string][]byte{"exported": exported(t, m, onnx.Options{}), "foreign": foreignFile(t, m)} {
		path := filepath.Join(t.TempDir(), "model.onnx")
		if err := os.WriteFile(path, file, 0o666); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := onnx.Load(path, plain); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		times := float64(after.TotalAlloc-before.TotalAlloc) / float64(len(file))
		t.Logf("%s: %d bytes, %.3f times as many taken", called, len(file), times)
		if times > 2.2 {
			t.Errorf("%s: a file of %d bytes took %.2f times as many", called, len(file), times)
		}
	}
}

// FuzzRead holds that no file makes Read panic, and that what it returns can be saved.
func FuzzRead(f *testing.F) {
	for i, b := range hostile(f) {
		if i%20 == 0 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := onnx.Read(b, plain); err == nil {
			if _, err := m.State(); err != nil {
				t.Error(err)
			}
		}
	})
}
