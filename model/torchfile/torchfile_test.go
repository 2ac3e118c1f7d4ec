package torchfile

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/tensor"
)

// TestReferences reads what torch.save wrote, as an archive and as a stream.
func TestReferences(t *testing.T) {
	base := make([]float32, 12)
	for i := range base {
		base[i] = float32(i) / 4
	}
	want := map[string]*tensor.Tensor{
		"float":      tensor.New(base, 3, 4),
		"double":     tensor.New([]float64{0, 1 / 3.0, 2 / 3.0}),
		"half":       tensor.New([]float32{1, -0.5, 65504, 0x1p-24}),
		"bfloat":     tensor.New([]float32{1, -3.140625, math.Float32frombits(0x7e960000)}),
		"long":       tensor.New([]int64{-1, 1 << 40}, 1, 2),
		"byte":       tensor.New([]uint8{0, 255}),
		"bool":       tensor.New([]bool{true, false, true}),
		"scalar":     tensor.Scalar(int64(7)),
		"empty":      tensor.Zeros(tensor.Float32, 0, 3),
		"parameter":  tensor.New([]float32{0.5, 1.5}),
		"fixed":      tensor.New([]float32{2.5}),
		"shared":     tensor.New(base[4:8]),
		"again":      tensor.New(base, 3, 4),
		"transposed": tensor.New(base, 3, 4).Transpose(0, 1).Contiguous(),
		"every":      tensor.New([]float32{0, 0.5, 1, 1.5, 2, 2.5}, 3, 2),
		"same":       tensor.New([]float32{3, 3, 3, 3}, 2, 2),
	}
	for _, path := range []string{"testdata/zip.pth", "testdata/legacy.pth"} {
		got, err := ReadFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		wantTensors(t, path, got, want)
		// What shares elements in the file shares memory.
		got["float"].FillInPlace(9)
		if got["shared"].At(0) != 9 || got["again"].At(2, 3) != 9 || got["every"].At(0, 0) != 0 {
			t.Errorf("%s: after a change of float: shared %v, again %v, every %v", path, got["shared"], got["again"], got["every"])
		}
	}
	want = map[string]*tensor.Tensor{
		"conv.weight": tensor.New([]float32{0, 1, 2, 3, 4, 5, 6, 7}, 2, 1, 2, 2), "bn.num_batches_tracked": tensor.Scalar(int64(0)),
	}
	for _, name := range []string{"conv.bias", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"} {
		want[name] = tensor.New([]float32{0, 1})
	}
	for _, path := range []string{"testdata/checkpoint.pth", "testdata/checkpoint-legacy.pth"} {
		got, err := ReadFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		wantTensors(t, path, got, want)
	}
}

// wantTensors compares names, types, shapes and elements.
func wantTensors(t *testing.T, path string, got, want map[string]*tensor.Tensor) {
	t.Helper()
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, slices.Sorted(maps.Keys(want))) {
		t.Errorf("%s: got %q", path, names)
		return
	}
	for name, w := range want {
		if g := got[name]; g.DType() != w.DType() || !slices.Equal(g.Shape(), w.Shape()) || g.Ne(w).Any().Item() != 0 {
			t.Errorf("%s: %s: got %v %v, want %v %v", path, name, g.DType(), g, w.DType(), w)
		}
	}
}

// The operations of pickles that tests write.

func text(s string) string {
	return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s
}

func integer(n int64) string {
	return "\x8a\x08" + string(binary.LittleEndian.AppendUint64(nil, uint64(n)))
}

func list64(values ...int64) string {
	s := "("
	for _, v := range values {
		s += integer(v)
	}
	return s + "t"
}

// element is a tensor of a class of storages with so many elements.
type element struct {
	class           string
	key             string
	n               int64
	offset          int64
	shape, strides  []int64
	legacy, changed string // a view on the storage; what takes the place of the persistent id
}

func (e element) pickle() string {
	id := "(" + text("storage") + "ctorch\n" + e.class + "\n" + text(e.key) + text("cpu") + integer(e.n) + e.legacy + "tQ"
	if e.changed != "" {
		id = e.changed
	}
	return "ctorch._utils\n_rebuild_tensor_v2\n(" + id + integer(e.offset) + list64(e.shape...) + list64(e.strides...) + "\x89ccollections\nOrderedDict\n)RtR"
}

// dictionary is a pickle of tensors, called a, b and so on.
func dictionary(elements ...element) string {
	s := "\x80\x02}"
	for i, e := range elements {
		s += text(string(rune('a'+i))) + e.pickle() + "s"
	}
	return s + "."
}

// two is a tensor of two floats.
var two = element{class: "FloatStorage", key: "0", n: 2, shape: []int64{2}, strides: []int64{1}}

// changed returns two after a change.
func changed(change func(e *element)) element {
	e := two
	change(&e)
	return e
}

// archive returns a zip archive of a pickle and of members in data.
func archive(pickle string, data map[string]string) string {
	return members(map[string]string{"x/data.pkl": pickle, "x/version": "3\n"}, data, zip.Store)
}

func members(files, data map[string]string, method uint16) string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, of := range []struct {
		prefix string
		files  map[string]string
	}{{"", files}, {"x/data/", data}} {
		for _, name := range slices.Sorted(maps.Keys(of.files)) {
			w, err := z.CreateHeader(&zip.FileHeader{Name: of.prefix + name, Method: method})
			if err == nil {
				_, err = w.Write([]byte(of.files[name]))
			}
			if err != nil {
				panic(err)
			}
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.String()
}

// stream returns a legacy file of a pickle, a list of storages and what follows.
func stream(pickle, keys, data string) string {
	return legacyMagic + "\x80\x02M\xe9\x03." + "\x80\x02}" + text("little_endian") + "\x88s." + pickle + keys + data
}

var eight = "\x00\x00\x80\x3f\x00\x00\x00\x40" // 1 and 2

var good = []string{
	archive(dictionary(two), map[string]string{"0": eight}),
	stream(dictionary(changed(func(e *element) { e.legacy = "N" })), "\x80\x02]"+text("0")+"a.", "\x02\x00\x00\x00\x00\x00\x00\x00"+eight),
	// As Python 2 and PyTorch 0.3 wrote.
	archive("\x80\x02ccollections\nOrderedDict\n(](]U\x01a"+
		"actorch._utils\n_rebuild_tensor\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x02tQK\x00K\x02\x85K\x01\x85tRaetR.", map[string]string{"0": eight}),
}

func TestWritten(t *testing.T) {
	for i, content := range good {
		got, err := Read(strings.NewReader(content), int64(len(content)))
		if err != nil {
			t.Errorf("%d: %v", i, err)
			continue
		}
		wantTensors(t, fmt.Sprint(i), got, map[string]*tensor.Tensor{"a": tensor.New([]float32{1, 2})})
	}
}

// hostile are files that cannot be read, with their errors.
var hostile = map[string]string{
	"beginning: found \"\", a zip archive (\"PK\\x03\\x04\") or a stream (\"\\x80\\x02\\x8a\\nl\\xfc\\x9cF\") of torch.save expected":                                                   "",
	"beginning: found \"{\\\"a\\\":1}\", a zip archive (\"PK\\x03\\x04\") or a stream (\"\\x80\\x02\\x8a\\nl\\xfc\\x9cF\") of torch.save expected":                                      `{"a":1}`,
	"beginning: a tar archive, as PyTorch wrote before 2017: a zip archive or a stream expected. Load it with torch.load of PyTorch before 2.9, and save what it gives with torch.save": strings.Repeat("\x00", 257) + "ustar",
	"zip archive: zip: not a valid zip file: the file may be cut":                                                                                                                       good[0][:len(good[0])-30],
	"zip archive: no member data.pkl among 1: this is no file of torch.save":                                                                                                            members(map[string]string{"a": "b"}, nil, zip.Store),
	`zip archive: members "x/data.pkl" and "y/data.pkl", one data.pkl expected`:                                                                                                         members(map[string]string{"x/data.pkl": "", "y/data.pkl": ""}, nil, zip.Store),
	"member \"x/data.pkl\": a compressed member: torch.save compresses none":                                                                                                            members(map[string]string{"x/data.pkl": dictionary(two)}, nil, zip.Deflate),
	`member "x/byteorder": found "big", little expected`:                                                                                                                                members(map[string]string{"x/data.pkl": dictionary(two), "x/byteorder": "big"}, nil, zip.Store),
	`zip archive: no member "x/data/0", where tensor "a" has its elements`:                                                                                                              archive(dictionary(two), nil),
	"member \"x/data/0\": 7 bytes, but 2 elements of FloatStorage take 8":                                                                                                               archive(dictionary(two), map[string]string{"0": eight[:7]}),
	"member \"x/data/0\": its checksum is not that of its bytes: the file is damaged":                                                                                                   strings.Replace(good[0], eight, "\x00\x00\x80\x3f\x00\x00\x00\x41", 1),
	"member \"x/data/0\": found a byte of more than 1 for a boolean, 0 or 1 expected":                                                                                                   archive(dictionary(changed(func(e *element) { e.class = "BoolStorage" })), map[string]string{"0": "\x01\x02"}),
	"data.pkl: 1 bytes follow its end":                                                                                                                                                  archive(dictionary(two)+"N", map[string]string{"0": eight}),
	"data.pkl byte 3: the pickle ends here":                                                                                                                                             archive("\x80\x02}", nil),
	"data.pkl byte 0: found protocol 4, 2 expected":                                                                                                                                     archive("\x80\x04}.", nil),
	"data.pkl byte 0: found operation 0x69, which no state dict needs":                                                                                                                  archive("i", nil),
	"data.pkl byte 0: 1 values expected on the stack, 0 found":                                                                                                                          archive(".", nil),
	"data.pkl byte 2: the pickle ends with 2 values on the stack, 1 expected":                                                                                                           archive("NN.", nil),
	"data.pkl byte 2: 1 values expected on the stack, 0 found":                                                                                                                          archive("N(.", nil), // behind the mark
	"data.pkl byte 0: a mark expected before it":                                                                                                                                        archive("t", nil),
	"data.pkl byte 2: found None on the stack, a list expected":                                                                                                                         archive("NNa", nil),
	"data.pkl byte 3: found None on the stack, a dictionary expected":                                                                                                                   archive("NNNs", nil),
	"data.pkl byte 3: found 1 keys and values, as many of each expected":                                                                                                                archive("}(Nu", nil),
	"data.pkl byte 0: no value was kept as 7":                                                                                                                                           archive("h\x07", nil),
	"data.pkl byte 0: an integer of 9 bytes, at most 8 expected":                                                                                                                        archive("\x8a\x09123456789.", nil),
	"data.pkl byte 0: a text of 70000 bytes, at most 65536 expected":                                                                                                                    archive(text(strings.Repeat("a", 70000)), nil),
	"data.pkl byte 1024: more than 1024 lists within each other":                                                                                                                        archive(strings.Repeat("(", 2000), nil),
	"data.pkl byte 1048576: more than 1048576 values":                                                                                                                                   archive(strings.Repeat("}", 1<<20+1), nil),
	`data.pkl byte 0: found the global "os.system": only tensors in dictionaries are read, and nothing is run. In Python, save net.state_dict() and not the net`:                        archive("cos\nsystem\n(X\x02\x00\x00\x00lstR.", nil),
	`data.pkl byte 0: found the global "builtins.eval": only tensors in dictionaries are read, and nothing is run. In Python, save net.state_dict() and not the net`:                    archive("cbuiltins\neval\n.", nil),
	`data.pkl byte 0: found the global "torch.hub.Storage": only tensors in dictionaries are read, and nothing is run. In Python, save net.state_dict() and not the net`:                archive("ctorch\nhub.Storage\n.", nil),
	"data.pkl byte 2: found None where a function is called":                                                                                                                            archive("N)R", nil),
	"data.pkl byte 26: found None as the arguments of collections OrderedDict, a tuple expected":                                                                                        archive("ccollections\nOrderedDict\nNR", nil),
	"data.pkl byte 21: found a call of torch FloatStorage with 0 arguments":                                                                                                             archive("ctorch\nFloatStorage\n)R", nil),
	"data.pkl byte 34: found a call of torch._utils _rebuild_parameter with 0 arguments":                                                                                                archive("ctorch._utils\n_rebuild_parameter\n)R", nil),
	"data.pkl byte 37: found a parameter of None, a tensor expected":                                                                                                                    archive("ctorch._utils\n_rebuild_parameter\nNNN\x87R", nil),
	"data.pkl byte 2: found attributes in None, a dictionary expected":                                                                                                                  archive("}Nb", nil),
	"data.pkl byte 1: found the persistent id None, a tuple of storage, class, key, device and elements expected":                                                                       archive("NQ", nil),
	"state: found None, a dictionary of names and tensors expected":                                                                                                                     archive("N.", nil),
	"state: found no tensors":                                                            archive("}.", nil),
	"state: found 1 under \"a\", a tensor under a name expected":                         archive("}"+text("a")+"K\x01s.", nil),
	"state: two tensors named \"a\"":                                                     archive("}"+text("a")+two.pickle()+"s"+text("a")+two.pickle()+"s.", map[string]string{"0": eight}),
	"version: found 1000, 1001 expected":                                                 legacyMagic + "\x80\x02M\xe8\x03.",
	"system: found a dictionary of 0, a dictionary whose little_endian is True expected": legacyMagic + "\x80\x02M\xe9\x03.}.",
	"storages: found \"1\", the key of a storage that is listed once expected":           stream(dictionary(two), "]"+text("1")+"a.", ""),
	"storages: found None, a list expected":                                              stream(dictionary(two), "N.", ""),
	"tensor \"a\": storage \"0\" does not follow":                                        stream(dictionary(two), "].", ""),
	"storage \"0\": 3 elements, but the state says 2":                                    stream(dictionary(two), "]"+text("0")+"a.", "\x03\x00\x00\x00\x00\x00\x00\x00"),
	"storage \"0\": the file ends here":                                                  stream(dictionary(two), "]"+text("0")+"a.", "\x02"),
	"storage \"0\": 2 elements of FloatStorage take 8 bytes, but 7 follow":               stream(dictionary(two), "]"+text("0")+"a.", "\x02\x00\x00\x00\x00\x00\x00\x00"+eight[:7]),
}

// tensors are what no tensor may be, with the errors behind the place.
var tensors = map[string][]element{
	"found a storage of class torch.IntStorage, which is not supported: FloatStorage, DoubleStorage, HalfStorage, BFloat16Storage, LongStorage, ByteStorage, BoolStorage expected": {changed(func(e *element) { e.class = "IntStorage" })},
	`found a storage of class "torch FloatStorage", key "0" and -1 elements`:                                                                                                       {changed(func(e *element) { e.n = -1 })},
	`found storage "0" of 4611686018427387904 elements, which a file of SIZE bytes has not`:                                                                                        {changed(func(e *element) { e.n = 1 << 62 })},
	"found storages of 816 bytes, which a file of SIZE bytes has not":                                                                                                              {changed(func(e *element) { e.n = 100 }), changed(func(e *element) { e.n, e.key = 104, "1" })},
	`found storage "0" as 3 elements of FloatStorage, and before as 2 of FloatStorage`:                                                                                             {two, changed(func(e *element) { e.n = 3 })},
	`found storage "0" as 2 elements of LongStorage, and before as 2 of FloatStorage`:                                                                                              {two, changed(func(e *element) { e.class = "LongStorage" })},
	"found a storage that is part of another, as PyTorch before 0.4 wrote: load it there and save it again":                                                                        {changed(func(e *element) { e.legacy = "K\x01" })},
	"found a tensor of None at 0 with shape a tuple of 1 and strides a tuple of 1":                                                                                                 {changed(func(e *element) { e.changed = "N" })},
	"found a tensor of a storage at 3 with shape a tuple of 1 and strides a tuple of 1":                                                                                            {changed(func(e *element) { e.offset = 3 })},
	"found a tensor of a storage at -1 with shape a tuple of 1 and strides a tuple of 1":                                                                                           {changed(func(e *element) { e.offset = -1 })},
	"found a tensor of a storage at 0 with shape a tuple of 2 and strides a tuple of 1":                                                                                            {changed(func(e *element) { e.shape = []int64{1, 2} })},
	"found a tensor of a storage at 0 with shape a tuple of 1 and strides a tuple of 1":                                                                                            {changed(func(e *element) { e.strides = []int64{-1} })},
	"found a tensor of 9 dimensions, at most 8 expected":                                                                                                                           {changed(func(e *element) { e.shape, e.strides = make([]int64, 9), make([]int64, 9) })},
	"found a tensor of shape [2] with strides [1] at 1 beyond a storage of 2 elements":                                                                                             {changed(func(e *element) { e.offset = 1 })},
	"found a tensor of shape [3] with strides [1] at 0 beyond a storage of 2 elements":                                                                                             {changed(func(e *element) { e.shape = []int64{3} })},
	"found a tensor of shape [2] with strides [9223372036854775807] beyond a storage of 2 elements":                                                                                {changed(func(e *element) { e.strides = []int64{math.MaxInt64} })},
	"found a tensor of shape [4294967296 4294967296], which does not fit in memory":                                                                                                {changed(func(e *element) { e.shape, e.strides = []int64{1 << 32, 1 << 32}, []int64{0, 0} })},
	"found a tensor of shape [0 4294967296 4294967296], which does not fit in memory":                                                                                              {changed(func(e *element) { e.shape, e.strides = []int64{0, 1 << 32, 1 << 32}, []int64{0, 0, 0} })},
}

func TestHostile(t *testing.T) {
	for want, content := range hostile {
		wantError(t, content, want, true)
	}
	for want, elements := range tensors {
		content := archive(dictionary(elements...), map[string]string{"0": eight})
		wantError(t, content, strings.Replace(want, "SIZE", fmt.Sprint(len(content)), 1), false)
	}
	// Strides of 0 make much of little.
	many := changed(func(e *element) { e.shape, e.strides = []int64{1 << 40}, []int64{0} })
	wantError(t, archive(dictionary(many), map[string]string{"0": eight}), `tensor "a": tensors out of order have 1099511627776 elements, made of 2`, true)
}

// wantError reads content. An error that is not whole begins with a place.
func wantError(t *testing.T, content, want string, whole bool) {
	t.Helper()
	_, err := Read(strings.NewReader(content), int64(len(content)))
	if _, ok := errors.AsType[*fault.FormatError](err); !ok || !whole && !strings.HasSuffix(err.Error(), ": "+want) || whole && err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestCut cuts files everywhere.
func TestCut(t *testing.T) {
	for _, content := range good[:2] {
		for n := range len(content) {
			_, err := Read(strings.NewReader(content[:n]), int64(n))
			if _, ok := errors.AsType[*fault.FormatError](err); !ok {
				t.Fatalf("cut to %d bytes: %v", n, err)
			}
		}
	}
}

func TestFilesRefused(t *testing.T) {
	for path, want := range map[string]string{
		"testdata/net.pth": `testdata/net.pth: data.pkl byte 2: found the global "torch.nn.modules.container.Sequential": `,
		"testdata/int.pth": `testdata/int.pth: data.pkl byte 112: found a storage of class torch.IntStorage, which is not supported: `,
	} {
		if _, err := ReadFile(path); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	if _, err := ReadFile("testdata/none.pth"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// TestMemory holds that reading takes little more than the file.
func TestMemory(t *testing.T) {
	const n = 1 << 20
	data := string(make([]byte, 4*n))
	large := changed(func(e *element) { e.n, e.shape = n, []int64{n} })
	for name, content := range map[string]string{
		"archive": archive(dictionary(large), map[string]string{"0": data}),
		"stream":  stream(dictionary(large), "]"+text("0")+"a.", "\x00\x00\x10\x00\x00\x00\x00\x00"+data),
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := ReadFile(path); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if taken := after.TotalAlloc - before.TotalAlloc; taken > uint64(len(content))*11/10 {
			t.Errorf("%s: %d bytes taken for %d", name, taken, len(content))
		}
	}
}

func FuzzRead(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.pth")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	for _, content := range slices.Concat(good, slices.Collect(maps.Values(hostile))) {
		if len(content) < 1<<12 {
			f.Add([]byte(content))
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > 1<<16 {
			return
		}
		got, err := Read(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return
		}
		elements := 0
		for _, v := range got {
			elements += v.Numel()
		}
		// Each may be all of the file, or of what was copied once.
		if most := len(got) * (2*len(content) + 1024); elements > most {
			t.Fatalf("%d elements of %d bytes", elements, len(content))
		}
	})
}
