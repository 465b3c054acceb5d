package server

import (
	"errors"

	"github.com/valyala/fasthttp"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/pool"
	"uniapi/pool/provider"
)

// countTokens serves the question how long a request would be. Where an upstream
// of the client's own format can say, it is asked; elsewhere the answer is an
// estimate, marked as one by a header.
func (s *Server) countTokens(face face) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		x := s.begin(ctx, counting{face}, provider.CountTokens)
		x.label = "POST " + face.label(provider.CountTokens)
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
	writeJSON(x.ctx, fasthttp.StatusOK, map[string]int64{x.format.Traits().Count: request.EstimateTokens()})
	x.ctx.Response.Header.Set("X-Token-Count", "estimate")
	return nil
}

// counting is a face for the endpoint that counts tokens: never a stream, and
// its answer is no conversation's.
type counting struct{ face }

func (c counting) read(in *inbound) error {
	err := c.face.read(in)
	in.stream = false
	return err
}

var errNoCount = errors.New("the upstream did not say how many tokens there are")

// check has nothing to look for in an answer that is one number.
func (counting) check(_ *attempt, body []byte) (codec.Usage, error) {
	if len(body) == 0 {
		return codec.Usage{}, errNoCount
	}
	return codec.Usage{}, nil
}
