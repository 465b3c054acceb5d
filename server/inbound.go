package server

import (
	"net/netip"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/codec/front"
	"uniapi/pool"
	"uniapi/pool/provider"
	"uniapi/server/budget"
	"uniapi/server/capture"
	"uniapi/server/telemetry"
	"uniapi/server/telemetry/tracing"
	"uniapi/usage"
)

// inbound is what is asked, by whom, and over which connection. It is complete once
// the request has been let in, but for what is found when it is first needed.
type inbound struct {
	origin
	wish

	id    []byte
	start time.Time
	place *tracing.Trace // nil where none is kept
	key   *clientKey
	route *balancer.Route

	incoming []byte // the request's body, in memory that is kept for the next one
	body     []byte // the client's bytes, valid until the answer is written

	lazy    sync.Mutex         // of what several attempts may look for at once: what follows, and headers
	decoded *codec.Request     // nil as long as nothing needs it
	weight  weight             // of it
	own     telemetry.OwnWords // pieces of secrets that the client has said itself

	tap    *capture.Tap  // that collects the exchange; nil if nobody asks for it
	wanted *capture.Want // who has asked for this one alone

	mentioned codec.Said

	manyEscapes    bool // there are too many to look through
	escapesCounted bool
}

// origin is the connection that a request has come over, and what serves it there.
type origin struct {
	server  *Server
	snap    *snapshot
	ctx     *fasthttp.RequestCtx
	call    *pool.Call    // cancelled when the client leaves
	live    *underWay     // nobody else sees a change but through it
	recent  *usage.Recent // series of the last request
	holding *budget.Holding
	from    netip.Addr // of what the gateway asks on its own for a request: where that came from, where it matters
}

// wish is what a request wants, as far as it has been read.
type wish struct {
	path     *front.Route
	speaks   front.Inbound // that of the route, or who takes the request in its place
	format   codec.Format  // the client's
	endpoint provider.Endpoint
	label    string // of the endpoint in the books
	stages   stages // that it passes beside what every request does

	model    string // that the client asks for
	stream   bool   // whether the answer comes as one
	choosing bool   // whether it may name other models beside
	beside   []string

	head front.Head // where it stands in the body
}

// headerLine is a line of the request's head; nil if there is none of that name.
func (in *inbound) headerLine(name string) []byte {
	in.lazy.Lock()
	defer in.lazy.Unlock()
	return in.ctx.Request.Header.Peek(name)
}

// mentions are what the request's bytes name somewhere.
func (in *inbound) mentions() codec.Mentions {
	return in.mentioned.By(in.format.Properties().Bounds, in.body)
}
