package mpi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/onehot-go/onehot/dist"
)

// workVariable has what a process does that mpirun started of this test.
const workVariable = "ONEHOT_MPI_TEST"

func TestMain(m *testing.M) {
	if work := os.Getenv(workVariable); work != "" {
		if err := works[work](); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// launchers are those of Debian, with what they need to let root start more processes than cores.
var launchers = map[string][]string{
	"Open MPI": {"mpirun.openmpi", "--allow-run-as-root", "--oversubscribe"},
	"MPICH":    {"mpirun.mpich"},
}

// under returns the command that has n ranks do a work, or skips the test where there is no such launcher.
func under(t *testing.T, launcher string, n int, work string) *exec.Cmd {
	t.Helper()
	line := launchers[launcher]
	path, err := exec.LookPath(line[0])
	if err != nil {
		t.Skipf("%s is not installed: ranks under %s were not run", line[0], launcher)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, path, append(line[1:len(line):len(line)], "-n", fmt.Sprint(n), program)...)
	c.Env = append(os.Environ(), workVariable+"="+work)
	return c
}

// works are what ranks do.
var works = map[string]func() error{
	"exchanges": exchanges,
	"abort": func() error {
		c, err := Open(0)
		if err != nil {
			return err
		}
		if c.Rank() == 1 {
			c.Abort(errors.New("the disk is full"))
		}
		return c.Broadcast(make([]byte, 1), 1)
	},
	"dies":  func() error { return alone(func() { os.Exit(9) }) },
	"hangs": func() error { return alone(func() { select {} }) },
}

// alone has rank 1 do f, while the others wait for it.
func alone(f func()) error {
	c, err := Open(2 * time.Second)
	if err != nil {
		return err
	}
	if err := c.Broadcast(make([]byte, 1), 0); err != nil {
		return err
	}
	if c.Rank() == 1 {
		f()
	}
	return c.Broadcast(make([]byte, 1), 1)
}

// content returns what rank from sends to rank to in a turn.
func content(from, to, turn, length int) []byte {
	b := make([]byte, length)
	rand.NewChaCha8([32]byte{byte(from), byte(to), byte(turn)}).Read(b)
	return b
}

// exchanges compares what the operations move with what dist.Comm says, for blocks of many lengths, and with a
// number of bytes that is counted by pages.
func exchanges() error {
	c, err := Open(time.Minute)
	if err != nil {
		return err
	}
	length := func(from, to, turn int) int { return turn * (from*7 + to*3) * (1 + from*to*turn*turn) }
	for turn := range 30 {
		send, recv := make([][]byte, c.Size()), make([][]byte, c.Size())
		for i := range send {
			send[i] = content(c.Rank(), i, turn, length(c.Rank(), i, turn))
			recv[i] = make([]byte, length(i, c.Rank(), turn))
		}
		if err := c.AllToAll(send, recv); err != nil {
			return err
		}
		for i := range recv {
			if !bytes.Equal(recv[i], content(i, c.Rank(), turn, len(recv[i]))) {
				return fmt.Errorf("AllToAll, turn %d: rank %d found other bytes of rank %d", turn, c.Rank(), i)
			}
			recv[i] = make([]byte, length(i, i, turn))
		}
		if err := c.AllGather(content(c.Rank(), 0, turn, length(c.Rank(), c.Rank(), turn)), recv); err != nil {
			return err
		}
		for i := range recv {
			if !bytes.Equal(recv[i], content(i, 0, turn, len(recv[i]))) {
				return fmt.Errorf("AllGather, turn %d: rank %d found other bytes of rank %d", turn, c.Rank(), i)
			}
		}
		root := turn % c.Size()
		data := content(c.Rank(), 1, turn, 1000*turn)
		if err := c.Broadcast(data, root); err != nil {
			return err
		}
		if !bytes.Equal(data, content(root, 1, turn, len(data))) {
			return fmt.Errorf("Broadcast, turn %d: rank %d found other bytes of rank %d", turn, c.Rank(), root)
		}
	}
	if err := c.large(); err != nil {
		return err
	}
	if err := dist.Compare(c, []dist.Fact{{Name: "library", Value: c.Library()}}, nil); err != nil {
		return err
	}
	fmt.Printf("rank %d of %d: %s\n", c.Rank(), c.Size(), c.library.title)
	return c.Close()
}

// large moves blocks that are counted by pages, as those of more than mostBytes are.
func (c *Comm) large() error {
	before := c.most
	c.most = 100
	defer func() { c.most = before }()
	n := 5*pageBytes + 17
	send, recv := make([][]byte, c.size), make([][]byte, c.size)
	for i := range send {
		send[i], recv[i] = content(c.rank, i, 0, n+i), make([]byte, n+c.rank)
	}
	if err := c.AllToAll(send, recv); err != nil {
		return err
	}
	for i := range recv {
		if !bytes.Equal(recv[i], content(i, c.rank, 0, n+c.rank)) {
			return fmt.Errorf("AllToAll by pages: rank %d found other bytes of rank %d", c.rank, i)
		}
		recv[i] = make([]byte, n+2*i)
	}
	if err := c.AllGather(content(c.rank, 0, 1, n+2*c.rank), recv); err != nil {
		return err
	}
	for i := range recv {
		if !bytes.Equal(recv[i], content(i, 0, 1, n+2*i)) {
			return fmt.Errorf("AllGather by pages: rank %d found other bytes of rank %d", c.rank, i)
		}
	}
	data := content(c.rank, 0, 2, n)
	if err := c.Broadcast(data, c.size-1); err != nil {
		return err
	}
	if !bytes.Equal(data, content(c.size-1, 0, 2, n)) {
		return fmt.Errorf("Broadcast by pages: rank %d found other bytes", c.rank)
	}
	return nil
}

func TestExchanges(t *testing.T) {
	for launcher, ranks := range map[string][]int{"Open MPI": {1, 2, 3, 4}, "MPICH": {1, 2}} {
		for _, n := range ranks {
			t.Run(fmt.Sprintf("%s, %d", launcher, n), func(t *testing.T) {
				out, err := under(t, launcher, n, "exchanges").CombinedOutput()
				for rank := range n {
					if line := fmt.Sprintf("rank %d of %d: %s\n", rank, n, launcher); !bytes.Contains(out, []byte(line)) {
						t.Errorf("found no line %q", line)
					}
				}
				if err != nil || t.Failed() {
					t.Errorf("%v: %s", err, out)
				}
			})
		}
	}
}

// TestAllRanksEnd has one rank fail in many ways, while the others wait for it. The context of a command ends it after a
// minute: far later than the ranks do.
func TestAllRanksEnd(t *testing.T) {
	for launcher, n := range map[string]int{"Open MPI": 3, "MPICH": 2} {
		for work, want := range map[string]string{
			"abort": "onehot: rank 1: the disk is full\n",
			"dies":  "",
			"hangs": "onehot: rank 0: waited 2s for rank 1 in Broadcast, exchange 2 of the run",
		} {
			t.Run(launcher+", "+work, func(t *testing.T) {
				c := under(t, launcher, n, work)
				out, err := c.CombinedOutput()
				if _, ok := errors.AsType[*exec.ExitError](err); !ok || c.ProcessState.ExitCode() < 1 || !bytes.Contains(out, []byte(want)) {
					t.Errorf("%v: %s; %q expected", err, out, want)
				}
			})
		}
	}
}

func TestLibraries(t *testing.T) {
	t.Setenv(LibraryVariable, filepath.Join(t.TempDir(), "none.so"))
	if _, err := Open(0); err == nil || !strings.Contains(err.Error(), "none.so") || !strings.Contains(err.Error(), LibraryVariable) {
		t.Errorf("no file: found %v", err)
	}
	t.Setenv(LibraryVariable, "libm.so.6")
	if _, err := Open(0); err == nil || err.Error() != "libm.so.6: found no function MPI_Init_thread: an MPI library expected" {
		t.Errorf("another library: found %v", err)
	}
	t.Setenv(LibraryVariable, "")
	for _, name := range []string{"PMI_RANK", "OMPI_COMM_WORLD_SIZE"} {
		os.Unsetenv(name)
	}
	if names := candidates(); names[1] != "libmpi.so.40" {
		t.Errorf("found %q", names)
	}
	t.Setenv("PMI_RANK", "0")
	if names := candidates(); names[1] != "libmpi.so.12" || names[len(names)-1] != "libmpi.so.40" {
		t.Errorf("under MPICH's launcher: found %q", names)
	}
}

func TestWatch(t *testing.T) {
	var w watch
	begin := time.Now()
	if line := w.late(1, time.Second, begin.Add(time.Hour)); line != "" {
		t.Errorf("nothing goes on: found %q", line)
	}
	leave := w.enter("AllGather", -1)
	if line := w.late(1, time.Minute, begin.Add(50*time.Second)); line != "" {
		t.Errorf("in time: found %q", line)
	}
	if line := w.late(1, time.Minute, begin.Add(time.Hour)); !strings.HasPrefix(line, "onehot: rank 1: waited 1m0s for the other ranks in AllGather, exchange 1 of the run") {
		t.Errorf("found %q", line)
	}
	leave()
	if line := w.late(1, time.Minute, begin.Add(time.Hour)); line != "" {
		t.Errorf("it has ended: found %q", line)
	}
}
