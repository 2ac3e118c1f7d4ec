// Command bf16 keeps a model in half the bytes: with weights of 16 bits, which load as
// float32.
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/safetensors"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

func run(out io.Writer, dir string) error {
	m, err := model.New(model.MLP([]int{1, 28, 28}, []int{64}, []string{"cat", "dog"}), random.New(0))
	if err != nil {
		return err
	}
	whole, half := filepath.Join(dir, "whole.safetensors"), filepath.Join(dir, "half.safetensors")
	if err := m.Save(whole); err != nil {
		return err
	}
	state, err := m.State()
	if err != nil {
		return err
	}
	for i := range state.Tensors {
		state.Tensors[i].Half = safetensors.BF16
	}
	f, err := os.Create(half)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := state.Write(f); err != nil {
		return err
	}

	x := tensor.Full(tensor.Float32, 0.5, 1, 1, 28, 28).NoGrad()
	for _, path := range []string{whole, half} {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		loaded, err := model.Load(path)
		if err != nil {
			return err
		}
		logits := loaded.Net.Forward(x)
		fmt.Fprintf(out, "%s: %d kB, logits %.4f %.4f\n", filepath.Base(path), info.Size()/1000, logits.Select(1, 0).Item(), logits.Select(1, 1).Item())
	}
	return nil
}

func main() {
	dir, err := os.MkdirTemp("", "bf16")
	if err != nil {
		log.Fatal(err)
	}
	err = run(os.Stdout, dir)
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}
