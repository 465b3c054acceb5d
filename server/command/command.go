// Package command is the command line: what the program does for each of its commands.
package command

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"

	"uniapi/loadtest"
	"uniapi/server"
)

// version is what the linker set; empty: a plain `go build` takes what git says.
var version string

const help = `uni-api puts one API in front of every LLM provider.

  uni-api [serve] [flags]   serve the gateway that api.yaml describes
  uni-api check [flags]     say what is wrong with api.yaml, or what was understood
  uni-api explain [flags]   say which channels a request would be tried on, and why
  uni-api keygen            print a new API key
  uni-api demo              stream one answer through a gateway and a mock provider
  uni-api mock [flags]      run the mock provider
  uni-api --version

uni-api COMMAND --help lists a command's flags.
`

// Main is the program: it runs the command that args name, of a program of this version, and returns its exit status.
func Main(args []string, linked string) int {
	version = linked
	command := "serve"
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		command, args = args[0], args[1:]
	} else if len(args) == 1 {
		switch args[0] {
		case "--version", "-version", "-v":
			command = "version"
		case "--help", "-help", "-h":
			command = "help"
		}
	}
	return run(command, args)
}

func run(command string, args []string) int {
	switch command {
	case "serve":
		return serve(args)
	case "check":
		return check(args)
	case "explain":
		return explain(args)
	case "keygen", "demo":
		if code, stop := parse(flag.NewFlagSet("uni-api "+command, flag.ContinueOnError), args); stop {
			return code
		}
		if command == "demo" {
			return loadtest.Demo(os.Stdout, os.Stderr)
		}
		fmt.Println(server.NewKey())
	case "mock":
		return loadtest.Command(args, os.Stdout, os.Stderr)
	case "version":
		fmt.Println("uni-api", versionName())
	case "help":
		fmt.Print(help)
	default:
		fmt.Fprintf(os.Stderr, "uni-api: there is no command %q\n\n%s", command, help)
		return 2
	}
	return 0
}

// parse reads flags. What stands in words beside them is put into operands, in their order.
func parse(flags *flag.FlagSet, args []string, operands ...*string) (code int, stop bool) {
	err := flags.Parse(args)
	for len(operands) > 0 && err == nil && flags.NArg() > 0 { // flags may follow a word
		*operands[0], operands = flags.Arg(0), operands[1:]
		err = flags.Parse(flags.Args()[1:])
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0, true
	case err != nil:
		return 2, true
	case flags.NArg() > 0:
		fmt.Fprintf(flags.Output(), "%s: it takes flags only, not %q\n", flags.Name(), flags.Arg(0))
		return 2, true
	}
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
