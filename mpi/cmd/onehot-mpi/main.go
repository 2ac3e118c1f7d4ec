// Command onehot-mpi is onehot as one of the ranks that an MPI launcher starts: mpirun -n 4 onehot-mpi train photos/
package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/onehot-go/onehot/internal/cli"
	"github.com/onehot-go/onehot/mpi"
)

func main() {
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, "onehot-mpi:", err)
		os.Exit(2)
	}
	timeout, args, err := timeoutOf(os.Args[1:])
	if err != nil {
		fail(err)
	}
	comm, err := mpi.Open(timeout)
	if err != nil {
		fail(err)
	}
	code := cli.MainOn(comm, args, os.Stdout, os.Stderr)
	if code != 0 && comm.Size() > 1 {
		// Others may wait for this rank: the launcher ends them.
		os.Exit(code)
	}
	if err := comm.Close(); err != nil {
		fail(err)
	}
	os.Exit(code)
}

// defaultTimeout is how long a rank waits for others.
const defaultTimeout = 10 * time.Minute

// timeoutOf takes --mpi-timeout out of the arguments.
func timeoutOf(args []string) (timeout time.Duration, rest []string, err error) {
	timeout = defaultTimeout
	for i := 0; i < len(args); i++ {
		if args[i] == "--" {
			return timeout, append(rest, args[i:]...), nil
		}
		name, value, given := strings.Cut(args[i], "=")
		if name != "--mpi-timeout" {
			rest = append(rest, args[i])
			continue
		}
		if !given {
			if i++; i == len(args) {
				return 0, nil, fmt.Errorf("--mpi-timeout: a time such as 10m expected")
			}
			value = args[i]
		}
		if timeout, err = time.ParseDuration(value); err != nil || timeout < 0 {
			return 0, nil, fmt.Errorf("--mpi-timeout %s: a time such as 10m expected, or 0 for ever", value)
		}
	}
	return timeout, rest, nil
}
