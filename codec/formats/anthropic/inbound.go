package anthropic

import (
	"strings"

	"uniapi/codec"
	"uniapi/codec/front"
	"uniapi/codec/passthrough"
	"uniapi/codec/rawjson"
)

// inbound is the inbound API of Messages, which Claude Code speaks.
type inbound struct{}

// Routes are where Anthropic's clients ask.
func Routes() []front.Route {
	return []front.Route{
		{Path: "/v1/messages", Label: "/v1/messages", Endpoint: codec.Chat, Inbound: inbound{}},
		{Path: "/v1/messages/count_tokens", Label: "/v1/messages/count_tokens", Endpoint: codec.CountTokens, Inbound: inbound{}},
	}
}

// Host is a format in which Claude is spoken to in Anthropic's words, whatever stands around them.
type Host interface {
	codec.Format
	// Worded is how the words are there.
	Worded(to front.To) Format
	// NewPass makes the way of its streams to Anthropic's clients.
	NewPass() front.Pass
	// CheckWhole looks at a whole answer of its.
	CheckWhole(body []byte, triggers []string) (codec.Usage, error)
}

var _ Host = Format{}

// Worded implements Host.
func (f Format) Worded(front.To) Format { return f }

// CheckWhole implements Host.
func (Format) CheckWhole(body []byte, triggers []string) (codec.Usage, error) {
	return CheckAnswer(body, triggers)
}

// NewPass implements Host.
func (Format) NewPass() front.Pass { return new(way) }

// way is the way of a stream of Messages.
type way struct{ inspector Inspector }

func (p *way) Open(s *passthrough.Stream, o front.Opening) passthrough.Flow {
	s.Reset(&p.inspector, o.Triggers...)
	s.Watch(o.Censor)
	return s
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
func (inbound) Decode(body []byte, _ *front.Head) (*codec.Request, error) {
	return Format{}.DecodeRequest(body)
}

// Speaks implements front.Inbound: Claude speaks the same on Vertex and, in frames, on Bedrock.
func (inbound) Speaks(upstream codec.Format) bool {
	_, is := upstream.(Host)
	return is
}

// Splice implements front.Inbound: it replaces the model, or takes it out where it stands in the address.
func (inbound) Splice(dst [][]byte, body []byte, h *front.Head, to front.To, scratch *[]byte) ([][]byte, error) {
	if to.Edited {
		*to.Spare = front.Head{}
		if err := layout.Read(body, to.Spare); err != nil {
			return dst, err
		}
		h = to.Again(h)
	}
	return (*Head)(h).Parts(dst, body, to.Model, to.Format.(Host).Worded(to), scratch), nil
}

// NewPass implements front.Inbound.
func (inbound) NewPass(upstream codec.Format) front.Pass { return upstream.(Host).NewPass() }

// Check implements front.Inbound.
func (inbound) Check(body []byte, from front.From, room front.Room) (codec.Usage, []byte, error) {
	usage, err := from.Format.(Host).CheckWhole(body, from.Triggers)
	if err != nil {
		return usage, nil, err
	}
	anew, err := front.WithID(body, "msg_", room)
	return usage, anew, err
}

// The lines of a head that are Anthropic's: the version of the API, which its clients always say, and the betas.
const (
	versionLine = "Anthropic-Version"
	flagsLine   = "Anthropic-Beta"
)

// FlagsOf are the betas that a client asks for.
func FlagsOf(asked front.Asked) []string {
	return strings.FieldsFunc(string(asked.Header(flagsLine)), func(r rune) bool { return r == ',' || r == ' ' })
}
