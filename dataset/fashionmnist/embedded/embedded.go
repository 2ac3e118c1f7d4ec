// Package embedded has all of Fashion-MNIST in the program: nothing to fetch and no file
// to find. It adds 28 MB to a program that imports it. The data is Zalando SE's, under
// the MIT licence that stands beside this file.
package embedded

import (
	_ "embed"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/internal/collection"
	"github.com/onehot-go/onehot/internal/memory"
)

//go:generate go run ./gen

// The pictures come in parts of 10000, compressed by themselves so that they can be
// decoded at once. Each picture is stored column by column, every pixel as its
// difference from the one above it, modulo 256: a tenth smaller than rows of pixels.
var (
	//go:embed data/train-images-0.zst
	trainImages0 []byte
	//go:embed data/train-images-1.zst
	trainImages1 []byte
	//go:embed data/train-images-2.zst
	trainImages2 []byte
	//go:embed data/train-images-3.zst
	trainImages3 []byte
	//go:embed data/train-images-4.zst
	trainImages4 []byte
	//go:embed data/train-images-5.zst
	trainImages5 []byte
	//go:embed data/train-labels.zst
	trainLabels []byte
	//go:embed data/t10k-images-0.zst
	testImages []byte
	//go:embed data/t10k-labels.zst
	testLabels []byte
)

const (
	side     = collection.Side
	partSize = 10000 * side * side // of the pixels of a part, in bytes
)

// content is the compressed content of a split.
type content struct {
	images [][]byte // part by part
	labels []byte
}

var splits = [...]content{
	dataset.Train: {[][]byte{trainImages0, trainImages1, trainImages2, trainImages3, trainImages4, trainImages5}, trainLabels},
	dataset.Test:  {[][]byte{testImages}, testLabels},
}

// Open decodes a split: 60000 samples to learn from, or 10000 to test on. Every call
// gives memory of its own. An error means that the program file is damaged.
//
// Open panics if split is neither dataset.Train nor dataset.Test.
func Open(split dataset.Split) (*dataset.Images, error) {
	c := splits[split]
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0))
	if err != nil {
		return nil, err
	}
	defer decoder.Close()

	pixels := memory.Bytes(len(c.images) * partSize)
	labels := make([]byte, len(pixels)/(side*side))
	errs := make([]error, len(c.images)+1)
	var wait sync.WaitGroup
	for i, part := range c.images {
		wait.Go(func() {
			p := pixels[i*partSize:][:partSize]
			if errs[i] = decode(decoder, p, part); errs[i] == nil {
				restore(p)
			}
		})
	}
	errs[len(c.images)] = decode(decoder, labels, c.labels)
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("embedded fashion-mnist %s: %w", split, err)
		}
	}
	pair := collection.FashionMNIST.Pair(split)
	return &dataset.Images{
		Name: collection.FashionMNIST.Name, Split: split, ClassNames: slices.Clone(collection.FashionMNIST.Classes),
		Height: side, Width: side, Pixels: pixels, Labels: collection.Labels(labels),
		Files: []dataset.File{
			{Name: pair.Images.Name, Path: "embedded", SHA256: pair.Images.SHA256},
			{Name: pair.Labels.Name, Path: "embedded", SHA256: pair.Labels.SHA256},
		},
	}, nil
}

// decode fills out with what compressed holds.
func decode(decoder *zstd.Decoder, out, compressed []byte) error {
	got, err := decoder.DecodeAll(compressed, out[:0:len(out)])
	if err != nil {
		return err
	}
	if len(got) != len(out) {
		return fmt.Errorf("found %d bytes, expected %d", len(got), len(out))
	}
	copy(out, got) // moves nothing, as long as the decoder used the memory it was given
	return nil
}

// restore makes rows of pixels of the columns of differences that pictures are stored
// as, in place.
func restore(pixels []byte) {
	var columns [side * side]byte
	for ; len(pixels) > 0; pixels = pixels[side*side:] {
		copy(columns[:], pixels)
		picture := pixels[:side*side]
		for x := range side {
			v := byte(0)
			for y, d := range columns[x*side:][:side] {
				v += d
				picture[y*side+x] = v
			}
		}
	}
}
