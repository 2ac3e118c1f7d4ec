package inference

// Road is a way to compute a convolution.
type Road int

// The roads.
const (
	Direct    Road = iota // products at fixed distances from each pixel
	Depthwise             // the same where each channel has filters of its own
)

var roadNames = [...]string{"direct", "depthwise"}

func (r Road) String() string { return roadNames[r] }

// rates are what a set's kernels take.
type rates struct{}

// roads returns those that a convolution can take.
func (c *Conv) roads(*set) []Road {
	if c.Groups == c.Channels && c.Groups == c.Filters && c.Groups > 1 {
		return []Road{Depthwise, Direct}
	}
	return []Road{Direct}
}

// choose returns the road that is predicted to be the fastest within limit.
func (c *Conv) choose(k *set, limit int) Road { return c.roads(k)[0] }
