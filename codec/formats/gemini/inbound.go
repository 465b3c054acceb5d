package gemini

import (
	"bytes"
	"net/url"
	"strings"

	"uniapi/codec"
	"uniapi/codec/embed"
	"uniapi/codec/front"
	"uniapi/codec/passthrough"
	"uniapi/codec/rawjson"
)

// inbound is the inbound API of generateContent, which Gemini CLI speaks. Model
// and verb stand in the address.
type inbound struct{ stream bool }

// Routes are where Google's clients ask. Its SDKs of today leave the beta out.
func Routes() (routes []front.Route) {
	for _, path := range []string{"/v1beta/models/{name:*}", "/v1/models/{name:*}"} {
		for _, r := range []front.Route{
			{Verb: "generateContent", Endpoint: codec.Chat, Inbound: inbound{}},
			{Verb: "streamGenerateContent", Endpoint: codec.Chat, Inbound: inbound{stream: true}},
			{Verb: "countTokens", Endpoint: codec.CountTokens, Inbound: inbound{}},
			{Verb: embedContent, Endpoint: codec.Embeddings, Inbound: embedding{}, Raw: true, ReadsWhole: true},
			{Verb: batchEmbedContent, Endpoint: codec.Embeddings, Inbound: embedding{batch: true}, Raw: true, ReadsWhole: true},
		} {
			r.Path, r.Label = path, "/v1beta/models:"+r.Verb
			routes = append(routes, r)
		}
	}
	return routes
}

// Format implements front.Inbound: streams are events if the client asks for them so, else the one JSON array that
// Google sends.
func (i inbound) Format(asked front.Asked) codec.Format {
	return Format{Array: i.stream && string(asked.Query("alt")) != "sse"}
}

// Address implements front.Inbound. The model stands between models/ and the last colon, and may have slashes.
func (inbound) Address(path []byte) string {
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

// ReadHead implements front.Inbound.
func (i inbound) ReadHead(body []byte, _ front.Asked, h *front.Head) error {
	head, err := ReadHead(body)
	if err != nil {
		return err
	}
	h.Stream, h.Choosing = i.stream, head.Choosing
	h.Watched[watchedConfig] = head.config
	return h.Addressed("/v1beta/models/MODEL:generateContent")
}

// Conversation implements front.Inbound.
func (inbound) Conversation(body []byte, _ *front.Head) rawjson.Value {
	return front.Member(body, "contents")
}

// Decode implements front.Inbound.
func (inbound) Decode(body []byte, h *front.Head) (*codec.Request, error) {
	q, err := Format{}.DecodeRequest(body)
	if err != nil {
		return nil, err
	}
	q.Model, q.Stream = h.Model, h.Stream
	return q, nil
}

// Speaks implements front.Inbound.
func (inbound) Speaks(upstream codec.Format) bool {
	_, same := upstream.(Format)
	return same
}

// Splice implements front.Inbound: there is nothing to change.
func (inbound) Splice(dst [][]byte, body []byte, _ *front.Head, _ front.To, _ *[]byte) ([][]byte, error) {
	return append(dst, body), nil
}

// NewPass implements front.Inbound.
func (inbound) NewPass(codec.Format) front.Pass { return new(way) }

// way is the way of a stream of generateContent.
type way struct {
	inspector Inspector
	array     ArrayStream
}

func (p *way) Open(s *passthrough.Stream, o front.Opening) passthrough.Flow {
	if f, is := o.Client.(Format); is && f.Array { // the upstream was asked for events, and the client gets an array
		p.array.Reset(&p.inspector, o.Triggers...)
		p.array.Watch(o.Censor)
		return &p.array
	}
	s.Reset(&p.inspector, o.Triggers...)
	s.Watch(o.Censor)
	return s
}

// Check implements front.Inbound.
func (inbound) Check(body []byte, from front.From, _ front.Room) (codec.Usage, []byte, error) {
	u, err := CheckAnswer(body, from.Triggers)
	return u, nil, err
}

// embedding is the inbound API of embedContent, or of batchEmbedContents of several requests.
type embedding struct {
	inbound
	batch bool
}

// ReadHead implements front.Inbound.
func (e embedding) ReadHead(body []byte, _ front.Asked, h *front.Head) error {
	if err := h.Addressed("/v1beta/models/MODEL:embedContent"); err != nil {
		return err
	}
	_, err := e.Embeddings().DecodeRequest(body)
	return err
}

// Conversation implements front.Inbound.
func (embedding) Conversation([]byte, *front.Head) rawjson.Value { return rawjson.Value{} }

// Speaks implements front.Inbound. It is false of all: also those who speak Google's language are asked in parts.
func (embedding) Speaks(codec.Format) bool { return false }

// Embeddings implements embed.Embedding.
func (e embedding) Embeddings() embed.Client { return Embeddings{Batch: e.batch} }
