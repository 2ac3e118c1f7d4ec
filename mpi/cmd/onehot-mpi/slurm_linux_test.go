package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// slurmConfig is the configuration of a cluster of one machine: a folder, its name, and the ports of both daemons. All listen on the loopback
// alone, and cgroups and the rights to them are not needed.
const slurmConfig = `ClusterName=onehot
SlurmctldHost=%[2]s(127.0.0.1)
SlurmctldPort=%[3]d
SlurmdPort=%[4]d
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=%[1]s/munge.socket
CredType=cred/munge
StateSaveLocation=%[1]s/state
SlurmdSpoolDir=%[1]s/spool
SlurmctldPidFile=%[1]s/slurmctld.pid
SlurmdPidFile=%[1]s/slurmd.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
NodeName=%[2]s NodeAddr=127.0.0.1 CPUs=16
PartitionName=all Nodes=ALL Default=YES
`

// startSlurm starts Slurm's daemons until the test ends, or skips the test where they do not start a job within a minute.
func startSlurm(t *testing.T) {
	t.Helper()
	for _, name := range []string{"munged", "slurmctld", "slurmd", "srun"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed: ranks under Slurm were not run", name)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("slurmd is root's: ranks under Slurm were not run")
	}
	dir := t.TempDir()
	machine, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	machine, _, _ = strings.Cut(machine, ".")
	write(t, filepath.Join(dir, "slurm.conf"), fmt.Appendf(nil, slurmConfig, dir, machine, freePort(t), freePort(t)))
	key := filepath.Join(dir, "munge.key")
	if err := os.WriteFile(key, bytes.Repeat([]byte("onehot"), 20), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"state", "spool"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("SLURM_CONF", filepath.Join(dir, "slurm.conf"))

	// Daemons end before the thread that started them does.
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	var logs []string
	daemon := func(name string, args ...string) {
		t.Helper()
		log, err := os.Create(filepath.Join(dir, name+".log"))
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		logs = append(logs, log.Name())
		c := exec.Command(name, args...)
		c.Stdout, c.Stderr = log, log
		c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // if the test is killed
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			c.Process.Kill() // they have nothing to keep
			c.Wait()
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	socket := filepath.Join(dir, "munge.socket")
	// A folder that not all can enter is a fault to it, without force.
	daemon("munged", "--foreground", "--force", "--socket="+socket, "--key-file="+key, "--pid-file="+filepath.Join(dir, "munge.pid"), "--seed-file="+filepath.Join(dir, "munge.seed"))
	for ctx.Err() == nil {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	daemon("slurmctld", "-D")
	daemon("slurmd", "-D", "-N", machine)
	for {
		try, cancel := context.WithTimeout(ctx, 20*time.Second)
		said, err := exec.CommandContext(try, "srun", "-n", "2", "true").CombinedOutput()
		cancel()
		if err == nil {
			t.Cleanup(func() { awaitJobs(t) })
			return
		}
		if ctx.Err() != nil {
			for _, log := range logs {
				text, _ := os.ReadFile(log)
				said = append(said, text...)
			}
			t.Skipf("Slurm started no job within a minute (%v): its ranks were not run: %s", err, said)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// awaitJobs waits until Slurm's jobs are gone. What starts ranks reports their end to the daemons, and does not end before
// they know it.
func awaitJobs(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if t.Failed() {
		exec.CommandContext(ctx, "scancel", "--user=root", "--signal=KILL").Run()
	}
	for ctx.Err() == nil {
		if jobs, err := exec.CommandContext(ctx, "squeue", "--noheader").Output(); err == nil && len(jobs) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// freePort returns a port of the loopback that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// TestSlurm has srun start two ranks of Open MPI and of MPICH: the bytes are those of one rank.
func TestSlurm(t *testing.T) {
	startSlurm(t)
	types, err := exec.Command("srun", "--mpi=list").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, types)
	}
	dir := t.TempDir()
	writeData(t, dir)
	args := pictures(64, "--model", "mlp", "--hidden", "16", "--epochs", "3", "--mpi-timeout", "10s", "--shards", "16", "--out")
	if out, err := launch(t, dir, openMPI, 1, "", append(args, "one")...); err != nil {
		t.Fatalf("one rank: %v: %s", err, out)
	}
	for kind, library := range map[string]string{"pmix": "libmpi.so.40", "pmi2": "libmpich.so.12"} {
		t.Run(kind, func(t *testing.T) {
			if !slices.Contains(strings.Fields(string(types)), kind) {
				t.Skipf("Slurm has no %s: its ranks were not run", kind)
			}
			t.Setenv("ONEHOT_MPI", library)
			srun := []string{"srun", "--mpi=" + kind}
			if out, err := launch(t, dir, srun, 2, "", append(args, kind)...); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if found, want := sum(t, filepath.Join(dir, kind)), sum(t, filepath.Join(dir, "one")); found != want {
				t.Errorf("found %s, %s expected", found, want)
			}
		})
	}
}
