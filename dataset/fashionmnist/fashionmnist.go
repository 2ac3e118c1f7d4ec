// Package fashionmnist reads and fetches Fashion-MNIST: 28x28 grey pictures of clothes,
// light on black, 60000 to learn from and 10000 to test on. The data set is by Zalando
// SE, MIT licence. Package embedded, below this one, has it in the program itself.
package fashionmnist

import (
	"context"
	"slices"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/internal/collection"
	"github.com/onehot-go/onehot/dataset/internal/loading"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/transform"
)

// Name is the data set's name: "fashion-mnist".
const Name = "fashion-mnist"

// Classes returns the names of the ten classes, "t-shirt" to "ankle boot", in the order
// of their labels.
func Classes() []string { return slices.Clone(collection.FashionMNIST.Classes) }

// Open reads a split from the four IDX files of the data set, such as
// train-images-idx3-ubyte, each as it is or compressed with gzip (train-images-idx3-ubyte.gz).
// They are looked for in root/FashionMNIST/raw, where torchvision keeps them, and then in
// root. An empty root means "data", and after it /usr/share/datasets/fashion-mnist, where
// Debian's package dataset-fashion-mnist installs them. The error wraps fs.ErrNotExist
// where a file is missing, and is a *fault.FormatError if one is not what it should
// be. What is read is not compared with what was published: Images.Files has the SHA-256
// for that.
//
// Open panics if split is neither dataset.Train nor dataset.Test.
func Open(root string, split dataset.Split) (*dataset.Images, error) {
	return collection.FashionMNIST.Open(root, split)
}

// Download fetches the files that Open would not find under root or could not read, 31 MB
// in all, to root/FashionMNIST/raw, uncompressed (55 MB) as torchvision leaves them; an
// empty root means "data". It goes by https alone, and a file has its name only once its
// size and SHA-256 are those published. progress, which may be nil, is told how far each
// file is, in uncompressed bytes. The error says what each mirror said; it wraps ctx's
// where that ended the download.
func Download(ctx context.Context, root string, progress func(file string, done, total int64)) error {
	return collection.FashionMNIST.Download(ctx, root, progress)
}

// Options say where Load finds the data set, and what it makes of it. The zero value reads
// files in the folder "data" and gives batches of 256.
type Options struct {
	// Root is the folder of the files, as Open has it.
	Root string
	// Download fetches the files that are missing, as Download does.
	Download bool
	// Open, if not nil, gives the splits in place of files: embedded.Open.
	Open func(dataset.Split) (*dataset.Images, error)
	// BatchSize is the number of samples of a batch, of both loaders; 0 is 256.
	BatchSize int
	// Resize is the height and the width that pictures are scaled to; 0 leaves them 28x28.
	Resize int
	// Seed chooses the order of the training samples and what transforms draw.
	Seed uint64
	// TrainTransform and TestTransform make tensors of the pictures, after Resize; nil is
	// transform.ToTensor.
	TrainTransform, TestTransform transform.Transform
}

// Load opens both splits and returns a loader over each: the samples to learn from in another
// order every epoch, those to measure on in theirs. The errors are Open's and Download's, or Open's.
//
// Load panics with a *fault.OptionError if BatchSize or Resize is below 0.
func Load(options Options) (train, test *loader.Loader, err error) {
	open := options.Open
	if open == nil {
		open = func(s dataset.Split) (*dataset.Images, error) { return Open(options.Root, s) }
		if options.Download {
			if err := Download(context.Background(), options.Root, nil); err != nil {
				return nil, nil, err
			}
		}
	}
	return loading.Splits("fashionmnist.Load", open, loading.Options{
		BatchSize: options.BatchSize, Seed: options.Seed, Resize: options.Resize,
		Train: options.TrainTransform, Test: options.TestTransform,
	})
}
