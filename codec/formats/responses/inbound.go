package responses

import (
	"uniapi/codec"
	"uniapi/codec/formats/openai"
	"uniapi/codec/front"
	"uniapi/codec/passthrough"
	"uniapi/codec/rawjson"
)

// inbound is the inbound API of Responses.
type inbound struct{}

// Routes are where clients of Responses ask.
func Routes() []front.Route {
	return []front.Route{
		{Path: "/v1/responses", Label: "/v1/responses", Endpoint: codec.Chat, Inbound: inbound{}},
		{Path: "/v1/responses/compact", Label: "/v1/responses/compact", Endpoint: codec.Compact, Inbound: inbound{}},
		{Path: "/v1/responses/input_tokens", Label: "/v1/responses/input_tokens", Endpoint: codec.CountTokens, Inbound: inbound{}},
	}
}

// Format implements front.Inbound.
func (inbound) Format(front.Asked) codec.Format { return Format{} }

// Address implements front.Inbound.
func (inbound) Address([]byte) string { return "" }

// ReadHead implements front.Inbound.
func (inbound) ReadHead(body []byte, _ front.Asked, h *front.Head) error { return layout.Read(body, h) }

// Conversation implements front.Inbound.
func (inbound) Conversation(_ []byte, h *front.Head) rawjson.Value { return h.Messages }

// Decode implements front.Inbound.
func (inbound) Decode(body []byte, h *front.Head) (*codec.Request, error) {
	return decode(body, h.Model, h.Stream)
}

// Speaks implements front.Inbound.
func (inbound) Speaks(upstream codec.Format) bool {
	_, same := upstream.(Format)
	return same
}

// Splice implements front.Inbound.
func (inbound) Splice(dst [][]byte, body []byte, h *front.Head, to front.To, scratch *[]byte) ([][]byte, error) {
	if to.Edited {
		*to.Spare = front.Head{}
		if err := layout.Read(body, to.Spare); err != nil {
			return dst, err
		}
		h = to.Again(h)
	}
	return (*Head)(h).Parts(dst, body, to.Model, scratch), nil
}

// NewPass implements front.Inbound.
func (inbound) NewPass(codec.Format) front.Pass { return new(way) }

// way is the way of a stream of Responses.
type way struct{ inspector Inspector }

func (p *way) Open(s *passthrough.Stream, o front.Opening) passthrough.Flow {
	p.inspector.ItemIDs = o.ItemIDs
	s.Reset(&p.inspector, o.Triggers...)
	s.Watch(o.Censor)
	return s
}

// WithItemIDs implements front.ItemNamer.
func (inbound) WithItemIDs(body []byte) []byte { return WithItemIDs(body) }

// valueEdited is what editing takes for each value of a body, beside copies of it.
const valueEdited = 128

// Check implements front.Inbound.
func (inbound) Check(body []byte, from front.From, room front.Room) (u codec.Usage, anew []byte, err error) {
	compacted := from.Endpoint == codec.Compact // its answer is a list of items, and says nothing
	var w whole
	if compacted {
		u, err = codec.CheckObject(body)
	} else {
		err = w.check(body, from.Triggers)
		u = w.Usage
	}
	if err == nil && from.ItemIDs {
		if err = room.Room(2*len(body) + valueEdited*rawjson.Values(body)); err != nil {
			return u, nil, err
		}
		body = WithItemIDs(body)
		anew = body
	}
	if err != nil || compacted || w.named {
		return u, anew, err
	}
	named, err := front.Identified(body, codec.NewID("resp_"), room)
	return u, named, err
}

// InChat is for clients that send a Responses request to the address of chat and
// want a chat answer, as Cursor's agent does.
type InChat struct{ inbound }

// Format implements front.Inbound.
func (InChat) Format(front.Asked) codec.Format { return openai.Format{} }

// Conversation implements front.Inbound.
func (InChat) Conversation(body []byte, _ *front.Head) rawjson.Value {
	return front.Member(body, "input")
}

// Decode implements front.Inbound.
func (InChat) Decode(body []byte, h *front.Head) (*codec.Request, error) {
	q, err := decode(body, h.Model, h.Stream)
	if err == nil {
		q.IncludeUsage = h.IncludeUsage
	}
	return q, err
}

// Speaks implements front.Inbound: such a request is written anew for everybody.
func (InChat) Speaks(codec.Format) bool { return false }
