package server

import (
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/codec/form"
	"uniapi/codec/formats/anthropic"
	"uniapi/codec/formats/openai"
	"uniapi/codec/formats/responses"
	"uniapi/pool"
	"uniapi/pool/provider"
	"uniapi/server/budget"
	"uniapi/server/telemetry"
	"uniapi/usage"
)

// inbound is what is asked, by whom, and over which connection. It is complete once
// the request has been let in, but for what is found when it is first needed.
type inbound struct {
	origin
	wish

	id    []byte
	start time.Time
	key   *clientKey
	route *balancer.Route

	incoming []byte // the request's body, in memory that is kept for the next one
	body     []byte // the client's bytes, valid until the answer is written

	lazy    sync.Mutex         // of what several attempts may look for at once: what follows, and headers
	decoded *codec.Request     // nil as long as nothing needs it
	weight  weight             // of it
	own     telemetry.OwnWords // pieces of secrets that the client has said itself

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
}

// wish is what a request wants, as far as it has been read.
type wish struct {
	face     face
	format   codec.Format // the client's
	endpoint provider.Endpoint
	label    string // of the endpoint in the books

	model    string // that the client asks for
	stream   bool   // whether the answer comes as one
	choosing bool   // whether it may name other models beside
	beside   []string

	head     openai.Head    // of a chat request
	messages anthropic.Head // of a Messages request
	items    responses.Head // of a Responses request
	form     form.Form      // of a request that is a form
}

// headerLine is a line of the request's head; nil if there is none of that name.
func (in *inbound) headerLine(name string) []byte {
	in.lazy.Lock()
	defer in.lazy.Unlock()
	return in.ctx.Request.Header.Peek(name)
}

// reset lets go of a request, and keeps the memory for the next.
func (in *inbound) reset() { *in = inbound{id: in.id[:0], incoming: kept(in.incoming)} }
