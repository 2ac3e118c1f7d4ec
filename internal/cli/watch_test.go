package cli

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// listen returns a listener on this machine.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// dial opens a connection and sends what is given. It is closed when the test ends.
func dial(t *testing.T, address, sent string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, sent); err != nil {
		t.Fatal(err)
	}
	return c
}

const request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

// TestServeBound has more connections than are served at once: the others get their turn when
// there is room.
func TestServeBound(t *testing.T) {
	var open, most atomic.Int64
	entered, leave := make(chan struct{}), make(chan struct{})
	l := listen(t)
	stop := serveWatchers(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n := open.Add(1); n > most.Load() {
			most.Store(n)
		}
		entered <- struct{}{}
		<-leave
		open.Add(-1)
		fmt.Fprint(w, "served")
	}), l)
	defer stop()
	const all = maxWatchers + 20
	var answers []net.Conn
	for range all {
		answers = append(answers, dial(t, l.Addr().String(), request))
	}
	for range maxWatchers {
		<-entered
	}
	for range all - maxWatchers { // one leaves, and another comes
		leave <- struct{}{}
		<-entered
	}
	close(leave)
	for i, c := range answers {
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		if text, err := io.ReadAll(answer.Body); err != nil || string(text) != "served" {
			t.Errorf("connection %d: %q, %v", i, text, err)
		}
	}
	if n := most.Load(); n != maxWatchers {
		t.Errorf("%d at once, %d expected", n, maxWatchers)
	}
}

// TestServeStops stops a server with connections that send nothing, or half of a request, or
// read nothing: it does not wait for them, and they are closed.
func TestServeStops(t *testing.T) {
	entered := make(chan struct{}, 1)
	l := listen(t)
	stop := serveWatchers(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		for r.Context().Err() == nil { // until the buffers of the connection are full
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	}), l)
	address := l.Addr().String()
	silent, half := dial(t, address, ""), dial(t, address, "GET / HTT")
	dial(t, address, request)
	<-entered
	stop()
	for _, c := range []net.Conn{silent, half} {
		if _, err := io.ReadAll(c); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Error(err)
		}
	}
	if c, err := net.Dial("tcp", address); err == nil {
		c.Close()
		t.Error("it still listens")
	}
}
