package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
	"uniapi/server/conn"
)

// ServeMetrics answers GET /metrics, /healthz and Go's profiles under
// /debug/pprof/ on an address of their own, without a key, until the end of
// Shutdown: a drain can be watched. It returns the address, or says why it cannot
// be listened on.
func (s *Server) ServeMetrics(address string) (net.Addr, error) {
	ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on %s for metrics: %w", address, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", metricsType)
		w.Write(s.metricsPage())
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(s.health())
	})
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	// net/http is fast enough for who comes every few seconds, and closes at once what is still open.
	scraped := &http.Server{
		Handler: mux, ReadTimeout: 15 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 5 * time.Minute, MaxHeaderBytes: conn.MaxHead,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.mu.Lock()
	s.scraped = append(s.scraped, scraped)
	s.mu.Unlock()
	go func() {
		if err := scraped.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("metrics are served no longer", "address", ln.Addr().String(), "error", err)
		}
	}()
	return ln.Addr(), nil
}

// closeMetrics ends what ServeMetrics began.
func (s *Server) closeMetrics() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, scraped := range s.scraped {
		scraped.Close()
	}
}
