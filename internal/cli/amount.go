package cli

import (
	"fmt"

	"github.com/onehot-go/onehot/dataset/files"
)

// amount is some of a number of samples, as --val takes it. In JSON it is a number, with a dot if it
// is a share.
type amount struct{ files.Share }

// count returns the amount of so many samples.
func count(n int) amount { return amount{files.Share{Count: n}} }

// share returns the amount of a share of all samples.
func share(v float64) amount { return amount{files.Share{Fraction: v}} }

// UnmarshalText reads a number of samples or a share of them.
func (a *amount) UnmarshalText(text []byte) error {
	if err := a.Share.UnmarshalText(text); err != nil {
		return fmt.Errorf("found %s: a number, or a share below 1 as in 0.15 or 15%% expected", text)
	}
	return nil
}

// MarshalJSON writes a number.
func (a amount) MarshalJSON() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalJSON reads what MarshalJSON writes.
func (a *amount) UnmarshalJSON(text []byte) error { return a.UnmarshalText(text) }
