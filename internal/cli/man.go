package cli

import (
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"
)

type manCommand struct{}

func (manCommand) Run(parsed *kong.Context, s streams) error {
	return writeMan(s.out, parsed.Model)
}

// writeMan writes the program's manual page, in the man macros of roff.
func writeMan(w io.Writer, model *kong.Application) error {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH ONEHOT 1 %q %s \"User Commands\"\n", built(), roffQuoted("onehot "+version()))
	b.WriteString(".SH NAME\nonehot \\- " + roff(strings.TrimSuffix(strings.ToLower(model.Help[:1])+model.Help[1:], ".")) + "\n")
	b.WriteString(".SH SYNOPSIS\n.B onehot\n.I command\n[\n.I flag\n|\n.I argument\n] ...\n")
	b.WriteString(".SH COMMANDS\n")
	for _, c := range model.Children {
		fmt.Fprintf(&b, ".SS %s\n%s\n", roffQuoted("onehot "+strings.TrimSpace(c.Summary())), roff(c.Help))
		if c.Detail != "" {
			fmt.Fprintf(&b, ".PP\n%s\n", roff(c.Detail))
		}
		for _, p := range c.Positional {
			fmt.Fprintf(&b, ".TP\n.I %s\n%s\n", roff(p.Name), roff(p.Help))
		}
		for _, f := range c.Flags {
			b.WriteString(".TP\n.B " + roff(flagTitle(f)) + "\n" + roff(f.Help) + "\n")
		}
	}
	b.WriteString(`.SH ENVIRONMENT
.TP
.B ONEHOT_KERNEL
Which kernels compute: avx512, avx2, neon or generic
(default: the fastest that the processor has).
.SH EXIT STATUS
.TP
.B 0
What was asked for is done.
.TP
.B 1
It could not be done.
.TP
.B 2
The command line makes no sense.
.TP
.B 130
It was interrupted.
`)
	_, err := io.WriteString(w, b.String())
	return err
}

// built returns the day of the commit that the program was built from, or "" where it is not
// known.
func built() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.time" {
				day, _, _ := strings.Cut(s.Value, "T")
				return day
			}
		}
	}
	return ""
}

// flagTitle returns how a flag is written.
func flagTitle(f *kong.Flag) string {
	title := "--" + f.Name
	if !f.IsBool() {
		title += " " + f.FormatPlaceHolder()
	}
	if f.Short != 0 {
		title = "-" + string(f.Short) + ", " + title
	}
	return title
}

// roff returns text as roff prints it, in lines of a usual length: hyphens of flags stay hyphens,
// and no line is a request.
func roff(text string) string {
	const width = 78
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)) {
		switch {
		case column > 0 && column+1+len(word) > width:
			b.WriteByte('\n')
			column = 0
		case column > 0:
			b.WriteByte(' ')
			column++
		}
		if column == 0 && (word[0] == '.' || word[0] == '\'') {
			word = `\&` + word
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// roffQuoted returns a short text as one argument of a request.
func roffQuoted(text string) string { return `"` + strings.ReplaceAll(roff(text), `"`, `\(dq`) + `"` }
