package openai

import (
	"uniapi/codec"
	"uniapi/codec/front"
	"uniapi/codec/rawjson"
	"uniapi/codec/search"
)

// searching is the inbound API of searches of the web: what is asked stands in the address, or in a body of JSON.
// OpenAI has none; its clients ask, and are told errors in its words.
type searching struct{ plain }

// ReadHead implements front.Inbound: it makes a body out of the address, so that all that follows has one to look at.
func (searching) ReadHead(body []byte, asked front.Asked, h *front.Head) error {
	if string(asked.Method()) == "GET" {
		body = searchBody(asked)
		h.Body = body
	}
	q, err := search.DecodeRequest(body)
	if err == nil {
		h.Model = q.Model
	}
	return err
}

// searchBody is the body that says what the address does. A number is written as it came, so that what is wrong with it
// is told.
func searchBody(asked front.Asked) []byte {
	body := []byte{'{'}
	for _, name := range [...]string{"q", "query", "model"} {
		if word := asked.Query(name); len(word) > 0 {
			body = rawjson.Str(body, name, word)
		}
	}
	if most := asked.Query("max_results"); len(most) > 0 {
		if v, err := rawjson.One(most); err == nil && v.Kind == rawjson.Number {
			body = rawjson.RawIf(body, "max_results", v.Raw(most))
		} else {
			body = rawjson.Str(body, "max_results", most)
		}
	}
	return append(body, '}')
}

// Conversation implements front.Inbound.
func (searching) Conversation([]byte, *front.Head) rawjson.Value { return rawjson.Value{} }

// Speaks implements front.Inbound. It is false of all: each service has words of its own.
func (searching) Speaks(codec.Format) bool { return false }
