package anthropic

import (
	"unicode/utf8"

	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
	"uniapi/codec/toolid"
)

// finishes are Anthropic's stop reasons. What is not here is an end like any other.
var finishes = map[string]codec.FinishReason{
	"max_tokens": codec.FinishLength, "model_context_window_exceeded": codec.FinishLength,
	"tool_use": codec.FinishToolCalls, "refusal": codec.FinishFilter,
}

// finishOf reads a stop_reason. calls is whether the answer calls tools of the client: one that ends in a call of a
// hosted tool has nothing for the client to do.
func finishOf(word string, calls bool) codec.Finish {
	f := codec.Finish{Native: word, Reason: finishes[word]}
	if f.Reason == codec.FinishNone || f.Reason == codec.FinishToolCalls {
		f.Reason = codec.FinishStop
		if calls {
			f.Reason = codec.FinishToolCalls
		}
	}
	return f
}

// finishWord is the stop_reason for a client.
func finishWord(f codec.Finish) string {
	switch f.Reason {
	case codec.FinishLength:
		return "max_tokens"
	case codec.FinishToolCalls:
		return "tool_use"
	case codec.FinishFilter:
		return "refusal"
	case codec.FinishStop:
		if f.StopSequence != "" {
			return "stop_sequence"
		}
	}
	return "end_turn"
}

// DecodeResponse reads a message.
func (Format) DecodeResponse(body []byte) (*codec.Response, error) {
	a := &codec.Response{Format: formatName}
	r := &reader{Reader: fields.Reader{Data: body}}
	var content, stop, sequence, details rawjson.Value
	var n counts
	kind := ""
	it := rawjson.MembersOf(body)
	for it.Next() {
		v := it.Value
		switch name := it.Name(); name {
		case "role":
		case "type":
			kind, _ = rawjson.Text(body, v)
		case "id":
			a.ID, _ = rawjson.Text(body, v)
		case "model":
			a.Model, _ = rawjson.Text(body, v)
		case "content":
			content = v
		case "stop_reason":
			stop = v
		case "stop_sequence":
			sequence = v
		case "stop_details":
			details = v
		case "usage":
			n.take(body, v, false)
			a.ServiceTier, _ = rawjson.Text(body, v.Get(body, "service_tier"))
		default:
			r.Field(&a.Extra, name, v)
		}
	}
	if it.Err() != nil || kind == "error" || content.Kind != rawjson.Array {
		return nil, answerFailure(body)
	}
	parts := r.content(content, "content")
	if r.Err != nil {
		return nil, codec.NoAnswer("the upstream's answer cannot be read: " + r.Err.Message)
	}
	parts, calls := answered(parts)
	word, _ := rawjson.Text(body, stop)
	finish := finishOf(word, calls)
	finish.StopSequence, _ = rawjson.Text(body, sequence)
	if why, _ := rawjson.Text(body, details.Get(body, "explanation")); why != "" && finish.Reason == codec.FinishFilter && len(parts) == 0 {
		parts = append(parts, codec.Part{Kind: codec.PartRefusal, Text: why})
	}
	a.Choices = []codec.Choice{{Message: codec.Message{Role: codec.RoleAssistant, Parts: parts}, Finish: finish}}
	a.Usage, a.HasUsage = n.usage(), n.seen
	return a, nil
}

// answered puts the parts of an answer into their final form: an emulated schema becomes text again, the thinking's
// signature travels in the id of the call that follows it, and citations get their places in the text.
func answered(parts []codec.Part) (out []codec.Part, calls bool) {
	at := int64(0)
	var signature codec.Signature
	for i := range parts {
		p := &parts[i]
		switch p.Kind {
		case codec.PartReasoning:
			signature = p.Signature
		case codec.PartToolCall:
			if p.Call.Name == AnswerTool {
				*p = codec.Part{Kind: codec.PartText, Answer: true, Text: p.Call.Arguments}
				break
			}
			p.Call.ID = toolid.Join(p.Call.ID, signature)
			signature, calls = codec.Signature{}, true
		}
		if p.Kind == codec.PartText {
			end := at + int64(utf8.RuneCountInString(p.Text))
			for j := range p.Citations {
				p.Citations[j].Start, p.Citations[j].End = at, end
			}
			at = end
		}
	}
	return parts, calls
}

// EncodeResponse writes a message under the model's name that the client asked for.
func (Format) EncodeResponse(dst []byte, a *codec.Response, q *codec.Request) []byte {
	own := a.Format == formatName
	dst = append(dst, '{')
	dst = rawjson.Str(dst, "id", messageID(a.ID))
	dst = append(dst, `,"type":"message","role":"assistant"`...)
	dst = rawjson.Str(dst, "model", q.Model)
	dst = append(rawjson.Key(dst, "content"), '[')
	finish := codec.Finish{}
	if len(a.Choices) > 0 {
		c := &a.Choices[0]
		finish = c.Finish
		for i := range c.Message.Parts {
			dst = appendAnswerPart(dst, &c.Message.Parts[i], own)
		}
	}
	dst = append(dst, ']')
	dst = appendFinish(dst, finish)
	dst = appendUsage(rawjson.Key(dst, "usage"), a.Usage)
	for _, f := range a.Extra {
		if own {
			dst = rawjson.Field(dst, f.Name, f.Raw)
		}
	}
	return append(dst, '}')
}

// appendFinish writes stop_reason and stop_sequence.
func appendFinish(dst []byte, f codec.Finish) []byte {
	dst = rawjson.Str(dst, "stop_reason", finishWord(f))
	dst = rawjson.Key(dst, "stop_sequence")
	if f.StopSequence == "" {
		return append(dst, "null"...)
	}
	return rawjson.AppendString(dst, f.StopSequence)
}

// appendAnswerPart writes a block of an answer. An empty text is none: the client would send it back, and it would be
// refused.
func appendAnswerPart(dst []byte, p *codec.Part, own bool) []byte {
	switch p.Kind {
	case codec.PartText, codec.PartRefusal:
		if p.Text != "" {
			dst = append(rawjson.Comma(dst), `{"type":"text"`...)
			dst = rawjson.Str(dst, "text", p.Text)
			if len(p.Citations) > 0 {
				dst = appendCitations(dst, p.Citations, own)
			}
			dst = append(dst, '}')
		}
		if proof, signed := p.TextProof(); signed {
			return appendAnswerPart(dst, &proof, own)
		}
		return dst
	case codec.PartReasoning:
		dst = rawjson.Comma(dst)
		if p.Reasoning != nil && p.Reasoning.Encrypted != "" {
			if p.Text != "" { // what is shown of it
				dst = append(rawjson.Str(append(dst, `{"type":"thinking"`...), "thinking", p.Text), `,"signature":"`+envelope+`~"},`...)
			}
			dst = append(dst, `{"type":"redacted_thinking"`...)
			return append(rawjson.Str(dst, "data", sealedData(p.Reasoning)), '}')
		}
		dst = append(dst, `{"type":"thinking"`...)
		dst = rawjson.Str(dst, "thinking", p.Text)
		return append(rawjson.Str(dst, "signature", sealed(p.Signature)), '}')
	case codec.PartToolCall:
		dst = append(rawjson.Comma(dst), `{"type":"tool_use"`...)
		dst = rawjson.Str(dst, "id", clientID(p.Call.ID))
		dst = rawjson.Str(dst, "name", p.Call.Name)
		dst, _ = p.Call.AppendObject(rawjson.Key(dst, "input"))
		for _, f := range p.Call.Extra {
			if own {
				dst = rawjson.Field(dst, f.Name, f.Raw)
			}
		}
		return append(dst, '}')
	case codec.PartOpaque:
		if own {
			return append(rawjson.Comma(dst), p.Raw...)
		}
	}
	return dst
}

// clientID is the id of a call for an Anthropic client. Our own signature is in the thinking block there; another
// provider's must go on travelling in the id.
func clientID(id string) string {
	plain, s := toolid.Split(id)
	if s.Provider == providerName {
		s = codec.Signature{}
	}
	return toolid.Join(toolid.Clean(plain, 0), s)
}

// messageID is an id as Anthropic's look, made of the upstream's if there is one.
func messageID(id string) string {
	if id == "" {
		return codec.NewID("msg_")
	}
	if len(id) > 4 && id[:4] == "msg_" {
		return id
	}
	return "msg_" + toolid.Clean(id, 64)
}
