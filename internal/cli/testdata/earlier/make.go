// Command make writes earlier.tar.gz and expected.json into the working folder: models and
// runs as a program wrote them, and the figures that this program gave for them. It is
// called with the program's path:
//
//	go run make.go ONEHOT
package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
)

// models are trained, and their files alone are kept.
var models = []struct {
	name    string
	options []string
}{
	{"lenet", []string{"--model", "lenet", "--optimizer", "adam", "--lr", "0.005", "--batch-size", "16"}},
	{"cnn", []string{"--model", "cnn", "--optimizer", "adam", "--batch-size", "16"}},
	{"resnet", []string{"--model", "resnet", "--optimizer", "adam", "--batch-size", "16"}},
}

// runs are kept with all that resuming needs: those that may be prolonged once they have
// ended, and one whose schedule was planned to the end as it was interrupted.
var runs = []struct {
	name      string
	options   []string
	interrupt bool
	prolong   []string // what resuming adds to the command
}{
	{"softmax", []string{"--momentum", "0.9", "--lr", "0.01", "--batch-size", "16"}, false, []string{"--epochs", "6"}},
	{"mlp", []string{"--model", "mlp", "--hidden", "8", "--dropout", "0.2", "--optimizer", "adamw", "--lr", "0.05",
		"--schedule", "one-cycle", "--ema", "0.9", "--augment", "crop:1", "--mixup", "0.2", "--batch-size", "16", "--epochs", "30"}, true, nil},
	{"lbfgs", []string{"--optimizer", "lbfgs", "--l2", "0.01", "--epochs", "2"}, false, []string{"--epochs", "4"}},
}

// expected is the content of expected.json.
type expected struct {
	Models []evaluated `json:"models"`
	Runs   []resumed   `json:"runs"`
}

// evaluated is what "eval --json" says of a model.
type evaluated struct {
	Path     string  `json:"path"`
	Accuracy float64 `json:"accuracy"`
	Loss     float64 `json:"loss"`
}

// resumed is the last epoch that "train --resume --json" prints.
type resumed struct {
	Path      string   `json:"path"`
	Prolong   []string `json:"prolong"`
	Event     string   `json:"event"`
	Epoch     int      `json:"epoch"`
	TrainLoss float64  `json:"train_loss"`
	TestLoss  float64  `json:"test_loss"`
	TestAcc   float64  `json:"test_acc"`
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: go run make.go ONEHOT")
	}
	program, err := filepath.Abs(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "earlier")
	if err != nil {
		log.Fatal(err)
	}
	err = write(program, dir)
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}

// write makes the files in dir, with the data in its folder "data".
func write(program, dir string) error {
	if err := writeData(filepath.Join(dir, "data")); err != nil {
		return err
	}
	onehot := func(args ...string) *exec.Cmd {
		c := exec.Command(program, append(args, "--data-dir", "data")...)
		c.Dir, c.Stderr = dir, os.Stderr
		return c
	}
	train := func(name string, options []string) *exec.Cmd {
		return onehot(append([]string{"train", "mnist", "--quiet", "--out", name}, options...)...)
	}

	var want expected
	for _, m := range models {
		if err := train(m.name, m.options).Run(); err != nil {
			return err
		}
		path := m.name + ".safetensors"
		if err := os.Rename(filepath.Join(dir, m.name, "model.safetensors"), filepath.Join(dir, path)); err != nil {
			return err
		}
		if err := os.RemoveAll(filepath.Join(dir, m.name)); err != nil {
			return err
		}
		want.Models = append(want.Models, evaluated{Path: path})
	}
	for _, r := range runs {
		c := train(r.name, r.options)
		run := c.Run
		if r.interrupt {
			run = func() error { return interrupted(c) }
		}
		if err := run(); err != nil {
			return err
		}
		if err := os.Remove(filepath.Join(dir, r.name, "report.html")); err != nil { // large, and nothing reads it
			return err
		}
		want.Models = append(want.Models, evaluated{Path: r.name})
	}
	if err := pack("earlier.tar.gz", dir); err != nil {
		return err
	}

	for i := range want.Models {
		out, err := onehot("eval", "--json", want.Models[i].Path).Output()
		if err != nil {
			return err
		}
		if err := json.Unmarshal(out, &want.Models[i]); err != nil {
			return err
		}
	}
	for _, r := range runs {
		out, err := onehot(append([]string{"train", "--resume", "--json", "--quiet", "--out", r.name}, r.prolong...)...).Output()
		if err != nil {
			return err
		}
		last := resumed{Path: r.name, Prolong: r.prolong}
		for line := range bytes.Lines(out) {
			e := last
			if err := json.Unmarshal(line, &e); err != nil {
				return err
			}
			if e.Event == "epoch" {
				last = e
			}
		}
		want.Runs = append(want.Runs, last)
	}
	text, err := json.MarshalIndent(want, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile("expected.json", append(text, '\n'), 0o666)
}

// interrupted runs a training and interrupts it when it has printed its first epoch.
func interrupted(c *exec.Cmd) error {
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	r := bufio.NewReader(out)
	if _, err := r.ReadString('\n'); err != nil {
		return err
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	if err := c.Wait(); c.ProcessState.ExitCode() != 130 {
		return fmt.Errorf("exit code 130 expected after an interrupt: %v", err)
	}
	return nil
}

// writeData writes a small data set in MNIST's files: ten blocks in the middle
// of a picture have noise, and block c of class c is light. All else is black, so that
// files of runs compress well.
func writeData(dir string) error {
	if err := os.Mkdir(dir, 0o777); err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(1, 2))
	const side, block = 28, 6 * 4 // pixels
	for _, split := range []struct {
		name string
		n    int
	}{{"train", 60}, {"t10k", 20}} {
		images, labels := header(split.n, side, side), header(split.n)
		for i := range split.n {
			class := i % 10
			picture := make([]byte, side*side)
			for at := range 10 * block {
				pixel := 30 * byte(r.IntN(4))
				if at/block == class {
					pixel += 150
				}
				row, column := 8+at/block/5*6+at%block/4, 4+at/block%5*4+at%4
				picture[row*side+column] = pixel
			}
			images = append(images, picture...)
			labels = append(labels, byte(class))
		}
		for name, content := range map[string][]byte{"-images-idx3-ubyte": images, "-labels-idx1-ubyte": labels} {
			if err := os.WriteFile(filepath.Join(dir, split.name+name), content, 0o666); err != nil {
				return err
			}
		}
	}
	return nil
}

// header returns the first bytes of an IDX file of unsigned bytes.
func header(sizes ...int) []byte {
	b := []byte{0, 0, 8, byte(len(sizes))}
	for _, n := range sizes {
		b = binary.BigEndian.AppendUint32(b, uint32(n))
	}
	return b
}

// pack writes what dir holds to a compressed archive.
func pack(path, dir string) error {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	w := tar.NewWriter(z)
	if err := w.AddFS(os.DirFS(dir)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o666)
}
