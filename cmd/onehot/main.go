// Command onehot trains, evaluates and applies image classifiers.
package main

import (
	"os"

	"github.com/onehot-go/onehot/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) }
