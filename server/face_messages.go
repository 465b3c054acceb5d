package server

import (
	"strings"

	"uniapi/codec"
	"uniapi/codec/anthropic"
	"uniapi/codec/bedrock"
	"uniapi/codec/rawjson"
	"uniapi/pool/provider"
)

// messagesFace is Anthropic's Messages format, which Claude Code speaks.
type messagesFace struct{}

func (messagesFace) format(*exchange) codec.Format { return anthropic.Format{} }

func (messagesFace) address(*exchange) string { return "" }

func (messagesFace) label(endpoint provider.Endpoint) string {
	if endpoint == provider.Chat {
		return "/v1/messages"
	}
	return "/v1/" + string(endpoint)
}

func (messagesFace) read(x *exchange) error {
	head, err := anthropic.ReadHead(x.body)
	x.messages = head
	x.model, x.stream, x.choosing = head.Model, head.Stream, head.Choosing
	return err
}

func (messagesFace) decode(x *exchange) (*codec.Request, error) {
	return anthropic.Format{}.DecodeRequest(x.body)
}

func (messagesFace) conversation(x *exchange) rawjson.Value { return x.messages.Messages }

// speaks: Claude speaks the same on Vertex and, in frames, on Bedrock.
func (messagesFace) speaks(upstream string) bool {
	return upstream == "anthropic" || upstream == "anthropic-vertex" || upstream == "bedrock-invoke"
}

// splice replaces the model, or takes it out where it stands in the address.
func (messagesFace) splice(x *exchange, body []byte, to spliced) (err error) {
	head := x.messages
	if to.format == "bedrock-invoke" {
		body = anthropic.WithoutEagerInput(body)
	}
	if !sameBytes(body, x.body) {
		if head, err = anthropic.ReadHead(body); err != nil {
			return err
		}
		if head.Model != x.model {
			to.model = head.Model // an override names another
		}
	}
	host := anthropic.Format{}
	switch to.format {
	case "anthropic-vertex":
		host = anthropic.Vertex
	case "bedrock-invoke":
		host = bedrock.Invoke.WithBetas(x.clientBetas()).Format
	}
	x.scratch = x.scratch[:0]
	x.parts = head.Parts(x.parts[:0], body, to.model, host, &x.scratch)
	return nil
}

// clientBetas are the flags of the client's anthropic-beta.
func (x *exchange) clientBetas() []string {
	return strings.FieldsFunc(string(x.ctx.Request.Header.Peek(headerAnthropicBeta)), func(r rune) bool { return r == ',' || r == ' ' })
}

func (messagesFace) pass(x *exchange, upstream string) flow {
	n := x.natively()
	if upstream == "bedrock-invoke" {
		n.unwrapped.Reset(x.triggers()...)
		n.unwrapped.Watch(x)
		return &n.unwrapped
	}
	return n.inspected(&n.messages, x)
}

func (messagesFace) check(x *exchange, body []byte) (codec.Usage, error) {
	if x.upstream == "bedrock-invoke" {
		return checkWhole(formats[x.upstream], body, x.triggers()) // it has errors of its own
	}
	return anthropic.CheckAnswer(body, x.triggers())
}

// checkWhole is face.check for a format that has nothing cheaper than to read the
// answer whole.
func checkWhole(f codec.Format, body []byte, triggers []string) (codec.Usage, error) {
	whole, err := f.DecodeResponse(body)
	if err != nil {
		return codec.Usage{}, err
	}
	return whole.Usage, checkResponse(whole, triggers)
}
