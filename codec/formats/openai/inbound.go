package openai

import (
	"uniapi/codec"
	"uniapi/codec/front"
	"uniapi/codec/passthrough"
	"uniapi/codec/rawjson"
)

// chat is the inbound API of chat and completions, which most clients speak.
type chat struct {
	// turned takes the requests that have an input in the place of messages, as Cursor's agent sends them to the
	// address of chat; nil takes none.
	turned front.Inbound
}

// Routes are where OpenAI's clients ask. Turned takes Responses requests that come to the address of chat and want a
// chat answer.
func Routes(turned front.Inbound) []front.Route {
	routes := []front.Route{
		{Path: "/v1/chat/completions", Endpoint: codec.Chat, Inbound: chat{turned}},
		{Path: "/v1/completions", Endpoint: codec.Completions, Inbound: chat{}},
	}
	for _, e := range codec.PassedOn {
		routes = append(routes, front.Route{Path: "/v1/" + string(e.Endpoint), Endpoint: e.Endpoint, Inbound: plain{}, Raw: true, Fallback: e.Fallback})
	}
	routes = append(routes, front.Route{Path: "/v1/search", Get: true, Endpoint: codec.Search, Inbound: searching{}, Raw: true, ReadsWhole: true,
		Fallback: "search"}) // as in uni-api
	for i := range routes {
		routes[i].Label = routes[i].Path
	}
	return routes
}

// Format implements front.Inbound.
func (chat) Format(front.Asked) codec.Format { return Format{} }

// Address implements front.Inbound.
func (chat) Address([]byte) string { return "" }

// ReadHead implements front.Inbound.
func (c chat) ReadHead(body []byte, _ front.Asked, h *front.Head) error {
	head := (*Head)(h)
	err := head.read(body)
	if err == nil {
		err = front.Named(head.model())
	}
	if err == nil && c.turned != nil && head.IsResponses() {
		h.Turned = c.turned
	}
	return err
}

// Conversation implements front.Inbound.
func (chat) Conversation(_ []byte, h *front.Head) rawjson.Value { return h.Messages }

// Decode implements front.Inbound.
func (chat) Decode(body []byte, h *front.Head) (*codec.Request, error) {
	return decode(body, (*Head)(h))
}

// Speaks implements front.Inbound.
func (chat) Speaks(upstream codec.Format) bool {
	_, same := upstream.(Format)
	return same
}

// Splice implements front.Inbound.
func (c chat) Splice(dst [][]byte, body []byte, h *front.Head, to front.To, scratch *[]byte) ([][]byte, error) {
	if to.Edited {
		*to.Spare = front.Head{}
		if err := c.ReadHead(body, nil, to.Spare); err != nil {
			return dst, err
		}
		h = to.Again(h)
	}
	return (*Head)(h).Parts(dst, body, to.Model, to.AskUsage, scratch), nil
}

// NewPass implements front.Inbound.
func (chat) NewPass(codec.Format) front.Pass { return new(way) }

// way is the way of a stream of chat.
type way struct{ inspector Inspector }

func (p *way) Open(s *passthrough.Stream, o front.Opening) passthrough.Flow {
	p.inspector.HideUsage = !o.Head.IncludeUsage
	s.Reset(&p.inspector, o.Triggers...)
	s.Watch(o.Censor)
	return s
}

// Check implements front.Inbound.
func (chat) Check(body []byte, from front.From, room front.Room) (codec.Usage, []byte, error) {
	usage, lacking, err := CheckChat(body, from.Triggers)
	if err != nil || !lacking {
		return usage, nil, err
	}
	mended, err := Mended(body, room.Room)
	return usage, mended, err
}
