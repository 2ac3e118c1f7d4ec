package cli

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// What those who watch a run may take of the process that trains.
const (
	maxWatchers     = 32              // connections at once: the run's own files need some, and many systems give 256 in all
	idleTimeout     = 5 * time.Second // of a connection without a request
	shutdownTimeout = time.Second     // for open pages to get the last event
)

// serveWatchers serves the handler on l until stop is called, which waits for open requests, but not
// long, nor for connections without one.
func serveWatchers(h http.Handler, l net.Listener) (stop func()) {
	silent := &connections{open: map[net.Conn]bool{}}
	s := &http.Server{Handler: h, ReadHeaderTimeout: idleTimeout, IdleTimeout: idleTimeout, ConnState: silent.follow}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Serve(bounded(l, maxWatchers)) // its error is that of the listener that stop closes
	}()
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		silent.close() // Shutdown would wait five seconds for them
		if s.Shutdown(ctx) != nil {
			s.Close()
		}
		<-done
	}
}

// connections are those that have sent nothing yet.
type connections struct {
	mu     sync.Mutex
	open   map[net.Conn]bool
	closed bool
}

// follow is told of what a connection has come to.
func (c *connections) follow(of net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(c.open, of)
	case c.closed:
		of.Close()
	default:
		c.open[of] = true
	}
}

// close closes them, and those that are yet to come.
func (c *connections) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for of := range c.open {
		of.Close()
	}
}

// boundedListener accepts so many connections at once. Others wait outside the process.
type boundedListener struct {
	net.Listener
	taken  chan struct{} // has an element for each that is open
	closed chan struct{}
	close  func() error
}

func bounded(l net.Listener, n int) *boundedListener {
	b := &boundedListener{Listener: l, taken: make(chan struct{}, n), closed: make(chan struct{})}
	b.close = sync.OnceValue(func() error {
		close(b.closed)
		return l.Close()
	})
	return b
}

// Accept waits until there is room for a connection, and one comes.
func (b *boundedListener) Accept() (net.Conn, error) {
	select {
	case b.taken <- struct{}{}:
	case <-b.closed:
		return nil, net.ErrClosed
	}
	c, err := b.Listener.Accept()
	if err != nil {
		<-b.taken
		return nil, err
	}
	return &boundedConn{c, sync.OnceFunc(func() { <-b.taken })}, nil
}

// Close closes the listener.
func (b *boundedListener) Close() error { return b.close() }

// boundedConn gives its room back when it is closed.
type boundedConn struct {
	net.Conn
	release func()
}

func (c *boundedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}
