package server

import (
	"time"

	"uniapi/codec/embed"
	"uniapi/codec/formats"
	"uniapi/codec/images"
	"uniapi/pool/provider"
	"uniapi/server/budget"
)

// viaGoogle serves OpenAI's embeddings and images from Gemini and Vertex, which
// have other endpoints for them, and Google's embeddings from all. Some take fewer at
// a time than a client may ask for: then they are asked several times, and the answers
// put together.
func (a *attempt) viaGoogle(channel *provider.Channel, ask provider.Ask) error {
	if face, is := a.face.(googleEmbedFace); is {
		return a.embedFor(face, channel, ask)
	}
	vertex := a.upstream == "gemini-vertex"
	switch {
	case a.upstream != "gemini" && !vertex:
	case a.endpoint == provider.Embeddings:
		return a.embed(channel, ask, embed.Google{Vertex: vertex})
	case a.endpoint == provider.Images:
		return a.makeImages(channel, ask, images.Google{Vertex: vertex})
	}
	return provider.ErrNoEndpoint
}

func (a *attempt) embed(channel *provider.Channel, ask provider.Ask, google embed.Google) error {
	if err := a.holdRewriting(); err != nil {
		return err
	}
	q, err := embed.DecodeRequest(a.body)
	if err != nil {
		return err
	}
	whole, err := a.embedAtGoogle(channel, ask, google, q)
	if err != nil {
		return err
	}
	room, err := a.roomFor(whole.Size(q.Base64))
	if err != nil {
		return err
	}
	a.whole = embed.EncodeResponse(room, whole, q)
	return nil
}

// roomFor takes what an answer is written into, beside those that it is made of.
func (a *attempt) roomFor(size int) ([]byte, error) {
	if err := a.holding.Hold(budget.Answer, a.holding.Held(budget.Answer)+size); err != nil {
		return nil, err
	}
	return make([]byte, 0, size), nil
}

func (a *attempt) embedAtGoogle(channel *provider.Channel, ask provider.Ask, google embed.Google, q *embed.Request) (whole *embed.Response, err error) {
	for from := 0; from < len(q.Inputs); {
		to := min(len(q.Inputs), from+google.Most(ask.Model))
		some := q.Some(from, to)
		from = to
		ask.Verb = google.Method(ask.Model, len(some.Inputs))
		body, err := google.EncodeRequest(nil, some, ask.Model)
		if err != nil {
			return nil, err
		}
		answer, err := a.exchangeWhole(channel, ask, body)
		if err != nil {
			return nil, err
		}
		part, err := google.DecodeResponse(answer, some)
		if err != nil {
			a.usage.Add(usageIn(answer))
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

func (a *attempt) makeImages(channel *provider.Channel, ask provider.Ask, google images.Google) error {
	if err := a.holdRewriting(); err != nil {
		return err
	}
	q, err := images.DecodeRequest(a.body)
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
		answer, err := a.exchangeWhole(channel, ask, body)
		if err != nil {
			return err
		}
		part, err := a.readImages(google, answer, ask.Model)
		if err != nil {
			a.usage.Add(usageIn(answer))
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
	now := time.Now().Unix()
	if q.Stream {
		a.contentType = append(a.contentType[:0], contentTypeEvents...)
		a.whole = images.EncodeStream(nil, whole, q, now)
		return nil
	}
	a.whole = images.EncodeResponse(nil, whole, q, now)
	return nil
}

// readImages reads an answer, which may have many small parts where images are due.
func (a *attempt) readImages(google images.Google, answer []byte, model string) (*images.Response, error) {
	held := a.holding.Held(budget.Answer)
	if err := a.holding.Hold(budget.Answer, held+2*decodingOf(answer)); err != nil {
		return nil, err
	}
	whole, err := google.DecodeResponse(answer, model)
	a.holding.Hold(budget.Answer, held)
	return whole, err
}

// exchangeWhole sends a body and returns the whole answer, which stays as it is.
func (a *attempt) exchangeWhole(channel *provider.Channel, ask provider.Ask, body []byte) ([]byte, error) {
	a.parts = append(a.parts[:0], body)
	a.request.Body = a.parts
	answer, err := a.send(channel, ask, formats.All[a.upstream])
	if err != nil {
		return nil, err
	}
	answer.Begin()
	defer answer.Close()
	answer.Memory = &furtherRoom{a.holding, a.holding.Held(budget.Answer)}
	return answer.AppendBody(nil, maxAnswer)
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
