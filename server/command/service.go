package command

import (
	"context"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"uniapi/config"
	"uniapi/server"
)

// service is a gateway while it serves.
type service struct {
	log        *slog.Logger
	gateway    *server.Server
	source     config.Source
	supervisor server.Supervisor
	ended      chan error // what Serve returned

	mu      sync.Mutex // held while a configuration is put into force
	inForce *config.Config
	failed  atomic.Bool // the last one that was read could not be used
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
// have changed, and says so where it has not.
func (s *service) reload(ctx context.Context) {
	s.mu.Lock()
	current := s.inForce
	s.mu.Unlock()
	cfg, err := s.source.Reload(ctx, current)
	if err != nil {
		s.keepOld(err)
	} else if s.put(cfg) == unchanged {
		s.log.Info("the configuration was read again and has not changed", "source", s.source.String())
	}
}

// outcome is what became of a configuration that was read again.
type outcome int

const (
	unchanged outcome = iota // it is in force already
	inForce
	refused // the one before it stays in force
)

// apply puts a configuration into force, unless it is in force already.
func (s *service) apply(cfg *config.Config) { s.put(cfg) }

// put is apply. It tells what came of it.
func (s *service) put(cfg *config.Config) outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cfg.Hash == s.inForce.Hash {
		s.gateway.NotRead(nil)
		if s.failed.Swap(false) {
			s.log.Info("the configuration is again the one that is in force", "source", s.source.String())
		}
		return unchanged
	}
	if lost := s.gateway.Loses(cfg); len(lost) > 0 {
		s.keepOld(lost)
		return refused
	}
	s.failed.Store(false)
	warn(s.log, cfg)
	tellProxies(s.log, cfg)
	s.gateway.Apply(cfg)
	s.inForce = cfg
	s.log.Info("the configuration was reloaded", "source", s.source.String(), "providers", len(cfg.Providers), "keys", len(cfg.APIKeys))
	return inForce
}

func (s *service) keepOld(err error) {
	s.failed.Store(true)
	s.gateway.NotRead(err)
	if problems := problemsIn(err); problems != nil {
		logProblems(s.log, problems)
		s.log.Error("the changed configuration cannot be used; the old one stays in force", "source", s.source.String(), "errors", problems.Errors())
		return
	}
	s.log.Error("the changed configuration cannot be used; the old one stays in force", "source", s.source.String(), "error", err)
}
