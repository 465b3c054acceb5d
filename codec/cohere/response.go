package cohere

import (
	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/openai"
	"uniapi/codec/rawjson"
)

// DecodeResponse implements codec.Format.
func (Format) DecodeResponse(body []byte) (*codec.Response, error) {
	if _, err := openai.CheckObject(body); err != nil {
		return nil, err
	}
	r := &reader{fields.Reader{Data: body}}
	top, err := rawjson.One(body)
	if err != nil {
		return nil, codec.NoAnswer("the upstream's answer is not valid JSON: " + err.Error())
	}
	message := top.Get(body, "message")
	if message.Kind == rawjson.String { // an error, with a status that means success
		return nil, openai.ReadError(502, "", body)
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
	m.Parts = append(m.Parts, r.calls(message.Get(body, "tool_calls"))...)
	if r.Err != nil {
		return nil, codec.NoAnswer("the upstream's answer cannot be read: " + r.Err.Message)
	}
	a.Choices = []codec.Choice{{Message: m, Finish: finishOf(r.soft(top, "finish_reason"))}}
	a.Usage, a.HasUsage = readUsage(body, top.Get(body, "usage"))
	if a.Choices[0].Finish.Reason == codec.FinishError && !a.Says() {
		return nil, codec.NoAnswer("the upstream could not finish its answer")
	}
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
	calls := false
	for i := range choice.Message.Parts {
		p := &choice.Message.Parts[i]
		calls = calls || p.Kind == codec.PartToolCall
		dst = appendPart(dst, p)
	}
	dst = append(dst, ']')
	if calls {
		dst = appendCalls(dst, choice.Message.Parts)
	}
	dst = append(rawjson.Key(dst, "citations"), '[')
	for i := range choice.Message.Parts {
		for j := range choice.Message.Parts[i].Citations {
			dst = appendCitation(rawjson.Comma(dst), &choice.Message.Parts[i].Citations[j])
		}
	}
	dst = append(dst, "]}"...)
	dst = appendUsage(append(rawjson.Key(dst, "usage"), '{'), a.Usage)
	return append(dst, "}}"...)
}

func appendCitation(dst []byte, c *codec.Citation) []byte {
	dst = rawjson.Num(rawjson.Num(append(dst, '{'), "start", c.Start), "end", c.End)
	dst = append(dst, `,"sources":[{"type":"document","document":{`...)
	dst = rawjson.StrIf(rawjson.StrIf(rawjson.StrIf(dst, "url", c.URL), "title", c.Title), "text", c.Text)
	return append(dst, "}}]}"...)
}
