package dataset

import (
	"iter"

	"github.com/onehot-go/onehot/random"
)

// Stream is samples in an order of their own, such as the pictures of an archive or the lines of
// a table that is too large for memory. Nobody knows how many there are. It may be read by
// several epochs at once.
type Stream interface {
	// Classes returns the names of the classes: the class c means Classes()[c]. The caller
	// must not change them.
	Classes() []string
	// Samples yields what makes the samples of an epoch, one by one. Their order is a function
	// of the epoch's number. One goroutine at a time reads them. An error ends the epoch.
	Samples(epoch int) iter.Seq2[Make, error]
}

// Make makes a sample that a Stream has read: it decodes it and applies transforms. What they
// draw is a function of chance, the key of the sample in one epoch. Make is called at most once,
// from any goroutine. Other samples may be made, and later ones read, at the same time. A sample
// that is skipped is not made.
type Make func(chance random.Key) (Sample, error)
