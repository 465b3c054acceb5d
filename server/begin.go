package server

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/codec/front"
	"uniapi/server/conn"
	"uniapi/server/entry"
)

// serve makes the handler of a route.
func (s *Server) serve(route *front.Route) fasthttp.RequestHandler {
	label, get := "POST "+route.Label, "GET "+route.Label
	repeatable := takesIdempotencyKey(label)
	wish := at(route)
	return func(ctx *fasthttp.RequestCtx) {
		x := s.begin(ctx, &wish)
		if x.label = label; ctx.IsGet() {
			x.label = get
		}
		if err := x.read(); err != nil {
			x.refuse(err)
			return
		}
		if repeatable && ctx.Request.Header.PeekCanonical(idempotencyKeyHeader) != nil && x.repeated() {
			return
		}
		if err := x.letIn(); err != nil {
			x.refuse(err)
			return
		}
		if x.stream {
			if every := x.keepalive(); every > 0 {
				x.relayBehindComments(every)
				return
			}
		}
		if err := x.askChannels(); err != nil {
			x.refuse(err)
			return
		}
		x.respond()
	}
}

// begin starts a request on a client connection.
func (s *Server) begin(ctx *fasthttp.RequestCtx, wish *wish) *exchange {
	x := exchanges.Get().(*exchange)
	x.server, x.ctx, x.wish = s, ctx, *wish
	x.start = time.Now()
	x.snap = s.snapshot.Load()
	if x.stages |= x.snap.stages; x.stages&withTrace != 0 {
		x.place = s.placeOf(ctx)
	}
	client := conn.Of(ctx.Conn())
	client.Call.Until(time.Time{})
	session := client.Session.(*session)
	session.ctx, x.call, x.live, x.recent, x.holding = ctx, &client.Call, &session.live, &session.recent, &client.Holding
	x.at = &x.lone
	x.lone.inbound, x.lone.call, x.lone.holding = &x.inbound, x.call, x.holding
	x.format = wish.path.Inbound.Format(&x.inbound)
	x.id = s.ids.AppendOf(x.id[:0], ctx)
	entry.SetID(ctx, x.id)
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

// enter lets the request in: its key, its model and its limits are found to be
// good.
func (x *exchange) enter() *codec.Error {
	if err := x.read(); err != nil {
		return err
	}
	return x.letIn()
}

// at is the wish of a request at a route, of which no more is known yet.
func at(route *front.Route) wish {
	w := wish{path: route, speaks: route.Inbound, endpoint: route.Endpoint}
	if isMedia(route.Endpoint) {
		w.stages = withGates
	}
	return w
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// attempts are those that run beside an exchange's own.
var attempts = sync.Pool{New: func() any { return new(attempt) }}

// underWay is the place on a client's connection where the request that is under
// way there can be seen by others. It costs a request two locks that nobody else
// wants, unless somebody looks.
//
// Others read of an exchange what was set before it came here, what was set
// before it was read, and what is changed under the lock alone: its attempt, and
// whether it is a stream.
type underWay struct {
	mu        sync.Mutex // held by who looks, by an exchange for such changes, and when it leaves
	x         atomic.Pointer[exchange]
	read      atomic.Bool // who asks for what is known
	firstByte atomic.Int64
	written   atomic.Int64
}

// enter shows a request that begins on the connection.
func (u *underWay) enter(x *exchange) {
	u.read.Store(false)
	u.firstByte.Store(0)
	u.written.Store(0)
	u.x.Store(x)
}

// leave takes the request back: nobody looks at it any more.
func (u *underWay) leave() {
	u.mu.Lock()
	u.x.Store(nil)
	u.mu.Unlock()
}
