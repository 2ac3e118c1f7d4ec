package kernel

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// implementation is one set of kernels.
type implementation struct {
	name    string // "generic", "avx2", "avx512", "neon"
	f32     tiling[float32]
	f64     tiling[float64]
	vectors *vectors      // nil for those in pure Go
	pools   *pools        // nil where there are none
	norms   *norms        // nil for those in pure Go
	skinny  *skinny       // nil where tiles serve for all products
	pixels  *pixelKernels // nil where there are none

	pictures *pictureKernels // nil for those in pure Go

	fmaLoop func(n int) // see FMALoop
	flops   int         // of one of its rounds

	convolvers []convolver[float32] // none where those in pure Go serve
	along      *along[float32]      // or nil
	winograd   []*winogradKernels   // none where other ways are faster or tiles have none
}

// environment is the variable that forces an implementation.
const environment = "ONEHOT_KERNEL"

// available has what this machine can run, the best first; generic is the last.
var available = append(assembly(), implementation{name: "generic", f32: plain[float32](), f64: plain[float64](), fmaLoop: plainLoop, flops: plainRows * plainCols * 2})

// active is what is used, and problem why it is not what the environment asks for.
var active, problem = choose(os.Getenv(environment))

// choose returns the implementation of the given name, or the best for "". For any
// other it returns the best and an error.
func choose(name string) (*implementation, error) {
	if name == "" {
		return &available[0], nil
	}
	i := slices.IndexFunc(available, func(i implementation) bool { return i.name == name })
	if i < 0 {
		var names []string
		for _, i := range available {
			names = append(names, i.name)
		}
		return &available[0], fmt.Errorf("%s=%s: one of %s expected on this machine", environment, name, strings.Join(names, ", "))
	}
	return &available[i], nil
}

// Name returns the name of the kernels in use: "generic" for those in pure Go, or the
// instructions that the others need. The environment variable ONEHOT_KERNEL forces one;
// the error says that it names none that this machine has.
func Name() (string, error) { return active.name, problem }

// Names returns the sets of kernels that this machine can run and that are no better than those in use, the best first.
func Names() (names []string) {
	for _, i := range available[slices.IndexFunc(available, func(i implementation) bool { return i.name == active.name }):] {
		names = append(names, i.name)
	}
	return names
}

// Use makes the kernels of the given name those in use. It is for a program that has computed nothing yet. The error says that
// this machine has none of the name.
func Use(name string) error {
	chosen, err := choose(name)
	if err != nil {
		return err
	}
	active = chosen
	for _, f := range followers {
		f(name)
	}
	return nil
}

// followers are called when other kernels are in use.
var followers []func(name string)

// Follow calls f with the name of the kernels in use, now and when Use takes others. A package that has kernels
// of its own calls it when it is initialised.
func Follow(f func(name string)) {
	followers = append(followers, f)
	f(active.name)
}

// tilingOf returns the active tiling for elements of type T.
func tilingOf[T Float]() *tiling[T] {
	var t any = &active.f32
	if t, ok := t.(*tiling[T]); ok {
		return t
	}
	t = &active.f64
	return t.(*tiling[T])
}
