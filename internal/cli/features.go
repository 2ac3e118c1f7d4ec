package cli

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/pixels"
	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/internal/compiled"
	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model/safetensors"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// featureSource is what makes features of pictures, and keeps them in the cache folder.
type featureSource struct {
	net      *nn.Sequential // without its last layer
	shape    []int          // of what it takes of a picture
	width    int            // features of a picture
	head     int            // bytes of the filters of the last layer
	from     *ownParts
	prepared transform.Compose
	batch    int       // pictures at once
	of       []string  // what features depend on beside the pictures
	limit    int64     // bytes of kept features
	comm     dist.Comm // the ranks that share the pictures; nil for one
	remarks  io.Writer
}

// features returns the features of pictures, or of their mirror images, (len(pictures), width): those that
// are kept, or new ones. Files of the cache that cannot be read count as none.
func (s *featureSource) features(ctx context.Context, pictures []picked, mirrored bool) ([]float32, error) {
	dir, err := featuresDir()
	if err != nil {
		return nil, err
	}
	key, err := s.key(pictures, mirrored)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, key[:32]+featuresSuffix)
	what := counted(len(pictures), "picture")
	if mirrored {
		what = counted(len(pictures), "mirror image")
	}
	values := readFeatures(path, key, len(pictures), s.width)
	if here, err := s.everywhere(values != nil); err != nil {
		return nil, err
	} else if here {
		now := time.Now()
		_ = os.Chtimes(path, now, now) // nothing but the order of removal hangs on it
		fmt.Fprintf(s.remarks, "the features of %s are kept from before\n", what)
		return values, nil
	}
	if values, err = s.share(ctx, pictures, mirrored); err != nil {
		return nil, err
	}
	bytes := int64(4 * len(values))
	if bytes > s.limit {
		fmt.Fprintf(s.remarks, "the features of %s are computed, and not kept: they take %s\n", what, printable.Bytes(bytes))
		return values, nil
	}
	if err := writeFeatures(path, key, values, s.width); err != nil {
		return nil, err
	}
	fmt.Fprintf(s.remarks, "the features of %s are computed, and kept for later runs\n", what)
	return values, shrinkFeatures(dir, s.limit, path)
}

// key returns a hash of all that the features of pictures depend on, in hexadecimal.
func (s *featureSource) key(pictures []picked, mirrored bool) (string, error) {
	name, err := kernel.Name() // which may round otherwise
	if err != nil {
		return "", err
	}
	h := sha256.New()
	writeFields(h, append([]string{"onehot features 2", version(), runtime.Version(), name, fmt.Sprint(mirrored)}, s.of...)...)
	for _, p := range pictures {
		h.Write(p.sum[:])
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// everywhere reports whether here is true on all ranks.
func (s *featureSource) everywhere(here bool) (bool, error) {
	if s.comm == nil {
		return here, nil
	}
	all, err := dist.Collect(s.comm, here, nil)
	return !slices.Contains(all, false), err
}

// share makes features of pictures. Each rank makes those of a part of them.
func (s *featureSource) share(ctx context.Context, pictures []picked, mirrored bool) ([]float32, error) {
	if s.comm == nil {
		return s.compute(ctx, pictures, mirrored)
	}
	n, rank := len(pictures), s.comm.Rank()
	own, err := s.compute(ctx, pictures[rank*n/s.comm.Size():(rank+1)*n/s.comm.Size()], mirrored)
	text, _ := binary.Append(nil, binary.LittleEndian, own) // of numbers of a known size
	all, err := dist.Gather(s.comm, text, err)
	if err != nil {
		return nil, err
	}
	values := make([]float32, 0, n*s.width)
	for _, text := range all {
		part := make([]float32, len(text)/4)
		if _, err := binary.Decode(text, binary.LittleEndian, part); err != nil {
			return nil, err
		}
		values = append(values, part...)
	}
	return values, nil
}

// compute makes features.
func (s *featureSource) compute(ctx context.Context, pictures []picked, mirrored bool) ([]float32, error) {
	o := s.from
	images := &dataset.Images{
		Name: o.name, ClassNames: o.classes, Channels: o.Channels, Height: o.Height, Width: o.Width, Pixels: o.Pixels, Labels: make([]int, len(pictures)),
		Transform: s.prepared,
	}
	if mirrored {
		at := slices.Index(s.prepared, transform.Transform(transform.ToTensor{}))
		images.Transform = slices.Insert(slices.Clone(s.prepared), at, transform.Transform(transform.RandomHorizontalFlip{P: 1}))
	}
	for _, p := range pictures {
		images.Rows = append(images.Rows, p.row)
	}
	shown := newCounter(s.remarks, len(pictures))
	defer shown.clear()
	program, err := compiled.Compile(s.net, s.shape, compiled.Options{Batch: s.batch, Beside: s.head})
	if err != nil {
		return nil, err
	}
	values := make([]float32, 0, len(pictures)*s.width)
	for batch, err := range loader.New(images, loader.Options{BatchSize: s.batch, Workers: prefetch}).Epoch(0) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		done := len(values)
		values = values[:done+batch.Inputs.Size(0)*s.width]
		program.Run(values[done:], tensor.Data[float32](batch.Inputs.Contiguous()))
		shown.count(len(values) / s.width)
	}
	if i := slices.IndexFunc(values, func(v float32) bool { return v-v != 0 }); i >= 0 {
		return nil, fmt.Errorf("feature %d of a picture is %g: these weights are no good", i%s.width, values[i])
	}
	return values, nil
}

// featuresSuffix is how files of features end.
const featuresSuffix = ".features.safetensors"

// featuresDir returns the folder of the user's cache that features are kept in.
func featuresDir() (string, error) {
	dir, err := pixels.Dir()
	return filepath.Join(dir, "features"), err
}

// What a file of features has beside the tensor of this name.
const (
	featuresName = "features"
	featuresKey  = "key"    // of what they are
	featuresSum  = "sha256" // of the numbers, as bytes
)

// sumOf returns the SHA-256 of numbers, in hexadecimal.
func sumOf(values []float32) string {
	h := sha256.New()
	var b []byte
	for part := range slices.Chunk(values, 4096) {
		b = b[:0]
		for _, v := range part {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// readFeatures returns the features of a key in the file at path, (n, width), or nil if they are not there.
func readFeatures(path, key string, n, width int) []float32 {
	f, err := safetensors.ReadFile(path)
	if err != nil || f.Metadata[featuresKey] != key || len(f.Tensors) != 1 {
		return nil
	}
	t := f.Tensors[0].Value
	if t.DType() != tensor.Float32 || !slices.Equal(t.Shape(), []int{n, width}) {
		return nil
	}
	values := tensor.Data[float32](t)
	if sumOf(values) != f.Metadata[featuresSum] {
		return nil
	}
	return values
}

// writeFeatures writes features to the file at path, whole or not at all.
func writeFeatures(path, key string, values []float32, width int) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	f := safetensors.File{
		Metadata: map[string]string{featuresKey: key, featuresSum: sumOf(values)},
		Tensors:  []safetensors.Tensor{{Name: featuresName, Value: tensor.New(values, len(values)/width, width)}},
	}
	return atomicfile.Write(path, func(w io.Writer) error { return f.Write(w) })
}

// abandoned is how long a file was not written that a program which was ended left half written.
const abandoned = time.Hour

// keptFeatures is a file of features.
type keptFeatures struct {
	path  string
	bytes int64
	used  time.Time
}

// listFeatures returns the files of features in a folder, those that were used last first.
func listFeatures(dir string) (all []keptFeatures) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // there is none yet
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		of, left := atomicfile.Temporary(e.Name())
		left = left && strings.HasSuffix(of, featuresSuffix) && time.Since(info.ModTime()) > abandoned
		if left || strings.HasSuffix(e.Name(), featuresSuffix) {
			all = append(all, keptFeatures{filepath.Join(dir, e.Name()), info.Size(), info.ModTime()})
		}
	}
	slices.SortStableFunc(all, func(a, b keptFeatures) int { return b.used.Compare(a.used) })
	return all
}

// shrinkFeatures removes the files that were used longest ago until those that are left take no more bytes
// than the limit; one at path stays.
func shrinkFeatures(dir string, limit int64, path string) error {
	total := int64(0)
	for _, k := range listFeatures(dir) {
		if total += k.bytes; total <= limit || k.path == path {
			continue
		}
		if err := removeFeatures(k); err != nil {
			return err
		}
		total -= k.bytes
	}
	return nil
}

// removeFeatures removes a file of features.
func removeFeatures(k keptFeatures) error {
	if err := atomicfile.Remove(k.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
