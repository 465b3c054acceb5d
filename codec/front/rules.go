package front

import (
	"uniapi/codec"
	"uniapi/codec/capability"
)

// Rules are what must be changed in requests for one model of one upstream. They are immutable. A body that needs no
// change is returned itself, and none is changed in its place.
type Rules interface {
	// Refuses says whether the upstream takes no member of that name: what the gateway would add itself must then be
	// left out.
	Refuses(name string) bool

	// Anew says whether a request of a client that speaks as the upstream does is written anew all the same, since the
	// upstream takes less than the format has.
	Anew(body []byte) bool
	// MayEdit says whether such a request may have to be changed, whose head is h.
	MayEdit(endpoint codec.Endpoint, h *Head, body []byte) bool
	// Edit changes it before the operator's own changes, and Settle behind them: h is the head of a body that is not
	// edited, nil of another.
	Edit(endpoint codec.Endpoint, body []byte) []byte
	Settle(endpoint codec.Endpoint, h *Head, body []byte) []byte

	// MayEditTranslated and EditTranslated are for requests that were translated.
	MayEditTranslated() bool
	EditTranslated(body []byte) []byte

	// OneLimit makes one limit of the answer of two that exclude each other, by what the operator touches.
	OneLimit(body []byte, touches func(name string) bool) []byte
}

// Ruler is a format whose upstreams take less than the format has, each model its own.
type Ruler interface {
	// NewRules makes the rules for a model. Request is the name that clients use. It is for when a configuration is
	// loaded; of a target that is nil nothing is known, and nothing is made.
	NewRules(t *capability.Target, request string) Rules
}

// RulesOf are those of a format for a model.
func RulesOf(f codec.Format, t *capability.Target, request string) Rules {
	if r, is := f.(Ruler); is {
		return r.NewRules(t, request)
	}
	return NoRules{}
}

// NoRules change nothing.
type NoRules struct{}

var _ Rules = NoRules{}

// Refuses implements Rules.
func (NoRules) Refuses(string) bool { return false }

// Anew implements Rules.
func (NoRules) Anew([]byte) bool { return false }

// MayEdit implements Rules.
func (NoRules) MayEdit(codec.Endpoint, *Head, []byte) bool { return false }

// Edit implements Rules.
func (NoRules) Edit(_ codec.Endpoint, body []byte) []byte { return body }

// Settle implements Rules.
func (NoRules) Settle(_ codec.Endpoint, _ *Head, body []byte) []byte { return body }

// MayEditTranslated implements Rules.
func (NoRules) MayEditTranslated() bool { return false }

// EditTranslated implements Rules.
func (NoRules) EditTranslated(body []byte) []byte { return body }

// OneLimit implements Rules.
func (NoRules) OneLimit(body []byte, _ func(string) bool) []byte { return body }
