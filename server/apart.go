package server

import (
	"time"

	"uniapi/codec"
	"uniapi/codec/embed"
	"uniapi/codec/images"
	"uniapi/pool/provider"
	"uniapi/server/budget"
	"uniapi/server/relay"
)

// apart serves searches, and embeddings and images from upstreams whose format has them
// otherwise than the client's. Some take fewer at a time than a client may ask for: then they are
// asked several times, and the answers put together.
func (a *attempt) apart(channel *provider.Channel, ask provider.Ask) error {
	switch to := a.to; a.endpoint {
	case provider.Embeddings:
		client, speaks := a.speaks.(embed.Embedding)
		if upstream, has := to.(embed.Embedder); has && speaks {
			return a.embed(channel, ask, client.Embeddings(), upstream.Embeddings())
		}
	case provider.Images:
		client, speaks := a.speaks.(images.Imaging)
		if upstream, has := to.(images.Maker); has && speaks {
			return a.makeImages(channel, ask, client.Images(), upstream.Images())
		}
	case provider.Search:
		return a.searchFor(channel, ask)
	}
	return provider.ErrNoEndpoint
}

func (a *attempt) embed(channel *provider.Channel, ask provider.Ask, client embed.Client, upstream embed.Upstream) error {
	if err := a.holdRewriting(); err != nil {
		return err
	}
	q, err := client.DecodeRequest(a.body)
	if err != nil {
		return err
	}
	if err := upstream.Takes(q); err != nil {
		return err
	}
	whole, err := a.embedAt(channel, ask, upstream, q)
	if err != nil {
		return err
	}
	room, err := a.roomFor(whole.Size(q.Base64))
	if err != nil {
		return err
	}
	a.answer.Body = client.EncodeResponse(room, whole, q)
	return nil
}

// roomFor takes what an answer is written into, beside those that it is made of.
func (a *attempt) roomFor(size int) ([]byte, error) {
	if err := a.holding.Hold(budget.Answer, a.holding.Held(budget.Answer)+size); err != nil {
		return nil, err
	}
	return make([]byte, 0, size), nil
}

func (a *attempt) embedAt(channel *provider.Channel, ask provider.Ask, upstream embed.Upstream, q *embed.Request) (whole *embed.Response, err error) {
	for from := 0; from < len(q.Inputs); {
		to := min(len(q.Inputs), from+upstream.Most(ask.Model))
		some := q.Some(from, to)
		from = to
		ask.Verb = upstream.Method(ask.Model, len(some.Inputs))
		body, err := upstream.EncodeRequest(nil, some, ask.Model)
		if err != nil {
			return nil, err
		}
		answer, err := a.exchangeWhole(channel, ask, body)
		if err != nil {
			return nil, err
		}
		if err := a.holding.Hold(budget.Answer, a.holding.Held(budget.Answer)+embed.Unescaped(answer)); err != nil {
			a.answer.Usage.Add(codec.UsageIn(answer))
			return nil, err
		}
		part, err := upstream.DecodeResponse(answer, some)
		if err != nil {
			a.answer.Usage.Add(codec.UsageIn(answer))
			return nil, err
		}
		a.part(part.Usage, 0)
		if whole == nil {
			whole = part
		} else {
			whole.Add(part)
		}
	}
	return whole, nil
}

func (a *attempt) makeImages(channel *provider.Channel, ask provider.Ask, client images.Client, upstream images.Upstream) error {
	if err := a.holdRewriting(); err != nil {
		return err
	}
	q, err := client.DecodeRequest(a.body)
	if err != nil {
		return err
	}
	var whole *images.Response
	for left := q.N; left > 0; {
		some := *q
		some.N = min(left, upstream.Most(ask.Model))
		left -= some.N
		ask.Verb = upstream.Method(ask.Model)
		body, err := upstream.EncodeRequest(nil, &some, ask.Model)
		if err != nil {
			return err
		}
		answer, err := a.exchangeWhole(channel, ask, body)
		if err != nil {
			return err
		}
		part, err := a.readImages(upstream, answer, ask.Model)
		if err != nil {
			a.answer.Usage.Add(codec.UsageIn(answer))
			return err
		}
		a.part(part.Usage, imageTokens(int64(len(part.Images))))
		if whole == nil {
			whole = part
		} else {
			whole.Add(part)
		}
	}
	if err := a.holdTogether(); err != nil {
		return err
	}
	if q.Stream {
		a.answer.ContentType = append(a.answer.ContentType[:0], relay.ContentTypeEvents...)
	}
	a.answer.Body = client.EncodeResponse(nil, whole, q, time.Now().Unix())
	return nil
}

// readImages reads an answer, which may have many small parts where images are due.
func (a *attempt) readImages(upstream images.Upstream, answer []byte, model string) (*images.Response, error) {
	held := a.holding.Held(budget.Answer)
	if err := a.holding.Hold(budget.Answer, held+2*decodingOf(answer)); err != nil {
		return nil, err
	}
	whole, err := upstream.DecodeResponse(answer, model)
	a.holding.Hold(budget.Answer, held)
	return whole, err
}

// exchangeWhole sends a body and returns the whole answer, which stays as it is.
func (a *attempt) exchangeWhole(channel *provider.Channel, ask provider.Ask, body []byte) ([]byte, error) {
	a.parts = append(a.parts[:0], body)
	a.request.Body = a.parts
	answer, err := a.send(channel, ask, a.to)
	if err != nil {
		return nil, err
	}
	answer.Begin()
	defer answer.Close()
	answer.Memory = &furtherRoom{a.holding, a.holding.Held(budget.Answer)}
	return answer.AppendBody(nil, relay.MaxAnswer)
}

// furtherRoom is for an answer that stays beside those before it.
type furtherRoom struct {
	holding *budget.Holding
	before  int
}

func (r *furtherRoom) Hold(bytes int) error { return r.holding.Hold(budget.Answer, r.before+bytes) }

// holdTogether takes what answers put together take, beside themselves.
func (a *attempt) holdTogether() error {
	return a.holding.Hold(budget.Answer, 3*a.holding.Held(budget.Answer))
}
