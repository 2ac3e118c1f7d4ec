package tensorboard

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io/fs"
	"math"
	"math/bits"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// open returns a writer in a new folder, whose clock stands still, and its file's path.
func open(t *testing.T) (*Writer, string) {
	t.Helper()
	w, err := Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	w.now = func() time.Time { return time.UnixMilli(1700000000250) }
	return w, w.f.Name()
}

// records returns the data of every record of a file, whose checksums must be right.
func records(t *testing.T, file []byte) (data [][]byte) {
	t.Helper()
	for len(file) > 0 {
		n := binary.LittleEndian.Uint64(file)
		whole := record(file[12 : 12+n])
		if !bytes.HasPrefix(file, whole) {
			t.Fatalf("record %d: its length or a checksum is wrong: % x", len(data), file[:16+n])
		}
		data, file = append(data, file[12:12+n]), file[16+n:]
	}
	return data
}

// TestAsSummaryWriter holds every byte to what PyTorch's SummaryWriter writes, but for the
// first event: there it names itself besides, and repeats the version for the purge.
func TestAsSummaryWriter(t *testing.T) {
	want, err := os.ReadFile(filepath.Join("testdata", "summarywriter.tfevents"))
	if err != nil {
		t.Fatal(err)
	}
	w, path := open(t)
	picture := make([]byte, 256)
	for i := range picture {
		picture[i] = byte(i)
	}
	for _, err := range []error{
		w.Purge(3),
		w.AddScalar("loss/train", 0.7851, 1),
		w.AddScalar("loss/train", -1.5, 300),
		w.AddScalar("learning rate", 0, 0),
		w.AddScalar("größe", math.Inf(1), 1<<40),
		w.encodedImage("confusion", picture, image.Pt(200, 28), 5),
		w.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	gotRecords, wantRecords := records(t, got), records(t, want)
	if len(gotRecords) != 7 || len(wantRecords) != 8 {
		t.Fatalf("%d records and %d in the reference, 7 and 8 expected", len(gotRecords), len(wantRecords))
	}
	const timed = 9 // bytes of the time, which was not yet standing still
	if version := gotRecords[0][timed:]; !bytes.HasPrefix(wantRecords[0][timed:], version) || !bytes.HasSuffix(version, []byte("brain.Event:2")) {
		t.Errorf("first event: got % x, want the beginning of % x", gotRecords[0], wantRecords[0])
	}
	for i, r := range gotRecords[1:] {
		if !bytes.Equal(r, wantRecords[2+i]) {
			t.Errorf("event %d: got\n% x, want\n% x", 1+i, r, wantRecords[2+i])
		}
	}
}

// TestMaskedCRC takes CRC-32C from RFC 3720, section B.4, and the mask from TensorFlow's
// definition: rotated right by 15 bits, plus 0xa282ead8.
func TestMaskedCRC(t *testing.T) {
	run := func(from, step int) []byte {
		b := make([]byte, 32)
		for i := range b {
			b[i] = byte(from + i*step)
		}
		return b
	}
	command := make([]byte, 48) // an iSCSI read
	copy(command, []byte{0x01, 0xc0})
	copy(command[16:], []byte{0x14, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18, 0x28})
	command[40] = 2
	for _, c := range []struct {
		data []byte
		crc  uint32
	}{
		{run(0, 0), 0x8a9136aa}, {run(0xff, 0), 0x62a8ab43}, {run(0, 1), 0x46dd794e}, {run(31, -1), 0x113fdb5c},
		{command, 0xd9963a56}, {nil, 0},
	} {
		if got, want := maskedCRC(c.data), bits.RotateLeft32(c.crc, -15)+0xa282ead8; got != want {
			t.Errorf("% x: got %08x, want %08x", c.data, got, want)
		}
	}
}

func TestImage(t *testing.T) {
	w, path := open(t)
	picture := image.NewGray(image.Rect(0, 0, 3, 2))
	picture.Pix[4] = 200
	if err := w.AddImage("grid", picture, 1); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data := records(t, file)[1]
	at := bytes.Index(data, []byte("\x89PNG"))
	if at < 0 {
		t.Fatalf("no PNG in % x", data)
	}
	back, err := png.Decode(bytes.NewReader(data[at:]))
	if err != nil || back.Bounds() != picture.Bounds() || back.At(1, 1) != picture.At(1, 1) {
		t.Errorf("read back: %v (%v)", back, err)
	}
	if size := []byte{imageHeight << 3, 2, imageWidth << 3, 3, imageColorspace << 3, rgb}; !bytes.Contains(data[:at], size) {
		t.Errorf("% x is missing in % x", size, data[:at])
	}
	err = w.AddImage("grid", image.NewGray(image.Rectangle{}), 1)
	if want := path + `: picture "grid": png: invalid format: invalid image size: 0x0`; err == nil || err.Error() != want {
		t.Errorf("a picture without pixels: error %v, want %s", err, want)
	}
}

// TestFlush checks that what was flushed is in the file, and nothing twice.
func TestFlush(t *testing.T) {
	w, path := open(t)
	for epoch := 1; epoch <= 3; epoch++ {
		w.AddScalar("loss", 1, epoch)
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(records(t, file)); n != 1+epoch {
			t.Errorf("%d records after epoch %d, %d expected", n, epoch, 1+epoch)
		}
	}
}

func TestNames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run", "tensorboard")
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(fmt.Sprintf(`^events\.out\.tfevents\.\d{10,}\.%s\.%d\.\d+$`, regexp.QuoteMeta(host), os.Getpid()))
	names := map[string]bool{}
	for range 3 {
		w, err := Create(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		name := filepath.Base(w.f.Name())
		if names[name] || !form.MatchString(name) {
			t.Errorf("name %s, a new one like %s expected", name, form)
		}
		names[name] = true
	}
}

func TestErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file for a folder: error %v", err)
	}
	// A write that fails is told by whatever comes after it.
	w, path := open(t)
	w.f.Close()
	for name, f := range map[string]func() error{
		"Flush":     w.Flush,
		"AddScalar": func() error { return w.AddScalar("loss", 1, 1) },
		"Close":     w.Close,
	} {
		w.Flush()
		if err := f(); !errors.Is(err, fs.ErrClosed) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one that names %s", name, err, path)
		}
	}
}
