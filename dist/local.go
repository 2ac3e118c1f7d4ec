package dist

import (
	"fmt"
	"slices"
	"sync"

	"github.com/onehot-go/onehot/fault"
)

// Local returns n ranks of one process, one for each of n goroutines. It panics with a *fault.OptionError
// if n is below 1.
func Local(n int) []Comm {
	if n < 1 {
		fault.Option("dist.Local", "%d ranks: at least 1 expected", n)
	}
	h := &hub{calls: make([]call, n)}
	h.met.L = &h.mu
	ranks := make([]Comm, n)
	for i := range ranks {
		ranks[i] = &local{h, i}
	}
	return ranks
}

// hub is where the goroutines meet.
type hub struct {
	mu      sync.Mutex
	met     sync.Cond
	calls   []call
	waiting int
	meeting int   // how many there have been
	failed  error // what ended them
}

// call is what a rank has called, with a block for each rank.
type call struct {
	method string
	send   [][]byte
}

// meet waits until all ranks have called it.
func (h *hub) meet() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failed != nil {
		return h.failed
	}
	meeting := h.meeting
	if h.waiting++; h.waiting == len(h.calls) {
		h.waiting = 0
		h.meeting++
		h.met.Broadcast()
		return nil
	}
	for meeting == h.meeting && h.failed == nil {
		h.met.Wait()
	}
	if meeting == h.meeting {
		return h.failed
	}
	return nil
}

// local is a Comm of a hub.
type local struct {
	*hub
	rank int
}

func (l *local) Rank() int { return l.rank }
func (l *local) Size() int { return len(l.calls) }

func (l *local) AllToAll(send, recv [][]byte) error {
	return l.exchange(call{"AllToAll", send}, recv)
}

func (l *local) AllGather(send []byte, recv [][]byte) error {
	return l.exchange(call{"AllGather", slices.Repeat([][]byte{send}, l.Size())}, recv)
}

func (l *local) Broadcast(data []byte, root int) error {
	send, recv := make([][]byte, l.Size()), make([][]byte, l.Size())
	if l.rank == root {
		send = slices.Repeat([][]byte{data}, l.Size())
		send[root] = nil
	} else {
		recv[root] = data
	}
	return l.exchange(call{"Broadcast", send}, recv)
}

// exchange copies what others send to recv. Nobody goes on before all have done so.
func (l *local) exchange(c call, recv [][]byte) error {
	l.calls[l.rank] = c
	if err := l.meet(); err != nil {
		return err
	}
	for i := range recv {
		of := &l.calls[i]
		if of.method != c.method {
			l.Abort(fmt.Errorf("calls %s, and rank %d %s: the same expected", c.method, i, of.method))
			break
		}
		if n := len(of.send[l.rank]); n != len(recv[i]) {
			l.Abort(fmt.Errorf("%s: %d bytes came from rank %d, %d expected", c.method, n, i, len(recv[i])))
			break
		}
		copy(recv[i], of.send[l.rank])
	}
	return l.meet()
}

// Abort wakes all ranks that wait.
func (l *local) Abort(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil {
		l.failed = &RankError{l.rank, err}
		l.met.Broadcast()
	}
}
