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
	"slices"
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
	"absent": func() error {
		// Launchers take a process that ends well before MPI begins for one that has no part in it.
		if os.Getenv("OMPI_COMM_WORLD_RANK") == "1" || os.Getenv("PMI_RANK") == "1" {
			return nil
		}
		_, err := Open(2 * time.Second)
		return err
	},
	"standard": standard,
	"dies":     func() error { return alone(func() { os.Exit(9) }) },
	"hangs":    func() error { return alone(func() { select {} }) },
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
	if err := nilPointer(); err == nil {
		return errors.New("the library took the signal of which Go makes a panic")
	}
	if err := dist.Compare(c, []dist.Fact{{Name: "library", Value: c.Library()}}, nil); err != nil {
		return err
	}
	fmt.Printf("rank %d of %d: %s\n", c.Rank(), c.Size(), c.library.title)
	return c.Close()
}

// nilPointer returns the error that a nil pointer is.
func nilPointer() (err error) {
	defer func() { err, _ = recover().(error) }()
	var p *Comm
	p.size++
	return nil
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
				if err != nil || t.Failed() || bytes.Contains(out, []byte("WARNING")) {
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
			"abort":  "onehot: rank 1: the disk is full\n",
			"absent": "onehot: waited 2s for the other ranks in MPI_Init_thread",
			"dies":   "",
			"hangs":  "onehot: rank 0: waited 2s for rank 1 in Broadcast, exchange 2 of the run",
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
	if names := candidates(); names[0] != "libmpi.so.40" {
		t.Errorf("found %q", names)
	}
	t.Setenv("PMI_RANK", "0")
	if names := candidates(); names[0] != "libmpi.so.12" || names[len(names)-1] != "libmpi.so.40" {
		t.Errorf("under MPICH's launcher: found %q", names)
	}
}

// TestStandardInterface has a library with the constants of MPI 5's standard interface in its header, which refuses others.
func TestStandardInterface(t *testing.T) {
	compiler, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler is installed: the standard interface was not tried")
	}
	library := filepath.Join(t.TempDir(), "libmpi_abi.so.1")
	if out, err := exec.CommandContext(t.Context(), compiler, "-shared", "-fPIC", "-o", library, filepath.Join("testdata", "standard.c")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), program)
	c.Env = append(os.Environ(), workVariable+"=standard", LibraryVariable+"="+library)
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// standard is what the one rank of TestStandardInterface does.
func standard() error {
	c, err := Open(0)
	if err != nil {
		return err
	}
	if c.library.title != "MPI's standard interface" || c.Rank() != 0 || c.Size() != 1 {
		return fmt.Errorf("found rank %d of %d, %s", c.Rank(), c.Size(), c.Library())
	}
	if err := c.Broadcast(make([]byte, 5), 0); err != nil {
		return err
	}
	if err := c.large(); err != nil {
		return err
	}
	err = c.Broadcast(make([]byte, 13), 0) // which the library refuses
	if _, ok := errors.AsType[*dist.CommError](err); !ok || err.Error() != "between ranks: MPI_Bcast: no 13 bytes" {
		return fmt.Errorf("found %v", err)
	}
	return c.Close()
}

func TestWatch(t *testing.T) {
	const gone = ": they or the connection are gone"
	for name, c := range map[string]struct {
		timeout time.Duration
		rank    int
		from    int
		stopped int // the second after which this process is stopped for an hour, 0 for none
		want    []string
	}{
		"ends": {time.Minute, 1, -1, 0, []string{
			"30 onehot: rank 1: waited 30s for the other ranks in AllGather, exchange 1 of the run: all ranks end after 1m0s",
			"60 onehot: rank 1: waited 1m0s for the other ranks in AllGather, exchange 1 of the run" + gone + "; --resume goes on from the last checkpoint",
		}},
		"for ever": {0, 0, 2, 0, []string{
			"30 onehot: rank 0: waited 30s for rank 2 in AllGather, exchange 1 of the run",
			"60 onehot: rank 0: waited 1m0s for rank 2 in AllGather, exchange 1 of the run",
			"90 onehot: rank 0: waited 1m30s for rank 2 in AllGather, exchange 1 of the run",
		}},
		"one of many": {80 * time.Second, 7, 2, 0, []string{
			"80 onehot: rank 7: waited 1m20s for rank 2 in AllGather, exchange 1 of the run" + gone + "; --resume goes on from the last checkpoint",
		}},
		"before the start": {2 * time.Second, unknown, -1, 0, []string{"2 onehot: waited 2s for the other ranks in AllGather" + gone}},
		"stopped": {50 * time.Second, 0, 2, 10, []string{
			"29 onehot: rank 0: waited 30s for rank 2 in AllGather, exchange 1 of the run: all ranks end after 50s",
			"49 onehot: rank 0: waited 50s for rank 2 in AllGather, exchange 1 of the run" + gone + "; --resume goes on from the last checkpoint",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := watch{timeout: c.timeout, rank: c.rank}
			now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			none := func() {
				t.Helper()
				if line, late := w.look(now.Add(1000 * time.Hour)); line != "" || late {
					t.Errorf("nothing goes on: found %q, %v", line, late)
				}
			}
			none()
			w.begin("AllGather", c.from, now)
			var found []string
			ended := false
			for second := 1; second <= 100 && !ended; second++ {
				now = now.Add(time.Second)
				if second == c.stopped {
					now = now.Add(time.Hour)
				}
				var line string
				if line, ended = w.look(now); line != "" {
					found = append(found, fmt.Sprint(second, " ", line))
				}
			}
			if !slices.Equal(found, c.want) || ended != (c.timeout > 0) {
				t.Errorf("found %q, and the end %v; %q expected", found, ended, c.want)
			}
			w.leave()
			none()
		})
	}
	w := watch{rank: 0}
	for call := range 2 { // each operation waits for itself
		now := time.Date(2026, 1, 1, call, 0, 0, 0, time.UTC)
		w.begin("AllToAll", 1, now)
		for second := range 35 {
			if line, _ := w.look(now.Add(time.Duration(second) * time.Second)); (line != "") != (second == 30) {
				t.Errorf("operation %d, second %d: found %q", w.calls, second, line)
			}
		}
		w.leave()
	}
}
