package server

import (
	"uniapi/codec"
	"uniapi/codec/openai"
	"uniapi/codec/rawjson"
	"uniapi/codec/responses"
	"uniapi/pool/provider"
)

// responsesFace is OpenAI's Responses format, which Codex speaks.
type responsesFace struct{}

func (responsesFace) format(*exchange) codec.Format { return responses.Format{} }

func (responsesFace) address(*exchange) string { return "" }

func (responsesFace) label(endpoint provider.Endpoint) string {
	if endpoint == provider.Chat {
		return "/v1/responses"
	}
	return "/v1/" + string(endpoint)
}

func (responsesFace) decode(x *exchange) (*codec.Request, error) {
	return responses.Format{}.DecodeRequest(x.body)
}

func (responsesFace) speaks(upstream string) bool { return upstream == "responses" }

func (responsesFace) read(x *exchange) error {
	head, err := responses.ReadHead(x.body)
	x.items = head
	x.model, x.stream, x.choosing = head.Model, head.Stream, head.Choosing
	return err
}

func (responsesFace) conversation(x *exchange) rawjson.Value { return x.items.Messages }

func (responsesFace) splice(x *exchange, body []byte, to spliced) (err error) {
	head := x.items
	if !sameBytes(body, x.body) {
		if head, err = responses.ReadHead(body); err != nil {
			return err
		}
		if head.Model != x.model {
			to.model = head.Model // an override names another
		}
	}
	x.scratch = x.scratch[:0]
	x.parts = head.Parts(x.parts[:0], body, to.model, &x.scratch)
	return nil
}

func (responsesFace) pass(x *exchange, _ string) flow {
	n := x.natively()
	return n.inspected(&n.responses, x)
}

func (responsesFace) check(x *exchange, body []byte) (codec.Usage, error) {
	if x.endpoint == provider.Compact { // its answer is a list of items, and says nothing
		return openai.CheckObject(body)
	}
	return responses.CheckAnswer(body, x.triggers())
}

// mixedFace is for clients that send a Responses request to the chat endpoint and
// want a chat answer, as Cursor's agent does.
type mixedFace struct{ chatFace }

func (mixedFace) conversation(x *exchange) rawjson.Value { return member(x.body, "input") }

func (mixedFace) decode(x *exchange) (*codec.Request, error) {
	q, err := responses.Format{}.DecodeRequest(x.body)
	if err == nil {
		q.IncludeUsage = x.head.IncludeUsage
	}
	return q, err
}

func (mixedFace) speaks(string) bool { return false }

// turnMixed changes the face of a chat request that is none.
func (x *exchange) turnMixed() {
	if x.endpoint == provider.Chat {
		x.face = mixedFace{}
	}
}
