package server

import (
	"github.com/bytedance/sonic"
	"github.com/valyala/fasthttp"
)

// modelEntry is one model as OpenAI lists it. created is a fixed moment, as it
// is for uni-api: nobody knows the real one.
type modelEntry struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

const modelsCreated = 1720524448

// models serves GET /v1/models: what the key may use, from memory.
func (s *Server) models(ctx *fasthttp.RequestCtx) {
	setID(ctx, s.requestID(ctx))
	key := s.snapshot.Load().keys.find(ctx)
	if key == nil {
		writeError(ctx, errNoKey)
		return
	}
	if refused := key.balance.AdmitOther(); refused != nil {
		writeError(ctx, limitReached(refused, ""))
		setRetryAfter(ctx, refused.After)
		return
	}
	list := struct {
		Object string       `json:"object"`
		Data   []modelEntry `json:"data"`
	}{"list", make([]modelEntry, 0, len(key.routes.Models()))}
	for _, id := range key.routes.Models() {
		list.Data = append(list.Data, modelEntry{id, "model", modelsCreated, "uni-api"})
	}
	writeJSON(ctx, fasthttp.StatusOK, list)
}

func writeJSON(ctx *fasthttp.RequestCtx, status int, v any) {
	body, err := sonic.Marshal(v)
	if err != nil { // of our own types: never
		panic(err)
	}
	ctx.SetStatusCode(status)
	ctx.SetContentType("application/json")
	ctx.SetBody(body)
}
