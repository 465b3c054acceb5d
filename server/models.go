package server

import (
	"bytes"
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/server/budget"
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

func openAIModel(id string) any { return modelEntry{id, "model", modelsCreated, "uni-api"} }

// anthropicModelEntry is one as Anthropic lists it.
type anthropicModelEntry struct {
	Type        string `json:"type"`
	ID          string `json:"id"`
	DisplayName string `json:"display_name"`
	CreatedAt   string `json:"created_at"`
}

func anthropicModel(id string) any {
	return anthropicModelEntry{"model", id, id, time.Unix(modelsCreated, 0).UTC().Format(time.RFC3339)}
}

// geminiModelEntry is one as Google lists it.
type geminiModelEntry struct {
	Name        string   `json:"name"`
	BaseModelID string   `json:"baseModelId"`
	DisplayName string   `json:"displayName"`
	Methods     []string `json:"supportedGenerationMethods"`
}

func googleModel(id string) any {
	return geminiModelEntry{"models/" + id, id, id, []string{"generateContent", "streamGenerateContent", "countTokens"}}
}

// modelList is the list in the form of the client's API.
func modelList(ctx *fasthttp.RequestCtx, ids []string) any {
	entry := modelShape(ctx)
	entries := make([]any, len(ids))
	for i, id := range ids {
		entries[i] = entry(id)
	}
	switch {
	case isGoogle(ctx):
		return map[string]any{"models": entries}
	case isAnthropic(ctx):
		list := map[string]any{"data": entries, "has_more": false, "first_id": nil, "last_id": nil}
		if len(ids) > 0 {
			list["first_id"], list["last_id"] = ids[0], ids[len(ids)-1]
		}
		return list
	}
	return struct {
		Object string `json:"object"`
		Data   []any  `json:"data"`
	}{"list", entries}
}

func modelShape(ctx *fasthttp.RequestCtx) func(id string) any {
	switch {
	case isGoogle(ctx):
		return googleModel
	case isAnthropic(ctx):
		return anthropicModel
	}
	return openAIModel
}

// isGoogle says whether a request is of a client that speaks Google's API. In its
// version 1 nothing but the key's header tells, or the verb in the address.
func isGoogle(ctx *fasthttp.RequestCtx) bool {
	path := ctx.Path()
	return bytes.HasPrefix(path, []byte("/v1beta/")) ||
		bytes.HasPrefix(path, []byte("/v1/models")) && (onlyGoogles(&ctx.Request.Header) || bytes.IndexByte(path, ':') > 0 && ctx.IsPost())
}

// onlyGoogles says whether a client sends its key as Google's clients do, and in no other way.
func onlyGoogles(h *fasthttp.RequestHeader) bool {
	return len(h.Peek("X-Goog-Api-Key")) > 0 && len(h.Peek(fasthttp.HeaderAuthorization)) == 0
}

func isAnthropic(ctx *fasthttp.RequestCtx) bool {
	return len(ctx.Request.Header.Peek(headerAnthropicVersion)) > 0
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
	if err := connOf(ctx).Holding.Hold(budget.Answer, room); err != nil {
		writeError(ctx, s.unread(ctx, err))
		return
	}
	writeJSON(ctx, fasthttp.StatusOK, modelList(ctx, ids))
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
	writeJSON(ctx, fasthttp.StatusOK, modelShape(ctx)(name))
}

// modelsOf are the models that a request's key may use; if it may not ask, it has
// been answered.
func (s *Server) modelsOf(ctx *fasthttp.RequestCtx) (ids []string, ok bool) {
	setID(ctx, s.appendID(nil, ctx))
	key, denied := s.keyOf(ctx)
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

func writeJSON(ctx *fasthttp.RequestCtx, status int, v any) {
	body, err := marshal(v)
	if err != nil { // of our own types: never
		panic(err)
	}
	ctx.SetStatusCode(status)
	ctx.SetContentType("application/json")
	ctx.Response.SetBodyRaw(body)
}
