package anthropic

import (
	"slices"
	"strings"

	"uniapi/codec"
	"uniapi/codec/alternation"
	"uniapi/codec/rawjson"
	"uniapi/codec/toolid"
)

func (w *writer) appendTurns(dst []byte, list []alternation.Turn) []byte {
	dst = append(rawjson.Key(dst, "messages"), '[')
	for i := range list {
		role := "user"
		switch list[i].Role {
		case codec.RoleAssistant:
			role = "assistant"
		case codec.RoleSystem:
			role = "system"
		}
		dst = append(rawjson.Comma(dst), '{')
		dst = rawjson.Str(dst, "role", role)
		dst = append(rawjson.Key(dst, "content"), '[')
		for j := range list[i].Parts {
			dst = w.appendPart(rawjson.Comma(dst), &list[i].Parts[j])
		}
		dst = append(dst, "]}"...)
	}
	return append(dst, ']')
}

// prepare leaves out what this format cannot say of another's message, and puts thinking in order: what we signed
// stays, what another provider made goes, and a signature that travelled in the id of a call becomes the thinking
// before it again.
func (w *writer) prepare(m *codec.Message) []codec.Part {
	change := false
	for i := range m.Parts {
		switch p := &m.Parts[i]; p.Kind {
		case codec.PartOpaque:
			change = change || !w.own
		case codec.PartReasoning:
			change = change || !w.sendable(p)
		case codec.PartToolCall:
			if !change && !w.own {
				change = toolid.Of(p).Provider == providerName
			}
		}
	}
	if !change {
		return m.Parts
	}
	out := make([]codec.Part, 0, len(m.Parts)+1)
	signed := false
	var said strings.Builder
	for _, p := range m.Parts {
		switch p.Kind {
		case codec.PartOpaque:
			if !w.own {
				continue
			}
		case codec.PartReasoning:
			if !w.sendable(&p) {
				said.WriteString(p.Text)
				continue
			}
			signed = true
		case codec.PartToolCall:
			s := toolid.Of(&p)
			if s.Provider != providerName || signed || !w.thinks() || said.Len() == 0 && w.can.signsText {
				break
			}
			at := 0 // thinking comes first, and what is between calls before the next
			if len(out) > 0 && out[0].Kind == codec.PartReasoning {
				at = len(out)
			}
			out = slices.Insert(out, at, codec.Part{Kind: codec.PartReasoning, Text: said.String(), Signature: s})
			said.Reset()
		}
		out = append(out, p)
	}
	return out
}

// thinks says whether the model knows thinking at all.
func (w *writer) thinks() bool { return w.can.adaptive || w.can.budget }

// sendable says whether thinking is one that Anthropic takes back.
func (w *writer) sendable(p *codec.Part) bool {
	if !w.thinks() {
		return false
	}
	if info := p.Reasoning; info != nil && info.Encrypted != "" {
		return info.ID == "" && (info.Format == "" || strings.HasPrefix(info.Format, providerName))
	}
	return p.Signature.Provider == providerName && p.Signature.Value != ""
}

func (w *writer) appendPart(dst []byte, p *codec.Part) []byte {
	switch p.Kind {
	case codec.PartText:
		return w.appendText(dst, p)
	case codec.PartReasoning:
		return appendThinking(dst, p)
	case codec.PartToolCall:
		return w.appendCall(dst, p)
	case codec.PartToolResult:
		return w.appendResult(dst, p)
	case codec.PartOpaque:
		return append(dst, p.Raw...)
	}
	return w.appendMedia(dst, p)
}

func (w *writer) appendText(dst []byte, p *codec.Part) []byte {
	dst = append(dst, `{"type":"text"`...)
	dst = rawjson.Str(dst, "text", p.Text)
	if w.own && len(p.Citations) > 0 {
		dst = appendCitations(dst, p.Citations, true)
	}
	return append(w.appendMark(dst, p.Cache), '}')
}

// appendThinking writes a block unchanged, an empty text with a signature too: that is how thinking comes that is not
// shown.
func appendThinking(dst []byte, p *codec.Part) []byte {
	if p.Reasoning != nil && p.Reasoning.Encrypted != "" {
		dst = append(dst, `{"type":"redacted_thinking"`...)
		return append(rawjson.Str(dst, "data", p.Reasoning.Encrypted), '}')
	}
	dst = append(dst, `{"type":"thinking"`...)
	dst = rawjson.Str(dst, "thinking", p.Text)
	return append(rawjson.Str(dst, "signature", p.Signature.Value), '}')
}

func (w *writer) appendCall(dst []byte, p *codec.Part) []byte {
	dst = append(dst, `{"type":"tool_use"`...)
	dst = rawjson.Str(dst, "id", toolid.Clean(p.Call.ID, 0))
	dst = rawjson.Str(dst, "name", p.Call.Name)
	dst = rawjson.Key(dst, "input")
	dst, _ = p.Call.AppendObject(dst)
	if w.own && !w.format.hosted() {
		for _, f := range p.Call.Extra {
			dst = rawjson.Field(dst, f.Name, f.Raw)
		}
	}
	return append(w.appendMark(dst, p.Cache), '}')
}

func (w *writer) appendResult(dst []byte, p *codec.Part) []byte {
	r := p.Result
	dst = append(dst, `{"type":"tool_result"`...)
	dst = rawjson.Str(dst, "tool_use_id", toolid.Clean(r.CallID, 0))
	if len(r.Parts) == 1 && r.Parts[0].Kind == codec.PartText && r.Parts[0].Cache == nil {
		dst = rawjson.StrIf(dst, "content", r.Parts[0].Text)
	} else if len(r.Parts) > 0 {
		dst = append(rawjson.Key(dst, "content"), '[')
		for i := range r.Parts {
			inner := &r.Parts[i]
			if inner.Kind == codec.PartText && alternation.Blank(inner.Text) || inner.Kind == codec.PartOpaque && !w.own {
				continue
			}
			dst = w.appendPart(rawjson.Comma(dst), inner)
		}
		dst = append(dst, ']')
	}
	if r.Error {
		dst = append(rawjson.Key(dst, "is_error"), "true"...)
	}
	return append(w.appendMark(dst, p.Cache), '}')
}
