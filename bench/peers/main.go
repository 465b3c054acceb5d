// Command peers measures what the gateway costs beside nginx and haproxy: each
// in turn in front of the same mock upstream, under the same load, in one run.
// It prints a table and writes it to bench/results.
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
	scenarios   string
	rounds      int
	seconds     time.Duration
	warm        time.Duration
	connections int
	out         string
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
	flags.StringVar(&o.scenarios, "scenarios", "plain,stream", "comma-separated `names`, or all")
	flags.IntVar(&o.rounds, "rounds", 5, "turns of each peer in each scenario")
	flags.DurationVar(&o.seconds, "seconds", 3*time.Second, "measured time of a turn")
	flags.DurationVar(&o.warm, "warm", 500*time.Millisecond, "load before the measured time of a turn")
	flags.IntVar(&o.connections, "connections", 64, "keep-alive connections of the load")
	flags.StringVar(&o.out, "out", filepath.Join("bench", "results", "peers.md"), "`file` for the table; empty for none")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
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
	result.command = strings.Join(append([]string{"go run ./bench/peers"}, args...), " ")
	table := result.markdown()
	fmt.Fprint(stdout, table)
	if o.out == "" {
		return 0
	}
	if err := write(o.out, table); err != nil {
		fmt.Fprintf(stderr, "peers: writing the table: %v\n", err)
		return 1
	}
	return 0
}

func write(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// installed is a peer that can run here. path is empty for direct.
type installed struct {
	peer
	path string
}

func (o options) measure(ctx context.Context, progress io.Writer) (*report, error) {
	picked, err := chosen(o.scenarios)
	if err != nil {
		return nil, err
	}
	bin, err := filepath.Abs(o.bin)
	if err != nil {
		return nil, err
	}
	r := &report{
		when:        time.Now(),
		environment: machine(),
		settings: fmt.Sprintf("Closed loop of %d connections, %d rounds in turn of %v after %v of warming up; medians of the rounds. "+
			"The load, the mock upstream and the peer share the cores. CPU is the time of all threads of the peer's processes.",
			o.connections, o.rounds, o.seconds, o.warm),
	}
	var present []installed
	for _, p := range peers(bin) {
		if p.binary == "" {
			present = append(present, installed{peer: p})
			continue
		}
		path, err := p.locate()
		if err != nil {
			if p.binary == bin {
				return nil, fmt.Errorf("--bin %s: %w", o.bin, err)
			}
			r.missing = append(r.missing, p.name)
			continue
		}
		present = append(present, installed{p, path})
		r.versions = append(r.versions, p.name+": "+p.versionText(path))
	}
	for _, s := range picked {
		result, err := o.measureScenario(ctx, s, bin, present, progress)
		if err != nil {
			return nil, fmt.Errorf("scenario %s: %w", s.name, err)
		}
		r.scenarios = append(r.scenarios, *result)
	}
	return r, nil
}

// measureScenario starts everything anew, gives each peer its turns and stops
// everything.
func (o options) measureScenario(ctx context.Context, s scenario, bin string, present []installed, progress io.Writer) (*scenarioResult, error) {
	dir, err := os.MkdirTemp("", "uni-api-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	upstream, err := freeAddress()
	if err != nil {
		return nil, err
	}
	mock, err := startProcess("mock", dir, upstream, bin, append([]string{"mock", "--addr", upstream}, s.mock...)...)
	if err != nil {
		return nil, err
	}
	defer mock.stop()

	result := &scenarioResult{title: s.title, rows: make([]row, len(present))}
	contenders := make([]*contender, len(present))
	for i, p := range present {
		c := &contender{address: upstream}
		if p.binary != "" {
			server, err := p.start(p.path, dir, upstream)
			if err != nil {
				return nil, err
			}
			defer server.stop()
			c.server, c.address = server, server.listen
		}
		if c.bodyLength, err = probe(c.address, s); err != nil {
			return nil, c.explain(p.name, err)
		}
		contenders[i] = c
		result.rows[i] = row{peer: p.name, inFront: p.binary != ""}
	}
	for round := range o.rounds {
		for i, c := range contenders {
			m, err := o.turn(ctx, s, c, mock)
			if err != nil {
				return nil, c.explain(present[i].name, err)
			}
			result.rows[i].rounds = append(result.rows[i].rounds, m)
			fmt.Fprintf(progress, "%s, round %d of %d, %s: %.0f requests/s, %.1f µs CPU\n", s.name, round+1, o.rounds,
				present[i].name, float64(m.requests)/m.elapsed.Seconds(), perRequest(m.peerCPU, m.requests))
		}
	}
	result.compare()
	return result, nil
}

// compare sets the baseline of every row.
func (s *scenarioResult) compare() {
	for _, base := range s.rows {
		if base.peer != nginx {
			continue
		}
		for i := range s.rows {
			s.rows[i].baseline = base.rounds
		}
	}
}

// contender is a peer that is running.
type contender struct {
	server     *process // nil for direct
	address    string
	bodyLength int
}

// explain adds to err whose it is and what the peer printed last.
func (c *contender) explain(name string, err error) error {
	if c.server == nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return fmt.Errorf("%s: %w; its last output:\n%s", name, err, c.server.lastOutput())
}

// turn puts the load of s on c once.
func (o options) turn(ctx context.Context, s scenario, c *contender, mock *process) (*measurement, error) {
	upstream, err := processTree(mock.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	var peer []int
	if c.server != nil {
		if peer, err = processTree(c.server.cmd.Process.Pid); err != nil {
			return nil, err
		}
	}
	l := load{
		address:     c.address,
		request:     s.request(c.address),
		bodyLength:  c.bodyLength,
		stream:      s.stream,
		connections: o.connections,
		warm:        o.warm,
		seconds:     o.seconds,
	}
	return l.run(ctx, peer, upstream)
}
