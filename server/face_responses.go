package server

import (
	"uniapi/codec"
	"uniapi/codec/formats/responses"
	"uniapi/codec/rawjson"
	"uniapi/pool/provider"
)

// responsesFace is OpenAI's Responses format, which Codex speaks.
type responsesFace struct{}

func (responsesFace) format(*inbound) codec.Format { return responses.Format{} }

func (responsesFace) address(*inbound) string { return "" }

func (responsesFace) label(endpoint provider.Endpoint) string {
	if endpoint == provider.Chat {
		return "/v1/responses"
	}
	return "/v1/" + string(endpoint)
}

func (responsesFace) decode(in *inbound) (*codec.Request, error) {
	return responses.Format{}.DecodeRequest(in.body)
}

func (responsesFace) speaks(upstream string) bool { return upstream == "responses" }

func (responsesFace) read(in *inbound) error {
	head, err := responses.ReadHead(in.body)
	in.items = head
	in.model, in.stream, in.choosing = head.Model, head.Stream, head.Choosing
	return err
}

func (responsesFace) conversation(in *inbound) rawjson.Value { return in.items.Messages }

func (responsesFace) splice(a *attempt, body []byte, to spliced) (err error) {
	head := a.items
	if !sameBytes(body, a.body) {
		if head, err = responses.ReadHead(body); err != nil {
			return err
		}
		if head.Model != a.model {
			to.model = head.Model // an override names another
		}
	}
	a.scratch = a.scratch[:0]
	a.parts = head.Parts(a.parts[:0], body, to.model, &a.scratch)
	return nil
}

func (responsesFace) pass(a *attempt, _ string) flow {
	return a.inspected(&a.natively().responses)
}

func (responsesFace) check(a *attempt, body []byte) (codec.Usage, error) {
	if a.endpoint == provider.Compact { // its answer is a list of items, and says nothing
		return codec.CheckObject(body)
	}
	usage, err := responses.CheckAnswer(body, a.triggers())
	if err != nil {
		return usage, err
	}
	return usage, a.named(body, "resp_")
}

// mixedFace is for clients that send a Responses request to the chat endpoint and
// want a chat answer, as Cursor's agent does.
type mixedFace struct{ chatFace }

func (mixedFace) conversation(in *inbound) rawjson.Value { return member(in.body, "input") }

func (mixedFace) decode(in *inbound) (*codec.Request, error) {
	q, err := responses.Format{}.DecodeRequest(in.body)
	if err == nil {
		q.IncludeUsage = in.head.IncludeUsage
	}
	return q, err
}

func (mixedFace) speaks(string) bool { return false }

// turnMixed changes the face of a chat request that is none.
func (in *inbound) turnMixed() {
	if in.endpoint == provider.Chat {
		in.face = mixedFace{}
	}
}
