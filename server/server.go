// Package server is the front of the gateway: it reads requests, finds out who
// asks for what, lets the balancer say who serves it, and writes the answer.
// The life of a request goes through entrance.go, begin.go, receive.go, admit.go, channels.go,
// attempt.go, send.go, answer.go, respond.go, finish.go and account.go, in that order.
package server

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/cluster"
	"uniapi/config"
	"uniapi/pool"
	"uniapi/pool/fetch"
	"uniapi/pool/provider"
	"uniapi/server/admin"
	"uniapi/server/alerts"
	"uniapi/server/budget"
	"uniapi/server/capture"
	"uniapi/server/conn"
	"uniapi/server/discovery"
	"uniapi/server/entry"
	"uniapi/server/idempotency"
	"uniapi/server/pricelist"
	"uniapi/server/queue"
	"uniapi/server/requestlog"
	"uniapi/server/telemetry"
	"uniapi/server/telemetry/metrics"
	"uniapi/usage"
)

// DefaultMaxBody is the largest request body taken, in bytes, compressed or not.
const DefaultMaxBody = 64 << 20

// Options say how a Server runs.
type Options struct {
	Config  *config.Config
	Log     *slog.Logger // nil is silence
	Version string

	MaxBody        int   // bytes; 0 is DefaultMaxBody
	MaxConnections int   // of clients; 0 is half of the descriptors the process may have, or what a fifth of Memory holds
	MaxInFlight    int64 // requests for answers; 0 is what half of Memory holds
	LogBodies      bool  // at debug level, the beginnings of what is asked and answered
	Memory         int64 // bytes the process may use; 0 is no limit. LimitMemory finds it
	RequestMemory  int64 // bytes that requests may hold together; 0 is what follows from Memory

	TLSCert, TLSKey string        // PEM files; without them the server speaks plain HTTP
	TrustedProxies  conn.Networks // whose X-Forwarded-For and PROXY headers are believed
	ProxyProtocol   bool          // every connection from TrustedProxies begins with a PROXY header

	Requests string           // folder of the log of requests, if one is asked for; "" keeps none
	Prices   string           // folder in which list prices that were fetched are kept; "" keeps none
	Books    *usage.Books     // nil keeps them in memory, until Shutdown
	Stores   balancer.Stores  // what is shared with other instances
	Cluster  *cluster.Cluster // through which Stores are shared; nil is an instance that is alone
	Tracer   Tracer           // who is told of requests that have ended; nil is nobody
	// Update changes the configuration's source, as config.Source.Update does; nil if it cannot be changed.
	Update func(changes map[string]json.RawMessage, check func(*config.Config) error) error

	DrainGrace time.Duration // how long a server that is watched goes on serving when it is told to end

	// Reach makes connections to providers in the place of the network, as pool.Options.Reach does; nil is the network.
	Reach func(ctx context.Context, addr string) (*net.TCPConn, error)

	readTimes *conn.Times // nil is UsualTimes; tests have less patience
	pool      pool.Options

	askEvery      time.Duration // 0 is admin's; tests have less patience
	longestSearch time.Duration // 0 is longestSearch; tests have less patience
	gapComments   time.Duration // likewise pingEvery, where one channel goes on with what another began
}

// withDefaults fills in what was left to the server.
func (o Options) withDefaults() Options {
	if o.MaxBody <= 0 {
		o.MaxBody = DefaultMaxBody
	}
	if o.MaxConnections <= 0 {
		o.MaxConnections = maxConnections(o.Memory)
	}
	if o.RequestMemory <= 0 {
		o.RequestMemory = requestMemory(o.Memory)
	}
	if o.MaxInFlight <= 0 {
		o.MaxInFlight = maxInFlight(o.Memory)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.gapComments <= 0 {
		o.gapComments = pingEvery
	}
	if o.longestSearch <= 0 {
		o.longestSearch = longestSearch
	}
	if o.readTimes == nil {
		o.readTimes = &conn.UsualTimes
	}
	return o
}

// Server is the gateway. Use New.
type Server struct {
	options   Options
	log       *slog.Logger // takes the secrets out of what it is told
	secrets   *atomic.Pointer[telemetry.Redactor]
	access    telemetry.AccessLog
	debug     bool // the log takes lines at debug level
	http      *fasthttp.Server
	tls       *tls.Config // nil: plain HTTP
	pool      *pool.Pool
	adapters  *provider.Adapters
	state     *balancer.State
	alone     context.CancelFunc // ends what the state hears from other instances
	books     *usage.Books
	discovery *discovery.Lists
	fetched   *fetch.Cache // of images and files that requests gave by address
	conns     *conn.Group
	ids       entry.IDs
	started   time.Time

	snapshot atomic.Pointer[snapshot]
	notRead  atomic.Pointer[string] // why the configuration could not be read again; nil if it could
	building sync.Mutex             // held while a snapshot is built
	asking   sync.Map               // *asking by provider and model: see backend
	inFlight *budget.Places         // requests for answers
	sending  *budget.Places         // requests whose bodies are on their way
	fetches  *budget.Places         // connections on which images and files are fetched

	requests   *requestlog.Log // nil: none can be kept
	strangers  strangers
	alerts     *alerts.Alerts
	lookups    *lookups
	captures   capture.Next // of single exchanges
	prices     *pricelist.Keeper
	waiting    *queue.Queue       // of requests for a limit
	idempotent *idempotency.Store // answers of requests with an Idempotency-Key

	counters metrics.Counters
	page     *metrics.Page // of /metrics
	admin    *admin.API

	budget      *budget.Budget
	overloaded  refusals // of requests
	oversized   refusals // of requests, or of attempts: they would fit at no time
	unconnected refusals // of connections
	unshared    refusals // counts failures of stores that instances share
	sentAway    refusals // counts connections that were closed for others to have room
	refusing    atomic.Int32

	probed   atomic.Int64 // when /readyz was last asked, in Unix nanoseconds
	draining atomic.Bool  // /readyz says 503
	released sync.Once
}

// New prepares a gateway; Serve runs it.
func New(o Options) (*Server, error) {
	o = o.withDefaults()
	s := &Server{
		options: o, books: o.Books,
		ids: entry.NewIDs(), started: time.Now(), lookups: newLookups(),
	}
	s.useStores(o.Stores)
	s.log, s.secrets = telemetry.Redacted(o.Log)
	s.access.Use(s.log)
	s.debug = s.log.Enabled(context.Background(), slog.LevelDebug)
	s.budget = budget.New(o.RequestMemory - int64(fetchCache(o.RequestMemory)+keptAnswers(o.RequestMemory)))
	s.idempotent = newIdempotency(o.RequestMemory)
	s.alerts = alerts.New(alerts.Options{Log: s.log, Look: s.alarming})
	if o.Requests != "" {
		s.requests = requestlog.New(o.Requests, requestlog.Bounds{}, s.log)
	}
	s.prices = pricelist.New(o.Prices, s.log, s.rebuild)
	s.waiting = newQueue(o.RequestMemory)
	s.sending = budget.NewBodies(mostSending(o.MaxConnections))
	s.fetches = budget.NewFetches(mostFetchesTogether())
	s.inFlight = budget.NewPlaces(min(o.MaxInFlight, int64(o.MaxConnections))) // each has a connection, so that a key's part is of both
	s.budget.OnRefused(func(r *budget.Refused) {
		if r.Never { // whatever else the gateway has in hand
			s.oversized.count(s.log, neverFits, "most", r.Most, "at_least", r.Bytes, "for", r.Use.String())
			return
		}
		s.overloaded.count(s.log, "requests hold as much memory as they may", "limit", s.budget.Limit(), "wanted", r.Bytes, "for", r.Use.String())
	})
	var err error
	if s.books == nil {
		if s.books, err = usage.Open(usage.Options{Memory: true, Log: s.log}); err != nil {
			return nil, err
		}
	}
	if o.TLSCert != "" || o.TLSKey != "" {
		if s.tls, err = conn.TLSConfig(o.TLSCert, o.TLSKey, s.log); err != nil {
			return nil, err
		}
	}
	if s.conns, err = conn.NewGroup(conn.GroupOptions{
		Most: o.MaxConnections, Strangers: mostStrangers(o.MaxConnections, o.Memory), MaxBody: o.MaxBody, Times: o.readTimes,
		TLS: s.tls, TrustedProxies: o.TrustedProxies, ProxyProtocol: o.ProxyProtocol, Log: s.log,
		Session: func() any { return new(session) }, Refuse: s.refuseConnection, OnSent: s.onSentAway,
	}); err != nil {
		return nil, err
	}
	o.pool.OnStray, o.pool.Reach = s.onStray, o.Reach
	s.pool = pool.New(o.pool)
	s.adapters = provider.NewAdapters(s.pool)
	if s.fetched, err = fetch.NewCache(fetchCache(o.RequestMemory)); err != nil {
		return nil, err
	}
	if s.discovery, err = discovery.New(s.log, func(name string) bool { return s.secrets.Load().Has(name) }, s.rebuild); err != nil {
		return nil, err
	}
	s.admin = admin.New(admin.Options{
		Log: s.log, Version: o.Version, Limits: admin.Limits{InFlight: o.MaxInFlight, Connections: o.MaxConnections, Body: o.MaxBody, Memory: o.Memory},
		Books: s.books, Gateway: administered{s}, Update: o.Update, AskEvery: o.askEvery,
	})
	s.http = &fasthttp.Server{
		Handler:                      s.handler(),
		ErrorHandler:                 s.onUnread,
		ExpectHandler:                s.expect,
		ConnState:                    s.connState,
		Concurrency:                  2*o.MaxConnections + 1, // the listener refuses before fasthttp would, which counts a connection until after its end
		MaxRequestBodySize:           o.MaxBody,
		StreamRequestBody:            true,         // the handler reads it, once it knows whose it is
		ReadBufferSize:               conn.MaxHead, // so that most requests are read at once
		WriteBufferSize:              conn.WriteBuffer,
		NoDefaultServerHeader:        true,
		NoDefaultContentType:         true,
		DisablePreParseMultipartForm: true,
		LazyRequestTime:              true,
		SecureErrorLogMessage:        true, // errors must not repeat a header: it has the key
		Logger:                       quiet{s.log},
	}
	s.page = metrics.New(metrics.Options{Log: s.log, Version: o.Version, Lines: metricLines(o.Memory), Counters: &s.counters, Books: s.books, Gateway: measured{s}})
	s.keepLimits()
	s.Apply(o.Config)
	s.passOn()
	return s, nil
}

// Serve answers on ln until Shutdown. It may be called for several listeners.
func (s *Server) Serve(ln *net.TCPListener) error {
	if err := s.http.Serve(s.conns.Listen(ln)); err != nil {
		return fmt.Errorf("serving %s: %w", ln.Addr(), err)
	}
	return nil
}

const strayMessage = "an upstream sent what it was not asked for; for ten minutes no connection to it serves more than one request"

// onStray tells of an upstream that gave itself away.
func (s *Server) onStray(target *pool.Target) {
	s.log.Error(strayMessage, "upstream", target.String())
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
