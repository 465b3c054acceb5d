package bedrock

import (
	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/formats/anthropic"
	"uniapi/codec/front"
)

// NewRules implements front.Ruler.
func (f InvokeFormat) NewRules(t *capability.Target, request string) front.Rules {
	return &withoutEager{f.Format.NewRules(t, request)}
}

// withoutEager are Anthropic's rules, and that Bedrock knows no eager input.
type withoutEager struct{ front.Rules }

// MayEdit implements front.Rules: only a look at the whole of a body tells.
func (withoutEager) MayEdit(codec.Endpoint, *front.Head, []byte) bool { return true }

// Settle implements front.Rules.
func (w withoutEager) Settle(endpoint codec.Endpoint, h *front.Head, body []byte) []byte {
	return anthropic.WithoutEagerInput(w.Rules.Settle(endpoint, h, body))
}
