package bedrock

import (
	"unicode/utf8"

	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/codec/toolid"
)

// DecodeResponse reads an answer. One without an output is an error whatever its status, since an unknown path is
// answered so.
func (Format) DecodeResponse(body []byte) (*codec.Response, error) {
	a := &codec.Response{Format: formatName}
	r := &reader{data: body}
	var output rawjson.Value
	word, tier := "", ""
	it := rawjson.MembersOf(body)
	for it.Next() {
		v := it.Value
		switch name := it.Name(); name {
		case "output":
			output = v
		case "stopReason":
			word, _ = rawjson.Text(body, v)
		case "usage":
			a.Usage, a.HasUsage = codec.ReadUsage(body, v)
		case "serviceTier":
			tier = codec.TierTold(body, v.Get(body, "type"))
			r.field(&a.Extra, name, v)
		default:
			r.field(&a.Extra, name, v)
		}
	}
	a.Usage.Tier = tier
	message := output.Get(body, "message")
	if it.Err() != nil || message.Kind != rawjson.Object {
		return nil, answerFailure(body)
	}
	parts, calls := answered(r.content(message.Get(body, "content")))
	a.Choices = []codec.Choice{{Message: codec.Message{Role: codec.RoleAssistant, Parts: parts}, Finish: finishOf(word, calls)}}
	return a, nil
}

// answered puts the parts of an answer into their final form: an emulated schema becomes text again, the signature of
// reasoning travels in the id of the call that follows it, and citations get their places in the text.
func answered(parts []codec.Part) (out []codec.Part, calls bool) {
	at := int64(0)
	var s codec.Signature
	for i := range parts {
		p := &parts[i]
		switch p.Kind {
		case codec.PartReasoning:
			s = p.Signature
		case codec.PartToolCall:
			if p.Call.Name == answerTool {
				*p = codec.Part{Kind: codec.PartText, Answer: true, Text: p.Call.Arguments}
				break
			}
			p.Call.ID = toolid.Join(p.Call.ID, s)
			s, calls = codec.Signature{}, true
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

func appendUsage(dst []byte, u codec.Usage) []byte {
	dst = append(dst, '{')
	dst = rawjson.Num(dst, "inputTokens", max(0, u.Prompt-u.Cached-u.CacheWrite))
	dst = rawjson.Num(dst, "outputTokens", u.Completion)
	dst = rawjson.Num(dst, "totalTokens", u.Sum())
	dst = rawjson.Num(dst, "cacheReadInputTokens", u.Cached)
	return append(rawjson.Num(dst, "cacheWriteInputTokens", u.CacheWrite), '}')
}

// EncodeResponse writes an answer for a Converse client.
func (Format) EncodeResponse(dst []byte, a *codec.Response, _ *codec.Request) []byte {
	own := a.Format == formatName
	finish := codec.Finish{}
	dst = append(dst, `{"output":{"message":{"role":"assistant","content":[`...)
	if len(a.Choices) > 0 {
		c := &a.Choices[0]
		finish = c.Finish
		for i := range c.Message.Parts {
			dst = appendAnswerPart(dst, &c.Message.Parts[i], own)
		}
	}
	dst = append(dst, "]}}"...)
	dst = rawjson.Str(dst, "stopReason", finishWord(finish))
	dst = appendUsage(rawjson.Key(dst, "usage"), a.Usage)
	metrics := false
	for _, f := range a.Extra {
		if own {
			metrics = metrics || f.Name == "metrics"
			dst = rawjson.Field(dst, f.Name, f.Raw)
		}
	}
	if !metrics { // AWS's clients want it
		dst = append(rawjson.Key(dst, "metrics"), `{"latencyMs":0}`...)
	}
	return append(dst, '}')
}

func appendAnswerPart(dst []byte, p *codec.Part, own bool) []byte {
	switch p.Kind {
	case codec.PartText, codec.PartRefusal:
		if p.Text == "" {
			return dst
		}
		if own && len(p.Citations) > 0 {
			dst = append(rawjson.Comma(dst), `{"citationsContent":{"content":[{`...)
			dst = append(rawjson.Str(dst, "text", p.Text), `}],"citations":[`...)
			for i := range p.Citations {
				dst = append(rawjson.Comma(dst), p.Citations[i].Raw...)
			}
			return append(dst, "]}}"...)
		}
		dst = append(rawjson.Comma(dst), '{')
		return append(rawjson.Str(dst, "text", p.Text), '}')
	case codec.PartReasoning:
		if p.Text == "" && p.Signature.Value == "" && p.Reasoning == nil {
			return dst
		}
		return appendReasoning(rawjson.Comma(dst), p)
	case codec.PartToolCall:
		dst = append(rawjson.Comma(dst), `{"toolUse":{`...)
		dst = rawjson.Str(dst, "toolUseId", clientID(p.Call.ID))
		dst = rawjson.Str(dst, "name", p.Call.Name)
		dst, _ = p.Call.AppendObject(rawjson.Key(dst, "input"))
		return append(dst, "}}"...)
	case codec.PartOpaque:
		if own {
			return append(rawjson.Comma(dst), p.Raw...)
		}
	}
	return dst
}

// clientID is the id of a call for a client of Converse. Claude's signature is in the reasoning there; that of another
// provider goes on travelling in the id, however long it gets.
func clientID(id string) string {
	plain, s := toolid.Split(id)
	if s.Provider == signer {
		s = codec.Signature{}
	}
	return toolid.Join(toolid.Clean(plain, idLimit), s)
}
