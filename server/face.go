package server

import (
	"uniapi/codec"
	"uniapi/codec/openai"
	"uniapi/codec/rawjson"
	"uniapi/pool/provider"
)

// face is the side of the gateway that the clients of one wire format see. What
// it does in the format itself is for upstreams that speak the same: the bytes
// pass through, but for what must change. All others are served by way of the
// neutral model.
type face interface {
	// format is the client's, as far as its request has been read.
	format(x *exchange) codec.Format
	// label names an endpoint in the books, by its path without a model.
	label(endpoint provider.Endpoint) string
	// address is the model, if it stands in the address; "" if it does not.
	address(x *exchange) string
	// read finds out which model is asked for, and whether for a stream.
	read(x *exchange) error
	// conversation is where what was said stands in the body: a list, or a text. What is no conversation has none.
	conversation(x *exchange) rawjson.Value
	// decode reads the whole request.
	decode(x *exchange) (*codec.Request, error)
	// speaks says whether an upstream's format needs no translation.
	speaks(upstream string) bool
	// splice makes x.parts the request for an upstream of that format: body, which
	// is x.body or an edited copy, with another model.
	splice(x *exchange, body []byte, to spliced) error
	// pass is the way of a stream of that format, untranslated.
	pass(x *exchange, upstream string) flow
	// check looks whether a whole answer is one, untranslated.
	check(x *exchange, body []byte) (codec.Usage, error)
}

// spliced says what an upstream is to get.
type spliced struct {
	format   string
	model    string
	askUsage bool // stream_options.include_usage
}

// chatFace is OpenAI's chat format, which most clients speak.
type chatFace struct{}

func (chatFace) format(*exchange) codec.Format { return openai.Format{} }

func (chatFace) address(*exchange) string { return "" }

func (chatFace) label(endpoint provider.Endpoint) string { return "/v1/" + string(endpoint) }

func (chatFace) read(x *exchange) (err error) {
	x.head, err = openai.ReadHead(x.body)
	x.model, x.stream, x.choosing = x.head.Model, x.head.Stream, x.head.Choosing
	if err == nil && x.head.IsResponses() && x.face == (chatFace{}) {
		x.turnMixed()
	}
	return err
}

func (chatFace) conversation(x *exchange) rawjson.Value { return x.head.Messages }

func (chatFace) decode(x *exchange) (*codec.Request, error) {
	return openai.Format{}.DecodeRequest(x.body)
}

func (chatFace) speaks(upstream string) bool { return upstream == "openai" }

func (chatFace) splice(x *exchange, body []byte, to spliced) (err error) {
	head := x.head
	if !sameBytes(body, x.body) {
		if head, err = openai.ReadHead(body); err != nil {
			return err
		}
		if head.Model != x.model {
			to.model = head.Model // an override names another
		}
	}
	x.scratch = x.scratch[:0]
	x.parts = head.Parts(x.parts[:0], body, to.model, to.askUsage, &x.scratch)
	return nil
}

func (chatFace) pass(x *exchange, _ string) flow {
	x.pass.Reset(!x.head.IncludeUsage, x.triggers()...)
	x.pass.Watch(x)
	return &x.pass
}

func (chatFace) check(x *exchange, body []byte) (codec.Usage, error) {
	return openai.CheckAnswer(body, x.triggers())
}

// sameBytes says whether two slices are the same piece of memory.
func sameBytes(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
