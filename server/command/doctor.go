package command

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"uniapi/server/command/doctor"
)

// diagnose acts as a client before a gateway.
func diagnose(args []string) int {
	flags := flag.NewFlagSet("uni-api doctor", flag.ContinueOnError)
	base := flags.String("url", "", "the gateway's address, as the client reaches it, e.g. https://gateway.example")
	key := flags.String("key", "", "the gateway's key for the client; default the environment's UNI_API_KEY, which no list of processes shows")
	model := flags.String("model", "", "the model to ask; default the first that the gateway lists and that looks like one for chats")
	var name string
	if code, stop := parse(flags, args, &name); stop {
		return code
	}
	if name == "" {
		misused(flags.Name(), fmt.Errorf("name a client: %s", strings.Join(doctor.Names(), ", ")))
		return 2
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	visit := doctor.Visit{URL: *base, Key: cmp.Or(*key, os.Getenv("UNI_API_KEY")), Model: *model}
	switch failures, err := doctor.Examine(ctx, os.Stdout, name, visit); {
	case ctx.Err() != nil:
		return 1
	case err != nil:
		misused(flags.Name(), err)
		return 2
	case failures > 0:
		return 1
	}
	return 0
}
