package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"uniapi/config"
	"uniapi/server"
	"uniapi/server/pricelist"
	"uniapi/server/requestlog"
	"uniapi/server/telemetry"
	"uniapi/server/telemetry/tracing"
	"uniapi/usage"
	"uniapi/usage/credit"
)

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
	resolve := config.Resolve
	if flags.strict {
		resolve = config.ResolveStrict
	}
	source := resolve(flags.config, os.Getenv)
	cfg, err := source.Start(ctx)
	if err == nil {
		if left := server.LeftOut(cfg); len(left) > 0 && (flags.strict || server.ServesNothing(cfg)) {
			err = left
		}
	}
	if err != nil {
		if flags.config == "" && os.Getenv("CONFIG_URL") == "" && errors.Is(err, fs.ErrNotExist) {
			fmt.Fprint(complaints{}, nothingToServe)
			return 1
		}
		refuse(log, source, err)
		return 1
	}
	log, secrets := telemetry.Redacted(log)
	secrets.Store(telemetry.NewRedactor(cfg.Secrets())) // a database or a collector may fail before there is a gateway
	slog.SetDefault(log)
	warn(log, cfg)
	tellProxies(log, cfg)
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
	shared, err := database(os.Getenv)
	if err != nil {
		log.Error("the books cannot be opened", "error", err)
		return 1
	}
	books := usage.Options{
		Database: shared, Instance: cfg.Preferences.Cluster.Instance, Dir: flags.data, Memory: truth(os.Getenv("DISABLE_DATABASE")), Retention: flags.retention, Series: server.BookSeries(options.Memory), Log: log,
		Credits: credit.NewLocal(), Strict: cfg.Preferences.Cluster.OnFailure == config.FailRefuse,
	}
	if books.Ledger, err = usage.OpenLedger(books); err != nil {
		log.Error("the books cannot be opened", "error", err)
		return 1
	}
	fleet, err := join(cfg, log, &books)
	if err != nil {
		log.Error("this instance cannot share with others", "error", err)
		return 1
	}
	options.Cluster = fleet
	if fleet != nil {
		defer fleet.Close()
	}
	options.Books, err = usage.Open(books)
	if err != nil {
		log.Error("the ledger cannot be opened", "error", err)
		return 1
	}
	if !books.Memory {
		options.Requests = filepath.Join(flags.data, requestlog.Folder)
		options.Prices = filepath.Join(flags.data, pricelist.Folder)
	}
	options.Stores = stores(fleet)
	if t := tracing.Start(os.Getenv, log, options.Version); t != nil {
		options.Tracer = t
		defer t.Close()
	}
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

// nothingToServe is for who starts the program for the first time.
const nothingToServe = `uni-api: there is no ./api.yaml to serve; --config or the environment's CONFIG_URL would name another.
  uni-api init    writes a first one: it asks for a provider and its key
  uni-api demo    shows the gateway at work, without a key or a file
`

// refuse says why there is no configuration to serve: on a terminal by lines that can be read, else by lines of the
// log, one for each problem.
func refuse(log *slog.Logger, source config.Source, err error) {
	problems := problemsIn(err)
	switch {
	case problems == nil:
		log.Error("the configuration cannot be used", "source", source.String(), "error", err)
		return
	case isTerminal(os.Stderr):
		printProblems(os.Stderr, coloured(os.Stderr), problems)
	default:
		logProblems(log, problems)
	}
	log.Error("the configuration cannot be used", "source", source.String(), "errors", problems.Errors())
}

func warn(log *slog.Logger, cfg *config.Config) {
	for _, l := range cfg.LeftOut {
		log.Error("left out of the configuration; the rest serves", "item", string(l.Item), "name", l.Of, "problem", l.String())
	}
	logProblems(log, cfg.Problems())
}

// tellProxies says who is asked through proxies that the environment names: nothing in the file tells of them.
func tellProxies(log *slog.Logger, cfg *config.Config) {
	for _, via := range cfg.ViaEnvironment() {
		log.Info("the environment's proxy is used", "proxy", via.Proxy, "providers", strings.Join(via.Providers, ", "),
			"instead", "proxy: in api.yaml names another; proxy: direct, or NO_PROXY, goes past it")
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
