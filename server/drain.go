package server

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// probeMemory is how long after its last question /readyz counts as watched
	// by a load balancer. They ask every few seconds.
	probeMemory = time.Minute
	drainLook   = 20 * time.Millisecond // between two looks whether everything has ended
)

// Shutdown ends the gateway without losing a request: /readyz says 503, and if a
// load balancer has asked it lately, everybody is served for DrainGrace more, so
// that it notices; nobody waits for a limit any more. Then no connection is taken any more, idle ones are closed,
// and the requests in flight may finish until ctx ends. Requests that have not by
// then are cut, and the error says how many.
func (s *Server) Shutdown(ctx context.Context) error {
	s.draining.Store(true)
	s.waiting.Close()
	if time.Since(time.Unix(0, s.probed.Load())) < probeMemory {
		select {
		case <-time.After(s.options.DrainGrace):
		case <-ctx.Done():
		}
	}
	s.conns.Stop()
	err := s.awaitEnd(ctx)
	s.conns.HangUp()
	return errors.Join(err, s.release())
}

// awaitEnd waits until there is neither a connection nor a request. fasthttp's own
// count of connections is one too low once nothing is accepted any more.
func (s *Server) awaitEnd(ctx context.Context) error {
	look := time.NewTicker(drainLook)
	defer look.Stop()
	for s.conns.Accepting() || s.conns.Size() > 0 || s.inFlight.Load() > 0 {
		select {
		case <-ctx.Done():
			if requests := s.inFlight.Load(); requests > 0 {
				return fmt.Errorf("%d requests were still in flight: %w", requests, ctx.Err())
			}
			if open := s.conns.Size(); open > 0 {
				return fmt.Errorf("no request was in flight, but %d connections were open, which may have been about to ask: %w", open, ctx.Err())
			}
			return nil
		case <-look.C:
		}
	}
	return nil
}

// release lets go of everything, once, and writes what is left of the books.
func (s *Server) release() error {
	s.released.Do(func() {
		s.alone()
		s.page.Close()
		s.discovery.Close()
		s.prices.Close()
		s.fetched.Close()
		s.conns.Close()
		s.pool.Close()
		if s.requests != nil {
			s.requests.Close()
		}
	})
	return s.books.Close()
}
