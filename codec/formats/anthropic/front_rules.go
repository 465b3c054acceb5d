package anthropic

import (
	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/front"
)

// NewRules implements front.Ruler. What a client of this format asks for is changed behind what the operator sets,
// since how much Claude may think depends on how much it may answer.
func (Format) NewRules(t *capability.Target, _ string) front.Rules {
	if t != nil {
		if r := NewRules(t); r != nil {
			return settling{rules: r}
		}
	}
	return front.NoRules{}
}

type settling struct {
	front.NoRules
	rules *Rules
}

// MayEdit implements front.Rules.
func (s settling) MayEdit(endpoint codec.Endpoint, h *front.Head, body []byte) bool {
	return converses(endpoint) && s.rules.Changes((*Head)(h), body)
}

// Settle implements front.Rules.
func (s settling) Settle(endpoint codec.Endpoint, h *front.Head, body []byte) []byte {
	if !converses(endpoint) {
		return body
	}
	if h == nil {
		h = new(front.Head)
		if err := layout.Read(body, h); err != nil {
			return body
		}
	}
	return s.rules.Edit((*Head)(h), body)
}

// converses says whether a conversation is asked for, or counted.
func converses(endpoint codec.Endpoint) bool {
	return endpoint == codec.Chat || endpoint == codec.CountTokens
}
