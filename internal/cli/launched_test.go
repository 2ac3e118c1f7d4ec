package cli

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/onehot-go/onehot/dist"
)

// TestLaunched starts commands as one of several processes.
func TestLaunched(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		said string
	}{
		{"train --epochs 1", exitUsage, "onehot: srun started 8 processes of onehot, which know nothing of each other: each would do all the work and write the same files; onehot-mpi train shares it, and predict --part I/N deals it out\n"},
		{"eval none", exitUsage, "onehot: srun started 8 processes of onehot"},
		{"predict none a.png --csv out.csv", exitUsage, "onehot: srun started 8 processes of onehot"},
		{"predict none a.png --csv out.csv --part 3/8", exitFailure, "onehot: none: no such file"},
		{"version", 0, ""},
	} {
		t.Setenv("SLURM_STEP_NUM_TASKS", "8")
		var out, said bytes.Buffer
		code := Main(strings.Fields(c.args), &out, &said)
		if code != c.code || !strings.HasPrefix(said.String(), c.said) {
			t.Errorf("%s: exit status %d, %q; %d, %q expected", c.args, code, &said, c.code, c.said)
		}
	}
}

// TestRanksOfOtherCommands has ranks that know each other run what they do not share.
func TestRanksOfOtherCommands(t *testing.T) {
	var ranks sync.WaitGroup
	for rank, comm := range dist.Local(2) {
		ranks.Go(func() {
			var out, said bytes.Buffer
			code := MainOn(comm, []string{"eval", "none"}, &out, &said)
			want := ""
			if rank == 0 {
				want = "onehot: eval was started on 2 ranks, and shares nothing: one process expected, or predict --part I/N for each\n"
			}
			if code != exitUsage || said.String() != want {
				t.Errorf("rank %d: exit status %d, %q; %q expected", rank, code, &said, want)
			}
		})
	}
	ranks.Wait()
}
