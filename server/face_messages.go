package server

import (
	"uniapi/codec"
	"uniapi/codec/anthropic"
	"uniapi/codec/rawjson"
	"uniapi/pool"
)

// messagesFace is Anthropic's Messages format, which Claude Code speaks.
type messagesFace struct{ chatFace }

func (messagesFace) format(*exchange) codec.Format { return anthropic.Format{} }

func (messagesFace) label(endpoint pool.Endpoint) string {
	if endpoint == pool.Chat {
		return "/v1/messages"
	}
	return "/v1/" + string(endpoint)
}

func (messagesFace) decode(x *exchange) (*codec.Request, error) {
	return anthropic.Format{}.DecodeRequest(x.body)
}

func (messagesFace) speaks(upstream string) bool {
	return upstream == "anthropic" || upstream == "anthropic-vertex"
}

// splice replaces the model. On Vertex it stands in the address, and the version
// of the API in the body.
func (f messagesFace) splice(x *exchange, body []byte, to spliced) error {
	if to.format == "anthropic" {
		to.askUsage = false
		return f.chatFace.splice(x, body, to)
	}
	var s rawjson.Splicer
	s.Remove("model")
	s.Set("anthropic_version", rawjson.AppendString(nil, anthropic.Vertex.Version))
	parts, err := s.Parts(x.parts[:0], body)
	x.parts = parts
	return err
}

func (f messagesFace) pass(x *exchange, upstream string) flow {
	x.echo.reset(formats[upstream].NewStreamDecoder(), x.triggers())
	return &x.echo
}

func (messagesFace) check(x *exchange, body []byte) (codec.Usage, error) {
	return checkWhole(formats[x.upstream], body, x.triggers())
}
