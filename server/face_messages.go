package server

import (
	"strings"

	"uniapi/codec"
	"uniapi/codec/formats"
	"uniapi/codec/formats/anthropic"
	"uniapi/codec/formats/bedrock"
	"uniapi/codec/rawjson"
	"uniapi/pool/provider"
)

// messagesFace is Anthropic's Messages format, which Claude Code speaks.
type messagesFace struct{}

func (messagesFace) format(*inbound) codec.Format { return anthropic.Format{} }

func (messagesFace) address(*inbound) string { return "" }

func (messagesFace) label(endpoint provider.Endpoint) string {
	if endpoint == provider.Chat {
		return "/v1/messages"
	}
	return "/v1/" + string(endpoint)
}

func (messagesFace) read(in *inbound) error {
	head, err := anthropic.ReadHead(in.body)
	in.messages = head
	in.model, in.stream, in.choosing = head.Model, head.Stream, head.Choosing
	return err
}

func (messagesFace) decode(in *inbound) (*codec.Request, error) {
	return anthropic.Format{}.DecodeRequest(in.body)
}

func (messagesFace) conversation(in *inbound) rawjson.Value { return in.messages.Messages }

// speaks: Claude speaks the same on Vertex and, in frames, on Bedrock.
func (messagesFace) speaks(upstream string) bool {
	return upstream == "anthropic" || upstream == "anthropic-vertex" || upstream == "bedrock-invoke"
}

// splice replaces the model, or takes it out where it stands in the address.
func (messagesFace) splice(a *attempt, body []byte, to spliced) (err error) {
	head := a.messages
	if to.format == "bedrock-invoke" {
		body = anthropic.WithoutEagerInput(body)
	}
	if !sameBytes(body, a.body) {
		if head, err = anthropic.ReadHead(body); err != nil {
			return err
		}
		if head.Model != a.model {
			to.model = head.Model // an override names another
		}
	}
	host := anthropic.Format{}
	switch to.format {
	case "anthropic-vertex":
		host = anthropic.Vertex
	case "bedrock-invoke":
		host = bedrock.Invoke.WithBetas(a.clientBetas(), a.suited().known()).Format
	}
	a.scratch = a.scratch[:0]
	a.parts = head.Parts(a.parts[:0], body, to.model, host, &a.scratch)
	return nil
}

// clientBetas are the flags of the client's anthropic-beta.
func (in *inbound) clientBetas() []string {
	return strings.FieldsFunc(string(in.headerLine(headerAnthropicBeta)), func(r rune) bool { return r == ',' || r == ' ' })
}

func (messagesFace) pass(a *attempt, upstream string) flow {
	n := a.natively()
	if upstream == "bedrock-invoke" {
		n.unwrapped.Reset(a.triggers()...)
		n.unwrapped.Watch(a)
		return &n.unwrapped
	}
	return a.inspected(&n.messages)
}

func (messagesFace) check(a *attempt, body []byte) (codec.Usage, error) {
	if a.upstream == "bedrock-invoke" {
		return checkWhole(formats.All[a.upstream], body, a.triggers()) // it has errors of its own
	}
	usage, err := anthropic.CheckAnswer(body, a.triggers())
	if err != nil {
		return usage, err
	}
	return usage, a.named(body, "msg_")
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
