//go:build example

package pretend

import (
	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/front"
	"uniapi/codec/rawjson"
)

// inbound is what clients of the format ask. Nothing passes through untranslated, so that there is nothing to be
// spliced.
type inbound struct{}

// Routes are where they ask.
func Routes() []front.Route {
	return []front.Route{{Path: "/v1/pretend", Label: "/v1/pretend", Endpoint: codec.Chat, Inbound: inbound{}}}
}

var layout = front.NewLayout(fields.NewKnown("model", "stream", "messages", "tools"), "messages")

func (inbound) Format(front.Asked) codec.Format { return Format{} }

func (inbound) Address([]byte) string { return "" }

func (inbound) ReadHead(body []byte, _ front.Asked, h *front.Head) error { return layout.Read(body, h) }

func (inbound) Conversation(_ []byte, h *front.Head) rawjson.Value { return h.Messages }

func (inbound) Decode(body []byte, _ *front.Head) (*codec.Request, error) {
	return Format{}.DecodeRequest(body)
}

func (inbound) Speaks(codec.Format) bool { return false }

func (inbound) Splice(dst [][]byte, body []byte, _ *front.Head, _ front.To, _ *[]byte) ([][]byte, error) {
	return append(dst, body), nil
}

func (inbound) NewPass(codec.Format) front.Pass { return nil }

func (inbound) Check([]byte, front.From, front.Room) (codec.Usage, []byte, error) {
	return codec.Usage{}, nil, codec.NoAnswer("nothing passes through untranslated")
}
