package mpi

import (
	"fmt"
	"os"
	"strings"

	"github.com/ebitengine/purego"
)

// library is an MPI library that is open, and the constants of its header files.
type library struct {
	name string // of the file
	flavour
	functions [functionCount]uintptr
	version   [2]int32 // of the standard interface
}

// flavour has what MPI's standard leaves to libraries, and its version 5 settles.
type flavour struct {
	title        string
	world, byte_ uintptr // handles: addresses, or ints
	errorsReturn uintptr // the handler of errors that has calls return them
	serialized   uintptr // the level of threads where calls come from any, one at a time
}

// The functions that are called.
const (
	initThread = iota
	commRank
	commSize
	commSetErrhandler
	typeContiguous
	typeCommit
	typeFree
	sendrecv
	allgatherv
	bcast
	errorString
	abort
	finalize
	functionCount
)

var functionNames = [functionCount]string{
	"MPI_Init_thread", "MPI_Comm_rank", "MPI_Comm_size", "MPI_Comm_set_errhandler", "MPI_Type_contiguous", "MPI_Type_commit", "MPI_Type_free",
	"MPI_Sendrecv", "MPI_Allgatherv", "MPI_Bcast", "MPI_Error_string", "MPI_Abort", "MPI_Finalize",
}

// candidates returns the names of libraries in the order in which they are tried. A library works with its own launcher
// alone, and the environment tells which that is.
func candidates() []string {
	if name := os.Getenv(LibraryVariable); name != "" {
		return []string{name}
	}
	// Open MPI's has 40 and MPICH's 12. That of the standard interface may be of either, so it comes after both.
	names := []string{"libmpi.so.40", "libmpi.so.12", "libmpich.so.12", "libmpi_abi.so.1", "libmpi.so"}
	if _, ok := os.LookupEnv("PMI_RANK"); ok && os.Getenv("OMPI_COMM_WORLD_SIZE") == "" {
		names = append(names[1:], names[0])
	}
	return names
}

// openLibrary opens the first library that can be opened.
func openLibrary() (*library, error) {
	// UCX, which MPICH may use, takes over SIGSEGV, that Go makes a panic of.
	if err := os.Setenv("UCX_ERROR_SIGNALS", ""); err != nil {
		return nil, err
	}
	var tried []string
	for _, name := range candidates() {
		handle, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_GLOBAL) // libraries of Open MPI look for symbols of each other
		if err != nil {
			tried = append(tried, err.Error())
			continue
		}
		l := &library{name: name}
		for i, f := range functionNames {
			if l.functions[i], err = purego.Dlsym(handle, f); err != nil {
				return nil, fmt.Errorf("%s: found no function %s: an MPI library expected", name, f)
			}
		}
		if err := l.recognise(handle); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return l, nil
	}
	return nil, fmt.Errorf("found no MPI library: Open MPI or MPICH expected, or the name of the library's file in %s: %s", LibraryVariable, strings.Join(tried, "; "))
}

// recognise finds which library it is.
func (l *library) recognise(handle uintptr) error {
	// Version 5 of the standard settles all numbers, for libraries that say so. Those of Open MPI and MPICH that have the function and numbers
	// of their own say -1.
	if get, err := purego.Dlsym(handle, "MPI_Abi_get_version"); err == nil {
		if r, _, _ := purego.SyscallN(get, address(&l.version[0]), address(&l.version[1])); int32(r) == 0 && l.version[0] >= 1 {
			l.flavour = flavour{title: "MPI's standard interface", world: 0x101, byte_: 0x247, errorsReturn: 0x143, serialized: 2048}
			return nil
		}
	}
	world, err := purego.Dlsym(handle, "ompi_mpi_comm_world")
	if err != nil {
		l.flavour = flavour{title: "MPICH", world: 0x44000000, byte_: 0x4c00010d, errorsReturn: 0x54000001, serialized: 2}
		return nil
	}
	l.flavour = flavour{title: "Open MPI", world: world, serialized: 2}
	if l.byte_, err = purego.Dlsym(handle, "ompi_mpi_byte"); err != nil {
		return err
	}
	l.errorsReturn, err = purego.Dlsym(handle, "ompi_mpi_errors_return")
	return err
}
