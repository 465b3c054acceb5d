//go:build linux

// Command peers measures what the gateway costs beside nginx and haproxy: each
// in turn in front of the same mock upstream, under the same load, in one run.
// It prints tables and writes them to bench/results, with a plot and the figures
// as JSON.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

type options struct {
	bin         string
	before      string
	with        extras
	scenarios   string
	rounds      int
	seconds     time.Duration
	warm        time.Duration
	connections int
	ramp        time.Duration
	settle      time.Duration
	most        int
	quick       bool
	out         string
	guard       string
	keep        bool
}

// settings says how the figures were taken.
func (o options) settings() string {
	return fmt.Sprintf("%d rounds in turn of %v after %v of warming up; medians of the rounds, ratios and differences within each round. "+
		"The load (one thread), the mock upstream and the peer share the cores: \"cores busy\" is what the three took of them. "+
		"As fast as it goes is a closed loop of %d connections. At a fixed rate requests are due at fixed times and latency counts from "+
		"then, so nobody who had to wait is left out; added is what is above direct's. CPU is the time of all threads of the peer's processes. "+
		"Jitter is by how much the gap between two events at the client differs from %s; events that come together have a gap of nothing, and cost a peer that has fallen behind less than events that come one by one. "+
		"The gateway has everything on: keys, limits, credits, prices, the ledger on disk, metrics, its log at info to a file. nginx writes its access "+
		"log unbuffered, as it does by default, keeps connections to the upstream and buffers neither requests nor answers; haproxy writes its log to a file.",
		o.rounds, o.seconds, o.warm, o.connections, eventPause)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.bin, "bin", "", "the gateway's binary; it is the mock upstream too (required)")
	flags.StringVar(&o.before, "before", "", "an older `binary` of the gateway, which then is all that --bin is measured beside")
	flags.BoolVar(&o.with.Limits, "limits", false, "put limits on tokens, money, requests at once and days on client keys, provider keys and all together; with --before only on the newer one")
	flags.StringVar(&o.with.Redis, "redis", "", "the `address` of a Redis through which the gateway shares limits and credits, such as redis://127.0.0.1:6379; with --before only the newer one does")
	flags.StringVar(&o.with.RequestLog, "request-log", "", "what the gateway keeps of each request, `metadata or bodies`; with --before only the newer one does")
	flags.StringVar(&o.scenarios, "scenarios", "all", "comma-separated `names`: "+strings.Join(everything(), ", "))
	flags.IntVar(&o.rounds, "rounds", 5, "turns of each peer in each scenario")
	flags.DurationVar(&o.seconds, "seconds", 2*time.Second, "measured time of a turn")
	flags.DurationVar(&o.warm, "warm", 500*time.Millisecond, "load before the measured time of a turn")
	flags.IntVar(&o.connections, "connections", 64, "keep-alive connections of the load")
	flags.DurationVar(&o.ramp, "ramp", 2*time.Second, "time over which the streams of paced scenarios are begun")
	flags.DurationVar(&o.settle, "settle", settled, "time between a start and the look at its memory")
	flags.IntVar(&o.most, "most", 5000, "streams open at a time, at most")
	flags.BoolVar(&o.quick, "quick", false, "2 rounds of 1s: enough to see where things are, too noisy to quote")
	flags.StringVar(&o.out, "out", filepath.Join("bench", "results", "peers.md"), "`file` for the table, with the plot and the figures beside it; empty for none")
	flags.StringVar(&o.guard, "guard", "", "measure the gateway alone, and fail if a request takes more reads and writes than a `file` keeps")
	flags.BoolVar(&o.keep, "keep", false, "with --guard: write the file anew")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	if o.quick {
		o.rounds, o.seconds, o.warm = 2, time.Second, 300*time.Millisecond
	}
	if o.bin == "" || flags.NArg() > 0 || o.rounds < 1 || o.connections < 1 || o.seconds <= 0 {
		fmt.Fprintln(stderr, "peers: --bin is needed, --rounds, --connections and --seconds must be above 0, and there are no other arguments")
		return 2
	}
	result, err := o.measure(ctx, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "peers: %v\n", err)
		return 1
	}
	if o.guard != "" {
		if err := result.guard(o.guard, o.keep); err != nil {
			fmt.Fprintf(stderr, "peers: %v\n", err)
			return 1
		}
		return 0
	}
	result.Command = strings.Join(append([]string{"go run ./bench/peers"}, args...), " ")
	fmt.Fprint(stdout, result.markdown(filepath.Base(beside(o.out, ".svg"))))
	if o.out == "" {
		return 0
	}
	if err := result.write(o.out); err != nil {
		fmt.Fprintf(stderr, "peers: writing the results: %v\n", err)
		return 1
	}
	return 0
}
