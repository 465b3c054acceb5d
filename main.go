// Command uni-api puts one API in front of every LLM provider.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	"uniapi/config"
	"uniapi/loadtest"
	"uniapi/server"
	"uniapi/usage"
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

func serve(args []string) int {
	flags := flag.NewFlagSet("uni-api serve", flag.ContinueOnError)
	path := flags.String("config", "", "the api.yaml; default ./api.yaml, else what CONFIG_URL names")
	listen := flags.String("listen", "0.0.0.0:"+cmp.Or(os.Getenv("PORT"), "8000"), "address to serve on; the environment's PORT changes the default's port")
	data := flags.String("data", "./data", "folder of the ledger; DISABLE_DATABASE=true does without")
	retention := flags.Duration("retention", usage.DefaultRetention, "how long usage is kept in the ledger")
	maxBody := flags.Int("max-body", server.DefaultMaxBody, "largest request body, in bytes, compressed or not")
	drain := flags.Duration("drain-timeout", 10*time.Minute, "how long requests may take to finish after SIGTERM")
	verbose := flags.Bool("debug", truth(os.Getenv("DEBUG")), "log more; the environment's DEBUG=true does the same")
	if code, stop := parse(flags, args); stop {
		return code
	}
	level := slog.LevelInfo
	if *verbose {
		level = slog.LevelDebug
	}
	log, flush := server.NewLogger(os.Stderr, isTerminal(os.Stderr), level)
	defer flush()

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	source := config.Resolve(*path, os.Getenv)
	cfg, err := source.Load(ctx)
	if err != nil {
		log.Error("the configuration cannot be used", "source", source.String(), "error", err)
		return 1
	}
	warn(log, cfg)
	books, err := usage.Open(usage.Options{Dir: *data, Memory: truth(os.Getenv("DISABLE_DATABASE")), Retention: *retention, Log: log})
	if err != nil {
		log.Error("the books cannot be opened", "error", err)
		return 1
	}
	defer func() {
		if err := books.Close(); err != nil {
			log.Error("the books were not closed", "error", err)
		}
	}()
	options := server.Options{Config: cfg, Log: log, MaxBody: *maxBody, Version: versionName(), Books: books}
	if source.Path != "" {
		options.Update = source.Update
	}
	gateway, err := server.New(options)
	if err != nil {
		log.Error("the gateway cannot start", "error", err)
		return 1
	}
	ln, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Error("this address cannot be served on; another --listen can", "address", *listen, "error", err)
		return 1
	}
	kick := make(chan struct{}, 1)
	go source.Watch(ctx, cfg, kick, func(cfg *config.Config) {
		warn(log, cfg)
		gateway.Apply(cfg)
		log.Info("the configuration was reloaded", "source", source.String(), "providers", len(cfg.Providers), "keys", len(cfg.APIKeys))
	}, func(err error) {
		log.Error("the changed configuration cannot be used; the old one stays in force", "source", source.String(), "error", err)
	})
	ended := make(chan error, 1)
	go func() { ended <- gateway.Serve(ln.(*net.TCPListener)) }()
	log.Info("serving", "address", ln.Addr().String(), "version", versionName(), "source", source.String(),
		"providers", len(cfg.Providers), "keys", len(cfg.APIKeys))
	return wait(log, gateway, ended, kick, *drain)
}

// wait passes signals on until the gateway ends.
func wait(log *slog.Logger, gateway *server.Server, ended <-chan error, kick chan<- struct{}, drain time.Duration) int {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	for {
		select {
		case err := <-ended:
			log.Error("the gateway ended", "error", err)
			return 1
		case s := <-signals:
			if s == syscall.SIGHUP {
				select {
				case kick <- struct{}{}:
				default: // one is under way
				}
				continue
			}
			log.Info("ending; a second signal ends at once", "signal", s.String(), "drain_timeout", drain.String())
			ctx, cancel := context.WithTimeout(context.Background(), drain)
			defer cancel()
			go func() {
				for s := range signals {
					if s != syscall.SIGHUP {
						cancel()
					}
				}
			}()
			if err := gateway.Shutdown(ctx); err != nil {
				log.Error("ended before every request had", "error", err)
				return 1
			}
			log.Info("ended")
			return 0
		}
	}
}

func check(args []string) int {
	flags := flag.NewFlagSet("uni-api check", flag.ContinueOnError)
	path := flags.String("config", "", "the api.yaml; default ./api.yaml, else what CONFIG_URL names")
	if code, stop := parse(flags, args); stop {
		return code
	}
	cfg, err := config.Resolve(*path, os.Getenv).Load(context.Background())
	if err == nil && len(cfg.Warnings) > 0 {
		err = config.Problems(cfg.Warnings)
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
	model := flags.String("model", "", "the model it asks for")
	path := flags.String("config", "", "the api.yaml; default ./api.yaml, else what CONFIG_URL names")
	base := flags.String("url", "", "ask the gateway running there instead, e.g. http://localhost:8000")
	admin := flags.String("admin-key", os.Getenv("UNI_API_ADMIN_KEY"), "an admin key, for --url; default the environment's UNI_API_ADMIN_KEY")
	if code, stop := parse(flags, args); stop {
		return code
	}
	if *key == "" || *model == "" {
		fmt.Fprintln(os.Stderr, "uni-api explain: it needs --key and --model")
		return 2
	}
	err := func() error {
		if *base != "" {
			return server.ExplainLive(os.Stdout, *base, *admin, *key, *model)
		}
		cfg, err := config.Resolve(*path, os.Getenv).Load(context.Background())
		if err != nil {
			return err
		}
		return server.Explain(os.Stdout, cfg, *key, *model)
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

func warn(log *slog.Logger, cfg *config.Config) {
	for _, w := range cfg.Warnings {
		log.Warn("in the configuration", "problem", w.String())
	}
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
