package server

import (
	"bytes"
	"strings"

	"github.com/fasthttp/router"
	"github.com/valyala/fasthttp"

	"uniapi/codec/formats"
	"uniapi/codec/front"
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
	s.administrate(r)
	r.GET("/v1/requests", s.asKey(s.listRequests))
	r.GET("/metrics", s.asAdmin(s.metrics))
	s.routes(r)
	r.GET("/v1/responses", noSocket)
	return s.entrance(r.Handler)
}

// routes adds the handlers of what clients ask models for.
func (s *Server) routes(r *router.Router) {
	verbs := map[string]map[string]fasthttp.RequestHandler{} // by path
	for i := range formats.Routes {
		route := &formats.Routes[i]
		handler := s.serve
		if route.Endpoint == provider.CountTokens {
			handler = s.countTokens
		}
		if route.Verb == "" {
			if r.POST(route.Path, handler(route)); route.Get {
				r.GET(route.Path, handler(route))
			}
			continue
		}
		if verbs[route.Path] == nil {
			verbs[route.Path] = map[string]fasthttp.RequestHandler{}
		}
		verbs[route.Path][route.Verb] = handler(route)
	}
	for path, handlers := range verbs {
		r.POST(path, byVerb(handlers))
	}
}

// byVerb serves paths that end in a colon and what is asked for.
func byVerb(handlers map[string]fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		path := ctx.Path()
		if handler := handlers[string(path[bytes.LastIndexByte(path, ':')+1:])]; handler != nil {
			handler(ctx)
		} else {
			notFound(ctx)
		}
	}
}

// routeAt is what is served at a path.
func routeAt(path string) (*front.Route, bool) {
	for i := range formats.Routes {
		r := &formats.Routes[i]
		at := path
		if r.Verb != "" {
			head, verb, _ := strings.Cut(path, ":")
			start, _, _ := strings.Cut(r.Path, "{")
			if !strings.HasPrefix(head, start) || verb[strings.LastIndexByte(verb, ':')+1:] != r.Verb {
				continue
			}
			at = r.Path
		}
		if r.Path == at {
			return r, true
		}
	}
	return nil, false
}

// routeOf is where an endpoint is asked by those of whom nothing else is known.
func routeOf(endpoint provider.Endpoint) *front.Route {
	for i := range formats.Routes {
		if r := &formats.Routes[i]; r.Endpoint == endpoint {
			return r
		}
	}
	return nil
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
