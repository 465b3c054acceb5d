package loadtest

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os/signal"
	"syscall"

	"uniapi/loadtest/scripted"
)

// upstream is what the command serves with.
type upstream interface {
	Serve(net.Listener) error
	Close() error
}

// Command is `uni-api mock`: it parses args, serves until SIGINT or SIGTERM
// and returns the exit code, 0, or 1 if it cannot serve, or 2 if the arguments
// are wrong. The address it serves on is printed to stdout, so that port 0 can
// be asked for.
func Command(args []string, stdout, stderr io.Writer) int {
	var mock Mock
	flags := flag.NewFlagSet("uni-api mock", flag.ContinueOnError)
	var said bytes.Buffer // help is an answer and goes to stdout, a complaint to stderr
	flags.SetOutput(&said)
	addr := flags.String("addr", "127.0.0.1:8080", "`host:port` to listen on; port 0 takes a free one")
	flags.IntVar(&mock.Events, "events", DefaultEvents, "SSE events of a stream, [DONE] included")
	flags.DurationVar(&mock.Gap, "gap", DefaultGap, "pause after each event; 0 sends at full speed")
	flags.IntVar(&mock.Burst, "burst", DefaultBurst, "events to a write when the gap is 0")
	flags.DurationVar(&mock.Latency, "latency", 0, "pause before the first byte of an answer")
	flags.Float64Var(&mock.ErrorRate, "error-rate", 0, "share of chat requests answered with 503, 0 to 1")
	flags.IntVar(&mock.AnswerSize, "size", 0, "`bytes` of a plain answer; 0 leaves it as short as it is")
	formats := flags.Bool("formats", false, "act out conversations in the formats of OpenAI, Anthropic, Gemini and Bedrock instead; takes -addr only")
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), "uni-api mock runs an upstream that speaks OpenAI chat, for demos and load tests.\n\nFlags:\n")
		flags.PrintDefaults()
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		said.WriteTo(stdout)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "uni-api mock: %v\nuni-api mock --help lists its flags\n", err)
		return 2
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "uni-api mock: unexpected argument %q; see uni-api mock --help\n", flags.Arg(0))
		return 2
	}
	wrong := mock.init()
	var served upstream = &mock
	if *formats {
		served = new(scripted.Server)
		flags.Visit(func(f *flag.Flag) {
			if f.Name != "addr" && f.Name != "formats" && wrong == nil {
				wrong = fmt.Errorf("--%s is for load and has no meaning with --formats", f.Name)
			}
		})
	}
	if wrong != nil {
		fmt.Fprintf(stderr, "uni-api mock: %v\n", wrong)
		return 2
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ln, err := net.Listen("tcp", *addr)
	if err != nil {
		fmt.Fprintf(stderr, "uni-api mock: cannot listen on --addr %s: %v\n", *addr, err)
		return 1
	}
	context.AfterFunc(ctx, func() { served.Close() })
	fmt.Fprintf(stdout, "mock upstream on http://%s/v1/chat/completions\n", ln.Addr())
	if err := served.Serve(ln); err != nil {
		fmt.Fprintf(stderr, "uni-api mock: serving on %s: %v\n", ln.Addr(), err)
		return 1
	}
	return 0
}
