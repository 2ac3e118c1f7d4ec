// Gen makes the compressed files of package embedded from the files of Fashion-MNIST, by
// default those of Debian's package dataset-fashion-mnist. The same files give the same
// bytes.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/fashionmnist"
	"github.com/onehot-go/onehot/dataset/internal/collection"
)

const (
	side     = collection.Side
	partSize = 10000 * side * side
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("gen: ")
	from := flag.String("from", "/usr/share/datasets/fashion-mnist", "`folder` of the four IDX files, uncompressed or .gz")
	to := flag.String("to", "data", "`folder` to write to")
	flag.Parse()
	for split, prefix := range map[dataset.Split]string{dataset.Train: "train", dataset.Test: "t10k"} {
		if err := generate(*from, filepath.Join(*to, prefix), split); err != nil {
			log.Fatal(err)
		}
	}
}

// generate writes the files of one split, whose paths begin with prefix.
func generate(from, prefix string, split dataset.Split) error {
	images, err := fashionmnist.Open(from, split)
	if err != nil {
		return err
	}
	pair := collection.FashionMNIST.Pair(split)
	for i, published := range []collection.File{pair.Images, pair.Labels} {
		if f := images.Files[i]; f.SHA256 != published.SHA256 {
			return fmt.Errorf("%s: SHA-256: found %s, expected %s", f.Path, f.SHA256, published.SHA256)
		}
	}
	// One thread: how the encoder cuts its input must not depend on the machine.
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression),
		zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true))
	if err != nil {
		return err
	}
	for i := 0; i*partSize < len(images.Pixels); i++ {
		part := difference(images.Pixels[i*partSize:][:partSize])
		if err := os.WriteFile(fmt.Sprintf("%s-images-%d.zst", prefix, i), encoder.EncodeAll(part, nil), 0o644); err != nil {
			return err
		}
	}
	labels := make([]byte, len(images.Labels))
	for i, c := range images.Labels {
		labels[i] = byte(c)
	}
	return os.WriteFile(prefix+"-labels.zst", encoder.EncodeAll(labels, nil), 0o644)
}

// difference returns pictures as they are stored: column by column, every pixel as its
// difference from the one above it.
func difference(pixels []byte) []byte {
	out := make([]byte, 0, len(pixels))
	for ; len(pixels) > 0; pixels = pixels[side*side:] {
		for x := range side {
			above := byte(0)
			for y := range side {
				v := pixels[y*side+x]
				out = append(out, v-above)
				above = v
			}
		}
	}
	return out
}
