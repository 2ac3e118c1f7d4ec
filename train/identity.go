package train

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"

	"github.com/onehot-go/onehot/model/safetensors"
)

// Where a checkpoint says which run it is of, and what its checksum is.
const (
	runKey      = "onehot.run"
	checksumKey = "onehot.sha256"
)

// seal adds to the checkpoint f which run it is of, and then its checksum.
func seal(f *safetensors.File, run string) error {
	f.Metadata[runKey] = run
	sum, err := checksum(f)
	if err != nil {
		return err
	}
	f.Metadata[checksumKey] = sum
	return nil
}

// checkSeal returns an error if the checkpoint f is not as it was sealed, or is of another
// run. If either run is "" they are not compared. A checkpoint that has neither a run nor a
// checksum passes: earlier versions wrote none.
func checkSeal(f *safetensors.File, run string) error {
	of, sealed := f.Metadata[runKey]
	want, summed := f.Metadata[checksumKey]
	if !sealed && !summed {
		return nil
	}
	found, err := checksum(f)
	if err != nil {
		return err
	}
	if found != want {
		return fmt.Errorf("found SHA-256 %s, %q expected: the file is damaged", found, want)
	}
	if of != "" && run != "" && of != run {
		return fmt.Errorf("found run %q, %q expected: the checkpoint is of another run", of, run)
	}
	return nil
}

// checksum returns the SHA-256 of f as it is written, without a checksum in it.
func checksum(f *safetensors.File) (string, error) {
	bare := safetensors.File{Metadata: maps.Clone(f.Metadata), Tensors: f.Tensors}
	delete(bare.Metadata, checksumKey)
	h := sha256.New()
	if err := bare.Write(h); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
