package collection

// MNIST is the handwritten digits of Y. LeCun, C. Cortes and C. Burges (CC BY-SA 3.0).
var MNIST = &Collection{
	Name:    "mnist",
	Package: "mnist",
	Folder:  "MNIST",
	Classes: []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
	Mirrors: []string{
		"https://ossci-datasets.s3.amazonaws.com/mnist/",
		"https://storage.googleapis.com/cvdf-datasets/mnist/",
	},
	Train: Pair{
		Images: File{"train-images-idx3-ubyte", 47040016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 3},
		Labels: File{"train-labels-idx1-ubyte", 60008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 1},
	},
	Test: Pair{
		Images: File{"t10k-images-idx3-ubyte", 7840016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 3},
		Labels: File{"t10k-labels-idx1-ubyte", 10008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 1},
	},
}

// FashionMNIST is Zalando's pictures of clothes (MIT licence).
var FashionMNIST = &Collection{
	Name:    "fashion-mnist",
	Package: "fashionmnist",
	Folder:  "FashionMNIST",
	System:  "/usr/share/datasets/fashion-mnist",
	Advice:  ", or install the Debian package dataset-fashion-mnist",
	Classes: []string{"t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"},
	Mirrors: []string{
		"https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
		"https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
	},
	Train: Pair{
		Images: File{"train-images-idx3-ubyte", 47040016, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888", 3},
		Labels: File{"train-labels-idx1-ubyte", 60008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9", 1},
	},
	Test: Pair{
		Images: File{"t10k-images-idx3-ubyte", 7840016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b", 3},
		Labels: File{"t10k-labels-idx1-ubyte", 10008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34", 1},
	},
}
