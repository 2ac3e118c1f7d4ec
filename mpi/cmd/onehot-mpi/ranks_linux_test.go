package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"image/png"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/safetensors"
	"github.com/onehot-go/onehot/model/zoo"
	"github.com/onehot-go/onehot/mpi"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
)

// Environment variables that make the test the program, which may fail by itself.
const (
	programVariable = "ONEHOT_MPI_TEST_PROGRAM"
	faultVariable   = "ONEHOT_MPI_TEST_FAULT" // "KILL 1 40": rank 1, before its exchange 40; DOWN is of the link between two machines
)

func TestMain(m *testing.M) {
	if os.Getenv(programVariable) == "" {
		os.Exit(m.Run())
	}
	os.Exit(run(os.Args[1:], func(c *mpi.Comm) dist.Comm {
		f := &faulty{Comm: c}
		if text := os.Getenv(faultVariable); text != "" {
			if _, err := fmt.Sscan(text, &f.signal, &f.rank, &f.at); err != nil {
				panic(err)
			}
		}
		return f
	}))
}

// faulty sends a signal to its own process before an exchange, or takes its link down.
type faulty struct {
	dist.Comm
	signal    string
	rank, at  int
	exchanges int
}

func (f *faulty) count() {
	if f.exchanges++; f.signal == "" || f.Rank() != f.rank || f.exchanges != f.at {
		return
	}
	if f.signal == "DOWN" {
		if out, err := exec.Command("ip", "link", "set", links[0], "down").CombinedOutput(); err != nil {
			panic(fmt.Sprintf("%v: %s", err, out))
		}
		return
	}
	syscall.Kill(os.Getpid(), map[string]syscall.Signal{"KILL": syscall.SIGKILL, "STOP": syscall.SIGSTOP, "TERM": syscall.SIGTERM}[f.signal])
	if f.signal == "KILL" {
		select {} // a signal takes its time
	}
}

func (f *faulty) AllToAll(send, recv [][]byte) error {
	f.count()
	return f.Comm.AllToAll(send, recv)
}

func (f *faulty) AllGather(send []byte, recv [][]byte) error {
	f.count()
	return f.Comm.AllGather(send, recv)
}

func (f *faulty) Broadcast(data []byte, root int) error {
	f.count()
	return f.Comm.Broadcast(data, root)
}

// The launchers of Debian, with what lets root start more processes than there are cores.
var (
	openMPI = []string{"mpirun.openmpi", "--allow-run-as-root", "--oversubscribe"}
	mpich   = []string{"mpirun.mpich"}
)

// launch runs the program on n ranks in a folder, with a fault or none, and returns what they printed. The context ends it after
// two minutes, far later than ranks end by themselves.
func launch(t *testing.T, dir string, launcher []string, n int, fault string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := command(ctx, t, dir, launcher, n, fault, args...).CombinedOutput()
	if err := ctx.Err(); err != nil {
		t.Fatalf("%q: %v: %s", args, err, out)
	}
	return string(out), err
}

// command returns the command that launch runs.
func command(ctx context.Context, t *testing.T, dir string, launcher []string, n int, fault string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath(launcher[0])
	if err != nil {
		t.Skipf("%s is not installed: its ranks were not run", launcher[0])
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(ctx, path, slices.Concat(launcher[1:], []string{"-n", fmt.Sprint(n), program}, args)...)
	c.WaitDelay = time.Second                                        // a launcher that is killed leaves others that hold its output
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // if the test is killed
	c.Dir, c.Env = dir, append(os.Environ(), programVariable+"=yes", faultVariable+"="+fault, "XDG_CACHE_HOME="+filepath.Join(dir, fmt.Sprint("cache", n)))
	return c
}

// writeData writes pictures of three classes, a table, and weights of a pretrained net to dir.
func writeData(t *testing.T, dir string) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	var rows bytes.Buffer
	rows.WriteString("x,y,z,class\n")
	for i := range 300 {
		class := i % 3
		fmt.Fprintf(&rows, "%.3f,%.3f,%d,%c\n", r.NormFloat64()+float64(class), r.NormFloat64(), i%7, "abc"[class])
		img := image.NewGray(image.Rect(0, 0, 28, 28))
		for at := range img.Pix {
			img.Pix[at] = uint8(60*class + r.IntN(100))
		}
		var file bytes.Buffer
		if err := png.Encode(&file, img); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "pictures", "abc"[class:class+1], fmt.Sprintf("%03d.png", i)), file.Bytes())
	}
	write(t, filepath.Join(dir, "rows.csv"), rows.Bytes())
	n, err := zoo.Named("mobilenet_v3_small")
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.New(n.Definition([]string{"a", "b", "c"}), random.New(1))
	if err != nil {
		t.Fatal(err)
	}
	var weights safetensors.File
	state := maps.Collect(nn.StateDict(m.Net))
	for _, name := range slices.Sorted(maps.Keys(state)) {
		weights.Tensors = append(weights.Tensors, safetensors.Tensor{Name: name, Value: state[name]})
	}
	var file bytes.Buffer
	if err := weights.Write(&file); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "weights.safetensors"), file.Bytes())
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, content, 0o666)); err != nil {
		t.Fatal(err)
	}
}

// sum returns what a run keeps: the hash of its model, its figures, and its history without seconds.
func sum(t *testing.T, run string) string {
	t.Helper()
	var parts []string
	for _, name := range []string{"model.safetensors", "metrics.json"} {
		content, err := os.ReadFile(filepath.Join(run, name))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, fmt.Sprintf("%s %x", name, sha256.Sum256(content)))
	}
	history, err := os.ReadFile(filepath.Join(run, "history.csv"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(history)), "\n")
	header := strings.Split(lines[0], ",")
	for _, line := range lines {
		var fields []string
		for i, field := range strings.Split(line, ",") {
			if !strings.Contains(header[i], "seconds") {
				fields = append(fields, field)
			}
		}
		parts = append(parts, strings.Join(fields, ","))
	}
	return strings.Join(parts, "\n")
}

// pictures are the arguments of a run on pictures, of batches of so many.
func pictures(batch int, more ...string) []string {
	return append([]string{"train", "pictures", "--size", "28", "--test", "0.2", "--seed", "3", "--threads", "1", "--batch-size", fmt.Sprint(batch)}, more...)
}

func TestSameBytesOnAnyNumberOfRanks(t *testing.T) {
	dir := t.TempDir()
	writeData(t, dir)
	for name, args := range map[string][]string{
		"softmax": pictures(64, "--model", "softmax", "--epochs", "3"),
		"mlp":     pictures(64, "--model", "mlp", "--hidden", "32", "--dropout", "0.2", "--momentum", "0.9", "--optimizer", "sgd", "--lr", "0.05", "--epochs", "3"),
		"cnn":     pictures(128, "--model", "cnn", "--shards", "8", "--augment", "crop:2,flip", "--epochs", "1"),
		"lbfgs":   {"train", "pictures", "--size", "28", "--model", "softmax", "--optimizer", "lbfgs", "--epochs", "4", "--test", "0.2", "--threads", "1"},
		"table":   {"train", "rows.csv", "--label-column", "class", "--test", "0.2", "--threads", "1"},
		"probe":   {"train", "pictures", "--pretrained", "mobilenet_v3_small", "--weights", "weights.safetensors", "--test", "0.2", "--threads", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			want := ""
			for _, k := range []struct {
				launcher []string
				ranks    int
			}{{openMPI, 2}, {openMPI, 1}, {openMPI, 3}, {openMPI, 4}, {mpich, 2}} {
				run := filepath.Join(dir, fmt.Sprintf("%s-%s-%d", name, k.launcher[0], k.ranks))
				more := []string{"--out", run}
				if k.ranks == 1 && (name == "softmax" || name == "mlp") { // as with several, where nothing is said
					more = append(more, "--shards", "16")
				}
				if out, err := launch(t, dir, k.launcher, k.ranks, "", slices.Concat(args, more)...); err != nil {
					t.Fatalf("%d ranks: %v: %s", k.ranks, err, out)
				}
				found := sum(t, run)
				if want == "" {
					want = found
				}
				if found != want {
					t.Errorf("%d ranks under %s keep other bytes: %s\n%s expected", k.ranks, k.launcher[0], found, want)
				}
			}
		})
	}
}

// TestKilledRunsGoOn kills a run on three ranks and goes on with two, kills that and goes on with one: the bytes are those of
// a run that was never stopped.
func TestKilledRunsGoOn(t *testing.T) {
	dir := t.TempDir()
	writeData(t, dir)
	args := pictures(64, "--model", "mlp", "--hidden", "16", "--momentum", "0.9", "--optimizer", "sgd", "--lr", "0.05", "--epochs", "30")
	if out, err := launch(t, dir, openMPI, 2, "", append(args, "--out", "whole")...); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	epochs := func() int {
		history, err := os.ReadFile(filepath.Join(dir, "parts", "history.csv"))
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Count(history, []byte("\n")) - 1
	}
	if out, err := launch(t, dir, openMPI, 3, "KILL 1 140", append(args, "--out", "parts")...); err == nil {
		t.Fatalf("a run that was killed ended well: %s", out)
	}
	first := epochs()
	if out, err := launch(t, dir, openMPI, 2, "KILL 0 140", "train", "--resume", "--out", "parts"); err == nil {
		t.Fatalf("a run that was killed ended well: %s", out)
	}
	second := epochs()
	if out, err := launch(t, dir, openMPI, 1, "", "train", "--resume", "--out", "parts"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !(0 < first && first < second && second < 30) {
		t.Errorf("killed after %d and %d epochs of 30, in the middle expected", first, second)
	}
	if found, want := sum(t, filepath.Join(dir, "parts")), sum(t, filepath.Join(dir, "whole")); found != want {
		t.Errorf("found %s, %s expected", found, want)
	}
}

// TestRanksThatFail has a rank killed, stopped or interrupted in the middle of a run: all end, the line says who waited for whom, and
// the run can be resumed.
func TestRanksThatFail(t *testing.T) {
	for name, k := range map[string]struct {
		launcher []string
		ranks    int
		fault    string
		said     string
	}{
		"killed, Open MPI":  {openMPI, 3, "KILL 2 70", ""},
		"killed, MPICH":     {mpich, 2, "KILL 1 70", ""},
		"stopped, Open MPI": {openMPI, 3, "STOP 1 70", "onehot: rank 0: waited 3s for "},
		"stopped, MPICH":    {mpich, 2, "STOP 1 70", "onehot: rank 0: waited 3s for "},
		"interrupted":       {openMPI, 2, "TERM 1 70", "interrupted"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeData(t, dir)
			args := pictures(64, "--model", "softmax", "--epochs", "12", "--out", "run", "--mpi-timeout", "3s")
			out, err := launch(t, dir, k.launcher, k.ranks, k.fault, args...)
			if err == nil || !strings.Contains(out, k.said) {
				t.Fatalf("%v: %s; %q expected", err, out, k.said)
			}
			if out, err := launch(t, dir, k.launcher, 1, "", "train", "--resume", "--out", "run"); err != nil {
				t.Errorf("resumed: %v: %s", err, out)
			}
		})
	}
}

// TestFullDisk has no room for the files of rank 0: it says so, and all ranks end.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	writeData(t, dir)
	small := filepath.Join(dir, "small")
	if err := os.Mkdir(small, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=128k"); err != nil {
		t.Skipf("no small file system can be mounted (%v): a full disk was not tried", err)
	}
	defer syscall.Unmount(small, 0)
	out, err := launch(t, dir, openMPI, 3, "", pictures(64, "--model", "mlp", "--hidden", "256", "--epochs", "2", "--out", filepath.Join(small, "run"))...)
	if err == nil || strings.Count(out, "no space left on device") != 1 {
		t.Errorf("%v: %s", err, out)
	}
}

// Two machines are two namespaces of the network of this one, with a link between them.
var (
	machines  = []string{"onehot-test-a", "onehot-test-b"}
	links     = []string{"onehot-a", "onehot-b"}
	addresses = []string{"10.213.7.1", "10.213.7.2"}
)

// twoMachines makes them, or skips the test where that is not allowed, and returns a launcher for a rank on each.
func twoMachines(t *testing.T) []string {
	t.Helper()
	ip := func(args ...string) error {
		out, err := exec.Command("ip", args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	remove := func() {
		for _, m := range machines {
			ip("netns", "del", m)
		}
	}
	remove() // of a test that was killed
	t.Cleanup(remove)
	err := cmp.Or(ip("netns", "add", machines[0]), ip("netns", "add", machines[1]), ip("link", "add", links[0], "type", "veth", "peer", "name", links[1]))
	for i, m := range machines {
		err = cmp.Or(err, ip("link", "set", links[i], "netns", m), ip("-n", m, "addr", "add", addresses[i]+"/24", "dev", links[i]),
			ip("-n", m, "link", "set", "lo", "up"), ip("-n", m, "link", "set", links[i], "up"),
			// mpirun waits for the other machine until TCP gives it up: here after seconds.
			ip("netns", "exec", m, "sh", "-c", "echo 3 >/proc/sys/net/ipv4/tcp_retries2"))
	}
	if err != nil {
		t.Skipf("no namespaces of the network can be made (%v): two machines were not tried", err)
	}
	// mpirun starts what it needs elsewhere by a program such as ssh. The other machine has a name of its own.
	agent := filepath.Join(t.TempDir(), "agent")
	text := fmt.Sprintf("#!/bin/sh\nshift\nexec ip netns exec %s unshare --uts sh -c 'hostname %[1]s; exec sh -c \"$1\"' sh \"$*\"\n", machines[1])
	if err := os.WriteFile(agent, []byte(text), 0o777); err != nil {
		t.Fatal(err)
	}
	network := addresses[0] + "/24"
	return []string{"ip", "netns", "exec", machines[0], openMPI[0], "--allow-run-as-root", "--mca", "plm_rsh_agent", agent, "--mca", "btl", "tcp,self",
		"--mca", "btl_tcp_if_include", network, "--mca", "oob_tcp_if_include", network, "-H", addresses[0] + ":1," + addresses[1] + ":1"}
}

// TestTwoMachines has a rank on each of two machines: the bytes are those of one. Then the link between them goes: both ranks end, and say
// for whom they waited.
func TestTwoMachines(t *testing.T) {
	launcher := twoMachines(t)
	if _, err := exec.LookPath(openMPI[0]); err != nil {
		t.Skipf("%s is not installed: two machines were not tried", openMPI[0])
	}
	dir := t.TempDir()
	writeData(t, dir)
	args := pictures(64, "--model", "softmax", "--epochs", "3", "--mpi-timeout", "3s", "--shards", "16", "--out")
	for run, l := range map[string][]string{"one": openMPI, "two": launcher} {
		ranks := 1
		if run == "two" {
			ranks = 2
		}
		if out, err := launch(t, dir, l, ranks, "", append(args, run)...); err != nil {
			t.Fatalf("%s: %v: %s", run, err, out)
		}
	}
	if found, want := sum(t, filepath.Join(dir, "two")), sum(t, filepath.Join(dir, "one")); found != want {
		t.Errorf("found %s, %s expected", found, want)
	}
	out, err := launch(t, dir, launcher, 2, "DOWN 0 20", append(args, "down")...)
	if err == nil || !strings.Contains(out, "onehot: rank 0: waited 3s for ") {
		t.Errorf("%v: %s", err, out)
	}
	for end := time.Now().Add(time.Minute); ranks(t, "down") > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("ranks go on after a minute")
		}
	}
}

// ranks returns how many processes of this test have a word among their arguments.
func ranks(t *testing.T, word string) int {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, path := range all {
		text, _ := os.ReadFile(path) // of a process that may have ended
		if words := strings.Split(string(text), "\x00"); words[0] == self && slices.Contains(words, word) {
			n++
		}
	}
	return n
}
