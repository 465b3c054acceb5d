// Package loadtest holds what the gateway is tried against under load: a mock
// upstream that costs as little as it can, and a locust file that drives it.
package loadtest

import (
	"cmp"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// Defaults of a Mock: what the mock upstream of the original uni-api does.
const (
	DefaultEvents = 13
	DefaultGap    = 100 * time.Millisecond
	DefaultBurst  = 4
)

// maxRequestBody is the largest request body the mock reads. It is above the
// gateway's own default limit, so that limit is always the gateway's to find.
const maxRequestBody = 128 << 20

// Mock is an upstream that speaks OpenAI chat. A request to a path ending in
// /chat/completions is answered whole or as a stream, as its "stream" member
// says, always with the same answer; one ending in /models lists the models.
// Anthropic's Messages (/messages) and Gemini's (:generateContent,
// :streamGenerateContent) are answered in the same way.
// The zero value answers at full speed. Fields must not change after the first
// request.
type Mock struct {
	// Events is the number of SSE events of a stream, the closing [DONE]
	// among them: one with the role, the content tokens, one with the finish
	// reason, one with the usage, [DONE]. 0 means DefaultEvents; fewer than 5
	// is an error. A request with stream_options.include_usage false gets one
	// less, since the usage is left out; every other gets the usage, asked
	// for or not.
	Events int
	// Gap is the pause after each event of a stream. With 0 a stream is sent
	// as fast as the client reads.
	Gap time.Duration
	// Burst is how many events share one write when Gap is 0. Each event is a
	// chunk of its own in any case. 0 means DefaultBurst.
	Burst int
	// Latency is the pause between a request and the first byte of its answer.
	Latency time.Duration
	// ErrorRate is the share of chat requests, 0 to 1, that get a 503.
	ErrorRate float64
	// AnswerSize is the length in bytes of a plain chat answer's body. 0 leaves
	// the answer as short as it is (about 330 bytes); less is an error.
	AnswerSize int

	prepare  sync.Once
	answers  answers
	unusable error

	mu     sync.Mutex
	closed chan struct{}
	open   map[io.Closer]struct{} // listeners and connections
}

// ListenAndServe listens on addr (host:port) and serves until Close or a
// failure of the listener.
func (m *Mock) ListenAndServe(addr string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return m.Serve(ln)
}

// Serve answers on ln until Close, after which it returns nil, or until ln
// fails. It takes ln over.
func (m *Mock) Serve(ln net.Listener) error {
	if err := m.init(); err != nil {
		ln.Close()
		return err
	}
	if !m.track(ln) {
		ln.Close()
		return nil
	}
	defer m.untrack(ln)
	server := &fasthttp.Server{
		Handler:                      m.Handler,
		Logger:                       log.New(io.Discard, "", 0),
		MaxRequestBodySize:           maxRequestBody,
		ReadBufferSize:               16 << 10,
		WriteBufferSize:              16 << 10,
		NoDefaultServerHeader:        true,
		NoDefaultDate:                true,
		LazyRequestTime:              true,
		DisablePreParseMultipartForm: true,
	}
	err := server.Serve(&corkingListener{Listener: ln, mock: m})
	select {
	case <-m.closed:
		return nil
	default:
		return err
	}
}

// Close ends every Serve at once and cuts the connections, answers in flight
// included.
func (m *Mock) Close() error {
	if err := m.init(); err != nil {
		return nil // never served
	}
	m.mu.Lock()
	select {
	case <-m.closed:
	default:
		close(m.closed)
	}
	open := slices.Collect(maps.Keys(m.open))
	m.mu.Unlock()
	for _, c := range open { // each takes m.mu to say that it is gone
		c.Close()
	}
	return nil
}

// Handler answers one request. On connections that Serve did not accept every
// event of a stream is a write of its own. A Mock with unusable fields answers
// 500.
func (m *Mock) Handler(ctx *fasthttp.RequestCtx) {
	if err := m.init(); err != nil {
		ctx.Error(err.Error(), fasthttp.StatusInternalServerError)
		return
	}
	path, body := string(ctx.Path()), ctx.Request.Body()
	in, stream := m.asked(path, body)
	switch {
	case in != nil:
		m.answer(ctx, in, stream)
	case strings.HasSuffix(path, "/models"):
		writeJSON(ctx, fasthttp.StatusOK, m.answers.models)
	case path == "/healthz":
		ctx.SetStatusCode(fasthttp.StatusOK)
	default:
		writeJSON(ctx, fasthttp.StatusNotFound, m.answers.notFound)
	}
}

func (m *Mock) answer(ctx *fasthttp.RequestCtx, in *spoken, stream bool) {
	if m.Latency > 0 && !m.sleep(m.Latency) {
		ctx.Conn().Close() // an answer written now would look whole
		return
	}
	if m.ErrorRate > 0 && rand.Float64() < m.ErrorRate {
		writeJSON(ctx, fasthttp.StatusServiceUnavailable, m.answers.overloaded)
		return
	}
	if !stream {
		writeJSON(ctx, fasthttp.StatusOK, in.plain)
		return
	}
	conn, _ := ctx.Conn().(*corkedConn)
	ctx.Response.Header.SetContentType("text/event-stream")
	ctx.Response.Header.Set("Cache-Control", "no-cache")
	ctx.Response.SetBodyStream(&eventBody{mock: m, conn: conn, events: in.stream}, -1)
}

func writeJSON(ctx *fasthttp.RequestCtx, status int, body []byte) {
	ctx.SetStatusCode(status)
	ctx.Response.Header.SetContentType("application/json")
	ctx.Response.SetBodyRaw(body)
}

// init builds the answers once; its error is what is wrong with the fields.
func (m *Mock) init() error {
	m.prepare.Do(func() {
		m.closed = make(chan struct{})
		m.open = make(map[io.Closer]struct{})
		m.Events = cmp.Or(m.Events, DefaultEvents)
		m.Burst = cmp.Or(m.Burst, DefaultBurst)
		if m.unusable = m.validate(); m.unusable == nil {
			m.answers, m.unusable = newAnswers(m.Events, m.AnswerSize)
		}
	})
	return m.unusable
}

// sleep waits for d. It returns false if the mock was closed meanwhile.
func (m *Mock) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-m.closed:
		return false
	}
}

// track makes c known to Close. It returns false if Close has been called.
func (m *Mock) track(c io.Closer) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-m.closed:
		return false
	default:
		m.open[c] = struct{}{}
		return true
	}
}

func (m *Mock) untrack(c io.Closer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.open, c)
}
