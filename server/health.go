package server

import (
	"time"

	"github.com/valyala/fasthttp"
)

// root says what answers here; agents probe it before their first request.
func (s *Server) root(ctx *fasthttp.RequestCtx) {
	writeJSON(ctx, fasthttp.StatusOK, map[string]string{
		"name": "uni-api", "version": s.options.Version, "chat": "/v1/chat/completions", "models": "/v1/models", "dashboard": "/dashboard",
		"docs": "README.md and docs/ of the release; deploy/install.sh puts them into /usr/local/share/doc/uni-api",
	})
}

// healthz answers as long as the process can answer.
func (s *Server) healthz(ctx *fasthttp.RequestCtx) {
	writeJSON(ctx, fasthttp.StatusOK, s.health())
}

func (s *Server) health() map[string]string {
	return map[string]string{"status": "ok", "version": s.options.Version}
}

// readyz tells a load balancer whether to send new requests here. That it was
// asked is remembered: see Shutdown.
func (s *Server) readyz(ctx *fasthttp.RequestCtx) {
	s.probed.Store(time.Now().UnixNano())
	if s.draining.Load() {
		writeJSON(ctx, fasthttp.StatusServiceUnavailable, map[string]string{"status": "draining"})
		return
	}
	if fleet := s.options.Cluster; fleet != nil && !fleet.Ready() {
		writeJSON(ctx, fasthttp.StatusServiceUnavailable, map[string]string{"status": "Redis does not answer, and preferences.cluster has on_failure: refuse"})
		return
	}
	if !s.books.Ready() {
		writeJSON(ctx, fasthttp.StatusServiceUnavailable, map[string]string{"status": "PostgreSQL has not answered since the start, so that nobody knows what keys have spent, and preferences.cluster has on_failure: refuse"})
		return
	}
	said := map[string]string{"status": "ready"}
	if away := s.books.Ledger().Away; !away.IsZero() {
		said["ledger"] = "PostgreSQL has not answered since " + away.UTC().Format(time.RFC3339) + "; what is counted waits in the data folder"
	}
	writeJSON(ctx, fasthttp.StatusOK, said)
}
