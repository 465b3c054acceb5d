package server

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/codec/formats/gemini"
	"uniapi/codec/rawjson"
	"uniapi/pool/provider"
)

// geminiFace is Google's generateContent format, which Gemini CLI speaks. Model
// and verb stand in the address.
type geminiFace struct{ stream bool }

// format writes streams as events if the client asks for them so, else as the
// one JSON array that Google sends.
func (f geminiFace) format(in *inbound) codec.Format {
	return gemini.Format{Array: f.stream && !wantsEvents(in)}
}

func wantsEvents(in *inbound) bool { return string(in.ctx.QueryArgs().Peek("alt")) == "sse" }

func (geminiFace) address(in *inbound) string { return geminiModel(in.ctx.Path()) }

func (f geminiFace) label(endpoint provider.Endpoint) string {
	switch {
	case endpoint == provider.CountTokens:
		return "/v1beta/models:countTokens"
	case f.stream:
		return "/v1beta/models:streamGenerateContent"
	}
	return "/v1beta/models:generateContent"
}

func (f geminiFace) read(in *inbound) error {
	head, err := gemini.ReadHead(in.body)
	if err != nil {
		return err
	}
	in.stream, in.choosing = f.stream, head.Choosing
	if in.model == "" {
		return codec.BadRequest("model", "the address names no model: it is /v1beta/models/MODEL:generateContent")
	}
	return nil
}

// geminiModel is the model in a path: what stands between models/ and the last
// colon. It may have slashes.
func geminiModel(path []byte) string {
	_, name, _ := bytes.Cut(path, []byte("/models/"))
	if at := bytes.LastIndexByte(name, ':'); at >= 0 {
		name = name[:at]
	}
	model := strings.TrimPrefix(string(name), "models/")
	if plain, err := url.PathUnescape(model); err == nil {
		return plain
	}
	return model
}

func (geminiFace) conversation(in *inbound) rawjson.Value { return member(in.body, "contents") }

// member is a member of a body that is an object, Missing if it has none of that name.
func member(body []byte, name string) rawjson.Value {
	top, err := rawjson.One(body)
	if err != nil {
		return rawjson.Value{}
	}
	return top.Get(body, name)
}

func (f geminiFace) decode(in *inbound) (*codec.Request, error) {
	q, err := gemini.Format{}.DecodeRequest(in.body)
	if err != nil {
		return nil, err
	}
	q.Model, q.Stream = in.model, in.stream
	return q, nil
}

func (f geminiFace) speaks(upstream string) bool {
	return upstream == "gemini" || upstream == "gemini-vertex"
}

// splice has nothing to change.
func (geminiFace) splice(a *attempt, body []byte, _ spliced) error {
	a.parts = append(a.parts[:0], body)
	return nil
}

func (f geminiFace) pass(a *attempt, _ string) flow {
	n := a.natively()
	if wantsEvents(a.inbound) {
		return a.inspected(&n.generate)
	}
	// The upstream was asked for events, and the client gets an array.
	n.array.Reset(&n.generate, a.triggers()...)
	n.array.Watch(a)
	return &n.array
}

func (geminiFace) check(a *attempt, body []byte) (codec.Usage, error) {
	return gemini.CheckAnswer(body, a.triggers())
}

// generate serves POST /v1beta/models/{model}:{verb}.
func (s *Server) generate(ctx *fasthttp.RequestCtx) {
	path := ctx.Path()
	switch face, endpoint, known := googleVerb(string(path[bytes.LastIndexByte(path, ':')+1:])); {
	case !known:
		notFound(ctx)
	case endpoint == provider.CountTokens:
		s.countTokens(face)(ctx)
	default:
		s.serve(face, endpoint)(ctx)
	}
}

// googleVerb is what a verb behind a model's name asks for.
func googleVerb(verb string) (face face, endpoint provider.Endpoint, known bool) {
	switch verb {
	case "generateContent":
		return geminiFace{}, provider.Chat, true
	case "streamGenerateContent":
		return geminiFace{stream: true}, provider.Chat, true
	case "countTokens":
		return geminiFace{}, provider.CountTokens, true
	case "embedContent":
		return googleEmbedFace{}, provider.Embeddings, true
	case "batchEmbedContents":
		return googleEmbedFace{batch: true}, provider.Embeddings, true
	}
	return nil, "", false
}
