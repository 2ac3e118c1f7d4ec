// Package dist lets several ranks, processes on one machine or many, work on one task and find the same
// bits as one rank alone. What moves bytes between them is a Comm, which does no arithmetic. Sums
// are taken here, over a fixed binary tree of fixed shards, so that they do not depend on the number of ranks.
//
// The binding to MPI is a module of its own. Local has ranks that are goroutines.
package dist

import "fmt"

// Comm moves bytes between ranks. All ranks call the same methods in the same order, each from one
// goroutine at a time. The lengths of blocks are known to both sides. Blocks of no bytes are
// allowed. No block overlaps another of the same call.
//
// An error is of the connection, and nothing works after it.
type Comm interface {
	// Rank returns which rank this is, from 0 to below Size.
	Rank() int
	// Size returns how many ranks there are.
	Size() int
	// AllToAll sends send[i] to rank i, and fills recv[i] with what rank i sends to this one. Both have
	// Size blocks. The block for the rank itself is copied.
	AllToAll(send, recv [][]byte) error
	// AllGather sends send to every rank, and fills recv[i], one of Size blocks, with what rank i sends.
	AllGather(send []byte, recv [][]byte) error
	// Broadcast fills data with what rank root has in it.
	Broadcast(data []byte, root int) error
	// Abort ends what all ranks do because of err. It does not return if the ranks are
	// processes. Else methods of all ranks return a *RankError from then on.
	Abort(err error)
}

// RankError is what went wrong on one rank, as all ranks know it, or on every rank alike.
type RankError struct {
	Rank int   // Everyone if it is the same on all
	Err  error // on that rank the error itself, elsewhere its text
}

// Everyone is the Rank of an error that all ranks have.
const Everyone = -1

// Error names the rank, if it is one of several: "rank 2: open a.jpg: no such file".
func (e *RankError) Error() string {
	if e.Rank == Everyone {
		return e.Err.Error()
	}
	return fmt.Sprintf("rank %d: %v", e.Rank, e.Err)
}

// Unwrap returns Err.
func (e *RankError) Unwrap() error { return e.Err }

// CommError says that the connection between ranks failed. Nothing works after it.
type CommError struct{ Err error }

// Error says what failed: "between ranks: connection reset".
func (e *CommError) Error() string { return fmt.Sprintf("between ranks: %v", e.Err) }

// Unwrap returns Err, the Comm's.
func (e *CommError) Unwrap() error { return e.Err }
