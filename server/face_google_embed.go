package server

import (
	"uniapi/codec"
	"uniapi/codec/embed"
	"uniapi/codec/formats/gemini"
	"uniapi/codec/rawjson"
	"uniapi/pool/provider"
	"uniapi/server/budget"
)

// googleEmbedFace is Google's embedContent, or batchEmbedContents of several requests.
// Model and verb stand in the address.
type googleEmbedFace struct {
	plainFace
	batch bool
}

func (googleEmbedFace) format(*inbound) codec.Format { return gemini.Format{} }

func (googleEmbedFace) address(in *inbound) string { return geminiModel(in.ctx.Path()) }

func (f googleEmbedFace) label(provider.Endpoint) string {
	if f.batch {
		return "/v1beta/models:batchEmbedContents"
	}
	return "/v1beta/models:embedContent"
}

func (f googleEmbedFace) read(in *inbound) error {
	if in.model == "" {
		return codec.BadRequest("model", "the address names no model: it is /v1beta/models/MODEL:embedContent")
	}
	if in.holding != nil { // else it is explained and not served
		defer in.holding.Hold(budget.Request, 0)
		if err := in.holdDecoding(); err != nil {
			return err
		}
	}
	_, err := embed.DecodeGoogle(in.body, f.batch)
	return err
}

func (googleEmbedFace) conversation(*inbound) rawjson.Value { return rawjson.Value{} }

// speaks is false of all: also those who speak Google's language are asked in parts.
func (googleEmbedFace) speaks(string) bool { return false }

// embedFor makes the vectors for a client of Google's at a provider of any kind.
func (a *attempt) embedFor(face googleEmbedFace, channel *provider.Channel, ask provider.Ask) error {
	if err := a.holdRewriting(); err != nil {
		return err
	}
	q, err := embed.DecodeGoogle(a.body, face.batch)
	if err != nil {
		return err
	}
	var whole *embed.Response
	switch a.upstream {
	case "gemini":
		whole, err = a.embedAtGoogle(channel, ask, embed.Google{}, q)
	case "gemini-vertex":
		if err = q.Plain(); err == nil {
			whole, err = a.embedAtGoogle(channel, ask, embed.Google{Vertex: true}, q)
		}
	case "openai":
		if err = q.Plain(); err == nil {
			whole, err = a.embedAtOpenAI(channel, ask, q)
		}
	default:
		return provider.ErrNoEndpoint
	}
	if err != nil {
		return err
	}
	room, err := a.roomFor(whole.Size(false))
	if err != nil {
		return err
	}
	a.whole = embed.EncodeGoogle(room, whole, face.batch)
	return nil
}

func (a *attempt) embedAtOpenAI(channel *provider.Channel, ask provider.Ask, q *embed.Request) (*embed.Response, error) {
	answer, err := a.exchangeWhole(channel, ask, embed.EncodeOpenAI(nil, q, ask.Model))
	if err != nil {
		return nil, err
	}
	if err := a.holding.Hold(budget.Answer, a.holding.Held(budget.Answer)+embed.Unescaped(answer)); err != nil {
		a.usage.Add(usageIn(answer))
		return nil, err
	}
	whole, err := embed.DecodeOpenAI(answer, q)
	if err != nil {
		a.usage.Add(usageIn(answer))
		return nil, err
	}
	a.part(whole.Usage, 0)
	return whole, nil
}
