package gemini

import (
	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/front"
	"uniapi/codec/rawjson"
)

// NewRules implements front.Ruler. For hosts that nobody knows there are none: what clients of this format write goes
// to them as it is. What a client asks for is changed behind what the operator sets.
func (Format) NewRules(t *capability.Target, _ string) front.Rules {
	if t == nil || !t.Known {
		return front.NoRules{}
	}
	return &settling{can: capabilities{t}}
}

type settling struct {
	front.NoRules
	can capabilities
}

// MayEdit implements front.Rules. It looks at generationConfig alone, which the head has found.
func (s *settling) MayEdit(endpoint codec.Endpoint, h *front.Head, body []byte) bool {
	return endpoint == codec.Chat && s.can.refusesOf(body, h.Watched[watchedConfig])
}

// Settle implements front.Rules.
func (s *settling) Settle(endpoint codec.Endpoint, h *front.Head, body []byte) []byte {
	if endpoint != codec.Chat {
		return body
	}
	var config rawjson.Value
	if h != nil {
		config = h.Watched[watchedConfig]
	} else if head, err := ReadHead(body); err == nil {
		config = head.config
	}
	return s.can.settle(body, config)
}
