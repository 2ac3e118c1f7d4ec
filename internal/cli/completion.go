package cli

import (
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"Shell: ${enum}."`
}

func (c *completionCommand) Help() string {
	return "It prints a script. To try it: source <(onehot completion bash), the same with zsh, or onehot completion fish | source. For good: " +
		"write it to ~/.local/share/bash-completion/completions/onehot, to _onehot in a folder of zsh's $fpath, or to ~/.config/fish/completions/onehot.fish."
}

func (c *completionCommand) Run(parsed *kong.Context, s streams) error {
	write := map[string]func(io.Writer, []commandWords) error{"bash": writeBash, "zsh": writeZsh, "fish": writeFish}[c.Shell]
	return write(s.out, wordsOf(parsed.Model))
}

// commandWords is what a shell completes after a command.
type commandWords struct {
	name, help string
	flags      []flagWords
	arguments  []string // what its arguments may be
	files      bool     // whether they may be files or folders
}

// flagWords is a flag, and what a shell completes after it.
type flagWords struct {
	name, short string // without hyphens; short may be ""
	help        string
	takesValue  bool
	choices     []string // of values
	file        bool     // whether the value may be a file or a folder
}

// wordsOf returns the words of the program's grammar.
func wordsOf(model *kong.Application) (commands []commandWords) {
	for _, node := range model.Children {
		c := commandWords{name: node.Name, help: firstSentence(node.Help)}
		for _, group := range node.AllFlags(true) {
			for _, f := range group {
				w := flagWords{name: f.Name, help: firstSentence(f.Help), choices: choices(f.Enum)}
				if len(w.choices) > 0 {
					w.help, _, _ = strings.Cut(w.help, ": ") // which the shell lists
				}
				if f.Short != 0 {
					w.short = string(f.Short)
				}
				w.takesValue = !f.IsBool()
				w.file = f.Enum == "" && f.Target.Kind() == reflect.String
				c.flags = append(c.flags, w)
			}
		}
		for _, p := range node.Positional {
			c.arguments = append(c.arguments, choices(p.Enum)...)
			c.files = c.files || p.Enum == ""
			if p.Name == "data" && p.Enum == "" {
				c.arguments = datasetNames() // or a path
			}
		}
		commands = append(commands, c)
	}
	return commands
}

// firstSentence returns what a list of flags has room for.
func firstSentence(help string) string {
	for _, end := range []string{". ", "; ", " ("} {
		help, _, _ = strings.Cut(help, end)
	}
	return strings.TrimSuffix(help, ".")
}

// writeBash writes the script for bash. Bash breaks words at "=", so that --flag=value is three.
func writeBash(w io.Writer, commands []commandWords) error {
	var b strings.Builder
	var names []string
	for _, c := range commands {
		names = append(names, c.name)
	}
	fmt.Fprintf(&b, `# bash completion of onehot, written by onehot completion bash
_onehot() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words= values= free= flags= arguments=
    if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W "%s --help --version" -- "$word"))
        return
    fi
    if [[ $word == = ]]; then
        word=
    elif [[ $before == = ]]; then
        before=${COMP_WORDS[COMP_CWORD-2]}
    fi
    case ${COMP_WORDS[1]} in
`, strings.Join(names, " "))
	for _, c := range commands {
		var flags, files, free []string
		for _, f := range c.flags {
			flags = append(flags, "--"+f.name)
			if f.short != "" {
				flags = append(flags, "-"+f.short)
			}
			switch {
			case f.file:
				files = append(files, "--"+f.name)
			case f.takesValue && len(f.choices) == 0:
				free = append(free, "--"+f.name)
			}
		}
		fmt.Fprintf(&b, "    %s)\n        flags=%s\n        arguments=%s\n        case $before in\n", c.name, quoteShell(strings.Join(flags, " ")), quoteShell(strings.Join(c.arguments, " ")))
		for _, f := range c.flags {
			if len(f.choices) > 0 {
				fmt.Fprintf(&b, "        --%s) values=%s ;;\n", f.name, quoteShell(strings.Join(f.choices, " ")))
			}
		}
		if len(files) > 0 {
			fmt.Fprintf(&b, "        %s) return ;;\n", strings.Join(files, "|"))
		}
		if len(free) > 0 {
			fmt.Fprintf(&b, "        %s) free=1 ;;\n", strings.Join(free, "|"))
		}
		b.WriteString("        esac\n        ;;\n")
	}
	b.WriteString(`    esac
    if [[ $free || $values ]]; then
        compopt +o default
        words=$values
    elif [[ $word == -* ]]; then
        words=$flags
    else
        words=$arguments
    fi
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _onehot onehot
`)
	_, err := io.WriteString(w, b.String())
	return err
}

// quoteShell quotes for bash and zsh.
func quoteShell(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// writeZsh writes the script for zsh, for a folder of $fpath or to be sourced.
func writeZsh(w io.Writer, commands []commandWords) error {
	// In what _arguments takes, colons end descriptions, and brackets surround those of flags.
	described := strings.NewReplacer(`\`, `\\`, ":", `\:`, "[", `\[`, "]", `\]`)
	var b strings.Builder
	b.WriteString(`#compdef onehot
# zsh completion of onehot, written by onehot completion zsh
_onehot() {
    local curcontext=$curcontext state line
    local -a commands
    commands=(
`)
	for _, c := range commands {
		fmt.Fprintf(&b, "        %s\n", quoteShell(c.name+":"+c.help))
	}
	b.WriteString(`    )
    _arguments -C '1:command:->command' '*::argument:->argument'
    case $state in
    command) _describe command commands ;;
    argument)
        case $words[1] in
`)
	for _, c := range commands {
		fmt.Fprintf(&b, "        %s)\n            _arguments -s", c.name)
		for _, f := range c.flags {
			equals, help, value := "", "["+described.Replace(f.help)+"]", ""
			if f.takesValue {
				equals, value = "=", ":value:"
			}
			switch {
			case f.file:
				value += "_files"
			case len(f.choices) > 0:
				value += "(" + strings.Join(f.choices, " ") + ")"
			}
			fmt.Fprintf(&b, " \\\n                %s", quoteShell("--"+f.name+equals+help+value))
			if f.short != "" {
				fmt.Fprintf(&b, " \\\n                %s", quoteShell("-"+f.short+help+value))
			}
		}
		arguments := "(" + strings.Join(c.arguments, " ") + ")"
		switch {
		case c.files && len(c.arguments) > 0:
			arguments = `{_alternative "names:name:` + arguments + `" "files:file:_files"}`
		case c.files:
			arguments = "_files"
		}
		fmt.Fprintf(&b, " \\\n                %s\n            ;;\n", quoteShell("*:argument:"+arguments))
	}
	b.WriteString(`        esac
        ;;
    esac
}
if [[ $funcstack[1] == _onehot ]]; then
    _onehot
else
    compdef _onehot onehot
fi
`)
	_, err := io.WriteString(w, b.String())
	return err
}

// writeFish writes the script for fish.
func writeFish(w io.Writer, commands []commandWords) error {
	quote := func(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'" }
	var b strings.Builder
	b.WriteString("# fish completion of onehot, written by onehot completion fish\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "complete -c onehot -n __fish_use_subcommand -f -a %s -d %s\n", c.name, quote(c.help))
	}
	for _, c := range commands {
		after := fmt.Sprintf("complete -c onehot -n '__fish_seen_subcommand_from %s'", c.name)
		for _, f := range c.flags {
			b.WriteString(after + " -l " + f.name)
			if f.short != "" {
				b.WriteString(" -s " + f.short)
			}
			switch {
			case f.file:
				b.WriteString(" -r")
			case len(f.choices) > 0:
				b.WriteString(" -x -a " + quote(strings.Join(f.choices, " ")))
			case f.takesValue:
				b.WriteString(" -x")
			}
			fmt.Fprintf(&b, " -d %s\n", quote(f.help))
		}
		switch {
		case len(c.arguments) > 0 && c.files:
			fmt.Fprintf(&b, "%s -a %s\n", after, quote(strings.Join(c.arguments, " ")))
		case len(c.arguments) > 0:
			fmt.Fprintf(&b, "%s -f -a %s\n", after, quote(strings.Join(c.arguments, " ")))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
