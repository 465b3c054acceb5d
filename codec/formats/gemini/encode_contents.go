package gemini

import (
	"encoding/json"
	"strings"

	"uniapi/codec"
	"uniapi/codec/alternation"
	"uniapi/codec/rawjson"
	"uniapi/codec/toolid"
)

// skipValidator stands in for a signature that is not known: Google documents the text skip_thought_signature_validator
// for conversations that another model began. In base64, as the field is of bytes.
const skipValidator = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="

// contents writes a conversation: roles alternate, and the turn behind one with calls answers each of them once, in
// their order, which is how Google matches them.
type contents struct {
	format       Format
	capabilities capabilities
	own          bool // the request came in this format
}

// append writes systemInstruction and contents. hint is a further instruction, "" for none.
func (c *contents) append(dst []byte, q *codec.Request, hint string) ([]byte, error) {
	system, list := alternation.Split(q.Messages, alternation.Options{Prepare: c.prepare})
	if hint != "" {
		system = append(system, codec.Part{Text: hint})
	}
	var instructions []byte
	for _, p := range system {
		if p.Kind == codec.PartText {
			instructions = append(rawjson.Comma(instructions), '{')
			instructions = append(rawjson.Str(instructions, "text", p.Text), '}')
		}
	}
	inline := c.format.NoSystemInstruction || !c.capabilities.has("system_instruction")
	if len(instructions) > 0 && !inline {
		dst = append(rawjson.Key(dst, "systemInstruction"), `{"parts":[`...)
		dst = append(append(dst, instructions...), "]}"...)
	}
	dst = append(rawjson.Key(dst, "contents"), '[')
	for i := range list {
		role := "user"
		if list[i].Role == codec.RoleAssistant {
			role = "model"
		}
		dst = rawjson.Str(append(rawjson.Comma(dst), '{'), "role", role)
		dst = append(rawjson.Key(dst, "parts"), '[')
		empty := len(dst)
		if i == 0 && inline {
			dst = append(dst, instructions...)
		}
		var err error
		if dst, err = c.turn(dst, list[i]); err != nil {
			return dst, err
		}
		if len(dst) == empty { // of a message with nothing that can be said here; without parts it is refused
			dst = append(rawjson.Str(append(dst, '{'), "text", alternation.Filler), '}')
		}
		dst = append(dst, "]}"...)
	}
	return append(dst, ']'), nil
}

// prepare takes what Google reads: no thoughts, of which it wants the signatures only, nobody else's signatures, and
// ids without the signatures that travelled in them.
func (c *contents) prepare(m *codec.Message) []codec.Part {
	parts := make([]codec.Part, 0, len(m.Parts))
	for _, p := range m.Parts {
		if p.Signature.Provider != provider {
			p.Signature = codec.Signature{}
		}
		switch p.Kind {
		case codec.PartReasoning:
			continue
		case codec.PartOpaque:
			if !c.own {
				continue
			}
		case codec.PartImage, codec.PartAudio, codec.PartVideo, codec.PartFile:
			if p.Media == nil || m.Role == codec.RoleAssistant && p.Media.Data == "" {
				continue
			}
		case codec.PartToolCall:
			call := *p.Call
			var inID codec.Signature
			if call.ID, inID = toolid.Split(call.ID); p.Signature.Value == "" && inID.Provider == provider {
				p.Signature = inID
			}
			p.Call = &call
		case codec.PartToolResult:
			result := *p.Result
			result.CallID, _ = toolid.Split(result.CallID)
			p.Result = &result
		}
		parts = append(parts, p)
	}
	return parts
}

// turn writes the parts.
func (c *contents) turn(dst []byte, t alternation.Turn) ([]byte, error) {
	model := t.Role == codec.RoleAssistant
	calls := 0
	var err error
	for i := range t.Parts {
		switch p := &t.Parts[i]; p.Kind {
		case codec.PartText:
			dst = rawjson.Str(append(rawjson.Comma(dst), '{'), "text", p.Text)
			if model {
				dst = rawjson.StrIf(dst, "thoughtSignature", p.Signature.Value)
			}
			dst = append(dst, '}')
		case codec.PartImage, codec.PartAudio, codec.PartVideo, codec.PartFile:
			dst, err = c.format.appendMedia(rawjson.Comma(dst), p.Media, p.Kind)
		case codec.PartToolCall:
			dst = c.call(dst, p, calls == 0)
			calls++
		case codec.PartToolResult:
			dst, err = c.result(dst, p.Result)
		case codec.PartOpaque:
			dst = append(rawjson.Comma(dst), p.Raw...)
		}
		if err != nil {
			return dst, err
		}
	}
	// Before version 3 a response holds no media: they stand behind all responses.
	for i := range t.Parts {
		if p := &t.Parts[i]; p.Kind == codec.PartToolResult && !c.capabilities.has("media_in_results") {
			for _, inner := range p.Result.Parts {
				if inner.Media == nil {
					continue
				}
				if dst, err = c.format.appendMedia(rawjson.Comma(dst), inner.Media, inner.Kind); err != nil {
					return dst, err
				}
			}
		}
	}
	return dst, nil
}

// call writes a functionCall. From version 3 on the first of a turn must have a signature.
func (c *contents) call(dst []byte, p *codec.Part, first bool) []byte {
	signature := p.Signature.Value
	if signature == "" && first && c.capabilities.has("signed_calls") {
		signature = skipValidator
	}
	dst = append(rawjson.Comma(dst), `{"functionCall":{`...)
	dst = c.appendID(dst, p.Call.ID)
	dst = rawjson.Str(dst, "name", p.Call.Name)
	dst, _ = p.Call.AppendObject(rawjson.Key(dst, "args"))
	dst = append(dst, '}')
	return append(rawjson.StrIf(dst, "thoughtSignature", signature), '}')
}

// appendID writes the id by which calls and responses are matched. Vertex matches by place, and older versions of it
// refuse the member.
func (c *contents) appendID(dst []byte, id string) []byte {
	if c.format.Vertex {
		return dst
	}
	return rawjson.StrIf(dst, "id", id)
}

func (c *contents) result(dst []byte, r *codec.ToolResult) ([]byte, error) {
	dst = append(rawjson.Comma(dst), `{"functionResponse":{`...)
	dst = c.appendID(dst, r.CallID)
	dst = rawjson.Str(dst, "name", r.Name)
	dst = appendResponse(rawjson.Key(dst, "response"), r)
	if c.capabilities.has("media_in_results") {
		before := len(dst)
		dst = append(rawjson.Key(dst, "parts"), '[')
		empty := len(dst)
		for _, inner := range r.Parts {
			if inner.Media == nil {
				continue
			}
			var err error
			if dst, err = c.format.appendMedia(rawjson.Comma(dst), inner.Media, inner.Kind); err != nil {
				return dst, err
			}
		}
		if len(dst) == empty {
			dst = dst[:before]
		} else {
			dst = append(dst, ']')
		}
	}
	return append(dst, "}}"...), nil
}

// appendResponse writes a result as the object that it must be: JSON objects as they are, text as output or error.
func appendResponse(dst []byte, r *codec.ToolResult) []byte {
	var all strings.Builder
	for _, p := range r.Parts {
		all.WriteString(p.Text)
	}
	text, name := all.String(), "output"
	switch {
	case r.Error:
		name = "error"
	case strings.HasPrefix(strings.TrimSpace(text), "{") && json.Valid([]byte(text)):
		return append(dst, text...)
	}
	return append(rawjson.Str(append(dst, '{'), name, text), '}')
}
