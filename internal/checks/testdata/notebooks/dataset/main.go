// Command dataset is the notebook on the image classification data set, cell by cell.
package main

import (
	"fmt"
	"log"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/fashionmnist"
	"github.com/onehot-go/onehot/dataset/fashionmnist/embedded"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

func main() {
	// mnist_train = FashionMNIST(train=True, transform=ToTensor()); mnist_test = ...
	training, test := open(dataset.Train), open(dataset.Test)
	fmt.Println(training)
	fmt.Println(training.Len(), test.Len())

	// mnist_train[0][0].shape
	sample, err := training.Sample(0, random.Key{})
	check(err)
	fmt.Println(sample.Tensor.Shape(), sample.Target.Item(), training.Classes()[9])

	// X, y = next(iter(DataLoader(mnist_train, batch_size=18)))
	// show_images(X.reshape(18, 28, 28), 2, 9, titles=get_fashion_mnist_labels(y))
	train18, _, err := fashionmnist.Load(fashionmnist.Options{Open: embedded.Open, BatchSize: 18})
	check(err)
	batch, err := train18.First(1)
	check(err)
	var titles []string
	for _, c := range tensor.Values[int64](batch.Targets) {
		titles = append(titles, training.Classes()[c])
	}
	pictures := report.Grid(report.Images(batch.Inputs), report.GridOptions{Columns: 9, Scale: 2, Titles: titles})
	check(pictures.Save("pictures.svg"))
	fmt.Println(batch.Targets)

	// timer = Timer(); for X, y in train_iter: continue
	training256, test256, err := fashionmnist.Load(fashionmnist.Options{Open: embedded.Open, BatchSize: 256})
	check(err)
	samples, batches := 0, 0
	for b, err := range training256.Epoch(1) {
		check(err)
		samples, batches = samples+len(b.Indices), batches+1
	}
	fmt.Println(samples, "samples in", batches, "batches;", test256.Len(), "to test on")

	// train_iter, test_iter = load_data_fashion_mnist(32, resize=64)
	larger, _, err := fashionmnist.Load(fashionmnist.Options{Open: embedded.Open, BatchSize: 32, Resize: 64})
	check(err)
	batch, err = larger.First(1)
	check(err)
	fmt.Println(batch.Inputs.Shape(), batch.Inputs.DType(), batch.Targets.Shape(), batch.Targets.DType())
}

func open(split dataset.Split) *dataset.Images {
	images, err := embedded.Open(split)
	check(err)
	images.Transform = transform.ToTensor{}
	return images
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
