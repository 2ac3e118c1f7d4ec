// Package cli is the program onehot: a file a command.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/onehot-go/onehot/calibrate"
	"github.com/onehot-go/onehot/dataset/table"
	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/internal/printable"
)

// Exit codes beside 0.
const (
	exitFailure     = 1   // what was asked for could not be done
	exitUsage       = 2   // what was asked for makes no sense
	exitInterrupted = 130 // Ctrl-C, as shells number it
)

// commands is the program's grammar.
type commands struct {
	Train      trainCommand      `cmd:"" help:"Train a classifier and keep it, with its figures, in a folder of its own."`
	Eval       evalCommand       `cmd:"" help:"Measure a trained model on a data set's test split."`
	Predict    predictCommand    `cmd:"" help:"Name what is in picture files."`
	Join       joinCommand       `cmd:"" help:"Make one file of the parts that predict --csv --part wrote."`
	Export     exportCommand     `cmd:"" help:"Write a model as what other programs use."`
	Serve      serveCommand      `cmd:"" help:"Answer over HTTP what is in pictures, for programs and people."`
	Compare    compareCommand    `cmd:"" help:"Show runs beside each other: what they were told, and what came of it."`
	Models     modelsCommand     `cmd:"" help:"Say what the models are made of, and what they take."`
	Data       dataCommand       `cmd:"" help:"Say what is in a data set, and show it."`
	Report     reportCommand     `cmd:"" help:"Draw what there is to see of a run: curves, confusion, mistakes, weights."`
	Bench      benchCommand      `cmd:"" help:"Measure products and training on this machine, also against PyTorch."`
	Cache      cacheCommand      `cmd:"" help:"Show the pictures of your own that are kept decoded and scaled, or clear them."`
	LRFind     lrFindCommand     `cmd:"" name:"lr-find" help:"Find a learning rate: train for some steps while it grows."`
	Completion completionCommand `cmd:"" help:"Print what makes a shell complete commands, flags and values."`
	Man        manCommand        `cmd:"" help:"Print the manual page."`
	Version    versionCommand    `cmd:"" help:"Print the program's version."`
}

// streams is where a command writes.
type streams struct {
	out io.Writer // results
	err io.Writer // progress and remarks
}

// usageError is a mistake in the command line.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errReported ends a command that has already said what went wrong.
var errReported = errors.New("reported")

// Main runs the program with the given arguments and returns its exit code. Whatever
// goes wrong is one line on stderr.
func Main(args []string, stdout, stderr io.Writer) int { return MainOn(nil, args, stdout, stderr) }

// MainOn is Main on one of the ranks of comm, nil for a program of its own. All ranks are given the same arguments. Rank 0 alone
// prints, and writes files. What goes wrong is said by rank 0, and by another rank if no other knows of it.
func MainOn(comm dist.Comm, args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.WithValue(context.Background(), commKey{}, comm), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	return cutShort(ctx, grace, stderr, func(ctx context.Context) int { return run(ctx, args, stdout, stderr) })
}

// commKey is the key of the dist.Comm in a program's context.
type commKey struct{}

// run is MainOn under a context whose end is Ctrl-C.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	comm, _ := ctx.Value(commKey{}).(dist.Comm)
	silent := comm != nil && comm.Rank() > 0
	if silent {
		stdout = io.Discard
	}
	fail := func(err error) int {
		_, ofAll := errors.AsType[usageError](err)
		switch {
		case silent && (ofAll || dist.Known(err)):
			err = errors.Join(err, errReported)
		case silent:
			err = &dist.RankError{Rank: comm.Rank(), Err: err}
		}
		interrupted := errors.Is(err, context.Canceled)
		if err.Error() == context.Canceled.Error() { // it alone, though kong has joined it with nothing
			err = errors.New("interrupted")
		}
		if !errors.Is(err, errReported) {
			sayAll(stderr, err)
		}
		if _, ok := errors.AsType[usageError](err); ok {
			return exitUsage
		}
		if interrupted {
			return exitInterrupted
		}
		return exitFailure
	}
	defer func() {
		// A panic is a defect of this program, but no stack trace helps its user.
		if v := recover(); v != nil {
			code = fail(fmt.Errorf("internal error: %v", v))
		}
	}()

	var c commands
	c.Train.comm = comm
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("onehot"),
		kong.Description("Train, look into and ship image classifiers."),
		kong.Writers(stdout, stderr),
		kong.WithHyphenPrefixedParameters(true), // "--lr -1" is a bad value, not a flag -1
		kong.KindMapper(reflect.String, kong.MapperFunc(asItIs)),
		kong.Exit(func(code int) { exited = max(exited, code) }), // after --help
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Vars{
			"datasets": strings.Join(datasetNames(), ","), "models": strings.Join(modelNames, ","), "recipes": strings.Join(recipeNames(), ","),
			"optimizers": strings.Join(optimizerNames, ","), "schedules": strings.Join(scheduleNames, ","), "inits": strings.Join(initNames, ","),
			"monitors": strings.Join(monitorNames, ","), "fits": strings.Join(fitNames, ","), "calibrations": strings.Join(calibrate.Methods, ","), "encodings": strings.Join(table.Encodings, ","), "colors": strings.Join(colorNames, ","),
			"nets": strings.Join(netNames(), ","), "penalties": strings.Join(penaltyNames, ","), "cvrules": strings.Join(cvRules, ","),
		},
	)
	if err != nil {
		return fail(err)
	}
	args = rewritten(args)
	parsed, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		return fail(usageError{explainUsage(parser.Model, args, err)})
	}
	if err := checkValues(parsed, args); err != nil {
		return fail(err)
	}
	if err := checkLaunched(comm, parsed.Command(), c.Predict.Part != ""); err != nil {
		return fail(err)
	}
	if _, err := kernel.Name(); err != nil {
		return fail(usageError{err})
	}
	memoryFlags{}.limit()
	parsed.BindTo(ctx, (*context.Context)(nil))
	if err := parsed.Run(streams{stdout, stderr}); err != nil {
		return fail(err)
	}
	return 0
}

// asItIs takes a value byte for byte: names of files need not be UTF-8, which is what kong's own
// mapper makes of them.
func asItIs(c *kong.DecodeContext, target reflect.Value) error {
	t, err := c.Scan.PopValue("string")
	if err != nil {
		return err
	}
	value, _ := t.Value.(string) // nothing where the command line ends
	target.SetString(value)
	return nil
}

// sayAll is say for joined errors, which have a line each: one line is what is promised.
func sayAll(stderr io.Writer, err error) {
	say(stderr, errors.New(strings.ReplaceAll(err.Error(), "\n", "; ")))
}

// say writes what went wrong as one line, whatever is in the names in it.
func say(stderr io.Writer, err error) {
	fmt.Fprintln(stderr, "onehot: "+printable.Message(err.Error()))
}

// explainUsage says a parser's error in plain words, and where to read more.
func explainUsage(model *kong.Application, args []string, err error) error {
	var names []string
	for _, c := range model.Children {
		names = append(names, c.Name)
	}
	switch first := args[0]; {
	case slices.Contains(names, first):
		return fmt.Errorf("%s (see onehot %s --help)", inWords(err.Error()), first)
	case strings.HasPrefix(first, "-"):
		return fmt.Errorf("%w (see onehot --help)", err)
	case meant(first, names) != "":
		return fmt.Errorf("unknown command %q%s", first, meant(first, names))
	default:
		return fmt.Errorf("unknown command %q: one of %s expected", first, strings.Join(names, ", "))
	}
}

// checkValues refuses what the parser takes for a value: another flag, as hyphens may begin
// numbers but "--out --json" has forgotten the folder, nothing at the end of the command line, and
// "" where there are choices.
func checkValues(c *kong.Context, args []string) error {
	for _, p := range c.Path {
		if p.Flag == nil || p.Flag.Target.Kind() != reflect.String {
			continue
		}
		name, value := "--"+p.Flag.Name, p.Flag.Target.String()
		switch {
		case strings.HasPrefix(value, "-") && !(value == "-" && p.Flag.Name == "files-from"):
			return usagef("%s: a value expected, found %s", name, value)
		case value == "" && p.Flag.Enum != "":
			return usageError{notOneOf(name, value, choices(p.Flag.Enum))}
		case value == "" && args[len(args)-1] == name:
			return usagef("%s: a value expected", name)
		}
	}
	return nil
}

// given returns the names of the flags and arguments that stand on the command line.
func given(c *kong.Context) map[string]bool {
	names := map[string]bool{}
	for _, p := range c.Path {
		switch {
		case p.Flag != nil:
			names[p.Flag.Name] = true
		case p.Positional != nil:
			names[p.Positional.Name] = true
		}
	}
	return names
}
