package cohere

import (
	"encoding/base64"
	"slices"
	"strings"

	"uniapi/codec"
	"uniapi/codec/alternation"
	"uniapi/codec/mediatype"
	"uniapi/codec/rawjson"
	"uniapi/codec/toolid"
)

// prepare leaves out what this format cannot say of another's message, and makes texts of files that are texts.
func (w *writer) prepare(m *codec.Message) []codec.Part {
	if slices.IndexFunc(m.Parts, w.foreign) < 0 {
		return m.Parts
	}
	out := make([]codec.Part, 0, len(m.Parts))
	for _, p := range m.Parts {
		switch {
		case p.Kind == codec.PartFile:
			p = w.textFile(&p)
		case p.Kind == codec.PartToolResult:
			result := *p.Result
			result.Parts = w.prepare(&codec.Message{Parts: result.Parts})
			p.Result = &result
		case w.foreign(p):
			w.refuse(&p)
			continue
		}
		out = append(out, p)
	}
	return out
}

// foreign says whether a part must not stay as it is.
func (w *writer) foreign(p codec.Part) bool {
	switch p.Kind {
	case codec.PartOpaque:
		return !w.own
	case codec.PartReasoning: // its signature is left out when it is written
		return p.Text == ""
	case codec.PartFile, codec.PartAudio, codec.PartVideo:
		return true
	case codec.PartImage:
		return p.Media.FileID != ""
	case codec.PartToolResult:
		return slices.ContainsFunc(p.Result.Parts, w.foreign)
	}
	return false
}

// refuse complains about media: to leave it out would change the question.
func (w *writer) refuse(p *codec.Part) {
	switch p.Kind {
	case codec.PartAudio:
		w.fail("messages", "this provider takes no audio")
	case codec.PartVideo:
		w.fail("messages", "this provider takes no video")
	case codec.PartImage:
		w.fail("messages", "this provider has no files: send the image itself")
	}
}

// textFile is the content of a file, under its name.
func (w *writer) textFile(p *codec.Part) codec.Part {
	m := p.Media
	text, err := base64.StdEncoding.DecodeString(mediatype.Clean(m.Data))
	if mime := mediatype.Of(m.Data, m.MIME); m.Data == "" || err != nil || !strings.HasPrefix(mime, "text/") && mime != "application/json" {
		w.fail("messages", "this provider takes text files, and '"+m.Name+"' is none")
	}
	name := m.Name
	if name != "" {
		name += "\n\n"
	}
	return codec.Part{Kind: codec.PartText, Text: name + string(text)}
}

func (w *writer) appendMessages(dst []byte, system []codec.Part, list []alternation.Turn) []byte {
	dst = append(rawjson.Key(dst, "messages"), '[')
	if len(system) > 0 {
		dst = w.appendMessage(dst, "system", system)
	}
	for i := range list {
		switch t := &list[i]; t.Role {
		case codec.RoleSystem:
			dst = w.appendMessage(dst, "system", t.Parts)
		case codec.RoleAssistant:
			dst = w.appendSpoken(dst, t.Parts)
		default:
			dst = w.appendUser(dst, t.Parts)
		}
	}
	return append(dst, ']')
}

// appendUser writes what the user says and, before it, the results of tools as messages of their own. Images in results
// have no place in those, and follow as the user's.
func (w *writer) appendUser(dst []byte, parts []codec.Part) []byte {
	var said []codec.Part
	for i := range parts {
		if parts[i].Kind != codec.PartToolResult {
			said = codec.Add(said, parts[i])
			continue
		}
		r := parts[i].Result
		texts := make([]codec.Part, 0, len(r.Parts))
		for _, p := range r.Parts {
			if p.Kind == codec.PartImage {
				said = codec.Add(said, p)
			} else {
				texts = append(texts, p)
			}
		}
		switch text := plain(texts); {
		case r.Error:
			texts = []codec.Part{{Kind: codec.PartText, Text: "Error: " + text}}
		case alternation.Blank(text):
			texts = []codec.Part{{Kind: codec.PartText, Text: alternation.Filler}}
		}
		dst = append(rawjson.Comma(dst), `{"role":"tool"`...)
		dst = rawjson.Str(dst, "tool_call_id", upstreamID(r.CallID))
		dst = append(appendContent(dst, texts), '}')
	}
	if len(said) > 0 {
		dst = w.appendMessage(dst, "user", said)
	}
	return dst
}

func (w *writer) appendMessage(dst []byte, role string, parts []codec.Part) []byte {
	dst = rawjson.Str(append(rawjson.Comma(dst), '{'), "role", role)
	return append(appendContent(dst, parts), '}')
}

// appendSpoken writes the assistant's turn. What it says beside calls is its plan. A model that does not think plans
// all the same, and its plan came back as thinking from clients that know no other word.
func (w *writer) appendSpoken(dst []byte, parts []codec.Part) []byte {
	var plan strings.Builder
	plan.WriteString(plain(parts))
	calls, texts := slices.ContainsFunc(parts, isCall), slices.ContainsFunc(parts, isText)
	content := make([]codec.Part, 0, len(parts))
	for _, p := range parts {
		switch {
		case p.Kind == codec.PartReasoning && !w.thinks && !w.own:
			if calls && !texts {
				plan.WriteString(p.Text)
			}
		case isCall(p), calls && isText(p), p.Kind == codec.PartImage:
		default:
			content = append(content, p)
		}
	}
	if len(content) == 0 && !calls {
		content = []codec.Part{{Kind: codec.PartText, Text: alternation.Filler}}
	}
	dst = append(rawjson.Comma(dst), `{"role":"assistant"`...)
	if len(content) > 0 {
		dst = appendContent(dst, content)
	}
	if calls {
		dst = rawjson.StrIf(dst, "tool_plan", plan.String())
		dst = appendCalls(dst, parts, upstreamID)
	}
	return append(dst, '}')
}

// upstreamID is the id of a call, or of its result, for Cohere: without another provider's signature.
func upstreamID(id string) string { return toolid.Clean(id, 0) }

func isCall(p codec.Part) bool { return p.Kind == codec.PartToolCall }
func isText(p codec.Part) bool { return p.Kind == codec.PartText }

// appendContent writes one text as a string, and everything else as a list.
func appendContent(dst []byte, parts []codec.Part) []byte {
	if len(parts) == 1 && isText(parts[0]) {
		return rawjson.Str(dst, "content", parts[0].Text)
	}
	dst = append(rawjson.Key(dst, "content"), '[')
	for i := range parts {
		dst = appendPart(dst, &parts[i])
	}
	return append(dst, ']')
}

// appendPart writes a part of a content, if it is one.
func appendPart(dst []byte, p *codec.Part) []byte {
	switch p.Kind {
	case codec.PartText, codec.PartRefusal:
		return append(rawjson.Str(append(rawjson.Comma(dst), `{"type":"text"`...), "text", p.Text), '}')
	case codec.PartReasoning:
		if p.Text == "" {
			return dst
		}
		return append(rawjson.Str(append(rawjson.Comma(dst), `{"type":"thinking"`...), "thinking", p.Text), '}')
	case codec.PartImage:
		url := p.Media.URL
		if p.Media.Data != "" {
			url = "data:" + mediatype.Of(p.Media.Data, p.Media.MIME) + ";base64," + mediatype.Clean(p.Media.Data)
		}
		dst = rawjson.Str(append(rawjson.Comma(dst), `{"type":"image_url","image_url":{`...), "url", url)
		return append(rawjson.StrIf(dst, "detail", p.Media.Detail), "}}"...)
	case codec.PartOpaque:
		return append(rawjson.Comma(dst), p.Raw...)
	}
	return dst
}

// appendCalls writes the calls among parts, with their ids as id has them.
func appendCalls(dst []byte, parts []codec.Part, id func(string) string) []byte {
	dst = append(rawjson.Key(dst, "tool_calls"), '[')
	for i := range parts {
		if !isCall(parts[i]) {
			continue
		}
		c := parts[i].Call
		dst = rawjson.Str(append(rawjson.Comma(dst), '{'), "id", id(c.ID))
		dst = rawjson.Str(append(dst, `,"type":"function","function":{`...), "name", c.Name)
		dst = append(rawjson.Str(dst, "arguments", arguments(c.Arguments)), "}}"...)
	}
	return append(dst, ']')
}
