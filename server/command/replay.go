package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"uniapi/server/capture"
	"uniapi/server/command/replay"
)

// replayed sends the request of a capture again. Its status is that of diff: 0 without a difference, 1 with some, 2 if
// it could not be told.
func replayed(args []string) int {
	var p replay.Play
	flags := flag.NewFlagSet("uni-api replay", flag.ContinueOnError)
	flags.StringVar(&p.Config, "config", "", "the api.yaml; without it a configuration is made of the capture")
	flags.StringVar(&p.Key, "key", "", "the role of the client key in --config that asks; default the first key")
	flags.StringVar(&p.Against, "against", "", "ask this provider of the configuration itself, which may cost a little, instead of playing what upstreams answered in the capture")
	flags.DurationVar(&p.Within, "timeout", 5*time.Minute, "how long it may take")
	var name string
	if code, stop := parse(flags, args, &name); stop {
		return code
	}
	if name == "" {
		misused(flags.Name(), errors.New("it needs a file that uni-api capture has written"))
		return 2
	}
	ctx, end := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer end()
	different, err := func() (int, error) {
		file, err := os.Open(name)
		if err != nil {
			return 0, err
		}
		defer file.Close()
		text, err := io.ReadAll(io.LimitReader(file, capture.LongestFile+1))
		if err != nil {
			return 0, err
		}
		if p.File, err = capture.Read(text); err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		return p.Run(ctx, plainLines{os.Stdout})
	}()
	switch {
	case err != nil:
		fmt.Fprintln(complaints{}, "uni-api replay:", err)
		return 2
	case different > 0:
		return 1
	}
	return 0
}
