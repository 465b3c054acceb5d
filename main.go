// Command uni-api puts one API in front of every LLM provider.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"sync"
	"syscall"
	"time"

	"uniapi/balancer"
	"uniapi/balancer/breaker"
	"uniapi/balancer/limit"
	"uniapi/config"
	"uniapi/loadtest"
	"uniapi/server"
	"uniapi/server/conn"
	"uniapi/server/telemetry"
	"uniapi/usage"
	"uniapi/usage/credit"
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

// serveFlags are the flags of `uni-api serve`.
type serveFlags struct {
	config, listen, data string
	metrics              string // where /metrics is served without a key
	retention            time.Duration
	debug                bool
	reusePort            bool
	trusted              string
	drain                time.Duration
	server               server.Options
}

func (f *serveFlags) parse(args []string) (code int, stop bool) {
	flags := flag.NewFlagSet("uni-api serve", flag.ContinueOnError)
	flags.StringVar(&f.config, "config", "", "the api.yaml; default ./api.yaml, else what CONFIG_URL names")
	flags.StringVar(&f.listen, "listen", "0.0.0.0:"+cmp.Or(os.Getenv("PORT"), "8000"), "address to serve on, unless systemd passes a socket; the environment's PORT changes the default's port")
	flags.StringVar(&f.metrics, "metrics-listen", "", "serve /metrics without a key on this address too, e.g. 127.0.0.1:9100")
	flags.StringVar(&f.data, "data", "./data", "folder of the ledger; DISABLE_DATABASE=true does without")
	flags.DurationVar(&f.retention, "retention", usage.DefaultRetention, "how long usage is kept in the ledger")
	flags.BoolVar(&f.debug, "debug", truth(os.Getenv("DEBUG")), "log more; the environment's DEBUG=true does the same")
	flags.BoolVar(&f.server.LogBodies, "log-bodies", false, "log what is asked and answered too, up to 4 KB of each, without the keys; implies --debug")

	body, memory := size{bytes: server.DefaultMaxBody, least: 1 << 10}, size{least: 1 << 20}
	flags.Var(&body, "max-body", "largest request body, compressed or not, in bytes or as 64MiB")
	flags.IntVar(&f.server.MaxConnections, "max-connections", 0, "connections of clients; for more, those that have no key or are idle are closed. 0 is half of the descriptors the process may have, at most what a fifth of the memory limit holds")
	flags.Int64Var(&f.server.MaxInFlight, "max-in-flight", 0, "requests served at a time; more are refused with 503. 0 is what half of the memory limit holds, without one no limit")
	flags.Var(&memory, "request-memory", "what requests may hold together, in bytes or as 512MiB: bodies as they are inflated, images that were fetched, translations, answers read whole. Without it a quarter of the memory limit, or of the machine's memory")

	flags.DurationVar(&f.drain, "drain-timeout", 10*time.Minute, "how long requests may take to finish after SIGTERM")
	flags.DurationVar(&f.server.DrainGrace, "drain-grace", 10*time.Second, "how long to go on serving after SIGTERM while /readyz says 503, if it was asked within the last minute")
	flags.BoolVar(&f.reusePort, "reuse-port", false, "share the address with other processes (SO_REUSEPORT)")
	flags.StringVar(&f.trusted, "trusted-proxies", "", "addresses and CIDR ranges, with commas, whose X-Forwarded-For is believed")
	flags.BoolVar(&f.server.ProxyProtocol, "proxy-protocol", false, "connections from --trusted-proxies begin with a PROXY header, version 1 or 2")
	flags.StringVar(&f.server.TLSCert, "tls-cert", "", "PEM file of the certificate chain; serves HTTPS. Read again when it changes")
	flags.StringVar(&f.server.TLSKey, "tls-key", "", "PEM file of the certificate's key")
	if code, stop = parse(flags, args); stop {
		return code, stop
	}
	f.server.MaxBody, f.server.RequestMemory = int(body.bytes), memory.bytes
	var err error
	if f.server.TrustedProxies, err = conn.ParseNetworks(f.trusted); err != nil {
		err = fmt.Errorf("--trusted-proxies: %w", err)
	} else if f.server.ProxyProtocol && f.server.TrustedProxies == nil {
		err = fmt.Errorf("--proxy-protocol needs --trusted-proxies: who may say whom it speaks for")
	} else if f.server.MaxConnections < 0 || f.server.MaxInFlight < 0 {
		err = fmt.Errorf("--max-connections and --max-in-flight must be 0 or more")
	} else if (f.server.TLSCert == "") != (f.server.TLSKey == "") {
		err = fmt.Errorf("--tls-cert and --tls-key go together")
	}
	if err != nil {
		fmt.Fprintln(flags.Output(), "uni-api serve:", err)
		return 2, true
	}
	return 0, false
}

// size is a flag of so many bytes, at least so many; 0 is not given.
type size struct{ bytes, least int64 }

func (s *size) Set(text string) error {
	n, ok := config.ParseSize(text)
	if !ok || n < s.least || n > math.MaxInt {
		return fmt.Errorf("it must be a size such as 67108864 or 64MiB, of %d bytes or more", s.least)
	}
	s.bytes = n
	return nil
}

func (s *size) String() string {
	switch {
	case s.bytes == 0:
		return ""
	case s.bytes%(1<<20) == 0:
		return fmt.Sprintf("%dMiB", s.bytes>>20)
	}
	return strconv.FormatInt(s.bytes, 10)
}

func serve(args []string) int {
	var flags serveFlags
	if code, stop := flags.parse(args); stop {
		return code
	}
	level := slog.LevelInfo
	if flags.debug || flags.server.LogBodies {
		level = slog.LevelDebug
	}
	// A log that nobody reads stops nothing: not a pipe whose reader is gone, not a
	// full one, and not what libraries log.
	signal.Ignore(syscall.SIGPIPE)
	telemetry.OwnStderr()
	log, flush := telemetry.NewLogger(os.Stderr, isTerminal(os.Stderr), level)
	defer flush()
	slog.SetDefault(log)

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	source := config.Resolve(flags.config, os.Getenv)
	cfg, err := source.Load(ctx)
	if err != nil {
		log.Error("the configuration cannot be used", "source", source.String(), "error", err)
		return 1
	}
	warn(log, cfg)
	options := flags.server
	options.Config, options.Log, options.Version = cfg, log, versionName()
	options.Memory = server.LimitMemory()
	s := &service{log: log, source: source, inForce: cfg, supervisor: server.NewSupervisor(log)}
	if source.Path != "" {
		options.Update = func(changes map[string]json.RawMessage, check func(*config.Config) error) error {
			err := source.Update(changes, check)
			if err == nil {
				s.reload(ctx) // so that who asked finds it in force
			}
			return err
		}
	}
	books := usage.Options{
		Dir: flags.data, Memory: truth(os.Getenv("DISABLE_DATABASE")), Retention: flags.retention, Series: server.BookSeries(options.Memory), Log: log,
		Credits: credit.NewLocal(),
	}
	if books.Ledger, err = usage.OpenLedger(books); err == nil {
		options.Books, err = usage.Open(books)
	}
	if err != nil {
		log.Error("the books cannot be opened", "error", err)
		return 1
	}
	options.Stores = balancer.Stores{Limits: limit.NewLocal(), Breakers: breaker.Local{}} // of this instance alone
	s.gateway, err = server.New(options)
	if err != nil {
		log.Error("the gateway cannot start", "error", err)
		return 1
	}
	listeners, err := server.Listen(flags.listen, flags.reusePort)
	if err != nil {
		log.Error("this address cannot be served on; another --listen can", "address", flags.listen, "error", err)
		return 1
	}
	if flags.metrics != "" {
		address, err := s.gateway.ServeMetrics(flags.metrics)
		if err != nil {
			log.Error("metrics cannot be served on this address; another --metrics-listen can", "address", flags.metrics, "error", err)
			return 1
		}
		log.Info("serving metrics", "address", address.String())
	}
	s.ended = make(chan error, len(listeners))
	go source.Watch(ctx, cfg, nil, s.apply, s.keepOld)
	for _, ln := range listeners {
		go func() { s.ended <- s.gateway.Serve(ln) }()
		log.Info("serving", "address", ln.Addr().String(), "version", options.Version, "source", source.String(),
			"providers", len(cfg.Providers), "keys", len(cfg.APIKeys))
	}
	return s.run(ctx, flags.drain, listeners[0].Addr())
}

// service is a gateway while it serves.
type service struct {
	log        *slog.Logger
	gateway    *server.Server
	source     config.Source
	supervisor server.Supervisor
	ended      chan error // what Serve returned

	mu      sync.Mutex // held while a configuration is put into force
	inForce *config.Config
}

// run passes signals on until the gateway ends.
func (s *service) run(ctx context.Context, drain time.Duration, address net.Addr) (code int) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	heartbeat := s.supervisor.Heartbeat()
	s.supervisor.Ready("serving on %s", address)
	for {
		select {
		case err := <-s.ended:
			s.log.Error("the gateway ended", "error", err)
			return 1
		case <-heartbeat:
			s.supervisor.Alive()
		case sig := <-signals:
			if sig != syscall.SIGHUP {
				s.log.Info("ending; a second signal ends at once", "signal", sig.String(), "drain_timeout", drain.String())
				s.supervisor.Stopping()
				return s.end(drain, signals, heartbeat)
			}
			s.supervisor.Reloading()
			s.reload(ctx)
			s.gateway.Renew()
			s.supervisor.Ready("serving on %s", address)
		}
	}
}

// end lets the requests in flight finish, until the time is over or a further
// signal comes.
func (s *service) end(drain time.Duration, signals <-chan os.Signal, heartbeat <-chan time.Time) (code int) {
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	over := make(chan error, 1)
	go func() { over <- s.gateway.Shutdown(ctx) }()
	for {
		select {
		case err := <-over:
			if err != nil {
				s.log.Error("ended before every request had", "error", err)
				return 1
			}
			s.log.Info("ended")
			return 0
		case <-heartbeat:
			s.supervisor.Alive()
		case sig := <-signals:
			if sig != syscall.SIGHUP {
				cancel()
			}
		}
	}
}

// reload reads the configuration at once, without waiting for its being found to
// have changed.
func (s *service) reload(ctx context.Context) {
	cfg, err := s.source.Load(ctx)
	if err != nil {
		s.keepOld(err)
		return
	}
	s.apply(cfg)
}

// apply puts a configuration into force, unless it is in force already.
func (s *service) apply(cfg *config.Config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cfg.Hash == s.inForce.Hash {
		return
	}
	warn(s.log, cfg)
	s.gateway.Apply(cfg)
	s.inForce = cfg
	s.log.Info("the configuration was reloaded", "source", s.source.String(), "providers", len(cfg.Providers), "keys", len(cfg.APIKeys))
}

func (s *service) keepOld(err error) {
	s.log.Error("the changed configuration cannot be used; the old one stays in force", "source", s.source.String(), "error", err)
}

func warn(log *slog.Logger, cfg *config.Config) {
	for _, w := range cfg.Warnings {
		log.Warn("in the configuration", "problem", w.String())
	}
	for _, a := range cfg.Advice {
		log.Warn("in the configuration", "problem", a.String())
	}
}

func truth(value string) bool {
	on, err := strconv.ParseBool(value)
	return on && err == nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

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
	fmt.Print(cfg.Summary())
	return 0
}

func explain(args []string) int {
	flags := flag.NewFlagSet("uni-api explain", flag.ContinueOnError)
	key := flags.String("key", "", "the API key that asks, or its role")
	model := flags.String("model", "", "the model it asks for; default the one in --body")
	endpoint := flags.String("endpoint", "/v1/chat/completions", "the path that is asked")
	bodyFile := flags.String("body", "", "a file with the body of the request, for rules that look at more of it than its model; - is standard input")
	path := flags.String("config", "", "the api.yaml; default ./api.yaml, else what CONFIG_URL names")
	base := flags.String("url", "", "ask the gateway running there instead, e.g. http://localhost:8000")
	admin := flags.String("admin-key", os.Getenv("UNI_API_ADMIN_KEY"), "an admin key, for --url; default the environment's UNI_API_ADMIN_KEY")
	if code, stop := parse(flags, args); stop {
		return code
	}
	if *key == "" || *model == "" && *bodyFile == "" {
		fmt.Fprintln(os.Stderr, "uni-api explain: it needs --key, and --model or --body")
		return 2
	}
	question := server.Question{Key: *key, Model: *model, Endpoint: *endpoint}
	err := func() (err error) {
		switch *bodyFile {
		case "":
		case "-":
			question.Body, err = io.ReadAll(os.Stdin)
		default:
			question.Body, err = os.ReadFile(*bodyFile)
		}
		if err != nil {
			return fmt.Errorf("--body: %w", err)
		}
		if *base != "" {
			return server.ExplainLive(os.Stdout, *base, *admin, question)
		}
		cfg, err := config.Resolve(*path, os.Getenv).Load(context.Background())
		if err != nil {
			return err
		}
		return server.Explain(os.Stdout, cfg, question)
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
