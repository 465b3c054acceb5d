package server

import (
	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/codec/front"
	"uniapi/codec/rawjson"
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
		err := x.askChannels()
		if err != nil && x.failure == err && err.Code == errNoEndpoint().Code {
			err = x.estimate()
		}
		if err != nil {
			x.refuse(err)
			return
		}
		x.at.answer.Usage = codec.Usage{} // nothing was generated
		x.respond()
	}
}

// estimate answers from the length of the texts.
func (x *exchange) estimate() *codec.Error {
	request, err := x.DecodedRequest()
	if err != nil {
		_, told := judge(err, pool.Deadlines{})
		return told
	}
	x.choose(balancer.Attempt{}) // no provider had to do with it
	x.at.answer.Body = nil
	answer, words := make(map[string]any, 2), x.format.Properties()
	if answer[words.Count] = request.EstimateTokens(); words.CountObject != "" {
		answer["object"] = words.CountObject
	}
	writeJSON(x.ctx, fasthttp.StatusOK, answer)
	x.ctx.Response.Header.Set("X-Token-Count", "estimate")
	return nil
}

// checkCount looks whether an answer is a count. One that is something else, such as what the model says, would be
// free: whoever gives it has no such endpoint.
func (a *attempt) checkCount(body []byte) error {
	top, err := rawjson.One(body)
	if err == nil && top.Get(body, a.format.Properties().Count).Kind == rawjson.Number {
		return nil
	}
	return &codec.Error{Status: fasthttp.StatusNotFound, Class: codec.NotFound, Message: "the upstream did not say how many tokens there are"}
}
