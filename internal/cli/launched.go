package cli

import (
	"strings"

	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/internal/launcher"
)

// checkLaunched returns what is wrong with a command of several processes that were started together: train alone shares its work, on
// ranks that know each other, and a part of what is predicted is shared already.
func checkLaunched(comm dist.Comm, command string, part bool) error {
	command, _, _ = strings.Cut(command, " ")
	if part || command == "version" {
		return nil
	}
	if comm != nil {
		if comm.Size() > 1 && command != "train" {
			return usagef("%s was started on %d ranks, and shares nothing: one process expected, or predict --part I/N for each", command, comm.Size())
		}
		return nil
	}
	if n, by := launcher.Processes(); n > 1 {
		return usagef("%s started %d processes of onehot, which know nothing of each other: each would do all the work and write the same files; onehot-mpi train shares it, and predict --part I/N deals it out", by, n)
	}
	return nil
}
