package metrics

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

// Listen answers GET /metrics, /healthz, with what health says, and Go's profiles under
// /debug/pprof/ on an address of their own, without a key, until Close. It returns the
// address, or says why it cannot be listened on.
func (p *Page) Listen(address string, health func() map[string]string) (net.Addr, error) {
	ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on %s for metrics: %w", address, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		page, form := p.Text(r.Header.Get("Accept"))
		w.Header().Set("Content-Type", form)
		w.Write(page)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(health())
	})
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	// net/http is fast enough for who comes every few seconds, and closes at once what is still open.
	scraped := &http.Server{
		Handler: mux, ReadTimeout: 15 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 5 * time.Minute, MaxHeaderBytes: conn.MaxHead,
		ErrorLog: slog.NewLogLogger(p.Log.Handler(), slog.LevelDebug),
	}
	p.mu.Lock()
	p.served = append(p.served, scraped)
	p.mu.Unlock()
	go func() {
		if err := scraped.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			p.Log.Error("metrics are served no longer", "address", ln.Addr().String(), "error", err)
		}
	}()
	return ln.Addr(), nil
}

// Close ends what Listen began.
func (p *Page) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, scraped := range p.served {
		scraped.Close()
	}
}
