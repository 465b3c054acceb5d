// Command uni-api puts one API in front of every LLM provider.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"

	"uniapi/config"
	"uniapi/loadtest"
	"uniapi/server"
)

// version is set by the linker; a plain `go build` takes what git says.
var version = ""

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

func main() {
	args := os.Args[1:]
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
	os.Exit(run(command, args))
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

func check(args []string) int {
	flags := flag.NewFlagSet("uni-api check", flag.ContinueOnError)
	path := flags.String("config", "", "the api.yaml; default ./api.yaml, else what CONFIG_URL names")
	if code, stop := parse(flags, args); stop {
		return code
	}
	cfg, err := config.Resolve(*path, os.Getenv).Load(context.Background())
	if err == nil && len(cfg.Warnings) > 0 {
		err = config.Problems(cfg.Warnings)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Print(cfg.Summary())
	return 0
}

func explain(args []string) int {
	flags := flag.NewFlagSet("uni-api explain", flag.ContinueOnError)
	key := flags.String("key", "", "the API key that asks, or its role")
	model := flags.String("model", "", "the model it asks for")
	path := flags.String("config", "", "the api.yaml; default ./api.yaml, else what CONFIG_URL names")
	base := flags.String("url", "", "ask the gateway running there instead, e.g. http://localhost:8000")
	admin := flags.String("admin-key", os.Getenv("UNI_API_ADMIN_KEY"), "an admin key, for --url; default the environment's UNI_API_ADMIN_KEY")
	if code, stop := parse(flags, args); stop {
		return code
	}
	if *key == "" || *model == "" {
		fmt.Fprintln(os.Stderr, "uni-api explain: it needs --key and --model")
		return 2
	}
	err := func() error {
		if *base != "" {
			return server.ExplainLive(os.Stdout, *base, *admin, *key, *model)
		}
		cfg, err := config.Resolve(*path, os.Getenv).Load(context.Background())
		if err != nil {
			return err
		}
		return server.Explain(os.Stdout, cfg, *key, *model)
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "uni-api explain:", err)
		return 1
	}
	return 0
}

func parse(flags *flag.FlagSet, args []string) (code int, stop bool) {
	err := flags.Parse(args)
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
