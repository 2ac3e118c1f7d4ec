package launcher

import "testing"

func TestProcesses(t *testing.T) {
	for _, c := range []struct {
		name   string
		env    map[string]string
		n      int
		called string
	}{
		{"none", nil, 1, ""},
		{"Open MPI", map[string]string{"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "1", "PMIX_RANK": "1"}, 4, "Open MPI's mpirun"},
		{"Open MPI, one process", map[string]string{"OMPI_COMM_WORLD_SIZE": "1"}, 1, ""},
		{"MPICH", map[string]string{"PMI_SIZE": "2", "PMI_RANK": "0"}, 2, "MPICH's mpirun"},
		{"srun", map[string]string{"SLURM_NTASKS": "8", "SLURM_PROCID": "3", "SLURM_STEP_NUM_TASKS": "8"}, 8, "srun"},
		{"a batch script of Slurm", map[string]string{"SLURM_NTASKS": "8", "SLURM_PROCID": "0"}, 1, ""},
		{"an array of Slurm", map[string]string{"SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_ARRAY_TASK_ID": "3"}, 1, ""},
		{"no number", map[string]string{"PMI_SIZE": "many"}, 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, l := range launchers {
				t.Setenv(l.variable, "")
			}
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			if n, called := Processes(); n != c.n || called != c.called {
				t.Errorf("found %d by %q, %d by %q expected", n, called, c.n, c.called)
			}
		})
	}
}
