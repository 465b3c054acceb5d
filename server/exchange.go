package server

import (
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/codec/anthropic"
	"uniapi/codec/form"
	"uniapi/codec/openai"
	"uniapi/codec/responses"
	"uniapi/pool"
	"uniapi/pool/provider"
	"uniapi/server/budget"
	"uniapi/server/conn"
	"uniapi/server/telemetry"
	"uniapi/usage"
)

// exchange is one client request on its way through the gateway. It is reused
// from request to request, so that a request allocates next to nothing.
type exchange struct {
	current

	// What keeps its memory:
	id      []byte
	encoded []byte // the request in an upstream's format
	plan    balancer.Plan
	records []record // of the attempts so far
	parts   [][]byte // the request's body: the client's bytes and what is spliced in
	scratch []byte   // holds what is spliced in
	header  []byte   // the request's header, where the client's own are passed on

	incoming []byte // the request's body

	pass        openai.Passthrough
	mixed       translation
	natives     *natives
	contentType []byte         // of an answer that passes as it comes
	line        telemetry.Line // of the log
}

// current is what an exchange holds of one request. Nothing of it is left for the
// next.
type current struct {
	server *Server
	snap   *snapshot
	key    *clientKey
	call   *pool.Call    // the client connection's; cancelled when the client leaves
	live   *underWay     // the client connection's; nobody else sees a change but through it
	recent *usage.Recent // the client connection's
	ctx    *fasthttp.RequestCtx

	holding *budget.Holding // the client connection's, which lets go of it when the answer is out
	counted bool            // among those in flight

	face     face
	endpoint provider.Endpoint
	label    string // of the endpoint in the books

	start time.Time

	body     []byte         // the client's bytes, valid until the answer is written
	model    string         // that the client asks for
	stream   bool           // whether it wants events
	choosing bool           // whether it may name other models beside
	beside   []string       // the names that clients have for them
	head     openai.Head    // of a chat request
	messages anthropic.Head // of a Messages request
	items    responses.Head // of a Responses request
	form     form.Form      // of a request that is a form
	format   codec.Format   // the client's
	decoded  *codec.Request // nil as long as nothing needs it
	weight   weight         // of it
	route    *balancer.Route

	upstream   string // the wire format of the attempt's channel
	attempt    balancer.Attempt
	began      time.Time      // when the first attempt did
	within     time.Time      // when what is done must be over, whatever its channel says; zero is never
	tried      time.Time      // when the attempt began
	sent       bool           // whether the provider was asked in it
	asksUsage  bool           // the gateway asks for a stream's usage on its own
	forgoes    bool           // it does not, since the provider refused the attempt for that
	limits     pool.Deadlines // of the attempt
	curtailed  bool           // the attempt has less time than its channel's, since those before have used it up
	failure    *codec.Error   // what the client is told if no attempt follows
	retryAfter time.Duration

	request pool.Request

	answer *pool.Response // open while a stream goes on
	flow   flow           // one of them, or another face's; of the attempt
	first  []byte         // what the first event check has let through

	encoder  codec.StreamEncoder // writes a translated stream
	comments time.Duration       // longest silence towards the client; 0 is any
	pending  chan *codec.Error   // the attempts, while they go on behind comments

	chunked     bool // the stream leaves in chunks
	chunks      conn.Chunks
	status      int   // how a stream ended
	reserved    int64 // of the key's credits, nano-dollars
	hasReserved bool

	ttft  time.Duration      // from the request's arrival to the first answer byte ready for the client
	usage codec.Usage        // that was told, and at the end what is charged
	own   telemetry.OwnWords // pieces of secrets that the client has said itself
	said  int64              // about how many tokens a plain answer that is no longer there had; 0 if nobody knows

	answeredBy string // the model of those that the request names which the provider says it answered by, as clients call it; "" if it does not

	answered bool // the provider has begun to answer the attempt, with success
	parted   bool // it has answered for a part of what was asked for
	charged  bool // what the attempt cost is in spent

	spent codec.Usage // by attempts that failed
	short bool        // there was no room for the attempt

	trace  *trace // of the attempt, at debug level; nil as long as there is no answer
	traced bool   // the attempt's line has been written
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// begin starts a request on a client connection.
func (s *Server) begin(ctx *fasthttp.RequestCtx, face face, endpoint provider.Endpoint) *exchange {
	x := exchanges.Get().(*exchange)
	x.server, x.ctx, x.face, x.endpoint = s, ctx, face, endpoint
	x.format = face.format(x)
	x.start = time.Now()
	x.snap = s.snapshot.Load()
	conn := connOf(ctx)
	conn.Call.Until(time.Time{})
	session := sessionOf(conn)
	session.ctx, x.call, x.live, x.recent, x.holding = ctx, &conn.Call, &session.live, &session.recent, &conn.Holding
	x.id = s.appendID(x.id[:0], ctx)
	setID(ctx, x.id)
	x.live.enter(x)
	return x
}

// maxKept is how large a buffer may be to be kept for the next request.
const maxKept = 64 << 10

// end closes the books of a request, whatever its end was, and takes the
// exchange back. It is called once, after the last use of anything in it.
func (x *exchange) end(status int) {
	x.close(status)
	clear(x.parts) // the client's bytes are not ours to hold
	x.encoded, x.incoming = kept(x.encoded), kept(x.incoming)
	x.records, x.parts, x.scratch, x.contentType = x.records[:0], x.parts[:0], x.scratch[:0], x.contentType[:0]
	x.current = current{}
	exchanges.Put(x)
}

// kept is a buffer for the next request; a large one serves others.
func kept(buffer []byte) []byte {
	if cap(buffer) <= maxKept {
		return buffer[:0]
	}
	pool.Recycle(buffer)
	return nil
}

// close is end without taking the exchange back.
func (x *exchange) close(status int) {
	now := time.Now()
	x.live.leave()
	if x.counted {
		x.server.inFlight.Give(x.key.share)
	}
	x.server.counters.outcomes.count(x.outcome(status))
	if x.flow != nil {
		x.dropped(x.flow.Dropped())
	}
	x.account(status, now.Sub(x.start))
	if x.server.debug {
		x.tell(status)
		x.tellBody()
	}
	x.server.logRequest(x, status, now)
	if x.answer != nil {
		x.answer.Close()
	}
}
