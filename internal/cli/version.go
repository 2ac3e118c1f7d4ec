package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/onehot-go/onehot/internal/kernel"
)

type versionCommand struct{}

func (versionCommand) Run(s streams) error {
	kernels, _ := kernel.Name() // checked before any command runs
	_, err := fmt.Fprintf(s.out, "onehot %s, %s %s/%s, %s kernels\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, kernels)
	return err
}

// version returns the version of the module that the program was built from: a release,
// a commit, or "(devel)".
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
