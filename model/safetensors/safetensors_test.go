package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/memory"
	"github.com/onehot-go/onehot/tensor"
)

const golden = "testdata/golden.safetensors"

// encode returns what Write writes.
func encode(t *testing.T, f *File) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// file joins a header and data to a file.
func file(header, data string) string {
	return string(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))) + header + data
}

func read(content string) (*File, error) {
	return Read(strings.NewReader(content), int64(len(content)))
}

func names(f *File) []string {
	var out []string
	for _, t := range f.Tensors {
		out = append(out, t.Name)
	}
	return out
}

// wantTensor fails the test unless f has a tensor of that name, shape and content.
func wantTensor[T tensor.Element](t *testing.T, f *File, name string, want []T, shape ...int) {
	t.Helper()
	got, ok := f.Lookup(name)
	if !ok {
		t.Errorf("no tensor %q", name)
		return
	}
	if !slices.Equal(got.Shape(), shape) || !slices.Equal(tensor.Data[T](got), want) {
		t.Errorf("%s: %v of shape %v, want %v of shape %v", name, tensor.Data[T](got), got.Shape(), want, shape)
	}
}

func TestGolden(t *testing.T) {
	f, err := ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	wantTensor(t, f, "steps", []int64{-9007199254740993})
	wantTensor(t, f, "mean", []float64{0.1, -1e300, math.Inf(1)}, 3)
	wantTensor(t, f, "bias", []float32{}, 0, 4)
	wantTensor(t, f, "weight", []float32{0, 0.5, -1, 1.5, 2, -2.5}, 2, 3)
	wantTensor(t, f, "image", []uint8{0, 127, 128, 255}, 1, 2, 2)
	wantTensor(t, f, "mask", []bool{true, false, true}, 3)
	if want := []string{"steps", "mean", "bias", "weight", "image", "mask"}; !slices.Equal(names(f), want) {
		t.Errorf("tensors %v, want %v", names(f), want)
	}
	if len(f.Metadata) != 2 || f.Metadata["architecture"] != "<784 & 10>" || f.Metadata["klasse"] != "Schlüssel" {
		t.Errorf("metadata %q", f.Metadata)
	}
	if _, ok := f.Lookup("none"); ok {
		t.Error("Lookup found a tensor that is not there")
	}

	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(f.Tensors) // their order is no part of the content
	if got := encode(t, f); !bytes.Equal(got, want) {
		t.Errorf("written again:\n%q\nwant\n%q", got, want)
	}
}

func TestRoundTrip(t *testing.T) {
	const many = 3*bufferSize/8 + 5 // several buffers and a part of one
	long := make([]float64, many)
	for i := range long {
		long[i] = float64(i) / 3
	}
	long[7] = math.NaN()
	f := &File{Tensors: []Tensor{
		{Name: "bool", Value: tensor.New([]bool{true, false}, 2, 1)},
		{Name: "uint8", Value: tensor.New([]uint8{0, 255}, 2)},
		{Name: "int64", Value: tensor.New([]int64{math.MinInt64, math.MaxInt64}, 1, 2)},
		{Name: "float32", Value: tensor.New([]float32{math.MaxFloat32, math.SmallestNonzeroFloat32}, 2)},
		{Name: "float64", Value: tensor.New(long, many)},
		{Name: "scalar", Value: tensor.Scalar(float32(-0.5))},
		{Name: "empty", Value: tensor.Zeros(tensor.Uint8, 3, 0, 2)},
		{Name: "", Value: tensor.Scalar(true)},
		{Name: "\u2028 \"quoted\" \\ \t", Value: tensor.Scalar(uint8(7))},
	}}
	first := encode(t, f)
	got, err := read(string(first))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Tensors) != len(f.Tensors) || got.Metadata != nil {
		t.Fatalf("%d tensors and metadata %v, want %d and none", len(got.Tensors), got.Metadata, len(f.Tensors))
	}
	wantTensor(t, got, "bool", []bool{true, false}, 2, 1)
	wantTensor(t, got, "uint8", []uint8{0, 255}, 2)
	wantTensor(t, got, "int64", []int64{math.MinInt64, math.MaxInt64}, 1, 2)
	wantTensor(t, got, "float32", []float32{math.MaxFloat32, math.SmallestNonzeroFloat32}, 2)
	wantTensor(t, got, "scalar", []float32{-0.5})
	wantTensor(t, got, "empty", []uint8{}, 3, 0, 2)
	wantTensor(t, got, "", []bool{true})
	wantTensor(t, got, "\u2028 \"quoted\" \\ \t", []uint8{7})
	value, _ := got.Lookup("float64")
	for i, v := range tensor.Data[float64](value) {
		if math.Float64bits(v) != math.Float64bits(long[i]) {
			t.Fatalf("float64[%d] = %v, want %v", i, v, long[i])
		}
	}
	if !bytes.Equal(encode(t, got), first) {
		t.Error("the same content made other bytes")
	}
}

func TestWriteViews(t *testing.T) {
	w := tensor.New([]float32{1, 2, 3, 4, 5, 6}, 2, 3).SetRequiresGrad(true)
	f := &File{Tensors: []Tensor{
		{Name: "transposed", Value: w.Permute(1, 0)},
		{Name: "column", Value: w.Select(1, 2)},
		{Name: "broadcast", Value: tensor.Scalar(int64(9)).Expand(2, 2)},
	}}
	got, err := read(string(encode(t, f)))
	if err != nil {
		t.Fatal(err)
	}
	wantTensor(t, got, "transposed", []float32{1, 4, 2, 5, 3, 6}, 3, 2)
	wantTensor(t, got, "column", []float32{3, 6}, 2)
	wantTensor(t, got, "broadcast", []int64{9, 9, 9, 9}, 2, 2)
}

// TestWriteBytes has its expectations from the reference implementation's own tests.
func TestWriteBytes(t *testing.T) {
	values := tensor.New([]float32{0, 1, 2, 3, 4, 5}, 1, 1, 2, 3)
	const data = "\x00\x00\x00\x00\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x40\x40\x00\x00\x80\x40\x00\x00\xa0\x40"
	for _, test := range []struct {
		name string
		file File
		want string
	}{
		{"empty", File{}, "\x08\x00\x00\x00\x00\x00\x00\x00{}      "},
		{"metadata only", File{Metadata: map[string]string{"framework": "pt"}},
			"\x28\x00\x00\x00\x00\x00\x00\x00" + `{"__metadata__":{"framework":"pt"}}     `},
		{"aligned", File{Tensors: []Tensor{{Name: "attn.0", Value: values.Reshape(1, 2, 3)}}},
			"\x40\x00\x00\x00\x00\x00\x00\x00" + `{"attn.0":{"dtype":"F32","shape":[1,2,3],"data_offsets":[0,24]}}` + data},
		{"filled up", File{Tensors: []Tensor{{Name: "attn0", Value: values}}},
			"\x48\x00\x00\x00\x00\x00\x00\x00" + `{"attn0":{"dtype":"F32","shape":[1,1,2,3],"data_offsets":[0,24]}}       ` + data},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := encode(t, &test.file); string(got) != test.want {
				t.Errorf("got\n%q\nwant\n%q", got, test.want)
			}
		})
	}
}

func TestReadAccepts(t *testing.T) {
	for name, content := range map[string]string{
		"other order, white space and keys": file("{ \"b\" : {\"data_offsets\":[1, 2], \"shape\":[],\"dtype\":\"U8\", \"note\":[{}, null]},\n"+
			`"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, "\x03\x04"),
		"trailing bytes are not read": file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[],"data_offsets":[1,2]}}`,
			"\x03\x04") + "next",
	} {
		t.Run(name, func(t *testing.T) {
			r := strings.NewReader(content)
			size := int64(len(strings.TrimSuffix(content, "next")))
			f, err := Read(r, size)
			if err != nil {
				t.Fatal(err)
			}
			wantTensor(t, f, "a", []uint8{3}, 1)
			wantTensor(t, f, "b", []uint8{4})
			if got := names(f); !slices.Equal(got, []string{"a", "b"}) {
				t.Errorf("tensors %v, want the order of their data", got)
			}
			if int64(r.Len()) != int64(len(content))-size {
				t.Errorf("%d bytes left", r.Len())
			}
		})
	}
}

// broken maps what is wrong with a file to its content and the error it gives.
var broken = map[string]struct{ content, want string }{
	"empty file":       {"", `header length: a file of 0 bytes, at least 8 expected`},
	"short length":     {"\x02\x00\x00", `header length: a file of 3 bytes, at least 8 expected`},
	"header too large": {"\x01\x00\x00\x02\x00\x00\x00\x00", `header length: 33554433 bytes, at most 33554432 expected: this is no safetensors file`},
	"header length overflows": {"\xff\xff\xff\xff\xff\xff\xff\xff",
		`header length: 18446744073709551615 bytes, at most 33554432 expected: this is no safetensors file`},
	"truncated header": {"\x03\x00\x00\x00\x00\x00\x00\x00{}", `header length: 3 bytes, but only 2 follow`},
	"no header":        {file(``, ``), `header: starts with "", '{' expected`},
	"space in front":   {file(` {}`, ``), `header: starts with " ", '{' expected`},
	"not an object":    {file(`[]`, ``), `header: starts with "[", '{' expected`},
	"not UTF-8":        {file("{\"\xff\":1}", ``), `header: not valid UTF-8`},
	"not JSON":         {file(`{"a":}`, ``), `header: not valid JSON at byte 6: invalid character '}' looking for beginning of value`},
	"JSON ends early":  {file(`{"a":{`, ``), `header: not valid JSON at byte 6: unexpected end of JSON input`},
	"two objects":      {file(`{}{}`, ``), `header: not valid JSON at byte 3: invalid character '{' after top-level value`},
	"metadata no object": {file(`{"__metadata__":"pt"}`, ``),
		`__metadata__: found "pt", an object expected`},
	"metadata null":     {file(`{"__metadata__":null}`, ``), `__metadata__: found null, an object expected`},
	"metadata not text": {file(`{"__metadata__":{"epoch":3}}`, ``), `__metadata__: "epoch": found 3, a string expected`},
	"metadata key twice": {file(`{"__metadata__":{"a":"1","a":"2"}}`, ``),
		`__metadata__: "a" stands here twice`},
	"metadata twice": {file(`{"__metadata__":{},"__metadata__":{}}`, ``), `header: "__metadata__" stands here twice`},
	"name twice": {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\u0061":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, `xx`),
		`header: "a" stands here twice`},
	"entry no object": {file(`{"a":[1]}`, ``), `tensor "a": found an array, an object expected`},
	"key twice": {file(`{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, `x`),
		`tensor "a": "dtype" stands here twice`},
	"no dtype":        {file(`{"a":{"shape":[1],"data_offsets":[0,1]}}`, `x`), `tensor "a": dtype: missing`},
	"no shape":        {file(`{"a":{"dtype":"U8","data_offsets":[0,1]}}`, `x`), `tensor "a": shape: missing`},
	"no offsets":      {file(`{"a":{"dtype":"U8","shape":[1]}}`, `x`), `tensor "a": data_offsets: missing`},
	"dtype no string": {file(`{"a":{"dtype":true,"shape":[1],"data_offsets":[0,1]}}`, `x`), `tensor "a": dtype: found true, a string expected`},
	"dtype unknown": {file(`{"a":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}}`, `xxxx`),
		`tensor "a": dtype: found "f32", which is not supported; BOOL, U8, F16, BF16, F32, F64 or I64 expected`},
	"shape no array": {file(`{"a":{"dtype":"U8","shape":{},"data_offsets":[0,1]}}`, `x`), `tensor "a": shape: found an object, an array expected`},
	"shape null":     {file(`{"a":{"dtype":"U8","shape":null,"data_offsets":[0,1]}}`, `x`), `tensor "a": shape: found null, an array expected`},
	"size null": {file(`{"a":{"dtype":"U8","shape":[null],"data_offsets":[0,1]}}`, `x`),
		fmt.Sprintf(`tensor "a": shape: found null, an integer from 0 to %d expected`, math.MaxInt)},
	"size negative": {file(`{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}`, `x`),
		fmt.Sprintf(`tensor "a": shape: found -1, an integer from 0 to %d expected`, math.MaxInt)},
	"size not whole": {file(`{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}`, `x`),
		fmt.Sprintf(`tensor "a": shape: found 1.0, an integer from 0 to %d expected`, math.MaxInt)},
	"size nested": {file(`{"a":{"dtype":"U8","shape":[[1]],"data_offsets":[0,1]}}`, `x`),
		fmt.Sprintf(`tensor "a": shape: found an array, an integer from 0 to %d expected`, math.MaxInt)},
	"size beyond int": {file(`{"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,1]}}`, `x`),
		fmt.Sprintf(`tensor "a": shape: found 9223372036854775808, an integer from 0 to %d expected`, math.MaxInt)},
	"shape overflows": {file(`{"a":{"dtype":"F32","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,4]}}`, `xxxx`),
		`tensor "a": shape: [2147483647 2147483647 2147483647] has more elements than fit in memory`},
	"empty shape overflows": {file(`{"a":{"dtype":"F32","shape":[0,2147483647,2147483647,2147483647],"data_offsets":[0,0]}}`, ``),
		`tensor "a": shape: [0 2147483647 2147483647 2147483647] has more elements than fit in memory`},
	"three offsets": {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}`, `x`), `tensor "a": data_offsets: more than 2 numbers`},
	"a million dimensions": {file(`{"a":{"dtype":"U8","shape":[1`+strings.Repeat(",1", 1_000_000)+`],"data_offsets":[0,1]}}`, `x`),
		`tensor "a": shape: more than 64 numbers`},
	"many tensors":          {file(`{`+numbered(1<<16, `"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},`)+`"a":{}}`, ``), `header: more than 65536 keys`},
	"many keys of metadata": {file(`{"__metadata__":{`+numbered(1<<16, `"%d":"",`)+`"a":""}}`, ``), `__metadata__: more than 65536 keys`},
	"many keys of a tensor": {file(`{"a":{`+numbered(1<<16, `"%d":0,`)+`"dtype":"U8"}}`, ``), `tensor "a": more than 65536 keys`},
	"a million tensors": {file(`{`+numbered(1_000_000, `"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},`)+`"a":{}}`, ``),
		`header length: 56888898 bytes, at most 33554432 expected: this is no safetensors file`},
	"one offset": {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}`, `x`), `tensor "a": data_offsets: found [0], [begin, end] expected`},
	"offsets in the wrong order": {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}`, `x`),
		`tensor "a": data_offsets: found [1 0], [begin, end] expected`},
	"shape does not fit": {file(`{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,20]}}`, strings.Repeat("x", 20)),
		`tensor "a": data_offsets: 20 bytes, but shape [2 3] of F32 takes 24`},
	"hole in front": {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, `xx`),
		`tensor "a": data_offsets: starts at byte 1 and leaves a hole: 0 expected`},
	"hole": {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}}`, `xxxx`),
		`tensor "b": data_offsets: starts at byte 3 and leaves a hole: 1 expected`},
	"overlap": {file(`{"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, `xxx`),
		`tensor "b": data_offsets: starts at byte 1, inside tensor "a", which ends at 2`},
	"shape does not fit 16 bits": {file(`{"a":{"dtype":"F16","shape":[3],"data_offsets":[0,12]}}`, strings.Repeat("x", 12)),
		`tensor "a": data_offsets: 12 bytes, but shape [3] of F16 takes 6`},
	"shape overflows once read": {file(`{"a":{"dtype":"BF16","shape":[3,1000000000000000000],"data_offsets":[0,6000000000000000000]}}`, `xx`),
		`tensor "a": shape: [3 1000000000000000000] has more elements than fit in memory`},
	"huge and truncated, of 16 bits": {file(`{"a":{"dtype":"BF16","shape":[2000000000],"data_offsets":[0,4000000000]}}`, `xxx`),
		`data: 3 bytes follow the header, but the tensors take 4000000000`},
	"truncated data": {file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, `xxx`),
		`data: 3 bytes follow the header, but the tensors take 4`},
	"huge and truncated": {file(`{"a":{"dtype":"U8","shape":[2000000000],"data_offsets":[0,2000000000]}}`, `xxx`),
		`data: 3 bytes follow the header, but the tensors take 2000000000`},
	"data without a tensor": {file(`{}`, `x`), `data: 1 bytes follow the header, but the tensors take 0`},
	"bool neither 0 nor 1": {file(`{"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}}`, "\x01\x02"),
		`tensor "a": data: found 2 for a BOOL, 0 or 1 expected`},
}

// numbered returns the format filled in with 0 to n-1, all in a row.
func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func TestBroken(t *testing.T) {
	dir := t.TempDir()
	for name, test := range broken {
		t.Run(name, func(t *testing.T) {
			_, err := read(test.content)
			if err == nil || err.Error() != test.want {
				t.Fatalf("error %v, want %s", err, test.want)
			}
			path := filepath.Join(dir, "broken.safetensors")
			if err := os.WriteFile(path, []byte(test.content), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err = ReadFile(path)
			if want := path + ": " + test.want; err == nil || err.Error() != want {
				t.Fatalf("error %v, want %s", err, want)
			}
		})
	}
}

func TestErrorTypes(t *testing.T) {
	_, err := read(file(`{"w":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}`, `xxxx`))
	if got, ok := errors.AsType[*UnsupportedError](err); !ok || *got != (UnsupportedError{Tensor: "w", DType: "F8_E4M3"}) {
		t.Errorf("error %#v", err)
	}
	_, err = read(file(`{}`, `x`))
	if got, ok := errors.AsType[*fault.FormatError](err); !ok || got.Field != "data" {
		t.Errorf("error %#v", err)
	}
	if _, err = ReadFile(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want %v", err, os.ErrNotExist)
	}
}

// failing reads or writes left bytes and then fails.
type failing struct {
	left int
	from io.Reader
}

var errDisk = errors.New("disk on fire")

func (f *failing) Write(p []byte) (int, error) {
	if len(p) > f.left {
		return 0, errDisk
	}
	f.left -= len(p)
	return len(p), nil
}

func (f *failing) Read(p []byte) (int, error) {
	if f.left == 0 {
		return 0, errDisk
	}
	n, err := f.from.Read(p[:min(len(p), f.left)])
	f.left -= n
	return n, err
}

func TestErrorsOfReadersAndWriters(t *testing.T) {
	content, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	f, err := read(string(content))
	if err != nil {
		t.Fatal(err)
	}
	for n := range content {
		if _, err := Read(&failing{n, bytes.NewReader(content)}, int64(len(content))); !errors.Is(err, errDisk) {
			t.Errorf("reading fails at byte %d: error %v", n, err)
		}
		_, err := Read(bytes.NewReader(content[:n]), int64(len(content)))
		if got, ok := errors.AsType[*fault.FormatError](err); !ok || got.Detail != "the file ends here, before the size it was said to have" {
			t.Errorf("reading ends at byte %d: error %v", n, err)
		}
		if err := f.Write(&failing{left: n}); !errors.Is(err, errDisk) {
			t.Errorf("writing fails at byte %d: error %v", n, err)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	v := tensor.Scalar(float32(1))
	for name, test := range map[string]struct {
		file File
		want string
	}{
		"name twice": {File{Tensors: []Tensor{{Name: "a", Value: v}, {Name: "b", Value: v}, {Name: "a", Value: tensor.Scalar(true)}}}, `tensor "a": two tensors have this name`},
		"half of another type": {File{Tensors: []Tensor{{Name: "a", Value: tensor.Scalar(1.0), Half: F16}}},
			`tensor "a": Half is "F16" for elements of type float64: F16 or BF16 for float32 expected`},
		"half unknown": {File{Tensors: []Tensor{{Name: "a", Value: v, Half: "F8"}}},
			`tensor "a": Half is "F8" for elements of type float32: F16 or BF16 for float32 expected`},
		"too great for F16": {File{Tensors: []Tensor{{Name: "a", Value: tensor.Scalar(float32(65520)), Half: F16}}},
			`tensor "a": 65520 is no finite F16, at most 65504 expected`},
		"too great for BF16": {File{Tensors: []Tensor{{Name: "a", Value: tensor.Scalar(float32(-math.MaxFloat32)), Half: BF16}}},
			`tensor "a": -3.4028235e+38 is no finite BF16, at most 3.3895314e+38 expected`},
		"reserved name":    {File{Tensors: []Tensor{{Name: "__metadata__", Value: v}}}, `tensor "__metadata__": the name is reserved`},
		"name":             {File{Tensors: []Tensor{{Name: "a\xff", Value: v}}}, `tensor "a\xff": the name is not valid UTF-8`},
		"too many tensors": {File{Tensors: slices.Repeat([]Tensor{{Name: "a", Value: v}}, 1<<16)}, "header: 65536 tensors and 0 keys of metadata, less than 65536 of each expected"},
		"too many dimensions": {File{Tensors: []Tensor{{Name: "a", Value: tensor.Zeros(tensor.Bool, slices.Repeat([]int{1}, 65)...)}}},
			`tensor "a": 65 dimensions, at most 64 expected`},
		"metadata": {File{Metadata: map[string]string{"a": "\xff"}}, `__metadata__: "a": not valid UTF-8`},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.file.Write(io.Discard)
			if _, ok := errors.AsType[*fault.FormatError](err); !ok || err.Error() != test.want {
				t.Errorf("error %v, want %s", err, test.want)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	for _, path := range []string{golden, "testdata/half.safetensors"} {
		content, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	for _, test := range broken {
		f.Add([]byte(test.content))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > 1<<16 {
			return
		}
		got, err := read(string(content))
		if err != nil {
			return
		}
		first := encode(t, got)
		again, err := read(string(first))
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if !bytes.Equal(encode(t, again), first) {
			t.Fatal("the same content made other bytes")
		}
	})
}

// TestReadBounds checks that a header of as much as it may have is read, and refused, in far
// less memory than a machine has.
func TestReadBounds(t *testing.T) {
	content := file(`{`+numbered(1<<16-1, `"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},`)+`"__metadata__":{}}`, ``)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f, err := read(content)
	runtime.ReadMemStats(&after)
	if err != nil || len(f.Tensors) != 1<<16-1 {
		t.Fatal(err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 256<<20 {
		t.Errorf("%d bytes taken in all", n)
	}
	if got := encode(t, f); len(got) == 0 {
		t.Error("not written")
	}
}

// TestReadLimit checks that what a sparse file declares is held to the limit before memory is
// taken for it.
func TestReadLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sparse.safetensors")
	const size = 60 << 30
	if err := os.WriteFile(path, []byte(file(fmt.Sprintf(`{"a":{"dtype":"BF16","shape":[%d],"data_offsets":[0,%d]}}`, size/2, size), "")), 0o666); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()+size); err != nil {
		t.Skip(err) // a disk that has no sparse files
	}
	memory.SetLimit(8<<30, "--memory")
	defer memory.SetLimit(1<<62, "")
	want := path + ": its tensors would take 120.0 GiB of memory, at most 8.0 GiB expected (--memory)"
	if _, err := ReadFile(path); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := ReadFile(filepath.Dir(path)); err == nil || err.Error() != filepath.Dir(path)+": a regular file expected" {
		t.Errorf("a folder: %v", err)
	}
}
