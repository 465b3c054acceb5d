package server

import (
	"bytes"

	"uniapi/codec"
	"uniapi/codec/formats/openai"
	"uniapi/codec/passthrough"
	"uniapi/codec/rawjson"
	"uniapi/pool/provider"
	"uniapi/server/budget"
)

// face is the side of the gateway that the clients of one wire format see. What
// it does in the format itself is for upstreams that speak the same: the bytes
// pass through, but for what must change. All others are served by way of the
// neutral model.
type face interface {
	// format is the client's, as far as its request has been read.
	format(in *inbound) codec.Format
	// label names an endpoint in the books, by its path without a model.
	label(endpoint provider.Endpoint) string
	// address is the model, if it stands in the address; "" if it does not.
	address(in *inbound) string
	// read finds out which model is asked for, and whether for a stream.
	read(in *inbound) error
	// conversation is where what was said stands in the body: a list, or a text. What is no conversation has none.
	conversation(in *inbound) rawjson.Value
	// decode reads the whole request.
	decode(in *inbound) (*codec.Request, error)
	// speaks says whether an upstream's format needs no translation.
	speaks(upstream string) bool
	// splice makes x.parts the request for an upstream of that format: body, which
	// is x.body or an edited copy, with another model.
	splice(a *attempt, body []byte, to spliced) error
	// pass is the way of a stream of that format, untranslated.
	pass(a *attempt, upstream string) flow
	// check looks whether a whole answer is one, untranslated.
	check(a *attempt, body []byte) (codec.Usage, error)
}

// spliced says what an upstream is to get.
type spliced struct {
	format   string
	model    string
	askUsage bool // stream_options.include_usage
}

// chatFace is OpenAI's chat format, which most clients speak.
type chatFace struct{}

func (chatFace) format(*inbound) codec.Format { return openai.Format{} }

func (chatFace) address(*inbound) string { return "" }

func (chatFace) label(endpoint provider.Endpoint) string { return "/v1/" + string(endpoint) }

func (chatFace) read(in *inbound) (err error) {
	in.head, err = openai.ReadHead(in.body)
	in.model, in.stream, in.choosing = in.head.Model, in.head.Stream, in.head.Choosing
	if err == nil && in.head.IsResponses() && in.face == (chatFace{}) {
		in.turnMixed()
	}
	return err
}

func (chatFace) conversation(in *inbound) rawjson.Value { return in.head.Messages }

func (chatFace) decode(in *inbound) (*codec.Request, error) {
	return openai.Format{}.DecodeRequest(in.body)
}

func (chatFace) speaks(upstream string) bool { return upstream == "openai" }

func (chatFace) splice(a *attempt, body []byte, to spliced) (err error) {
	head := a.head
	if !sameBytes(body, a.body) {
		if head, err = openai.ReadHead(body); err != nil {
			return err
		}
		if head.Model != a.model {
			to.model = head.Model // an override names another
		}
	}
	a.scratch = a.scratch[:0]
	a.parts = head.Parts(a.parts[:0], body, to.model, to.askUsage, &a.scratch)
	return nil
}

func (chatFace) pass(a *attempt, _ string) flow {
	a.chat.HideUsage = !a.head.IncludeUsage
	return a.inspected(&a.chat)
}

func (chatFace) check(a *attempt, body []byte) (codec.Usage, error) {
	usage, lacking, err := openai.CheckChat(body, a.triggers())
	if err != nil || !lacking {
		return usage, err
	}
	mended, err := openai.Mended(body, func(bytes int) error { return a.holding.Hold(budget.Answer, beyondKept(body)+bytes) })
	if err != nil {
		return usage, err
	}
	a.whole = mended
	return usage, a.holding.Hold(budget.Answer, beyondKept(a.whole))
}

// named gives a conversation's answer that passes an id, where its upstream gave none: clients tell answers apart by it.
func (a *attempt) named(body []byte, prefix string) error {
	if a.endpoint != provider.Chat {
		return nil
	}
	whole := rawjson.Value{Start: max(bytes.IndexByte(body, '{'), 0), End: len(body), Kind: rawjson.Object} // it has been read before
	if passthrough.HasID(body, whole) {
		return nil
	}
	const member = 64 // bytes, at the most
	if err := a.holding.Hold(budget.Answer, beyondKept(body)+len(body)+member); err != nil {
		return err
	}
	a.whole = passthrough.WithID(body, codec.NewID(prefix))
	return a.holding.Hold(budget.Answer, beyondKept(a.whole))
}

// sameBytes says whether two slices are the same piece of memory.
func sameBytes(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
