package safetensors

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/onehot-go/onehot/tensor"
)

// halves are both types with what they are by IEEE 754's definition.
var halves = []struct {
	half               Half
	exponent, fraction int // bits
}{{F16, 5, 10}, {BF16, 8, 7}}

// TestHalvesAllValues reads all values of 16 bits and holds them to the formula, computed in
// float64, and to the same bits when they are written again.
func TestHalvesAllValues(t *testing.T) {
	for _, test := range halves {
		var data []byte
		for i := range 1 << 16 {
			data = binary.LittleEndian.AppendUint16(data, uint16(i))
		}
		content := file(fmt.Sprintf(`{"a":{"dtype":"%s","shape":[65536],"data_offsets":[0,131072]}}`, test.half), string(data))
		f, err := read(content)
		if err != nil {
			t.Fatal(err)
		}
		a, _ := f.Lookup("a")
		for i, got := range tensor.Data[float32](a) {
			exponent := i >> test.fraction & (1<<test.exponent - 1)
			fraction := float64(i&(1<<test.fraction-1)) / float64(int(1)<<test.fraction)
			bias := 1<<(test.exponent-1) - 1
			want := math.Ldexp(1+fraction, exponent-bias)
			switch {
			case exponent == 0:
				want = math.Ldexp(fraction, 1-bias)
			case exponent == 1<<test.exponent-1 && fraction == 0:
				want = math.Inf(1)
			case exponent == 1<<test.exponent-1:
				want = math.NaN()
			}
			if i>>15 == 1 {
				want = math.Copysign(want, -1)
			}
			if math.IsNaN(want) != (got != got) || want == want && (float64(got) != want || math.Signbit(float64(got)) != (i>>15 == 1)) {
				t.Fatalf("%s %#04x: got %v, want %v", test.half, i, got, want)
			}
		}
		if again := encode(t, f); !bytes.HasSuffix(again, data) {
			t.Errorf("%s: written again, the bits differ", test.half)
		}
	}
}

// TestHalvesRounding goes through all neighbours and what lies between them: a number
// becomes the nearer one, and that in the middle the even one.
func TestHalvesRounding(t *testing.T) {
	for _, test := range halves {
		for i := range test.half.infinity() - 1 {
			low, high := test.half.Float32(i), test.half.Float32(i+1)
			middle := low + (high-low)/2
			for _, c := range []struct {
				x    float32
				want uint16
			}{
				{low, i},
				{math.Nextafter32(middle, low), i},
				{middle, i + i&1},
				{math.Nextafter32(middle, high), i + 1},
				{high, i + 1},
			} {
				if got, ok := test.half.bits(c.x); got != c.want || !ok {
					t.Fatalf("%s of %v: got %#04x, %v, want %#04x", test.half, c.x, got, ok, c.want)
				}
				if got, ok := test.half.bits(-c.x); got != c.want|1<<15 || !ok {
					t.Fatalf("%s of %v: got %#04x, %v, want %#04x", test.half, -c.x, got, ok, c.want|1<<15)
				}
			}
		}
	}
}

func TestHalvesEnds(t *testing.T) {
	for _, test := range []struct {
		half Half
		x    uint32 // bits of a float32
		want uint16
		ok   bool
	}{
		{F16, 0x7f800000, 0x7c00, true},                     // infinity
		{F16, 0xff800000, 0xfc00, true},                     // its negative
		{F16, math.Float32bits(65519.996), 0x7bff, true},    // rounds to 65504
		{F16, math.Float32bits(65520), 0, false},            // rounds to infinity
		{F16, math.Float32bits(math.MaxFloat32), 0, false},  // far beyond
		{F16, 0x7f800001, 0x7e00, true},                     // a NaN whose bits do not fit stays one
		{F16, 0xffc00000, 0xfe00, true},                     // the NaN of a processor, with its sign
		{F16, math.Float32bits(0x1p-25), 0, true},           // the middle between 0 and the smallest
		{F16, math.Float32bits(0x1.000002p-25), 1, true},    // above it
		{F16, 1, 0, true},                                   // the smallest float32
		{BF16, 0x7f800000, 0x7f80, true},                    // as above
		{BF16, 0xff800000, 0xff80, true},                    //
		{BF16, 0x7f7f7fff, 0x7f7f, true},                    // rounds down
		{BF16, 0x7f7f8000, 0, false},                        // rounds to infinity
		{BF16, 0x7f800001, 0x7fc0, true},                    // a NaN whose bits do not fit
		{BF16, 0xffc00000, 0xffc0, true},                    //
		{BF16, 0x00008000, 0, true},                         // the middle between 0 and the smallest
		{BF16, 0x00008001, 1, true},                         //
		{BF16, math.Float32bits(math.MaxFloat32), 0, false}, //
	} {
		if got, ok := test.half.bits(math.Float32frombits(test.x)); ok != test.ok || got != test.want {
			t.Errorf("%s of %#08x: got %#04x, %v, want %#04x, %v", test.half, test.x, got, ok, test.want, test.ok)
		}
	}
}

// TestHalvesReference compares with PyTorch: how it rounds the numbers of a file, and what
// it makes of them again.
func TestHalvesReference(t *testing.T) {
	const reference = "testdata/half.safetensors"
	f, err := ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	values, _ := f.Lookup("values")
	for _, half := range []Half{F16, BF16} {
		var stored []byte
		for _, x := range f.Tensors {
			if x.Half == half {
				stored = encode(t, &File{Tensors: []Tensor{{Name: "a", Value: x.Value, Half: half}}})
				exact, _ := f.Lookup(x.Name + ".exact")
				wantTensor(t, &File{Tensors: []Tensor{x}}, x.Name, tensor.Data[float32](exact), exact.Shape()...)
			}
		}
		if stored == nil {
			t.Fatalf("the file has no %s", half)
		}
		if got := encode(t, &File{Tensors: []Tensor{{Name: "a", Value: values, Half: half}}}); !bytes.Equal(got, stored) {
			t.Errorf("%s: PyTorch rounds otherwise", half)
		}
	}
	want, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(encode(t, f), want) {
		t.Error("written again, the file differs")
	}
}
