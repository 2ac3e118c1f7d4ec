// Command onehot-mpi is onehot as one of the ranks that an MPI launcher starts: mpirun -n 4 onehot-mpi train photos/
package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/internal/cli"
	"github.com/onehot-go/onehot/mpi"
)

func main() { os.Exit(run(os.Args[1:], func(c *mpi.Comm) dist.Comm { return c })) }

// run is the program, which speaks to other ranks by what through returns.
func run(args []string, through func(*mpi.Comm) dist.Comm) int {
	timeout, args, err := timeoutOf(args)
	if err != nil {
		return fail(err)
	}
	comm, err := mpi.Open(timeout)
	if err != nil {
		return fail(err)
	}
	if code := cli.MainOn(through(comm), args, os.Stdout, os.Stderr); code != 0 {
		return code // others may wait for this rank: the launcher ends them
	}
	if err := comm.Close(); err != nil {
		return fail(err)
	}
	return 0
}

// fail says what keeps the ranks from each other.
func fail(err error) int {
	fmt.Fprintln(os.Stderr, "onehot-mpi:", err)
	return 2
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
