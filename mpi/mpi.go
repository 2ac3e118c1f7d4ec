// Package mpi has the ranks of an MPI program as a dist.Comm. It opens the system's MPI library when the program runs: Open MPI,
// MPICH, or one with the interface of MPI 5. So the program is built without a C compiler and without that library.
//
// MPI moves bytes here and computes nothing. The numbers of its header files, which libraries choose for themselves, are in
// library.go.
package mpi

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/internal/launcher"
	"github.com/onehot-go/onehot/internal/memory"
)

// LibraryVariable is the environment variable with the name of the MPI library's file, for one that is not found by itself.
const LibraryVariable = "ONEHOT_MPI"

// Comm is this process among all that the launcher started. It is a dist.Comm.
type Comm struct {
	library    *library
	rank, size int
	page       uintptr // the type of pageBytes bytes
	most       int     // bytes that are counted one by one
	closing    chan chan error
	watch      watch

	mu         sync.Mutex // held by the call that goes on
	send, recv arena

	// What calls read and write. It lies on the heap, since the library takes addresses: stacks move.
	counts, places []int32    // for each rank
	out            [2]uintptr // handles, and ints
	status         [32]byte   // at least as large as a library's
	text           [1024]byte
	length         int32
}

var _ dist.Comm = (*Comm)(nil)

// Open begins MPI. What waits for other ranks for longer than timeout ends the process with a line that says for what; 0 is for ever. Ranks 0
// and 1 say on standard error every 30 seconds for whom they wait. The caller closes what it returns. Open is called once in a process.
func Open(timeout time.Duration) (*Comm, error) {
	l, err := openLibrary()
	if err != nil {
		return nil, err
	}
	c := &Comm{library: l, most: mostBytes, closing: make(chan chan error)}
	c.watch.start(timeout)
	begun := make(chan error)
	go func() {
		// The thread that begins MPI ends it too.
		runtime.LockOSThread()
		err := c.begin()
		begun <- err
		if err == nil {
			done := <-c.closing
			c.out[0] = c.page // MPICH warns of types that are left
			done <- errors.Join(c.call(typeFree, address(&c.out[0])), c.call(finalize))
		}
	}()
	if err := <-begun; err != nil {
		return nil, err
	}
	c.counts, c.places = make([]int32, c.size), make([]int32, c.size)
	return c, nil
}

// begin begins MPI, and finds which rank this is.
func (c *Comm) begin() error {
	l, out := c.library, address(&c.out[0])
	leave := c.watch.enter("MPI_Init_thread", -1)
	err := c.call(initThread, 0, 0, l.serialized, out)
	leave()
	if err != nil {
		return err
	}
	if level := c.int(); level < int(l.serialized) {
		return fmt.Errorf("%s allows calls by one thread alone, calls by any, one at a time, expected", l)
	}
	if err := c.call(commSetErrhandler, l.world, l.errorsReturn); err != nil {
		return err
	}
	if err := c.call(commRank, l.world, out); err != nil {
		return err
	}
	c.rank = c.int()
	c.watch.is(c.rank)
	if err := c.call(commSize, l.world, out); err != nil {
		return err
	}
	c.size = c.int()
	if n, by := launcher.Processes(); c.size == 1 && n > 1 {
		return fmt.Errorf("%s started %d processes, and %s found one, since it belongs to another launcher: the name of the right library's file expected in %s", by, n, l, LibraryVariable)
	}
	c.out[0] = 0 // of which a handle may fill a half
	if err := c.call(typeContiguous, pageBytes, l.byte_, out); err != nil {
		return err
	}
	c.page = c.out[0]
	return c.call(typeCommit, out)
}

// int returns the C int that a call wrote.
func (c *Comm) int() int { return int(*(*int32)(unsafe.Pointer(&c.out[0]))) }

// String returns what the library is called.
func (l *library) String() string { return l.title + " (" + l.name + ")" }

// Library returns which MPI library it is, and the name of its file.
func (c *Comm) Library() string { return c.library.String() }

// Rank returns which process this is, from 0.
func (c *Comm) Rank() int { return c.rank }

// Size returns how many processes there are.
func (c *Comm) Size() int { return c.size }

// Close ends MPI, when all ranks have come here.
func (c *Comm) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.watch.enter("the end", -1)()
	done := make(chan error)
	c.closing <- done
	return <-done
}

// AllToAll is that of dist.Comm. The error is a *dist.CommError.
func (c *Comm) AllToAll(send, recv [][]byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	copy(recv[c.rank], send[c.rank])
	for step := 1; step < c.size; step++ {
		to, from := (c.rank+step)%c.size, (c.rank+c.size-step)%c.size
		out, in := c.send.bytes(len(send[to])), c.recv.bytes(len(recv[from]))
		outCount, outUnit := c.units(len(send[to]), len(send[to]))
		inCount, inUnit := c.units(len(recv[from]), len(recv[from]))
		copy(out, send[to])
		if err := c.exchange("AllToAll", from, sendrecv, address(&out[0]), outCount, outUnit, uintptr(to), 0,
			address(&in[0]), inCount, inUnit, uintptr(from), 0, c.library.world, address(&c.status[0])); err != nil {
			return err
		}
		copy(recv[from], in)
	}
	return nil
}

// AllGather is that of dist.Comm. The error is a *dist.CommError.
func (c *Comm) AllGather(send []byte, recv [][]byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	total := 0
	for _, b := range recv {
		total += padded(len(b))
	}
	out, in := c.send.bytes(len(send)), c.recv.bytes(total)
	count, unit := c.units(len(send), total)
	at, size := 0, 1
	if unit == c.page {
		size = pageBytes
	}
	for i, b := range recv {
		n, _ := c.units(len(b), total)
		c.counts[i], c.places[i] = int32(n), int32(at)
		at += int(n)
	}
	copy(out, send)
	if err := c.exchange("AllGather", -1, allgatherv, address(&out[0]), count, unit,
		address(&in[0]), address(&c.counts[0]), address(&c.places[0]), unit, c.library.world); err != nil {
		return err
	}
	for i, b := range recv {
		copy(b, in[int(c.places[i])*size:])
	}
	return nil
}

// Broadcast is that of dist.Comm. The error is a *dist.CommError.
func (c *Comm) Broadcast(data []byte, root int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.send.bytes(len(data))
	count, unit := c.units(len(data), len(data))
	copy(all, data)
	if err := c.exchange("Broadcast", root, bcast, address(&all[0]), count, unit, uintptr(root), c.library.world); err != nil {
		return err
	}
	copy(data, all)
	return nil
}

// Abort prints which rank fails because of what, and ends the processes of all ranks.
func (c *Comm) Abort(err error) {
	fmt.Fprintln(os.Stderr, "onehot:", (&dist.RankError{Rank: c.rank, Err: err}).Error())
	time.Sleep(lastLine)
	if c.mu.TryLock() { // else a call waits for the others, and the launcher ends them
		c.call(abort, c.library.world, 1)
	}
	os.Exit(1)
}

// lastLine is the time that a launcher needs to pass on what was printed. MPICH's drops the rest once ranks abort.
const lastLine = 300 * time.Millisecond

// exchange calls a function that waits for rank from, or for all if it is -1.
func (c *Comm) exchange(operation string, from, function int, args ...uintptr) error {
	defer c.watch.enter(operation, from)()
	if err := c.call(function, args...); err != nil {
		return &dist.CommError{Err: err}
	}
	return nil
}

// call calls a function of the library. What args point to lies in memory that c keeps.
func (c *Comm) call(function int, args ...uintptr) error {
	r, _, _ := purego.SyscallN(c.library.functions[function], args...)
	if code := int32(r); code != 0 {
		return fmt.Errorf("%s: %s", functionNames[function], c.explain(code))
	}
	return nil
}

// explain returns the library's words for the code of an error.
func (c *Comm) explain(code int32) string {
	if r, _, _ := purego.SyscallN(c.library.functions[errorString], uintptr(code), address(&c.text[0]), address(&c.length)); int32(r) != 0 {
		return fmt.Sprintf("error %d", code)
	}
	return strings.TrimSpace(string(c.text[:min(max(int(c.length), 0), len(c.text))]))
}

// MPI counts elements by C's ints. More than mostBytes are counted by pages of pageBytes, to which memory is rounded up.
const (
	mostBytes = 1 << 30
	pageBytes = 1 << 12
)

// padded returns n rounded up to pages.
func padded(n int) int { return (n + pageBytes - 1) &^ (pageBytes - 1) }

// units returns how many elements n bytes are and of which type, in a message where all ranks see total bytes.
func (c *Comm) units(n, total int) (count, unit uintptr) {
	if total <= c.most {
		return uintptr(n), c.library.byte_
	}
	return uintptr(padded(n) / pageBytes), c.page
}

// arena is memory for messages. It is never given back: networks remember where memory lies that they may read.
type arena struct{ all [][]byte }

// bytes returns n bytes, the same at every call unless more are asked for than before.
func (a *arena) bytes(n int) []byte {
	if n = max(padded(n), pageBytes); len(a.all) == 0 || len(a.all[len(a.all)-1]) < n {
		a.all = append(a.all, memory.Bytes(n+n/2))
	}
	return a.all[len(a.all)-1]
}

// address returns the address of what lies on the heap, and stays there while it is reachable.
func address[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }
