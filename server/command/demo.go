package command

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"syscall"

	"uniapi/loadtest"
)

func demo(args []string) int {
	flags := flag.NewFlagSet("uni-api demo", flag.ContinueOnError)
	once := flags.Bool("once", false, "end when everything has been shown, as without a terminal, instead of serving until Ctrl-C")
	if code, stop := parse(flags, args); stop {
		return code
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	return loadtest.Demo(ctx, os.Stdout, os.Stderr, !*once && isTerminal(os.Stdout))
}
