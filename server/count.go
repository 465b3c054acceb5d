package server

import (
	"errors"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/codec/front"
	"uniapi/pool"
)

// countTokens serves the question how long a request would be. Where an upstream
// of the client's own format can say, it is asked; elsewhere the answer is an
// estimate, marked as one by a header.
func (s *Server) countTokens(route *front.Route) fasthttp.RequestHandler {
	wish := at(route)
	return func(ctx *fasthttp.RequestCtx) {
		x := s.begin(ctx, &wish)
		x.label = "POST " + route.Label
		if err := x.enter(); err != nil {
			x.refuse(err)
			return
		}
		err := x.relay()
		if err != nil && x.failure == err && err.Code == errNoEndpoint().Code {
			err = x.estimate()
		}
		if err != nil {
			x.refuse(err)
			return
		}
		x.at.usage = codec.Usage{} // nothing was generated
		x.respond()
	}
}

// estimate answers from the length of the texts.
func (x *exchange) estimate() *codec.Error {
	request, err := x.decodedRequest()
	if err != nil {
		_, told := judge(err, pool.Deadlines{})
		return told
	}
	x.choose(balancer.Attempt{}) // no provider had to do with it
	x.at.whole = nil
	writeJSON(x.ctx, fasthttp.StatusOK, map[string]int64{x.format.Properties().Count: request.EstimateTokens()})
	x.ctx.Response.Header.Set("X-Token-Count", "estimate")
	return nil
}

var errNoCount = errors.New("the upstream did not say how many tokens there are")

// checkCount has nothing to look for in an answer that is one number.
func checkCount(body []byte) error {
	if len(body) == 0 {
		return errNoCount
	}
	return nil
}
