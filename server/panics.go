package server

import (
	"runtime/debug"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/server/conn"
)

var errPanic = errorf(fasthttp.StatusInternalServerError, "server_error", "internal_error",
	"The gateway failed on this request. Its log says where.")

// onPanic keeps one broken request from ending all the others, and closes its
// books: what it has reserved is somebody's credit.
func (s *Server) onPanic(ctx *fasthttp.RequestCtx, panicked any) {
	s.logPanic(ctx, panicked)
	if x := conn.Of(ctx.Conn()).Session.(*session).live.x.Load(); x != nil {
		x.failure = errPanic
		if x.at.chosen.Number > 0 { // it may be the one that tries whether a pause is over
			x.plan.Report(x.at.chosen, balancer.Outcome{Verdict: balancer.Over, Unsettled: true})
		}
		x.leave(errPanic.Status) // and never again in use: who knows in what state it is
	}
	ctx.Response.Reset()
	writeError(ctx, errPanic)
	ctx.SetConnectionClose()
}

// Panicked implements relay.Owner.
func (x *exchange) Panicked(panicked any) *codec.Error {
	x.server.logPanic(x.ctx, panicked)
	return errPanic
}

func (s *Server) logPanic(ctx *fasthttp.RequestCtx, panicked any) {
	s.log.Error("a request panicked; please report this", "path", string(ctx.Path()), "panic", panicked, "stack", string(debug.Stack()))
}
