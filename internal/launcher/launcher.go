// Package launcher tells whether this process is one of several that an MPI launcher or Slurm's srun started.
package launcher

import (
	"os"
	"strconv"
)

// launchers have the variables that tell how many processes were started together. Which of them this one is, MPI alone says.
var launchers = []struct{ variable, name string }{
	{"OMPI_COMM_WORLD_SIZE", "Open MPI's mpirun"},
	{"PMI_SIZE", "MPICH's mpirun"},
	{"SLURM_STEP_NUM_TASKS", "srun"}, // of a step; a batch script by itself has SLURM_NTASKS alone
}

// Processes returns how many processes a launcher started together, of which this is one, and the launcher's name: 1 and "" if
// none did.
func Processes() (n int, name string) {
	for _, l := range launchers {
		if n, err := strconv.Atoi(os.Getenv(l.variable)); err == nil && n > 1 {
			return n, l.name
		}
	}
	return 1, ""
}
