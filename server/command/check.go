package command

import (
	"context"
	"flag"
	"fmt"
	"os"

	"uniapi/config"
	"uniapi/server"
)

func check(args []string) int {
	flags := flag.NewFlagSet("uni-api check", flag.ContinueOnError)
	path := flags.String("config", "", "the api.yaml; default ./api.yaml, else what CONFIG_URL names")
	strict := flags.Bool("strict", false, "end with status 1 for warnings too")
	if code, stop := parse(flags, args, path); stop {
		return code
	}
	source := config.Resolve(*path, os.Getenv)
	cfg, err := source.Load(context.Background())
	problems := problemsIn(err)
	if err == nil {
		problems = append(cfg.Problems(), server.LeftOut(cfg)...)
	} else if problems == nil {
		fmt.Fprintln(os.Stderr, "uni-api check:", err)
		return 1
	}
	printProblems(os.Stderr, coloured(os.Stderr), problems)
	if err == nil {
		for _, warning := range cfg.PriceWarnings() {
			fmt.Fprintf(os.Stderr, "%s: %s: %s\n", source, config.Warning, warning)
		}
		fmt.Print(server.Summary(cfg))
	}
	if problems.Errors() > 0 || *strict && len(problems) > 0 {
		return 1
	}
	return 0
}
