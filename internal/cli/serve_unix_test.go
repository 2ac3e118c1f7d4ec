//go:build unix

package cli

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/onehot-go/onehot/model"
)

// TestServeSignals sends SIGHUP and SIGTERM to a server under load. A model takes another's place,
// no request fails that was sent before the server is gone, and its status is 0.
func TestServeSignals(t *testing.T) {
	path, other := drawingsModel(t, "", 1), drawingsModel(t, "", 2)
	said := &told{at: make(chan string, 1)}
	c := exec.Command(os.Args[0], "serve", "digits="+path, "--addr", "127.0.0.1:0", "--drain-delay", "3s")
	c.Env = append(os.Environ(), fmt.Sprintf("%s=%d", killAt, noKill))
	c.Stderr = said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	var at string
	select {
	case at = <-said.at:
	case err := <-ended:
		t.Fatalf("%v, %s", err, said)
	}
	m, err := model.Load(other)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	body := []byte(`{"inputs":[{"name":"input","datatype":"UINT8","shape":[1,1,2,2],"data":[1,2,3,4]}]}`)
	var answers sync.Map
	var answered atomic.Int64
	var hungUp, drained sync.Once
	var clients sync.WaitGroup
	for range 2 {
		clients.Go(func() {
			client := newClient()
			left := 5 // requests once the server drains
			for left > 0 && !t.Failed() {
				status, text := fetch(t, client, "POST", at+"/v2/models/digits/infer", body)
				if status != http.StatusOK {
					t.Errorf("status %d, %s", status, text)
				}
				answers.Store(text, true)
				kinds := 0
				answers.Range(func(any, any) bool { kinds++; return true })
				switch n := answered.Add(1); {
				case n > 20 && kinds == 1:
					hungUp.Do(func() { c.Process.Signal(syscall.SIGHUP) })
				case kinds == 2:
					drained.Do(func() { c.Process.Signal(syscall.SIGTERM) })
				}
				if ready, _ := fetch(t, client, "GET", at+"/v2/health/ready", nil); ready != http.StatusOK {
					left--
				}
			}
		})
	}
	clients.Wait()
	if err := <-ended; err != nil {
		t.Errorf("%v, %s", err, said)
	}
}
