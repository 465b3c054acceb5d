package server

import (
	"time"

	"uniapi/codec/embed"
	"uniapi/codec/images"
	"uniapi/pool/provider"
	"uniapi/server/budget"
)

// viaGoogle serves OpenAI's embeddings and images from Gemini and Vertex, which
// have other endpoints for them. Some take fewer at a time than a client may ask
// for: then they are asked several times, and the answers put together.
func (x *exchange) viaGoogle(channel *provider.Channel, ask provider.Ask) error {
	vertex := x.upstream == "gemini-vertex"
	switch {
	case x.upstream != "gemini" && !vertex:
	case x.endpoint == provider.Embeddings:
		return x.embed(channel, ask, embed.Google{Vertex: vertex})
	case x.endpoint == provider.Images:
		return x.makeImages(channel, ask, images.Google{Vertex: vertex})
	}
	return provider.ErrNoEndpoint
}

func (x *exchange) embed(channel *provider.Channel, ask provider.Ask, google embed.Google) error {
	if err := x.holdRewriting(); err != nil {
		return err
	}
	q, err := embed.DecodeRequest(x.body)
	if err != nil {
		return err
	}
	var whole *embed.Response
	for rest := q.Inputs; len(rest) > 0; {
		some := *q
		some.Inputs = rest[:min(len(rest), google.Most(ask.Model))]
		rest = rest[len(some.Inputs):]
		ask.Verb = google.Method(ask.Model, len(some.Inputs))
		body, err := google.EncodeRequest(nil, &some, ask.Model)
		if err != nil {
			return err
		}
		answer, err := x.exchangeWhole(channel, ask, body)
		if err != nil {
			return err
		}
		part, err := google.DecodeResponse(answer, &some)
		if err != nil {
			x.usage.Add(usageIn(answer))
			return err
		}
		x.part(part.Usage, 0)
		if whole == nil {
			whole = part
		} else {
			whole.Add(part)
		}
	}
	if err := x.holdTogether(); err != nil {
		return err
	}
	x.ctx.Response.SwapBody(embed.EncodeResponse(nil, whole, q))
	return nil
}

func (x *exchange) makeImages(channel *provider.Channel, ask provider.Ask, google images.Google) error {
	if err := x.holdRewriting(); err != nil {
		return err
	}
	q, err := images.DecodeRequest(x.body)
	if err != nil {
		return err
	}
	var whole *images.Response
	for left := q.N; left > 0; {
		some := *q
		some.N = min(left, google.Most(ask.Model))
		left -= some.N
		ask.Verb = google.Method(ask.Model)
		body, err := google.EncodeRequest(nil, &some, ask.Model)
		if err != nil {
			return err
		}
		answer, err := x.exchangeWhole(channel, ask, body)
		if err != nil {
			return err
		}
		part, err := google.DecodeResponse(answer, ask.Model)
		if err != nil {
			x.usage.Add(usageIn(answer))
			return err
		}
		x.part(part.Usage, imageTokens(int64(len(part.Images))))
		if whole == nil {
			whole = part
		} else {
			whole.Add(part)
		}
	}
	if err := x.holdTogether(); err != nil {
		return err
	}
	now := time.Now().Unix()
	if q.Stream {
		x.contentType = append(x.contentType[:0], contentTypeEvents...)
		x.ctx.Response.SwapBody(images.EncodeStream(nil, whole, q, now))
		return nil
	}
	x.ctx.Response.SwapBody(images.EncodeResponse(nil, whole, q, now))
	return nil
}

// exchangeWhole sends a body and returns the whole answer, which stays as it is.
func (x *exchange) exchangeWhole(channel *provider.Channel, ask provider.Ask, body []byte) ([]byte, error) {
	x.parts = append(x.parts[:0], body)
	x.request.Body = x.parts
	target, err := channel.Prepare(x.call, &x.request, ask, x.key.Key)
	if err != nil {
		return nil, err
	}
	x.sent = true
	answer, err := target.Do(x.call, &x.request, x.limits)
	if err != nil {
		return nil, err
	}
	x.listen(answer)
	if answer.Status < 200 || answer.Status > 299 {
		return nil, x.readFailure(answer, formats[x.upstream])
	}
	x.answered = true
	defer answer.Close()
	if err := x.holdInflater(answer); err != nil {
		return nil, err
	}
	answer.Memory = &furtherRoom{x.holding, x.holding.Held(budget.Answer)}
	return answer.AppendBody(nil, maxAnswer)
}

// furtherRoom is for an answer that stays beside those before it.
type furtherRoom struct {
	holding *budget.Holding
	before  int
}

func (r *furtherRoom) Hold(bytes int) error { return r.holding.Hold(budget.Answer, r.before+bytes) }

// holdTogether takes what answers put together take, beside themselves.
func (x *exchange) holdTogether() error {
	return x.holding.Hold(budget.Answer, 3*x.holding.Held(budget.Answer))
}
