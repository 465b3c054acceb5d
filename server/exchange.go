package server

import (
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/balancer/limit"
	"uniapi/codec"
	"uniapi/pool"
	"uniapi/pool/provider"
	"uniapi/server/conn"
	"uniapi/server/idempotency"
	"uniapi/server/telemetry"
)

// exchange is one client request on its way through the gateway: what is asked,
// the attempts to have it answered, and the answer on its way to the client. It is
// reused from request to request, so that a request allocates next to nothing.
type exchange struct {
	inbound
	searching
	answering
	bill

	at   *attempt // the one in hand, or the one that has answered
	lone attempt  // at, as long as there is one at a time
	plan balancer.Plan
	line telemetry.Line // of the log
}

// searching is what is known of the attempts together.
type searching struct {
	began      time.Time    // when the first attempt did
	within     time.Time    // when what is done must be over, whatever its channel says; zero is never
	failure    *codec.Error // what the client is told if no attempt follows
	retryAfter time.Duration
	final      bool      // failure is what no further attempt is to follow
	tries      []trial   // that are over, and the one that has answered
	made       int       // attempts
	runners    []*runner // those that have run beside others
}

// answering is the answer as the client gets it.
type answering struct {
	comments  time.Duration     // longest silence towards the client; 0 is any
	pending   chan *codec.Error // the attempts, while they go on behind comments
	chunked   bool              // the stream leaves in chunks
	chunks    conn.Chunks
	status    int                // how a stream ended
	continued int                // how often another channel went on with it
	first     *idempotency.Claim // by which this answer is kept for the next request of its Idempotency-Key; nil if it is not
	ttft      time.Duration      // from the request's arrival to the first answer byte ready for the client
}

// bill is what the request costs.
type bill struct {
	counted     bool       // among those in flight
	need        limit.Need // what it may take of limits and credits, where they ask for that
	admission   balancer.Admission
	moderation  limit.Need // what the gateway's own requests for it came to
	reserved    int64      // of the key's credits, nano-dollars
	hasReserved bool
	spent       codec.Usage // by attempts that failed, or broke off
	paid        int64       // for that, nano-dollars
	answeredBy  string      // the model of those that the request names which the provider says it answered by, as clients call it; "" if it does not
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// attempts are those that run beside an exchange's own.
var attempts = sync.Pool{New: func() any { return new(attempt) }}

// begin starts a request on a client connection.
func (s *Server) begin(ctx *fasthttp.RequestCtx, face face, endpoint provider.Endpoint) *exchange {
	x := exchanges.Get().(*exchange)
	x.server, x.ctx, x.face, x.endpoint = s, ctx, face, endpoint
	x.start = time.Now()
	x.snap = s.snapshot.Load()
	conn := connOf(ctx)
	conn.Call.Until(time.Time{})
	session := sessionOf(conn)
	session.ctx, x.call, x.live, x.recent, x.holding = ctx, &conn.Call, &session.live, &session.recent, &conn.Holding
	x.at = &x.lone
	x.alone()
	x.format = face.format(&x.inbound)
	x.id = s.appendID(x.id[:0], ctx)
	setID(ctx, x.id)
	x.live.enter(x)
	return x
}

// alone has one attempt at a time, which runs as the client's own request.
func (x *exchange) alone() {
	if x.lone.inbound == nil {
		x.lone.inbound = &x.inbound
	}
	x.lone.call, x.lone.holding = x.call, x.holding
	if x.at != &x.lone {
		x.turnTo(&x.lone)
	}
}

// maxKept is how large a buffer may be to be kept for the next request.
const maxKept = 64 << 10

// end closes the books of a request, whatever its end was, and takes the
// exchange back. It is called once, after the last use of anything in it.
func (x *exchange) end(status int) {
	x.leave(status)
	x.release()
}

// leave is end without taking the exchange back.
func (x *exchange) leave(status int) {
	x.live.leave()
	if x.first != nil {
		x.first.End(status)
	}
	if x.counted {
		x.server.inFlight.Give(x.key.share)
	}
	r := x.close(status)
	if r.attempts > 0 {
		x.recent.Seen(x.server.books, x.server.clientIP(x.ctx))
	}
	if x.server.debug {
		x.tellBody()
	}
	x.server.logRequest(&x.line, &r, x.ctx)
}

// close ends a request that nobody waits for any more: what came of it is counted.
func (x *exchange) close(status int) record {
	if x.at.flow != nil {
		x.at.dropped(x.at.flow.Dropped())
	}
	r := x.record(status)
	if r.attempts > 0 {
		x.plan.Report(x.at.chosen, balancer.Outcome{Verdict: balancer.Ended, Whole: r.end.Sub(x.at.began), Came: x.cameOfThis(&r)})
	}
	x.settle(&r)
	x.server.counters.outcomes.count(r.outcome())
	x.account(&r)
	if x.server.debug {
		x.at.tell(status, x.ttft)
	}
	if x.at.answer != nil {
		x.at.answer.Close()
	}
	return r
}

// release takes the exchange back.
func (x *exchange) release() {
	x.disband()
	x.lone.reset()
	x.inbound.reset()
	x.at, x.searching, x.answering, x.bill = nil, searching{tries: x.tries[:0], runners: x.runners}, answering{}, bill{}
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
