package server

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/codec/formats"
	"uniapi/codec/front"
	"uniapi/server/budget"
	"uniapi/server/conn"
	"uniapi/server/entry"
	"uniapi/server/respond"
)

// beside is what a client has sent beside a body, of a request that no exchange was begun
// for.
type beside struct{ *fasthttp.RequestCtx }

// Query and Header implement front.Asked, as do Method and Path.
func (b beside) Query(name string) []byte { return b.QueryArgs().Peek(name) }

func (b beside) Header(name string) []byte { return b.Request.Header.Peek(name) }

// spokenBy is the format of the client that has sent a request.
func spokenBy(ctx *fasthttp.RequestCtx) codec.Format { return formats.Of(beside{ctx}) }

// listerFor lists models for the client that has sent a request.
func listerFor(ctx *fasthttp.RequestCtx) front.Lister {
	if l, is := spokenBy(ctx).(front.Lister); is {
		return l
	}
	return formats.Chat.(front.Lister)
}

// models serves GET /v1/models and /v1beta/models: what the key may use, from
// memory.
func (s *Server) models(ctx *fasthttp.RequestCtx) {
	ids, ok := s.modelsOf(ctx)
	if !ok {
		return
	}
	room := 0
	for _, id := range ids {
		room += 2*len(id) + listedModel
	}
	if err := conn.Of(ctx.Conn()).Holding.Hold(budget.Answer, room); err != nil {
		writeError(ctx, s.unread(ctx, err))
		return
	}
	writeJSON(ctx, fasthttp.StatusOK, listerFor(ctx).List(ids))
}

// listedModel is what an entry of a list takes beside its name, which it may hold
// twice: as a value, and in JSON.
const listedModel = 500

// model serves GET /v1/models/{id}. Names may have slashes, plain or escaped.
func (s *Server) model(ctx *fasthttp.RequestCtx) {
	ids, ok := s.modelsOf(ctx)
	if !ok {
		return
	}
	_, name, _ := strings.Cut(string(ctx.Path()), "/models/")
	if plain, err := url.PathUnescape(name); err == nil {
		name = plain
	}
	if !slices.Contains(ids, name) {
		writeError(ctx, errorf(fasthttp.StatusNotFound, "invalid_request_error", "model_not_found",
			"The model %s does not exist or this API key may not use it. GET /v1/models lists what it may.", clip(name)))
		return
	}
	writeJSON(ctx, fasthttp.StatusOK, listerFor(ctx).Listed(name))
}

// modelsOf are the models that a request's key may use; if it may not ask, it has
// been answered.
func (s *Server) modelsOf(ctx *fasthttp.RequestCtx) (ids []string, ok bool) {
	entry.SetID(ctx, s.ids.AppendOf(nil, ctx))
	key, denied := s.keyOf(ctx, s.snapshot.Load())
	if denied != nil {
		writeError(ctx, denied)
		return nil, false
	}
	if refused := key.balance.AdmitOther(context.Background()); refused != nil {
		writeError(ctx, s.limitReached(refused))
		setRetryAfter(ctx, refused.After)
		return nil, false
	}
	return key.routes.Models(), true
}

// writeJSON is respond.JSON.
func writeJSON(ctx *fasthttp.RequestCtx, status int, v any) { respond.JSON(ctx, status, v) }
