package openai

import (
	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/front"
)

// NewRules implements front.Ruler.
func (Format) NewRules(t *capability.Target, request string) front.Rules {
	if t == nil {
		return unruled
	}
	return &chatRules{shared{rules: NewRules(t, request)}}
}

var unruled = &chatRules{}

// ResponsesRules are those of a model in the format of Responses, nil if there are none.
func ResponsesRules(t *capability.Target, request string) front.Rules {
	if t == nil {
		return front.NoRules{}
	}
	if r := NewRules(t, request); r != nil {
		return &responsesRules{shared{rules: r}}
	}
	return front.NoRules{}
}

// shared is what rules do alike in both of OpenAI's formats.
type shared struct {
	front.NoRules
	rules *Rules // nil if there are none
}

// Refuses implements front.Rules.
func (s *shared) Refuses(name string) bool { return s.rules.Refuses(name) }

// Anew implements front.Rules.
func (s *shared) Anew(body []byte) bool { return s.rules != nil && s.rules.Anew(body) }

// MayEdit implements front.Rules.
func (s *shared) MayEdit(codec.Endpoint, *front.Head, []byte) bool { return s.rules != nil }

// chatRules are those of chat.
type chatRules struct{ shared }

// Edit implements front.Rules.
func (r *chatRules) Edit(endpoint codec.Endpoint, body []byte) []byte {
	switch endpoint {
	case codec.Chat:
		return r.rules.Edit(body)
	case codec.Embeddings:
		return r.rules.Rename(body)
	}
	return body
}

// MayEditTranslated implements front.Rules: an upstream of which nothing is known gets the older name of the limit.
func (r *chatRules) MayEditTranslated() bool { return true }

// EditTranslated implements front.Rules.
func (r *chatRules) EditTranslated(body []byte) []byte { return r.rules.EditTranslated(body) }

// OneLimit implements front.Rules.
func (r *chatRules) OneLimit(body []byte, touches func(name string) bool) []byte {
	return r.rules.OneLimit(body, touches)
}

// responsesRules are those of Responses.
type responsesRules struct{ shared }

// Edit implements front.Rules.
func (r *responsesRules) Edit(endpoint codec.Endpoint, body []byte) []byte {
	if endpoint == codec.Chat {
		return r.rules.EditResponses(body)
	}
	return body
}

// MayEditTranslated implements front.Rules.
func (r *responsesRules) MayEditTranslated() bool { return true }

// EditTranslated implements front.Rules.
func (r *responsesRules) EditTranslated(body []byte) []byte { return r.rules.EditResponses(body) }
