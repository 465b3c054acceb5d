package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"uniapi/config"
	"uniapi/server"
)

func check(args []string) int {
	flags := flag.NewFlagSet("uni-api check", flag.ContinueOnError)
	path := flags.String("config", "", "the api.yaml; default ./api.yaml, else what CONFIG_URL names")
	if code, stop := parse(flags, args); stop {
		return code
	}
	cfg, err := config.Resolve(*path, os.Getenv).Load(context.Background())
	var advice config.Problems
	if unusable, is := errors.AsType[*config.Unusable](err); is {
		advice = unusable.Advice
	} else if err == nil {
		advice = cfg.Advice
	}
	for _, a := range advice {
		fmt.Fprintln(os.Stderr, "warning:", a.String())
	}
	if err == nil {
		if problems := append(config.Problems(cfg.Warnings), server.LeftOut(cfg)...); len(problems) > 0 {
			err = problems
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for _, warning := range cfg.PriceWarnings() {
		fmt.Fprintln(os.Stderr, "warning:", warning)
	}
	fmt.Print(cfg.Summary())
	return 0
}
