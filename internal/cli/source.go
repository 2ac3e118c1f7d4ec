package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/fashionmnist"
	"github.com/onehot-go/onehot/dataset/fashionmnist/embedded"
	"github.com/onehot-go/onehot/dataset/mnist"
	"github.com/onehot-go/onehot/dist"
)

// source is how the program gets a data set.
type source struct {
	open     func(root string, split dataset.Split) (*dataset.Images, error)
	download func(ctx context.Context, root string, progress func(file string, done, total int64)) error
	embedded func(split dataset.Split) (*dataset.Images, error) // nil if it is not
}

// sources has the data sets by the names that commands know them by.
var sources = map[string]source{
	"fashion-mnist": {fashionmnist.Open, fashionmnist.Download, embedded.Open},
	"mnist":         {mnist.Open, mnist.Download, nil},
}

func datasetNames() []string { return slices.Sorted(maps.Keys(sources)) }

// sourceFlags say where a data set's files are.
type sourceFlags struct {
	DataDir  string `help:"Folder of the data files; by default fashion-mnist comes with the program, and others are looked for in ./data." placeholder:"DIR"`
	Download bool   `help:"Fetch data files that are missing."`

	Cache byteSize `default:"10GB" placeholder:"SIZE" help:"The most that pictures of your own may take once they are decoded and scaled, in the user's cache folder (default 10GB), and what --pretrained makes of them as much again."`

	comm dist.Comm // the ranks that read the data together, and train; nil of one process
}

// dataFlags say where the files are of a data set that is trained or measured on.
type dataFlags struct {
	sourceFlags
	MaxBad amount `default:"0.01" placeholder:"N|SHARE" help:"The most files that may be no pictures that can be read, so many or a share of all; five always pass (default 1%)."`
}

// announce returns a function that names each file in log once, as its download begins.
func announce(log io.Writer) func(file string, done, total int64) {
	last := ""
	return func(file string, _, total int64) {
		if file != last {
			last = file
			fmt.Fprintf(log, "fetching %s (%.1f MB)\n", file, float64(total)/1e6)
		}
	}
}

// open returns both splits of the data set of the given name.
func (f sourceFlags) open(ctx context.Context, name string, log io.Writer) (training, test *dataset.Images, err error) {
	s, ok := sources[name]
	if !ok {
		return nil, nil, fmt.Errorf("data set %q: one of %v expected", name, datasetNames())
	}
	open := func(split dataset.Split) (*dataset.Images, error) { return s.open(f.DataDir, split) }
	switch {
	case f.DataDir == "" && s.embedded != nil:
		open = s.embedded
	case f.Download:
		if err := s.download(ctx, f.DataDir, announce(log)); err != nil {
			return nil, nil, err
		}
	}
	if training, err = open(dataset.Train); err != nil {
		if info, statErr := os.Stat(name); statErr == nil && info.IsDir() {
			err = fmt.Errorf("%w (./%s is the folder of this name)", err, name)
		}
		return nil, nil, err
	}
	test, err = open(dataset.Test)
	return training, test, err
}
