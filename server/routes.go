package server

import (
	"bytes"
	"strings"

	"github.com/fasthttp/router"
	"github.com/valyala/fasthttp"

	"uniapi/pool/provider"
)

// handler builds the way of a request from the outside in: CORS, the entrance,
// the router, the key, the endpoint.
func (s *Server) handler() fasthttp.RequestHandler {
	r := router.New()
	r.RedirectTrailingSlash = false
	r.RedirectFixedPath = false
	r.HandleOPTIONS = false // CORS has answered them
	r.NotFound = notFound
	r.MethodNotAllowed = methodNotAllowed
	r.PanicHandler = s.onPanic

	for _, method := range []string{fasthttp.MethodGet, fasthttp.MethodHead} {
		r.Handle(method, "/", s.root)
		r.Handle(method, "/healthz", s.healthz)
		r.Handle(method, "/readyz", s.readyz)
	}
	r.GET("/v1/models", s.models)
	r.GET("/v1/models/{id:*}", s.model)
	r.GET("/v1beta/models", s.models)
	r.GET("/v1beta/models/{id:*}", s.model)
	r.GET("/v1/explain", s.asAdmin(s.explain))
	r.GET("/v1/stats", s.asAdmin(s.stats))
	r.GET("/v1/token_usage", s.asKey(s.tokenUsage))
	r.GET("/v1/api_keys_states", s.asRevealing(s.keyStates))
	r.GET("/v1/credit_history", s.asAdmin(s.creditHistory))
	r.GET("/v1/generate-api-key", s.asAdmin(s.generateKey))
	r.GET("/v1/api_config", s.asRevealing(s.apiConfig))
	for path, handler := range s.administration() {
		r.POST(path, s.asAdmin(handler))
	}
	r.GET("/v1/channel_key_rankings", s.asAdmin(s.keyRankings))
	for _, base := range []string{"/dashboard/billing", "/v1/dashboard/billing"} {
		r.GET(base+"/subscription", s.asKey(s.billingSubscription))
		r.GET(base+"/usage", s.asKey(s.billingUsage))
	}
	r.GET("/v1/timeline", s.asAdmin(s.timeline))
	r.GET("/v1/overview", s.asAdmin(s.overview))
	r.GET("/v1/live", s.asAdmin(s.live))
	page := dashboardAssets()
	r.GET("/dashboard", dashboardSlash)
	r.GET("/dashboard/{file:*}", page.serve)
	r.HEAD("/dashboard/{file:*}", page.serve)
	r.GET("/metrics", s.asAdmin(s.metrics))
	for _, e := range modelEndpoints() {
		if e.endpoint == provider.CountTokens {
			r.POST(e.path, s.countTokens(e.face))
		} else {
			r.POST(e.path, s.serve(e.face, e.endpoint))
		}
	}
	r.GET("/v1/responses", noSocket)
	r.POST("/v1beta/models/{name:*}", s.generate)
	r.POST("/v1/models/{name:*}", s.generate) // Google's SDKs of today leave the beta out
	return s.cors(s.enter(r.Handler))
}

// administration is what an admin posts, by path. It is served however many
// requests are in flight.
func (s *Server) administration() map[string]func(*fasthttp.RequestCtx, *clientKey) {
	return map[string]func(*fasthttp.RequestCtx, *clientKey){
		"/v1/explain": s.explain, "/v1/add_credits": s.addCredits, "/v1/api_config/update": s.updateConfig,
		"/v1/channels/wake": s.wake, "/v1/channels/ask": s.askChannels,
	}
}

// modelEndpoint is a path at which a model is asked for something.
type modelEndpoint struct {
	path     string
	face     face
	endpoint provider.Endpoint
}

// modelEndpoints are all but Google's, whose paths have a model and a verb in them.
func modelEndpoints() []modelEndpoint {
	all := []modelEndpoint{
		{"/v1/chat/completions", chatFace{}, provider.Chat}, {"/v1/completions", chatFace{}, provider.Completions},
		{"/v1/responses", responsesFace{}, provider.Chat}, {"/v1/responses/compact", responsesFace{}, provider.Compact},
		{"/v1/messages", messagesFace{}, provider.Chat}, {"/v1/messages/count_tokens", messagesFace{}, provider.CountTokens},
	}
	for _, e := range plainEndpoints {
		all = append(all, modelEndpoint{"/v1/" + string(e.endpoint), plainFace{fallback: e.fallback}, e.endpoint})
	}
	return all
}

// endpointOf is what is served at a path.
func endpointOf(path string) (found modelEndpoint, known bool) {
	for _, e := range modelEndpoints() {
		if e.path == path {
			return e, true
		}
	}
	if name, verb, _ := strings.Cut(path, ":"); strings.HasPrefix(name, "/v1beta/models/") || strings.HasPrefix(name, "/v1/models/") {
		found.face, found.endpoint, known = googleVerb(verb[strings.LastIndexByte(verb, ':')+1:])
	}
	return found, known
}

// noSocket refuses Codex's probe for a WebSocket with the status that makes it use
// HTTP from then on, instead of trying again.
func noSocket(ctx *fasthttp.RequestCtx) {
	writeError(ctx, errorf(fasthttp.StatusUpgradeRequired, "invalid_request_error", "no_websocket",
		"Responses are served over HTTP here, not over a WebSocket: POST /v1/responses."))
	ctx.SetConnectionClose()
}

func methodNotAllowed(ctx *fasthttp.RequestCtx) {
	writeError(ctx, errorf(fasthttp.StatusMethodNotAllowed, "invalid_request_error", "method_not_allowed",
		"%s does not take %s; it takes %s.", ctx.Path(), ctx.Method(), ctx.Response.Header.Peek(fasthttp.HeaderAllow)))
}

// enter gives every answer a request id, and the router the normalised path: it
// would route by the path as it was sent, and a base URL with a slash too many
// is an old mistake.
func (s *Server) enter(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		uri := ctx.Request.URI()
		if path := homePath(uri.Path()); !bytes.Equal(uri.PathOriginal(), path) {
			uri.SetPathBytes(path)
		}
		next(ctx)
		if len(ctx.Response.Header.PeekCanonical(canonicalRequestID)) == 0 {
			setID(ctx, s.appendID(nil, ctx))
		}
	}
}

// homePath is the path as the router knows it. Base URLs come with /v1, without,
// and with it twice, paths with a slash at their end, and all are meant well.
func homePath(path []byte) []byte {
	if string(path) != "/dashboard/" {
		for len(path) > 1 && path[len(path)-1] == '/' {
			path = path[:len(path)-1]
		}
	}
	if bytes.HasPrefix(path, []byte("/v1/")) && !bytes.HasPrefix(path, []byte("/v1/v1")) {
		return path
	}
	if rest, is := bytes.CutPrefix(path, []byte("/v1alpha/")); is {
		path = append([]byte("/v1beta/"), rest...)
	}
	for bytes.HasPrefix(path, []byte("/v1/v1/")) || bytes.HasPrefix(path, []byte("/v1/v1beta/")) {
		path = path[len("/v1"):]
	}
	for _, bare := range bareEndpoints {
		if bytes.HasPrefix(path, []byte(bare)) && (len(path) == len(bare) || path[len(bare)] == '/') {
			return append([]byte("/v1"), path...)
		}
	}
	return path
}

// bareEndpoints are what a path begins with if its /v1 was left out.
var bareEndpoints = []string{
	"/chat/completions", "/completions", "/responses", "/messages", "/models", "/embeddings", "/images", "/audio", "/moderations", "/rerank",
}

// cors is the outermost, so that a browser can read errors too. It looks at the
// request first: behind comments the attempts go on when next has returned, and
// fasthttp writes to a header even to find something in it.
func (s *Server) cors(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		if string(ctx.Method()) == fasthttp.MethodOptions {
			preflight(ctx)
			return
		}
		foreign := len(ctx.Request.Header.PeekCanonical(canonicalOrigin)) > 0
		next(ctx)
		if foreign {
			allowAnyOrigin(ctx)
		}
	}
}

func allowAnyOrigin(ctx *fasthttp.RequestCtx) {
	ctx.Response.Header.Set(fasthttp.HeaderAccessControlAllowOrigin, "*")
	ctx.Response.Header.Set(fasthttp.HeaderAccessControlExposeHeaders, "*")
}

// preflight allows every origin: a request is authorised by the key it carries,
// never by a cookie.
func preflight(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	h.Set(fasthttp.HeaderAccessControlAllowOrigin, "*")
	h.Set(fasthttp.HeaderAccessControlAllowMethods, "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS")
	wanted := ctx.Request.Header.Peek(fasthttp.HeaderAccessControlRequestHeaders)
	if len(wanted) == 0 {
		wanted = []byte("*")
	}
	h.SetBytesV(fasthttp.HeaderAccessControlAllowHeaders, wanted)
	h.Set(fasthttp.HeaderAccessControlMaxAge, "600")
	h.Set(fasthttp.HeaderVary, "Origin, Access-Control-Request-Headers")
	ctx.SetStatusCode(fasthttp.StatusNoContent)
}
