// Package server is the front of the gateway: it reads requests, finds out who
// asks for what, lets the balancer say who serves it, and writes the answer.
// relay.go holds the life of a request.
package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/config"
	"uniapi/pool"
	"uniapi/usage"
)

// DefaultMaxBody is the largest request body taken, in bytes, compressed or not.
const DefaultMaxBody = 64 << 20

const (
	maxHeader   = 16 << 10 // of a request; also the read buffer, so most requests are read at once
	writeBuffer = 16 << 10 // holds a burst of events, so that it leaves in one write
	idleClient  = 5 * time.Minute
)

// Options say how a Server runs.
type Options struct {
	Config  *config.Config
	Log     *slog.Logger
	MaxBody int // bytes; 0 is DefaultMaxBody
	Version string
	// Books are kept by the caller; nil keeps them in memory only.
	Books *usage.Books
	// Update changes the file that Config came from; nil where it is no file.
	Update func(changes map[string]json.RawMessage) error
}

// Server is the gateway. Use New.
type Server struct {
	options   Options
	log       *slog.Logger
	http      *fasthttp.Server
	pool      *pool.Pool
	state     *balancer.State
	discovery *discovery
	watch     *watcher
	ids       requestIDs
	books     *usage.Books
	ownBooks  bool // made here, and so closed here

	snapshot atomic.Pointer[snapshot]
	building sync.Mutex // held while a snapshot is built
	draining atomic.Bool
	inFlight atomic.Int64
}

// New prepares a gateway; Serve runs it.
func New(o Options) (*Server, error) {
	if o.MaxBody <= 0 {
		o.MaxBody = DefaultMaxBody
	}
	watch, err := newWatcher()
	if err != nil {
		return nil, err
	}
	s := &Server{
		options: o, log: o.Log, watch: watch,
		pool: pool.New(pool.Options{}), state: balancer.NewState(), ids: newRequestIDs(),
	}
	if s.discovery, err = newDiscovery(s.log, s.rebuild); err != nil {
		return nil, err
	}
	if s.books = o.Books; s.books == nil {
		s.ownBooks = true
		if s.books, err = usage.Open(usage.Options{Memory: true, Log: s.log}); err != nil {
			return nil, err
		}
	}
	s.http = &fasthttp.Server{
		Handler:                      s.handler(),
		ErrorHandler:                 s.onProtocolError,
		ConnState:                    trimBuffers,
		MaxRequestBodySize:           o.MaxBody,
		ReadBufferSize:               maxHeader,
		WriteBufferSize:              writeBuffer,
		IdleTimeout:                  idleClient,
		NoDefaultServerHeader:        true,
		NoDefaultContentType:         true,
		DisablePreParseMultipartForm: true,
		LazyRequestTime:              true,
		CloseOnShutdown:              true,
		SecureErrorLogMessage:        true, // errors must not repeat a header: it has the key
		Logger:                       quiet{s.log},
	}
	s.Apply(o.Config)
	return s, nil
}

// Serve answers on ln until Shutdown.
func (s *Server) Serve(ln *net.TCPListener) error {
	if err := s.http.Serve(&listener{ln, s.watch, s.log}); err != nil {
		return fmt.Errorf("serving %s: %w", ln.Addr(), err)
	}
	return nil
}

// Shutdown takes no further connection, lets the requests in flight finish
// until ctx ends, and lets go of everything.
func (s *Server) Shutdown(ctx context.Context) error {
	s.draining.Store(true)
	err := s.http.ShutdownWithContext(ctx)
	if err != nil {
		err = fmt.Errorf("%d requests were still in flight: %w", s.inFlight.Load(), err)
	}
	s.discovery.close()
	s.watch.close()
	s.pool.Close()
	if s.ownBooks {
		err = errors.Join(err, s.books.Close())
	}
	return err
}

// quiet takes what fasthttp logs on its own: clients that send no HTTP or
// vanish. It is of interest only when looking for a fault.
type quiet struct{ log *slog.Logger }

func (q quiet) Printf(format string, args ...any) {
	for i, arg := range args {
		if err, ok := arg.(error); ok {
			args[i] = unquoted(err)
		}
	}
	q.log.Debug("connection", "error", fmt.Sprintf(format, args...))
}
