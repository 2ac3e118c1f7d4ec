package dataset

import (
	"iter"

	"github.com/onehot-go/onehot/random"
)

// Stream is samples in an order of their own, of which nobody knows how many there are: the
// pictures of an archive, the lines of a table that is too large for memory. It may be read
// by several epochs at once.
type Stream interface {
	// Classes returns the names of the classes: the class c means Classes()[c]. The caller
	// must not change them.
	Classes() []string
	// Samples yields what makes the samples of an epoch, in their order, which is a function
	// of the epoch's number. It reads them in one goroutine at a time. An error ends the
	// epoch.
	Samples(epoch int) iter.Seq2[Make, error]
}

// Make makes a sample that a Stream has read: it decodes it and applies transforms, which
// draw from chance, the key of the sample in one epoch. It is called at most once, from any
// goroutine, at once with others and with the reading of later samples. A sample that is
// skipped is not made.
type Make func(chance random.Key) (Sample, error)
