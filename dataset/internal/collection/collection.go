// Package collection is what MNIST and the data sets made in its image share: four IDX
// files, 28x28 grey pictures of ten classes, where they are looked for and where they
// are fetched.
package collection

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/idx"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/fetch"
)

// Side is the height and the width of a picture, in pixels.
const Side = 28

// Collection describes one of the data sets.
type Collection struct {
	Name     string   // "fashion-mnist"
	Package  string   // the Go package that users know it by: "fashionmnist"
	Folder   string   // torchvision's: "FashionMNIST"
	System   string   // where a distribution installs it, or ""
	Advice   string   // one more way to get it, for errors, or ""
	Classes  []string // by label
	Mirrors  []string // https addresses of folders that have every file with ".gz" added
	Train    Pair
	Test     Pair
	download fetch.Client
}

// Pair is the two files of a split.
type Pair struct{ Images, Labels File }

// File is one file as it was published.
type File struct {
	Name   string // without ".gz"
	Size   int64  // of the uncompressed file, in bytes
	SHA256 string // of the uncompressed bytes, in hexadecimal
	Dims   int    // of the array in it
}

// Pair returns the files of split. It panics if split is neither Train nor Test.
func (c *Collection) Pair(split dataset.Split) Pair {
	return [...]Pair{dataset.Train: c.Train, dataset.Test: c.Test}[split]
}

// files returns all four files.
func (c *Collection) files() []File {
	return []File{c.Train.Images, c.Train.Labels, c.Test.Images, c.Test.Labels}
}

// Open reads a split from the files under root: each is looked for in torchvision's
// folder there (root/Folder/raw), then in root itself, uncompressed and then with ".gz".
// An empty root means "data", and after it the folder that a distribution installs to.
// The error wraps fs.ErrNotExist where a file is missing, and is a *fault.FormatError
// if one is not what it should be.
func (c *Collection) Open(root string, split dataset.Split) (*dataset.Images, error) {
	pair := c.Pair(split)
	imagesPath, imagesIn, err := c.open(root, pair.Images)
	if err != nil {
		return nil, err
	}
	defer imagesIn.Close()
	labelsPath, labelsIn, err := c.open(root, pair.Labels)
	if err != nil {
		return nil, err
	}
	defer labelsIn.Close()
	if n := imagesIn.Shape[0]; labelsIn.Shape[0] != n { // before memory is taken for either
		return nil, fault.Format(labelsPath, "number of labels", fmt.Sprint(labelsIn.Shape[0]), fmt.Sprintf("%d, the number of images in %s", n, imagesPath))
	}
	labels, err := c.read(labelsPath, labelsIn)
	if err != nil {
		return nil, err
	}
	images, err := c.read(imagesPath, imagesIn)
	if err != nil {
		return nil, err
	}
	return &dataset.Images{
		Name: c.Name, Split: split, ClassNames: slices.Clone(c.Classes),
		Height: Side, Width: Side, Pixels: images.Data, Labels: Labels(labels.Data),
		Files: []dataset.File{
			{Name: pair.Images.Name, Path: imagesPath, SHA256: images.SHA256},
			{Name: pair.Labels.Name, Path: labelsPath, SHA256: labels.SHA256},
		},
	}, nil
}

// Labels returns the labels of a file of them, one byte each.
func Labels(content []byte) []int {
	labels := make([]int, len(content))
	for i, c := range content {
		labels[i] = int(c)
	}
	return labels
}

// open finds one file under root, reads its header and checks the size of images.
func (c *Collection) open(root string, f File) (path string, in *idx.File, err error) {
	if path, err = c.find(root, f); err != nil {
		return "", nil, err
	}
	if in, err = idx.Open(path, f.Dims); err != nil {
		return "", nil, err
	}
	if len(in.Shape) == 3 {
		if h, w := in.Shape[1], in.Shape[2]; h != Side || w != Side {
			in.Close()
			return "", nil, fault.Format(path, "size of the images", fmt.Sprintf("%dx%d", h, w), fmt.Sprintf("%dx%d", Side, Side))
		}
	}
	return path, in, nil
}

// read reads what open has opened and checks what can be checked of it alone.
func (c *Collection) read(path string, in *idx.File) (*idx.Array, error) {
	a, err := in.Read()
	if err != nil {
		return nil, err
	}
	return a, c.check(path, a)
}

// check checks the range of labels, and that the file is not the one of the same name that
// another collection publishes.
func (c *Collection) check(path string, a *idx.Array) error {
	for _, other := range []*Collection{MNIST, FashionMNIST} {
		isTheirs := func(f File) bool { return f.SHA256 == a.SHA256 }
		if other.Name != c.Name && slices.ContainsFunc(other.files(), isTheirs) {
			return fault.Format(path, "content", "a file of "+other.Name, "one of "+c.Name)
		}
	}
	if len(a.Shape) == 3 {
		return nil
	}
	for i, label := range a.Data {
		if int(label) >= len(c.Classes) {
			return fault.Format(path, fmt.Sprintf("label %d", i), fmt.Sprint(label), fmt.Sprintf("0 to %d", len(c.Classes)-1))
		}
	}
	return nil
}

// find returns the path of a file under root.
func (c *Collection) find(root string, f File) (string, error) {
	folders := c.folders(root)
	for _, folder := range folders {
		for _, name := range []string{f.Name, f.Name + ".gz"} {
			path := filepath.Join(folder, name)
			_, err := os.Stat(path)
			if err == nil {
				return path, nil
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return "", fmt.Errorf("%s: %w", c.Name, err)
			}
		}
	}
	return "", fmt.Errorf("%s: %s (or .gz): %w in %s: fetch it with --download (%s.Download in Go)%s",
		c.Name, f.Name, fs.ErrNotExist, strings.Join(folders, ", "), c.Package, c.Advice)
}

// folders returns where files are looked for under root, in order.
func (c *Collection) folders(root string) []string {
	all := []string{c.home(root), cleaned(root)}
	if root == "" && c.System != "" {
		all = append(all, c.System)
	}
	return all
}

// home returns the folder under root that files are fetched to.
func (c *Collection) home(root string) string { return filepath.Join(cleaned(root), c.Folder, "raw") }

// cleaned returns root, or what an empty one means.
func cleaned(root string) string {
	if root == "" {
		return "data"
	}
	return filepath.Clean(root)
}
