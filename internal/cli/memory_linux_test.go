package cli

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// space is the address space, in KiB, that hostile files are read in: a Go program has about
// half of it from the start.
const space = 3 << 20

// within runs the program in a process of its own that may have so many KiB of address space,
// 0 for any. It returns standard error, and the most bytes of memory that the process had.
func within(t *testing.T, space int, args ...string) (stderr string, peak int, code int) {
	t.Helper()
	limit := "true"
	if space > 0 {
		limit = fmt.Sprintf("ulimit -v %d", space)
	}
	c := exec.Command("/bin/sh", append([]string{"-c", limit + ` && exec "$0" "$@"`, os.Args[0]}, args...)...)
	c.Env = append(os.Environ(), fmt.Sprintf("%s=%d", killAt, noKill))
	var out bytes.Buffer
	c.Stderr = &out
	if err := c.Run(); err != nil && c.ProcessState == nil {
		t.Fatal(err)
	}
	stderr, said, _ := strings.Cut(out.String(), "peak:")
	if _, err := fmt.Sscan(said, &peak); err != nil {
		t.Fatalf("%v: %.2000s", err, out.String())
	}
	return stderr, peak << 10, c.ProcessState.ExitCode()
}

// TestMemoryIsKept trains with as much memory as a step is said to take: the process never has
// more.
func TestMemoryIsKept(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	for _, options := range [][]string{
		{"--model", "cnn", "--batch-size", "500", "--optimizer", "adam", "--ema", "0.9"},
		{"--model", "resnet", "--batch-size", "500", "--tta"},
		{"--model", "lenet", "--batch-size", "500", "--mixup", "0.2", "--augment", "erase"},
		{"--model", "mlp", "--batch-size", "500", "--hidden", "2048,2048", "--momentum", "0.9"},
	} {
		args := tiny(data, filepath.Join(dir, options[1]), append(options, "--epochs", "1", "-q")...)
		n := needs(t, args...)
		stderr, peak, code := within(t, 0, append(args, "--memory", fmt.Sprintf("%dB", n))...)
		if code != 0 || peak > n {
			t.Errorf("%v: exit code %d, %q; %d bytes taken, %d said", options, code, stderr, peak, n)
		}
		t.Logf("%v: %d MiB taken, %d MiB said", options, peak>>20, n>>20)
	}
}

// TestHostileMemory has files that declare more than there is. Each is an error in one line, in
// a process that could not have taken what they declare.
func TestHostileMemory(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	wide(t, path("wide.safetensors"), 171_196)

	sparse := readFile(t, dir, "wide.safetensors")[:8]
	header := []byte(`{"a":{"dtype":"U8","shape":[60000000000],"data_offsets":[0,60000000000]}}`)
	binary.LittleEndian.PutUint64(sparse, uint64(len(header)))
	writeFile(t, path("sparse.safetensors"), append(sparse, header...))
	if err := os.Truncate(path("sparse.safetensors"), int64(8+len(header)+60_000_000_000)); err != nil {
		t.Skip(err)
	}

	bomb := func(name string, dims ...uint32) {
		header, n := []byte{0, 0, 8, byte(len(dims))}, 1
		for _, d := range dims {
			header, n = binary.BigEndian.AppendUint32(header, d), n*int(d)
		}
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
		z.Write(header)
		for block := make([]byte, 1<<20); n > 0; n -= len(block) {
			z.Write(block[:min(n, len(block))])
		}
		z.Close()
		writeFile(t, path(name), b.Bytes())
	}
	if err := os.Mkdir(path("few"), 0o777); err != nil {
		t.Fatal(err)
	}
	bomb("train-images-idx3-ubyte.gz", 1<<20, 28, 28) // 784 MiB
	bomb("train-labels-idx1-ubyte.gz", 1<<20)
	bomb("few/train-images-idx3-ubyte.gz", 1<<20, 28, 28)
	bomb("few/train-labels-idx1-ubyte.gz", 7)

	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"eval", path("wide.safetensors"), "--data-dir", data, "--memory", "500MB"}, path("wide.safetensors") + ": a sample would take "},
		{[]string{"predict", path("wide.safetensors"), path("none.png"), "--memory", "500MB"}, path("wide.safetensors") + ": a sample would take "},
		{[]string{"eval", path("sparse.safetensors")}, path("sparse.safetensors") + ": its tensors would take 55.9 GiB of memory, at most "},
		{[]string{"predict", path("sparse.safetensors"), path("none.png")}, path("sparse.safetensors") + ": its tensors would take 55.9 GiB of memory, at most "},
		{[]string{"train", "mnist", "--data-dir", dir, "--memory", "500MB", "--out", path("run")}, path("train-images-idx3-ubyte.gz") + ": its 822083584 elements would take 784.0 MiB of memory, at most 476.8 MiB expected"},
		{[]string{"train", "mnist", "--data-dir", path("few"), "--out", path("run")}, path("few/train-labels-idx1-ubyte.gz") + ": number of labels: found 7, expected 1048576, "},
	} {
		stderr, peak, code := within(t, space, c.args...)
		if code != 1 || !strings.HasPrefix(stderr, "onehot: "+c.want) || strings.Count(stderr, "\n") != 1 || peak > 200<<20 {
			t.Errorf("%v: exit code %d, %d MiB, %.300s", c.args, code, peak>>20, stderr)
		}
	}
}

// TestMeasuringFits measures a net of which a thousand samples would take far more than there
// is: it is done in smaller batches.
func TestMeasuringFits(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	path := filepath.Join(dir, "wide.safetensors")
	wide(t, path, 8_000)
	stderr, peak, code := within(t, space, "eval", path, "--data-dir", data, "--memory", "300MB")
	if code != 0 || peak > 300e6 {
		t.Errorf("exit code %d, %d MiB, %.300s", code, peak>>20, stderr)
	}
	t.Logf("%d MiB", peak>>20)
}
