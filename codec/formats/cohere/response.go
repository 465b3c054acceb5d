package cohere

import (
	"slices"

	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
)

// DecodeResponse implements codec.Format.
func (Format) DecodeResponse(body []byte) (*codec.Response, error) {
	r := &reader{fields.Reader{Data: body}}
	top, err := rawjson.One(body)
	message := top.Get(body, "message")
	if err != nil || message.Kind != rawjson.Object { // an error has a text there
		return nil, answerFailure(body)
	}
	word := r.soft(top, "finish_reason")
	if failure := finishFailure(word, r.soft(top, "error")); failure != nil {
		return nil, failure
	}
	a := &codec.Response{Format: formatName, ID: r.soft(top, "id")}
	m := codec.Message{Role: codec.RoleAssistant}
	if plan := r.soft(message, "tool_plan"); plan != "" {
		m.Parts = append(m.Parts, codec.Part{Kind: codec.PartReasoning, Text: plan})
	}
	m.Parts = append(m.Parts, r.parts(message.Get(body, "content"), "message")...)
	for it := message.Get(body, "citations").Elements(body); it.Next(); {
		if c, ok := citation(body, it.Value); ok {
			cite(m.Parts, c)
		}
	}
	calls := r.calls(message.Get(body, "tool_calls"))
	m.Parts = append(m.Parts, calls...)
	if r.Err != nil {
		return nil, codec.NoAnswer("the upstream's answer cannot be read: " + r.Err.Message)
	}
	a.Choices = []codec.Choice{{Message: m, Finish: finishOf(word, len(calls) > 0)}}
	a.Usage, a.HasUsage = readUsage(body, top.Get(body, "usage"))
	return a, nil
}

// cite puts a source to the last text.
func cite(parts []codec.Part, c codec.Citation) {
	for i := len(parts) - 1; i >= 0; i-- {
		if parts[i].Kind == codec.PartText {
			parts[i].Citations = append(parts[i].Citations, c)
			return
		}
	}
}

// EncodeResponse implements codec.Format.
func (Format) EncodeResponse(dst []byte, a *codec.Response, _ *codec.Request) []byte {
	var choice codec.Choice
	if len(a.Choices) > 0 {
		choice = a.Choices[0]
	}
	dst = rawjson.Str(append(dst, '{'), "id", a.ID)
	dst = rawjson.Str(dst, "finish_reason", finishWord(choice.Finish))
	dst = append(rawjson.Key(dst, "message"), `{"role":"assistant","content":[`...)
	own := a.Format == formatName
	parts := choice.Message.Parts
	for i := range parts {
		if own || parts[i].Kind != codec.PartOpaque {
			dst = appendPart(dst, &parts[i])
		}
	}
	dst = append(dst, ']')
	if slices.ContainsFunc(parts, isCall) { // a signature in an id must come back with it
		dst = appendCalls(dst, parts, func(id string) string { return id })
	}
	dst = append(rawjson.Key(dst, "citations"), '[')
	for i := range parts {
		for j := range parts[i].Citations {
			dst = appendCitation(rawjson.Comma(dst), &parts[i].Citations[j])
		}
	}
	return append(appendUsage(append(dst, "]}"...), a.Usage), '}')
}
