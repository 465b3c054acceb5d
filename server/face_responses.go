package server

import (
	"uniapi/codec"
	"uniapi/codec/openai"
	"uniapi/codec/rawjson"
	"uniapi/codec/responses"
	"uniapi/pool"
)

// responsesFace is OpenAI's Responses format, which Codex speaks.
type responsesFace struct{ chatFace }

func (responsesFace) format(*exchange) codec.Format { return responses.Format{} }

func (responsesFace) label(endpoint pool.Endpoint) string {
	if endpoint == pool.Chat {
		return "/v1/responses"
	}
	return "/v1/" + string(endpoint)
}

func (responsesFace) decode(x *exchange) (*codec.Request, error) {
	return responses.Format{}.DecodeRequest(x.body)
}

func (responsesFace) speaks(upstream string) bool { return upstream == "responses" }

func (f responsesFace) splice(x *exchange, body []byte, to spliced) error {
	to.askUsage = false
	return f.chatFace.splice(x, body, to)
}

func (responsesFace) pass(x *exchange, upstream string) flow {
	x.echo.reset(formats[upstream].NewStreamDecoder(), x.triggers())
	return &x.echo
}

func (responsesFace) check(x *exchange, body []byte) (codec.Usage, error) {
	if x.endpoint == pool.Compact { // its answer is a list of items, and says nothing
		return openai.CheckObject(body)
	}
	return checkWhole(formats[x.upstream], body, x.triggers())
}

// mixedFace is for clients that send a Responses request to the chat endpoint and
// want a chat answer, as Cursor's agent does.
type mixedFace struct{ chatFace }

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
	if x.endpoint != pool.Chat {
		return
	}
	if top, err := rawjson.One(x.body); err == nil && top.Get(x.body, "input").Present() {
		x.face = mixedFace{}
	}
}
