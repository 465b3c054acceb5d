package command

import (
	"cmp"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"strconv"
	"time"

	"uniapi/config"
	"uniapi/server"
	"uniapi/server/conn"
	"uniapi/server/telemetry"
	"uniapi/usage"
)

// serveFlags are the flags of `uni-api serve`.
type serveFlags struct {
	config, listen, data string
	metrics              string // where /metrics is served without a key
	retention            time.Duration
	debug                bool
	reusePort            bool
	strict               bool
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
	flags.BoolVar(&f.strict, "strict", false, "do not start with an error in api.yaml; else what has one is left out, loudly, and the rest serves")
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
	} else if f.drain < 0 || f.server.DrainGrace < 0 || f.retention <= 0 {
		err = fmt.Errorf("--drain-timeout and --drain-grace must be 0 or more, and --retention more than 0")
	} else if err = listenable(f.listen); err != nil {
		err = fmt.Errorf("--listen, whose default's port is that of the environment's PORT: %w", err)
	} else if err = listenable(cmp.Or(f.metrics, f.listen)); err != nil {
		err = fmt.Errorf("--metrics-listen: %w", err)
	} else if (f.server.TLSCert == "") != (f.server.TLSKey == "") {
		err = fmt.Errorf("--tls-cert and --tls-key go together")
	}
	if err != nil {
		misused(flags.Name(), err)
		return 2, true
	}
	return 0, false
}

// listenable says what is wrong with an address to listen on. One that is empty, as a variable that is not set leaves
// it behind, would be any port.
func listenable(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil && port != "" {
		if _, err = net.LookupPort("tcp", port); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%q is no address with a port; write one such as 127.0.0.1:8000, or :8000 for all addresses", address)
}

// misused says what is wrong with a command's flags. What serve has to say belongs into its log, which is JSON from the
// first line on unless somebody looks at it.
func misused(command string, err error) {
	if command != "uni-api serve" || isTerminal(os.Stderr) {
		fmt.Fprintf(complaints{}, "%s: %v\n%[1]s --help lists its flags\n", command, err)
		return
	}
	log, flush := telemetry.NewLogger(os.Stderr, false, slog.LevelInfo)
	log.Error("the flags cannot be used; uni-api serve --help lists them", "error", err)
	flush()
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

func truth(value string) bool {
	on, err := strconv.ParseBool(value)
	return on && err == nil
}
