// Package command is the command line: what the program does for each of its commands.
package command

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	_ "time/tzdata" // for TZ in images that have nothing but the program

	"uniapi/config"
	"uniapi/loadtest"
	"uniapi/server/admin"
)

// version is what the linker set; empty: a plain `go build` takes what git says.
var version string

// command is one of the program's commands.
type command struct {
	name, args, does string
	run              func(args []string) int
}

// usage is how it is called, without the program's name.
func (c *command) usage() string { return strings.TrimSpace(c.name + " " + c.args) }

// commands are what the program can do. The first one is done where none is named.
var commands []command

func init() { // since help lists them
	commands = []command{
		{"serve", "[flags]", "serve the gateway that api.yaml describes; the command where none is named", serve},
		{"init", "[flags]", "write a first api.yaml; it asks for a provider and its key", initialise},
		{"check", "[FILE] [flags]", "say what is wrong with api.yaml, and what was understood", check},
		{"explain", "[flags]", "say which channels a request would be tried on, and why", explain},
		{"doctor", "CLIENT [flags]", "act as claude-code, codex, gemini-cli, cursor or open-webui before a gateway, and say what goes wrong", diagnose},
		{"health", "[flags]", "say whether the gateway that runs here is ready", health},
		{"ledger", "export [FILE] | import FILE [flags]", "write all that the ledger has as JSON Lines, or take such a file over into one that has nothing of it yet, or the history of the Python uni-api (a CSV)", ledger},
		{"requests", "[ID] [flags]", "look through the requests that request_log has kept, or show all that is known of one", requests},
		{"capture", "ID|--next [flags]", "write a request that request_log has kept with bodies, or the next one of a client key, fit to be shown: its texts replaced, its structure kept", captured},
		{"replay", "FILE [flags]", "send the request of a capture again, and show what is another on the wire", replayed},
		{"reprice", "--from DATE [flags]", "apply today's prices to the tokens in the books of a stopped gateway, and show the difference by key", reprice},
		{"reconcile", "FILE [flags]", "compare the books of a stopped gateway with a provider's export, by day and model", reconcile},
		{"keygen", "", "print a new API key", keygen},
		{"demo", "[flags]", "show the gateway at work before mock providers, until Ctrl-C", demo},
		{"mock", "[flags]", "run the mock provider", func(args []string) int { return loadtest.Command(args, os.Stdout, os.Stderr) }},
		{"completion", "SHELL", "print what completes commands and flags in bash, zsh or fish", completion},
		{"man", "", "print the manual page", manual},
		{"version", "", "print the version", func([]string) int { fmt.Println("uni-api", versionName()); return 0 }},
		{"help", "[COMMAND]", "say this, or what flags a command has", help},
	}
}

const about = "uni-api puts one API in front of every LLM provider."

// overview is what help says of all commands.
func overview() string {
	var b strings.Builder
	b.WriteString(about + "\n\n")
	width := 0
	for _, c := range commands {
		width = max(width, len(c.usage()))
	}
	for _, c := range commands {
		fmt.Fprintf(&b, "  uni-api %-*s  %s\n", width, c.usage(), c.does)
	}
	b.WriteString("\nuni-api help COMMAND lists a command's flags.\n")
	return b.String()
}

// Main is the program: it runs the command that args name, of a program of this version, and returns its exit status.
func Main(args []string, linked string) int {
	version = linked
	name := "serve"
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		name, args = args[0], args[1:]
	} else if len(args) == 1 {
		switch args[0] {
		case "--version", "-version", "-v":
			name, args = "version", nil
		case "--help", "-help", "-h":
			name, args = "help", nil
		}
	}
	if c := named(name); c != nil {
		if c.name != "serve" { // which logs in the format that it is told
			slog.SetDefault(slog.New(notes{os.Stderr, c.name}))
		}
		return c.run(args)
	}
	fmt.Fprintln(complaints{}, "uni-api:", unknown(name))
	return 2
}

// unknown says of a word that it is no command, and which one was meant.
func unknown(name string) string {
	names := make([]string, len(commands))
	for i, c := range commands {
		names[i] = c.name
	}
	meant := ""
	if near := config.Nearest(name, names); near != "" {
		meant = fmt.Sprintf(": did you mean %s?", near)
	}
	return fmt.Sprintf("there is no command %q%s uni-api help lists them", name, cmp.Or(meant, ";"))
}

func named(name string) *command {
	for i := range commands {
		if commands[i].name == name {
			return &commands[i]
		}
	}
	return nil
}

func help(args []string) int {
	switch {
	case len(args) == 0:
		fmt.Print(overview())
		return 0
	case named(args[0]) == nil:
		fmt.Fprintln(complaints{}, "uni-api help:", unknown(args[0]))
		return 2
	}
	switch c := named(args[0]); c.name {
	case "help", "man", "version", "completion":
		fmt.Printf("uni-api %s\n  %s\n", c.usage(), c.does)
		return 0
	default:
		return c.run([]string{"--help"})
	}
}

func keygen(args []string) int {
	if code, stop := parse(flag.NewFlagSet("uni-api keygen", flag.ContinueOnError), args); stop {
		return code
	}
	fmt.Println(admin.NewKey())
	return 0
}

// parse reads flags. What stands in words beside them is put into operands, in their order. A wrong flag is told of in
// two lines, and --help lists them all.
func parse(flags *flag.FlagSet, args []string, operands ...*string) (code int, stop bool) {
	flags.SetOutput(io.Discard) // it would list all flags for each mistake
	words := len(operands)
	err := flags.Parse(args)
	for len(operands) > 0 && err == nil && flags.NArg() > 0 { // flags may follow a word
		*operands[0], operands = flags.Arg(0), operands[1:]
		err = flags.Parse(flags.Args()[1:])
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("it takes flags only, not %q", flags.Arg(0))
		if words > 0 {
			err = fmt.Errorf("one word too many: %q", flags.Arg(0))
		}
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		name := strings.TrimPrefix(flags.Name(), "uni-api ")
		if c := named(name); c != nil {
			fmt.Printf("uni-api %s\n  %s\n\n", c.usage(), c.does)
		}
		flags.SetOutput(os.Stdout)
		flags.PrintDefaults()
		return 0, true
	case err != nil:
		misused(flags.Name(), err)
		return 2, true
	}
	flags.SetOutput(os.Stderr)
	return 0, false
}

func versionName() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
